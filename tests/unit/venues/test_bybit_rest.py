"""Bybit's replies: absent values, errors, and what the real venue sent."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import MalformedMessage
from bot.domain.seen import VenueOrderState
from bot.domain.time import Ns
from bot.venues import bybit_rest
from bot.venues.venue_rest import convert

ORDER = {
    "orderId": "83644d4f",
    "orderLinkId": "hb1",
    "symbol": "BTCUSDT",
    "side": "Sell",
    "qty": "0.125",
    "cumExecQty": "0.025",
    "price": "64000.1",
    "orderStatus": "PartiallyFilled",
    "updatedTime": "1770000000000",
}
FILL = {
    "execId": "77",
    "orderId": "83644d4f",
    "orderLinkId": "",
    "symbol": "BTCPERP",
    "side": "Sell",
    "execQty": "0.3",
    "execPrice": "64000",
    "execFee": "-0.5",
    "execType": "Trade",
    "execTime": "1770000000000",
    "isMaker": True,
}
POSITION = {"symbol": "BTCUSDT", "side": "Sell", "size": "0.7", "positionIdx": 0, "avgPrice": "", "markPrice": ""}
LISTED = {
    "symbol": "BTCUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "BTC",
    "settleCoin": "USDT",
    "lotSizeFilter": {"minOrderQty": "0.005", "qtyStep": "0.001"},
    "priceFilter": {"tickSize": "0.10"},
}


def test_order() -> None:
    """Coins, signed; a partly filled one is open; an empty label is none."""
    read = bybit_rest.order_read(convert(ORDER | {"orderLinkId": ""}, bybit_rest.Order))
    assert (read.amount_native, read.filled_native) == (Decimal("-0.125"), Decimal("0.025"))
    assert (read.label, read.state, read.price_native) == (None, VenueOrderState.OPEN, Decimal("64000.1"))


@pytest.mark.parametrize("change", [{"orderStatus": "Dreaming"}, {"updatedTime": "x"}, {"qty": "NaN"}, {"qty": 5}])
def test_an_order_nobody_understands(change: dict[str, object]) -> None:
    """Refused, never guessed: an unknown state, time or size."""
    with pytest.raises(MalformedMessage):
        bybit_rest.order_read(convert(ORDER | change, bybit_rest.Order))


def test_fill() -> None:
    """A rebate is negative with us too; the currency is the settlement's where none is told; no match, no fill."""
    fill = bybit_rest.filled(convert(FILL, bybit_rest.Fill), Ns(1))
    assert fill is not None
    assert (fill.amount_native, fill.fee_native, fill.fee_currency) == (Decimal("-0.3"), Decimal("-0.5"), "USDC")
    assert (fill.label, fill.is_maker, fill.fill_id) == (None, True, "BYBIT:BTCPERP:77")
    for kind in ("Funding", "Settle", "Delivery", "SessionSettlePnL", "UNKNOWN"):
        assert bybit_rest.filled(convert(FILL | {"execType": kind}, bybit_rest.Fill), Ns(1)) is None


@pytest.mark.parametrize("kind", ["BlockTrade", "MovePosition", "AdlTrade", "BustTrade"])
def test_what_moves_the_position_without_an_order_of_ours_is_a_strangers_fill(kind: str) -> None:
    """It counts, or the position would differ from what was seen and halt."""
    fill = bybit_rest.filled(convert(FILL | {"execType": kind, "orderLinkId": ""}, bybit_rest.Fill), Ns(1))

    assert fill is not None
    assert (fill.amount_native, fill.label) == (Decimal("-0.3"), None)


def test_position() -> None:
    """The side gives the sign; flat ones are none, whatever side they say; hedge mode is refused."""
    seen = bybit_rest.position_seen(convert(POSITION, bybit_rest.Position))
    assert seen is not None
    assert (seen.amount_native, seen.average_native, seen.mark_native) == (Decimal("-0.7"), None, None)
    assert bybit_rest.position_seen(convert(POSITION | {"size": "0", "side": ""}, bybit_rest.Position)) is None
    with pytest.raises(MalformedMessage, match="hedge mode"):
        bybit_rest.position_seen(convert(POSITION | {"positionIdx": 1}, bybit_rest.Position))


