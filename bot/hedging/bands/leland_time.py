"""Leland (1985): by the clock, with the delta at a volatility that has the cost in it.

σ_L^2 = σ^2 (1 + A), A = sqrt(8/π) λ / (σ sqrt(dt)), for long books 1 - A (theory 4.2). Good for pricing what
hedging will cost; as a rule when to hedge it inherits the clock's defects.
"""

import math
from typing import Final

from msgspec import Struct

from bot.domain.time import NS_PER_S, NS_PER_YEAR
from bot.hedging.band import WIDEST_COIN, Band, BandInputs, BandPolicy, Law, around, taker_cost_fraction

LAWS: Final = (Law.ALL_OR_NOTHING, Law.IGNORES_SIZE)


class Params(Struct, frozen=True, kw_only=True, tag="leland_time"):
    """Counted from the last hedge fill; the first hedge is due at once."""

    interval_s: float


def leland_iv(iv: float, *, cost_fraction: float, interval_years: float, is_long: bool) -> float:
    """σ_L; a long book whose costs exceed its variance is left with none."""
    strength = math.sqrt(8.0 / math.pi) * cost_fraction / (iv * math.sqrt(interval_years))
    return iv * math.sqrt(max(1.0 - strength if is_long else 1.0 + strength, 0.0))


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters. The shift of the delta is taken to first order in volatility."""

    def band(inputs: BandInputs) -> Band:
        since_ns = inputs.since_hedge_ns
        if since_ns is not None and since_ns < params.interval_s * NS_PER_S:
            return around(0.0, WIDEST_COIN)
        iv = inputs.iv_mark
        if iv is None or iv <= 0.0:
            return around(0.0, 0.0)
        adjusted = leland_iv(
            iv,
            cost_fraction=taker_cost_fraction(inputs),
            interval_years=params.interval_s * NS_PER_S / NS_PER_YEAR,
            is_long=inputs.gamma_coin_per_usd > 0.0,
        )
        return around(-inputs.vanna_coin_per_vol * (adjusted - iv), 0.0)

    return band
