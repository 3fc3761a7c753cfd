"""The feeds against a scripted socket on virtual time."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import pytest

from bot.domain.errors import ConfigError, VenueUnreachable
from bot.domain.events import (
    Event,
    MessageMalformed,
    OptionMarked,
    Quoted,
    QuoteDistrusted,
    StreamLost,
    StreamName,
    StreamRestored,
)
from bot.domain.ids import InstrumentId
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.venues.deribit_feed import AccountFeed, Backoff, Link, MarketFeed
from bot.venues.settings import VenueSettings

PERP = InstrumentId("BTC-PERPETUAL")
CALL = InstrumentId("BTC-27MAR26-100000-C")
PUT = InstrumentId("BTC-27MAR26-90000-P")
NOW = Ns(1_770_000_000_000_000_000)
BOOK = "book.BTC-PERPETUAL.raw"

Virtual = Callable[[Coroutine[object, object, None]], None]


class Stage:
    """A feed's surroundings: a venue that answers, connections it accepted, events it got."""

    def __init__(self, settings: VenueSettings, make: Callable[..., Any], accepts: Callable[..., object]) -> None:
        self.settings = settings
        self.make = make
        self.accepts = accepts
        self.answer: Callable[[str, dict[str, Any]], object] = accepts
        self.is_testnet = True
        self.is_reachable = True
        self.connections: list[Any] = []
        self.tried_s: list[float] = []
        self.events: list[Event] = []
        self.task: asyncio.Task[None] | None = None

    async def connect(self, url: str) -> Any:
        """A new scripted socket."""
        assert url == self.settings.ws_url
        self.tried_s.append(asyncio.get_running_loop().time())
        if not self.is_reachable:
            raise VenueUnreachable("cannot connect: refused")
        connection = self.make(self._answer, is_testnet=self.is_testnet)
        self.connections.append(connection)
        return connection

    def _answer(self, method: str, params: dict[str, Any]) -> object:
        return self.answer(method, params)

    def link(self, *, keyless: bool = False) -> Link:
        """What the feed gets."""
        settings = msgspec.structs.replace(self.settings, credentials=None) if keyless else self.settings
        return Link(settings=settings, now_ns=lambda: NOW, rng=random.Random(1), connect=self.connect)

    def sink(self, events: Sequence[Event]) -> None:
        """Remember."""
        self.events.extend(events)

    async def start(self, feed: AccountFeed | MarketFeed, seconds: float = 0.1) -> None:
        """Run the feed, and let some time pass."""
        self.task = asyncio.get_running_loop().create_task(feed.run(self.sink))
        await asyncio.sleep(seconds)

    async def stop(self) -> None:
        """Cancel the feed."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def of(self, kind: type[Event]) -> list[Any]:
        """Events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def lost(self) -> list[str]:
        """Causes of losses told."""
        return [event.cause for event in self.of(StreamLost)]

    def subscribed(self) -> list[list[str]]:
        """Channels of each subscribe call."""
        return [r["params"]["channels"] for c in self.connections for r in c.sent if r["method"].endswith("/subscribe")]


@pytest.fixture
def stage(settings: VenueSettings, connection_type: Callable[..., Any], accepts: Callable[..., object]) -> Stage:
    """A venue that takes everything, until the test says otherwise."""
    return Stage(settings, connection_type, accepts)


def book(kind: str, before: int | None, after: int, bid: float = 100.0) -> dict[str, object]:
    """A book message with one level a side."""
    return {
        "type": kind,
        "timestamp": 1,
        "instrument_name": PERP,
        "prev_change_id": before,
        "change_id": after,
        "bids": [["new", bid, 10.0]],
        "asks": [["new", 101.0, 10.0]],
    }


