"""The door of the pages: who opens thousands of connections is turned away, and the venue keeps its sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web

from bot.web import door


@contextlib.asynccontextmanager
async def _listening(turned_away: Any = lambda: None) -> AsyncIterator[int]:
    async def hello(request: web.Request) -> web.Response:
        del request
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    server = await door.listening(runner, "127.0.0.1", 0, turned_away)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await runner.cleanup()


async def _asked(port: int) -> str:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as response:
        return await response.text()


@pytest.mark.asyncio
async def test_beyond_so_many_connections_nobody_comes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is closed as it begins; once one of those inside goes, the next may enter."""
    monkeypatch.setattr(door, "CONNECTIONS_MAX", 3)
    away: list[None] = []
    async with _listening(lambda: away.append(None)) as port, asyncio.timeout(60.0):
        inside: list[Any] = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _, writer in inside:
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        heard = [await reader.readuntil(b"hello") for reader, _ in inside]
        turned_away = []
        for _ in range(50):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionError):
                turned_away.append(await reader.read())
            writer.close()
        inside.pop()[1].close()
        answer = ""
        while not answer:
            with contextlib.suppress(OSError):
                answer = await _asked(port)
        for _, writer in inside:
            writer.close()

    assert [text.startswith(b"HTTP/1.1 200") for text in heard] == [True] * 3
    assert set(turned_away) <= {b""}
    assert len(away) >= 50
    assert answer == "hello"


@pytest.mark.asyncio
async def test_a_port_that_is_taken_is_an_error() -> None:
    """The server makes a sentence of it."""
    async with _listening() as port:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        with pytest.raises(OSError, match="address already in use"):
            await door.listening(runner, "127.0.0.1", port, lambda: None)
        await runner.cleanup()
