"""The forward of each expiry, as its options tell it, and whether the newest one can be believed.

Every ticker of an option carries the forward and the index of its moment. A forward that leaps away from its own index
is a bad print until further tickers of the expiry agree with it: the one before it stays in use and the expiry is
distrusted, so that one message cannot move every delta of an expiry. Knows tickers; nothing of positions.
"""

import math
from typing import Final

from bot.domain.market_events import OptionMarked
from bot.domain.time import Ns

BASIS_JUMP_SHARE: Final = 0.05
"""Change of forward over index between two tickers that is no market: on a recorded day with a 1 % jump of the index
the basis of 18 expiries moved by 0.6 % at most."""
AGREED_COUNT: Final = 3
"""Tickers in a row that have to say the same before a leap is believed."""

Expiry = tuple[str, Ns]
"""(index name, expiry)."""


class Forwards:
    """Mutable private state of one view."""

    def __init__(self) -> None:
        """Nothing is known of any expiry."""
        self._newest: dict[Expiry, OptionMarked] = {}
        self.jumped: dict[Expiry, tuple[OptionMarked, int]] = {}
        """Expiries whose newest forward is not believed: that ticker, and how many in a row agree."""

    def see(self, expiry: Expiry, marked: OptionMarked) -> None:
        """Take a ticker; without a forward it says nothing, an older one changes nothing."""
        held = self._newest.get(expiry)
        if marked.forward_usd is None or (held is not None and marked.venue_ns < held.venue_ns):
            return
        if held is not None and _leaps(held, marked):
            before = self.jumped.get(expiry)
            agreed = 1 if before is None or _leaps(before[0], marked) else before[1] + 1
            if agreed < AGREED_COUNT:
                self.jumped[expiry] = (marked, agreed)
                return
        self.jumped.pop(expiry, None)
        self._newest[expiry] = marked

    def newest(self, expiry: Expiry) -> OptionMarked | None:
        """The newest ticker of an expiry with a forward that is believed."""
        return self._newest.get(expiry)


def _leaps(held: OptionMarked, marked: OptionMarked) -> bool:
    """Whether the forward moved against its index; without an index it is compared with itself alone."""
    assert held.forward_usd is not None, "a ticker without a forward was kept"
    assert marked.forward_usd is not None, "a ticker without a forward was compared"
    ratio = marked.forward_usd / held.forward_usd if held.forward_usd > 0.0 else math.inf
    if held.index_usd is not None and marked.index_usd is not None and held.index_usd > 0.0 and marked.index_usd > 0.0:
        ratio *= held.index_usd / marked.index_usd
    return not 1.0 - BASIS_JUMP_SHARE <= ratio <= 1.0 + BASIS_JUMP_SHARE
