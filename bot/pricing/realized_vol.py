"""Realised variance of a sample: what a path of prices or bars did. Batch, on numpy arrays.

Knows prices, bars and the formulas of theory 3.2; must not know what the number is used for. `realized_vol_stream`
has the same estimators in plain floats, one observation at a time; tests hold the two equal.

Words. Every estimator gives the variance summed over its whole sample, a pure number; `annual_vol` turns that into a
volatility per sqrt(year). Input that is no sample has a `Defect` for an answer, never an exception or a NaN.
"""

import enum
import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bot.pricing.normal_tail import FloatArray

PARKINSON: Final = 1.0 / (4.0 * math.log(2.0))
GARMAN_KLASS: Final = 2.0 * math.log(2.0) - 1.0
_BIPOWER: Final = math.pi / 2.0
"""1 / E|Z|^2 for a standard normal Z."""
_TRIPOWER: Final = (2.0 ** (2.0 / 3.0) * math.gamma(7.0 / 6.0) / math.gamma(0.5)) ** -3.0
"""1 / E[|Z|^(4/3)]^3."""
_RATIO_VARIANCE: Final = math.pi**2 / 4.0 + math.pi - 5.0
"""Of the bipower ratio, per observation and unit of quarticity (theory 3.2)."""
HAR_WEEK_DAYS: Final = 7
HAR_MONTH_DAYS: Final = 30
"""A market that never closes has weeks of 7 days; papers on shares say 5 and 22."""
_HAR_ROWS_MIN: Final = 8
"""Twice the number of coefficients: fewer rows than that fit themselves."""


class Defect(enum.StrEnum):
    """Why something is no sample."""

    TOO_FEW = "too_few"
    UNEQUAL_LENGTHS = "unequal_lengths"
    NOT_POSITIVE = "not_positive"
    """A price that is zero, negative, infinite or no number."""
    NOT_A_BAR = "not_a_bar"
    """Open or close outside low and high."""
    NO_MOVE = "no_move"
    """Every return is zero: a ratio over the variance means nothing."""


class Bars(NamedTuple):
    """Bars as logarithms: against the close before (`gap`; 0 for the first), the others against their own open."""

    gap: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray


class TwoScale(NamedTuple):
    """Realised variance with the noise of the finest grid taken out; all four over the whole sample."""

    all: float
    """Sum of squared returns of every observation: carries the noise of each."""
    subsampled: float
    """Mean over the interleaved sparse grids."""
    variance: float
    """`subsampled` less its share of noise, as measured by `all`."""
    adjusted: float
    """`variance` free of its small-sample bias: the one to use."""


class JumpTest(NamedTuple):
    """Variance of a sample split into diffusion and jumps, and how sure the split is."""

    variance: float
    bipower: float
    """What is left of the variance when single large returns do not count."""
    jump: float
    quarticity: float
    """Tripower: the bipower measure's own scale of error."""
    z: float
    """Standard normal without jumps; above 3.1 one sample in a thousand is (theory 6.3)."""


class HarFit(NamedTuple):
    """Tomorrow's variance from the last day's, week's and month's mean; on logarithms if `is_log`."""

    constant: float
    day: float
    week: float
    month: float
    is_log: bool

    def forecast(self, daily: ArrayLike) -> float | Defect:
        """Variance of the day after the last of `daily`, of which a month is needed; never negative."""
        days = _positive(daily, HAR_MONTH_DAYS)
        if isinstance(days, Defect):
            return days
        row = _har_rows(days[-HAR_MONTH_DAYS:], self.is_log)[-1]
        value = float(np.dot(row, (self.constant, self.day, self.week, self.month)))
        return math.exp(min(value, 700.0)) if self.is_log else max(value, 0.0)


def annual_vol(variance: float, years: float) -> float:
    """sqrt(variance / years): volatility per sqrt(year) of 365 days of a variance summed over `years` > 0."""
    return math.sqrt(max(variance, 0.0) / years)


def log_returns(price: ArrayLike) -> FloatArray | Defect:
    """ln(P_i / P_i-1), accurate however small the move; two prices at least."""
    prices = _positive(price, 2)
    return prices if isinstance(prices, Defect) else _log_ratio(prices[1:], prices[:-1])


