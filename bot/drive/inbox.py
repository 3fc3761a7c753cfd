"""What waits to be applied: an account lane that keeps everything, a market lane that keeps the newest.

Bounded: the market lane by the number of instruments, the account lane by a limit whose breach halts.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from bot.domain.events import Event, QuoteDistrusted, StreamLost, StreamName
from bot.domain.ids import InstrumentId, venue_of
from bot.domain.market_events import DepthSeen, MarketEvent, Quoted

ACCOUNT_LANE_MAX: Final = 10_000
"""Account events waiting; a healthy loop has a handful."""


class InboxOverflowed(Exception):
    """The account lane is full: events would be lost, so trading must halt."""


class Inbox:
    """Fed by readers, drained by the driver; account events come out first, each lane in order."""

    def __init__(self) -> None:
        """Start empty."""
        self._account: deque[Event] = deque()
        self._market: dict[tuple[type[MarketEvent], InstrumentId], MarketEvent] = {}
        self.conflated_count = 0
        """Market events replaced by a newer one before they were applied."""

    def put(self, events: Iterable[Event]) -> None:
        """Take the events of one frame; InboxOverflowed when the account lane is full."""
        for event in events:
            if isinstance(event, MarketEvent):
                key = (type(event), event.instrument)
                if self._market.pop(key, None) is not None:
                    self.conflated_count += 1
                self._market[key] = event
            elif len(self._account) >= ACCOUNT_LANE_MAX:
                message = f"{ACCOUNT_LANE_MAX} account events are waiting"
                raise InboxOverflowed(message)
            else:
                self._account.append(event)
                self._outdate(event)

    def _outdate(self, event: Event) -> None:
        """Drop waiting data that an account event takes back: it would come out after it, as if it were newer."""
        if isinstance(event, QuoteDistrusted):
            for kind in (Quoted, DepthSeen):
                self._market.pop((kind, event.instrument), None)
        elif isinstance(event, StreamLost) and event.stream is StreamName.MARKET:
            self._market = {key: told for key, told in self._market.items() if venue_of(key[1]) != event.venue}

    def __len__(self) -> int:
        """Events waiting."""
        return len(self._account) + len(self._market)

    def drain(self) -> list[Event]:
        """Everything that waits: account, then market."""
        waiting: list[Event] = [*self._account, *self._market.values()]
        self._account.clear()
        self._market.clear()
        return waiting
