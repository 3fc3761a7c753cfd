"""When strangers take, how much, and which way."""

import math
import random

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.sim.takers import (
    BURST_LOG_SD,
    BURST_USD_MEDIAN,
    BURSTS_PER_S,
    INFORMED,
    OPTION_BURSTS_PER_S,
    OPTION_TOUCH_SHARE_MEDIAN,
    Takers,
)

_MANY = 20_000


def _takers(intensity: float = 1.0, *, is_option: bool = False) -> Takers:
    return Takers(random.Random(7), intensity, is_option)


def _count(takers: Takers, seconds: int) -> int:
    return sum(1 for second in range(seconds) for _ in takers.arrivals(Ns(second * NS_PER_S)))


@pytest.mark.parametrize(("intensity", "is_option"), [(1.0, False), (0.5, False), (2.0, False), (1.0, True)])
def test_they_come_as_often_as_fitted_times_the_intensity(intensity: float, *, is_option: bool) -> None:
    """A Poisson count: within four standard deviations of rate times time."""
    expected = intensity * (OPTION_BURSTS_PER_S if is_option else BURSTS_PER_S) * _MANY

    assert abs(_count(_takers(intensity, is_option=is_option), _MANY) - expected) < 4.0 * math.sqrt(expected)


def test_without_intensity_nobody_comes_and_nobody_is_met() -> None:
    """Zero is zero, for what the price has passed as well."""
    takers = _takers(0.0)

    assert _count(takers, 1000) == 0
    assert not any(takers.meet(60 * NS_PER_S) for _ in range(1000))


def test_a_long_step_is_not_made_up_for() -> None:
    """An hour without a look brings a bounded number, and the next second none of the rest."""
    takers = _takers()
    list(takers.arrivals(Ns(0)))

    assert sum(1 for _ in takers.arrivals(Ns(3_600 * NS_PER_S))) == 20
    assert sum(1 for _ in takers.arrivals(Ns(3_601 * NS_PER_S))) <= 3


@pytest.mark.parametrize(("move", "buys"), [(0.0, 0.5), (3.5, INFORMED), (-0.5, 1.0 - INFORMED)])
def test_most_take_before_the_price_goes_their_way(move: float, buys: float) -> None:
    """The fitted share where the mark moves, a coin where it does not."""
    takers = _takers()
    share = sum(takers.is_buy(move) for _ in range(_MANY)) / _MANY

    assert share == pytest.approx(buys, abs=4.0 * math.sqrt(0.25 / _MANY))


def test_moves_are_told_from_look_to_look() -> None:
    """The first look has nothing to compare with."""
    takers = _takers()

    assert [takers.moved(mark) for mark in (100.0, 101.5, 101.5, 99.0)] == [0.0, 1.5, 0.0, -2.5]


def test_sizes_are_lognormal_in_usd() -> None:
    """Median and spread of the log, whatever a lot is worth."""
    takers = _takers()
    logs = [math.log(takers.lots(1, 0.01)) for _ in range(_MANY)]
    mean = sum(logs) / _MANY
    sd = math.sqrt(sum((log - mean) ** 2 for log in logs) / _MANY)

    assert mean == pytest.approx(math.log(BURST_USD_MEDIAN / 0.01), abs=0.07)
    assert sd == pytest.approx(BURST_LOG_SD, rel=0.03)
    assert min(takers.lots(1, 10.0) for _ in range(_MANY)) == 1


def test_an_option_is_taken_by_share_of_the_touch() -> None:
    """Half of them less than the median share."""
    takers = _takers(is_option=True)
    small = sum(takers.lots(10_000, 1.0) < 10_000 * OPTION_TOUCH_SHARE_MEDIAN for _ in range(_MANY)) / _MANY

    assert small == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("intensity", "since_ns", "share"), [(1.0, 1, 1.0), (0.5, NS_PER_S, 0.5), (0.5, 2 * NS_PER_S, 0.75), (3.0, 1, 1.0)]
)
def test_a_passed_order_is_met_by_intensity_and_time(intensity: float, since_ns: int, share: float) -> None:
    """At full intensity at once; below, that share within a second and of the rest again."""
    takers = _takers(intensity)

    assert sum(takers.meet(since_ns) for _ in range(_MANY)) / _MANY == pytest.approx(share, abs=0.015)