def bars(open_: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike) -> Bars | Defect:
    """Checked bars, at least one; prices in any one unit."""
    columns = [_positive(column, 1) for column in (open_, high, low, close)]
    for column in columns:
        if isinstance(column, Defect):
            return column
    opens, highs, lows, closes = (np.asarray(column) for column in columns)
    if not opens.size == highs.size == lows.size == closes.size:
        return Defect.UNEQUAL_LENGTHS
    if (np.minimum(opens, closes) < lows).any() or (np.maximum(opens, closes) > highs).any():
        return Defect.NOT_A_BAR
    gap = np.zeros_like(opens)
    gap[1:] = _log_ratio(opens[1:], closes[:-1])
    return Bars(gap, *(_log_ratio(column, opens) for column in (highs, lows, closes)))


def close_close(returns: FloatArray) -> float:
    """Sum of squared returns: the definition, and the noisiest estimate per bar."""
    return math.fsum(np.square(returns))


def parkinson(sample: Bars) -> float:
    """Sum of (ln H/L)^2 / (4 ln 2): five times as efficient; low where few trades make a bar, high on a bad print."""
    return PARKINSON * math.fsum(np.square(sample.high - sample.low))


def garman_klass(sample: Bars) -> float:
    """Sum of 1/2 (ln H/L)^2 - (2 ln 2 - 1)(ln C/O)^2."""
    return math.fsum(0.5 * np.square(sample.high - sample.low) - GARMAN_KLASS * np.square(sample.close))


def rogers_satchell(sample: Bars) -> float:
    """Sum of ln(H/C) ln(H/O) + ln(L/C) ln(L/O): free of drift."""
    return math.fsum((sample.high - sample.close) * sample.high + (sample.low - sample.close) * sample.low)


def yang_zhang(sample: Bars) -> float | Defect:
    """Count times (variance of gaps + k variance of open to close + (1 - k) mean Rogers-Satchell), two bars at least.

    Free of drift and of what happens between bars; k = 0.34 / (1.34 + (n + 1) / (n - 1)) minimises its own variance.
    """
    count = sample.close.size
    if count < 2:
        return Defect.TOO_FEW
    weight = yang_zhang_weight(count)
    between = float(np.var(sample.gap, ddof=1))
    within = float(np.var(sample.close, ddof=1))
    return count * (between + weight * within) + (1.0 - weight) * rogers_satchell(sample)


def yang_zhang_weight(count: int) -> float:
    """The k of `yang_zhang` for `count` >= 2 bars."""
    return 0.34 / (1.34 + (count + 1) / (count - 1))


def two_scale(price: ArrayLike, grids: int) -> TwoScale | Defect:
    """Zhang, Mykland and Ait-Sahalia's estimator over `grids` >= 2 interleaved grids; more prices than grids.

    Of the order of n^(2/3) grids balance noise against error (theory 3.2). `variance` can be negative on a sample
    that is nothing but noise.
    """
    prices = _positive(price, grids + 1)
    if isinstance(prices, Defect):
        return prices
    finest = math.fsum(np.square(_log_ratio(prices[1:], prices[:-1])))
    sparse = math.fsum(np.square(_log_ratio(prices[grids:], prices[:-grids]))) / grids
    return two_scale_of(finest, sparse, prices.size - 1, grids)


def two_scale_of(finest: float, sparse: float, count: int, grids: int) -> TwoScale | Defect:
    """The estimator from its two sums over `count` returns; a single grid leaves no second scale."""
    if grids < 2 or count < grids:
        return Defect.TOO_FEW
    share = (count - grids + 1) / grids / count
    variance = sparse - share * finest
    return TwoScale(finest, sparse, variance, variance / (1.0 - share))


def realised_kernel(returns: FloatArray, lags: int) -> float | Defect:
    """Autocovariances to `lags` >= 0 under Parzen's weights k(h / (lags + 1)); more returns than lags."""
    if returns.size <= lags or lags < 0:
        return Defect.TOO_FEW
    size = returns.size
    covariances = (math.fsum(returns[lag:] * returns[: size - lag]) for lag in range(lags + 1))
    return kernel_of(list(covariances))


def kernel_of(covariances: list[float]) -> float:
    """The kernel estimate from the sums of r_i r_(i-h), h = 0, 1, ..."""
    weighted = (parzen(lag / len(covariances)) * covariance for lag, covariance in enumerate(covariances[1:], start=1))
    return covariances[0] + 2.0 * math.fsum(weighted)


