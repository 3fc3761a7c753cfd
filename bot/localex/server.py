"""The local Deribit: HTTP and websocket on loopback over one simulated exchange.

Knows aiohttp and the clock it is given; decides nothing about markets (bot.sim) or methods (dispatch). Uses
only the loop's own timers, so that a loop with virtual time can run it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from aiohttp import WebSocketError, web

from bot.domain.time import Ns
from bot.localex.auth import HttpCall, Key, Keyring, parse_key
from bot.localex.calls import Session, Venue
from bot.localex.channels import Grammar
from bot.localex.chronicle import Chronicle
from bot.localex.connection import CLOSE_TIMEOUT_S, FRAME_BYTES_READ_MAX, Connection
from bot.localex.credits import Credits, Limits
from bot.localex.disconnects import Disconnects
from bot.localex.dispatch import Answer, Dispatch
from bot.localex.faults import Faults, ReplyFault
from bot.localex.publisher import Publisher
from bot.localex.rpc import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    REQUEST_BYTES_MAX,
    Envelope,
    Request,
    RpcError,
    parse_query,
    parse_request,
)
from bot.localex.wire import currencies_of
from bot.sim.exchange import Exchange

STEP_S_DEFAULT: Final = 0.1
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_LINE_BYTES_MAX: Final = 128 * 1024
"""Longest request line that still gets a typed refusal."""
_LOST_REPLY_S: Final = 120.0
"""A reply that is lost on purpose holds its HTTP request this long at most."""
BALANCES_DEFAULT: Final = {"BTC": Decimal(10), "ETH": Decimal(100), "USDC": Decimal(1_000_000)}

__all__ = ["BALANCES_DEFAULT", "LocalExchange", "Rules", "open_accounts", "parse_key"]


def open_accounts(exchange: Exchange, keys: Sequence[Key], balances: dict[str, Decimal] | None = None) -> None:
    """Open a funded, flat account for each key that has none; the server itself opens none."""
    for key in keys:
        if key.client_id in exchange.accounts():
            continue
        exchange.open_account(key.client_id, BALANCES_DEFAULT if balances is None else balances)


@dataclass(frozen=True, slots=True)
class Rules:
    """In what venues differ from each other."""

    testnet: bool = True
    """What every reply says."""
    limits: Limits = field(default_factory=Limits)
    """Requests an account may make."""
    wall_ns: Callable[[], Ns] | None = None
    """What clients may stamp signatures by, too, where the world's time is not theirs."""


