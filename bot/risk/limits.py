"""Hard limits of a book. A configuration without them does not load."""

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """What may never be exceeded by a decision of ours."""

    order_usd_max: float
    """A larger hedge is cut to this size; the rest follows after it has filled."""
    hedge_position_usd_max: float
    """No order may take the hedge position beyond this, in either direction."""
    delta_coin_worst_max: float
    """Hard limit on the worst-case net delta in coins; beyond it an alarm, and only reducing trades."""
    orders_per_minute_max: int
    refusals_in_a_row_max: int
    """That many refused orders in a row halt the book."""
    unresolved_ns_max: int
    """An order still unknown after this long halts the book and calls a human."""
