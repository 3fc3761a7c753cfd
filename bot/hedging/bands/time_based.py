"""By the clock: everything is hedged when the interval is over, nothing before.

Its best interval costs 56 % more than the best band (theory 4.1); for comparison, and for those who report
by the hour.
"""

import math
from typing import Final

from msgspec import Struct

from bot.domain.time import NS_PER_S
from bot.hedging.band import WIDEST_COIN, Band, BandInputs, BandPolicy, Law, around

LAWS: Final = (Law.ALL_OR_NOTHING, Law.IGNORES_COST, Law.IGNORES_SIZE, Law.IGNORES_GAMMA_SIGN)


class Params(Struct, frozen=True, kw_only=True, tag="time_based"):
    """Counted from the last hedge fill; the first hedge is due at once."""

    interval_s: float


def optimal_interval_years(*, cost_per_coin_usd: float, risk_usd: float, delta_sd_coin: float) -> float:
    """τ = (sqrt(2/π) c / (a s))^(2/3), years: c cost of a coin, a = ra σ^2 S^2 / 2, s = |Γ| σ S (theory 4.1)."""
    return math.cbrt(math.sqrt(2.0 / math.pi) * cost_per_coin_usd / (risk_usd * delta_sd_coin)) ** 2


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters."""

    def band(inputs: BandInputs) -> Band:
        since_ns = inputs.since_hedge_ns
        is_due = since_ns is None or since_ns >= params.interval_s * NS_PER_S
        return around(0.0, 0.0 if is_due else WIDEST_COIN)

    return band
