"""One connection in memory: in order, in pieces, late, cut, silent."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar, cast

import pytest

from bot.app.wire_link import Link, Passage
from bot.app.wire_loop import WireLoop

_T = TypeVar("_T")


class _Ear(asyncio.Protocol):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ended: list[Exception | None] = []
        self.waits: list[bool] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.append(exc)

    def pause_writing(self) -> None:
        self.waits.append(True)

    def resume_writing(self) -> None:
        self.waits.append(False)

    def say(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class _Buffered(asyncio.BufferedProtocol):
    """Reads into a small buffer of its own."""

    def __init__(self) -> None:
        self.heard = b""
        self._buffer = bytearray(4)

    def get_buffer(self, sizehint: int) -> bytearray:
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.heard += bytes(self._buffer[:nbytes])


class _Weather:
    """One passage after the other, then fair."""

    def __init__(self, *passages: Passage) -> None:
        self._passages: Iterator[Passage] = iter(passages)

    def answers(self) -> bool:
        return True

    def passes(self, link: Link, size_bytes: int, *, by_client: bool) -> Passage:
        del link, size_bytes, by_client
        return next(self._passages, Passage())


_Body = Callable[[_Ear, _Ear, WireLoop], Coroutine[Any, Any, _T]]


def _between(body: _Body[_T], weather: _Weather | None = None) -> _T:
    """Run with a client and a server that are connected."""
    loop = WireLoop(seed=3, weather=weather)

    async def main() -> _T:
        server = _Ear()
        await loop.create_server(lambda: server, "127.0.0.1", 5)
        _, client = await loop.create_connection(_Ear, "127.0.0.1", 5)
        assert isinstance(client, _Ear)
        return await body(client, server, loop)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


def test_what_is_written_arrives_in_order_and_not_at_once() -> None:
    """Each write after a latency of its own, none before the one before it."""

    async def body(client: _Ear, server: _Ear, loop: WireLoop) -> tuple[list[bytes], list[bytes]]:
        for number in range(50):
            client.say(b"%d " % number)
        early = list(server.heard)
        await asyncio.sleep(1.0)
        del loop
        return early, server.heard

    early, late = _between(body)
    assert early == []
    assert late == [b"%d " % number for number in range(50)]


def test_a_write_may_come_in_pieces() -> None:
    """None of it lost."""

    async def body(client: _Ear, server: _Ear, loop: WireLoop) -> list[bytes]:
        client.say(b"abcdefgh")
        client.say(b"ij")
        await asyncio.sleep(1.0)
        del loop
        return server.heard

    assert _between(body, _Weather(Passage((1, 3)))) == [b"a", b"bcd", b"efgh", b"ij"]


def test_a_delayed_write_holds_up_what_follows_it() -> None:
    """Order is kept: it is TCP."""

    async def body(client: _Ear, server: _Ear, loop: WireLoop) -> list[int]:
        client.say(b"late")
        client.say(b"next")
        counts = []
        for _ in range(3):
            await asyncio.sleep(1.5)
            counts.append(len(server.heard))
        del loop
        return counts

    assert _between(body, _Weather(Passage(extra_s=2.0))) == [0, 2, 2]


def test_a_cut_delivers_a_part_and_then_both_sides_hear_of_the_end() -> None:
    """Nothing follows on what is missing."""

    async def body(client: _Ear, server: _Ear, loop: WireLoop) -> list[bytes]:
        client.say(b"half of it")
        client.say(b"more")
        await asyncio.sleep(1.0)
        assert [type(error) for error in server.ended + client.ended] == [ConnectionResetError] * 2
        assert loop.network.links == []
        return server.heard

    assert _between(body, _Weather(Passage((4,), is_cut=True))) == [b"half"]


def test_a_black_hole_is_silent_both_ways_and_tells_nobody() -> None:
    """Not even of an end."""

    async def body(client: _Ear, server: _Ear, loop: WireLoop) -> None:
        server.say(b"under way")
        loop.network.links[0].is_black_hole = True
        client.say(b"into nothing")
        await asyncio.sleep(10.0)
        assert client.transport is not None
        client.transport.close()
        await asyncio.sleep(10.0)
        assert (client.heard, server.heard, client.ended, server.ended) == ([], [], [None], [])

    _between(body)


def test_a_reset_loses_what_is_under_way() -> None:
    """Both sides hear of it once."""

    async def body(client: _Ear, server: _Ear, loop: WireLoop) -> None:
        client.say(b"lost")
        loop.network.links[0].reset()
        await asyncio.sleep(1.0)
        assert server.heard == []
        assert [type(error) for error in server.ended + client.ended] == [ConnectionResetError] * 2

    _between(body)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_an_end_is_heard_on_both_sides_once(how: str) -> None:
    """Closing sends what was written first; aborting need not."""

    async def body(client: _Ear, server: _Ear, loop: WireLoop) -> None:
        client.say(b"last words")
        assert client.transport is not None
        getattr(client.transport, how)()
        getattr(client.transport, how)()
        assert client.transport.is_closing()
        client.say(b"after the end")
        await asyncio.sleep(1.0)
        assert server.heard == [b"last words"] or (how == "abort" and server.heard == [])
        assert (len(client.ended), len(server.ended)) == (1, 1)
        assert loop.network.links == []

    _between(body)


def test_a_reader_that_pauses_gets_everything_later_and_its_writer_is_told_to_wait() -> None:
    """What two kernels hold is bounded."""

    async def body(client: _Ear, server: _Ear, loop: WireLoop) -> None:
        del loop
        assert server.transport is not None
        server.transport.pause_reading()
        for _ in range(5):
            client.say(bytes(1_000_000))
        await asyncio.sleep(1.0)
        assert (len(server.heard), client.waits) == (0, [True])
        server.transport.resume_reading()
        await asyncio.sleep(1.0)
        assert (sum(map(len, server.heard)), client.waits) == (5_000_000, [True, False])

    _between(body)


def test_a_protocol_with_a_buffer_of_its_own_is_filled_piece_by_piece() -> None:
    """However small it is."""
    loop = WireLoop()

    async def main() -> bytes:
        server = _Buffered()
        await loop.create_server(lambda: server, "127.0.0.1", 5)
        _, client = await loop.create_connection(_Ear, "127.0.0.1", 5)
        cast(_Ear, client).say(b"longer than four")
        await asyncio.sleep(1.0)
        return server.heard

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(main()) == b"longer than four"
