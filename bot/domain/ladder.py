"""What the gap-risk ladder is measured from, and what it tells: plain rows. Knows no formula."""

from msgspec import Struct

from bot.domain.reasons import Rung


class OptionHeld(Struct, frozen=True, kw_only=True, array_like=True):
    """A held option as the gap-risk ladder needs it."""

    qty_coin: float
    """Signed coins of the underlying."""
    forward_usd: float
    strike_usd: float
    tau_years: float
    iv: float
    is_call: bool
    is_inverse: bool


class FutureHeld(Struct, frozen=True, kw_only=True, array_like=True):
    """A held perpetual or future as the gap-risk ladder needs it."""

    amount_native: float
    """Signed: USD where coin-settled, coins otherwise."""
    price_usd: float
    is_inverse: bool


class RungSeen(Struct, frozen=True, kw_only=True):
    """One figure of the gap-risk ladder where it is worst."""

    rung: Rung
    spot_share: float
    """Move of spot, 0.2 = up 20 %."""
    iv_move: float
    """Move of volatility, 0.1 = up ten points."""
    figure_native: float
    """`loss`: USD, positive; `delta`: coins, signed; `margin`: maintenance margin over what the equity would be."""


class LadderStep(Struct, frozen=True, kw_only=True):
    """The book after a move of spot, volatility unmoved; profits against the unmoved market."""

    spot_share: float
    delta_coin_net: float
    """Black-76 deltas plus futures."""
    gamma_coin_per_usd: float
    pnl_coin: float
    pnl_usd: float
    margin_coin: float
