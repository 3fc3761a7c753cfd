"""One order book kept by `change_id`, and its touch.

Knows Deribit's rules of continuity (exchange facts 1.5). Crossed or one-sided books are passed on as
they are: whether to trust a touch is judged in `market`. Must not know sockets or subscriptions.
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import UNSET

from bot.domain.events import QuoteDistrusted
from bot.domain.ids import InstrumentId
from bot.domain.market_events import Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_MS, Ns
from bot.venues.deribit_wire import BookEntry, BookUpdate

Best = Callable[[dict[float, float]], float]


class _Side:
    """Price -> amount with the best price at hand; the best is searched anew only when it goes."""

    __slots__ = ("_best_of", "_is_better", "best", "levels")

    def __init__(self, *, is_bid: bool) -> None:
        self.levels: dict[float, float] = {}
        self.best: float | None = None
        self._best_of: Final[Best] = max if is_bid else min
        self._is_better: Final[Callable[[float, float], bool]] = float.__gt__ if is_bid else float.__lt__

    def clear(self) -> None:
        self.levels.clear()
        self.best = None

    def apply(self, entries: Sequence[BookEntry]) -> None:
        for action, price, amount in entries:
            if action == "delete" or amount <= 0.0:
                if self.levels.pop(price, None) is not None and price == self.best:
                    self.best = self._best_of(self.levels) if self.levels else None
            else:
                self.levels[price] = amount
                if self.best is None or self._is_better(price, self.best):
                    self.best = price


class Book:
    """The book of one instrument. Starts empty and after a gap is empty until the next snapshot."""

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument: Final = instrument
        self._bids: Final = _Side(is_bid=True)
        self._asks: Final = _Side(is_bid=False)
        self._change_id: int | None = None

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
