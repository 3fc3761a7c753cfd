"""Smile-aware deltas against what they mean: the price on a moved smile, by differences; and the fits behind them."""

import math

import numpy as np
import pytest

from bot.pricing import black76, smile
from bot.pricing.smile import ErrorVariance, MinimumVarianceFit, MvCoefficients, Step
from bot.pricing.svi import Ssvi

_FORWARD = 60_000.0
_TAU = 14.0 / 365.0
_CURVE = Ssvi(-0.35, 1.2, 0.45).slice(0.36 * _TAU)
_STRIKES = [48_000.0, 55_000.0, 60_000.0, 63_000.0, 72_000.0]


def _iv(k: float) -> float:
    return math.sqrt(_CURVE.w(k) / _TAU)


def _skew(k: float) -> float:
    return _CURVE.w_slope(k) / (2.0 * _iv(k) * _TAU)


def _option(strike: float, is_call: bool) -> tuple[float, float, float]:
    """Delta, vega and skew of an option on the curve."""
    k = math.log(strike / _FORWARD)
    greeks = black76.greeks_scalar(_FORWARD, strike, _TAU, _iv(k), is_call)
    return greeks.delta, greeks.vega, _skew(k)


def _by_difference(strike: float, is_call: bool, ratio: float) -> float:
    """Slope of the price when a strike's volatility moves (R - 1) skew per unit of ln F."""
    k, step = math.log(strike / _FORWARD), 1e-4 * _FORWARD
    prices = []
    for forward in (_FORWARD + step, _FORWARD - step):
        move = math.log(forward / _FORWARD)
        iv = _iv(math.log(strike / forward)) if ratio == 0.0 else _iv(k) + (ratio - 1.0) * _skew(k) * move
        prices.append(black76.price(forward, strike, _TAU, iv, is_call))
    return (prices[0] - prices[1]) / (2.0 * step)


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("strike", _STRIKES)
def test_sticky_delta_is_the_slope_when_moneyness_keeps_its_volatility(strike: float, is_call: bool) -> None:
    """The whole smile moves along with the forward."""
    delta, vega, skew = _option(strike, is_call)

    assert smile.sticky_delta(delta, vega, skew, _FORWARD) == pytest.approx(
        _by_difference(strike, is_call, 0.0), abs=1e-6
    )


