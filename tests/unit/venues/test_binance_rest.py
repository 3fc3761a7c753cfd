"""Binance's replies: orders, fills, positions and money in our words, and what the real venue sent."""

import contextlib
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import MalformedMessage
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.seen import VenueOrderState
from bot.domain.time import Ns
from bot.venues import binance_rest
from bot.venues.binance_rest import FEES_LISTED
from bot.venues.venue_rest import convert

PERP = InstrumentId("BINANCE:BTCUSDT")
ORDER = {
    "orderId": 7,
    "clientOrderId": "hb1",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "origQty": "0.0500",
    "executedQty": "0.0200",
    "price": "64000.10",
    "status": "EXPIRED",
    "updateTime": 1_770_000_000_000,
}
FILL = {
    "id": 9,
    "orderId": 7,
    "symbol": "BTCUSDT",
    "side": "SELL",
    "qty": "0.0020",
    "price": "64567.60",
    "commission": "0.05165408",
    "commissionAsset": "USDT",
    "maker": True,
    "time": 1_770_000_000_000,
}
POSITION = {
    "symbol": "BTCUSDT",
    "positionSide": "BOTH",
    "positionAmt": "-0.0070",
    "entryPrice": "0.0",
    "markPrice": "1",
}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("NEW", VenueOrderState.OPEN),
        ("PARTIALLY_FILLED", VenueOrderState.OPEN),
        ("FILLED", VenueOrderState.FILLED),
        ("EXPIRED", VenueOrderState.CANCELLED),
        ("EXPIRED_IN_MATCH", VenueOrderState.CANCELLED),
        ("REJECTED", VenueOrderState.REJECTED),
    ],
)
def test_order(status: str, state: VenueOrderState) -> None:
    """An IOC whose rest found nobody has expired, with what it was filled."""
    read = binance_rest.order_read(convert(ORDER | {"status": status}, binance_rest.Order))
    assert (read.state, read.amount_native, read.filled_native) == (state, Decimal("-0.0500"), Decimal("0.0200"))
    assert (read.label, read.order_id, read.instrument) == ("hb1", "7", PERP)


def test_fill_gets_the_label_of_its_order() -> None:
    """The venue does not tell it; a cost is positive on both sides."""
    told = convert(FILL, binance_rest.Fill)
    fill = binance_rest.filled(told, {OrderId("7"): Label("hb1")}, Ns(1))
    assert (fill.label, fill.amount_native, fill.fee_native) == ("hb1", Decimal("-0.0020"), Decimal("0.05165408"))
    assert (fill.fill_id, fill.is_maker) == ("BINANCE:BTCUSDT:9", True)
    assert binance_rest.filled(told, {}, Ns(1)).label is None


def test_position() -> None:
    """Signed in one-way mode; flat ones are none, and one with a side is refused."""
    seen = binance_rest.position_seen(convert(POSITION, binance_rest.Position))
    assert seen is not None
    assert (seen.amount_native, seen.average_native, seen.mark_native) == (Decimal("-0.0070"), None, 1.0)
    flat = POSITION | {"positionAmt": "0.000", "positionSide": "LONG"}
    assert binance_rest.position_seen(convert(flat, binance_rest.Position)) is None
    with pytest.raises(MalformedMessage, match="hedge mode"):
        binance_rest.position_seen(convert(POSITION | {"positionSide": "SHORT"}, binance_rest.Position))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('binanceusdm {"code":-2019,"msg":"Margin is insufficient."}', (-2019, "Margin is insufficient. to x")),
        ('binanceusdm 429 Too Many Requests {"code":-1003,"msg":"slow"}', (-1003, "slow to x")),
        ('binanceusdm POST https://h/fapi/v1/order 503 Busy {"code":0,"msg":"unknown"}', None),
        ("binanceusdm System is under maintenance.", None),
    ],
)
def test_refusal(text: str, told: tuple[int, str] | None) -> None:
    """The venue's code; where there is none, no definite no."""
    found = binance_rest.refusal(text, "x")
    assert (None if found is None else (found.code, found.text)) == told