def test_market_feed_comes_up(stage: Stage, virtual: Virtual) -> None:
    """Log in, heartbeat, one subscription of all tickers and the raw book; then the stream is restored."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP], instruments=[CALL]))
        (connection,) = stage.connections
        assert connection.methods() == ["public/auth", "public/set_heartbeat", "public/subscribe"]
        assert connection.sent[0]["params"]["grant_type"] == "client_signature"
        assert "secret-of-the-key" not in str(connection.sent)
        assert {BOOK, f"ticker.{PERP}.100ms", f"ticker.{CALL}.100ms"} == set(stage.subscribed()[0])
        assert [StreamRestored(stream=StreamName.MARKET, received_ns=NOW)] == stage.events
        await stage.stop()
        assert connection.is_closed

    virtual(scene())


def test_market_feed_without_key(stage: Stage, virtual: Virtual) -> None:
    """Public data needs no log-in; the book then comes every 100 ms."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(keyless=True), hedges=[PERP]))
        assert stage.connections[0].methods() == ["public/set_heartbeat", "public/subscribe"]
        assert "book.BTC-PERPETUAL.100ms" in stage.subscribed()[0]
        await stage.stop()

    virtual(scene())


def test_account_feed_comes_up(stage: Stage, virtual: Virtual) -> None:
    """Own changes and money, over private/subscribe; watching changes nothing."""

    async def scene() -> None:
        feed = AccountFeed(stage.link())
        feed.watch([CALL])
        await stage.start(feed)
        assert stage.connections[0].methods()[-1] == "private/subscribe"
        assert stage.subscribed() == [["user.changes.any.any.raw", "user.portfolio.any"]]
        assert [StreamRestored(stream=StreamName.ACCOUNT, received_ns=NOW)] == stage.events
        await stage.stop()

    virtual(scene())


def test_many_channels_go_in_chunks(stage: Stage, virtual: Virtual) -> None:
    """No call names more than 200 channels."""

    async def scene() -> None:
        await stage.start(
            MarketFeed(stage.link(), hedges=[PERP], instruments=[InstrumentId(f"X-{i}") for i in range(448)])
        )
        assert [len(call) for call in stage.subscribed()] == [200, 200, 50]
        await stage.stop()

    virtual(scene())


