"""How far the prices of several hedge instruments stray from their index, and together: volatilities and correlations.

Measured on changes of log(mark / index), both of one message, a quarter of an hour apart; older ones count less, and a
guess counts like a day of them, so that the first changes seen decide nothing. Knows no position and no cost.
"""

import itertools
import math
from collections.abc import Iterable
from typing import Final

from bot.domain.ids import InstrumentId
from bot.domain.market_events import FutureMarked
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns

_EVERY_NS: Final = 900 * NS_PER_S
"""Between samples: long enough that the bounce of a mark by a tick is not taken for a basis that wanders."""
_KEPT: Final = math.exp(-1.0 / 96.0)
"""Weight of a sample when the next one comes: a day of them, 96, leaves 1/e."""
_GUESS_WEIGHT: Final = 96.0
_PERPETUAL_VOL: Final = 0.005
"""Guess, per root year: funding keeps a perpetual within a few basis points of its index, 2.6 of them a day by this."""
_DATED_VOL: Final = 0.02
"""The same of a dated future: a yearly basis rate that moves by some percent over a quarter left."""


class BasisWatch:
    """Mutable private state of one engine; fed with the tickers of the instruments."""

    def __init__(self, names: Iterable[InstrumentId]) -> None:
        """Nothing seen."""
        self._names = frozenset(names)
        self._newest: dict[InstrumentId, tuple[float, Ns]] = {}
        self._sampled: dict[InstrumentId, tuple[float, Ns]] = {}
        self._sums: dict[tuple[InstrumentId, InstrumentId], float] = {}
        """Weighted products of changes, per year, of each ordered pair; of one with itself: its variance."""
        self._weights: dict[tuple[InstrumentId, InstrumentId], float] = {}
        self._due_ns = Ns(0)

    def see(self, marked: FutureMarked) -> None:
        """Take a ticker that is believed."""
        if marked.instrument not in self._names or not marked.mark_usd or not marked.index_usd:
            return
        if marked.received_ns >= self._due_ns:
            self._due_ns = Ns(marked.received_ns + _EVERY_NS)
            self._sample()  # of what was known before this one: so all are of the same moment, or nearly
        self._newest[marked.instrument] = (math.log(marked.mark_usd / marked.index_usd), marked.received_ns)

    def _sample(self) -> None:
        """One change of each that has been heard since the last sample."""
        changes: dict[InstrumentId, float] = {}
        for name, (basis, seen_ns) in self._newest.items():
            before = self._sampled.get(name)
            if before is not None and seen_ns - before[1] < _EVERY_NS // 2:
                continue
            self._sampled[name] = (basis, seen_ns)
            if before is not None:
                changes[name] = (basis - before[0]) * math.sqrt(NS_PER_YEAR / (seen_ns - before[1]))
        for pair in itertools.combinations_with_replacement(sorted(changes), 2):
            self._sums[pair] = _KEPT * self._sums.get(pair, 0.0) + changes[pair[0]] * changes[pair[1]]
            self._weights[pair] = _KEPT * self._weights.get(pair, 0.0) + 1.0

    def vol_per_root_year(self, name: InstrumentId, *, is_dated: bool) -> float:
        """Standard deviation of price / index, fraction."""
        guess = _DATED_VOL if is_dated else _PERPETUAL_VOL
        seen, weight = self._sums.get((name, name), 0.0), self._weights.get((name, name), 0.0)
        return math.sqrt((_GUESS_WEIGHT * guess**2 + seen) / (_GUESS_WEIGHT + weight))

    def correlation(self, one: InstrumentId, other: InstrumentId) -> float:
        """Of two different ones, -1 to 1; drawn to 0 while little is seen."""
        pair = (min(one, other), max(one, other))
        variances = self._sums.get((one, one), 0.0) * self._sums.get((other, other), 0.0)
        if variances <= 0.0:
            return 0.0
        weight = self._weights.get(pair, 0.0)
        raw = self._sums.get(pair, 0.0) / math.sqrt(variances) * weight / (_GUESS_WEIGHT + weight)
        return min(max(raw, -1.0), 1.0)
