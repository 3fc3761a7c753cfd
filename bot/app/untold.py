"""What was applied and nobody was told of yet, in order. What says nothing new is held until it is worth a call.

Most events are of the market and lead to nothing, most ticks decide what was decided before. Telling them one by one
cost a sixth of the path from a message to its decision, nearly all of it for finding code and counters that are out of
the cache by then; told many at a time, they are in it. Whatever says something new is told in the same turn of the
loop, after all that was held. Knows the order and what is new; tells nobody.
"""

from typing import Final

from bot.app.keepers import Applied
from bot.domain.decided import NOTHING, Decided, Outcome, is_repeat
from bot.domain.events import Event, Ticked
from bot.domain.market_events import MarketEvent
from bot.domain.time import NS_PER_MS, Ns
from bot.observe.passed import Passed, Stretch

HELD_MAX: Final = 64
"""Some thirty decisions: telling them takes half as long as making one."""
HELD_NS_MAX: Final = Ns(250 * NS_PER_MS)
"""The first tick so long after the last telling tells: pages and scrapes ask once a second at most."""

_MARKET: Final = frozenset(MarketEvent.__args__)


class Untold:
    """Of one process."""

    def __init__(self) -> None:
        """Nothing was applied."""
        self._fresh: list[Applied] = []
        self._entries: list[Applied | Stretch] = []
        self._stretch: Stretch = []
        self._passed: Passed | None = None
        self._said: dict[str, Decided] = {}
        self._tick_ns = self._told_ns = Ns(0)
        self._is_due = False

    @property
    def is_fresh(self) -> bool:
        """Whether there is something to be written."""
        return bool(self._fresh)

    def add(self, book: str, seq: int, event: Event, outcome: Outcome) -> None:
        """One event and what it led to in one book; handed over once per book, a market event passes once."""
        # The class itself is asked for: that something is no instance of a Struct costs ten times as much to find out.
        kind, passed = event.__class__, self._passed
        if outcome is NOTHING and kind in _MARKET:
            if passed is None:
                self._passed = passed = Passed(event)  # type: ignore[arg-type]  # its class says so, here and below
                self._stretch.append(passed)
            elif passed.newest is not event:
                passed.kinds.append(kind)  # type: ignore[arg-type]
                passed.newest = event  # type: ignore[assignment]
            return
        self._passed = None
        entry = (book, seq, event, outcome)
        self._fresh.append(entry)
        if isinstance(event, Ticked):
            self._tick_ns = event.now_ns
            if self._repeats(book, outcome):
                self._stretch.append(entry)
                # A clock that was set back is no reason to wait for it.
                self._is_due |= not 0 <= event.now_ns - self._told_ns < HELD_NS_MAX or len(self._stretch) >= HELD_MAX
                return
        self._close()
        self._entries.append(entry)
        self._is_due = True

    def fresh(self) -> list[Applied]:
        """What is to be written, once: all but market events that led to nothing, told or not."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def take(self, *, is_last: bool = False) -> list[Applied | Stretch]:
        """What is to be told, once: nothing while what is held says nothing new and is neither old nor much."""
        if not self._is_due and not is_last:
            return []
        self._close()
        entries, self._entries = self._entries, []
        self._is_due, self._told_ns = False, self._tick_ns
        return entries

    def _close(self) -> None:
        if self._stretch:
            self._entries.append(self._stretch)
            self._stretch, self._passed = [], None

    def _repeats(self, book: str, outcome: Outcome) -> bool:
        """Whether nothing is said but what was said last."""
        decided = outcome.decided
        if decided is None or not is_repeat(decided, self._said.get(book)):
            if decided is not None:
                self._said[book] = decided
            return False
        return not outcome.commands and not outcome.notes
