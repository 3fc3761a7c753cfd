"""What an order meets: the touch as it is now, and what was told to stand behind it."""

from typing import Any

import pytest

from bot.market.depth import levels_met, near_native


@pytest.mark.parametrize(
    ("best", "is_buy", "expected"),
    [
        (100_000.5, True, ((100_000.5, 7.0), (100_002.5, 2e6))),
        (100_001.0, True, ((100_001.0, 7.0), (100_002.5, 2e6))),  # the touch went up: what it has passed is gone
        (100_000.0, True, ((100_000.0, 7.0), (100_000.5, 1e6), (100_002.5, 2e6))),  # and came nearer: a new level
        (100_003.0, True, ((100_003.0, 7.0),)),
        (99_999.5, False, ((99_999.5, 7.0), (99_997.5, 2e6))),
        (99_998.0, False, ((99_998.0, 7.0), (99_997.5, 2e6))),
        (None, False, ()),
    ],
)
def test_the_touch_counts_as_it_is_and_levels_stand_behind_it(
    make: Any, best: float | None, is_buy: bool, expected: tuple[tuple[float, float], ...]
) -> None:
    """Depth is told less often than the touch."""
    assert levels_met(best, 7.0, make.depth_seen(), is_buy=is_buy) == expected


def test_without_depth_there_is_the_touch_and_without_its_amount_nothing() -> None:
    """Unknown is not empty, and no level is made up."""
    assert levels_met(100.0, 3.0, None, is_buy=True) == ((100.0, 3.0),)
    assert levels_met(100.0, None, None, is_buy=True) == levels_met(100.0, 0.0, None, is_buy=True) == ()


def test_what_stands_near_the_best_price() -> None:
    """Either way from it, itself with it."""
    assert near_native([(100.0, 1.0), (100.1, 2.0), (101.0, 4.0)], 0.001) == 3.0
    assert near_native([(100.0, 1.0), (99.95, 2.0), (99.0, 4.0)], 0.0) == 1.0
