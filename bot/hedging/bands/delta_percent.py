"""A share of the delta that is being hedged: the threshold many hosted tools offer.

Blind to gamma and cost; a straddle at the money has next to no delta, so the floor is what holds its band open.
"""

from typing import Final

from msgspec import Struct

from bot.hedging.band import Band, BandInputs, BandPolicy, Law, around

LAWS: Final = (Law.IGNORES_COST, Law.PROPORTIONAL_TO_SIZE, Law.IGNORES_GAMMA_SIGN)


class Params(Struct, frozen=True, kw_only=True, tag="delta_percent"):
    """Percent of the book's option delta, net; the floor in coins."""

    percent: float
    half_coin_min: float


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters."""

    def band(inputs: BandInputs) -> Band:
        half = abs(inputs.delta_coin_options) * params.percent / 100.0
        return around(0.0, max(half, params.half_coin_min))

    return band
