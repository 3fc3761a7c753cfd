"""What is made of bytes, and of texts, without a server: nothing lost, doubled or taken for a message that is none."""

import asyncio

import pytest
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from bot.domain.errors import VenueUnreachable
from bot.venues import stream


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
async def test_a_library_whose_parser_rests_elsewhere_reads_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its parser is not recognised, after a new release, nothing passes it by: slower, and the same messages."""
    monkeypatch.setattr(stream, "_BETWEEN_FRAMES", object())
    reading = _Reading()
    await reading.begin()
    seen: list[bytes] = []
    protocol = reading.socket.protocol
    receive = protocol.receive_data
    protocol.receive_data = lambda data: (seen.append(bytes(data)), receive(data))[1]  # type: ignore[method-assign,func-returns-value]
    reads = [_sent(b"tick"), _sent(b"t" * 800), _sent(b"in", fin=False), _sent(b" parts", Opcode.CONT), _sent(b"c")]
    for read in reads:
        reading.socket.data_received(read)
    assert (reading.taken, seen) == ([b"tick", b"t" * 800, b"in parts", b"c"], reads)
    await reading.end()


@pytest.mark.parametrize("size", [0, 125, 126, 127, 4096, 65_535, 65_536])
def test_what_is_written_is_one_masked_text_frame(size: int) -> None:
    """As a server's side of the library reads it, strictly; and no two frames have one key."""
    text = bytes(number % 251 for number in range(size))
    frames = [stream._masked(text) for _ in range(8)]
    assert len({frame[-size - 4 : len(frame) - size] for frame in frames}) > 1
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(b"".join(frames))
    assert server.events_received() == [Frame(Opcode.TEXT, text)] * 8
    assert [len(frame) for frame in frames] == [len(Frame(Opcode.TEXT, text).serialize(mask=True))] * 8


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
