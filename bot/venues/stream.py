"""The websocket itself: the only file that imports `websockets`.

Knows connecting, frames and closing; turns every failure into a `VenueError` that says whether bytes left. Must not
know what is in a frame.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from types import GeneratorType
from typing import Final, Never, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as _connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import DATA_OPCODES, Frame, Opcode, apply_mask  # type: ignore[attr-defined]
from websockets.protocol import Event, State
from websockets.streams import StreamReader

from bot.domain.errors import VenueOutcomeUnknown, VenueUnreachable

_FRAME_BYTES_MAX: Final = 8 * 1024 * 1024
"""A full-depth book snapshot or a long account message is far below; more is not a message."""

_OPEN_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 2.0
_PING_S: Final = 20.0
"""Pings of the websocket layer, next to the venue's own heartbeat: they find a dead path early."""

_TEXT_WHOLE: Final = 0x81
_LENGTH_16: Final = 126
"""RFC 6455, 5.2: first byte of a text frame in one part; second byte where two bytes of length follow."""
_SIZE_16_MAX: Final = 65_535
_TEXT_MASKED_16: Final = bytes((_TEXT_WHOLE, 0x80 | _LENGTH_16))
_BETWEEN_FRAMES: Final = StreamReader.at_eof.__code__
"""Where the parser of `websockets` rests when it has nothing of a frame yet."""

Take = Callable[[bytes], None]
"""Takes one frame. Called from within the loop: it must neither wait nor take long."""


class Connection(Protocol):
    """One open socket."""

    async def read(self, take: Take) -> None:
        """Hand every frame to `take`, undecoded, in the order they came, until the socket is closed, by whomever.

        Ends with VenueUnreachable then, or with what `take` raised: after that it is given nothing more.
        """

    def write(self, frame: bytes) -> None:
        """Hand one text frame to the operating system, at once: an order is either gone after this, or it never left.

        VenueUnreachable when nothing left, VenueOutcomeUnknown when something may have.
        """

    async def close(self) -> None:
        """Close; raises nothing but being cancelled, and is closed then, too."""


Connect = Callable[[str], Awaitable[Connection]]
"""Opens a connection to an address."""


class _Connect(_connect):
    """`connect` of `websockets` that stays where it was sent."""

    def process_redirect(self, exc: Exception) -> Exception:
        """A redirect is a failure as any other: the log-in must not be shown to a host nobody configured."""
        return exc


