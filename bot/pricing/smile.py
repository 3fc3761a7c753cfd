"""Deltas that know what volatility does when the forward moves, and the evidence which of them hedges best.

Knows one option's Black-76 numbers, the skew at its strike and moves that happened; must not know positions, venues
or which delta a book hedges. Formulas and evidence: theory 2.

Words. k = ln(K/F). Skew: dσ/dk at the option's own k. All deltas are coins per coin of option, on the forward.
"""

import enum
import math
from typing import Final, NamedTuple, TypeVar

import numpy as np
from scipy import special

from bot.pricing.normal_tail import FloatArray

_Number = TypeVar("_Number", float, FloatArray)

SSR_MIN: Final = -1.0
SSR_MAX: Final = 2.5
"""0 is sticky delta, 1 sticky strike, 2 local volatility at short times; beyond these bounds it is noise (theory 2)."""
_SSR_PRIOR_COUNT: Final = 200
"""Observations that the belief in 1 is worth."""
_RIDGE: Final = 0.01
"""Share of the quadratic's own scale by which its coefficients are pulled to 0."""
_FIT_COUNT_MIN: Final = 30
"""Ten per coefficient; below, no correction is better than a fitted one."""


class SmileDelta(enum.StrEnum):
    """Which delta of an option is hedged: what is assumed to stay as it is when the forward moves."""

    STICKY_STRIKE = "sticky_strike"
    """Each strike keeps its volatility: Black-76's own delta."""
    STICKY_DELTA = "sticky_delta"
    """Each moneyness keeps its volatility."""
    SSR = "ssr"
    """Volatility at the money moves along the skew by the measured skew-stickiness ratio."""
    MINIMUM_VARIANCE = "minimum_variance"
    """Hull and White: what hedged with least variance in the last weeks."""


class MvCoefficients(NamedTuple):
    """a + bδ + cδ^2: change of volatility per relative move of the forward, times sqrt(T) (Hull-White 2017)."""

    a: float
    b: float
    c: float


NO_CORRECTION: Final = MvCoefficients(0.0, 0.0, 0.0)


class MvBook(NamedTuple):
    """Coefficients of either wing; they differ in every market looked at (theory 2.1)."""

    calls: MvCoefficients = NO_CORRECTION
    puts: MvCoefficients = NO_CORRECTION


def sticky_delta(delta: _Number, vega: _Number, skew: _Number, forward: _Number) -> _Number:
    """δ - (vega/F) dσ/dk: a rising forward leaves the option at a lower k."""
    return delta - vega * skew / forward


def ssr_delta(  # the rule's own five numbers
    delta: _Number, vega: _Number, skew: _Number, forward: _Number, ratio: float
) -> _Number:
    """δ + vega (R - 1)(dσ/dk)/F; with the skew at the option's own k, R = 0 and 1 are exact at every strike."""
    return delta + vega * (ratio - 1.0) * skew / forward


def minimum_variance_delta(
    delta: _Number, vega: _Number, forward: _Number, tau_years: _Number, fitted: MvCoefficients
) -> _Number:
    """δ + vega / (F sqrt(T)) (a + bδ + cδ^2)."""
    correction = fitted.a + delta * (fitted.b + delta * fitted.c)
    root: _Number = tau_years**0.5
    return delta + vega * correction / (forward * root)


def measured_ssr(iv_atm_change: FloatArray, skew: FloatArray, log_move: FloatArray) -> float:
    """Skew-stickiness ratio: slope of changes of at-the-money volatility on skew times ln(F1/F0), through the origin.

    One row per step of the same expiry. Shrunk to 1 as if 200 observations had said so, and once more by how little the
    slope is determined (its own variance against a prior one of 1: without skew, noise is no evidence), then clipped.
    Rows that are no numbers do not count. Without a row, or without skew, it is 1: sticky strike.
    """
    x, y = np.asarray(skew * log_move), np.asarray(iv_atm_change)
    usable = np.isfinite(x) & np.isfinite(y)
    x, y = x[usable], y[usable]
    strength = math.fsum((x * x).tolist())
    if strength <= 0.0:
        return 1.0
    raw = math.fsum((x * y).tolist()) / strength
    noise = math.fsum(np.square(y - raw * x).tolist()) / max(x.size - 1, 1)
    belief = x.size / (x.size + _SSR_PRIOR_COUNT) * strength / (strength + noise)
    return min(max(1.0 + belief * (raw - 1.0), SSR_MIN), SSR_MAX)


class Step(NamedTuple):
    """One option over one step: its numbers at the start, and how option and forward moved; money in USD."""

    delta: float
    vega: float
    forward: float
    tau_years: float
    price_change: float
    forward_change: float


class MinimumVarianceFit:
    """Hull and White's regression over the last `steps_count_max` steps of one wing."""

    def __init__(self, steps_count_max: int) -> None:
        """Start without a step: no correction."""
        # A ring of plain numbers: it is summed in a thread beside the decisions, where a list would hold them up.
        self._rows = np.empty((steps_count_max, 4))
        self._count = 0

    def push(self, step: Step) -> bool:
        """Take one step of one option; False for numbers that are none (an option without time, a lost price)."""
        if not (all(map(math.isfinite, step)) and step.forward > 0.0 and step.tau_years > 0.0):
            return False
        scale = step.vega / math.sqrt(step.tau_years) * step.forward_change / step.forward**2
        answer = (step.price_change - step.delta * step.forward_change) / step.forward
        self._rows[self._count % len(self._rows)] = scale, scale * step.delta, scale * step.delta**2, answer
        self._count += 1
        return True

    def fitted(self) -> MvCoefficients:
        """Ridge regression of what the hedge missed on vega/sqrt(T) dF/F (1, δ, δ^2); no correction below 30 steps."""
        table = self._rows[: self._count]
        if len(table) < _FIT_COUNT_MIN:
            return NO_CORRECTION
        columns, answers = table[:, :3], table[:, 3]
        squares = columns.T @ columns
        strength = float(np.trace(squares))
        if strength <= 0.0:
            return NO_CORRECTION
        found = np.linalg.solve(squares + _RIDGE * strength / 3.0 * np.eye(3), columns.T @ answers)
        return MvCoefficients(*(float(number) for number in found))


class ErrorVariance(NamedTuple):
    """How one way of hedging did against sticky strike over the same steps."""

    ratio: float
    """Mean squared error over that of sticky strike: below 1 is better."""
    p: float
    """Chance of a ratio this low or lower if both were equal (F-test)."""
    steps: int

    @property
    def is_better(self) -> bool:
        """Evidence enough to switch: 300 steps, a ratio below 0.95, one chance in a hundred (theory 2.2)."""
        return self.steps >= 300 and self.ratio < 0.95 and self.p < 0.01


def error_variance(errors: FloatArray, sticky_strike_errors: FloatArray) -> ErrorVariance:
    """Compare hedging errors (price change less delta times move, one row per step); NaN ratio without errors."""
    usable = np.isfinite(errors) & np.isfinite(sticky_strike_errors)
    count = int(usable.sum())
    own, other = (math.fsum(np.square(item[usable]).tolist()) for item in (errors, sticky_strike_errors))
    if other <= 0.0:
        return ErrorVariance(math.nan, math.nan, count)
    ratio = own / other
    return ErrorVariance(ratio, float(special.fdtr(count, count, ratio)), count)
