"""One order book kept by `change_id`, its touch and what stands behind it.

Knows Deribit's rules of continuity (exchange facts 1.5). Crossed or one-sided books are passed on as
they are: whether to trust a touch is judged in `market`. Must not know sockets or subscriptions.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Final

from msgspec import UNSET

from bot.domain.events import QuoteDistrusted
from bot.domain.ids import InstrumentId
from bot.domain.market_events import DepthSeen, Level, Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_MS, Ns
from bot.venues.deribit_wire import BookEntry, BookUpdate

_LEVELS_TOLD: Final = 5
DEPTH_NS_MIN: Final = Ns(250 * NS_PER_MS)
"""Between looks behind the touch: costs and sizes need no more, and a tick must not wait for them."""


class _Side:
    """Price -> amount, and the prices in order."""

    __slots__ = ("_is_bid", "_prices", "levels")

    def __init__(self, *, is_bid: bool) -> None:
        self.levels: dict[float, float] = {}
        self._prices: list[float] = []
        self._is_bid: Final = is_bid

    @property
    def best(self) -> float | None:
        if not self._prices:
            return None
        return self._prices[-1] if self._is_bid else self._prices[0]

    def top(self) -> tuple[Level, ...]:
        """The best few, best first."""
        prices = self._prices[: -_LEVELS_TOLD - 1 : -1] if self._is_bid else self._prices[:_LEVELS_TOLD]
        return tuple((price, self.levels[price]) for price in prices)

    def clear(self) -> None:
        self.levels.clear()
        self._prices.clear()

    def apply(self, entries: Sequence[BookEntry]) -> None:
        levels, prices = self.levels, self._prices
        for action, price, amount in entries:
            if action == "delete" or amount <= 0.0:
                if levels.pop(price, None) is not None:
                    del prices[bisect_left(prices, price)]
            else:
                if price not in levels:
                    insort(prices, price)
                levels[price] = amount


class Book:
    """The book of one instrument. Starts empty and after a gap is empty until the next snapshot."""

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument: Final = instrument
        self._bids: Final = _Side(is_bid=True)
        self._asks: Final = _Side(is_bid=False)
        self._change_id: int | None = None
        self._told_ns = Ns(-DEPTH_NS_MIN)

    @property
    def is_known(self) -> bool:
        """Whether the book follows the venue without a hole."""
        return self._change_id is not None

    def apply(self, update: BookUpdate, received_ns: Ns) -> Quoted | QuoteDistrusted | None:
        """The new touch; QuoteDistrusted once per gap; None while waiting for a snapshot.

        A snapshot replaces everything: a book is never merged with what was there before. The first
        message of a new instrument may be a change with `prev_change_id` 0; the only test of a gap is
        `prev_change_id` against the last `change_id`, jumps are normal (data notes 4.14).
        """
        is_first = update.type == "change" and update.prev_change_id == 0 and self._change_id is None
        if update.type == "snapshot" or is_first or (update.type is UNSET and update.prev_change_id is None):
            self._bids.clear()
            self._asks.clear()
        elif self._change_id is None:
            return None
        elif update.prev_change_id != self._change_id:
            self.forget()
            return QuoteDistrusted(instrument=self.instrument, received_ns=received_ns, cause=DistrustCause.BOOK_GAP)
        self._bids.apply(update.bids)
        self._asks.apply(update.asks)
        self._change_id = update.change_id
        return self._touch(update, received_ns)

    def depth(self, venue_ns: Ns, received_ns: Ns) -> DepthSeen | None:
        """The best levels, where it is known and they were not told a moment ago."""
        if not self.is_known or received_ns - self._told_ns < DEPTH_NS_MIN:
            return None
        self._told_ns = received_ns
        return DepthSeen(
            instrument=self.instrument,
            received_ns=received_ns,
            venue_ns=venue_ns,
            bids=self._bids.top(),
            asks=self._asks.top(),
        )

    def forget(self) -> None:
        """Drop everything: the next snapshot starts anew."""
        self._bids.clear()
        self._asks.clear()
        self._change_id = None

    def _touch(self, update: BookUpdate, received_ns: Ns) -> Quoted:
        bid, ask = self._bids.best, self._asks.best
        return Quoted(
            instrument=self.instrument,
            received_ns=received_ns,
            venue_ns=Ns(update.timestamp * NS_PER_MS),
            bid_native=bid,
            ask_native=ask,
            bid_amount_native=None if bid is None else self._bids.levels[bid],
            ask_amount_native=None if ask is None else self._asks.levels[ask],
        )
