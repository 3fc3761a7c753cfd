"""Where one index has been in the last hour or so: bounds for its mean between two moments, from what was seen of it.

Knows one index; nothing of instruments. What was not seen can have been anywhere an index gets to in that time.
"""

import math
from collections import deque
from typing import Final

from bot.domain.time import NS_PER_S, Ns

_BUCKET_NS: Final = 10 * NS_PER_S
_BUCKETS_MAX: Final = 400
"""Longer than the longest settlement window, of an hour."""
_DRIFT_SHARE: Final = 1.7e-3
"""Three standard deviations of ten seconds at 100 % volatility; grows with the root of time."""
_UNKNOWN_SHARE: Final = 0.1
"""Before the first moment seen: no mean of an index is further from where it is an hour later at most."""


class IndexPath:
    """Mutable private state of one view."""

    def __init__(self) -> None:
        """Nothing seen."""
        self._buckets: deque[list[float]] = deque(maxlen=_BUCKETS_MAX)
        """Number of the ten seconds, lowest and highest; ascending."""
        self._newest: list[float] = []
        """The last of them."""
        self._ends_ns = 0

    def see(self, index_usd: float, at_ns: Ns) -> None:
        """Take a value; a late one widens the newest."""
        if at_ns >= self._ends_ns or not self._newest:
            number = at_ns // _BUCKET_NS
            self._ends_ns = (number + 1) * _BUCKET_NS
            self._newest = [number, index_usd, index_usd]
            self._buckets.append(self._newest)
            return
        newest = self._newest
        if index_usd < newest[1]:
            newest[1] = index_usd
        elif index_usd > newest[2]:
            newest[2] = index_usd

    def mean_between(self, since_ns: int, until_ns: int) -> tuple[float, float] | None:
        """Lowest and highest mean, USD; None when nothing was seen, or for no time at all."""
        first, last = since_ns // _BUCKET_NS, until_ns // _BUCKET_NS
        seen = [bucket for bucket in self._buckets if first <= bucket[0] <= last]
        if not seen or until_ns <= since_ns:
            return None
        number, low, high = seen[0]
        before = number - first
        low_sum, high_sum = before * low * (1.0 - _UNKNOWN_SHARE), before * high * (1.0 + _UNKNOWN_SHARE)
        for bucket in seen:
            gap = bucket[0] - number
            slack = _DRIFT_SHARE * math.sqrt(max(gap, 1.0))
            low_sum += max(gap, 1.0) * min(low, bucket[1]) * (1.0 - slack)
            high_sum += max(gap, 1.0) * max(high, bucket[2]) * (1.0 + slack)
            number, low, high = bucket
        after = last - number
        slack = _DRIFT_SHARE * math.sqrt(max(after, 1.0))
        low_sum, high_sum = low_sum + after * low * (1.0 - slack), high_sum + after * high * (1.0 + slack)
        count = last - first + 1
        return low_sum / count, high_sum / count
