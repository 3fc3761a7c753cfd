"""The fixed band: absolute and relative width, edges on their own."""

from collections.abc import Callable

import pytest

from bot.hedging.band import Band, BandInputs
from bot.hedging.bands import fixed


@pytest.mark.parametrize(
    ("params", "option_coin_gross", "expected"),
    [
        (fixed.Params(), 2.0, (-0.1, 0.1)),
        (fixed.Params(), 0.0, (0.0, 0.0)),
        (fixed.Params(low_coin_per_option_coin=-0.02), 1.0, (-0.02, 0.05)),
        (fixed.Params(low_coin=-0.1, high_coin=0.2), 2.0, (-0.2, 0.3)),
    ],
)
def test_edges_are_absolute_plus_relative_width(
    inputs: Callable[..., BandInputs], params: fixed.Params, option_coin_gross: float, expected: tuple[float, float]
) -> None:
    """0.05 coin either side per coin of option by default."""
    low, high = expected

    band = fixed.policy(params)(inputs(option_coin_gross=option_coin_gross))

    assert band == Band(low_coin=pytest.approx(low), high_coin=pytest.approx(high), target_coin=0.0)
