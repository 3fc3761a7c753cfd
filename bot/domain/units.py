"""The one door between float and Decimal, and between coins and an instrument's native units.

Knows grids (lot, tick ladder) and contract kinds; nothing of markets.
"""

import decimal
import enum
import math
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument

ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_RESIDUE_MAX: Final = Decimal("1e-6")
"""A wire number may miss its grid by this share of a step: float noise, not a wrong grid."""

_EXACT: Final = decimal.Context(prec=40)


class Rounding(enum.StrEnum):
    """Named directions, in the words of `decimal`; a bare `round` on money is banned."""

    DOWN = decimal.ROUND_FLOOR
    UP = decimal.ROUND_CEILING
    TOWARD_ZERO = decimal.ROUND_DOWN
    NEAREST = decimal.ROUND_HALF_EVEN


def decimal_from_wire(value: str | int | float) -> Decimal:
    """A number as a venue or ccxt hands it over, exact to about 15 digits; ValueError unless a float can be it."""
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(str(value))  # all there is to show: prices of every answer to an order come by here
    try:
        number = Decimal(value) if isinstance(value, str) else Decimal(str(value))
    except decimal.InvalidOperation as error:
        message = f"{value!r} is not a number"
        raise ValueError(message) from error
    if isinstance(value, bool) or not number.is_finite() or not _is_float(number):
        message = f"{value!r} is not a finite number"
        raise ValueError(message)
    return number


def _is_float(number: Decimal) -> bool:
    """Whether mathematics has a number for it: neither infinity nor, unless it is nothing, nothing."""
    as_float = float(number)
    return math.isfinite(as_float) and (as_float != 0.0 or number == ZERO)


def float_from_decimal(value: Decimal) -> float:
    """Money to mathematics."""
    return float(value)


def round_to_step(value: Decimal, step: Decimal, rounding: Rounding) -> Decimal:
    """The multiple of `step` next to `value` in the named direction; ValueError when it has more than 40 digits."""
    assert step > 0, f"step {step} must be positive"
    try:
        count = (value / step).quantize(_ONE, rounding, _EXACT)
    except decimal.InvalidOperation:
        message = f"{value} is more steps of {step} than can be counted"
        raise ValueError(message) from None
    return count * step


def snap_to_step(value: Decimal, step: Decimal) -> Decimal:
    """`value` on its grid where only float noise is off; ValueError when it is really off-grid."""
    snapped = round_to_step(value, step, Rounding.NEAREST)
    if snapped != value and abs(snapped - value) > step * _RESIDUE_MAX:
        message = f"{value} is not a multiple of {step}"
        raise ValueError(message)
    return snapped


def coin_from_amount(instrument: Instrument, amount_native: Decimal | float, price_usd: float) -> float:
    """Signed native amount to signed coins at `price_usd` (used by inverse futures only)."""
    amount = float(amount_native)
    return amount / price_usd if instrument.amount_is_in_usd else amount


def amount_from_coin_toward_zero(instrument: Instrument, qty_coin: float, price_usd: float) -> Decimal:
    """Signed coins to the signed native amount, rounded toward zero to the lot; zero below one lot."""
    assert math.isfinite(qty_coin), f"quantity {qty_coin} of {instrument.id} is not finite"
    assert price_usd > 0, f"price {price_usd} of {instrument.id} must be positive"
    native = qty_coin * price_usd if instrument.amount_is_in_usd else qty_coin
    # A hair toward the next lot, so that 0.3 coins stored as 0.29999999999999998 stay three lots.
    nudged = Decimal(repr(native * (1.0 + 1e-12)))
    return round_to_step(nudged, instrument.lot_native, Rounding.TOWARD_ZERO)


def tick_at(instrument: Instrument, price_native: Decimal) -> Decimal:
    """Step of prices at this price: the ladder of `tick_steps` over `tick_native`."""
    tick = instrument.tick_native
    for step in instrument.tick_steps:
        if price_native > step.above_native:
            tick = step.tick_native
    return tick


def price_to_tick(instrument: Instrument, price_native: float | Decimal, rounding: Rounding) -> Decimal:
    """A price on the instrument's grid, in the named direction."""
    price = price_native if isinstance(price_native, Decimal) else Decimal(repr(price_native))
    return round_to_step(price, tick_at(instrument, price), rounding)
