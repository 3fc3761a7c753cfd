"""The local exchange as a process: world, account, portfolio, server, until a signal."""

import asyncio
import hashlib
import hmac
import os
import signal
import socket
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.app import exchange
from bot.app.exchange import ExchangeOptions
from bot.domain.errors import ConfigError
from bot.domain.instruments import Kind
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_S, Ns

_RECORDED, _RECORDED_MS = "BTC-14APR23-30000-C", 1_681_300_000_000
_CALL = PortfolioSpec(legs=(LegSpec(qty_coin=Decimal(2), kind="call", expiry="2nd", strike="atm"),))


def _options(**change: Any) -> ExchangeOptions:
    defaults = {
        "port": 0,
        "seed": 1,
        "keys": ("demo:demo", "other:other"),
        "portfolio": None,
        "currency": "BTC",
        "vol_scale": 1.0,
        "claim_production": False,
        "tape": None,
        "speed_multiple": 1.0,
        "until_stdin_ends": False,
    }
    return ExchangeOptions(**(defaults | change))


async def _positions(address: str, authorization: str) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": authorization}) as http,
        http.get(f"http://{address}/api/v2/private/get_positions") as response,
    ):
        rows: list[dict[str, Any]] = (await response.json())["result"]
        return rows


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_a_signal_and_the_first_account_has_the_portfolio(number: signal.Signals) -> None:
    """The address is told once it is open; the second account is flat; nobody listens after the end."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(exchange._serve(_options(portfolio=_CALL), told.set_result))
    async with asyncio.timeout(60.0):
        address = (await told).removeprefix("listening on ")
        held = await _positions(address, "Basic ZGVtbzpkZW1v")
        other = await _positions(address, "Basic b3RoZXI6b3RoZXI=")
        os.kill(os.getpid(), number)
        await serving

    assert [(row["kind"], row["size"]) for row in held] == [("option", 2.0)]
    assert other == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) != 0


@pytest.mark.asyncio
@pytest.mark.parametrize("claims", [False, True])
async def test_it_may_claim_to_be_production(claims: bool) -> None:
    """Replies and refusals over HTTP and websocket then say `testnet: false`; a test venue without the option."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(exchange._serve(_options(claim_production=claims), told.set_result))
    async with asyncio.timeout(60.0):
        address = (await told).removeprefix("listening on ")
        async with aiohttp.ClientSession() as http:
            said = []
            for method in ("public/get_time", "private/get_positions", "public/no_such_method"):
                async with http.get(f"http://{address}/api/v2/{method}") as response:
                    said.append((await response.json())["testnet"])
            async with http.ws_connect(f"http://{address}/ws/api/v2") as socket_:
                for frame in ('{"jsonrpc": "2.0", "id": 1, "method": "public/test"}', "nonsense"):
                    await socket_.send_str(frame)
                    said.append((await socket_.receive_json())["testnet"])
        os.kill(os.getpid(), signal.SIGTERM)
        await serving

    assert said == [not claims] * 5


@pytest.mark.asyncio
async def test_a_tape_is_played_on_its_own_time(write_history: Callable[..., Path], tmp_path: Path) -> None:
    """get_time is the tape's; clients may sign by either clock; the end is said, and the last prices stand."""
    folder = write_history(tmp_path, (_RECORDED, 0, 30_000.0), (_RECORDED, 60, 30_100.0))
    said: asyncio.Queue[str] = asyncio.Queue()
    held = PortfolioSpec(legs=(LegSpec(qty_coin=Decimal(2), instrument=_RECORDED),))
    options = _options(tape=folder, speed_multiple=120.0, portfolio=held)
    serving = asyncio.create_task(exchange._serve(options, said.put_nowait))
    async with asyncio.timeout(60.0), aiohttp.ClientSession() as http:
        address = (await said.get()).removeprefix("listening on ")
        played, over = await said.get(), await said.get()

        async def ask(method: str, **headers: str) -> Any:
            async with http.get(f"http://{address}/api/v2/{method}", headers=headers) as response:
                return (await response.json())["result"]

        venue_ms = await ask("public/get_time")
        quoted = await ask("public/ticker?instrument_name=BTC-PERPETUAL")
        signed = [
            await ask("private/get_positions", Authorization=_signed("/api/v2/private/get_positions", stamp_ms))
            for stamp_ms in (venue_ms, time.time_ns() // 1_000_000)
        ]
        os.kill(os.getpid(), signal.SIGTERM)
        await serving

    assert played.startswith("tape: 2023-04-12T11:46:40.000000Z to 2023-04-12T11:47:40.000000Z; ")
    assert over == "tape: over at 2023-04-12T11:47:40.000000Z; time goes on, its last prices stand"
    assert 0 <= venue_ms - (_RECORDED_MS + 60_000) < 3_600_000
    assert (quoted["best_bid_price"], quoted["index_price"]) == (30_099.5, 30_100.0)
    assert [[row["size"] for row in rows] for rows in signed] == [[2.0], [2.0]]


def _signed(uri: str, stamp_ms: int) -> str:
    text = f"{stamp_ms}\nabc\nGET\n{uri}\n\n"
    proof = hmac.new(b"demo", text.encode(), hashlib.sha256).hexdigest()
    return f"deri-hmac-sha256 id=demo,ts={stamp_ms},nonce=abc,sig={proof}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keys": ("nonsense",)}, "^--key: "),
        ({"tape": Path("/no/such/folder")}, "^--tape: there is no folder /no/such/folder$"),
        (
            {"portfolio": PortfolioSpec(legs=(LegSpec(qty_coin=Decimal(1), instrument="BTC-NO"),))},
            "^--portfolio: .*BTC-NO",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_by_its_option(change: dict[str, Any], said: str) -> None:
    """One line that names the option."""
    with pytest.raises(ConfigError, match=said):
        exchange.serve(_options(**change), lambda _: None)


def test_a_standard_input_that_is_no_pipe_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file has no other end that somebody could let go."""
    held = tmp_path / "held"
    held.touch()
    with held.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        with pytest.raises(ConfigError, match=r"^--until-stdin-ends: standard input is neither"):
            exchange.serve(_options(until_stdin_ends=True), lambda _: None)


def test_a_port_in_use_is_refused() -> None:
    """With the next step."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=f"--port: cannot listen on {port}: .*; choose another"):
            exchange.serve(_options(port=port), lambda _: None)


def test_a_drawn_market_has_a_past_and_goes_on_whoever_watches() -> None:
    """Ten minutes of trades in every perpetual, nothing left over to tell, and more to come."""
    now_ns = Ns(time.time_ns())
    opened = exchange._open_drawn(3, now_ns, 1.0)
    perpetuals = [item.id for item in opened.instruments() if item.kind is Kind.PERPETUAL]
    before = [len(opened.trades_public(name)) for name in perpetuals]

    assert opened.now_ns == now_ns
    assert opened.changes() == []
    assert len(perpetuals) == 4
    assert all(opened.ticker(name).last_native is not None for name in perpetuals)
    opened.advance(Ns(now_ns + 600 * NS_PER_S))
    assert all(len(opened.trades_public(name)) > count for name, count in zip(perpetuals, before, strict=True))
