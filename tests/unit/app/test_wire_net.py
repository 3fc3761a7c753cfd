"""Who listens where on a network in memory, and what becomes of the connections of a process that is killed."""

import asyncio
from collections.abc import Awaitable
from typing import cast

import pytest

from bot.app.wire_link import Link, Passage
from bot.app.wire_loop import WireLoop, in_process_context


class _Ear(asyncio.Protocol):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ended: list[Exception | None] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.append(exc)

    def say(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class _Silent:
    """Weather in which nobody answers who calls."""

    def answers(self) -> bool:
        return False

    def passes(self, link: Link, size_bytes: int, *, by_client: bool) -> Passage:
        del link, size_bytes, by_client
        return Passage()


def test_a_port_is_taken_once_and_free_again_after_its_server() -> None:
    """And nobody is let in after it closed."""
    loop = WireLoop()

    async def main() -> None:
        server = await loop.create_server(_Ear, "127.0.0.1", 5)
        with pytest.raises(OSError, match="in use"):
            await loop.create_server(_Ear, "127.0.0.1", 5)
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(_Ear, "127.0.0.1", 5)
        again = await loop.create_server(_Ear, "127.0.0.1", 5)
        await again.start_serving()
        assert again.is_serving()
        assert again.get_loop() is loop
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.0):
                await again.serve_forever()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())


def test_where_nobody_answers_connecting_takes_until_the_caller_gives_up() -> None:
    """Or a very long time."""
    loop = WireLoop(weather=_Silent())

    async def main() -> None:
        await loop.create_server(_Ear, "127.0.0.1", 5)
        with pytest.raises(TimeoutError, match="timed out"):
            await loop.create_connection(_Ear, "127.0.0.1", 5)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())


def test_a_process_that_is_killed_takes_its_connections_along_and_opens_no_more() -> None:
    """What it had written arrives, then the end; other processes are not touched."""
    loop = WireLoop()

    async def main() -> None:
        servers: list[_Ear] = []

        def serve() -> _Ear:
            servers.append(_Ear())
            return servers[-1]

        await loop.create_server(serve, "127.0.0.1", 5)

        async def connect() -> _Ear:
            _, client = await loop.create_connection(_Ear, "127.0.0.1", 5)
            return cast(_Ear, client)

        def by(name: str) -> Awaitable[_Ear]:
            return in_process_context(name).run(asyncio.create_task, connect())

        first, second = await by("bot 1"), await by("bot 2")
        first.say(b"order")
        loop.network.kill("bot 1")
        first.say(b"by a ghost")
        servers[0].say(b"answer to a ghost")
        servers[1].say(b"answer")
        late = asyncio.ensure_future(by("bot 1"))
        await asyncio.sleep(30.0)
        assert (servers[0].heard, servers[0].ended) == ([b"order"], [None])
        assert (first.heard, second.heard) == ([], [b"answer"])
        assert not late.done()
        late.cancel()
        assert [link.owner for link in loop.network.links] == ["bot 2"]

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
