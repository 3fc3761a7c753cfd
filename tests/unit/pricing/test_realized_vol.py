"""Realised variance: efficiency, bias and what is no sample. Digits are checked in tests/reference."""

import math

import numpy as np
import pytest

from bot.pricing import realized_vol as rv
from bot.pricing.realized_vol import Defect

_BAD_BARS = [
    # open, high, low, close, defect
    ([], [], [], [], Defect.TOO_FEW),
    ([1.0, 1.0], [1.0], [1.0], [1.0], Defect.UNEQUAL_LENGTHS),
    ([0.0], [1.0], [1.0], [1.0], Defect.NOT_POSITIVE),
    ([1.0], [math.nan], [1.0], [1.0], Defect.NOT_POSITIVE),
    ([1.0], [math.inf], [1.0], [1.0], Defect.NOT_POSITIVE),
    ([1.0], [1.0], [-1.0], [1.0], Defect.NOT_POSITIVE),
    ([2.0], [1.5], [1.0], [1.2], Defect.NOT_A_BAR),
    ([1.2], [1.5], [1.0], [0.9], Defect.NOT_A_BAR),
    ([1.2], [1.0], [1.5], [1.2], Defect.NOT_A_BAR),
]


@pytest.mark.parametrize("row", _BAD_BARS)
def test_what_is_no_bar_is_named(row: tuple[list[float], list[float], list[float], list[float], Defect]) -> None:
    """A bad column is an answer, not an exception."""
    assert rv.bars(*row[:4]) is row[4]


@pytest.mark.parametrize(
    ("prices", "expected"),
    [([], Defect.TOO_FEW), ([1.0], Defect.TOO_FEW), ([1.0, 0.0], Defect.NOT_POSITIVE), ([1.0, math.nan], "np")],
)
def test_what_is_no_path_is_named(prices: list[float], expected: Defect | str) -> None:
    """The same for prices, on either grid."""
    wanted = Defect.NOT_POSITIVE if expected == "np" else expected

    assert (rv.log_returns(prices), rv.two_scale(prices, 1)) == (wanted, wanted)


def test_too_few_returns_are_named() -> None:
    """Each estimator says when its sample is too small to mean anything, or has no move to compare with."""
    few = np.array([0.1])
    bar = rv.bars(1.0, 1.0, 1.0, 1.0)
    assert isinstance(bar, rv.Bars)
    found = [
        rv.jump_test(few),
        rv.jump_test(np.zeros(5)),
        rv.realised_kernel(few, 1),
        rv.realised_kernel(few, -1),
        rv.ewma(np.array([]), 0.9),
        rv.yang_zhang(bar),
        rv.two_scale([1.0, 2.0, 3.0], 3),
        rv.two_scale([1.0, 2.0, 3.0], 1),
        rv.har_fit(np.full(37, 1e-4)),
        rv.har_fit([*[1e-4] * 40, 0.0]),
    ]

    assert found == [
        *(Defect.TOO_FEW, Defect.NO_MOVE, Defect.TOO_FEW, Defect.TOO_FEW, Defect.TOO_FEW),
        *(Defect.TOO_FEW, Defect.TOO_FEW, Defect.TOO_FEW, Defect.TOO_FEW, Defect.NOT_POSITIVE),
    ]


@pytest.mark.parametrize(("far", "near"), [(1e308, 1e-308), (1e-308, 1e308), (5e-324, 1.0)])
def test_a_move_beyond_any_ratio_is_finite(far: float, near: float) -> None:
    """The logarithm of a quotient that has no double is still a number, without a warning."""
    returns = rv.log_returns([near, far])

    assert isinstance(returns, np.ndarray)
    assert returns[0] == pytest.approx(math.log(far) - math.log(near))


