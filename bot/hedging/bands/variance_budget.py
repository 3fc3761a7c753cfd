"""As wide as a money risk allows: net delta x price x volatility over a horizon stays within a budget in USD.

The easiest to explain to a risk officer; blind to cost, so it may pay more than the risk is worth (theory 4.4).
"""

import math
from typing import Final

from msgspec import Struct

from bot.hedging.band import Band, BandInputs, BandPolicy, Law, around

LAWS: Final = (Law.IGNORES_COST, Law.IGNORES_SIZE, Law.IGNORES_GAMMA_SIGN)
_HOURS_PER_YEAR: Final = 365.0 * 24.0


class Params(Struct, frozen=True, kw_only=True, tag="variance_budget"):
    """The budget is one standard deviation over the horizon."""

    budget_usd: float
    horizon_hours: float = 24.0


def half_width_coin(*, budget_usd: float, price_usd: float, iv: float, horizon_hours: float) -> float:
    """H = B / (S σ sqrt(H)), coins."""
    return budget_usd / (price_usd * iv * math.sqrt(horizon_hours / _HOURS_PER_YEAR))


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters; without options nothing is known of volatility and no delta is left."""

    def band(inputs: BandInputs) -> Band:
        iv = inputs.iv_mark
        if iv is None or iv <= 0.0:
            return around(0.0, 0.0)
        half = half_width_coin(
            budget_usd=params.budget_usd, price_usd=inputs.price_usd, iv=iv, horizon_hours=params.horizon_hours
        )
        return around(0.0, half)

    return band
