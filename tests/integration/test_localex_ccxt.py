"""Unmodified ccxt and ccxt.pro against the local exchange on loopback."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import ccxt.async_support as ccxt_rest
import ccxt.pro as ccxt_pro
import pytest

from bot.domain.time import Ns
from bot.localex.server import LocalExchange, open_accounts, parse_key
from bot.sim.exchange import Exchange
from bot.sim.world import build_exchange

_PERP, _LINEAR = "BTC/USD:BTC", "BTC/USDC:USDC"
_KEYS = [parse_key("demo:demo"), parse_key("reader:reader:trade:read account:read")]


@dataclass(frozen=True)
class _Venue:
    local: LocalExchange
    exchange: Exchange
    client: Any
    """A ccxt client; its type is ccxt's business."""


@contextlib.asynccontextmanager
async def _venue(make: Callable[[dict[str, object]], Any], api_key: str = "demo") -> AsyncIterator[_Venue]:
    exchange = build_exchange(11, Ns(time.time_ns()))
    open_accounts(exchange, _KEYS)
    local = LocalExchange(exchange, keys=_KEYS, now_ns=lambda: Ns(time.time_ns()), step_s=0.02)
    port = await local.start()
    client = make({"apiKey": api_key, "secret": api_key, "enableRateLimit": False})
    client.urls["api"] = {"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}/ws/api/v2"}
    try:
        async with asyncio.timeout(60.0):
            yield _Venue(local, exchange, client)
    finally:
        await client.close()
        await local.stop()


async def _far_bid(client: Any, symbol: str = _PERP) -> float:
    ticker = await client.fetch_ticker(symbol)
    return float(client.price_to_precision(symbol, ticker["bid"] * 0.99))


@pytest.mark.asyncio
async def test_markets_of_every_kind_are_loaded() -> None:
    """Perpetuals, futures and options, inverse and linear, with the venue's steps."""
    async with _venue(ccxt_rest.deribit) as venue:
        markets = await venue.client.load_markets()

    kinds = {(market["type"], market["inverse"]) for market in markets.values()}
    assert kinds == {(kind, is_inverse) for kind in ("swap", "future", "option") for is_inverse in (True, False)}
    assert len(markets) == len(venue.exchange.instruments())
    perp = markets[_PERP]
    assert (perp["contractSize"], perp["precision"]["price"], perp["limits"]["amount"]["min"]) == (10.0, 0.5, 10.0)


@pytest.mark.asyncio
async def test_an_immediate_order_is_filled_with_its_label() -> None:
    """Limit IOC with label and valid_until; position, balance and trades show it."""
    async with _venue(ccxt_rest.deribit) as venue:
        client = venue.client
        await client.load_markets()
        ask = (await client.fetch_ticker(_PERP))["ask"]
        params = {"timeInForce": "IOC", "label": "hb0000001", "valid_until": client.milliseconds() + 5_000}
        order = await client.create_order(_PERP, "limit", "buy", 100, ask + 50, params)
        [position] = await client.fetch_positions()
        trades = await client.fetch_my_trades(_PERP)
        of_order = await client.fetch_order_trades(order["id"])
        balance = await client.fetch_balance()

    assert (order["status"], order["filled"], order["info"]["label"]) == ("closed", 100.0, "hb0000001")
    assert (position["contracts"], position["side"], position["info"]["size"]) == (100.0, "long", 100.0)
    assert sum(trade["amount"] for trade in trades) == sum(trade["amount"] for trade in of_order) == 100.0
    assert trades[0]["fee"]["currency"] == "BTC"
    assert 9.99 < balance["BTC"]["total"] < 10.0