def test_events_reach_the_sink_at_once(stage: Stage, virtual: Virtual) -> None:
    """One call per frame, with the arrival time of the frame."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP], instruments=[CALL]))
        ticker = {"timestamp": 1, "state": "open", "instrument_name": CALL, "mark_iv": 50.0}
        stage.connections[0].notify(f"ticker.{CALL}.100ms", ticker)
        stage.connections[0].notify(BOOK, book("snapshot", None, 10))
        await asyncio.sleep(0.01)
        (marked,) = stage.of(OptionMarked)
        (quoted,) = stage.of(Quoted)
        assert (marked.iv_mark, marked.received_ns, quoted.bid_native) == (0.5, NOW, 100.0)
        await stage.stop()

    virtual(scene())


def test_option_left_out_of_the_ack(stage: Stage, virtual: Virtual) -> None:
    """It is distrusted once, loudly, after the stream is up; asked for again until it is there."""

    async def scene() -> None:
        refused = [f"ticker.{PUT}.100ms"]

        def answer(method: str, params: dict[str, Any]) -> object:
            channels = params.get("channels", [])
            return [c for c in reversed(channels) if c not in refused] if channels else stage.accepts(method, params)

        stage.answer = answer
        await stage.start(MarketFeed(stage.link(), hedges=[PERP], instruments=[CALL, PUT]))
        expected = QuoteDistrusted(instrument=PUT, received_ns=NOW, cause=DistrustCause.NOT_SUBSCRIBED)
        assert [StreamRestored(stream=StreamName.MARKET, received_ns=NOW), expected] == stage.events
        stage.connections[0].notify(BOOK, book("snapshot", None, 10))
        await asyncio.sleep(10.0)
        assert [[f"ticker.{PUT}.100ms"]] * 3 == stage.subscribed()[1:]
        refused.clear()
        stage.connections[0].push({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "heartbeat"}})
        for _ in range(10):
            await asyncio.sleep(10.0)
            stage.connections[0].push({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "heartbeat"}})
        assert len(stage.subscribed()) == 5
        assert [expected] == stage.of(QuoteDistrusted)
        await stage.stop()

    virtual(scene())


@pytest.mark.parametrize("channel", [BOOK, f"ticker.{PERP}.100ms"])
def test_hedge_left_out_of_the_ack(stage: Stage, virtual: Virtual, channel: str) -> None:
    """Without the hedge's data the socket is of no use: lost, with the channel's name, and tried again."""

    async def scene() -> None:
        stage.answer = lambda method, params: (
            [c for c in params["channels"] if c != channel] if "channels" in params else stage.accepts(method, params)
        )
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]), 3.0)
        assert [f"not subscribed to {channel}"] == stage.lost()
        assert stage.of(StreamRestored) == []
        assert len(stage.connections) > 1
        await stage.stop()

    virtual(scene())


def test_gap_is_resynchronised(stage: Stage, virtual: Virtual) -> None:
    """A gap distrusts the quote, unsubscribes and subscribes again; the snapshot ends it."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]))
        connection = stage.connections[0]
        for message in (book("snapshot", None, 10), book("change", 10, 11), book("change", 15, 16, 100.5)):
            connection.notify(BOOK, message)
        await asyncio.sleep(0.01)
        expected = QuoteDistrusted(instrument=PERP, received_ns=NOW, cause=DistrustCause.BOOK_GAP)
        assert [expected] == stage.of(QuoteDistrusted)
        assert connection.methods()[-2:] == ["public/unsubscribe", "public/subscribe"]
        assert stage.subscribed()[-1] == [BOOK]
        connection.notify(BOOK, book("change", 16, 17))
        connection.notify(BOOK, book("snapshot", None, 20, 99.0))
        await asyncio.sleep(0.01)
        assert [quoted.bid_native for quoted in stage.of(Quoted)] == [100.0, 100.0, 99.0]
        assert stage.lost() == []
        await stage.stop()

    virtual(scene())


def test_gaps_in_a_row_do_not_storm(stage: Stage, virtual: Virtual) -> None:
    """A book that breaks after each snapshot is resubscribed once a second at most."""

    async def scene() -> None:
        def answer(method: str, params: dict[str, Any]) -> object:
            if BOOK in params.get("channels", []) and method == "public/subscribe":
                stage.connections[-1].notify(BOOK, book("snapshot", None, 10))
                stage.connections[-1].notify(BOOK, book("change", 7, 8))
            return stage.accepts(method, params)

        stage.answer = answer
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]), 10.0)
        assert 9 <= stage.connections[0].methods().count("public/unsubscribe") <= 11
        await stage.stop()

    virtual(scene())


def test_book_without_snapshot(stage: Stage, virtual: Virtual) -> None:
    """A subscription that brings no snapshot within 5 s restarts the connection."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]), 7.0)
        assert stage.lost() == ["no book snapshot of BTC-PERPETUAL for 5 s"]
        await stage.stop()

    virtual(scene())


def test_test_request_is_answered(stage: Stage, virtual: Virtual) -> None:
    """Each test_request gets a public/test; a plain heartbeat none."""

    async def scene() -> None:
        await stage.start(AccountFeed(stage.link()))
        for word in ("heartbeat", "test_request", "test_request"):
            stage.connections[0].push({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": word}})
        await asyncio.sleep(0.01)
        assert stage.connections[0].methods().count("public/test") == 2
        await stage.stop()

    virtual(scene())


def test_silence_is_death(stage: Stage, virtual: Virtual) -> None:
    """No frame of any kind for three heartbeat intervals: the socket is dropped."""

    async def scene() -> None:
        await stage.start(AccountFeed(stage.link()), 29.0)
        assert stage.lost() == []
        await asyncio.sleep(3.5)
        assert stage.lost() == ["silent for 31 s"]
        assert stage.connections[0].is_closed
        assert len(stage.of(StreamRestored)) == 2
        await stage.stop()

    virtual(scene())


def test_reconnect_starts_over(stage: Stage, virtual: Virtual) -> None:
    """After a break: told once, logged in again, subscribed again, the book empty until its snapshot."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]))
        stage.connections[0].notify(BOOK, book("snapshot", None, 10))
        stage.connections[0].break_down()
        await asyncio.sleep(1.0)
        assert stage.lost() == ["socket closed"]
        assert stage.connections[1].methods()[0] == "public/auth"
        stage.connections[1].notify(BOOK, book("change", 10, 11))
        await asyncio.sleep(0.01)
        assert len(stage.of(Quoted)) == 1
        assert len(stage.of(StreamRestored)) == 2
        await stage.stop()

    virtual(scene())


