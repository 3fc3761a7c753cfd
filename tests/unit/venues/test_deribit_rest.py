"""Listings, positions, orders and error texts of the REST interface."""

import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import MalformedMessage
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind, Settlement, TickStep
from bot.domain.seen import OrderSeen, PositionSeen
from bot.domain.time import expiry_ns_from_code
from bot.venues import deribit_rest
from bot.venues.deribit_rest import ErrorBody, Position
from bot.venues.deribit_wire import Order, Placed, Portfolio
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import convert

OPTION = {
    "instrument_name": "BTC-27MAR26-100000-C",
    "kind": "option",
    "base_currency": "BTC",
    "settlement_currency": "BTC",
    "instrument_type": "reversed",
    "price_index": "btc_usd",
    "settlement_period": "month",
    "is_active": True,
    "state": "open",
    "contract_size": 1.0,
    "min_trade_amount": 0.1,
    "tick_size": 1.0e-4,
    "tick_size_steps": [{"above_price": 0.005, "tick_size": 5.0e-4}],
    "maker_commission": 3.0e-4,
    "taker_commission": 3.0e-4,
    "expiration_timestamp": expiry_ns_from_code("27MAR26") // 1_000_000,
    "strike": 100_000,
    "option_type": "call",
    "instrument_id": 1,
}
LINEAR = {
    "instrument_name": "BTC_USDC-PERPETUAL",
    "kind": "future",
    "base_currency": "BTC",
    "settlement_currency": "USDC",
    "instrument_type": "linear",
    "price_index": "btc_usdc",
    "settlement_period": "perpetual",
    "contract_size": 0.0001,
    "min_trade_amount": 0.0001,
    "tick_size": 0.1,
    "maker_commission": 0.00015,
    "taker_commission": 0.00035,
    "expiration_timestamp": 32_503_708_800_000,
}


@pytest.mark.parametrize(("row", "rates"), [(OPTION, ("0.0003", "0.0003")), (LINEAR, ("0.00015", "0.00035"))])
def test_a_listing_without_fees_is_at_the_venue_s_standard(
    settings: VenueSettings, row: dict[str, object], rates: tuple[str, str]
) -> None:
    """A missing fee must not make hedging look free; a fee of zero that is listed is one."""
    bare = {name: value for name, value in row.items() if not name.endswith("_commission")}
    missing = deribit_rest.instrument_from(bare, settings)
    free = deribit_rest.instrument_from(row | {"maker_commission": 0.0, "taker_commission": 0.0}, settings)

    assert missing is not None
    assert free is not None
    assert (str(missing.fee_rate_maker), str(missing.fee_rate_taker)) == rates
    assert (free.fee_rate_maker, free.fee_rate_taker) == (0, 0)


def position(name: str, kind: str, direction: str, size: float, size_currency: float | None = None) -> Position:
    """A row of get_positions."""
    return Position(InstrumentId(name), kind, direction, size, size_currency)  # type: ignore[arg-type]


def test_option_listing(settings: VenueSettings) -> None:
    """Lot, tick ladder, fees, strike and expiry come from the venue's own row, exactly."""
    expected = Instrument(
        id=InstrumentId("BTC-27MAR26-100000-C"),
        venue=settings.venue,
        kind=Kind.OPTION,
        base="BTC",
        settlement=Settlement.COIN,
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size_native=Decimal(1),
        lot_native=Decimal("0.1"),
        tick_native=Decimal("0.0001"),
        tick_steps=(TickStep(above_native=Decimal("0.005"), tick_native=Decimal("0.0005")),),
        fee_rate_maker=Decimal("0.0003"),
        fee_rate_taker=Decimal("0.0003"),
        expiry_ns=expiry_ns_from_code("27MAR26"),
        strike_usd=100_000.0,
        is_call=True,
    )
    assert expected == deribit_rest.instrument_from(OPTION, settings)


def test_linear_perpetual_listing(settings: VenueSettings) -> None:
    """Settled in USDC, amounts in coins, no expiry."""
    perp = deribit_rest.instrument_from(LINEAR, settings)
    assert perp is not None
    assert (Kind.PERPETUAL, Settlement.USD, "USDC", Decimal("0.0001"), None, False) == (
        perp.kind,
        perp.settlement,
        perp.settlement_currency,
        perp.lot_native,
        perp.expiry_ns,
        perp.amount_is_in_usd,
    )


