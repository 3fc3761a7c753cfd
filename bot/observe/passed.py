"""What says nothing new, many at a time: market events that led to nothing, ticks that decided what was decided before.

Thousands a second, and of each there is only its number to tell. Knows what is kept of them; counts nothing.
"""

from bot.domain.decided import Outcome
from bot.domain.events import Event
from bot.domain.market_events import MarketEvent


class Passed:
    """Market events that came one after the other, at least one: of all but the newest only the kind is kept."""

    __slots__ = ("kinds", "newest")

    def __init__(self, event: MarketEvent) -> None:
        """The first; whoever adds another one sets both."""
        self.kinds: list[type[MarketEvent]] = [event.__class__]
        self.newest = event


Repeat = tuple[str, int, Event, Outcome]
"""Book, sequence number, tick, and an outcome that is nothing but a decision which repeats the one told last."""

Stretch = list[Passed | Repeat]
"""In their order."""
