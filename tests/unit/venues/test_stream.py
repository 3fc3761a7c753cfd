"""The socket against a real server on loopback, and its reading of bytes without one."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Coroutine

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

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


# --- reading, byte by byte -----------------------------------------------------------------------------


class _Wire(asyncio.Transport):
    """Notes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_paused = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written += data

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class _Reading:
    """A connection past its handshake, whose bytes come from the test."""

    def __init__(self, bytes_max: int = 1024 * 1024) -> None:
        protocol = ClientProtocol(parse_uri("ws://venue/"), state=State.OPEN, max_size=bytes_max)
        self.socket = stream.DirectConnection(protocol)
        self.wire = _Wire()
        self.socket.connection_made(self.wire)
        self.socket.process_event(Response(101, "Switching Protocols", Headers()))
        self.taken: list[bytes] = []
        self.task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start to read."""
        self.task = asyncio.create_task(stream.WebSocketConnection(self.socket).read(self.take))
        await asyncio.sleep(0)

    def take(self, frame: bytes) -> None:
        self.taken.append(frame)
        if frame == b"poison":
            raise ValueError("not this")

    async def end(self) -> BaseException | None:
        """The peer hangs up; what reading ended with."""
        self.socket.connection_lost(None)
        assert self.task is not None
        return (await asyncio.gather(self.task, return_exceptions=True))[0]


def _sent(payload: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True, masked: bool = False) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=masked, extensions=[])


_SIZES = (0, 1, 2, 125, 126, 127, 65_535, 65_536)


@pytest.mark.asyncio
@pytest.mark.parametrize("cut", [0, 1, 2, 3, 5, 130, 4096])
@pytest.mark.parametrize("begins", [0, 1, 4], ids=lambda reads: f"after{reads}")
async def test_every_message_comes_once_and_in_order(cut: int, begins: int) -> None:
    """Whatever the sizes, the parts, what stands between, where reads are cut, and when reading begins."""
    sizes = [bytes([65 + number]) * size for number, size in enumerate(_SIZES) if size < 1000 * cut or not cut]
    ping = _sent(b"p", Opcode.PING)
    reads = [_sent(text) for text in sizes]
    reads.insert(3, ping)
    reads[6:6] = [
        _sent(b"", fin=False) + ping,
        _sent(b"in", Opcode.CONT, fin=False),
        _sent(b" parts", Opcode.CONT),
        _sent(b"bin", Opcode.BINARY),
    ]
    expected = [*sizes[:5], b"in parts", b"bin", *sizes[5:]]
    if cut:
        whole = b"".join(reads)
        reads = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    reading = _Reading()
    for number, read in enumerate(reads):
        if number == begins:
            await reading.begin()
        reading.socket.data_received(read)
        if number < begins + 2:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert reading.taken == expected
    assert reading.wire.written.count(b"\x8a\x81") == 2  # pongs
    assert isinstance(await reading.end(), VenueUnreachable)


@pytest.mark.asyncio
async def test_one_whole_text_frame_passes_the_library_by() -> None:
    """The parser does not see it, with the installed release of the library, and is where it was for what follows."""
    reading = _Reading()
    await reading.begin()
    seen: list[bytes] = []
    protocol = reading.socket.protocol
    receive = protocol.receive_data
    protocol.receive_data = lambda data: (seen.append(bytes(data)), receive(data))[1]  # type: ignore[method-assign,func-returns-value]
    for payload in (b"tick", b"t" * 800):
        reading.socket.data_received(_sent(payload))
    two = _sent(b"a") + _sent(b"b")
    reading.socket.data_received(two)
    reading.socket.data_received(_sent(b"cc"))
    assert (reading.taken, seen) == ([b"tick", b"t" * 800, b"a", b"b", b"cc"], [two])
    await reading.end()


@pytest.mark.asyncio
async def test_what_a_reader_cannot_take_ends_its_reading() -> None:
    """The error comes out of `read`; nothing of what follows, in the same read or later, is given to it."""
    reading = _Reading()
    await reading.begin()
    reading.socket.data_received(_sent(b"good"))
    reading.socket.data_received(_sent(b"poison") + _sent(b"after"))
    reading.socket.data_received(_sent(b"later"))
    assert reading.task is not None
    with pytest.raises(ValueError, match="not this"):
        await reading.task
    assert reading.taken == [b"good", b"poison"]
    await reading.end()


@pytest.mark.asyncio
async def test_nothing_is_read_ahead_without_bound() -> None:
    """Before anybody reads, and after, what comes waits, and the peer is made to wait when that is much."""
    reading = _Reading()
    numbers = [str(number).encode() for number in range(40)]
    for number in numbers[:20]:
        reading.socket.data_received(_sent(number))
    assert reading.wire.is_paused
    await reading.begin()
    assert not reading.wire.is_paused
    assert reading.task is not None
    reading.task.cancel()
    await asyncio.gather(reading.task, return_exceptions=True)
    for number in numbers[20:]:
        reading.socket.data_received(_sent(number))
    assert (reading.taken, reading.wire.is_paused) == (numbers[:20], True)
    await reading.begin()
    assert reading.taken == numbers
    await reading.end()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (_sent(b"x", masked=True), 1002),
        (_sent(b"x", Opcode.CONT), 1002),
        (b"\xc1\x02xx", 1002),  # a bit nobody agreed on
        (_sent(b"x" * 70_000), 1009),
        (_sent(b"x", fin=False) + _sent(b"yyy"), 1002),
        (_sent(b"x" * 900, fin=False) + _sent(b"x" * 900, Opcode.CONT), 1009),
    ],
    ids=["masked", "no beginning", "reserved bit", "too long", "no end", "too long in parts"],
)
async def test_what_is_no_frame_ends_the_connection(bad: bytes, code: int) -> None:
    """The library closes with its code, before or after good frames; nothing that follows is taken for a message."""
    reading = _Reading(bytes_max=1000)
    await reading.begin()
    reading.socket.data_received(_sent(b"good"))
    reading.socket.data_received(bad)
    reading.socket.data_received(_sent(b"after"))
    assert reading.taken == [b"good"]
    with pytest.raises(VenueUnreachable, match=str(code)):
        raise await reading.end() or AssertionError


@pytest.mark.asyncio
async def test_nothing_follows_a_close() -> None:
    """Frames in the read of the close, before it, are messages; those after it are not, in one read or in the next."""
    reading = _Reading()
    await reading.begin()
    close = _sent(b"\x0f\xa0enough", Opcode.CLOSE)
    reading.socket.data_received(_sent(b"good") + close + _sent(b"after"))
    reading.socket.data_received(_sent(b"later"))
    assert reading.taken == [b"good"]
    assert "4000" in str(await reading.end())


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
