"""Whether the newest figure of a row is believed: one bad print moves no delta.

A price that leaps away from its own index, or a volatility that leaps, is a bad print until further tickers agree with
it; the ticker before stays in use meanwhile, and what is priced by it is distrusted. Knows pairs of figures; not whose.
"""

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

AGREED_COUNT: Final = 3
"""Tickers in a row that have to say the same before a leap is believed."""
_BASIS_MAX: Final = 2.0
"""Price over index, or the inverse, of a first ticker, which has no other to be held against: no future of a coin has
ever stood at twice its index."""

Key = TypeVar("Key", bound=Hashable)

Pair = tuple[float, float | None]
"""(figure, what it is measured by): price and index of one message, USD per coin. Plain: made for every ticker."""


class Leaps(Generic[Key]):
    """Mutable private state of one view."""

    def __init__(self, least_ratio: float, most_ratio: float) -> None:
        """Everything is believed. The ratios bound what may be between two figures of one row."""
        self._least_ratio, self._most_ratio = least_ratio, most_ratio
        self.jumped: dict[Key, tuple[Pair, int]] = {}
        """Whose newest figure is not believed: that one, and how many in a row agree."""

    def believes(self, key: Key, held: Pair | None, told: Pair) -> bool:
        """Whether a newer ticker takes the place of the one held; it is remembered where it does not."""
        if not self._leap(held, told):
            if self.jumped:
                self.jumped.pop(key, None)
            return True
        before = self.jumped.get(key)
        agreed = 1 if before is None or self._leap(before[0], told) else before[1] + 1
        if agreed < AGREED_COUNT:
            self.jumped[key] = (told, agreed)
            return False
        self.jumped.pop(key, None)
        return True

    def _leap(self, held: Pair | None, told: Pair) -> bool:
        """Whether the figure moved against its measure; without one it is compared with itself alone."""
        figure, measure = told
        if not figure > 0.0:
            return True
        if held is None:
            return measure is not None and not 1.0 / _BASIS_MAX <= figure / measure <= _BASIS_MAX
        before, before_measure = held
        if not before > 0.0:
            return True
        ratio = figure / before
        if before_measure is not None and measure is not None:
            ratio *= before_measure / measure
        return not self._least_ratio <= ratio <= self._most_ratio


BASIS_JUMP_SHARE: Final = 0.05
"""Change of price over index between two tickers that is no market: on a recorded day with a 1 % jump of the index
the basis of 18 expiries moved by 0.6 % at most."""
IV_JUMP_RATIO: Final = 3.0
"""The same of a volatility: on the day of an inflation print ln iv moved by 0.49 at most within three hours."""


def basis_leaps() -> Leaps[Key]:
    """Of prices beside their index."""
    return Leaps(1.0 - BASIS_JUMP_SHARE, 1.0 + BASIS_JUMP_SHARE)


def iv_leaps() -> Leaps[Key]:
    """Of volatilities."""
    return Leaps(1.0 / IV_JUMP_RATIO, IV_JUMP_RATIO)