@pytest.mark.parametrize(
    "change",
    [{"kind": "option_combo"}, {"kind": "spot"}, {"is_active": False}, {"state": "halted"}, {"state": "locked"}],
)
def test_what_is_not_listed(settings: VenueSettings, change: dict[str, object]) -> None:
    """Combos, spot and whatever is not open are left out."""
    assert deribit_rest.instrument_from(OPTION | change, settings) is None


@pytest.mark.parametrize(
    "change",
    [{"tick_size": 0.0}, {"min_trade_amount": 0.0}, {"strike": None}, {"option_type": None}, {"tick_size": "0.1"}],
)
def test_impossible_listing(settings: VenueSettings, change: dict[str, object]) -> None:
    """A listing we could round wrongly with is refused."""
    with pytest.raises(MalformedMessage):
        deribit_rest.instrument_from(OPTION | change, settings)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (position("BTC-PERPETUAL", "future", "sell", -60.0, -0.0013), "-60"),
        (position("BTC_USDC-PERPETUAL", "future", "buy", 8.53, 0.0001), "0.0001"),
        (position("BTC-27MAR26-100000-C", "option", "sell", -0.3), "-0.3"),
        (position("BTC_USDC-27MAR26-100000-C", "option", "buy", 0.3), "0.3"),
    ],
)
def test_positions(row: Position, expected: str) -> None:
    """USD for inverse futures, coins from size_currency for linear ones, coins for options; signed once."""
    seen = deribit_rest.position_seen(row, None)
    assert PositionSeen(instrument=row.instrument_name, amount_native=Decimal(expected)) == seen


def test_flat_position_is_none() -> None:
    """A flat row stays listed with direction zero."""
    assert deribit_rest.position_seen(position("BTC-PERPETUAL", "future", "zero", 0.0, 0.0), None) is None


@pytest.mark.parametrize(
    "row",
    [
        position("BTC-PERPETUAL", "future", "buy", -60.0, -0.0013),
        position("BTC-PERPETUAL", "future", "sell", 60.0),
        position("BTC-PERPETUAL", "future", "zero", 60.0),
        position("BTC_USDC-PERPETUAL", "future", "buy", 8.53),
    ],
)
def test_contradictory_position(row: Position) -> None:
    """A sign that contradicts the direction, or a linear position without coins, is refused."""
    with pytest.raises(MalformedMessage):
        deribit_rest.position_seen(row, None)


def test_amounts_are_facts(perp: Instrument) -> None:
    """Float noise is snapped to the lot; an odd amount stays as it is, where it need not fit."""
    assert Decimal(30) == deribit_rest.as_told(30.000000001, perp)
    assert Decimal(37) == deribit_rest.as_told(37.0, perp)
    with pytest.raises(MalformedMessage, match="not a multiple"):
        deribit_rest.on_lot(37.0, perp)
    seen = deribit_rest.position_seen(position("BTC-PERPETUAL", "future", "buy", 37.0), perp)
    assert seen is not None
    assert Decimal(37) == seen.amount_native


def test_open_orders(perp: Instrument) -> None:
    """Signed amount; no label is none; a word for a price is none. One off today's lot works there all the same."""
    raw = {
        "order_id": "ETH-1",
        "instrument_name": "ETH-PERPETUAL",
        "order_state": "untriggered",
        "direction": "sell",
        "amount": 5,
        "last_update_timestamp": 1,
        "price": "market_price",
    }
    expected = OrderSeen(
        order_id="ETH-1",
        label=None,
        instrument=InstrumentId("ETH-PERPETUAL"),
        amount_native=Decimal(-5),
        filled_native=Decimal(0),
        price_native=None,
    )
    assert expected == deribit_rest.order_seen(convert(raw, Order), None)
    limit = convert(raw | {"price": 2e3, "label": "x", "filled_amount": 1.0}, Order)
    odd = deribit_rest.order_seen(convert(raw | {"amount": 37, "filled_amount": 3.0}, Order), perp)
    assert (Decimal(-37), Decimal(3)) == (odd.amount_native, odd.filled_native)
    seen = deribit_rest.order_seen(limit, None)
    assert ("x", Decimal(1), Decimal(2000)) == (seen.label, seen.filled_native, seen.price_native)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'deribit {"jsonrpc":"2.0","error":{"code":10028,"message":"too_many_requests"}}',
            (10028, "too_many_requests"),
        ),
        (
            'deribit {"error":{"message":"Invalid params","data":{"reason":"{"},"code":-32602}}',
            (-32602, "Invalid params"),
        ),
        ("deribit GET http://host/api/v2/private/buy?label=x", None),
        ("deribit GET http://host 502 Bad Gateway <html>{}</html>", None),
        ('deribit {"error":10000}', None),
        ("deribit {", None),
        ("", None),
    ],
)
def test_error_in_text(text: str, expected: tuple[int, str] | None) -> None:
    """The code is read from the JSON in the text; without one there is none."""
    found = deribit_rest.error_in(text)
    assert (None if expected is None else ErrorBody(*expected)) == (None if found is None else found.error)


