"""A feed over scripted sockets on virtual time: acknowledgements, pings, silence, loss, several routes."""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from bot.domain.errors import MalformedMessage, VenueUnreachable
from bot.domain.events import Event, MessageMalformed, QuoteDistrusted, StreamLost, StreamRestored
from bot.domain.ids import InstrumentId, VenueId, name_at_venue
from bot.domain.market_events import Quoted
from bot.domain.time import Ns
from bot.venues.link import Link
from bot.venues.public_feed import PublicFeed
from bot.venues.public_wire import Acked, Alive, Channel, IndexTold, MarkTold, Message, Refused, SpecTold, TouchTold
from bot.venues.settings import VenueSettings
from bot.venues.stream import Take

Virtual = Callable[[Coroutine[object, object, None]], None]
A, B = InstrumentId("X:A"), InstrumentId("X:B")


class _Wire:
    """A venue with two sockets: touches over one, specifications and the index over the other."""

    ping_s = 15.0
    contract_native = None

    def routes(self, ws_url: str) -> Sequence[str]:
        return (f"{ws_url}/fast", f"{ws_url}/slow")

    def channels(self, instrument: InstrumentId) -> Sequence[Channel]:
        name = name_at_venue(instrument)
        return (Channel(0, f"touch {name}"), Channel(1, f"spec {name}"), Channel(1, "index"))

    def index_of(self, instrument: InstrumentId) -> str | None:
        del instrument
        return "I"

    def subscribe(self, request_id: int, names: Sequence[str]) -> Sequence[bytes]:
        return (json.dumps({"number": request_id, "subscribe": list(names)}).encode(),)

    def ping(self, request_id: int) -> bytes:
        return json.dumps({"number": request_id, "ping": True}).encode()

    def decode(self, frame: bytes) -> Message:
        said = json.loads(frame)
        match said.get("say"):
            case "ack":
                return Acked(frozenset(said["names"]))
            case "no":
                return Refused("60018 no such channel")
            case "pong":
                return Alive()
            case "touch":
                return (TouchTold(InstrumentId(said["of"]), 1.0, 2.0, 3.0, 4.0, Ns(said["seq"]), said["seq"]),)
            case "spec":
                of = InstrumentId(said["of"])
                return (SpecTold(of, 0.5, True), IndexTold("I", 9.0), MarkTold(of, mark_usd=1.5))
        message = "what?"
        raise MalformedMessage(message)


class _Socket:
    """One end; the other is the venue's rule of what to answer."""

    def __init__(self, url: str, answer: Callable[[str, Any], list[Any]]) -> None:
        self.url = url
        self.answer = answer
        self.asked: list[Any] = []
        self.is_closed = False
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()

    def push(self, *said: Any) -> None:
        for item in said:
            self._frames.put_nowait(None if item is None else json.dumps(item).encode())

    async def read(self, take: Take) -> None:
        while (frame := await self._frames.get()) is not None:
            take(frame)
        raise VenueUnreachable("socket closed")

    def write(self, frame: bytes) -> None:
        asked = json.loads(frame)
        self.asked.append(asked)
        self.push(*self.answer(self.url, asked))

    async def close(self) -> None:
        try:
            for _ in range(3):
                await asyncio.sleep(0)
        finally:
            self.is_closed = True


def now_ns() -> Ns:
    """Virtual time."""
    return Ns(10**18 + round(asyncio.get_running_loop().time() * 10**9))


def takes_all(_: str, asked: Any) -> list[Any]:
    """Acknowledges each channel by itself, answers pings."""
    if "ping" in asked:
        return [{"say": "pong"}]
    return [{"say": "ack", "names": [name]} for name in asked["subscribe"]]


