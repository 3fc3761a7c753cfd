"""The websocket itself: the only file that imports `websockets`.

Knows connecting, frames and closing; turns every failure into a `VenueError` that says whether bytes left. Must not
know what is in a frame.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as _connect
from websockets.exceptions import WebSocketException
from websockets.protocol import State

from bot.domain.errors import VenueOutcomeUnknown, VenueUnreachable

_FRAME_BYTES_MAX: Final = 8 * 1024 * 1024
"""A full-depth book snapshot or a long account message is far below; more is not a message."""

_OPEN_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 2.0
_PING_S: Final = 20.0
"""Pings of the websocket layer, next to the venue's own heartbeat: they find a dead path early."""


class Connection(Protocol):
    """One open socket."""

    async def recv(self) -> bytes:
        """Next frame; VenueUnreachable once it is closed, by whomever."""

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


class WebSocketConnection:
    """`Connection` over `websockets`."""

    __slots__ = ("_socket",)

    def __init__(self, socket: ClientConnection) -> None:
        self._socket: Final = socket

    async def recv(self) -> bytes:
        """Next frame, undecoded."""
        try:
            return await self._socket.recv(decode=False)
        except (WebSocketException, OSError) as error:
            raise VenueUnreachable(f"socket closed: {error}") from error

    def write(self, frame: bytes) -> None:
        """One text frame: Deribit's JSON-RPC is text.

        What `send` of `websockets` does, without its waiting for room, during which a frame is neither sent nor unsent:
        we write a few small frames a second, so there is room (platform facts 1).
        """
        socket = self._socket
        if socket.state is not State.OPEN or socket.transport.is_closing():
            raise VenueUnreachable("socket closed")
        try:
            socket.protocol.send_text(frame)
            socket.send_data()
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
    return WebSocketConnection(socket)
