"""Market events that came one after the other and led to nothing in any book, as far as somebody counts them.

Nothing but a counter wants to know: of all but the newest only the kind is kept, so that no event outlives its turn.
"""

from bot.domain.market_events import MarketEvent


class Passed:
    """At least one."""

    __slots__ = ("kinds", "newest")

    def __init__(self, event: MarketEvent) -> None:
        """The first; whoever adds another one sets both."""
        self.kinds: list[type[MarketEvent]] = [event.__class__]
        self.newest = event
