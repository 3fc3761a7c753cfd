"""By the move: everything is hedged when the price has gone a given way since the last hedge, nothing before.

A band in delta when gamma is constant; worse in the wings, where a move makes no delta (theory 4.4).
"""

from typing import Final

from msgspec import Struct

from bot.hedging.band import WIDEST_COIN, Band, BandInputs, BandPolicy, Law, around

LAWS: Final = (Law.ALL_OR_NOTHING, Law.IGNORES_COST, Law.IGNORES_SIZE, Law.IGNORES_GAMMA_SIGN)


class Params(Struct, frozen=True, kw_only=True, tag="price_move"):
    """The move is a fraction of the price at the last hedge fill; the first hedge is due at once."""

    move_fraction: float


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters."""

    def band(inputs: BandInputs) -> Band:
        before = inputs.price_at_hedge_usd
        is_due = before is None or abs(inputs.price_usd - before) >= params.move_fraction * before
        return around(0.0, 0.0 if is_due else WIDEST_COIN)

    return band