def test_unreachable_venue_is_tried_ever_more_rarely(stage: Stage, virtual: Virtual) -> None:
    """Waits double up to 30 s, with jitter from the seed; the loss is told once, not at each try."""

    async def scene() -> None:
        stage.is_reachable = False
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]), 200.0)
        waits = [after - before for before, after in zip(stage.tried_s, stage.tried_s[1:], strict=False)]
        rng = random.Random(1)
        expected = [min(30.0, 0.5 * 2.0**step) * (0.5 + 0.5 * rng.random()) for step in range(len(waits))]
        assert pytest.approx(expected) == waits
        assert stage.lost() == ["cannot connect: refused"]
        await stage.stop()

    virtual(scene())


def test_back_off_ends_with_a_calm_connection() -> None:
    """Reset starts over; `at_least` only lengthens; no wait is beyond 30 s."""
    backoff = Backoff(random.Random(1))
    first = [backoff.next_s() for _ in range(20)]
    assert max(first) <= 30.0
    backoff.reset()
    assert backoff.next_s() <= 0.5
    backoff.at_least(3)
    assert backoff.next_s() >= 2.0


def test_too_many_requests_waits_longer(stage: Stage, virtual: Virtual) -> None:
    """10028: the session is gone and the credits with it; the next try comes after 2 s or more."""

    async def scene() -> None:
        stage.answer = lambda method, params: (
            {"error": {"code": 10028, "message": "too_many_requests"}}
            if method == "public/subscribe"
            else stage.accepts(method, params)
        )
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]), 5.0)
        assert stage.lost() == ["10028 too_many_requests to public/subscribe"]
        assert stage.tried_s[1] - stage.tried_s[0] >= 2.0
        await stage.stop()

    virtual(scene())


@pytest.mark.parametrize("code", [13004, 13021, 11042, 13403])
def test_refused_key_is_fatal(stage: Stage, virtual: Virtual, code: int) -> None:
    """A key the venue does not take is a matter of configuration, not of trying again."""

    async def scene() -> None:
        stage.answer = lambda _method, _params: {"error": {"code": code, "message": "no"}}
        await stage.start(AccountFeed(stage.link()))
        assert stage.task is not None
        with pytest.raises(ConfigError, match=f"log-in refused with {code}"):
            await stage.task

    virtual(scene())


def test_wrong_world_is_fatal(stage: Stage, virtual: Virtual) -> None:
    """A reply with the other testnet flag ends the feed: orders would go to the wrong place."""

    async def scene() -> None:
        stage.is_testnet = False
        await stage.start(AccountFeed(stage.link()))
        assert stage.task is not None
        with pytest.raises(ConfigError, match="testnet=False, the configuration says True"):
            await stage.task
        assert stage.connections[0].is_closed

    virtual(scene())


