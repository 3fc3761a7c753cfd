"""The listening socket of the pages: so many connections, and not one more. Knows sockets; no page.

A process has few file descriptors, and the venue's sockets need them: who opens thousands here is turned away.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

CONNECTIONS_MAX: Final = 128


class _Shut(asyncio.Protocol):
    """Ends a connection as it begins."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream socket"
        transport.abort()


async def listening(runner: web.AppRunner, host: str, port: int, turned_away: Callable[[], None]) -> asyncio.Server:
    """Listen for a runner that was set up; OSError when the port is taken. Whoever closes it closes the runner too.

    `turned_away` is called for each connection that found no room.
    """
    pages = runner.server
    assert pages is not None, "set up before"

    def enter() -> asyncio.BaseProtocol:
        if len(pages.connections) < CONNECTIONS_MAX:
            return pages()
        turned_away()
        return _Shut()

    return await asyncio.get_running_loop().create_server(enter, host, port)
