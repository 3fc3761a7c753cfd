"""By the clock; the optimal interval's table is in tests/reference."""

from collections.abc import Callable

import pytest

from bot.domain.time import NS_PER_S
from bot.hedging.band import WIDEST_COIN, BandInputs
from bot.hedging.bands import time_based


@pytest.mark.parametrize(
    ("since_ns", "half"),
    [(None, 0.0), (0, WIDEST_COIN), (3600 * NS_PER_S - 1, WIDEST_COIN), (3600 * NS_PER_S, 0.0)],
)
def test_due_at_first_and_when_the_interval_is_over(
    inputs: Callable[..., BandInputs], since_ns: int | None, half: float
) -> None:
    """To the nanosecond, from the last fill."""
    band = time_based.policy(time_based.Params(interval_s=3600.0))(inputs(since_hedge_ns=since_ns))

    assert band.high_coin == half