def parzen(x: float) -> float:
    """Parzen's weight of 0 <= x <= 1: smooth, and never a negative variance."""
    return 1.0 - 6.0 * x * x * (1.0 - x) if x <= 0.5 else 2.0 * (1.0 - x) ** 3


def jump_test(returns: FloatArray) -> JumpTest | Defect:
    """Barndorff-Nielsen and Shephard's ratio test on three returns or more."""
    count = returns.size
    if count < 3:
        return Defect.TOO_FEW
    sizes = np.abs(returns)
    pairs = math.fsum(sizes[1:] * sizes[:-1])
    triples = math.fsum((sizes[2:] * sizes[1:-1] * sizes[:-2]) ** (4.0 / 3.0))
    return jump_test_of(close_close(returns), pairs, triples, count)


def jump_test_of(variance: float, pairs: float, triples: float, count: int) -> JumpTest | Defect:
    """The test from its three sums over `count` returns: squares, products of two, products of three to the 4/3."""
    if count < 3:
        return Defect.TOO_FEW
    if variance <= 0.0:
        return Defect.NO_MOVE
    bipower = _BIPOWER * count / (count - 1) * pairs
    quarticity = count * _TRIPOWER * count / (count - 2) * triples
    relative = max(1.0, quarticity / bipower**2) if bipower**2 > 0.0 else 1.0
    z = (variance - bipower) / variance / math.sqrt(_RATIO_VARIANCE / count * relative)
    return JumpTest(variance, bipower, max(variance - bipower, 0.0), quarticity, z)


def ewma(returns: FloatArray, decay: float) -> float | Defect:
    """Variance per bar after the last return: v <- decay v + (1 - decay) r^2, from the first squared return."""
    if returns.size < 1:
        return Defect.TOO_FEW
    weights = (1.0 - decay) * np.power(decay, np.arange(returns.size - 1, -1, -1, dtype=np.float64))
    weights[0] = decay ** (returns.size - 1)
    return math.fsum((weights * np.square(returns)).tolist())


def decay_of_half_life(bars_count: float) -> float:
    """Decay per bar that halves a weight in `bars_count` > 0 bars."""
    return math.pow(2.0, -1.0 / bars_count)


def har_fit(daily: ArrayLike, *, is_log: bool = True) -> HarFit | Defect:
    """Least squares of each day's variance on the day, week and month before it; 38 days at least.

    On logarithms a forecast cannot be negative and one wild day weighs less; what it then gives is a median.
    """
    days = _positive(daily, HAR_MONTH_DAYS + _HAR_ROWS_MIN)
    if isinstance(days, Defect):
        return days
    rows = _har_rows(days, is_log)[:-1]
    answers = days[HAR_MONTH_DAYS:]
    # lstsq gives the shortest of many answers where days repeat themselves, instead of none.
    found = np.linalg.lstsq(rows, np.log(answers) if is_log else answers, rcond=None)[0]
    constant, day, week, month = (float(item) for item in found)
    return HarFit(constant, day, week, month, is_log)


def _har_rows(days: FloatArray, is_log: bool) -> FloatArray:
    """One row (1, day, week, month) for each day from the thirtieth on."""
    window = np.lib.stride_tricks.sliding_window_view(days, HAR_MONTH_DAYS)
    means = np.stack([window[:, -1], window[:, -HAR_WEEK_DAYS:].mean(axis=1), window.mean(axis=1)], axis=1)
    return np.column_stack([np.ones(len(means)), np.log(means) if is_log else means])


def _positive(column: ArrayLike, least: int) -> FloatArray | Defect:
    """A flat array of at least `least` finite positive numbers."""
    numbers = np.asarray(column, dtype=np.float64).reshape(-1)
    if not ((numbers > 0.0) & np.isfinite(numbers)).all():
        return Defect.NOT_POSITIVE
    return Defect.TOO_FEW if numbers.size < max(least, 1) else numbers


def _log_ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """ln(above / below): log1p near 1, where the quotient alone would lose the digits of a small move."""
    with np.errstate(over="ignore", divide="ignore"):
        ratio: FloatArray = np.log1p((above - below) / below)
    return np.where(np.isfinite(ratio), ratio, np.log(above) - np.log(below))