@pytest.mark.asyncio
async def test_a_resting_order_is_seen_fetched_and_cancelled() -> None:
    """Open orders by instrument; the order by id and by label; cancelled once."""
    async with _venue(ccxt_rest.deribit) as venue:
        client = venue.client
        await client.load_markets()
        params = {"label": "hb0000002", "postOnly": True}
        placed = await client.create_order(_PERP, "limit", "buy", 100, await _far_bid(client), params)
        opened = await client.fetch_open_orders(_PERP)
        fetched = await client.fetch_order(placed["id"])
        labelled = await client.private_get_get_order_state_by_label({"currency": "BTC", "label": "hb0000002"})
        cancelled = await client.cancel_order(placed["id"])
        with pytest.raises(ccxt_rest.InvalidOrder, match="not_open_order"):
            await client.cancel_order(placed["id"])
        left = await client.fetch_open_orders(_PERP)

    assert (placed["status"], [order["id"] for order in opened], fetched["id"]) == (
        "open",
        [placed["id"]],
        placed["id"],
    )
    assert [order["order_id"] for order in labelled["result"]] == [placed["id"]]
    assert (cancelled["status"], left) == ("canceled", [])


@pytest.mark.asyncio
async def test_the_market_is_read_every_way() -> None:
    """Status, summaries as tickers and option chains, public trades, time."""
    async with _venue(ccxt_rest.deribit) as venue:
        client = venue.client
        await client.load_markets()
        status = await client.fetch_status()
        tickers = await client.fetch_tickers([_PERP], {"code": "BTC"})
        chain = await client.fetch_option_chain("BTC")
        funding = await client.fetch_funding_rate(_PERP)
        await client.create_order(_PERP, "market", "buy", 100)
        trades = await client.fetch_trades(_PERP)
        since = await client.fetch_trades(_PERP, client.milliseconds() - 60_000, 5)

    assert (status["status"], abs(funding["fundingRate"]) < 0.01) == ("ok", True)
    assert 0 < tickers[_PERP]["bid"] < tickers[_PERP]["ask"]
    assert all(row["markPrice"] >= 0 for row in chain.values())
    assert sum(trade["amount"] for trade in trades) == sum(trade["amount"] for trade in since) == 100.0


@pytest.mark.asyncio
async def test_an_order_is_edited_and_the_past_is_read() -> None:
    """An edit into the market fills; closed orders and the one position show it."""
    async with _venue(ccxt_rest.deribit) as venue:
        client = venue.client
        await client.load_markets()
        placed = await client.create_order(_PERP, "limit", "buy", 100, await _far_bid(client))
        moved = await client.edit_order(placed["id"], _PERP, "limit", "buy", 200, await _far_bid(client))
        ask = (await client.fetch_ticker(_PERP))["ask"]
        filled = await client.edit_order(placed["id"], _PERP, "limit", "buy", 200, ask + 50)
        closed = await client.fetch_closed_orders(_PERP)
        position = await client.fetch_position(_PERP)

    assert (moved["id"], moved["status"], moved["amount"]) == (placed["id"], "open", 200.0)
    assert (filled["status"], filled["filled"], [order["id"] for order in closed]) == ("closed", 200.0, [placed["id"]])
    assert (position["contracts"], position["side"]) == (200.0, "long")


@pytest.mark.asyncio
async def test_options_and_linear_contracts_trade_in_their_units() -> None:
    """Coins for both; premium in coins, profit in USDC."""
    async with _venue(ccxt_rest.deribit) as venue:
        client = venue.client
        markets = await client.load_markets()
        symbols = [s for s, m in markets.items() if m["option"] and m["inverse"] and m["base"] == "BTC"]
        tickers = [(s, (await client.fetch_ticker(s))["ask"]) for s in symbols[:40]]
        symbol, ask = next((s, ask) for s, ask in tickers if ask and ask > 0.01)
        await client.create_order(symbol, "limit", "buy", 0.1, ask, {"timeInForce": "IOC"})
        linear_ask = (await client.fetch_ticker(_LINEAR))["ask"]
        await client.create_order(_LINEAR, "limit", "sell", 0.01, linear_ask * 0.99 // 1, {"timeInForce": "IOC"})
        positions = {p["symbol"]: p["info"] for p in await client.fetch_positions()}
        greeks = await client.fetch_greeks(symbol)

    assert positions[symbol]["size"] == 0.1
    assert positions[_LINEAR]["size_currency"] == -0.01
    assert abs(greeks["delta"]) <= 1.0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("amount", "price_factor", "params", "error"),
    [
        (10**9, 0.99, {}, ccxt_rest.InsufficientFunds),
        (100, 1.2, {}, ccxt_rest.ExchangeError),
        (100, 0.99, {"valid_until": 1}, ccxt_rest.ExchangeError),
        (100, 1.01, {"postOnly": True}, ccxt_rest.InvalidOrder),
    ],
)
async def test_refusals_become_ccxts_errors(
    amount: float, price_factor: float, params: dict[str, object], error: type[Exception]
) -> None:
    """No funds, outside the price band, too late, would cross: nothing is placed."""
    async with _venue(ccxt_rest.deribit) as venue:
        client = venue.client
        await client.load_markets()
        price = round((await client.fetch_ticker(_PERP))["bid"] * price_factor)
        with pytest.raises(error):
            await client.create_order(_PERP, "limit", "buy", amount, price, params)

    assert [order.order_id for order in venue.exchange.orders_open("demo")] == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("api_key", "secret", "error"),
    [("demo", "wrong", ccxt_rest.AuthenticationError), ("reader", "reader", ccxt_rest.PermissionDenied)],
)
async def test_keys_are_checked(api_key: str, secret: str, error: type[Exception]) -> None:
    """A wrong signature and a key without the scope."""
    async with _venue(ccxt_rest.deribit, api_key) as venue:
        venue.client.secret = secret
        await venue.client.load_markets()
        with pytest.raises(error):
            await venue.client.create_order(_PERP, "market", "buy", 100)


