"""What was applied and nobody was told of yet, in order: market events in batches, everything else by itself.

Most events are of the market and lead to nothing by themselves; telling them one by one cost a sixth of the path from
a message to its decision. Knows the order; tells nobody.
"""

from typing import Final

from bot.app.keepers import Applied
from bot.domain.decided import NOTHING, Outcome
from bot.domain.events import Event
from bot.domain.market_events import MarketEvent
from bot.observe.passed import Passed

_MARKET: Final = frozenset(MarketEvent.__args__)


class Untold:
    """Of one process; holds what one turn of the loop applies."""

    def __init__(self) -> None:
        """Nothing was applied."""
        self._entries: list[Applied | Passed] = []
        self._passed: Passed | None = None

    def __len__(self) -> int:
        """How often somebody has to be told."""
        return len(self._entries)

    def add(self, book: str, seq: int, event: Event, outcome: Outcome) -> None:
        """One event and what it led to in one book; handed over once per book, a market event passes once."""
        # The class itself is asked for: that something is no instance of a Struct costs ten times as much to find out.
        kind, passed = event.__class__, self._passed
        if outcome is not NOTHING or kind not in _MARKET:
            self._passed = None
            self._entries.append((book, seq, event, outcome))
        elif passed is None:
            self._passed = Passed(event)  # type: ignore[arg-type]  # its class says so, here and below
            self._entries.append(self._passed)
        elif passed.newest is not event:
            passed.kinds.append(kind)  # type: ignore[arg-type]
            passed.newest = event  # type: ignore[assignment]

    def take(self) -> list[Applied | Passed]:
        """All of it, once: whoever takes it tells it."""
        entries, self._entries, self._passed = self._entries, [], None
        return entries