def test_the_least_order_is_the_step() -> None:
    """Five steps are the least here; a tick of nothing is refused."""
    spec = bybit_rest.instrument_from(convert(LISTED, bybit_rest.Listed), bybit_rest.FEES_LISTED)
    assert (spec.lot_native, spec.fee_rate_taker) == (Decimal("0.005"), Decimal("0.00055"))
    bad = LISTED | {"priceFilter": {"tickSize": "0"}}
    with pytest.raises(MalformedMessage, match="not positive"):
        bybit_rest.instrument_from(convert(bad, bybit_rest.Listed), bybit_rest.FEES_LISTED)


def test_money_of_the_unified_account() -> None:
    """What margin leaves of a coin is available; empty strings are nothing."""
    coin = {"coin": "USDC", "equity": "12", "walletBalance": "10", "totalPositionIM": "3", "totalOrderIM": ""}
    (money,) = bybit_rest.money_of({"retCode": 0, "result": {"list": [{"coin": [coin]}]}})
    assert (money.equity_native, money.margin_initial_native, money.available_native) == (12.0, 3.0, 7.0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('bybit {"retCode":110007,"retMsg":"ab not enough","result":{},"time":1}', 110007),
        ('bybit {"retCode":0,"retMsg":"OK"}', None),
        ("bybit 503 <html>", None),
    ],
)
def test_the_code_in_an_error(text: str, code: int | None) -> None:
    """None where the venue said nothing."""
    refused = bybit_rest.refusal(text, "order")
    assert (None if refused is None else refused.code) == code


@pytest.mark.parametrize("reply", [{"retCode": 1}, {"retCode": "0"}, [], {"retCode": 0, "result": {"list": 5}}])
def test_a_reply_that_is_none(reply: object) -> None:
    """Malformed, not empty."""
    with pytest.raises(MalformedMessage):
        bybit_rest.rows(reply, bybit_rest.Order)
    with pytest.raises(MalformedMessage):
        bybit_rest.venue_ms(reply)


@pytest.mark.realdata
def test_recorded_markets(shared_data: Path) -> None:
    """Of the production venue, 2026: every linear perpetual is understood, Bitcoin's step and tick are known."""
    path = shared_data / "messages/bybit/bourse/bybit__responses__fetch_markets.json.gz"
    replies = json.loads(gzip.decompress(path.read_bytes()))["responses"]
    bodies = [reply["body"] for reply in replies if reply["body"]["result"]["category"] == "linear"]
    listed = [row for body in bodies for row in bybit_rest.rows(body, bybit_rest.Listed) if row.is_perpetual]
    specs = {row.symbol: bybit_rest.instrument_from(row, bybit_rest.FEES_LISTED) for row in listed}
    assert len(specs) > 100
    assert (specs["BTCUSDT"].lot_native, specs["BTCUSDT"].tick_native) == (Decimal("0.001"), Decimal("0.10"))
    assert specs["BTCPERP"].settlement_currency == "USDC"


@pytest.mark.realdata
def test_recorded_order(shared_data: Path) -> None:
    """Placed, shown and cancelled at the venue's demo, 2026."""
    path = shared_data / "messages/bybit/bourse/bybit__responses__order_lifecycle.json"
    steps = {step["method"]: step["body"] for step in json.loads(path.read_text())["responses"]}
    acked = bybit_rest.result(steps["create_order"], bybit_rest.Acked)
    shown = [body for name, body in steps.items() if "list" in body["result"]]
    read = bybit_rest.order_read(bybit_rest.rows(shown[0], bybit_rest.Order)[0])
    assert read.order_id == acked.order_id
    assert (read.amount_native, read.state) == (Decimal("0.001"), VenueOrderState.OPEN)
