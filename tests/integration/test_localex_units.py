"""What the numbers of the local exchange mean: rules that hold for recorded messages must hold for ours."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.realdata

_PERP, _LINEAR = "BTC-PERPETUAL", "BTC_USDC-PERPETUAL"
_OPTION, _LINEAR_OPTION = "BTC-27MAR26-64000-C", "BTC_USDC-3MAR26-65000-C"
_ROQ = "roq_deribit/ws_messages.jsonl"
_MARKETS = "bourse/deribit__responses__fetch_markets.json.gz"
_DATA = ("params", "data")


def _is_ms(value: float) -> bool:
    return 1_000_000_000_000 < value < 10_000_000_000_000


def _is_about(value: float, expected: float, share: float) -> bool:
    return bool(value == pytest.approx(expected, rel=share))


_STAMPS = ("ack",), (_ROQ, 7)
_TICKER = ("ticker", "result"), ("bourse/deribit__responses__fetch_ticker.json", "body", "result")
_OPTION_TICKER = (
    (f"ticker.{_OPTION}.100ms", *_DATA),
    ("crypto_msg_parser/deribit.jsonl", {"test": "ticker/option"}, "raw", *_DATA),
)
_LINEAR_TICKER = (f"ticker.{_LINEAR_OPTION}.100ms", *_DATA), ("tardis_node/deribit.jsonl", 17, *_DATA)
_ORDER = ("user.orders.any.any.raw filled", *_DATA), (_ROQ, 3, *_DATA)
_TRADE = ("user.trades.any.any.raw filled", *_DATA, 0), (_ROQ, 4, *_DATA, 0)
_PERP_ROW = (f"instrument {_PERP}", "result"), (_MARKETS, "body", "result", {"instrument_name": _PERP})
_OPTION_ROW = (f"instrument {_OPTION}", "result"), (_MARKETS, "body", "result", {"kind": "option"})
_LINEAR_POSITION = (
    ("positions", "result", {"instrument_name": _LINEAR}),
    ("xchange/private_responses.jsonl", 0, "result", 0),
)
_OPTION_POSITION = (
    ("positions", "result", {"instrument_name": _OPTION}),
    ("bourse/deribit__responses__fetch_positions.json", "body", "result", {"kind": "option"}),
)
_FILLED_POSITION = ("user.changes.any.any.raw filled", *_DATA), (_ROQ, 2, *_DATA)


@pytest.mark.parametrize(
    ("unit", "pair", "holds"),
    [
        ("replies are stamped in microseconds", _STAMPS, lambda m: 1e15 < m["usIn"] <= m["usOut"] < 1e16),
        ("usDiff is their difference", _STAMPS, lambda m: m["usOut"] - m["usIn"] == m["usDiff"]),
        ("tickers are stamped in milliseconds", _TICKER, lambda t: _is_ms(t["timestamp"])),
        (
            "volume is in coins, volume_usd in USD",
            _TICKER,
            lambda t: _is_about(t["stats"]["volume_usd"], t["stats"]["volume"] * t["mark_price"], 0.05),
        ),
        ("open interest of an inverse perpetual is in USD", _TICKER, lambda t: t["open_interest"] % 10 == 0),
        ("the price band holds the mark", _TICKER, lambda t: t["min_price"] < t["mark_price"] < t["max_price"]),
        ("iv is in percent", _OPTION_TICKER, lambda t: 5.0 < t["mark_iv"] < 300.0),
        ("inverse option prices are in coins", _OPTION_TICKER, lambda t: 0.0 < t["mark_price"] < 1.0),
        ("forwards are in USD", _OPTION_TICKER, lambda t: _is_about(t["underlying_price"], t["index_price"], 0.1)),
        ("delta is per coin", _OPTION_TICKER, lambda t: 0.0 < t["greeks"]["delta"] < 1.0),
        ("gamma is per USD", _OPTION_TICKER, lambda t: 0.0 <= t["greeks"]["gamma"] < 0.001),
        ("theta is USD a day", _OPTION_TICKER, lambda t: -500.0 < t["greeks"]["theta"] < 0.0),
        ("linear option prices are in USDC", _LINEAR_TICKER, lambda t: t["mark_price"] > 0.1),
        ("amounts of inverse futures are USD, ten a contract", _ORDER, lambda o: o["contracts"] * 10 == o["amount"]),
        ("orders are stamped in milliseconds", _ORDER, lambda o: _is_ms(o["creation_timestamp"])),
        ("order ids are digits as text", _ORDER, lambda o: o["order_id"].isdigit()),
        ("fees are coins", _TRADE, lambda t: 0.0 < t["fee"] < t["amount"] / t["price"] * 0.001),
        ("trade ids are digits as text", _TRADE, lambda t: t["trade_id"].isdigit()),
        ("perpetuals expire in the year 3000", _PERP_ROW, lambda i: i["expiration_timestamp"] == 32_503_708_800_000),
        (
            "expiries are in milliseconds, 08:00 UTC",
            _OPTION_ROW,
            lambda i: i["expiration_timestamp"] % 86.4e6 == 28.8e6,
        ),
        (
            "commissions are fractions",
            _PERP_ROW,
            lambda i: 0.0 <= i["maker_commission"] < i["taker_commission"] < 0.001,
        ),
        ("option commissions are fractions", _OPTION_ROW, lambda i: i["taker_commission"] == 0.0003),
        (
            "a linear position's size is its notional, size_currency its coins",
            _LINEAR_POSITION,
            lambda p: _is_about(p["size"], p["size_currency"] * p["mark_price"], 1e-5),
        ),
        (
            "a linear position's delta is its coins",
            _LINEAR_POSITION,
            lambda p: _is_about(p["delta"], p["size_currency"], 1e-9),
        ),
        ("an option position's delta is size times delta", _OPTION_POSITION, lambda p: 0.0 < p["delta"] < p["size"]),
        (
            "an option position's profit is in coins, its USD twin at the index",
            _OPTION_POSITION,
            lambda p: (
                _is_about(p["floating_profit_loss_usd"], p["floating_profit_loss"] * p["index_price"], 0.01)
                or p["floating_profit_loss"] == 0.0
            ),
        ),
        (
            "a position without size has no direction",
            _FILLED_POSITION,
            lambda d: (d["positions"][0]["direction"] == "zero") == (d["positions"][0]["size"] == 0.0),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_our_units_are_the_recorded_ones(
    unit: str,
    pair: tuple[tuple[Any, ...], tuple[Any, ...]],
    holds: Callable[[Any], bool],
    our_message: Callable[..., Any],
    recorded_message: Callable[..., Any],
) -> None:
    """A rule about a unit holds for the recorded message and for ours."""
    ours, recorded = pair

    assert (holds(recorded_message(*recorded)), holds(our_message(*ours))) == (True, True), unit