def test_token_is_refreshed_at_eighty_percent(stage: Stage, virtual: Virtual) -> None:
    """`expires_in` as received decides, and the new reply decides the next refresh."""

    async def scene() -> None:
        stage.answer = lambda method, params: (
            {"access_token": "a", "refresh_token": "r1", "expires_in": 20, "scope": ""}
            if method == "public/auth"
            else stage.accepts(method, params)
        )
        await stage.start(AccountFeed(stage.link()), 15.9)
        assert stage.connections[0].methods().count("public/auth") == 1
        await asyncio.sleep(2.0)
        refresh = [r["params"] for r in stage.connections[0].sent if r["method"] == "public/auth"][1:]
        assert refresh == [{"grant_type": "refresh_token", "refresh_token": "r1"}]
        await stage.stop()

    virtual(scene())


def test_watch_adds_to_the_running_connection(stage: Stage, virtual: Virtual) -> None:
    """A newly traded instrument is subscribed at once, others are not subscribed twice."""

    async def scene() -> None:
        feed = MarketFeed(stage.link(), hedges=[PERP], instruments=[CALL])
        await stage.start(feed)
        feed.watch([CALL, PUT])
        await asyncio.sleep(0.01)
        assert [[f"ticker.{PUT}.100ms"]] == stage.subscribed()[1:]
        await stage.stop()

    virtual(scene())


def test_malformed_market_messages(stage: Stage, virtual: Virtual) -> None:
    """Each is told with a sample; five in a row restart the stream, a good one between does not count."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]))
        for _ in range(3):
            for _ in range(4):
                stage.connections[0].push(b'{"jsonrpc":')
            stage.connections[0].notify("platform_state", {})
        await asyncio.sleep(0.01)
        assert len(stage.of(MessageMalformed)) == 12
        assert stage.of(MessageMalformed)[0].sample == '{"jsonrpc":'
        assert stage.lost() == []
        for _ in range(5):
            stage.connections[0].push(b"<html>")
        await asyncio.sleep(0.01)
        assert len(stage.lost()) == 1
        assert stage.lost()[0].startswith("5 malformed messages in a row")
        await stage.stop()

    virtual(scene())


def test_malformed_account_message(stage: Stage, virtual: Virtual) -> None:
    """It may have been a fill: one is enough to start over, which reconciles; tokens are not shown."""

    async def scene() -> None:
        await stage.start(AccountFeed(stage.link()))
        stage.connections[0].push(b'{"access_token":"SECRET"')
        await asyncio.sleep(1.0)
        assert stage.of(MessageMalformed)[0].sample == "withheld"
        assert len(stage.connections) == 2
        await stage.stop()

    virtual(scene())


def test_error_that_belongs_to_no_request(stage: Stage, virtual: Virtual) -> None:
    """The venue complains about something we cannot tell apart: the socket is not to be relied on."""

    async def scene() -> None:
        await stage.start(AccountFeed(stage.link()))
        stage.connections[0].push(
            {"jsonrpc": "2.0", "error": {"code": -32600, "message": "too large"}, "testnet": True}
        )
        await asyncio.sleep(0.01)
        assert stage.lost() == ["error -32600 too large belongs to no request"]
        await stage.stop()

    virtual(scene())


def test_unanswered_request(stage: Stage, virtual: Virtual) -> None:
    """A venue that takes the connection but answers nothing is given up after 10 s."""

    async def scene() -> None:
        stage.answer = lambda _method, _params: None
        await stage.start(AccountFeed(stage.link()), 11.0)
        assert stage.lost() == ["public/auth: no answer for 10 s"]
        await stage.stop()

    virtual(scene())


def test_failing_sink_ends_the_feed(stage: Stage, virtual: Virtual) -> None:
    """What the shell cannot take is not swallowed here: trading must halt."""

    async def scene() -> None:
        def sink(_events: Sequence[Event]) -> None:
            raise RuntimeError("ledger")

        with pytest.raises(RuntimeError, match="ledger"):
            await AccountFeed(stage.link()).run(sink)
        assert stage.connections[0].is_closed

    virtual(scene())
