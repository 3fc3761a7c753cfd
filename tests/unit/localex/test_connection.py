import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bot.localex.connection import OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX, Connection


class _Peer:
    """Both ends of one websocket."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.received: list[str | bytes] = []
        self.is_open = asyncio.Event()
        self.is_over = asyncio.Event()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """The server's end."""
        websocket = web.WebSocketResponse(timeout=0.2)
        await websocket.prepare(request)
        assert request.transport is not None
        self.connection = Connection(websocket, request.transport.abort)
        self.is_open.set()
        try:
            await self.connection.run(self.received.append)
        finally:
            self.is_over.set()
        return websocket


@asynccontextmanager
async def _connected() -> AsyncIterator[tuple[_Peer, Connection, aiohttp.ClientWebSocketResponse]]:
    peer = _Peer()
    app = web.Application()
    app.router.add_get("/", peer.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/", timeout=aiohttp.ClientWSTimeout()) as ws,
        ):
            await peer.is_open.wait()
            assert peer.connection is not None
            yield peer, peer.connection, ws
    finally:
        await runner.cleanup()


@pytest.mark.asyncio
async def test_frames_arrive_in_order_both_ways() -> None:
    """What is sent is received, text and binary alike."""
    async with _connected() as (peer, connection, ws):
        for frame in ("a", "b", "c"):
            connection.send(frame)
        arrived = [await ws.receive_str() for _ in range(3)]
        await ws.send_str("x")
        await ws.send_bytes(b"y")
        await ws.close()
        await peer.is_over.wait()

    assert (arrived, peer.received) == (["a", "b", "c"], ["x", b"y"])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "frames",
    [lambda: ("x" for _ in range(OUTBOX_FRAMES_MAX + 1)), lambda: ("x" * (OUTBOX_BYTES_MAX // 2) for _ in range(3))],
)
async def test_a_reader_that_does_not_keep_up_is_cut(frames: Callable[[], list[str]]) -> None:
    """Neither frames nor bytes pile up beyond their bound; what comes later is dropped."""
    async with _connected() as (peer, connection, ws):
        for frame in frames():
            connection.send(frame)
        connection.send("too late")
        await peer.is_over.wait()
        seen = [message.type async for message in ws]

    assert aiohttp.WSMsgType.TEXT not in seen


@pytest.mark.asyncio
async def test_an_unanswered_test_request_closes_with_4000() -> None:
    """A quiet socket first gets a heartbeat, then the test request, then the close."""
    async with _connected() as (_, connection, ws):
        connection.start_heartbeat(0.02)
        frames = [(await ws.receive_json())["params"]["type"] for _ in range(2)]
        end = await ws.receive()

    assert frames == ["heartbeat", "test_request"]
    assert (end.type, end.data, end.extra) == (aiohttp.WSMsgType.CLOSE, 4000, "heartbeat close")


@pytest.mark.asyncio
async def test_answered_test_requests_keep_the_socket() -> None:
    """Each round is asked and answered anew; a later rhythm replaces the earlier one."""
    async with _connected() as (_, connection, ws):
        connection.start_heartbeat(30.0)
        connection.start_heartbeat(0.05)
        asked = 0
        while asked < 3:
            if (await ws.receive_json())["params"]["type"] == "test_request":
                asked += 1
                connection.note_test()

    assert asked == 3


@pytest.mark.asyncio
async def test_hanging_up_closes_in_good_order() -> None:
    """1000, as a peer would expect; a rhythm that was stopped says nothing before."""
    async with _connected() as (peer, connection, ws):
        connection.start_heartbeat(0.01)
        connection.stop_heartbeat()
        connection.hang_up()
        end = await ws.receive()
        await peer.is_over.wait()

    assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1000)