class DirectConnection(ClientConnection):
    """A connection of `websockets` that hands messages on where they arrive, with no queue and no task between.

    Handshake, pings, closing and the checks of frames stay the library's; only what is no doubt passes it by.
    """

    _take: Take | None = None
    _is_whole = True
    """Whether the last frame ended a message."""
    _rests = False
    """Whether the parser has nothing of a message yet: what is kept from it leaves it there."""
    _over: asyncio.Future[BaseException]

    async def deliver(self, take: Take) -> Never:
        """Hand on what waits, then what comes; raises what ended it."""
        while len(self.recv_messages.frames):
            take(await self.recv(decode=False))
        if self.state is State.CLOSED:
            raise self.close_exc
        self._parts = bytearray()
        self._over = self.loop.create_future()
        self._rests = self._is_between_messages()
        self._take = take
        try:
            raise await self._over
        finally:
            self._take = None

    def data_received(self, data: bytes) -> None:
        """Nearly every read is one whole text frame: what the library would do with it costs more than its decoding."""
        text = _only_text(data)
        if text is not None and self._rests and self._take is not None and self.protocol.state is State.OPEN:
            self._hand_on(text)
        else:
            super().data_received(data)
            self._rests = self._is_between_messages()

    def _is_between_messages(self) -> bool:
        rests: object = self.protocol.parser
        while isinstance(rests, GeneratorType):
            if rests.gi_code is _BETWEEN_FRAMES:
                return self._is_whole
            rests = rests.gi_yieldfrom
        return False

    def process_event(self, event: Event) -> None:
        """A message of data goes to who reads; the library has bounded its size, in parts or whole."""
        if self._take is None or not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
            return
        self._parts += event.data
        self._is_whole = event.fin
        if event.fin:
            text = bytes(self._parts)
            self._parts.clear()
            self._hand_on(text)

    def _hand_on(self, text: bytes) -> None:
        assert self._take is not None, "nobody reads"
        try:
            self._take(text)
        except Exception as error:  # noqa: BLE001 - the root of a callback: it ends the reader, whose task raises it
            self._end(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Also tell who reads."""
        super().connection_lost(exc)
        if self._take is not None:
            self._end(self.close_exc)

    def _end(self, error: BaseException) -> None:
        self._take = None
        if not self._over.done():
            self._over.set_result(error)


def _masked(text: bytes) -> bytes:
    """What `Frame.serialize` of `websockets` makes of a text of ours, in less than half its time (RFC 6455, 5.2, 5.3).

    Orders are of this size; the library does all others.
    """
    size = len(text)
    if not _LENGTH_16 <= size <= _SIZE_16_MAX:
        return Frame(Opcode.TEXT, text).serialize(mask=True)
    key = os.urandom(4)
    return b"%b%b%b%b" % (_TEXT_MASKED_16, size.to_bytes(2), key, apply_mask(text, key))


def _only_text(data: bytes) -> bytes | None:
    """Payload of a read that is one whole text frame of a server's; None when it is anything more, less or else."""
    if len(data) < 4 or data[0] != _TEXT_WHOLE:
        return None
    size, start = data[1], 2
    if size == _LENGTH_16:
        size, start = int.from_bytes(data[2:4]), 4
    # Masked frames and those over 64 kB have a second byte above: no payload is as long as that says.
    return data[start:] if start + size == len(data) and data[1] <= _LENGTH_16 else None


class WebSocketConnection:
    """`Connection` over `websockets`."""

    __slots__ = ("_socket",)

    def __init__(self, socket: DirectConnection) -> None:
        self._socket: Final = socket

    async def read(self, take: Take) -> None:
        """Every frame, undecoded."""
        try:
            await self._socket.deliver(take)
        except ConnectionClosed as error:
            raise VenueUnreachable(f"socket closed: {error}") from error

    def write(self, frame: bytes) -> None:
        """One text frame: Deribit's JSON-RPC is text.

        What `send` of `websockets` comes to, without its waiting for room, during which a frame is neither sent nor
        unsent: we write a few small frames a second, so there is room (platform facts 1).
        """
        socket = self._socket
        if socket.state is not State.OPEN or socket.transport.is_closing():
            raise VenueUnreachable("socket closed")
        try:
            socket.transport.write(_masked(frame))
        except (WebSocketException, OSError, RuntimeError) as error:
            raise VenueOutcomeUnknown(f"socket broke while writing: {error}") from error

    async def close(self) -> None:
        """Close with a bounded handshake; cancelled within it, without: nothing stays open."""
        try:
            await self._socket.close()
        finally:
            self._socket.transport.abort()


async def connect(url: str) -> Connection:
    """Open a socket; VenueUnreachable when that cannot be within 10 s.

    Never through a proxy of the environment: the host in the configuration is the host we talk to.
    Uncompressed: compression costs up to 6 µs a message and saves us nothing (platform facts 1).
    """
    try:
        socket = await _Connect(
            url,
            create_connection=DirectConnection,
            proxy=None,
            compression=None,
            max_size=_FRAME_BYTES_MAX,
            open_timeout=_OPEN_TIMEOUT_S,
            close_timeout=_CLOSE_TIMEOUT_S,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
        )
    except (WebSocketException, OSError, ValueError) as error:
        # TimeoutError is an OSError; a bad address is a ValueError or InvalidURI.
        raise VenueUnreachable(f"cannot connect: {type(error).__name__}: {error}") from error
    assert isinstance(socket, DirectConnection), "asked for"
    return WebSocketConnection(socket)
