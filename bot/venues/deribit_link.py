"""A socket to Deribit kept alive through all its connections.

Knows reconnecting, waiting and the hot loop from frame to sink: each frame is handed on synchronously
by the reader, nothing is queued here. One connection is run by `deribit_session`. Must not know which
channels are wanted: that is the duty it is given.
"""

import asyncio
import random
from collections.abc import Iterable
from typing import Final, Protocol

from bot.domain.errors import BotError, MalformedMessage, VenueError, VenueRefused, VenueUnreachable
from bot.domain.events import Event, MessageMalformed, StreamLost, StreamName, StreamRestored
from bot.domain.time import Ns
from bot.venues import deribit, stream
from bot.venues.contract import Sink
from bot.venues.deribit import TradesPrinted
from bot.venues.deribit_session import Session
from bot.venues.deribit_wire import BookUpdate
from bot.venues.link import Link

_BACKOFF_S_MIN: Final = 0.5
_BACKOFF_S_MAX: Final = 30.0
_BACKOFF_DOUBLINGS_MAX: Final = 6
_CALM_S: Final = 10.0
"""A connection that held so long ends the back-off; a shorter one goes on with it."""
_TOO_MANY_REQUESTS: Final = 10028
_TOO_MANY_DOUBLINGS: Final = 3
"""After 10028 the wait starts at 4 s: the credits must come back first."""
_WAKE_S: Final = 1.0
_SAMPLE_CHARS: Final = 160


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


class Backoff:
    """Bounded exponential waits with jitter from a seeded source."""

    def __init__(self, rng: random.Random, s_max: float = _BACKOFF_S_MAX) -> None:
        self._rng: Final = rng
        self._s_max: Final = s_max
        self._doublings = 0

    def reset(self) -> None:
        """Start over."""
        self._doublings = 0

    def at_least(self, doublings: int) -> None:
        """Wait longer than usual next."""
        self._doublings = max(self._doublings, doublings)

    def next_s(self) -> float:
        """Seconds to wait now; half to the whole of a step that doubles up to the longest."""
        step_s = min(self._s_max, _BACKOFF_S_MIN * 2.0**self._doublings)
        self._doublings = min(self._doublings + 1, _BACKOFF_DOUBLINGS_MAX)
        return step_s * (0.5 + 0.5 * self._rng.random())


def _cause(ended: Iterable[asyncio.Task[None]]) -> BotError:
    """What ended a connection, as far as the world is to blame."""
    errors = (task.exception() for task in ended)
    return next((error for error in errors if isinstance(error, BotError)), VenueUnreachable("closed"))


class Socket:
    """One socket through all its connections."""

    def __init__(self, duty: Duty, link: Link, sink: Sink, *, backoff_s_max: float = _BACKOFF_S_MAX) -> None:
        self._duty: Final = duty
        self._link: Final = link
        self._sink: Final = sink
        self._backoff: Final = Backoff(link.rng, backoff_s_max)
        self._is_up = False

    async def keep(self) -> None:
        """Connect, serve, reconnect, until cancelled; ConfigError is not survived."""
        backoff = self._backoff
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
            # Before the closing, which takes time: who waits for an answer should look it up elsewhere now.
            session.end(_cause(task for task in tasks if task in done))
        finally:
            session.end(VenueUnreachable("closed by us"))
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
            elif isinstance(message, TradesPrinted):
                self._duty.take_trades(message)
            elif message.wants_answer:
                session.answer()

    def _malformed(self, frame: bytes, received_ns: Ns, cause: str, count: int) -> None:
        sample = "withheld" if b"_token" in frame else frame[:_SAMPLE_CHARS].decode(errors="replace")
        stream_name = self._duty.stream
        self._sink((MessageMalformed(stream=stream_name, received_ns=received_ns, cause=cause, sample=sample),))
        if count >= self._duty.malformed_max:
            raise VenueUnreachable(f"{count} malformed messages in a row, the last: {cause}")
