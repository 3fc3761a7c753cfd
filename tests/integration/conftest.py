"""What integration tests share."""

import asyncio
import gzip
import importlib
import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.domain.time import NS_PER_MS, Ns, ns_from_iso
from bot.localex.server import LocalExchange, open_accounts, parse_key
from bot.sim.world import build_exchange

_LOCALEX_START_NS = ns_from_iso("2026-03-02T10:00:00Z")
_LOGIN = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo"}
_PERP, _LINEAR, _FUTURE = "BTC-PERPETUAL", "BTC_USDC-PERPETUAL", "BTC-27MAR26"
_OPTION, _LINEAR_OPTION = "BTC-27MAR26-64000-C", "BTC_USDC-3MAR26-65000-C"


class _LocalexSession:
    """Plays a short session with a fresh local exchange and keeps each message under a name."""

    def __init__(self) -> None:
        self.now_ns = _LOCALEX_START_NS
        self.kept: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []

    async def play(self) -> dict[str, Any]:
        """All messages the table names."""
        exchange = build_exchange(5, _LOCALEX_START_NS)
        keys = [parse_key("demo:demo")]
        open_accounts(exchange, keys)
        exchange.seed_position("demo", _OPTION, Decimal("0.1"))
        exchange.seed_position("demo", _LINEAR, Decimal("0.0001"))
        local = LocalExchange(exchange, keys=keys, now_ns=lambda: self.now_ns, step_s=None)
        port = await local.start()
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.ws_connect(f"http://127.0.0.1:{port}/ws/api/v2", timeout=aiohttp.ClientWSTimeout(0.2, 0.2)) as ws,
            ):
                await self._session(local, http, f"http://127.0.0.1:{port}", ws)
        finally:
            await local.stop()
        return self.kept

    async def _session(
        self, local: LocalExchange, http: aiohttp.ClientSession, host: str, ws: aiohttp.ClientWebSocketResponse
    ) -> None:
        await self._looks(http, host, ws)
        await self._ask(ws, "auth", "public/auth", **_LOGIN)
        channels = ["user.changes.any.any.raw", "user.orders.any.any.raw", "user.trades.any.any.raw"]
        await self._ask(ws, "ack", "private/subscribe", channels=[*channels, "user.portfolio.btc"])
        await self._feeds(local, ws)
        await self._orders(ws)
        await self._hours(local, ws)

    async def _looks(self, http: aiohttp.ClientSession, host: str, ws: aiohttp.ClientWebSocketResponse) -> None:
        async with http.get(f"{host}/api/v2/public/get_instrument?instrument_name={_PERP}") as response:
            self.kept["get_instrument over HTTP"] = await response.json()
        async with http.get(f"{host}/api/v2/public/ticker?instrument_name=BTC-NOTAREAL") as response:
            self.kept["unknown instrument over HTTP"] = await response.json()
        async with http.get(
            f"{host}/api/v2/private/get_account_summaries", headers={"Authorization": "Basic eDp5"}
        ) as response:
            self.kept["wrong credentials over HTTP"] = await response.json()
        for name in (_PERP, _LINEAR, _FUTURE, _OPTION, _LINEAR_OPTION):
            await self._ask(ws, f"instrument {name}", "public/get_instrument", instrument_name=name)
            await self._ask(ws, f"order book {name}", "public/get_order_book", instrument_name=name, depth=20)
            await self._ask(ws, f"summary {name}", "public/get_book_summary_by_instrument", instrument_name=name)
        await self._ask(ws, "raw refused", "public/subscribe", channels=[f"ticker.{_PERP}.raw"])
        await ws.send_str("x" * 40_000)
        self.kept["too large"] = await self._receive(ws)

    async def _feeds(self, local: LocalExchange, ws: aiohttp.ClientWebSocketResponse) -> None:
        names = (_PERP, _LINEAR, _FUTURE, _OPTION, _LINEAR_OPTION)
        channels = [f"ticker.{name}.100ms" for name in names]
        channels += [f"book.{_PERP}.100ms", f"book.{_PERP}.none.10.100ms", f"quote.{_PERP}"]
        channels += ["trades.any.any.raw", f"incremental_ticker.{_PERP}", "markprice.options.btc_usd"]
        channels += ["deribit_volatility_index.btc_usd", "platform_state", f"chart.trades.{_PERP}.1"]
        await self._ask(ws, "ack of feeds", "public/subscribe", channels=channels)
        for _ in range(20):
            self.now_ns = Ns(self.now_ns + 100 * NS_PER_MS)
            local.step()
        await self._ask(ws, "time", "public/get_time")
        for frame in self.frames:
            kind = frame["params"]["data"].get("type", "") if isinstance(frame["params"]["data"], dict) else ""
            self.kept.setdefault(f"{frame['params']['channel']} {kind}".strip(), frame)

    async def _orders(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        ticker = await self._ask(ws, "ticker", "public/ticker", instrument_name=_PERP)
        below = round(ticker["result"]["best_bid_price"] * 0.99 * 2) / 2
        resting = {"instrument_name": _PERP, "amount": 10, "price": below, "post_only": True, "label": "hb1"}
        placed = await self._ask(ws, "post-only buy", "private/buy", **resting)
        await self._keep_private(ws, "open")
        order_id = placed["result"]["order"]["order_id"]
        await self._ask(ws, "edit", "private/edit", order_id=order_id, amount=20, price=below - 1)
        await self._ask(ws, "cancel", "private/cancel", order_id=order_id)
        await self._keep_private(ws, "cancelled")
        await self._ask(ws, "cancel again", "private/cancel", order_id=order_id)
        await self._ask(ws, "off-tick price", "private/buy", **(resting | {"price": below + 0.25}))
        above = round(ticker["result"]["best_ask_price"] * 1.001 * 2) / 2
        for name in (_FUTURE, _OPTION):
            await self._ask(ws, "market buy", "private/buy", instrument_name=name, amount=10, type="market")
            await self._keep_private(ws, name)
        crossing = {"instrument_name": _PERP, "amount": 10, "price": above, "time_in_force": "immediate_or_cancel"}
        await self._ask(ws, "crossing buy", "private/buy", **crossing, label="hb2")
        await self._keep_private(ws, "filled")
        await self._ask(ws, "positions", "private/get_positions")
        period = {"start_timestamp": 0, "end_timestamp": self.now_ns // NS_PER_MS}
        await self._ask(ws, "funding", "public/get_funding_rate_value", instrument_name=_PERP, **period)
        await self._ask(
            ws, "chart", "public/get_tradingview_chart_data", instrument_name=_PERP, resolution="1", **period
        )
        await self._ask(ws, "expirations", "public/get_expirations", currency="any", kind="any")
        await self._ask(ws, "expirations of BTC options", "public/get_expirations", currency="BTC", kind="option")
        await self._ask(ws, "last trades", "public/get_last_trades_by_instrument", instrument_name=_PERP)
        ask = {"currency": "BTC", "kind": "future"}
        await self._ask(ws, "trades by currency", "private/get_user_trades_by_currency", **ask)
        await self._ask(ws, "summaries", "private/get_account_summaries", extended=True)
        await self._ask(ws, "summary without currency", "private/get_account_summary")

    async def _hours(self, local: LocalExchange, ws: aiohttp.ClientWebSocketResponse) -> None:
        for _ in range(120):
            self.now_ns = Ns(self.now_ns + 60_000 * NS_PER_MS)
            local.step()
        period = {"start_timestamp": 0, "end_timestamp": self.now_ns // NS_PER_MS}
        await self._ask(ws, "funding by the hour", "public/get_funding_rate_history", instrument_name=_PERP, **period)

    async def _keep_private(self, ws: aiohttp.ClientWebSocketResponse, state: str) -> None:
        self.frames.clear()
        await self._ask(ws, "time", "public/get_time")
        for frame in self.frames:
            self.kept[f"{frame['params']['channel']} {state}"] = frame

    async def _ask(self, ws: aiohttp.ClientWebSocketResponse, name: str, method: str, **params: object) -> Any:
        await ws.send_str(json.dumps({"jsonrpc": "2.0", "id": name, "method": method, "params": params}))
        while True:
            message = await self._receive(ws)
            if message.get("id") == name:
                self.kept[name] = message
                return message
            self.frames.append(message)

    @staticmethod
    async def _receive(ws: aiohttp.ClientWebSocketResponse) -> Any:
        async with asyncio.timeout(60.0):
            return await ws.receive_json()


@pytest.fixture(scope="session")
def localex_messages() -> dict[str, Any]:
    """One message of the local exchange for each reply and channel, by a name that says which."""
    return asyncio.run(_LocalexSession().play())


def _follow(found: Any, steps: tuple[Any, ...]) -> Any:
    """Walk into a message: a key, an index, or an object some row of a list must agree with."""
    for step in steps:
        found = next(row for row in found if step.items() <= row.items()) if isinstance(step, dict) else found[step]
        if isinstance(found, str) and found.startswith("{"):
            found = json.loads(found)
    return found


@pytest.fixture(scope="session")
def our_message(localex_messages: dict[str, Any]) -> Callable[..., Any]:
    """A part of one of our messages, by the message's name and steps into it."""
    return lambda name, *steps: _follow(localex_messages[name], steps)


@pytest.fixture(scope="session")
def recorded_message(shared_data: Path) -> Callable[..., Any]:
    """A part of a message the real Deribit sent, by file and steps into it; lines of a file are a list."""

    def find(file: str, *steps: Any) -> Any:
        raw = (shared_data / "messages" / "deribit" / file).read_bytes()
        text = (gzip.decompress(raw) if file.endswith(".gz") else raw).decode()
        return _follow(
            [json.loads(line) for line in text.splitlines()] if ".jsonl" in file else json.loads(text), steps
        )

    return find


def _local_venue(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of `tests/integration/venues`: they import one another."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "venues")
    return importlib.import_module(name)


@pytest_asyncio.fixture
async def okx_venue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A running local OKX around 64,000 USD; `tests/integration/venues/okx_venue.py` says what it can do."""
    monkeypatch.setattr("ccxt.async_support.okx.timeout_on_exit", 0, raising=False)
    async with _local_venue("okx_venue", monkeypatch).OkxVenue(mid_usd=lambda: 64_000.0) as venue:
        yield venue


@pytest_asyncio.fixture
async def binance_venue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A running local Binance around 64,000 USD; `tests/integration/venues/binance_venue.py` says what it can do."""
    monkeypatch.setattr("ccxt.async_support.binanceusdm.timeout_on_exit", 0, raising=False)
    async with _local_venue("binance_venue", monkeypatch).BinanceVenue(mid_usd=lambda: 64_000.0) as venue:
        yield venue


@pytest_asyncio.fixture
async def bybit_venue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A running local Bybit around 64,000 USD; `tests/integration/venues/bybit_venue.py` says what it can do."""
    async with _local_venue("bybit_venue", monkeypatch).BybitVenue(mid_usd=lambda: 64_000.0) as venue:
        yield venue


@pytest_asyncio.fixture
async def hyperliquid_venue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A running local Hyperliquid around 64,000 USD; `tests/integration/venues/hyperliquid_venue.py` says more."""
    async with _local_venue("hyperliquid_venue", monkeypatch).HyperliquidVenue(mid_usd=lambda: 64_000.0) as venue:
        yield venue
