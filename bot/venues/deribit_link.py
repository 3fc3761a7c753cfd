"""A socket to Deribit kept alive through all its connections.

Knows the hot loop from frame to sink: each frame is handed on synchronously by the reader, nothing is queued here.
Reconnecting is `kept`'s, one connection is run by `deribit_session`. Must not know which channels are wanted: that is
the duty it is given.
"""

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

from bot.domain.errors import BotError, MalformedMessage, VenueRefused, VenueUnreachable
from bot.domain.events import Event, StreamName
from bot.domain.time import Ns
from bot.venues import deribit, stream
from bot.venues.contract import Sink
from bot.venues.deribit import TradesPrinted
from bot.venues.deribit_session import Session
from bot.venues.deribit_wire import BookUpdate
from bot.venues.kept import BACKOFF_S_MAX, Kept
from bot.venues.link import Link

_TOO_MANY_REQUESTS: Final = 10028
_TOO_MANY_DOUBLINGS: Final = 3
"""After 10028 the wait starts at 4 s: the credits must come back first."""
_WAKE_S: Final = 1.0


class Duty(Protocol):
    """What differs between the sockets."""

    stream: StreamName
    malformed_max: int
    wake: asyncio.Event

    def begin(self) -> None:
        """A new connection: nothing is subscribed, no book is known."""

    async def settle(self, session: Session) -> list[Event]:
        """Subscribe what is wanted and not there; VenueError when the socket is of no use."""

    def take_book(self, update: BookUpdate, received_ns: Ns) -> deribit.Events:
        """Apply a book message."""

    def take_trades(self, printed: TradesPrinted) -> None:
        """Pass on public trades."""


def _cause(ended: Iterable[asyncio.Task[None]]) -> BotError:
    """What ended a connection, as far as the world is to blame."""
    errors = (task.exception() for task in ended)
    return next((error for error in errors if isinstance(error, BotError)), VenueUnreachable("closed"))


def _doublings(error: BotError) -> int:
    return _TOO_MANY_DOUBLINGS if isinstance(error, VenueRefused) and error.code == _TOO_MANY_REQUESTS else 0


class Socket:
    """One socket through all its connections."""

    def __init__(
        self,
        duty: Duty,
        link: Link,
        sink: Sink,
        *,
        decode: deribit.Decode = deribit.decode,
        backoff_s_max: float = BACKOFF_S_MAX,
    ) -> None:
        self._decode: Final = decode
        self._duty: Final = duty
        self._link: Final = link
        self._sink: Final = sink
        self._kept: Final = Kept(duty.stream, link, sink, malformed_max=duty.malformed_max, backoff_s_max=backoff_s_max)

    async def keep(self) -> None:
        """Connect, serve, reconnect, until cancelled; ConfigError is not survived."""
        await self._kept.keep(self._one_connection, _doublings)

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
            # Before the closing, which takes time: who waits for an answer should look it up elsewhere now.
            session.end(_cause(task for task in tasks if task in done))
        finally:
            session.end(VenueUnreachable("closed by us"))
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:  # cancelled again, or only now: the socket is ours to close
                await connection.close()
        # Both may have ended at once: the reader knows the cause, the worker only that a reply is missing.
        for task in tasks:
            if task in done:
                task.result()

    async def _work(self, session: Session) -> None:
        duty = self._duty
        await session.open()
        events = await duty.settle(session)
        self._kept.up(events)
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
        now_ns, sink, decode = self._link.now_ns, self._sink, self._decode
        malformed = 0

        def take(frame: bytes) -> None:
            nonlocal malformed
            received_ns = now_ns()
            session.heard()
            try:
                message = decode(frame, received_ns)
            except MalformedMessage as error:
                malformed += 1
                self._kept.refuse(frame, received_ns, str(error), malformed)
                return
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
            elif isinstance(message, TradesPrinted):
                self._duty.take_trades(message)
            elif message.wants_answer:
                session.answer()

        await connection.read(take)