@pytest.mark.asyncio
async def test_a_lost_reply_leaves_an_order_behind() -> None:
    """The client times out; the label finds what became of it."""
    async with _venue(ccxt_rest.deribit) as venue:
        client = venue.client
        await client.load_markets()
        price = await _far_bid(client)
        venue.local.faults.lose_reply("private/buy")
        client.timeout = 300
        with pytest.raises(ccxt_rest.RequestTimeout):
            await client.create_order(_PERP, "limit", "buy", 100, price, {"label": "hb0000003"})
        client.timeout = 5_000
        labelled = await client.private_get_get_order_state_by_label({"currency": "BTC", "label": "hb0000003"})

    assert [order["order_state"] for order in labelled["result"]] == ["open"]


@pytest.mark.asyncio
async def test_pro_watches_ticker_and_book() -> None:
    """The first message and later ones arrive and make sense."""
    async with _venue(ccxt_pro.deribit) as venue:
        tickers = [await venue.client.watch_ticker(_PERP) for _ in range(3)]
        books = [await venue.client.watch_order_book(_PERP) for _ in range(3)]

    assert all(0 < ticker["bid"] < ticker["ask"] for ticker in tickers)
    assert all(book["bids"][0][0] < book["asks"][0][0] for book in books)


@pytest.mark.asyncio
async def test_pro_watches_public_trades() -> None:
    """A fill of ours is on the tape others see."""
    async with _venue(ccxt_pro.deribit) as venue:
        client = venue.client
        await client.load_markets()
        watching = asyncio.create_task(client.watch_trades(_PERP))
        publisher = venue.local._venue.publisher
        while not publisher._concerned.get(("trades", "")):  # noqa: ASYNC110
            await asyncio.sleep(0)
        await client.create_order(_PERP, "market", "buy", 100)
        trades = await watching

    assert all(trade["price"] > 0 and trade["side"] in ("buy", "sell") for trade in trades)


@pytest.mark.asyncio
async def test_pro_watches_orders() -> None:
    """Authenticates by signature; an order placed over HTTP is told on the socket."""
    async with _venue(ccxt_pro.deribit) as venue:
        client = venue.client
        await client.load_markets()
        watching = asyncio.create_task(client.watch_orders())
        await _until_subscribed(venue)
        placed = await client.create_order(_PERP, "limit", "buy", 100, await _far_bid(client), {"label": "hb0000004"})
        orders = await watching
        balance = asyncio.create_task(client.watch_balance())
        seen = await balance

    assert [(order["id"], order["status"], order["info"]["label"]) for order in orders] == [
        (placed["id"], "open", "hb0000004")
    ]
    assert "BTC" in seen


async def _until_subscribed(venue: _Venue) -> None:
    """The market moves on its own, so the turn of the loop is all there is to wait for."""
    publisher = venue.local._venue.publisher
    while not publisher._concerned.get(("user", "demo")):  # noqa: ASYNC110
        await asyncio.sleep(0)
