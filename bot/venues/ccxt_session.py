"""The HTTP session under ccxt, made to do nothing of its own accord.

Knows two habits of aiohttp that cost money: it sends a request twice, and it goes where a reply tells it to. Must not
know venues.
"""

from typing import Final

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

_REDIRECTS: Final = range(300, 400)


class Redirected(aiohttp.ClientError):
    """The reply names another address; nobody went there."""


async def _stay(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    response = await send(request)
    if response.status in _REDIRECTS:
        response.close()
        raise Redirected(f"status {response.status}")  # without the address: it may be anybody's text
    return response


def tame(session: aiohttp.ClientSession) -> None:
    """Let it send what it is given once, to the host it is given, and nowhere else.

    aiohttp sends an idempotent request a second time, by itself, when its connection breaks before the reply, and ccxt
    sends Deribit's orders as GET: without this one order can become two. And a redirect would show a key's signature
    to a host that nobody configured. ccxt makes the session, and neither switch is public.
    """
    assert session._retry_connection is True, "aiohttp changed its retry switch"  # noqa: SLF001
    assert session._middlewares == (), "aiohttp changed its middlewares"  # noqa: SLF001
    session._retry_connection = False  # noqa: SLF001
    session._middlewares = (_stay,)  # noqa: SLF001
