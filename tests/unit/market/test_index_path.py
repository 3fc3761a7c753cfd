"""The mean of an index lies between what its path allows."""

import math
import random

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.market.index_path import IndexPath


def _walk(seed: int, seconds: int) -> list[float]:
    dice, level, path = random.Random(seed), 100_000.0, []
    for _ in range(seconds):
        level *= math.exp(dice.gauss(0.0, 1.78e-4))  # 100 % a year
        path.append(level)
    return path


@pytest.mark.parametrize("every_s", [1, 7, 60])
@pytest.mark.parametrize("seed", range(5))
def test_the_true_mean_is_within_and_the_bounds_are_narrow(seed: int, every_s: int) -> None:
    """Half an hour, seen at every second or only now and then."""
    walk, path = _walk(seed, 1800), IndexPath()
    for second in range(0, 1800, every_s):
        path.see(walk[second], Ns(second * NS_PER_S))
    found = path.mean_between(0, 1800 * NS_PER_S)

    assert found is not None
    low, high = found
    assert low <= sum(walk) / len(walk) <= high
    assert high / low - 1.0 < (0.006 if every_s < 60 else 0.015)


def test_what_came_before_the_first_look_is_hardly_known() -> None:
    """Half of the time at 100,000, the other half within a tenth of it."""
    path = IndexPath()
    for second in range(900, 1800):
        path.see(100_000.0, Ns(second * NS_PER_S))

    assert path.mean_between(0, 1800 * NS_PER_S) == pytest.approx((95_000.0, 105_000.0), rel=2e-3)


def test_nothing_seen_says_nothing() -> None:
    """Nor does a path that ended before, nor no time."""
    path = IndexPath()
    assert path.mean_between(0, NS_PER_S) is None
    path.see(100_000.0, Ns(0))
    path.see(100_001.0, Ns(1))
    path.see(99_999.0, Ns(2))
    assert path.mean_between(100 * NS_PER_S, 200 * NS_PER_S) is None
    assert path.mean_between(5, 5) is None