def _walk(seed: int, bars_count: int, *, drift: float = 0.0) -> tuple[np.ndarray, ...]:
    """Bars of 100 steps of 1e-3, each with a gap of one step before it."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(drift, 1e-3, (bars_count, 101))
    path = np.cumsum(steps.reshape(-1)).reshape(bars_count, 101)
    price = np.exp(path)
    return price[:, 0], price.max(axis=1), price.min(axis=1), price[:, -1]


def test_bars_beat_closes() -> None:
    """Over many samples of a driftless walk all agree on the variance, and bars scatter far less than closes."""
    found = []
    for seed in range(200):
        columns = _walk(seed, 20)
        bars = rv.bars(*columns)
        returns = rv.log_returns(columns[3])
        assert isinstance(bars, rv.Bars)
        assert isinstance(returns, np.ndarray)
        close = rv.close_close(returns) / 19
        yang_zhang = rv.yang_zhang(bars)
        assert isinstance(yang_zhang, float)
        inside = (rv.parkinson(bars), rv.garman_klass(bars), rv.rogers_satchell(bars))
        found.append([close / 101e-6, *(item / 20 / 100e-6 for item in inside), yang_zhang / 20 / 101e-6])
    means, spreads = np.mean(found, axis=0), np.std(found, axis=0)

    # A walk of 100 steps misses extremes between them, which costs a range 10 to 20 % of its variance.
    assert means[0] == pytest.approx(1.0, abs=0.1)
    assert ((means[1:] > 0.75) & (means[1:] < 1.05)).all()
    assert (spreads[1:] < 0.7 * spreads[0]).all()


def test_drift_fools_ranges_but_not_rogers_satchell() -> None:
    """One deviation of drift per bar adds a quarter to Parkinson; Rogers-Satchell and Yang-Zhang hardly move."""
    still, moving = rv.bars(*_walk(1, 400)), rv.bars(*_walk(1, 400, drift=1e-4))
    assert isinstance(still, rv.Bars)
    assert isinstance(moving, rv.Bars)
    ratio = [taken(moving) / taken(still) for taken in (rv.parkinson, rv.rogers_satchell)]
    both = rv.yang_zhang(moving), rv.yang_zhang(still)
    assert all(isinstance(item, float) for item in both)

    assert ratio[0] > 1.25
    assert ratio[1] == pytest.approx(1.0, abs=0.1)
    assert float(both[0]) / float(both[1]) == pytest.approx(1.0, abs=0.1)


def test_two_scales_see_through_noise() -> None:
    """Prices blurred by half a step of noise: the finest grid doubles, two scales and the kernel do not."""
    rng = np.random.default_rng(3)
    true = np.cumsum(rng.normal(0.0, 1e-4, 20_000))
    blurred = np.exp(true + rng.normal(0.0, 1e-4, true.size))
    scales, returns = rv.two_scale(blurred, 400), rv.log_returns(blurred)
    assert isinstance(scales, rv.TwoScale)
    assert isinstance(returns, np.ndarray)
    kernel = rv.realised_kernel(returns, 40)
    variance = true.size * 1e-8

    assert scales.all / variance == pytest.approx(3.0, rel=0.05)
    assert scales.adjusted / variance == pytest.approx(1.0, rel=0.2)
    assert kernel == pytest.approx(variance, rel=0.2)


def test_a_jump_is_seen_and_a_walk_is_not() -> None:
    """Thirty deviations in one return are a jump of about that size; without it the statistic is a normal."""
    rng = np.random.default_rng(5)
    calm = rng.normal(0.0, 1e-3, 500)
    jumped = calm.copy()
    jumped[250] += 3e-2
    before, after = rv.jump_test(calm), rv.jump_test(jumped)
    assert isinstance(before, rv.JumpTest)
    assert isinstance(after, rv.JumpTest)

    assert abs(before.z) < 3.1 < after.z
    assert after.jump == pytest.approx(9e-4, rel=0.2)


def test_a_jump_between_zeros_has_no_bipower() -> None:
    """One move in a still sample: all of it is jump, and nothing divides by zero."""
    found = rv.jump_test(np.array([0.0, 0.0, 0.1, 0.0]))

    assert isinstance(found, rv.JumpTest)
    assert (found.bipower, found.jump) == (0.0, pytest.approx(0.01))


@pytest.mark.parametrize(("x", "weight"), [(0.0, 1.0), (0.25, 0.71875), (0.5, 0.25), (0.75, 0.03125), (1.0, 0.0)])
def test_parzens_weights(x: float, weight: float) -> None:
    """Textbook values, equal from both sides at one half."""
    assert rv.parzen(x) == pytest.approx(weight)


def test_half_life_halves() -> None:
    """A return's weight is half after its half-life."""
    decay = rv.decay_of_half_life(30.0)
    young, old = rv.ewma(np.array([0.0, 1.0]), decay), rv.ewma(np.array([0.0, 1.0, *[0.0] * 30]), decay)

    assert old == pytest.approx(0.5 * float(young))


@pytest.mark.parametrize("is_log", [True, False])
def test_har_finds_what_made_the_days(is_log: bool) -> None:
    """Days made by the model with little noise give its coefficients back, and a forecast near the next day."""
    rng = np.random.default_rng(8)
    coefficients = (0.1 if not is_log else math.log(0.9), 0.4, 0.3, 0.2)
    days = list(rng.uniform(0.5, 2.0, 30))
    for _ in range(1500):
        means = np.array([days[-1], np.mean(days[-7:]), np.mean(days[-30:])])
        row = np.array([1.0, *(np.log(means) if is_log else means)])
        following = float(np.dot(row, coefficients)) + rng.normal(0.0, 0.05)
        days.append(math.exp(following) if is_log else max(following, 0.01))
    fit = rv.har_fit(days[:-1], is_log=is_log)
    assert isinstance(fit, rv.HarFit)

    assert fit[1:4] == pytest.approx(coefficients[1:], abs=0.12)
    assert sum(fit[1:4]) == pytest.approx(0.9, abs=0.08)
    assert fit.forecast(days[:-1]) == pytest.approx(days[-1], rel=0.35)
    assert fit.forecast(days[:29]) is Defect.TOO_FEW


def test_days_that_never_change_are_forecast_to_stay() -> None:
    """Columns that repeat each other have many fits: the forecast is still the one number seen."""
    fit = rv.har_fit([4e-4] * 60)
    assert isinstance(fit, rv.HarFit)

    assert fit.forecast([4e-4] * 60) == pytest.approx(4e-4)


def test_a_straight_fit_never_forecasts_below_zero() -> None:
    """Variance has a floor where the line has none."""
    fit = rv.HarFit(-1.0, 0.0, 0.0, 0.0, is_log=False)

    assert fit.forecast([1e-4] * 30) == 0.0