@pytest.mark.parametrize("ratio", [-1.0, 0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("strike", _STRIKES)
def test_the_ratios_delta_is_the_slope_along_the_skew(strike: float, ratio: float) -> None:
    """R - 1 times the skew, per unit of ln F."""
    delta, vega, skew = _option(strike, True)

    assert smile.ssr_delta(delta, vega, skew, _FORWARD, ratio) == pytest.approx(
        _by_difference(strike, True, ratio), abs=1e-6
    )


@pytest.mark.parametrize("strike", _STRIKES)
def test_the_ratio_joins_the_rules(strike: float) -> None:
    """R = 0 is sticky delta, R = 1 sticky strike, R = 2 the opposite correction (local volatility)."""
    delta, vega, skew = _option(strike, False)
    zero, one, two = (smile.ssr_delta(delta, vega, skew, _FORWARD, ratio) for ratio in (0.0, 1.0, 2.0))

    assert zero == pytest.approx(smile.sticky_delta(delta, vega, skew, _FORWARD))
    assert one == delta
    assert two - delta == pytest.approx(delta - zero)


def test_dear_puts_mean_more_delta_when_moneyness_sticks() -> None:
    """Negative skew: on the way up the option slides to a higher volatility; local volatility says the opposite."""
    delta, vega, skew = _option(60_000.0, True)

    assert skew < 0.0
    assert smile.ssr_delta(delta, vega, skew, _FORWARD, 2.0) < delta < smile.sticky_delta(delta, vega, skew, _FORWARD)


def test_a_chain_is_its_options() -> None:
    """Arrays and numbers are one text."""
    delta, vega, skew = (np.array(column) for column in zip(*(_option(k, True) for k in _STRIKES), strict=True))
    fitted = MvCoefficients(-0.2, 0.3, -0.1)
    forward, tau = np.full(5, _FORWARD), np.full(5, _TAU)
    chain = (
        smile.sticky_delta(delta, vega, skew, forward),
        smile.ssr_delta(delta, vega, skew, forward, 1.4),
        smile.minimum_variance_delta(delta, vega, forward, tau, fitted),
    )
    for at, strike in enumerate(_STRIKES):
        one = _option(strike, True)
        alone = (
            smile.sticky_delta(*one, _FORWARD),
            smile.ssr_delta(*one, _FORWARD, 1.4),
            smile.minimum_variance_delta(*one[:2], _FORWARD, _TAU, fitted),
        )
        assert [float(item[at]) for item in chain] == pytest.approx(alone, rel=1e-14)


def test_minimum_variance_is_hull_and_whites_formula() -> None:
    """Written out for one option; without coefficients it is Black-76's delta."""
    delta, vega, _ = _option(63_000.0, True)
    expected = delta + vega / (_FORWARD * math.sqrt(_TAU)) * (-0.25 + 0.4 * delta - 0.3 * delta**2)

    assert smile.minimum_variance_delta(delta, vega, _FORWARD, _TAU, MvCoefficients(-0.25, 0.4, -0.3)) == pytest.approx(
        expected
    )
    assert smile.minimum_variance_delta(delta, vega, _FORWARD, _TAU, smile.NO_CORRECTION) == delta


@pytest.mark.parametrize("true", [0.0, 1.0, 1.6])
def test_the_ratio_is_measured(true: float) -> None:
    """Five days of five-minute steps with noise as large as the effect: near the truth, a little nearer to 1."""
    rng = np.random.default_rng(6)
    skew, move = rng.uniform(-0.4, -0.2, 1440), rng.normal(0.0, 2e-3, 1440)
    change = true * skew * move + rng.normal(0.0, 5e-4, 1440)
    found = smile.measured_ssr(change, skew, move)

    assert found == pytest.approx(true, abs=0.2)
    assert abs(found - 1.0) <= abs(true - 1.0) + 0.06


def test_few_observations_hardly_move_the_ratio() -> None:
    """Ten steps that say 2.5 exactly leave it at 1 + 1.5 x 10 / 210."""
    move = np.linspace(-0.01, 0.01, 10)

    assert smile.measured_ssr(2.5 * 0.3 * move, np.full(10, 0.3), move) == pytest.approx(1.0 + 1.5 * 10 / 210)


def test_a_market_without_skew_says_nothing_about_the_ratio() -> None:
    """Noise over a skew of almost nothing is a wild slope, and no evidence."""
    rng = np.random.default_rng(12)
    skew, move = rng.normal(0.0, 1e-3, 600), rng.normal(0.0, 2e-3, 600)

    assert smile.measured_ssr(rng.normal(0.0, 5e-3, 600), skew, move) == pytest.approx(1.0, abs=0.05)


def test_a_wild_ratio_is_clipped_and_nothing_is_sticky_strike() -> None:
    """Bounds from below and above; rows that are no numbers, no rows, no skew: 1."""
    move = np.full(5000, 0.01)
    skew = np.full(5000, 0.3)
    nothing = np.array([])
    wild = [smile.measured_ssr(factor * skew * move, skew, move) for factor in (-50.0, 50.0)]

    assert wild == [smile.SSR_MIN, smile.SSR_MAX]
    assert smile.measured_ssr(nothing, nothing, nothing) == 1.0
    assert smile.measured_ssr(np.array([math.nan]), np.array([0.3]), np.array([0.1])) == 1.0
    assert smile.measured_ssr(np.array([0.1]), np.array([0.0]), np.array([0.1])) == 1.0


def _steps(count: int, true: MvCoefficients, noise: float, seed: int = 9) -> list[Step]:
    """Options of any delta, whose volatility follows the forward as `true` says."""
    rng = np.random.default_rng(seed)
    steps = []
    for _ in range(count):
        strike = _FORWARD * math.exp(rng.uniform(-0.15, 0.15))
        greeks = black76.greeks_scalar(_FORWARD, strike, _TAU, 0.6, True)
        move = rng.normal(0.0, 0.003) * _FORWARD
        iv_change = (true.a + true.b * greeks.delta + true.c * greeks.delta**2) / math.sqrt(_TAU) * move / _FORWARD
        change = greeks.delta * move + greeks.vega * (iv_change + rng.normal(0.0, noise))
        steps.append(Step(greeks.delta, greeks.vega, _FORWARD, _TAU, change, move))
    return steps


def _fitted(steps: list[Step], window: int = 5000) -> MvCoefficients:
    fit = MinimumVarianceFit(window)
    assert all(fit.push(step) for step in steps)
    return fit.fitted()


def test_the_regression_finds_what_volatility_did() -> None:
    """The correction it makes at each delta is the true one, a little smaller."""
    true = MvCoefficients(-0.3, 0.25, -0.2)
    found = _fitted(_steps(4000, true, 1e-3))
    for delta in (0.1, 0.3, 0.5, 0.7, 0.9):
        wanted, got = (item.a + item.b * delta + item.c * delta**2 for item in (true, found))

        assert got == pytest.approx(wanted, abs=0.04)


def test_the_fitted_delta_hedges_better() -> None:
    """Out of sample: a lower variance of the error, beyond doubt; the same test finds nothing where nothing is."""
    true = MvCoefficients(-0.4, 0.0, 0.0)
    fitted = _fitted(_steps(2000, true, 1e-3))
    for steps, is_better in (
        (_steps(1000, true, 1e-3, 10), True),
        (_steps(1000, smile.NO_CORRECTION, 1e-3, 10), False),
    ):
        plain = np.array([step.price_change - step.delta * step.forward_change for step in steps])
        deltas = [
            smile.minimum_variance_delta(step.delta, step.vega, step.forward, step.tau_years, fitted) for step in steps
        ]
        changed = np.array(
            [step.price_change - delta * step.forward_change for step, delta in zip(steps, deltas, strict=True)]
        )
        found = smile.error_variance(changed, plain)

        assert (found.steps, found.is_better, found.ratio < 1.0) == (1000, is_better, is_better)


def test_the_window_forgets() -> None:
    """What volatility did long ago is no evidence."""
    old, new = _steps(500, MvCoefficients(-0.9, 0.0, 0.0), 1e-4), _steps(500, MvCoefficients(0.3, 0.0, 0.0), 1e-4)

    assert _fitted([*old, *new], window=500) == _fitted(new)


def test_no_correction_without_evidence() -> None:
    """Too few steps, or a forward that never moved."""
    still = [step._replace(forward_change=0.0, price_change=0.0) for step in _steps(100, smile.NO_CORRECTION, 0.0)]

    assert _fitted(_steps(29, MvCoefficients(-0.3, 0.0, 0.0), 0.0)) == smile.NO_CORRECTION
    assert _fitted(still) == smile.NO_CORRECTION


@pytest.mark.parametrize(
    "bad", [{"forward": 0.0}, {"tau_years": 0.0}, {"vega": math.nan}, {"price_change": math.inf}, {"delta": math.nan}]
)
def test_a_step_without_numbers_is_refused(bad: dict[str, float]) -> None:
    """It is said, and leaves no trace."""
    step = _steps(1, smile.NO_CORRECTION, 0.0)[0]

    assert MinimumVarianceFit(10).push(step._replace(**bad)) is False


@pytest.mark.parametrize(
    ("ratio", "p", "count", "expected"),
    [(0.9, 0.001, 300, True), (0.9, 0.001, 299, False), (0.96, 0.001, 900, False), (0.9, 0.02, 900, False)],
)
def test_evidence_has_three_parts(ratio: float, p: float, count: int, expected: bool) -> None:
    """Enough steps, enough gain, little doubt."""
    assert ErrorVariance(ratio, p, count).is_better is expected


def test_no_errors_no_ratio() -> None:
    """Without a step that counts there is no verdict."""
    found = smile.error_variance(np.array([math.nan, 1.0]), np.array([1.0, 0.0]))

    assert (math.isnan(found.ratio), found.steps, found.is_better) == (True, 1, False)
