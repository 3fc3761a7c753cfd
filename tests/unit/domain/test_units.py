"""The door between float and Decimal: exact, on the grid, never past the wanted size."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.units import (
    Rounding,
    amount_from_coin_toward_zero,
    coin_from_amount,
    decimal_from_wire,
    float_from_decimal,
    price_to_tick,
    round_to_step,
    snap_to_step,
    tick_at,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.0583", "0.0583"),
        ("6.4e4", "64000"),
        (0.1, "0.1"),
        (64000.0, "64000"),
        (1e-8, "0.00000001"),
        (10, "10"),
        ("1234567890123456789", "1234567890123456789"),
        (-0.3, "-0.3"),
    ],
)
def test_a_wire_number_keeps_its_digits(value: str | float, expected: str) -> None:
    """Text, floats and integers become the Decimal a human reads in them."""
    assert decimal_from_wire(value) == Decimal(expected)


@pytest.mark.parametrize(
    "value", ["", "abc", "NaN", "Infinity", "-inf", float("nan"), float("inf"), True, "1,5", "1e400", "-1e-400"]
)
def test_what_is_not_a_finite_number_is_refused(value: str | float) -> None:
    """Nothing that is not a number gets through as one."""
    with pytest.raises(ValueError, match="is not a"):
        decimal_from_wire(value)


def test_money_becomes_a_float() -> None:
    """A Decimal keeps its value to double precision."""
    assert float_from_decimal(Decimal("0.35")) == pytest.approx(0.35, rel=1e-15)


@pytest.mark.parametrize(
    ("value", "step", "rounding", "expected"),
    [
        ("37", "10", Rounding.DOWN, "30"),
        ("37", "10", Rounding.UP, "40"),
        ("-37", "10", Rounding.DOWN, "-40"),
        ("-37", "10", Rounding.UP, "-30"),
        ("-37", "10", Rounding.TOWARD_ZERO, "-30"),
        ("35", "10", Rounding.NEAREST, "40"),
        ("0.00051", "0.0005", Rounding.TOWARD_ZERO, "0.0005"),
        ("0.3", "0.1", Rounding.DOWN, "0.3"),
    ],
)
def test_rounding_goes_where_its_name_says(value: str, step: str, rounding: Rounding, expected: str) -> None:
    """Named directions, also for negative numbers."""
    assert round_to_step(Decimal(value), Decimal(step), rounding) == Decimal(expected)


def test_a_grid_needs_a_positive_step() -> None:
    """A step of zero is a bug of the caller; a number of 61 digits is none of steps."""
    with pytest.raises(AssertionError, match="must be positive"):
        round_to_step(Decimal(1), Decimal(0), Rounding.DOWN)
    with pytest.raises(ValueError, match="more steps"):
        round_to_step(Decimal("1e60"), Decimal("0.5"), Rounding.DOWN)


def test_float_noise_is_snapped_and_a_wrong_grid_is_refused() -> None:
    """0.30000000000000004 is three lots of 0.1; 0.35 is not on that grid."""
    assert snap_to_step(Decimal("0.30000000000000004"), Decimal("0.1")) == Decimal("0.3")
    with pytest.raises(ValueError, match=r"0\.35 is not a multiple of 0\.1"):
        snap_to_step(Decimal("0.35"), Decimal("0.1"))


@pytest.mark.parametrize(
    ("qty_coin", "expected"),
    [(0.1, "10000"), (0.10009, "10000"), (-0.10009, "-10000"), (0.00009, "0"), (-0.5, "-50000")],
)
def test_an_inverse_perpetual_is_counted_in_usd(inverse_perpetual: Instrument, qty_coin: float, expected: str) -> None:
    """Coins times price, toward zero to 10 USD, at 100,000 USD per coin."""
    assert amount_from_coin_toward_zero(inverse_perpetual, qty_coin, 100_000.0) == Decimal(expected)


@pytest.mark.parametrize(("qty_coin", "expected"), [(0.1, "0.1"), (0.29999999999999998, "0.3"), (-0.00005, "0")])
def test_a_linear_perpetual_is_counted_in_coins(linear_perpetual: Instrument, qty_coin: float, expected: str) -> None:
    """Coins, toward zero to the lot; a float a hair short of a lot still counts as it."""
    assert amount_from_coin_toward_zero(linear_perpetual, qty_coin, 100_000.0) == Decimal(expected)


@given(
    qty_coin=st.floats(min_value=-1e4, max_value=1e4), price_usd=st.floats(min_value=1.0, max_value=1e6), data=st.data()
)
def test_a_hedge_never_overshoots(qty_coin: float, price_usd: float, data: st.DataObject) -> None:
    """The rounded amount has the sign of the wish, is at most the wish, and misses it by less than a lot."""
    lot = data.draw(st.sampled_from([Decimal(10), Decimal("0.0001"), Decimal("0.1")]))
    spec = _perpetual(lot)
    amount = amount_from_coin_toward_zero(spec, qty_coin, price_usd)
    got_coin = coin_from_amount(spec, amount, price_usd)
    lot_coin = coin_from_amount(spec, lot, price_usd)

    assert amount % lot == 0
    assert got_coin * qty_coin >= 0.0
    assert abs(got_coin) <= abs(qty_coin) * (1.0 + 1e-11)
    assert abs(got_coin - qty_coin) <= lot_coin * (1.0 + 1e-9)


def _perpetual(lot: Decimal) -> Instrument:
    is_inverse = lot == Decimal(10)
    return Instrument(
        id="X",
        venue="v",
        kind=Kind.PERPETUAL,
        base="BTC",
        settlement=Settlement.COIN if is_inverse else Settlement.USD,
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size_native=lot,
        lot_native=lot,
        tick_native=Decimal("0.5"),
        fee_rate_maker=Decimal(0),
        fee_rate_taker=Decimal(0),
    )


@pytest.mark.parametrize(
    ("price", "tick"), [("0.0001", "0.0001"), ("0.005", "0.0001"), ("0.0051", "0.0005"), ("1", "0.0005")]
)
def test_the_tick_depends_on_the_price(inverse_call: Instrument, price: str, tick: str) -> None:
    """The ladder changes above its step, not at it."""
    assert tick_at(inverse_call, Decimal(price)) == Decimal(tick)


@pytest.mark.parametrize(
    ("price", "rounding", "expected"),
    [
        (0.0583, Rounding.DOWN, "0.0580"),
        (0.0583, Rounding.UP, "0.0585"),
        (0.00432, Rounding.UP, "0.0044"),
        (Decimal("0.0585"), Rounding.UP, "0.0585"),
    ],
)
def test_a_price_lands_on_its_tick(
    inverse_call: Instrument, price: float | Decimal, rounding: Rounding, expected: str
) -> None:
    """On the ladder of the instrument, in the named direction."""
    assert price_to_tick(inverse_call, price, rounding) == Decimal(expected)
