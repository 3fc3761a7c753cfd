"""The session under ccxt: a request goes once, to the host it is for, and to one whose certificate holds."""

import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from bot.domain.errors import VenueOutcomeUnknown, VenueUnreachable
from bot.venues import bybit
from bot.venues.ccxt_client import CcxtClient
from bot.venues.ccxt_feed import opened
from bot.venues.ccxt_session import Redirected, tame
from bot.venues.settings import VenueSettings


class _Two:
    """A host that sends everybody to another, and that other, which keeps what it is shown."""

    def __init__(self) -> None:
        self.status = 302
        self.asked_count = 0
        self.shown: list[str] = []
        self.url, self.elsewhere = "", ""

    async def redirect(self, request: web.Request) -> web.Response:
        """Anything."""
        self.asked_count += 1
        return web.Response(status=self.status, headers={"Location": self.elsewhere + request.path_qs})

    async def keep(self, request: web.Request) -> web.Response:
        """Anything."""
        self.shown.append(f"{request.path_qs} {dict(request.headers)}")
        return web.json_response({"jsonrpc": "2.0", "result": 1, "testnet": True})


Serve = Callable[..., Coroutine[Any, Any, str]]


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves everything with one function, plain or over TLS; the address."""
    runners: list[web.AppRunner] = []

    async def start(answer: Any, tls: ssl.SSLContext | None = None) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        return f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest_asyncio.fixture
async def two(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> _Two:
    """Both running."""
    monkeypatch.setattr("ccxt.async_support.deribit.timeout_on_exit", 0, raising=False)
    hosts = _Two()
    hosts.url, hosts.elsewhere = await serve(hosts.redirect), await serve(hosts.keep)
    return hosts


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["get", "post", "ws_connect"])
async def test_a_redirect_is_not_followed(two: _Two, status: int, method: str) -> None:
    """Neither with a request nor with a websocket; the session goes on."""
    two.status = status
    async with aiohttp.ClientSession() as session:
        tame(session)
        for _ in range(2):
            with pytest.raises(Redirected, match=str(status)):
                await getattr(session, method)(f"{two.url}/x")
    assert (two.asked_count, two.shown) == (2, [])


@pytest.mark.asyncio
async def test_an_order_that_is_redirected_is_unknown_and_shown_to_nobody_else(
    two: _Two, settings: VenueSettings
) -> None:
    """Sent once; whether it was carried out is not told; the next step is."""
    client = CcxtClient(msgspec.structs.replace(settings, rest_url=two.url))
    client.open()
    try:
        with pytest.raises(
            VenueOutcomeUnknown, match="private/buy: redirected elsewhere, not followed; check rest_url"
        ):
            await client.call("private/buy", {"label": "hb1"})
    finally:
        await client.close()
    assert (two.asked_count, two.shown) == (1, [])


@pytest.mark.asyncio
async def test_prices_through_ccxt_pro_are_not_fetched_elsewhere(two: _Two, settings: VenueSettings) -> None:
    """Another host's prices would be hedged on."""
    client = opened(bybit.PRICES, settings, ["BTCUSDT"])
    try:
        with pytest.raises(Redirected):
            await client.exchange.session.ws_connect(two.url)
    finally:
        await client.exchange.close()
    assert two.shown == []


@pytest.mark.asyncio
async def test_a_host_whose_certificate_nobody_vouches_for_is_shown_nothing(
    serve: Serve, own_certificate: ssl.SSLContext, settings: VenueSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends before the request: the key's signature has not left."""
    monkeypatch.setattr("ccxt.async_support.deribit.timeout_on_exit", 0, raising=False)
    shown = _Two()
    client = CcxtClient(msgspec.structs.replace(settings, rest_url=await serve(shown.keep, own_certificate)))
    client.open()
    try:
        with pytest.raises(VenueUnreachable, match="Certificate"):
            await client.call("private/buy", {"label": "hb1"})
    finally:
        await client.close()
    assert shown.shown == []
