"""A band of fixed width: absolute, or per coin of option held.

Not optimal (excess over the exact optimum about 19 %, theory 9.5), but anybody can check it by eye.
"""

from typing import Final

from msgspec import Struct

from bot.hedging.band import Band, BandInputs, BandPolicy, Law

LAWS: Final = (Law.IGNORES_COST, Law.PROPORTIONAL_TO_SIZE, Law.IGNORES_GAMMA_SIGN)


class Params(Struct, frozen=True, kw_only=True, tag="fixed"):
    """Low edges <= 0, high ones >= 0; the absolute and the relative part add."""

    low_coin: float = 0.0
    high_coin: float = 0.0
    low_coin_per_option_coin: float = -0.05
    high_coin_per_option_coin: float = 0.05


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters."""

    def band(inputs: BandInputs) -> Band:
        gross = inputs.option_coin_gross
        return Band(
            low_coin=params.low_coin + params.low_coin_per_option_coin * gross,
            high_coin=params.high_coin + params.high_coin_per_option_coin * gross,
            target_coin=0.0,
        )

    return band
