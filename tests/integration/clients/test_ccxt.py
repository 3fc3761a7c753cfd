"""ccxt and ccxt.pro as they are: Python in this environment, JavaScript from npm."""

from collections.abc import Callable
from typing import Any

import ccxt
import pytest

_PERP, _NAME = "BTC/USD:BTC", "BTC-PERPETUAL"
_CLIENTS = [
    pytest.param("ccxt_client.py", id="python", marks=pytest.mark.client),
    pytest.param("ccxt_client.mjs", id="javascript", marks=pytest.mark.client("npm")),
]


def _is_sane(book: dict[str, Any]) -> bool:
    """Sorted, with amounts, not crossed."""
    bids, asks = book["bids"], book["asks"]
    prices = [price for price, _ in bids], [price for price, _ in asks]
    is_sorted = prices == (sorted(prices[0], reverse=True), sorted(prices[1]))
    return is_sorted and bids[0][0] < asks[0][0] and all(amount > 0 for _, amount in bids + asks)


@pytest.mark.parametrize("script", _CLIENTS)
def test_ccxt_trades_reads_and_watches(script: str, venue: Any, play: Callable[[str], dict[str, Any]]) -> None:
    """Markets, orders, edits, cancels, positions, balance, trades; ticker, book, orders, own trades by websocket."""
    found = play(script)

    kinds = [f"{kind} {money}" for kind in ("future", "option", "swap") for money in ("inverse", "linear")]
    assert found["market_kinds"] == kinds
    assert found["symbols"] == len(venue.says("public/get_instruments"))
    assert all(0 < ticker["bid"] < ticker["ask"] for ticker in found["tickers"])
    assert len(found["books"]) == 3
    assert all(map(_is_sane, found["books"]))
    assert -1 <= found["option"]["delta"] <= 1
    assert found["option"]["mark_iv"] > 1  # percent

    _check_resting(found)
    _check_filled(found)
    assert venue.positions() == {_NAME: 200.0}
    assert venue.says("private/get_open_orders") == []


def _check_resting(found: dict[str, Any]) -> None:
    """One order: placed, moved, read, cancelled, gone."""
    asked, placed, edited = found["asked"], found["placed"], found["edited"]
    assert (placed["status"], placed["price"], placed["amount"], placed["label"]) == (
        "open",
        asked["placed"],
        100,
        "stranger",
    )
    assert (edited["id"], edited["status"], edited["price"], edited["amount"]) == (
        placed["id"],
        "open",
        asked["edited"],
        200,
    )
    assert found["open"] == [edited] == [found["fetched"]]
    assert (found["cancelled"]["status"], found["open_after"]) == ("canceled", [])
    assert found["cancelled_again"] == "InvalidOrder"
    assert placed["id"] in {order["id"] for order in found["watched_orders"]}


def _check_filled(found: dict[str, Any]) -> None:
    """Two market orders: their trades, the position and the money they left."""
    bought, sold, trades = found["bought"], found["sold"], found["my_trades"]
    assert (bought["status"], bought["filled"], sold["status"], sold["filled"]) == ("closed", 300, "closed", 100)
    assert {trade["order"] for trade in trades} == {bought["id"], sold["id"]}
    signed = sum(trade["amount"] * (1 if trade["side"] == "buy" else -1) for trade in trades)
    assert signed == 200
    assert found["position"] == {"symbol": _PERP, "side": "long", "contracts": 200}
    assert found["positions"] == [found["position"]]
    assert sorted(found["order_trades"]) == sorted(t["id"] for t in trades if t["order"] == bought["id"])
    assert {order["id"] for order in found["closed"]} == {bought["id"], sold["id"]}
    watched = {trade["id"]: trade["price"] for trade in found["watched_trades"]}
    assert watched.items() <= {trade["id"]: trade["price"] for trade in trades}.items()
    assert {"canceled", "closed"} <= {order["status"] for order in found["watched_orders"]}
    # 3.5 bp of what was traded; the rest is what the market did to 200 USD meanwhile.
    assert sum(trade["fee"] for trade in trades) == pytest.approx(0.00035 * 400 / bought["average"], abs=2e-8)
    before, after = found["balance_before"], found["balance_after"]
    assert after["BTC"] == pytest.approx(before["BTC"], abs=2e-4)
    assert after["BTC"] != before["BTC"]
    assert {name: after[name] for name in ("ETH", "USDC")} == {name: before[name] for name in ("ETH", "USDC")}


@pytest.mark.client
def test_synchronous_ccxt_trades_options(venue: Any) -> None:
    """The client without a loop; coins for options, the premium leaves the balance, what is sold comes back."""
    client = ccxt.deribit({"apiKey": "demo", "secret": "demo"})
    client.urls["api"] = {"rest": f"http://{venue.address}"}
    markets = client.load_markets()
    chain = client.fetch_option_chain("BTC")
    symbol = next(s for s, row in chain.items() if markets[s]["active"] and (row["askPrice"] or 0) > 0.01)
    bought = client.create_order(
        symbol, "limit", "buy", 0.2, client.fetch_ticker(symbol)["ask"] * 1.2 // 0.0005 * 0.0005
    )
    [position] = client.fetch_positions([symbol])
    client.create_order(symbol, "market", "sell", 0.2, None, {"reduceOnly": True})
    trades = client.fetch_my_trades(symbol)
    session = client.session
    session.close()

    assert (bought["status"], bought["filled"]) == ("closed", 0.2)
    assert (position["contracts"], position["side"]) == (0.2, "long")
    assert sum(t["amount"] if t["side"] == "buy" else -t["amount"] for t in trades) == pytest.approx(0.0)
    assert venue.positions() == {}
