"""A band of fixed width around a target: absolute, or per coin of option held.

Not optimal (excess over the exact optimum about 19 %, theory 9.5), but anybody can check it by eye.
"""

from msgspec import Struct

from bot.hedging.band import Band, BandInputs, BandPolicy


class Params(Struct, frozen=True, kw_only=True):
    """Edges relative to the target: low ones <= 0, high ones >= 0; the absolute and the relative part add."""

    target_coin: float = 0.0
    low_coin: float = 0.0
    high_coin: float = 0.0
    low_coin_per_option_coin: float = -0.05
    high_coin_per_option_coin: float = 0.05


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters."""

    def band(inputs: BandInputs) -> Band:
        gross = inputs.option_coin_gross
        return Band(
            low_coin=params.target_coin + params.low_coin + params.low_coin_per_option_coin * gross,
            high_coin=params.target_coin + params.high_coin + params.high_coin_per_option_coin * gross,
            target_coin=params.target_coin,
        )

    return band
