"""What an instrument traded in the last 24 hours, by the hour. State only."""

from collections import deque
from typing import Final, NamedTuple

from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns

_HOUR_NS: Final = 3600 * NS_PER_S
_HOURS: Final = NS_PER_DAY // _HOUR_NS


class _Hour(NamedTuple):
    """Of one hour since the epoch."""

    number: int
    coin: float
    usd: float


class DayVolume:
    """Whole hours: what is told is of the last 24 to 25."""

    def __init__(self) -> None:
        """Nothing has traded."""
        self._hours: Final[deque[_Hour]] = deque(maxlen=_HOURS + 1)

    def begin(self, now_ns: Ns, *, coin_per_day: float, usd_per_day: float) -> None:
        """The day before `now_ns`, as an even one."""
        first = now_ns // _HOUR_NS - _HOURS
        self._hours.extend(_Hour(first + hour, coin_per_day / _HOURS, usd_per_day / _HOURS) for hour in range(_HOURS))

    def add(self, now_ns: Ns, coin: float, usd: float) -> None:
        """A trade, unsigned."""
        number = now_ns // _HOUR_NS
        if self._hours and self._hours[-1].number == number:
            newest = self._hours.pop()
            coin, usd = newest.coin + coin, newest.usd + usd
        self._hours.append(_Hour(number, coin, usd))

    def at(self, now_ns: Ns) -> tuple[float, float]:
        """Coins and USD."""
        oldest = now_ns // _HOUR_NS - _HOURS
        while self._hours and self._hours[0].number < oldest:
            self._hours.popleft()
        return sum(hour.coin for hour in self._hours), sum(hour.usd for hour in self._hours)
