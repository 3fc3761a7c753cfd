"""OKX's replies: contracts to native amounts, absent values, errors, and what the real venue sent."""

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
from bot.domain.ids import InstrumentId
from bot.domain.seen import VenueOrderState
from bot.domain.time import Ns
from bot.domain.units import amount_from_coin_toward_zero
from bot.venues import okx_rest
from bot.venues.okx_rest import FEES_LISTED
from bot.venues.venue_rest import convert

LINEAR, INVERSE = InstrumentId("OKX:BTC-USDT-SWAP"), InstrumentId("OKX:BTC-USD-SWAP")
SIZES = {LINEAR: Decimal("0.01"), INVERSE: Decimal(100)}
ORDER = {
    "ordId": "312",
    "clOrdId": "hb1",
    "instId": "BTC-USDT-SWAP",
    "side": "sell",
    "sz": "12.5",
    "accFillSz": "2.5",
    "px": "64000.1",
    "state": "partially_filled",
    "uTime": "1770000000000",
}
FILL = {
    "tradeId": "77",
    "ordId": "312",
    "clOrdId": "",
    "billId": "9",
    "instId": "BTC-USD-SWAP",
    "side": "sell",
    "fillSz": "3",
    "fillPx": "64000",
    "fee": "-0.0000023",
    "feeCcy": "BTC",
    "execType": "M",
    "ts": "1770000000000",
}


def test_order() -> None:
    """Coins, signed; a partly filled one is open."""
    read = okx_rest.order_read(convert(ORDER, okx_rest.Order), SIZES)
    assert (read.amount_native, read.filled_native) == (Decimal("-0.125"), Decimal("0.025"))
    assert (read.label, read.state, read.price_native) == ("hb1", VenueOrderState.OPEN, Decimal("64000.1"))


@pytest.mark.parametrize(
    "change",
    [{"state": "dreaming"}, {"uTime": "x"}, {"uTime": "9" * 20}, {"sz": "NaN"}, {"instId": "XRP-USDT-SWAP"}, {"sz": 5}],
)
def test_an_order_nobody_understands(change: dict[str, object]) -> None:
    """Refused, never guessed: an unknown state, time, size or contract."""
    with pytest.raises(MalformedMessage):
        okx_rest.order_read(convert(ORDER | change, okx_rest.Order), SIZES)


def test_fill() -> None:
    """USD of an inverse contract; a cost is positive with us and negative there."""
    fill = okx_rest.filled(convert(FILL, okx_rest.Fill), SIZES, Ns(1))
    assert (fill.amount_native, fill.fee_native, fill.fee_currency) == (Decimal(-300), Decimal("0.0000023"), "BTC")
    assert (fill.label, fill.is_maker, fill.fill_id) == (None, True, "OKX:BTC-USD-SWAP:77")


@pytest.mark.parametrize(("trade", "bill", "named"), [("77", "", "77"), ("77", "9", "77"), ("", "9", "bill9")])
def test_a_fill_without_a_trade_is_named_by_its_bill(trade: str, bill: str, named: str) -> None:
    """A fill id counts once: two without a number would be one."""
    fill = convert(FILL | {"tradeId": trade, "billId": bill}, okx_rest.Fill)
    assert okx_rest.filled(fill, SIZES, Ns(1)).fill_id == f"OKX:BTC-USD-SWAP:{named}"


def test_a_fill_without_any_number_is_refused() -> None:
    """Nobody could tell it from the next one."""
    with pytest.raises(MalformedMessage, match="no number"):
        okx_rest.filled(convert(FILL | {"tradeId": "", "billId": ""}, okx_rest.Fill), SIZES, Ns(1))


def test_position() -> None:
    """Signed contracts in one-way mode; flat ones are none, and one with a side is refused."""
    row = {"instId": "BTC-USDT-SWAP", "posSide": "net", "pos": "-7", "avgPx": "", "markPx": "64000"}
    seen = okx_rest.position_seen(convert(row, okx_rest.Position), SIZES)
    assert seen is not None
    assert (seen.amount_native, seen.average_native, seen.mark_native) == (Decimal("-0.07"), None, 64_000.0)
    for flat in ("", "0"):
        assert okx_rest.position_seen(convert(row | {"pos": flat, "posSide": "long"}, okx_rest.Position), SIZES) is None
    with pytest.raises(MalformedMessage, match="hedge mode"):
        okx_rest.position_seen(convert(row | {"posSide": "short"}, okx_rest.Position), SIZES)


