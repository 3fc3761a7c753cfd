"""An asyncio loop on virtual time: it never waits, it jumps to the next timer; its network is in memory.

Unmodified `websockets`, `aiohttp` and `ccxt` run on it. While it runs, the process's clocks read its time, because
they do not all ask the loop; this is the only file that touches them. Knows nothing of bots and venues.
"""

import asyncio
import contextlib
import contextvars
import selectors
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from types import ModuleType
from typing import Final, TypeVar, TypeVarTuple

import aiohttp.connector

from bot.app.wire_link import Weather
from bot.app.wire_net import Network, ProtocolFactory
from bot.domain.time import NS_PER_S, Ns, ns_from_iso, ns_from_s

_BEGAN_S: Final = 1_000.0
"""The loop's first moment: not 0, which some take for `never`."""
_START_NS: Final = ns_from_iso("2026-11-22T09:00:00Z")
_TURNS_MAX: Final = 1_000_000
"""Turns of the loop without any time passing: more is a loop that never ends."""

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class _NoWaiting(selectors.SelectSelector):
    """Where the loop would wait, time passes instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = _BEGAN_S
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is ever ready; RuntimeError where nothing would ever happen again."""
        if timeout is None:
            raise RuntimeError("virtual time: nothing can run and no timer is set")
        if timeout > 0.0:
            self.now_s += timeout
            self._turns = 0
            return []
        self._turns += 1
        if self._turns > _TURNS_MAX:
            raise RuntimeError(f"virtual time: {_TURNS_MAX} turns without any time passing")
        return []


class WireLoop(asyncio.SelectorEventLoop):
    """One world on virtual time."""

    def __init__(self, seed: int = 0, start_ns: Ns = _START_NS, weather: Weather | None = None) -> None:
        """`seed` draws what the network takes; `weather` may make it worse."""
        self._waiting = _NoWaiting()
        self._start_ns = start_ns
        self._dialled: weakref.WeakKeyDictionary[socket.socket, tuple[str, int]] = weakref.WeakKeyDictionary()
        self.clock_ahead_ns = 0
        """The machine's clock, less the world's."""
        self._heard: dict[int, Callable[[], object]] = {}
        super().__init__(self._waiting)
        self.network = Network(self, seed, weather)

    def time(self) -> float:
        """Seconds on the loop's clock."""
        return self._waiting.now_s

    def now_ns(self) -> Ns:
        """UTC epoch of this world."""
        return Ns(self._start_ns + ns_from_s(self._waiting.now_s - _BEGAN_S))

    def machine_ns(self) -> Ns:
        """What the clock of the machine says, which may be wrong."""
        return Ns(self.now_ns() + self.clock_ahead_ns)

    def stall(self, seconds: float) -> None:
        """Time passes in the middle of a step, as where a disk is slow."""
        self._waiting.now_s += seconds

    def run_forever(self) -> None:
        """As ever, with the process's clocks on this time."""
        with _clocks(self):
            super().run_forever()

    # --- what would leave the process or the thread ------------------------------------------------------

    def run_in_executor(self, executor: Executor | None, func: Callable[[*_Ts], _T], *args: *_Ts) -> asyncio.Future[_T]:
        """At once, in this thread: it takes no time, and always the same."""
        del executor
        future: asyncio.Future[_T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it raises is the awaiter's
            future.set_exception(error)
        return future

    def _listen(self, sig: int, callback: Callable[[*_Ts], object], *args: *_Ts) -> None:
        """Heard by `signal` only; Ctrl-C ends the whole world, as ever."""
        self._heard[sig] = lambda: callback(*args)

    def _listen_no_more(self, sig: int) -> bool:
        """Whether there was somebody."""
        return self._heard.pop(sig, None) is not None

    add_signal_handler = _listen
    remove_signal_handler = _listen_no_more

    def signal(self, sig: int) -> None:
        """Send a signal to whoever listens for it."""
        heard = self._heard.get(sig)
        if heard is not None:
            heard()

    # --- the network --------------------------------------------------------------------------------------

    async def getaddrinfo(  # type: ignore[override]
        self, host: str | None, port: int, **_: object
    ) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        """Every name is the one machine there is."""
        del host
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    async def sock_connect(self, sock: socket.socket, address: tuple[str, int]) -> None:  # type: ignore[override]
        """Remembered for the `create_connection` that follows; the socket itself stays unconnected."""
        await self.network.reach(address[1])
        self._dialled[sock] = address

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: ProtocolFactory,
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: object = None,
        sock: socket.socket | None = None,
        **_: object,
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """A connection in memory to a server of this loop; there is no TLS in it."""
        del host
        assert not ssl, "virtual time has no TLS"
        if sock is not None:
            port = self._dialled.pop(sock)[1]
            sock.close()
        else:
            assert port is not None, "a port, or a socket that was connected"
            await self.network.reach(port)
        return self.network.connect(protocol_factory, port)

    async def create_server(  # type: ignore[override]
        self, protocol_factory: ProtocolFactory, host: object = None, port: int = 0, **_: object
    ) -> asyncio.AbstractServer:
        """Listen; port 0 is any port."""
        del host
        return self.network.listen(protocol_factory, port)


@contextlib.contextmanager
def _clocks(loop: WireLoop) -> Iterator[None]:
    """Every clock of the process reads this loop's time: ccxt stamps, throttles and pools ask one of these."""

    def seconds() -> float:
        return loop.machine_ns() / NS_PER_S

    def elapsed_ns() -> int:
        return ns_from_s(loop.time())

    put: list[tuple[ModuleType, str, Callable[[], float]]] = [
        (time, "time", seconds),
        (time, "time_ns", loop.machine_ns),
        (time, "monotonic", loop.time),
        (time, "monotonic_ns", elapsed_ns),
        (time, "perf_counter", loop.time),
        (time, "perf_counter_ns", elapsed_ns),
        # Holds the function itself: how long an idle connection is kept hangs on it.
        (aiohttp.connector, "monotonic", loop.time),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in put]
    for module, name, function in put:
        setattr(module, name, function)
    try:
        yield
    finally:
        for module, name, function in before:
            setattr(module, name, function)


def in_process_context(name: str) -> contextvars.Context:
    """A context whose tasks belong to a process of this name: its connections end with it."""
    context = contextvars.copy_context()
    context.run(Network.OWNER.set, name)
    return context
