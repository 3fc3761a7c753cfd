"""One connection in memory: a pair of transports that deliver in order, after a while.

What goes wrong is the weather's word; what is done here is what TCP does about it. Knows bytes, never what they mean.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from msgspec import Struct

_ROOM_BYTES: Final = 4 * 1024 * 1024
"""What two kernels hold of one direction before the writer has to wait."""


class Passage(Struct, frozen=True):
    """What becomes of one write."""

    pieces_bytes: tuple[int, ...] = ()
    """Sizes of the pieces it arrives in; what is left over is the last of them. Empty: in one piece."""
    extra_s: float = 0.0
    """Longer than ever."""
    is_cut: bool = False
    """The connection breaks behind the first piece, which must not be all of it."""


class Weather(Protocol):
    """What a network does to those who use it."""

    def answers(self) -> bool:
        """Whether an attempt to connect is answered at all."""

    def passes(self, link: "Link", size_bytes: int, *, by_client: bool) -> Passage:
        """What becomes of a write on a connection, the client's or the server's."""


class Fair:
    """Nothing goes wrong."""

    def answers(self) -> bool:
        """Always."""
        return True

    def passes(self, link: "Link", size_bytes: int, *, by_client: bool) -> Passage:
        """As it is."""
        del link, size_bytes, by_client
        return Passage()


class Wires(Protocol):
    """What a connection needs of its network."""

    loop: asyncio.AbstractEventLoop
    weather: Weather
    links: "list[Link]"

    def latency_s(self) -> float:
        """One way, drawn anew."""


class Link:
    """One connection."""

    def __init__(
        self,
        network: Wires,
        owner: str,
        ports: tuple[int, int],
        contexts: tuple[contextvars.Context, contextvars.Context],
    ) -> None:
        """`ports` and `contexts`: the client's, the server's."""
        self.network = network
        self.owner = owner
        self.is_black_hole = False
        """Nothing passes any more, the end of either side included, and nobody is told."""
        self.client = End(self, ports, contexts[0])
        self.server = End(self, ports[::-1], contexts[1])
        self.client.peer, self.server.peer = self.server, self.client

    def reset(self) -> None:
        """Break it: what is under way is lost, both sides hear of it."""
        for end in (self.server, self.client):
            end.lose(ConnectionResetError(104, "connection reset by peer"))

    def forget(self) -> None:
        """One side is over."""
        if self.client.is_over and self.server.is_over and self in self.network.links:
            self.network.links.remove(self)


class End(asyncio.Transport):
    """One side of a connection: delivers what the other side wrote."""

    peer: "End"

    def __init__(self, link: Link, ports: tuple[int, int], context: contextvars.Context) -> None:
        """Begins with `begin`."""
        super().__init__({"sockname": ("127.0.0.1", ports[0]), "peername": ("127.0.0.1", ports[1])})
        self.is_over = False
        """Nothing is delivered here any more, and nothing leaves."""
        self._link = link
        self._loop = link.network.loop
        self._context = context
        self._protocol: asyncio.BaseProtocol = asyncio.Protocol()
        self._coming: deque[tuple[float, bytes | None]] = deque()
        """What the other side wrote, by the time it arrives; None is its end."""
        self._coming_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._last_s = 0.0
        self._is_reading = True
        self._is_closing = False
        self._is_torn = False
        """A write was cut: nothing may follow on what is missing."""
        self._must_wait = False
        """The protocol was asked to write no more for now."""

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        """Connected."""
        self._protocol = protocol
        self._context.run(protocol.connection_made, self)

    # --- writing -----------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; after the end, or into a black hole, nothing happens."""
        if not self._is_closing and not self.is_over and data:
            self._pass(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send at once, as the kernel gathers it."""
        self.write(b"".join(list_of_data))

    def _pass(self, data: bytes) -> None:
        link = self._link
        if link.is_black_hole or self._is_torn:
            return
        network = link.network
        passage = network.weather.passes(link, len(data), by_client=self is link.client)
        begins_s = self._loop.time() + network.latency_s() + passage.extra_s
        place = 0
        for size in passage.pieces_bytes:
            self.peer.take(begins_s, data[place : place + size])
            place += size
            begins_s += network.latency_s()
        if passage.is_cut:
            self._is_torn = True
            self._loop.call_at(max(begins_s, self.peer.last_s), link.reset)
        elif place < len(data):
            self.peer.take(begins_s, data[place:])
        if self.peer.is_full and not self._must_wait:
            self._must_wait = True
            self._call(lambda protocol: protocol.pause_writing())

    def close(self) -> None:
        """Send what was written, then the end."""
        if self._is_closing or self.is_over:
            return
        self._is_closing = True
        if not self._link.is_black_hole:
            self.peer.take(self._loop.time() + self._link.network.latency_s(), None)
        self._loop.call_soon(self.lose, None, context=self._context)

    def abort(self) -> None:
        """End at once, both sides."""
        if self.is_over:
            return
        self._is_closing = True
        if not self._link.is_black_hole:
            self._loop.call_at(self._loop.time() + self._link.network.latency_s(), self._link.reset)
        self._loop.call_soon(self.lose, None, context=self._context)

    def vanish(self) -> None:
        """The process of this side is gone, and tells nobody; the kernel ends the connection."""
        if self.is_over:
            return
        if not self._link.is_black_hole and not self._is_closing:
            self.peer.take(self._loop.time() + self._link.network.latency_s(), None)
        self._is_closing = True
        self.lose(None)

    def is_closing(self) -> bool:
        """Whether it ends or has ended."""
        return self._is_closing or self.is_over

    def can_write_eof(self) -> bool:
        """No half of a connection is ever closed."""
        return False

    def get_write_buffer_size(self) -> int:
        """Nothing waits on this side."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The kernels' room is what it is."""

    # --- reading -----------------------------------------------------------------------------------------

    @property
    def last_s(self) -> float:
        """When the last of what is under way arrives."""
        return self._last_s

    @property
    def is_full(self) -> bool:
        """Whether there is no more room for what is under way."""
        return self._coming_bytes > _ROOM_BYTES

    def take(self, at_s: float, data: bytes | None) -> None:
        """Deliver then, after everything taken before."""
        if self.is_over:
            return
        self._last_s = max(self._last_s, at_s)
        self._coming.append((self._last_s, data))
        self._coming_bytes += len(data or b"")
        if self._timer is None and self._is_reading:
            self._timer = self._loop.call_at(self._last_s, self._deliver, context=self._context)

    def _deliver(self) -> None:
        """All that is due."""
        self._timer = None
        while self._coming and self._is_reading and not self.is_over:
            at_s, data = self._coming[0]
            if at_s > self._loop.time():
                self._timer = self._loop.call_at(at_s, self._deliver, context=self._context)
                return
            self._coming.popleft()
            if self._link.is_black_hole:
                continue
            if data is None:
                self._is_closing = True
                self.lose(None)
                return
            self._coming_bytes -= len(data)
            self._hand_over(data)
            self.peer.go_on()

    def _hand_over(self, data: bytes) -> None:
        protocol = self._protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            while data:
                buffer = memoryview(protocol.get_buffer(len(data)))
                count = min(len(buffer), len(data))
                buffer[:count] = data[:count]
                protocol.buffer_updated(count)
                data = data[count:]
        else:
            assert isinstance(protocol, asyncio.Protocol), "neither kind of protocol"
            protocol.data_received(data)

    def go_on(self) -> None:
        """There is room again for what this side writes."""
        if self._must_wait and not self.peer.is_full:
            self._must_wait = False
            self._call(lambda protocol: protocol.resume_writing())

    def lose(self, error: Exception | None) -> None:
        """This side is over."""
        if self.is_over:
            return
        self.is_over = self._is_closing = True
        self._coming.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._link.forget()
        self._call(lambda protocol: protocol.connection_lost(error))

    def _call(self, tell: Callable[[asyncio.BaseProtocol], None]) -> None:
        """In the context of this side, whoever's code runs."""
        self._loop.call_soon(tell, self._protocol, context=self._context)

    def pause_reading(self) -> None:
        """Deliver nothing for now."""
        self._is_reading = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def resume_reading(self) -> None:
        """Deliver what has come."""
        if self._is_reading:
            return
        self._is_reading = True
        if self._coming and self._timer is None:
            self._timer = self._loop.call_at(self._coming[0][0], self._deliver, context=self._context)

    def is_reading(self) -> bool:
        """Whether what comes is delivered."""
        return self._is_reading and not self._is_closing

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is told."""
        return self._protocol
