"""As wide as the delta that a given move of the price makes: easy to say, and it follows gamma.

No cost in it: where costs change, so should the move. With constant gamma it equals waiting for that move.
"""

from typing import Final

from msgspec import Struct

from bot.hedging.band import Band, BandInputs, BandPolicy, Law, around

LAWS: Final = (Law.IGNORES_COST, Law.PROPORTIONAL_TO_SIZE, Law.IGNORES_GAMMA_SIGN)


class Params(Struct, frozen=True, kw_only=True, tag="gamma_scaled"):
    """The move is a fraction of the price; the floor keeps a book without gamma from trading for nothing."""

    move_fraction: float
    half_coin_min: float = 0.0


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters."""

    def band(inputs: BandInputs) -> Band:
        half = abs(inputs.gamma_coin_per_usd) * inputs.price_usd * params.move_fraction
        return around(0.0, max(half, params.half_coin_min))

    return band
