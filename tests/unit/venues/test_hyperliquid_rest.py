"""Hyperliquid's replies: ids, the rule of prices, absent values, errors, and what the real venue sent."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import MalformedMessage
from bot.domain.ids import Label, make_label
from bot.domain.seen import VenueOrderState
from bot.domain.time import Ns
from bot.domain.units import Rounding, price_to_tick
from bot.venues import hyperliquid_rest as rest
from bot.venues.venue_rest import convert

ORDER = {
    "coin": "BTC",
    "side": "A",
    "limitPx": "64000.0",
    "sz": "0.1",
    "origSz": "0.125",
    "oid": 77,
    "timestamp": 1_770_000_000_000,
    "cloid": rest.cloid_of(Label("hbbtc1a2b3c4d0000001")),
}


def _recorded(shared_data: Path, name: str) -> object:
    path = shared_data / "messages/hyperliquid/bourse" / f"hyperliquid__{name}.json"
    told: dict[str, object] = json.loads(path.read_text())
    return told.get("body", told)


@given(st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True), st.integers(0, 9_999_999))
def test_a_label_comes_back_from_its_id(prefix: str, number: int) -> None:
    """By itself, whoever asks: nothing is kept."""
    label = make_label(prefix, "", number)
    cloid = rest.cloid_of(label)
    assert cloid is not None
    assert len(cloid) == 34
    assert rest.label_of(cloid) == label


@given(st.integers(0, 2**128 - 1))
def test_a_strangers_id_is_a_label_of_its_own_or_none(value: int) -> None:
    """Two ids never share a label."""
    cloid = f"0x{value:032x}"
    label = rest.label_of(cloid)
    assert label is None or rest.cloid_of(label) == cloid


@pytest.mark.parametrize("label", ["", "0000001", "hb", "HB0000001", "a" * 21 + "0000001", "hb-0000001"])
def test_a_label_that_does_not_fit(label: str) -> None:
    """Told before anything is sent."""
    assert rest.cloid_of(Label(label)) is None


@pytest.mark.parametrize("cloid", [None, "", "0x12", "1" * 34, "0x" + "G" * 32])
def test_no_id_no_label(cloid: str | None) -> None:
    """Orders of people without ids."""
    assert rest.label_of(cloid) is None


def _is_allowed(price: Decimal, size_decimals: int) -> bool:
    """The venue's rule in its own words."""
    if price == price.to_integral_value():
        return True
    digits, exponent = price.normalize().as_tuple()[1:]
    return len(digits) <= 5 and -int(exponent) <= 6 - size_decimals


@given(st.floats(1e-4, 500_000.0), st.integers(0, 5), st.sampled_from([Rounding.UP, Rounding.DOWN]))
def test_every_rounded_price_is_allowed(price_usd: float, size_decimals: int, rounding: Rounding) -> None:
    """Five significant digits and so many decimals, or whole USD; and no step is coarser than the rule."""
    listed = rest.Universe.Listed(name="BTC", sz_decimals=size_decimals)  # type: ignore[arg-type]
    spec = rest.instrument_from(listed, rest.Context(oracle_px="1"), rest.FEES_LISTED)
    price = price_to_tick(spec, price_usd, rounding)
    assert _is_allowed(price, size_decimals)
    exact = Decimal(repr(price_usd))
    assert _is_allowed(exact, size_decimals) <= (price == exact)


@pytest.mark.parametrize(("decimals", "price", "lot"), [(5, "64000", "0.00032"), (0, "0.5", "40"), (2, "3000", "0.01")])
def test_the_least_order_is_the_step(decimals: int, price: str, lot: str) -> None:
    """Twenty USD's worth when it is listed, never below the step of sizes."""
    listed = convert({"name": "X", "szDecimals": decimals}, rest.Universe.Listed)
    assert rest.instrument_from(listed, rest.Context(oracle_px=price), rest.FEES_LISTED).lot_native == Decimal(lot)
    with pytest.raises(MalformedMessage, match="oracle price"):
        rest.instrument_from(listed, rest.Context(oracle_px="0"), rest.FEES_LISTED)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("open", VenueOrderState.OPEN),
        ("filled", VenueOrderState.FILLED),
        ("canceled", VenueOrderState.CANCELLED),
        ("marginCanceled", VenueOrderState.CANCELLED),
        ("scheduledCancel", VenueOrderState.CANCELLED),
        ("iocCancelRejected", VenueOrderState.CANCELLED),
        ("tickRejected", VenueOrderState.REJECTED),
        ("rejected", VenueOrderState.REJECTED),
    ],
)
def test_order(status: str, state: VenueOrderState) -> None:
    """What is left is told, what was filled is the difference."""
    read = rest.order_read(convert(ORDER, rest.Order), status, 5)
    assert (read.amount_native, read.filled_native, read.state) == (Decimal("-0.125"), Decimal("0.025"), state)
    assert read.label == "hbbtc1a2b3c4d0000001"


