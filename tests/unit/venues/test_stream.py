"""The socket against a real server on loopback."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Coroutine

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web

from bot.domain.errors import VenueOutcomeUnknown, VenueUnreachable
from bot.venues import stream


async def _echo(request: web.Request) -> web.WebSocketResponse:
    """Answers a text with the same text, and closes on `bye`."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        assert message.type is WSMsgType.TEXT
        if message.data == "bye":
            await socket.close(code=4000, message=b"heartbeat close")
        else:
            await socket.send_str(message.data)
    return socket


async def _deaf(request: web.Request) -> web.WebSocketResponse:
    """Reads nothing, so that a goodbye is never answered."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    while request.transport is not None:  # noqa: ASYNC110 - tells nobody when it ends
        await asyncio.sleep(0.001)
    return socket


async def _elsewhere(_request: web.Request) -> web.Response:
    """Sends whoever comes to the echo."""
    return web.Response(status=302, headers={"Location": "/ws"})


@pytest_asyncio.fixture
async def runner() -> AsyncIterator[web.AppRunner]:
    """The server."""
    app = web.Application()
    app.router.add_get("/ws", _echo)
    app.router.add_get("/deaf", _deaf)
    app.router.add_get("/elsewhere", _elsewhere)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner
    await runner.cleanup()


@pytest.fixture
def url(runner: web.AppRunner) -> str:
    """Address of an echo."""
    return f"ws://127.0.0.1:{runner.addresses[0][1]}/ws"


async def _cancelled(work: Coroutine[object, object, object], turns: int) -> bool:
    """Cancel after so many turns of the loop; whether that was before its end."""
    task = asyncio.create_task(work)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return task.cancelled()


async def _nobody_is_connected(runner: web.AppRunner) -> None:
    """Wait, bounded, until the server has seen every connection end; it ends none itself."""
    assert runner.server is not None
    deadline_s = time.monotonic() + 30.0
    while runner.server.connections:
        assert time.monotonic() < deadline_s, "a connection stays open"
        await asyncio.sleep(0.001)


async def _first(connection: stream.Connection) -> bytes:
    """The next frame."""
    came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    reading = asyncio.create_task(connection.read(came.set_result))
    try:
        return await came
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.asyncio
async def test_frames_go_as_text_and_come_as_bytes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent is one text frame; what comes is undecoded; a proxy of the environment is not used."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ws_proxy", "http://127.0.0.1:9")
    connection = await stream.connect(url)
    connection.write(b'{"a":1}')
    assert await _first(connection) == b'{"a":1}'
    await connection.close()


@pytest.mark.asyncio
async def test_closed_socket_is_unreachable(url: str) -> None:
    """The venue's close code and reason are told; sending afterwards fails the same way; closing twice is fine."""
    connection = await stream.connect(url)
    connection.write(b"last")
    connection.write(b"bye")
    taken: list[bytes] = []
    for expected in ([b"last"], []):
        with pytest.raises(VenueUnreachable, match=r"4000.*heartbeat close"):
            await connection.read(taken.append)
        assert taken == expected
        taken.clear()
    with pytest.raises(VenueUnreachable):
        connection.write(b"x")
    await connection.close()
    await connection.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("suffix", ["", "no-websocket"])
async def test_nobody_there_is_unreachable(url: str, suffix: str) -> None:
    """A refused connection and a server that speaks no websocket are the same: nothing was sent."""
    address = url.replace("/ws", f"/{suffix}") if suffix else "ws://127.0.0.1:1/ws"
    with pytest.raises(VenueUnreachable, match="cannot connect"):
        await stream.connect(address)


@pytest.mark.asyncio
async def test_bad_address_is_unreachable() -> None:
    """What is no websocket address cannot be connected to."""
    with pytest.raises(VenueUnreachable, match="cannot connect"):
        await stream.connect("http://127.0.0.1/ws")


@pytest.mark.asyncio
async def test_a_frame_leaves_at_once_or_not_at_all(url: str) -> None:
    """With the transport already ending nothing is handed to it; when it breaks under the frame, nobody knows."""
    connection = await stream.connect(url)
    assert isinstance(connection, stream.WebSocketConnection)
    transport = connection._socket.transport

    def break_down(_data: bytes) -> None:
        raise OSError("broken pipe")

    class Broken:
        is_closing = staticmethod(lambda: False)
        write = staticmethod(break_down)

    connection._socket.transport = Broken()  # type: ignore[assignment]
    with pytest.raises(VenueOutcomeUnknown, match="broken pipe"):
        connection.write(b"x")
    connection._socket.transport = transport
    transport.abort()
    with pytest.raises(VenueUnreachable):
        connection.write(b"x")
    await connection.close()


@pytest.mark.asyncio
async def test_connecting_that_is_cancelled_leaves_nothing_open(runner: web.AppRunner, url: str) -> None:
    """At whatever moment: while the name is resolved, the connection made, the handshake awaited."""
    turns = 0
    opened: list[stream.Connection] = []

    async def connect() -> None:
        opened.append(await stream.connect(url))

    while await _cancelled(connect(), turns):
        turns += 1
        assert turns < 100_000
        await _nobody_is_connected(runner)
    assert turns > 3
    await opened.pop().close()
    await _nobody_is_connected(runner)


@pytest.mark.asyncio
@pytest.mark.parametrize("turns", range(1, 8))
async def test_closing_that_is_cancelled_has_closed(runner: web.AppRunner, url: str, turns: int) -> None:
    """The other end never answers the goodbye; who is cancelled while he waits for it has left all the same."""
    connection = await stream.connect(url.replace("/ws", "/deaf"))
    assert await _cancelled(connection.close(), turns)
    await _nobody_is_connected(runner)


@pytest.mark.asyncio
async def test_a_redirect_is_not_followed(url: str) -> None:
    """The address in the configuration is the one we talk to: a key is never shown to another."""
    with pytest.raises(VenueUnreachable, match="302"):
        await stream.connect(url.replace("/ws", "/elsewhere"))


@pytest.mark.asyncio
async def test_a_host_whose_certificate_nobody_vouches_for_is_not_talked_to(
    runner: web.AppRunner, own_certificate: ssl.SSLContext
) -> None:
    """TLS is verified: whoever stands between us and the venue hears no log-in."""
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=own_certificate)
    await site.start()
    port = runner.addresses[-1][1]
    with pytest.raises(VenueUnreachable, match="SSLCertVerificationError"):
        await stream.connect(f"wss://127.0.0.1:{port}/ws")
