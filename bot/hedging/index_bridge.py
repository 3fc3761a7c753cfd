"""The index of the options' venue, carried on by the hedge venue's own while the first is silent.

Two venues' indices differ (other exchanges in them, USDT for USD) by a part that hardly moves within a minute. So the
ratio of the two at the last word of the first, times the one still heard, says how far the market has gone since an
option was last seen. Without a ratio nothing is claimed: doubt about such an option is then as wide as it gets.
"""

from typing import Final

from bot.domain.ids import DERIBIT, venue_of
from bot.domain.market_events import OptionMarked
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.situation import Hedge
from bot.market.view import MarketView
from bot.risk.legs import Legs

_ONE_MOMENT_NS: Final = Ns(2 * NS_PER_S)
"""Messages of two venues so far apart at most are of one moment."""


class IndexBridge:
    """Mutable private state of one engine."""

    def __init__(self) -> None:
        """Start without a ratio."""
        self._ratio: float | None = None
        self._paired_ns: Ns | None = None

    def index_usd(self, view: MarketView, legs: Legs, hedge: Hedge) -> float | None:
        """Index of the options' venue now; None while it cannot be known. Where the hedge is there, its own."""
        if venue_of(hedge.spec.id) == DERIBIT:
            return hedge.index_usd
        marked = view.futures.get(hedge.spec.id)
        if marked is None or marked.index_usd is None:
            return None
        newest = _newest(view, legs)
        # Paired once, when it is new: a later index of the hedge's venue has moved on without it.
        if newest is not None and newest.index_usd is not None and newest.received_ns != self._paired_ns:
            self._paired_ns = newest.received_ns
            if abs(newest.received_ns - marked.received_ns) <= _ONE_MOMENT_NS:
                self._ratio = newest.index_usd / marked.index_usd
        return None if self._ratio is None else self._ratio * marked.index_usd


def _newest(view: MarketView, legs: Legs) -> OptionMarked | None:
    """The newest ticker of all options of the expiries held."""
    seen = (view.newest_of(expiry.index_name, expiry.expiry_ns) for expiry in legs.expiries)
    return max((marked for marked in seen if marked is not None), key=lambda marked: marked.received_ns, default=None)
