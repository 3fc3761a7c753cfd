"""Cross the spread: one limit order, immediate-or-cancel, capped against the touch. Leaves nothing resting.

Pure. Knows prices and grids; nothing of why it trades.
"""

from decimal import Decimal

from msgspec import Struct

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.domain.units import Rounding, float_from_decimal, price_to_tick

_BPS = 1e-4


class Params(Struct, frozen=True, kw_only=True):
    """How far and how long."""

    slippage_bps_max: float = 10.0
    """Limit beyond the touch, basis points of it."""
    valid_for_ns: Ns = Ns(2_000_000_000)
    """The venue must start the order within this time (`valid_until`)."""


def limit_price(
    instrument: Instrument, *, amount_native: Decimal, bid_usd: float, ask_usd: float, params: Params
) -> Decimal:
    """Worst acceptable price: the opposite touch and the slippage cap, on the tick, never beyond the cap.

    A cap narrower than a tick gives the touch itself.
    """
    if amount_native > 0:
        touch = price_to_tick(instrument, ask_usd, Rounding.UP)
        capped = price_to_tick(instrument, ask_usd * (1.0 + params.slippage_bps_max * _BPS), Rounding.DOWN)
        return max(touch, capped)
    touch = price_to_tick(instrument, bid_usd, Rounding.DOWN)
    capped = price_to_tick(instrument, bid_usd * (1.0 - params.slippage_bps_max * _BPS), Rounding.UP)
    return min(touch, capped)


def outside_band(price_native: Decimal, price_min_usd: float | None, price_max_usd: float | None) -> str | None:
    """Why the venue would not take this price, in words; None inside its band or where it tells none."""
    price = float_from_decimal(price_native)
    if price_min_usd is not None and price < price_min_usd:
        return f"limit {price_native} under the venue's lowest price {price_min_usd:g}"
    if price_max_usd is not None and price > price_max_usd:
        return f"limit {price_native} over the venue's highest price {price_max_usd:g}"
    return None
