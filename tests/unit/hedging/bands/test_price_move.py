"""By the move."""

from collections.abc import Callable

import pytest

from bot.hedging.band import WIDEST_COIN, BandInputs
from bot.hedging.bands import price_move


@pytest.mark.parametrize(
    ("before", "half"),
    [(None, 0.0), (64_250.5, WIDEST_COIN), (63_600.0, 0.0), (65_000.0, 0.0), (63_700.0, WIDEST_COIN)],
)
def test_due_at_first_and_after_one_percent(
    inputs: Callable[..., BandInputs], before: float | None, half: float
) -> None:
    """Either way, of the price at the last fill."""
    band = price_move.policy(price_move.Params(move_fraction=0.01))(inputs(price_at_hedge_usd=before))

    assert band.high_coin == half
