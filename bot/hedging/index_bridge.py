"""The index of the options' venue, carried on by the hedge venue's own while the first is silent.

Two venues' indices differ (other exchanges in them, USDT for USD) by a part that hardly moves within a minute. So the
ratio of the two at the last word of the first, times the one still heard, says how far the market has gone since an
option was last seen. Without a ratio nothing is claimed: doubt about such an option is then as wide as it gets.
"""

from collections.abc import Iterable
from typing import Final

from bot.domain.ids import DERIBIT, InstrumentId, venue_of
from bot.domain.market_events import OptionMarked
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.situation import Hedge
from bot.market.view import MarketView
from bot.risk.legs import Legs

_ONE_MOMENT_NS: Final = Ns(2 * NS_PER_S)
"""Messages of two venues so far apart at most are of one moment."""


class IndexBridge:
    """Mutable private state of one engine."""

    def __init__(self, hedges: Iterable[InstrumentId]) -> None:
        """Start without a ratio; there is none to learn where all hedge instruments are at the options' venue."""
        self._elsewhere = next((name for name in hedges if venue_of(name) != DERIBIT), None)
        self._ratio: float | None = None
        self._paired_ns: Ns | None = None

    def index_usd(self, view: MarketView, hedge: Hedge) -> float | None:
        """Index of the options' venue now; None while it cannot be known. Where the hedge is there, its own."""
        if venue_of(hedge.spec.id) == DERIBIT:
            return hedge.index_usd
        marked = view.futures.get(hedge.spec.id)
        if self._ratio is None or marked is None or marked.index_usd is None:
            return None
        return self._ratio * marked.index_usd

    def pair(self, view: MarketView, legs: Legs) -> None:
        """Learn the ratio; to be called at every decision."""
        if self._elsewhere is None:
            return
        marked, newest = view.futures.get(self._elsewhere), _newest(view, legs)
        if marked is None or marked.index_usd is None or newest is None or newest.index_usd is None:
            return
        # Paired once, when it is new: a later index of the hedge's venue has moved on without it.
        if newest.received_ns != self._paired_ns:
            self._paired_ns = newest.received_ns
            if abs(newest.received_ns - marked.received_ns) <= _ONE_MOMENT_NS:
                self._ratio = newest.index_usd / marked.index_usd


def _newest(view: MarketView, legs: Legs) -> OptionMarked | None:
    """The newest ticker of all options of the expiries held."""
    seen = (view.newest_of(expiry.index_name, expiry.expiry_ns) for expiry in legs.expiries)
    return max((marked for marked in seen if marked is not None), key=lambda marked: marked.received_ns, default=None)