class _Stage:
    """The feed's surroundings."""

    def __init__(
        self, answer: Callable[[str, Any], list[Any]] = takes_all, hedges: Sequence[InstrumentId] = (A,)
    ) -> None:
        self.answer = answer
        self.sockets: list[_Socket] = []
        self.events: list[Event] = []
        settings = VenueSettings(venue=VenueId("x"), ws_url="ws://x", rest_url="", is_testnet=None)
        link = Link(settings=settings, now_ns=now_ns, rng=random.Random(1), connect=self.connect)
        self.feed = PublicFeed(link, _Wire(), hedges=hedges, instruments=[B])
        self.running: asyncio.Task[None] | None = None

    async def connect(self, url: str) -> Any:
        await asyncio.sleep(0)
        socket = _Socket(url, self._answered)
        self.sockets.append(socket)
        return socket

    def _answered(self, url: str, asked: Any) -> list[Any]:
        return self.answer(url, asked)

    async def start(self, seconds: float = 0.1) -> None:
        self.running = asyncio.get_running_loop().create_task(self.feed.run(self.events.extend))
        await asyncio.sleep(seconds)

    async def live(self, seconds: float) -> None:
        """Time passes, and the hedge is told of."""
        for number in range(round(seconds / 5.0)):
            fast, slow = self.sockets[-2:]
            slow.push({"say": "spec", "of": A})
            fast.push({"say": "touch", "of": A, "seq": number})
            await asyncio.sleep(5.0)

    async def stop(self) -> None:
        assert self.running is not None
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def test_all_channels_are_asked_for_once_over_their_sockets(virtual: Virtual) -> None:
    """A channel two instruments share is one subscription; up is told when every one is acknowledged."""

    async def scene() -> None:
        stage = _Stage()
        await stage.start()
        fast, slow = stage.sockets
        assert fast.asked == [{"number": 1, "subscribe": ["touch A", "touch B"]}]
        assert slow.asked == [{"number": 1, "subscribe": ["spec A", "index", "spec B"]}]
        assert [event.venue for event in stage.of(StreamRestored)] == ["x"]
        slow.push({"say": "spec", "of": A})
        await asyncio.sleep(0.01)
        fast.push({"say": "touch", "of": A, "seq": 1}, {"say": "touch", "of": "X:NEVER", "seq": 1})
        await asyncio.sleep(0.01)
        assert [(event.instrument, event.bid_amount_native) for event in stage.of(Quoted)] == [(A, 1.5)]
        await stage.stop()
        assert all(socket.is_closed for socket in stage.sockets)

    virtual(scene())


@pytest.mark.parametrize(
    ("says", "words"), [("no", "not subscribed to touch A: 60018"), ("", "not subscribed to touch A")]
)
def test_a_hedge_without_data_makes_the_connection_useless(virtual: Virtual, says: str, words: str) -> None:
    """Refused at once, or never acknowledged within ten seconds."""

    async def scene() -> None:
        stage = _Stage(lambda _, asked: [{"say": says}] if says and "subscribe" in asked else [])
        await stage.start(11.0)
        assert words in stage.of(StreamLost)[0].cause
        assert stage.of(StreamRestored) == []
        await stage.stop()

    virtual(scene())


def test_another_instrument_without_data_is_distrusted_and_tried_again(virtual: Virtual) -> None:
    """Told once; asked for once a minute; the hedge goes on."""

    async def scene() -> None:
        def answer(url: str, asked: Any) -> list[Any]:
            told = takes_all(url, asked)
            return [item for item in told if item.get("names") != ["touch B"]]

        stage = _Stage(answer)
        await stage.start()
        await asyncio.sleep(11.0)
        await stage.live(140.0)
        assert [event.instrument for event in stage.of(QuoteDistrusted)] == [B]
        asked = [item["subscribe"] for item in stage.sockets[0].asked if "subscribe" in item]
        assert asked == [["touch A", "touch B"], ["touch B"], ["touch B"]]
        assert len(stage.of(StreamRestored)) == 1
        assert stage.of(StreamLost) == []
        await stage.stop()

    virtual(scene())


def test_a_ping_unanswered_is_death(virtual: Virtual) -> None:
    """Quiet sockets live by their pongs; one that is silent for 30 s takes the other with it."""

    async def scene() -> None:
        stage = _Stage()
        await stage.start()
        await stage.live(100.0)
        assert stage.of(StreamLost) == []
        assert len([item for item in stage.sockets[1].asked if "ping" in item]) == 6
        stage.answer = lambda url, asked: [] if url.endswith("slow") and "ping" in asked else takes_all(url, asked)
        await asyncio.sleep(45.0)
        assert [event.cause for event in stage.of(StreamLost)] == ["silent for 31 s"]
        assert [socket.is_closed for socket in stage.sockets[:2]] == [True, True]
        await stage.stop()

    virtual(scene())


def test_a_refusal_of_one_channel_does_not_cost_the_others(virtual: Virtual) -> None:
    """The venue says no at once and yes later: the hedge is up within a moment, the other instrument is distrusted."""

    async def scene() -> None:
        def answer(url: str, asked: Any) -> list[Any]:
            told = takes_all(url, asked)
            others = [item for item in told if item.get("names") != ["touch B"]]
            return [{"say": "no"}, *others] if len(others) < len(told) else told

        stage = _Stage(answer)
        await stage.start(1.5)
        assert len(stage.of(StreamRestored)) == 1
        assert [event.instrument for event in stage.of(QuoteDistrusted)] == [B]
        assert stage.of(StreamLost) == []
        await stage.stop()

    virtual(scene())