@pytest.mark.parametrize(("flag", "says"), [(',"testnet":true', True), (',"testnet":false', False), ("", None)])
def test_a_refusal_says_where_it_comes_from(flag: str, says: bool | None) -> None:
    """Or nothing about it."""
    found = deribit_rest.error_in('deribit {"error":{"code":1,"message":"no"}' + flag + "}")
    assert found is not None
    assert found.testnet is says


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        ("BTC-PERPETUAL", "BTC"),
        ("ETH-27MAR26-3000-P", "ETH"),
        ("BTC_USDC-PERPETUAL", "USDC"),
        ("XRP_USDC-30JUN23-0d625-C", "USDC"),
    ],
)
def test_currency_of(name: str, currency: str) -> None:
    """Linear instruments are listed under their stablecoin."""
    assert currency == deribit_rest.currency_of(name)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, "1", True, None])
def test_numbers_that_are_none(value: object) -> None:
    """The JSON reader of ccxt lets NaN through; here it ends."""
    with pytest.raises(MalformedMessage):
        convert({"index_price": value}, deribit_rest.IndexPrice)


# --- recorded replies --------------------------------------------------------------------------------


def _result(folder: Path, name: str) -> object:
    path = folder / "messages" / "deribit" / name
    body = json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    return body.get("body", body)["result"]


@pytest.mark.realdata
def test_recorded_listing(shared_data: Path, settings: VenueSettings) -> None:
    """Each of 4,813 recorded rows is an instrument or knowingly left out; the ladder is on most options."""
    rows = convert(_result(shared_data, "bourse/deribit__responses__fetch_markets.json.gz"), list[object])
    listed = [deribit_rest.instrument_from(row, settings) for row in rows]
    kinds = Counter("none" if item is None else item.kind.value for item in listed)
    assert (len(rows), kinds["option"] > 4_400) == (4813, True)
    assert {"option", "perpetual", "future", "none"} == set(kinds)
    assert sum(1 for item in listed if item is not None and item.tick_steps) > 3_000


@pytest.mark.realdata
def test_recorded_positions(shared_data: Path) -> None:
    """An option of 0.1 coins is held, a flat perpetual is not."""
    rows = convert(_result(shared_data, "bourse/deribit__responses__fetch_positions.json"), list[Position])
    seen = [deribit_rest.position_seen(row, None) for row in rows]
    option, flat = seen
    assert option is not None
    assert (option.instrument, option.amount_native, flat) == ("BTC-31JUL26-65000-C", Decimal("0.1"), None)
    greeks = (option.delta_coin, option.gamma_coin_per_usd, option.vega_usd_per_point, option.theta_usd_per_day)
    told = (rows[0].delta, rows[0].gamma, rows[0].vega, rows[0].theta)
    assert greeks == told
    assert None not in greeks


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["buy", "sell", "edit"])
def test_recorded_order_replies(shared_data: Path, name: str) -> None:
    """Order replies keep label and state."""
    placed = convert(_result(shared_data, f"nautilus_trader/captured/ws_order_{name}_response.json"), Placed)
    assert (placed.order.order_state, placed.order.label.startswith("O-")) == ("open", True)


@pytest.mark.realdata
def test_recorded_summaries(shared_data: Path) -> None:
    """Account summaries of a cross-margin account have a row per currency."""
    result = _result(shared_data, "nautilus_trader/captured/http_get_account_summaries_cross_margin.json")
    rows = convert(convert(result, dict[str, object])["summaries"], list[Portfolio])
    assert {"BTC", "USDT"} <= {row.currency for row in rows}
