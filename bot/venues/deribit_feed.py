"""Deribit's two feeds: market data and account.

Knows channels, acknowledgements and when to resynchronise a book; the socket under them is kept alive
by `deribit_link`. Must not know positions or decisions.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from bot.domain.errors import VenueUnreachable
from bot.domain.events import Event, QuoteDistrusted, StreamName
from bot.domain.ids import InstrumentId
from bot.domain.market_events import Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.venues import deribit
from bot.venues.contract import BookListener, BookMoves, Sink
from bot.venues.deribit import TradesPrinted
from bot.venues.deribit_book import Book
from bot.venues.deribit_link import Socket
from bot.venues.deribit_session import Session
from bot.venues.deribit_wire import BookEntry, BookUpdate
from bot.venues.link import Link

__all__ = ["ACCOUNT_CHANNELS", "AccountFeed", "Link", "MarketFeed"]

_SNAPSHOT_S_MAX: Final = 5.0
"""A book without snapshot for so long after its subscription restarts the connection."""
_RESYNC_S_MIN: Final = 1.0
"""A book is resubscribed at most so often: two calls each, of 3.3 a second sustained (facts 1.4)."""
_ACK_RETRIES_MAX: Final = 3
_ACK_RETRY_S: Final = 2.0
_ACK_RETRY_LATE_S: Final = 60.0
"""A channel refused again and again (expired, misspelt) is asked for once a minute."""
_MALFORMED_MARKET_MAX: Final = 5
_MALFORMED_ACCOUNT_MAX: Final = 1
"""A message lost on the account socket may be a fill: start over at once, which reconciles."""
ACCOUNT_CHANNELS: Final = ("user.changes.any.any.raw", "user.portfolio.any")


class AccountFeed:
    """Own orders, fills and money: `user.changes` and `user.portfolio`."""

    stream: StreamName = StreamName.ACCOUNT
    malformed_max: int = _MALFORMED_ACCOUNT_MAX

    def __init__(self, link: Link) -> None:
        assert link.settings.credentials is not None, "the account socket needs a key"
        self._link: Final = link
        self._is_subscribed = False
        self.wake = asyncio.Event()

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled."""
        await Socket(self, self._link, sink).keep()

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Nothing to do: the channels cover every instrument of the account."""

    def begin(self) -> None:
        """Subscribe anew on the new connection."""
        self._is_subscribed = False

    async def settle(self, session: Session) -> list[Event]:
        """Subscribe; a missing account channel makes the socket useless."""
        if not self._is_subscribed:
            missing = await session.subscribe(ACCOUNT_CHANNELS, private=True)
            if missing:
                raise VenueUnreachable(f"not subscribed to {', '.join(sorted(missing))}")
            self._is_subscribed = True
        return []

    def take_book(self, update: BookUpdate, received_ns: Ns) -> deribit.Events:
        """No book is subscribed here."""
        del update, received_ns
        return deribit.NO_EVENTS

    def take_trades(self, printed: TradesPrinted) -> None:
        """Nor public trades."""


class _Retry:
    """When to ask again for a channel the venue left out."""

    __slots__ = ("due_s", "failures")

    def __init__(self) -> None:
        self.failures = 0
        self.due_s = 0.0

    def failed(self, now_s: float) -> None:
        self.failures += 1
        self.due_s = now_s + (_ACK_RETRY_S if self.failures <= _ACK_RETRIES_MAX else _ACK_RETRY_LATE_S)


class MarketFeed:
    """Tickers of every instrument watched, and the books of the hedge instruments."""

    stream: StreamName = StreamName.MARKET
    malformed_max: int = _MALFORMED_MARKET_MAX

    def __init__(self, link: Link, *, hedges: Sequence[InstrumentId], instruments: Sequence[InstrumentId] = ()) -> None:
        """Books come raw on an authenticated socket and every 100 ms otherwise (error 13778)."""
        self._link: Final = link
        self.wake = asyncio.Event()
        raw = link.settings.credentials is not None
        self._books: Final = {name: Book(name) for name in hedges}
        self._book_channels: Final = {name: deribit.book_channel(name, raw=raw) for name in hedges}
        self._owner: dict[str, InstrumentId] = {channel: name for name, channel in self._book_channels.items()}
        if link.listener is not None:
            self._owner |= {deribit.trades_channel(name, raw=raw): name for name in hedges}
        self._subscribed: set[str] = set()
        self._retries: dict[str, _Retry] = {}
        self._gaps: dict[InstrumentId, None] = {}
        self._resync_due_s: dict[InstrumentId, float] = {}
        self._snapshot_due_s: dict[InstrumentId, float] = {}
        self._lived: set[InstrumentId] = set()
        """Hedges whose book was known over this connection."""
        self.watch((*hedges, *instruments))

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled."""
        await Socket(self, self._link, sink).keep()

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Subscribe the tickers of these as well, on the running connection."""
        for name in instruments:
            self._owner.setdefault(deribit.ticker_channel(name), name)
        self.wake.set()

    def begin(self) -> None:
        """A new connection: books start empty, never merged with what was known before."""
        self._subscribed.clear()
        self._retries.clear()
        self._gaps.clear()
        self._snapshot_due_s.clear()
        self._lived.clear()
        for name, book in self._books.items():
            book.forget()
            if self._link.listener is not None:
                self._link.listener.lose_book(name)

    async def settle(self, session: Session) -> list[Event]:
        """Subscribe what is missing and resynchronise books with a gap."""
        given_up = self._overdue()
        await self._resynchronise(session)
        now_s = asyncio.get_running_loop().time()
        wanted = [
            channel
            for channel in self._owner
            if channel not in self._subscribed
            and (channel not in self._retries or self._retries[channel].due_s <= now_s)
        ]
        if not wanted:
            return given_up
        for name, channel in self._book_channels.items():
            if channel in wanted:
                self._snapshot_due_s[name] = now_s + _SNAPSHOT_S_MAX
        missing = await session.subscribe(wanted, private=False)
        for channel in wanted:
            if channel not in missing:
                self._subscribed.add(channel)
                self._retries.pop(channel, None)
        return given_up + self._left_out(missing, now_s)

    def take_book(self, update: BookUpdate, received_ns: Ns) -> deribit.Events:
        """The new touch, or the news that there is none until the book is resynchronised."""
        book = self._books.get(update.instrument_name)
        if book is None:
            return deribit.NO_EVENTS
        was_known = book.is_known
        event = book.apply(update, received_ns)
        if event is None:
            return deribit.NO_EVENTS
        if self._link.listener is not None:
            _tell(self._link.listener, update, event, was_known=was_known)
        if isinstance(event, QuoteDistrusted):
            self._gaps[update.instrument_name] = None
            self.wake.set()
        else:
            self._snapshot_due_s.pop(update.instrument_name, None)
            self._lived.add(update.instrument_name)
            depth = book.depth(event.venue_ns, received_ns)
            if depth is not None:
                return (event, depth)
        return (event,)

    def take_trades(self, printed: TradesPrinted) -> None:
        """To whoever listens."""
        if self._link.listener is not None:
            for trade in printed.trades:
                self._link.listener.hear_trade(trade)

    def _overdue(self) -> list[Event]:
        """Books that did not come: VenueUnreachable, unless another one lives and this one never did here."""
        now_s = asyncio.get_running_loop().time()
        events: list[Event] = []
        for name in [name for name, due_s in self._snapshot_due_s.items() if due_s <= now_s]:
            if not self._lived or name in self._lived:
                raise VenueUnreachable(f"no book snapshot of {name} for {_SNAPSHOT_S_MAX:.0f} s")
            del self._snapshot_due_s[name]
            cause = DistrustCause.NOT_SUBSCRIBED
            events.append(QuoteDistrusted(instrument=name, received_ns=self._link.now_ns(), cause=cause))
        return events

    async def _resynchronise(self, session: Session) -> None:
        now_s = asyncio.get_running_loop().time()
        for name in [name for name in self._gaps if self._resync_due_s.get(name, 0.0) <= now_s]:
            del self._gaps[name]
            self._resync_due_s[name] = now_s + _RESYNC_S_MIN
            await session.unsubscribe([self._book_channels[name]])
            self._subscribed.discard(self._book_channels[name])

    def _left_out(self, missing: frozenset[str], now_s: float) -> list[Event]:
        """Without data of any hedge the socket is useless; an instrument of others is distrusted and tried again.

        Of several hedges one may be gone for good (a future that expired): it must not take the others with it.
        """
        lost = {self._owner[channel] for channel in missing}
        if self._books and lost >= self._books.keys():
            vital = sorted(channel for channel in missing if self._owner[channel] in self._books)
            raise VenueUnreachable(f"not subscribed to {', '.join(vital)}")
        for name in lost:
            self._snapshot_due_s.pop(name, None)
        events: list[Event] = []
        for channel in sorted(missing):
            retry = self._retries.setdefault(channel, _Retry())
            if retry.failures == 0:
                cause = DistrustCause.NOT_SUBSCRIBED
                received_ns = self._link.now_ns()
                events.append(QuoteDistrusted(instrument=self._owner[channel], received_ns=received_ns, cause=cause))
            retry.failed(now_s)
        return events


def _tell(listener: BookListener, update: BookUpdate, event: Quoted | QuoteDistrusted, *, was_known: bool) -> None:
    """The book behind a touch, or that it is lost."""
    if isinstance(event, QuoteDistrusted):
        listener.lose_book(event.instrument)
        return
    moves = BookMoves(_levels(update.bids), _levels(update.asks))
    is_whole = update.type == "snapshot" or update.prev_change_id is None or not was_known
    listener.hear_book(event.instrument, moves, event.venue_ns, is_whole=is_whole)


def _levels(entries: Sequence[BookEntry]) -> list[tuple[float, float]]:
    return [(price, 0.0 if action == "delete" else amount) for action, price, amount in entries]
