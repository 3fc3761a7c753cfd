"""Realised variance as it happens: the estimators of `realized_vol` over a rolling window, in plain floats.

Knows one price or bar at a time. An observation costs a few multiplications; a figure is an exact sum over the window,
so that nothing drifts over months and a window full of observations gives what the batch function gives for it.
A bad observation is answered with its `Defect` and leaves no trace.
"""

import math
from collections import deque

from bot.pricing import realized_vol as rv
from bot.pricing.realized_vol import Defect, HarFit, JumpTest, TwoScale


class PriceStream:
    """Returns of the last `returns_count_max` + 1 prices: close-close, jump test, two-scale, kernel."""

    def __init__(self, returns_count_max: int, *, grids: int = 30, lags: int = 20) -> None:
        """`grids` are those of the two-scale estimator, `lags` those of the kernel; both below the window."""
        assert 2 <= grids <= returns_count_max, f"grids {grids} do not fit {returns_count_max} returns"
        assert 0 <= lags < returns_count_max, f"lags {lags} do not fit {returns_count_max} returns"
        self._grids = grids
        self._prices: deque[float] = deque(maxlen=grids)
        self._returns: deque[float] = deque(maxlen=max(lags, 2) + 1)
        self._pairs: deque[float] = deque(maxlen=returns_count_max - 1)
        self._triples: deque[float] = deque(maxlen=max(returns_count_max - 2, 0))
        self._sparse: deque[float] = deque(maxlen=returns_count_max - grids + 1)
        self._covariances = [deque[float](maxlen=returns_count_max - lag) for lag in range(lags + 1)]

    def push(self, price: float) -> Defect | None:
        """Take the next price; the first one gives no return yet."""
        if not 0.0 < price < math.inf:
            return Defect.NOT_POSITIVE
        if self._prices:
            self._take(_log_ratio(price, self._prices[-1]))
        if len(self._prices) == self._grids:
            self._sparse.append(_log_ratio(price, self._prices[0]) ** 2)
        self._prices.append(price)
        return None

    def _take(self, change: float) -> None:
        past = self._returns
        past.append(change)
        size = abs(change)
        if len(past) > 1:
            self._pairs.append(size * abs(past[-2]))
        if len(past) > 2:
            self._triples.append((size * abs(past[-2]) * abs(past[-3])) ** (4.0 / 3.0))
        for lag, products in enumerate(self._covariances[: len(past)]):
            products.append(change * past[-1 - lag])

    @property
    def returns_count(self) -> int:
        """Returns in the window."""
        return len(self._covariances[0])

    def close_close(self) -> float:
        """As `realized_vol.close_close`; 0 before the second price."""
        return math.fsum(self._covariances[0])

    def jump_test(self) -> JumpTest | Defect:
        """As `realized_vol.jump_test`."""
        return rv.jump_test_of(self.close_close(), math.fsum(self._pairs), math.fsum(self._triples), self.returns_count)

    def two_scale(self) -> TwoScale | Defect:
        """As `realized_vol.two_scale`."""
        sparse = math.fsum(self._sparse) / self._grids
        return rv.two_scale_of(self.close_close(), sparse, self.returns_count, self._grids)

    def realised_kernel(self) -> float | Defect:
        """As `realized_vol.realised_kernel`."""
        if self.returns_count < len(self._covariances):
            return Defect.TOO_FEW
        return rv.kernel_of([math.fsum(products) for products in self._covariances])


class BarStream:
    """The last `bars_count_max` bars: Parkinson, Garman-Klass, Rogers-Satchell, Yang-Zhang."""

    def __init__(self, bars_count_max: int) -> None:
        """Start without a bar."""
        assert bars_count_max >= 2, f"a window of {bars_count_max} bars has no spread"
        self._bars: deque[tuple[float, float, float, float]] = deque(maxlen=bars_count_max)
        self._close: float | None = None

    def push(self, open_: float, high: float, low: float, close: float) -> Defect | None:
        """Take the next bar; prices in the unit of all others."""
        if not all(0.0 < price < math.inf for price in (open_, high, low, close)):
            return Defect.NOT_POSITIVE
        if min(open_, close) < low or max(open_, close) > high:
            return Defect.NOT_A_BAR
        gap = 0.0 if self._close is None else _log_ratio(open_, self._close)
        self._bars.append((gap, _log_ratio(high, open_), _log_ratio(low, open_), _log_ratio(close, open_)))
        self._close = close
        return None

    @property
    def bars_count(self) -> int:
        """Bars in the window."""
        return len(self._bars)

    def parkinson(self) -> float:
        """As `realized_vol.parkinson`; 0 before the first bar."""
        return rv.PARKINSON * math.fsum((high - low) ** 2 for _, high, low, _ in self._bars)

    def garman_klass(self) -> float:
        """As `realized_vol.garman_klass`; 0 before the first bar."""
        return math.fsum(
            0.5 * (high - low) ** 2 - rv.GARMAN_KLASS * close * close for _, high, low, close in self._bars
        )

    def rogers_satchell(self) -> float:
        """As `realized_vol.rogers_satchell`; 0 before the first bar."""
        return math.fsum((high - close) * high + (low - close) * low for _, high, low, close in self._bars)

    def yang_zhang(self) -> float | Defect:
        """As `realized_vol.yang_zhang`; what lies before the window's first bar does not count."""
        count = len(self._bars)
        if count < 2:
            return Defect.TOO_FEW
        weight = rv.yang_zhang_weight(count)
        between = _variance([0.0, *(bar[0] for bar in list(self._bars)[1:])])
        within = _variance([bar[3] for bar in self._bars])
        return count * (between + weight * within) + (1.0 - weight) * self.rogers_satchell()


class EwmaStream:
    """Variance per bar, exponentially weighted: three floats of memory."""

    def __init__(self, decay: float) -> None:
        """`decay` per bar, 0 < decay < 1."""
        assert 0.0 < decay < 1.0, f"decay {decay} is outside 0 and 1"
        self._decay = decay
        self._price: float | None = None
        self._variance: float | None = None

    def push(self, price: float) -> Defect | None:
        """Take the close of the next bar."""
        if not 0.0 < price < math.inf:
            return Defect.NOT_POSITIVE
        if self._price is not None:
            square = _log_ratio(price, self._price) ** 2
            before = square if self._variance is None else self._variance
            self._variance = before + (1.0 - self._decay) * (square - before)
        self._price = price
        return None

    def variance(self) -> float | Defect:
        """As `realized_vol.ewma`."""
        return Defect.TOO_FEW if self._variance is None else self._variance


class HarStream:
    """The last `days_count_max` daily variances, and what they say about the next."""

    def __init__(self, days_count_max: int, *, is_log: bool = True) -> None:
        """Start without a day."""
        self._is_log = is_log
        self._days: deque[float] = deque(maxlen=days_count_max)

    def push(self, variance: float) -> Defect | None:
        """Take the variance of the day that ended."""
        if not 0.0 < variance < math.inf:
            return Defect.NOT_POSITIVE
        self._days.append(variance)
        return None

    def forecast(self) -> float | Defect:
        """As `HarFit.forecast` of the fit to the window."""
        days = list(self._days)
        fit = rv.har_fit(days, is_log=self._is_log)
        return fit.forecast(days) if isinstance(fit, HarFit) else fit


def _variance(numbers: list[float]) -> float:
    mean = math.fsum(numbers) / len(numbers)
    return math.fsum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1)


def _log_ratio(above: float, below: float) -> float:
    ratio = (above - below) / below
    return math.log1p(ratio) if math.isfinite(ratio) and ratio > -1.0 else math.log(above) - math.log(below)