@pytest.mark.parametrize("says", ["no", ""])
def test_one_hedge_of_several_that_is_left_out_takes_no_other_with_it(virtual: Virtual, says: str) -> None:
    """Delisted for good, it would keep the venue from ever coming up: it is distrusted, and asked for once a minute."""

    async def scene() -> None:
        def answer(url: str, asked: Any) -> list[Any]:
            told = takes_all(url, asked)
            others = [item for item in told if item.get("names") != ["touch B"]]
            return [*([{"say": says}] if says and len(others) < len(told) else []), *others]

        stage = _Stage(answer, hedges=(A, B))
        await stage.start(11.0)
        await stage.live(140.0)
        assert len(stage.of(StreamRestored)) == 1
        assert stage.of(StreamLost) == []
        assert [event.instrument for event in stage.of(QuoteDistrusted)] == [B]
        await stage.stop()

    virtual(scene())


def test_one_hedge_of_several_that_falls_silent_takes_no_other_with_it(virtual: Virtual) -> None:
    """A new connection would tell it anew, which is tried; but not as long as the others speak, again and again."""

    async def scene() -> None:
        stage = _Stage(hedges=(A, B))
        await stage.start()
        await stage.live(400.0)
        assert [event.cause for event in stage.of(StreamLost)] == []
        await stage.stop()

    virtual(scene())


def test_a_subscription_that_dies_without_a_word_is_made_anew(virtual: Virtual) -> None:
    """Pongs alone do not make a hedge: its touch and its mark have to come, at least once a minute."""

    async def scene() -> None:
        stage = _Stage()
        await stage.start()
        await stage.live(30.0)
        for _ in range(14):
            stage.sockets[0].push({"say": "touch", "of": A, "seq": 100})
            await asyncio.sleep(5.0)
        assert [event.cause for event in stage.of(StreamLost)] == ["no mark of X:A for a minute"]
        await stage.stop()

    virtual(scene())


def test_a_new_connection_knows_nothing(virtual: Virtual) -> None:
    """What was told over the old one is not carried over: no touch before its contract is told again."""

    async def scene() -> None:
        stage = _Stage()
        await stage.start()
        stage.sockets[1].push({"say": "spec", "of": A})
        stage.sockets[0].push(None)
        await asyncio.sleep(2.0)
        assert [event.cause for event in stage.of(StreamLost)] == ["socket closed"]
        assert len(stage.of(StreamRestored)) == 2
        stage.sockets[2].push({"say": "touch", "of": A, "seq": 1})
        await asyncio.sleep(0.01)
        assert stage.of(Quoted) == []
        await stage.stop()

    virtual(scene())


def test_nonsense_is_told_and_in_a_row_ends_the_connection(virtual: Virtual) -> None:
    """Five times; a good frame between starts the count anew."""

    async def scene() -> None:
        stage = _Stage()
        await stage.start()
        bad, good = {"say": "?"}, {"say": "pong"}
        stage.sockets[0].push(*[bad] * 4, good, *[bad] * 4)
        await asyncio.sleep(0.01)
        assert (len(stage.of(MessageMalformed)), stage.of(StreamLost)) == (8, [])
        stage.sockets[0].push(bad)
        await asyncio.sleep(0.01)
        assert stage.of(StreamLost)[0].cause.startswith("5 malformed messages in a row")
        await stage.stop()

    virtual(scene())


def test_watching_more_on_a_running_connection(virtual: Virtual) -> None:
    """At once, and only what is new."""

    async def scene() -> None:
        stage = _Stage()
        await stage.start()
        stage.feed.watch([A, InstrumentId("X:C")])
        await asyncio.sleep(0.01)
        assert stage.sockets[0].asked[-1] == {"number": 2, "subscribe": ["touch C"]}
        assert stage.sockets[1].asked[-1] == {"number": 2, "subscribe": ["spec C"]}
        await stage.stop()

    virtual(scene())


@pytest.mark.parametrize("breaks", [False, True])
def test_a_feed_cancelled_at_any_moment_leaves_no_socket_open(
    virtual: Virtual, cancelled_at_every_turn: Any, *, breaks: bool
) -> None:
    """With one of two sockets open, with one of two closed, and cancelled once more meanwhile."""

    async def scene() -> None:
        stage = _Stage(lambda url, asked: [None] if breaks else takes_all(url, asked))
        await cancelled_at_every_turn(lambda: stage.feed.run(stage.events.extend), 30)
        assert stage.sockets
        assert all(socket.is_closed for socket in stage.sockets)

    virtual(scene())