@pytest.mark.parametrize(
    ("money", "group", "expected"),
    [
        ("USDT", "", ("0.0001", "0.0004")),
        ("BTC", "", ("0.0002", "0.0005")),
        ("USDC", "", FEES_LISTED),  # not told
        ("USDT", "4", ("-0.00005", "0.0003")),  # a rebate
    ],
)
def test_fees_are_of_the_account_and_the_money(money: str, group: str, expected: tuple[Any, Any]) -> None:
    """The group of the instrument counts first; negative there is a cost here."""
    fee = okx_rest.TradeFee(maker="-0.0002", taker="-0.0005", maker_u="-0.0001", taker_u="-0.0004")
    if group:
        fee.fee_group = [okx_rest._FeeGroup(group_id="4", maker="0.00005", taker="-0.0003")]
    listed = okx_rest.Listed(
        inst_id="X",
        inst_family="BTC-USDT",
        ct_type="linear",
        ct_val="1",
        ct_mult="1",
        ct_val_ccy="BTC",
        settle_ccy=money,
        lot_sz="1",
        min_sz="1",
        tick_sz="1",
        state="live",
        group_id="4",
    )
    assert okx_rest.fees_of(fee, listed) == tuple(Decimal(item) for item in expected)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('okx {"code":"1","data":[{"sCode":"51008","sMsg":"no margin"}],"msg":""}', (51008, "no margin to x")),
        ('okx {"code":"50011","msg":"too many"}', (50011, "too many to x")),
        ('okx {"code":"no number","msg":""}', None),
        ("okx POST https://host/api/v5/trade/order 502 Bad Gateway <html>", None),
    ],
)
def test_refusal(text: str, told: tuple[int, str] | None) -> None:
    """The order's own code before the request's; no code, no definite no."""
    found = okx_rest.refusal(text, "x")
    assert (None if found is None else (found.code, found.text)) == told


_JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2)


@settings(max_examples=50)
@given(st.sampled_from([ORDER, FILL]), st.dictionaries(st.sampled_from([*ORDER, *FILL]), _JUNK, max_size=4))
def test_any_reply_is_rows_or_malformed(good: dict[str, Any], changes: dict[str, Any]) -> None:
    """Nothing but MalformedMessage ever comes of a reply that is not understood."""
    reply = {"code": "0", "data": [good | changes]}
    with contextlib.suppress(MalformedMessage):
        for order in okx_rest.rows(reply, okx_rest.Order):
            okx_rest.order_read(order, SIZES)
    with contextlib.suppress(MalformedMessage):
        for fill in okx_rest.rows(reply, okx_rest.Fill):
            okx_rest.filled(fill, SIZES, Ns(1))


@pytest.mark.realdata
def test_recorded_instruments(shared_data: Path) -> None:
    """170 real rows of 2026-07: tradable ones are linear or inverse on the coin; amounts go to contracts and back."""
    raw = (shared_data / "messages/okx/bourse/okx__responses__fetch_markets_by_type.json.gz").read_bytes()
    body = json.loads(gzip.decompress(raw))["body"]
    found = [row for row in okx_rest.rows(body, okx_rest.Listed) if row.is_perpetual_of_coin]
    assert (len(body["data"]), len(found)) == (170, 159)
    specs = {spec.id: spec for spec in (okx_rest.instrument_from(row, FEES_LISTED) for row in found)}
    assert (specs[LINEAR].lot_native, specs[INVERSE].lot_native) == (Decimal("0.0001"), Decimal(10))
    for spec in specs.values():
        amount = amount_from_coin_toward_zero(spec, 123.456, 64_000.0)
        assert amount % spec.lot_native == 0
        assert (amount / spec.contract_size_native) * spec.contract_size_native == amount


@pytest.mark.realdata
def test_recorded_errors_and_money(shared_data: Path) -> None:
    """The codes of real errors come out of ccxt's text; a real balance becomes money."""
    for kind, code in (("bad_symbol", 51001), ("invalid_signature", 50111)):
        body = json.loads((shared_data / f"messages/okx/bourse/okx__recorded_errors__error_{kind}.json").read_text())
        refused = okx_rest.refusal(f"okx {json.dumps(body['body'])}", "x")
        assert refused is not None
        assert refused.code == code
    frame = json.loads((shared_data / "messages/okx/nautilus_trader/ws_account.json").read_text())
    balance = convert(frame["data"][0], okx_rest.Balance)
    money = {detail.ccy: okx_rest.money_of(detail).equity_native for detail in balance.details}
    assert money == {"USDT": 100.52768569797846, "BTC": 5.1e-09, "ETH": 1.85e-07}
