"""One logged-in socket and one HTTP client, for as long as a question lasts.

Knows how to ask by either road and keeps what the venue tells unasked; every reply must come from a test venue. Must
not know questions.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import msgspec
from msgspec import Struct

from bot.domain.errors import MalformedMessage, VenueRefused
from bot.domain.time import NS_PER_MS, Ns, ms_from_ns
from bot.venues import deribit, stream
from bot.venues.ccxt_client import CcxtClient
from bot.venues.contract import NowNs
from bot.venues.deribit_session import Session
from bot.venues.settings import VenueSettings
from bot.venues.stream import Connect

_Answer = TypeVar("_Answer")

_HEARD_MAX: Final = 1_000
"""Newest notifications kept: a delivery tells far fewer."""

Request = tuple[str, Mapping[str, object]]
"""Method and parameters."""


class Heard(Struct, frozen=True):
    """What the venue told on a channel, and when it arrived."""

    received_ns: Ns
    channel: str
    data: object


class Road(Protocol):
    """Ways to ask. VenueRefused with the venue's code; other VenueErrors when there is no answer."""

    async def ask(self, method: str, params: Mapping[str, object]) -> object:
        """Over the socket."""

    async def ask_at_once(self, *requests: Request) -> list[object]:
        """Over the socket, none waiting for the one before; a refusal stands in its place."""

    async def ask_http(self, method: str, params: Mapping[str, object]) -> object:
        """Over HTTP, through ccxt."""

    async def subscribe(self, channel: str) -> bool:
        """Listen to a private channel; whether the venue took it."""

    def heard(self) -> Sequence[Heard]:
        """What came on channels so far."""

    def venue_ms(self) -> int:
        """The venue's clock, as measured at the start."""


class _Params(Struct):
    channel: str = ""
    data: object = None


class _Notification(Struct):
    params: _Params


class Wire:
    """`Road` over a socket and ccxt. Open, use, close."""

    def __init__(self, settings: VenueSettings, now_ns: NowNs, nonce: str, connect: Connect = stream.connect) -> None:
        """`nonce` is for the log-in."""
        assert settings.is_testnet is True, "a probe trades: on test venues only"
        self._settings: Final = settings
        self._now_ns: Final = now_ns
        self._nonce: Final = nonce
        self._connect: Final = connect
        self._client: Final = CcxtClient(settings)
        self._heard: Final[deque[Heard]] = deque(maxlen=_HEARD_MAX)
        self._connection: stream.Connection | None = None
        self._session: Session | None = None
        self._reading: asyncio.Task[None] | None = None
        self._offset_ms = 0

    async def open(self) -> None:
        """Connect, log in, measure the clock; ConfigError when the venue is no test venue or refuses the key."""
        self._client.open()
        self._connection = await self._connect(self._settings.ws_url)
        self._session = Session(self._connection, self._settings, self._now_ns, self._nonce)
        self._reading = asyncio.create_task(self._read(self._connection, self._session))
        await self._while_reading(self._session.open())
        sent_ns = self._now_ns()
        venue_ms = msgspec.convert(await self.ask("public/get_time", {}), int)
        self._offset_ms = venue_ms - (sent_ns + self._now_ns()) // 2 // NS_PER_MS

    async def close(self) -> None:
        """Close both roads; never raises."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
        await self._client.close()

    async def ask(self, method: str, params: Mapping[str, object]) -> object:
        """Over the socket."""
        assert self._session is not None, "the wire is not open"
        result: object = msgspec.json.decode(await self._while_reading(self._session.call(method, params)))
        return result

    async def ask_at_once(self, *requests: Request) -> list[object]:
        """Over the socket, none waiting for the one before; a refusal stands in its place."""
        answers = await asyncio.gather(
            *(self.ask(method, params) for method, params in requests), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, VenueRefused):
                raise answer
        return list(answers)

    async def ask_http(self, method: str, params: Mapping[str, object]) -> object:
        """Over HTTP, through ccxt."""
        return await self._client.call(method, params)

    async def subscribe(self, channel: str) -> bool:
        """Listen to a private channel; whether the venue took it."""
        assert self._session is not None, "the wire is not open"
        return not await self._while_reading(self._session.subscribe([channel], private=True))

    def heard(self) -> Sequence[Heard]:
        """What came on channels so far."""
        return tuple(self._heard)

    def venue_ms(self) -> int:
        """The venue's clock, as measured at the start."""
        return ms_from_ns(self._now_ns()) + self._offset_ms

    async def _while_reading(self, call: Coroutine[object, object, _Answer]) -> _Answer:
        """The answer, or at once what ended the reader: nothing more will ever be answered then."""
        assert self._reading is not None, "the wire is not open"
        asking = asyncio.create_task(call)
        try:
            await asyncio.wait((asking, self._reading), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                self._reading.result()
            return await asking
        finally:
            asking.cancel()

    async def _read(self, connection: stream.Connection, session: Session) -> None:
        """Until cancelled; VenueUnreachable when the socket closes, ConfigError when it is no test venue."""

        def take(frame: bytes) -> None:
            received_ns = self._now_ns()
            session.heard()
            try:
                message = deribit.decode(frame, received_ns)
            except MalformedMessage:
                # What the bot could not use may be the very thing a question is about.
                message = deribit.NO_EVENTS
            if isinstance(message, deribit.Reply):
                session.take(message)
            elif isinstance(message, deribit.Heartbeat):
                if message.wants_answer:
                    session.answer()
            else:
                self._keep(frame, received_ns)

        await connection.read(take)

    def _keep(self, frame: bytes, received_ns: Ns) -> None:
        with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
            told = msgspec.json.decode(frame, type=_Notification).params
            if told.channel:
                self._heard.append(Heard(received_ns, told.channel, told.data))