@pytest.mark.parametrize(
    ("mark", "lot"), [("64000", "0.002"), ("130000", "0.001"), ("124999", "0.002"), ("125000", "0.001")]
)
def test_a_lot_is_worth_the_least_order_with_room(mark: str, lot: str) -> None:
    """100 USDT and a quarter, on the venue's step: refused only once the price has fallen by a fifth."""
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "stepSize": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
    ]
    row = {"symbol": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING", "baseAsset": "BTC"}
    row |= {"quoteAsset": "USDT", "marginAsset": "USDT"}
    listed = convert(row | {"filters": filters}, binance_rest.Listed)
    assert binance_rest.instrument_from(listed, FEES_LISTED, Decimal(mark)).lot_native == Decimal(lot)
    bare = convert(row | {"filters": filters[:2]}, binance_rest.Listed)
    with pytest.raises(MalformedMessage, match="listed without 'MIN_NOTIONAL'"):
        binance_rest.instrument_from(bare, FEES_LISTED, Decimal(mark))


_JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from([*ORDER, *FILL, *POSITION]), _JUNK, max_size=4))
def test_any_reply_is_understood_or_malformed(changes: dict[str, Any]) -> None:
    """Nothing but MalformedMessage ever comes of a reply that is not understood."""
    with contextlib.suppress(MalformedMessage):
        binance_rest.order_read(convert(ORDER | changes, binance_rest.Order))
    with contextlib.suppress(MalformedMessage):
        binance_rest.filled(convert(FILL | changes, binance_rest.Fill), {}, Ns(1))
    with contextlib.suppress(MalformedMessage):
        binance_rest.position_seen(convert(POSITION | changes, binance_rest.Position))


@pytest.mark.realdata
def test_recorded_replies(shared_data: Path) -> None:
    """Orders, fills, a flat position and money of 2026, as the demo venue sent them."""

    def body(name: str) -> Any:
        path = shared_data / f"messages/binance/bourse/binanceusdm__{name}.json"
        return json.loads(path.read_text()).get("body") or json.loads(path.read_text())["responses"]

    states = [
        binance_rest.order_read(convert(step["body"], binance_rest.Order)).state
        for step in body("responses__order_lifecycle")
    ]
    assert states == [VenueOrderState.OPEN, VenueOrderState.OPEN, VenueOrderState.CANCELLED]
    fills = [
        binance_rest.filled(row, {}, Ns(1))
        for row in convert(body("responses__fetch_my_trades"), list[binance_rest.Fill])
    ]
    assert (len(fills), sum(fill.amount_native for fill in fills)) == (10, 0)
    (position,) = convert(body("responses__fetch_positions"), list[binance_rest.Position])
    assert binance_rest.position_seen(position) is None
    money = binance_rest.money_of(convert(body("responses__fetch_balance"), binance_rest.Account).assets)
    assert {row.currency: row.equity_native for row in money} == {"BTC": 0.01, "USDT": 4999.02208425, "USDC": 5000.0}
    (order,) = convert(body("responses__fetch_open_orders"), list[binance_rest.Order])
    assert binance_rest.order_read(order).label == "ccxt-task296-7620"
    for kind, code in (("bad_symbol", -1121), ("invalid_signature", -2014)):
        refused = binance_rest.refusal(f"binanceusdm {json.dumps(body(f'recorded_errors__error_{kind}'))}", "x")
        assert refused is not None
        assert refused.code == code


@pytest.mark.realdata
def test_recorded_listing(shared_data: Path) -> None:
    """Every open perpetual of 2026-07 has a tick and a lot."""
    raw = (shared_data / "messages/binance/bourse/binanceusdm__responses__fetch_markets.json.gz").read_bytes()
    info = convert(json.loads(gzip.decompress(raw))["body"], binance_rest.ExchangeInfo)
    specs = [
        binance_rest.instrument_from(row, FEES_LISTED, Decimal(64_000)) for row in info.symbols if row.is_open_perpetual
    ]
    assert len(specs) > 500
    assert {spec.settlement_currency for spec in specs} == {"USDT", "USDC"}
    assert {spec.id: spec.lot_native for spec in specs}[PERP] == Decimal("0.001")
