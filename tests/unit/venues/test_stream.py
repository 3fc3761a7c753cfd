"""The socket against a real server on loopback."""

from collections.abc import AsyncIterator

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


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    """Address of an echo server."""
    app = web.Application()
    app.router.add_get("/ws", _echo)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"ws://127.0.0.1:{runner.addresses[0][1]}/ws"
    await runner.cleanup()


@pytest.mark.asyncio
async def test_frames_go_as_text_and_come_as_bytes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent is one text frame; what comes is undecoded; a proxy of the environment is not used."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ws_proxy", "http://127.0.0.1:9")
    connection = await stream.connect(url)
    connection.write(b'{"a":1}')
    assert await connection.recv() == b'{"a":1}'
    await connection.close()


@pytest.mark.asyncio
async def test_closed_socket_is_unreachable(url: str) -> None:
    """The venue's close code and reason are told; sending afterwards fails the same way; closing twice is fine."""
    connection = await stream.connect(url)
    connection.write(b"bye")
    with pytest.raises(VenueUnreachable, match=r"4000.*heartbeat close"):
        await connection.recv()
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