@pytest.mark.parametrize(("change", "status"), [({}, "dreaming"), ({"sz": "0.2"}, "open"), ({"sz": "-1"}, "open")])
def test_an_order_nobody_understands(change: dict[str, object], status: str) -> None:
    """Refused, never guessed."""
    with pytest.raises(MalformedMessage):
        rest.order_read(convert(ORDER | change, rest.Order), status, 5)


@pytest.mark.parametrize(
    ("statuses", "oid"),
    [
        ([{"filled": {"totalSz": "1", "avgPx": "2", "oid": 5}}], "5"),
        ([{"resting": {"oid": 6}}], "6"),
        (["success"], None),
        ([], None),
        ([{"filled": {}}], None),
    ],
)
def test_the_reply_to_an_order(statuses: list[object], oid: str | None) -> None:
    """An id, or not understood."""
    acked = convert({"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}, rest.Acked)
    if oid is None:
        with pytest.raises(MalformedMessage):
            rest.oid_of(acked)
    else:
        assert rest.oid_of(acked) == oid


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"status":"err","response":"Must deposit before performing actions."}', 18),
        ('{"status":"ok","response":{"type":"order","data":{"statuses":[{"error":"Order has zero size."}]}}}', 22),
        ('{"status":"unknownOid"}', 2),
        ('{"status":"ok","response":{"type":"order","data":{"statuses":["success"]}}}', None),
        ('{"status":"ok","response":{"type":"default"}}', None),
        ("<html>", None),
    ],
)
def test_the_words_in_an_error(body: str, code: int | None) -> None:
    """None where the venue said nothing."""
    refused = rest.refusal(f"hyperliquid {body}", "order")
    assert (None if refused is None else refused.code) == code


def test_a_position_that_is_not_one_way_is_refused() -> None:
    """There is no other mode yet."""
    held = {"type": "hedged", "position": {"coin": "BTC", "szi": "1", "unrealizedPnl": "0"}}
    margin = {"accountValue": "1", "totalMarginUsed": "0"}
    told = {"marginSummary": margin, "crossMaintenanceMarginUsed": "0", "withdrawable": "1", "assetPositions": [held]}
    with pytest.raises(MalformedMessage, match="one-way"):
        rest.positions_of(convert(told, rest.Account))


@pytest.mark.realdata
def test_recorded_markets(shared_data: Path) -> None:
    """Bitcoin has five decimals; every listed perpetual has a step and a tick."""
    universe = convert(_recorded(shared_data, "responses__fetch_markets"), rest.Universe)
    specs = [rest.instrument_from(row, rest.Context(oracle_px="7"), rest.FEES_LISTED) for row in universe.universe]
    assert (universe.universe[0].name, universe.universe[0].sz_decimals) == ("BTC", 5)
    assert all(spec.lot_native > 0 and spec.tick_native > 0 for spec in specs)


@pytest.mark.realdata
def test_recorded_fills_and_account(shared_data: Path) -> None:
    """Of the venue's test network, 2026: a cost is positive, a buy is `B`."""
    rows = convert(_recorded(shared_data, "responses__fetch_my_trades"), list[rest.Fill])
    fills = [rest.filled(row, Ns(1)) for row in rows]
    assert {fill.fee_currency for fill in fills} == {"USDC"}
    assert fills[0].amount_native == Decimal("-0.0003")
    assert all(fill.fee_native > 0 for fill in fills if not fill.is_maker)
    account = convert(_recorded(shared_data, "responses__fetch_balance"), rest.Account)
    money = rest.money_of(account)
    assert (money.equity_native, money.balance_native, rest.positions_of(account)) == (998.484463, 998.484463, ())


@pytest.mark.realdata
def test_recorded_refusal(shared_data: Path) -> None:
    """An order nobody knows."""
    refused = rest.refusal(
        f"hyperliquid {json.dumps(_recorded(shared_data, 'recorded_errors__error_order_not_found'))}", "x"
    )
    assert refused is not None
    assert refused.code == 2