class LocalExchange:
    """Serves one exchange until stopped."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        keys: Sequence[Key],
        now_ns: Callable[[], Ns],
        rules: Rules = Rules(),
        host: str = "127.0.0.1",
        port: int = 0,
        step_s: float | None = STEP_S_DEFAULT,
    ) -> None:
        """Take a world, its keys and a clock. `step_s` None leaves `step` to the caller; port 0 is any port.

        Every key's account must be open (`open_accounts`). ValueError for a host that is not loopback.
        """
        if host not in _LOOPBACK:
            message = f"the local exchange serves loopback only, not {host}"
            raise ValueError(message)
        self.faults = Faults()
        missing = sorted({key.client_id for key in keys} - set(exchange.accounts()))
        assert not missing, f"no account for keys {missing}: open_accounts first"
        currencies, chronicle = currencies_of(exchange.instruments()), Chronicle(exchange)
        self._venue = Venue(
            exchange=exchange,
            keyring=Keyring(keys, rules.wall_ns),
            publisher=Publisher(exchange, self.faults, currencies, chronicle),
            grammar=Grammar(exchange.instrument, lambda: list(exchange.index_names())),
            faults=self.faults,
            now_ns=now_ns,
            currencies=currencies,
            disconnects=Disconnects(exchange),
            credits=Credits(rules.limits),
            chronicle=chronicle,
        )
        self._envelope = Envelope(now_ns, testnet=rules.testnet)
        self._dispatch = Dispatch(self._venue, self._envelope)
        self._host, self._port, self._step_s = host, port, step_s
        self._connections: dict[int, Connection] = {}
        self._sockets_opened = 0
        self._runner: web.AppRunner | None = None
        self._pump: asyncio.Task[None] | None = None
        self._is_stopped = asyncio.Event()
        self.faults.drop_sockets = self._drop_sockets

    async def start(self) -> int:
        """Listen; the port, which is chosen here when 0 was asked for."""
        app = web.Application(client_max_size=FRAME_BYTES_READ_MAX)
        app.router.add_get("/ws/api/v2", self._serve_socket)
        app.router.add_route("*", "/api/v2", self._serve_http)
        app.router.add_route("*", "/api/v2/{method:.*}", self._serve_http)
        app.router.add_route("*", "/{path:.*}", self._serve_nothing)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=CLOSE_TIMEOUT_S,
            max_line_size=_LINE_BYTES_MAX,
            max_field_size=_LINE_BYTES_MAX,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        if self._runner.addresses:
            self._port = int(self._runner.addresses[0][1])
        if self._step_s is not None:
            self._pump = asyncio.get_running_loop().create_task(self._run_pump(self._step_s))
        return self._port

    async def run(self) -> None:
        """Serve until stopped; raises what made the world fail, if it does."""
        stopped = asyncio.get_running_loop().create_task(self._is_stopped.wait())
        tasks: set[asyncio.Task[object]] = {stopped} if self._pump is None else {stopped, self._pump}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if self._pump is not None and self._pump.done() and not self._pump.cancelled():
            self._pump.result()

    async def stop(self) -> None:
        """Stop serving; raises what made the pump fail, if it did."""
        self._is_stopped.set()
        self._drop_sockets()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump

    def step(self) -> None:
        """Bring the world to the present and publish what happened."""
        self._venue.advance()
        self._venue.publisher.step()

    async def _run_pump(self, step_s: float) -> None:
        while True:
            await asyncio.sleep(step_s)
            self.step()

    def _drop_sockets(self) -> int:
        connections = list(self._connections.values())
        for connection in connections:
            connection.cut()
        return len(connections)

    # websocket

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT_S, compress=True, max_msg_size=FRAME_BYTES_READ_MAX, decode_text=True
        )
        if not websocket.can_prepare(request).ok:
            return self._refused(RpcError(INVALID_REQUEST, "Invalid Request", {"reason": "websocket upgrade required"}))
        await websocket.prepare(request)
        transport = request.transport
        self._sockets_opened += 1
        socket_id = self._sockets_opened
        connection = Connection(websocket, transport.abort if transport is not None else lambda: None)
        session = Session(socket_id=socket_id, socket=connection)
        self._connections[socket_id] = connection
        try:
            await connection.run(lambda frame: self._take_frame(connection, session, frame))
        except (ConnectionError, WebSocketError):
            pass  # the peer is gone; nothing is owed to it
        finally:
            del self._connections[socket_id]
            self._venue.publisher.forget(connection)
            self._venue.keyring.forget_socket(socket_id)
            self._venue.disconnects.end(session.placed)
            self._venue.publisher.flush()
        return websocket

    def _take_frame(self, connection: Connection, session: Session, frame: str | bytes) -> None:
        us_in = self._envelope.now_us()
        try:
            request = parse_request(frame)
        except RpcError as error:
            connection.send(self._dispatch.refusal(error, error.request_id, us_in).frame)
            return
        fault = self.faults.take_request(request.method, request.params)
        if fault.delay_s > 0.0:
            asyncio.get_running_loop().call_later(fault.delay_s, self._answer_frame, connection, session, request)
        elif not fault.is_lost:
            self._answer_frame(connection, session, request)

    def _answer_frame(self, connection: Connection, session: Session, request: Request) -> None:
        answer, fault = self._answered(session, request)
        if not answer.frame:
            return
        if fault.delay_s > 0.0:
            asyncio.get_running_loop().call_later(fault.delay_s, connection.send, answer.frame)
        elif not fault.is_lost:
            connection.send(answer.frame)
        self._venue.publisher.flush()

    def _answered(self, session: Session, request: Request) -> tuple[Answer, ReplyFault]:
        """A request carried out, and what becomes of the reply."""
        us_in = self._envelope.now_us()
        answer = self._dispatch.answer(session, request, us_in)
        fault = self.faults.take_reply(request.method, request.params, is_error=answer.is_error)
        if fault.error is not None:
            answer = self._dispatch.refusal(fault.error, request.id, us_in)
        return answer, fault

    # HTTP

    async def _serve_http(self, request: web.Request) -> web.Response:
        us_in = self._envelope.now_us()
        try:
            call, body = await self._read(request)
            session = self._session(request, body)
        except RpcError as error:
            return self._response(self._dispatch.refusal(error, error.request_id, us_in))
        on_the_way = self.faults.take_request(call.method, call.params)
        if on_the_way.delay_s > 0.0:
            await asyncio.sleep(on_the_way.delay_s)
        if on_the_way.is_lost:
            await self._lose(request)
            return web.Response()
        answer, fault = self._answered(session, call)
        self._venue.publisher.flush()
        if fault.delay_s > 0.0:
            await asyncio.sleep(fault.delay_s)
        if fault.is_lost:
            await self._lose(request)
        return self._response(answer)

    async def _read(self, request: web.Request) -> tuple[Request, str]:
        """The call in an HTTP request (a JSON-RPC body, or path and query) and the body a signature covers."""
        if request.method not in ("GET", "POST"):
            raise RpcError(INVALID_REQUEST, "Invalid Request", {"reason": "must be GET or POST", "param": "method"})
        if len(request.raw_path) > REQUEST_BYTES_MAX:
            raise RpcError(INVALID_REQUEST, "request entity too large")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise RpcError(INVALID_REQUEST, "request entity too large") from error
        except (web.HTTPException, web.RequestPayloadError) as error:
            raise RpcError(INVALID_REQUEST, "Invalid Request") from error
        method = request.match_info.get("method") or None
        if request.method == "POST" and body:
            call = parse_request(body, method)
        else:
            call = parse_query(method or "", request.query)
        return call, body.decode("utf-8", "surrogateescape")

    def _session(self, request: web.Request, body: str) -> Session:
        authorization = request.headers.get("Authorization")
        if authorization is None:
            return Session()
        call = HttpCall(method=request.method, uri=request.raw_path, body=body, authorization=authorization)
        return Session(grant=self._venue.keyring.grant_of_header(call, self._venue.now_ns()))

    async def _lose(self, request: web.Request) -> None:
        """Hold a request without an answer until the client leaves, the server stops or a bound passes."""
        try:
            async with asyncio.timeout(_LOST_REPLY_S):
                await self._is_stopped.wait()
        except TimeoutError:
            pass
        if request.transport is not None:
            request.transport.abort()

    async def _serve_nothing(self, _request: web.Request) -> web.Response:
        return self._refused(RpcError(METHOD_NOT_FOUND, "Method not found"))

    def _refused(self, error: RpcError) -> web.Response:
        return self._response(self._dispatch.refusal(error, None, self._envelope.now_us()))

    @staticmethod
    def _response(answer: Answer) -> web.Response:
        # Errors come as HTTP 400 with the JSON-RPC body (captured 2026-07 and 2026-08).
        status = 400 if answer.is_error else 200
        return web.Response(text=answer.frame, status=status, content_type="application/json")
