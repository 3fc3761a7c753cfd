"""The forward of each expiry, as its options tell it, and whether the newest one can be believed.

Every ticker of an option carries the forward and the index of its moment; one message cannot move every delta of an
expiry (`market/leaps.py`). Knows tickers; nothing of positions.
"""

from bot.domain.market_events import OptionMarked
from bot.domain.time import Ns
from bot.market.leaps import Leaps, basis_leaps
from bot.market.quality import is_older

Expiry = tuple[str, Ns]
"""(index name, expiry)."""


class Forwards:
    """Mutable private state of one view."""

    def __init__(self) -> None:
        """Nothing is known of any expiry."""
        self._newest: dict[Expiry, OptionMarked] = {}
        self._leaps: Leaps[Expiry] = basis_leaps()
        self.jumped = self._leaps.jumped
        """Expiries whose newest forward is not believed."""

    def see(self, expiry: Expiry, marked: OptionMarked) -> None:
        """Take a ticker; without a forward it says nothing, an older one changes nothing."""
        held, forward_usd = self._newest.get(expiry), marked.forward_usd
        if forward_usd is None:
            return
        if held is not None:
            if is_older(marked.venue_ns, held.venue_ns, marked.received_ns):
                return
            if forward_usd == held.forward_usd and marked.index_usd == held.index_usd and not self.jumped:
                self._newest[expiry] = marked  # another option of the same moment
                return
        before = None if held is None or held.forward_usd is None else (held.forward_usd, held.index_usd)
        if self._leaps.believes(expiry, before, (forward_usd, marked.index_usd)):
            self._newest[expiry] = marked

    def newest(self, expiry: Expiry) -> OptionMarked | None:
        """The newest ticker of an expiry with a forward that is believed."""
        return self._newest.get(expiry)
