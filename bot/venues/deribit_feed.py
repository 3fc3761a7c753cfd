"""Deribit's two feeds: market data and account, each a socket that keeps itself alive.

Knows reconnecting, subscriptions and when to resynchronise; frames are read by `deribit`, one
connection is run by `deribit_session`. Each frame is handed to the sink synchronously by the reader:
nothing is queued here. Must not know positions or decisions.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct

from bot.domain.errors import MalformedMessage, VenueError, VenueRefused, VenueUnreachable
from bot.domain.events import Event, MessageMalformed, QuoteDistrusted, StreamLost, StreamName, StreamRestored
from bot.domain.ids import InstrumentId
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.venues import deribit, stream
from bot.venues.contract import NowNs, Sink
from bot.venues.deribit_book import Book
from bot.venues.deribit_session import Connect, Session
from bot.venues.deribit_wire import BookUpdate
from bot.venues.settings import VenueSettings

_BACKOFF_S_MIN: Final = 0.5
_BACKOFF_S_MAX: Final = 30.0
_BACKOFF_DOUBLINGS_MAX: Final = 6
_CALM_S: Final = 10.0
"""A connection that held so long ends the back-off; a shorter one goes on with it."""
_TOO_MANY_REQUESTS: Final = 10028
_TOO_MANY_DOUBLINGS: Final = 3
"""After 10028 the wait starts at 4 s: the credits must come back first."""

_WAKE_S: Final = 1.0
_SNAPSHOT_S_MAX: Final = 5.0
"""A book without snapshot for so long after its subscription restarts the connection."""
_RESYNC_S_MIN: Final = 1.0
"""A book is resubscribed at most so often: two calls each, of 3.3 a second sustained (facts 1.4)."""
_ACK_RETRIES_MAX: Final = 3
_ACK_RETRY_S: Final = 2.0
_ACK_RETRY_LATE_S: Final = 60.0
"""A channel refused again and again (expired, misspelt) is asked for once a minute."""

_SAMPLE_CHARS: Final = 160
_MALFORMED_MARKET_MAX: Final = 5
_MALFORMED_ACCOUNT_MAX: Final = 1
"""A message lost on the account socket may be a fill: start over at once, which reconciles."""

ACCOUNT_CHANNELS: Final = ("user.changes.any.any.raw", "user.portfolio.any")


class Link(Struct, frozen=True, kw_only=True):
    """What a feed needs from outside."""

    settings: VenueSettings
    now_ns: NowNs
    rng: random.Random
    """Seeded by `app`: jitter and nonces."""
    connect: Connect = stream.connect


class _Duty(Protocol):
    """What differs between the two feeds."""

    stream: StreamName
    malformed_max: int
    wake: asyncio.Event

    def begin(self) -> None:
        """A new connection: nothing is subscribed, no book is known."""

    async def settle(self, session: Session) -> list[Event]:
        """Subscribe what is wanted and not there; VenueError when the socket is of no use."""

    def take_book(self, update: BookUpdate, received_ns: Ns) -> deribit.Events:
        """Apply a book message."""


class Backoff:
    """Bounded exponential waits with jitter from a seeded source."""

    def __init__(self, rng: random.Random) -> None:
        self._rng: Final = rng
        self._doublings = 0

    def reset(self) -> None:
        """Start over."""
        self._doublings = 0

    def at_least(self, doublings: int) -> None:
        """Wait longer than usual next."""
        self._doublings = max(self._doublings, doublings)

    def next_s(self) -> float:
        """Seconds to wait now; half to the whole of a step that doubles up to 30 s."""
        step_s = min(_BACKOFF_S_MAX, _BACKOFF_S_MIN * 2.0**self._doublings)
        self._doublings = min(self._doublings + 1, _BACKOFF_DOUBLINGS_MAX)
        return step_s * (0.5 + 0.5 * self._rng.random())


class _Socket:
    """One feed's socket through all its connections."""

    def __init__(self, duty: _Duty, link: Link, sink: Sink) -> None:
        self._duty: Final = duty
        self._link: Final = link
        self._sink: Final = sink
        self._is_up = False

    async def keep(self) -> None:
        """Connect, serve, reconnect, until cancelled; ConfigError is not survived."""
        backoff = Backoff(self._link.rng)
        clock = asyncio.get_running_loop().time
        told = ""
        while True:
            began_s = clock()
            try:
                await self._one_connection()
                cause = "closed"
            except (VenueError, MalformedMessage) as error:
                cause = str(error)
                if isinstance(error, VenueRefused) and error.code == _TOO_MANY_REQUESTS:
                    backoff.at_least(_TOO_MANY_DOUBLINGS)
            if self._is_up and clock() - began_s >= _CALM_S:
                backoff.reset()
            if self._is_up or cause != told:
                told = cause
                self._is_up = False
                self._sink((StreamLost(stream=self._duty.stream, received_ns=self._link.now_ns(), cause=cause),))
            await asyncio.sleep(backoff.next_s())

    async def _one_connection(self) -> None:
        settings = self._link.settings
        connection = await self._link.connect(settings.ws_url)
        session = Session(connection, settings, self._link.now_ns, f"{self._link.rng.getrandbits(64):016x}")
        self._duty.begin()
        tasks = (
            asyncio.create_task(self._read(connection, session)),
            asyncio.create_task(self._work(session)),
        )
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await connection.close()
        # Both may have ended at once: the reader knows the cause, the worker only that a reply is missing.
        for task in tasks:
            if task in done:
                task.result()

    async def _work(self, session: Session) -> None:
        duty, now_ns = self._duty, self._link.now_ns
        await session.open()
        events = await duty.settle(session)
        self._is_up = True
        self._sink((StreamRestored(stream=duty.stream, received_ns=now_ns()), *events))
        while True:
            try:
                async with asyncio.timeout(_WAKE_S):
                    await duty.wake.wait()
            except TimeoutError:
                pass
            duty.wake.clear()
            session.check_alive()
            await session.refresh_if_due()
            events = await duty.settle(session)
            if events:
                self._sink(tuple(events))

    async def _read(self, connection: stream.Connection, session: Session) -> None:
        """The hot loop: frame in, events out, nothing between."""
        recv, now_ns, sink, decode = connection.recv, self._link.now_ns, self._sink, deribit.decode
        malformed = 0
        while True:
            frame = await recv()
            received_ns = now_ns()
            session.heard()
            try:
                message = decode(frame, received_ns)
            except MalformedMessage as error:
                malformed += 1
                self._malformed(frame, received_ns, str(error), malformed)
                continue
            malformed = 0
            if isinstance(message, tuple):
                if message:
                    sink(message)
            elif isinstance(message, BookUpdate):
                events = self._duty.take_book(message, received_ns)
                if events:
                    sink(events)
            elif isinstance(message, deribit.Reply):
                session.take(message)
            elif message.wants_answer:
                await session.answer()

    def _malformed(self, frame: bytes, received_ns: Ns, cause: str, count: int) -> None:
        sample = "withheld" if b"_token" in frame else frame[:_SAMPLE_CHARS].decode(errors="replace")
        stream_name = self._duty.stream
        self._sink((MessageMalformed(stream=stream_name, received_ns=received_ns, cause=cause, sample=sample),))
        if count >= self._duty.malformed_max:
            raise VenueUnreachable(f"{count} malformed messages in a row, the last: {cause}")


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
        await _Socket(self, self._link, sink).keep()

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
        self._subscribed: set[str] = set()
        self._retries: dict[str, _Retry] = {}
        self._gaps: dict[InstrumentId, None] = {}
        self._resync_due_s: dict[InstrumentId, float] = {}
        self._snapshot_due_s: dict[InstrumentId, float] = {}
        self.watch((*hedges, *instruments))

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled."""
        await _Socket(self, self._link, sink).keep()

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
        for book in self._books.values():
            book.forget()

    async def settle(self, session: Session) -> list[Event]:
        """Subscribe what is missing and resynchronise books with a gap."""
        await self._resynchronise(session)
        now_s = asyncio.get_running_loop().time()
        wanted = [
            channel
            for channel in self._owner
            if channel not in self._subscribed
            and (channel not in self._retries or self._retries[channel].due_s <= now_s)
        ]
        if not wanted:
            return []
        for name, channel in self._book_channels.items():
            if channel in wanted:
                self._snapshot_due_s[name] = now_s + _SNAPSHOT_S_MAX
        missing = await session.subscribe(wanted, private=False)
        for channel in wanted:
            if channel not in missing:
                self._subscribed.add(channel)
                self._retries.pop(channel, None)
        return self._left_out(missing, now_s)

    def take_book(self, update: BookUpdate, received_ns: Ns) -> deribit.Events:
        """The new touch, or the news that there is none until the book is resynchronised."""
        book = self._books.get(update.instrument_name)
        event = book.apply(update, received_ns) if book is not None else None
        if event is None:
            return deribit.NO_EVENTS
        if isinstance(event, QuoteDistrusted):
            self._gaps[update.instrument_name] = None
            self.wake.set()
        else:
            self._snapshot_due_s.pop(update.instrument_name, None)
        return (event,)

    async def _resynchronise(self, session: Session) -> None:
        now_s = asyncio.get_running_loop().time()
        overdue = [name for name, due_s in self._snapshot_due_s.items() if due_s <= now_s]
        if overdue:
            raise VenueUnreachable(f"no book snapshot of {overdue[0]} for {_SNAPSHOT_S_MAX:.0f} s")
        for name in [name for name in self._gaps if self._resync_due_s.get(name, 0.0) <= now_s]:
            del self._gaps[name]
            self._resync_due_s[name] = now_s + _RESYNC_S_MIN
            await session.unsubscribe([self._book_channels[name]])
            self._subscribed.discard(self._book_channels[name])

    def _left_out(self, missing: frozenset[str], now_s: float) -> list[Event]:
        """A hedge without data makes the socket useless; any other instrument is distrusted and tried again."""
        vital = sorted(channel for channel in missing if self._owner[channel] in self._books)
        if vital:
            raise VenueUnreachable(f"not subscribed to {', '.join(vital)}")
        events: list[Event] = []
        for channel in sorted(missing):
            retry = self._retries.setdefault(channel, _Retry())
            if retry.failures == 0:
                cause = DistrustCause.NOT_SUBSCRIBED
                received_ns = self._link.now_ns()
                events.append(QuoteDistrusted(instrument=self._owner[channel], received_ns=received_ns, cause=cause))
            retry.failed(now_s)
        return events
