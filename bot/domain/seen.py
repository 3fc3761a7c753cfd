"""Things a venue shows of an account, inside events: a position, an order and its state.

Units: `_native` = the instrument's own unit (see `Instrument`); absent is None, never 0.
"""

import enum
from decimal import Decimal

from msgspec import Struct

from bot.domain.ids import InstrumentId, Label, OrderId


class VenueOrderState(enum.StrEnum):
    """State of an order as the venue tells it."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class PositionSeen(Struct, frozen=True, kw_only=True):
    """One position at the venue. Greeks are of the whole position, signed; None: not told."""

    instrument: InstrumentId
    amount_native: Decimal
    """Signed: USD for inverse futures, coins otherwise."""
    average_native: Decimal | None = None
    """Price the venue counts its profit from."""
    mark_native: float | None = None
    funding_native: Decimal | None = None
    """Received in this session, settlement currency; negative is paid. Perpetuals only."""
    delta_coin: float | None = None
    """Black-76, decayed in the settlement window."""
    gamma_coin_per_usd: float | None = None
    vega_usd_per_point: float | None = None
    theta_usd_per_day: float | None = None


class OrderSeen(Struct, frozen=True, kw_only=True):
    """One open order at the venue, ours or a stranger's."""

    order_id: OrderId
    label: Label | None
    instrument: InstrumentId
    amount_native: Decimal
    """Signed, whole order."""
    filled_native: Decimal
    """Unsigned."""
    price_native: Decimal | None
