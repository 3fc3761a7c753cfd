"""Unmodified ccxt and ccxt.pro (Python) against the local exchange: what it read, as one JSON document.

`python ccxt_client.py ADDRESS RESULT_FILE`. Does and writes what `ccxt_client.mjs` does and writes.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import ccxt.pro

_PERP = "BTC/USD:BTC"
_WATCH_S = 60.0
_ORDER = ("id", "status", "price", "amount", "filled", "average", "side")
_POSITION = ("symbol", "side", "contracts")


async def _watch(count: int, read: Callable[[], Awaitable[Any]]) -> list[Any]:
    async with asyncio.timeout(_WATCH_S):
        return [await read() for _ in range(count)]


async def _watch_until(read: Callable[[], Awaitable[list[Any]]], is_enough: Callable[[list[Any]], bool]) -> list[Any]:
    seen: list[Any] = []
    while not is_enough(seen):
        async with asyncio.timeout(_WATCH_S):
            seen.extend(await read())
    return seen


async def _refusal(call: Awaitable[object]) -> str:
    try:
        await call
    except ccxt.pro.ExchangeError as error:
        return type(error).__name__
    return "nothing"


def _only(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _levels(book: dict[str, Any]) -> dict[str, Any]:
    return {side: [list(level[:2]) for level in book[side]] for side in ("bids", "asks")}


def _trade(trade: dict[str, Any]) -> dict[str, Any]:
    return _only(trade, ("id", "order", "side", "amount", "price")) | {"fee": trade["fee"]["cost"]}


async def _look(exchange: Any) -> dict[str, Any]:
    markets = list((await exchange.load_markets()).values())
    option = next(m["symbol"] for m in markets if m["option"] and m["inverse"] and m["base"] == "BTC")
    greeks = await exchange.fetch_greeks(option)
    return {
        "version": ccxt.pro.__version__,
        "market_kinds": sorted({f"{m['type']} {'inverse' if m['inverse'] else 'linear'}" for m in markets}),
        "symbols": len(markets),
        "balance_before": (await exchange.fetch_balance())["total"],
        "tickers": [
            _only(ticker, ("bid", "ask", "last")) for ticker in await _watch(3, lambda: exchange.watch_ticker(_PERP))
        ],
        "books": await _watch(3, lambda: _book(exchange)),
        "option": {"delta": greeks["delta"], "mark_iv": greeks["markImpliedVolatility"]},
    }


async def _book(exchange: Any) -> dict[str, Any]:
    return _levels(await exchange.watch_order_book(_PERP))


async def _trade_all(exchange: Any) -> dict[str, Any]:
    bid = (await exchange.fetch_ticker(_PERP))["bid"]
    asked = {"placed": 0.99, "edited": 0.985}
    asked = {name: float(exchange.price_to_precision(_PERP, bid * factor)) for name, factor in asked.items()}
    params = {"postOnly": True, "label": "stranger"}
    placed = await exchange.create_order(_PERP, "limit", "buy", 100, asked["placed"], params)
    edited = await exchange.edit_order(placed["id"], _PERP, "limit", "buy", 200, asked["edited"])
    opened = await exchange.fetch_open_orders(_PERP)
    fetched = await exchange.fetch_order(placed["id"])
    cancelled = await exchange.cancel_order(placed["id"])
    left = await exchange.fetch_open_orders(_PERP)
    again = await _refusal(exchange.cancel_order(placed["id"]))
    bought = await exchange.create_order(_PERP, "market", "buy", 300)
    sold = await exchange.create_order(_PERP, "market", "sell", 100)
    return {
        "asked": asked,
        "placed": _only(placed, _ORDER) | {"label": placed["info"]["label"]},
        "edited": _only(edited, _ORDER),
        "open": [_only(order, _ORDER) for order in opened],
        "fetched": _only(fetched, _ORDER),
        "cancelled": _only(cancelled, _ORDER),
        "open_after": left,
        "cancelled_again": again,
        "bought": _only(bought, _ORDER),
        "sold": _only(sold, _ORDER),
    }


async def _read_back(exchange: Any, bought_id: str) -> dict[str, Any]:
    trades = await exchange.fetch_my_trades(_PERP, None, 100)
    return {
        "positions": [_only(position, _POSITION) for position in await exchange.fetch_positions()],
        "position": _only(await exchange.fetch_position(_PERP), _POSITION),
        "my_trades": [_trade(trade) for trade in trades],
        "order_trades": [trade["id"] for trade in await exchange.fetch_order_trades(bought_id)],
        "closed": [_only(order, _ORDER) for order in await exchange.fetch_closed_orders(_PERP)],
        "balance_after": (await exchange.fetch_balance())["total"],
    }


def _is_over(seen: list[Any]) -> bool:
    return {"canceled", "closed"} <= {order["status"] for order in seen}


async def _run(address: str) -> dict[str, Any]:
    exchange = ccxt.pro.deribit({"apiKey": "demo", "secret": "demo"})
    exchange.urls["api"] = {"rest": f"http://{address}", "ws": f"ws://{address}/ws/api/v2"}
    try:
        found = await _look(exchange)
        async with asyncio.TaskGroup() as watching:
            orders = watching.create_task(_watch_until(exchange.watch_orders, _is_over))
            trades = watching.create_task(_watch_until(exchange.watch_my_trades, bool))
            # A watch has no answer before the first event: what arrives is kept from here on.
            await _watch(1, exchange.watch_balance)
            found |= await _trade_all(exchange)
        found["watched_orders"] = [_only(order, _ORDER) for order in orders.result()]
        found["watched_trades"] = [_only(t, ("id", "order", "amount", "price")) for t in trades.result()]
        return found | await _read_back(exchange, found["bought"]["id"])
    finally:
        await exchange.close()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(asyncio.run(_run(sys.argv[1]))))
