"""The delta of a given move."""

from collections.abc import Callable

import pytest

from bot.hedging.band import BandInputs
from bot.hedging.bands import gamma_scaled


@pytest.mark.parametrize(("floor", "expected"), [(0.0, 7.44349e-4 * 642.505), (1.0, 1.0)])
def test_one_percent_of_the_price_times_gamma(inputs: Callable[..., BandInputs], floor: float, expected: float) -> None:
    """A move of 642.505 USD makes 0.478 coin; the floor holds below it."""
    band = gamma_scaled.policy(gamma_scaled.Params(move_fraction=0.01, half_coin_min=floor))(inputs())

    assert band.high_coin == pytest.approx(expected)
