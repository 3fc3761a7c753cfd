"""The door between float and Decimal: no size is invented, no price leaves its grid, noise is no error."""

import math
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement, TickStep
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

_INVERSE = Instrument(
    id=InstrumentId("BTC-PERPETUAL"),
    venue=VenueId("deribit"),
    kind=Kind.PERPETUAL,
    base="BTC",
    settlement=Settlement.COIN,
    settlement_currency="BTC",
    index_name="btc_usd",
    contract_size_native=Decimal(10),
    lot_native=Decimal(10),
    tick_native=Decimal("0.5"),
    fee_rate_maker=Decimal(0),
    fee_rate_taker=Decimal(0),
)
_OPTION = replace(
    _INVERSE,
    kind=Kind.OPTION,
    lot_native=Decimal("0.1"),
    tick_native=Decimal("0.0001"),
    tick_steps=(TickStep(above_native=Decimal("0.005"), tick_native=Decimal("0.0005")),),
)
_steps = st.sampled_from([Decimal(text) for text in ("10", "1", "0.5", "0.1", "0.0005", "0.0001", "0.00001")])
_lots = st.integers(min_value=-1_000_000, max_value=1_000_000)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_of_the_wire_comes_back_as_it_was(value: float) -> None:
    """JSON numbers decoded to float and back lose nothing."""
    assert float_from_decimal(decimal_from_wire(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False), st.sampled_from(["{}", "{:e}", "{:E}", " {}"]))
def test_text_of_the_wire_keeps_every_digit(value: Decimal, form: str) -> None:
    """In scientific notation as well."""
    assume(math.isfinite(float(value)) and bool(float(value)) == bool(value))
    text = form.format(value)

    assert decimal_from_wire(text) == Decimal(text)


@given(st.text(max_size=12))
def test_any_other_text_is_refused_by_name(text: str) -> None:
    """Either a finite number or a ValueError: never NaN, never another exception."""
    try:
        number = decimal_from_wire(text)
    except ValueError:
        return
    assert number.is_finite()


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=8), _steps, st.sampled_from(Rounding))
def test_rounding_lands_on_the_grid_within_a_step(value: Decimal, step: Decimal, rounding: Rounding) -> None:
    """On the side its name says."""
    found = round_to_step(value, step, rounding)

    assert found % step == 0
    assert abs(found - value) < step
    if rounding is Rounding.DOWN:
        assert found <= value
    elif rounding is Rounding.UP:
        assert found >= value
    elif rounding is Rounding.TOWARD_ZERO:
        assert abs(found) <= abs(value)
        assert found * value >= 0
    else:
        assert abs(found - value) * 2 <= step


@given(_lots, _steps)
def test_float_noise_is_snapped_and_half_a_step_is_refused(lots: int, step: Decimal) -> None:
    """An amount that went through a float is on its lot again; one between two lots is an error, not a guess."""
    exact = lots * step
    noisy = decimal_from_wire(float_from_decimal(exact) * (1.0 + 1e-15))

    assert snap_to_step(noisy, step) == exact
    with pytest.raises(ValueError, match="is not a multiple"):
        snap_to_step(exact + step / 2, step)


@given(_lots, st.floats(min_value=100.0, max_value=1e6))
def test_coins_of_an_amount_give_the_amount_back(lots: int, price_usd: float) -> None:
    """USD to coins and back at one price: not one lot less by float noise."""
    amount = lots * _INVERSE.lot_native
    coins = coin_from_amount(_INVERSE, amount, price_usd)

    assert amount_from_coin_toward_zero(_INVERSE, coins, price_usd) == amount


@pytest.mark.parametrize("qty_coin", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_a_bug_at_the_door(qty_coin: float) -> None:
    """A quantity that is not finite must never become an order."""
    with pytest.raises(AssertionError, match="is not finite"):
        amount_from_coin_toward_zero(_INVERSE, qty_coin, 100_000.0)


@given(st.floats(min_value=0.0001, max_value=10.0), st.sampled_from([Rounding.DOWN, Rounding.UP]))
def test_a_price_is_on_the_ladder_and_on_its_side(price: float, rounding: Rounding) -> None:
    """Across the step of the ladder too: the result is on the grid that holds at the result."""
    found = price_to_tick(_OPTION, price, rounding)
    exact = decimal_from_wire(price)

    assert found % tick_at(_OPTION, found) == 0
    assert abs(found - exact) < tick_at(_OPTION, exact)
    assert found <= exact if rounding is Rounding.DOWN else found >= exact
