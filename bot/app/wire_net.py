"""A network in memory for one loop: who listens where, who is connected to whom, which process is gone.

What goes wrong is the weather's word; a connection itself is `wire_link`'s. Knows bytes, never what they mean.
"""

import asyncio
import contextvars
import random
from collections.abc import Callable
from typing import ClassVar, Final

from bot.app.wire_link import End, Fair, Link, Weather

ProtocolFactory = Callable[[], asyncio.BaseProtocol]

_LATENCY_S: Final = (0.005, 0.015)
"""One way, drawn for each write."""
_FIRST_PORT: Final = 40_000
_NEVER_S: Final = 600.0
"""A connection attempt nobody answers; whoever waits gives up long before."""


class Network:
    """All connections of one loop."""

    OWNER: ClassVar[contextvars.ContextVar[str]] = contextvars.ContextVar("wire owner", default="")
    """The process whose code runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seed: int, weather: Weather | None = None) -> None:
        """Nobody listens."""
        self.loop = loop
        self.dice = random.Random(f"network {seed}")  # noqa: S311 - seeded: the same seed is the same run
        self.weather: Weather = weather or Fair()
        self.links: list[Link] = []
        """Open connections, the oldest first."""
        self._listening: dict[int, tuple[ProtocolFactory, contextvars.Context]] = {}
        self._port = _FIRST_PORT
        self._dead: set[str] = set()

    def listen(self, factory: ProtocolFactory, port: int) -> "Listening":
        """Take connections on a port, 0 for a free one; OSError where somebody does already."""
        if port == 0:
            self._port += 1
            port = self._port
        if port in self._listening:
            raise OSError(98, f"port {port} is in use")
        self._listening[port] = (factory, contextvars.copy_context())
        return Listening(self, port)

    def is_listening(self, port: int) -> bool:
        """Whether somebody listens."""
        return port in self._listening

    def deafen(self, port: int) -> None:
        """Take no more connections."""
        self._listening.pop(port, None)

    async def reach(self, port: int) -> None:
        """The way to a port and back; ConnectionRefusedError when nobody listens, TimeoutError when nobody answers."""
        if self.OWNER.get() in self._dead or not self.weather.answers():
            await asyncio.sleep(_NEVER_S)
            raise TimeoutError(110, "connection timed out")
        await asyncio.sleep(2 * self.latency_s())
        if port not in self._listening:
            raise ConnectionRefusedError(111, f"nobody listens on port {port}")

    def connect(self, factory: ProtocolFactory, port: int) -> tuple["End", asyncio.BaseProtocol]:
        """Make a connection to somebody who was just reached."""
        if port not in self._listening:
            raise ConnectionRefusedError(111, f"nobody listens on port {port}")
        server_factory, context = self._listening[port]
        self._port += 1
        link = Link(self, self.OWNER.get(), (self._port, port), (contextvars.copy_context(), context))
        self.links.append(link)
        server = context.run(server_factory)
        client = factory()
        link.server.begin(server)
        link.client.begin(client)
        return link.client, client

    def latency_s(self) -> float:
        """One way, drawn anew."""
        return self.dice.uniform(*_LATENCY_S)

    def kill(self, owner: str) -> None:
        """A process is gone: what it wrote arrives, then the end; nothing reaches it or leaves it any more."""
        self._dead.add(owner)
        for link in [link for link in self.links if link.owner == owner]:
            link.client.vanish()


class Listening(asyncio.AbstractServer):
    """A server of this network."""

    def __init__(self, network: Network, port: int) -> None:
        """Listens already."""
        self._network = network
        self._port = port

    @property
    def sockets(self) -> tuple["_Address", ...]:
        """What it listens on."""
        return (_Address(self._port),) if self.is_serving() else ()

    def close(self) -> None:
        """Take no more connections; those there are stay."""
        self._network.deafen(self._port)

    async def wait_closed(self) -> None:
        """At once."""

    def is_serving(self) -> bool:
        """Whether it takes connections."""
        return self._network.is_listening(self._port)

    async def start_serving(self) -> None:
        """It does."""

    async def serve_forever(self) -> None:
        """Until cancelled."""
        await self._network.loop.create_future()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop."""
        return self._network.loop


class _Address:
    """What is asked of a listening socket."""

    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self._port
