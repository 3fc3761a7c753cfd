"""What local venues share: served on a free port of loopback, pushing prices, going away and coming back.

A venue adds its paths (`routes`), what a subscription is told each tenth of a second (`datum`) and its account.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Self

from aiohttp import WSMsgType, web

Row = dict[str, Any]
_PUSH_S = 0.1
_TICK = Decimal("0.1")


def now_ms() -> int:
    """The venue's clock."""
    return time.time_ns() // 1_000_000


def abort(request: web.Request) -> None:
    """Break the connection without a word."""
    assert request.transport is not None
    request.transport.abort()
    raise web.HTTPServiceUnavailable


async def after_order(request: web.Request, fault: str) -> web.StreamResponse | None:
    """What is answered to an order that was taken: nothing with `lose reply` and `hang`, an error page with `503`."""
    if fault == "lose reply":
        abort(request)
    if fault == "hang":
        await asyncio.sleep(60.0)
    return web.Response(status=503, text="<html>upstream</html>") if fault == "503" else None


class LocalVenue:
    """One venue, one account, a flat book around a mid."""

    order_path = "order"
    """How the path of a new order ends."""

    def __init__(self, mid_usd: Callable[[], float]) -> None:
        self.mid_usd = mid_usd
        self.half_spread_usd = 0.5
        self.faults: list[str] = []
        self.asked: list[tuple[str, Row]] = []
        self.orders: list[Row] = []
        self.fills: list[Row] = []
        self.hidden_reads = 0
        """Looks at an order that still show it as it was before it matched."""
        self.balance_usdt = Decimal(1_000_000)
        self.taker_fee = "0.0004"
        """Of the linear perpetual; a cost."""
        self.position: dict[str, Decimal] = defaultdict(Decimal)
        self.countdowns_s: dict[str, int] = {}
        """Dead-man switches that are armed, by symbol or "account"."""
        self.switch_no = ""
        """A refusal of the switch, in the venue's words or codes."""
        self.is_down = False
        self.host = ""
        self._sockets: list[tuple[web.WebSocketResponse, list[Any]]] = []
        self._runner: web.AppRunner | None = None
        self._pushing: asyncio.Task[None] | None = None

    def routes(self) -> Iterable[web.RouteDef]:
        """The venue's own."""
        raise NotImplementedError

    @property
    def rest_url(self) -> str:
        """Scheme and host."""
        return f"http://{self.host}"

    @property
    def ws_url(self) -> str:
        """Of a venue whose prices come from elsewhere: none."""
        return ""

    def datum(self, channel: Any) -> object | None:
        """What a subscription is told now; None: nothing."""
        raise NotImplementedError

    async def hear(self, socket: web.WebSocketResponse, channels: list[Any], text: str) -> None:
        """A request over a websocket."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        """Serve."""
        app = web.Application()
        app.router.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self._pushing = asyncio.create_task(self._push())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        assert self._pushing is not None
        assert self._runner is not None
        self._pushing.cancel()
        await asyncio.gather(self._pushing, return_exceptions=True)
        await self._runner.cleanup()

    def drop(self) -> None:
        """Nobody reaches the venue, and every socket breaks."""
        self.is_down = True
        for socket, _ in self._sockets:
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()

    def restore(self) -> None:
        """The venue is back."""
        self.is_down = False

    def take_back(self, scope: str) -> None:
        """Cancel what is open in a scope."""
        raise NotImplementedError

    def count_down(self) -> None:
        """Every countdown that is armed ends now."""
        for scope in list(self.countdowns_s):
            self.take_back(scope)
        self.countdowns_s.clear()

    def told_countdown(self, scope: str, countdown_s: int) -> None:
        """The switch of a scope is set anew."""
        self.countdowns_s.pop(scope, None)
        if countdown_s:
            self.countdowns_s[scope] = countdown_s

    def touch(self) -> tuple[Decimal, Decimal]:
        """Bid and ask now."""
        mid, half = Decimal(repr(self.mid_usd())), Decimal(repr(self.half_spread_usd))
        return (mid - half).quantize(_TICK), (mid + half).quantize(_TICK)

    async def asked_for(self, request: web.Request) -> tuple[str, Row]:
        """Path and text of a request, kept; a venue that is down breaks the connection."""
        if self.is_down:
            abort(request)
        text = await request.text()
        params = json.loads(text) if text.startswith("{") else dict(request.query) | dict(await request.post())
        self.asked.append((f"{request.method} {request.path}", params))
        return text, params

    async def serve_socket(self, request: web.Request) -> web.StreamResponse:
        """One websocket until it ends."""
        if self.is_down:
            abort(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        channels: list[Any] = []
        self._sockets.append((socket, channels))
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            await self.hear(socket, channels, message.data)
        self._sockets.remove((socket, channels))
        return socket

    async def _push(self) -> None:
        while True:
            await asyncio.sleep(_PUSH_S)
            for socket, channels in list(self._sockets):
                told = [self.datum(channel) for channel in channels]
                for message in (item for item in told if item is not None and not socket.closed):
                    await self.tell(socket, message)

    @staticmethod
    async def tell(socket: web.WebSocketResponse, message: object) -> None:
        """One message, unless the other end has gone."""
        try:
            await socket.send_json(message)
        except (ConnectionError, RuntimeError):
            return
