"""A share of the option delta."""

from collections.abc import Callable

import pytest

from bot.hedging.band import BandInputs
from bot.hedging.bands import delta_percent


@pytest.mark.parametrize(("delta", "expected"), [(5.0, 0.25), (-5.0, 0.25), (0.1, 0.05)])
def test_five_percent_of_the_option_delta_with_a_floor(
    inputs: Callable[..., BandInputs], delta: float, expected: float
) -> None:
    """Either sign; a straddle is held open by the floor."""
    params = delta_percent.Params(percent=5.0, half_coin_min=0.05)

    assert delta_percent.policy(params)(inputs(delta_coin_options=delta)).high_coin == pytest.approx(expected)
