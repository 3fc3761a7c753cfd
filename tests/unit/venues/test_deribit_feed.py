"""The feeds against a scripted socket on virtual time: subscriptions, acknowledgements, books."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from bot.domain.events import QuoteDistrusted, StreamName, StreamRestored
from bot.domain.ids import InstrumentId
from bot.domain.market_events import DepthSeen, OptionMarked, Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.venues.contract import BookMoves, PublicTrade
from bot.venues.deribit_feed import AccountFeed, MarketFeed

PERP = InstrumentId("BTC-PERPETUAL")
CALL = InstrumentId("BTC-27MAR26-100000-C")
DATED = InstrumentId("BTC-27MAR26")
PUT = InstrumentId("BTC-27MAR26-90000-P")
NOW = Ns(1_770_000_000_000_000_000)
BOOK = "book.BTC-PERPETUAL.raw"

Virtual = Callable[[Coroutine[object, object, None]], None]


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


def test_market_feed_comes_up(stage: Any, virtual: Virtual) -> None:
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


def test_market_feed_without_key(stage: Any, virtual: Virtual) -> None:
    """Public data needs no log-in; the book then comes every 100 ms."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(keyless=True), hedges=[PERP]))
        assert stage.connections[0].methods() == ["public/set_heartbeat", "public/subscribe"]
        assert "book.BTC-PERPETUAL.100ms" in stage.subscribed()[0]
        await stage.stop()

    virtual(scene())


def test_account_feed_comes_up(stage: Any, virtual: Virtual) -> None:
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


def test_many_channels_go_in_chunks(stage: Any, virtual: Virtual) -> None:
    """No call names more than 200 channels."""

    async def scene() -> None:
        await stage.start(
            MarketFeed(stage.link(), hedges=[PERP], instruments=[InstrumentId(f"X-{i}") for i in range(448)])
        )
        assert [len(call) for call in stage.subscribed()] == [200, 200, 50]
        await stage.stop()

    virtual(scene())


def test_events_reach_the_sink_at_once(stage: Any, virtual: Virtual) -> None:
    """One call per frame, with the arrival time of the frame."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP], instruments=[CALL]))
        ticker = {"timestamp": 1, "state": "open", "instrument_name": CALL, "mark_iv": 50.0}
        stage.connections[0].notify(f"ticker.{CALL}.100ms", ticker)
        stage.connections[0].notify(BOOK, book("snapshot", None, 10))
        await asyncio.sleep(0.01)
        (marked,) = stage.of(OptionMarked)
        (quoted,) = stage.of(Quoted)
        (depth,) = stage.of(DepthSeen)
        assert depth.bids[0][0] == 100.0
        assert (marked.iv_mark, marked.received_ns, quoted.bid_native) == (0.5, NOW, 100.0)
        await stage.stop()

    virtual(scene())


def test_option_left_out_of_the_ack(stage: Any, virtual: Virtual) -> None:
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
def test_hedge_left_out_of_the_ack(stage: Any, virtual: Virtual, channel: str) -> None:
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


def test_a_hedge_that_has_expired_takes_no_other_with_it(stage: Any, virtual: Virtual) -> None:
    """Of several hedge instruments one is left out of the ack, ticker and book: distrusted, the rest is served on."""

    async def scene() -> None:
        gone = [f"ticker.{DATED}.100ms", f"book.{DATED}.raw"]
        stage.answer = lambda method, params: (
            [c for c in params["channels"] if c not in gone] if "channels" in params else stage.accepts(method, params)
        )
        await stage.start(MarketFeed(stage.link(), hedges=[PERP, DATED]), 0.5)
        stage.connections[0].notify(BOOK, book("snapshot", None, 10))
        await asyncio.sleep(8.0)
        assert stage.lost() == []
        assert [event.instrument for event in stage.of(QuoteDistrusted)] == [DATED, DATED]
        await stage.stop()

    virtual(scene())


def test_gap_is_resynchronised(stage: Any, virtual: Virtual) -> None:
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


def test_gaps_in_a_row_do_not_storm(stage: Any, virtual: Virtual) -> None:
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


def test_book_without_snapshot(stage: Any, virtual: Virtual) -> None:
    """A subscription that brings no snapshot within 5 s restarts the connection."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]), 7.0)
        assert stage.lost() == ["no book snapshot of BTC-PERPETUAL for 5 s"]
        await stage.stop()

    virtual(scene())


def test_one_book_of_several_that_never_comes_takes_no_other_with_it(stage: Any, virtual: Virtual) -> None:
    """Accepted, and yet nothing is told of it: the other hedge and every option's ticker go on.

    One that lived and is not told anew after a gap restarts the connection, as the only one does.
    """

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP, DATED]), 0.5)
        connection = stage.connections[0]
        connection.notify(BOOK, book("snapshot", None, 10))
        await asyncio.sleep(30.0)
        assert stage.lost() == []
        never = QuoteDistrusted(instrument=DATED, received_ns=NOW, cause=DistrustCause.NOT_SUBSCRIBED)
        assert stage.of(QuoteDistrusted) == [never]
        connection.notify(BOOK, book("change", 15, 16))
        await asyncio.sleep(8.0)
        assert stage.lost() == ["no book snapshot of BTC-PERPETUAL for 5 s"]
        await stage.stop()

    virtual(scene())


def test_reconnect_starts_over(stage: Any, virtual: Virtual) -> None:
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


def test_watch_adds_to_the_running_connection(stage: Any, virtual: Virtual) -> None:
    """A newly traded instrument is subscribed at once, others are not subscribed twice."""

    async def scene() -> None:
        feed = MarketFeed(stage.link(), hedges=[PERP], instruments=[CALL])
        await stage.start(feed)
        feed.watch([CALL, PUT])
        await asyncio.sleep(0.01)
        assert [[f"ticker.{PUT}.100ms"]] == stage.subscribed()[1:]
        await stage.stop()

    virtual(scene())


class _Listener:
    """Remembers what it was told of books and trades."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def hear_book(self, instrument: InstrumentId, moves: BookMoves, venue_ns: Ns, *, is_whole: bool) -> None:
        """Sides, and whether it is all."""
        self.told.append((instrument, list(moves.bids), list(moves.asks), venue_ns, is_whole))

    def lose_book(self, instrument: InstrumentId) -> None:
        """Its name."""
        self.told.append(instrument)

    def hear_trade(self, trade: PublicTrade) -> None:
        """Its amount."""
        self.told.append(trade.amount_native)


def test_whole_books_and_trades_for_who_listens(stage: Any, virtual: Virtual) -> None:
    """Snapshots and changes in order, a gap as a loss, a new connection as a loss, public trades of the hedges."""

    async def scene() -> None:
        listener = _Listener()
        link = msgspec.structs.replace(stage.link(), listener=listener)
        await stage.start(MarketFeed(link, hedges=[PERP], instruments=[CALL]))
        assert "trades.BTC-PERPETUAL.raw" in stage.subscribed()[0]
        assert listener.told == [PERP]
        listener.told.clear()
        (connection,) = stage.connections
        connection.notify(BOOK, book("snapshot", None, 10))
        gone = book("change", 10, 11) | {"bids": [["delete", 100.0, 0.0]], "asks": [["change", 101.0, 7.0]]}
        connection.notify(BOOK, gone)
        trade = {"timestamp": 1, "instrument_name": PERP, "direction": "buy", "amount": 20.0, "price": 101.0}
        connection.notify("trades.BTC-PERPETUAL.raw", [trade])
        connection.notify(BOOK, book("change", 99, 100))
        connection.notify(BOOK, book("change", 100, 101))
        await asyncio.sleep(0.01)

        assert listener.told == [
            (PERP, [(100.0, 10.0)], [(101.0, 10.0)], 1_000_000, True),
            (PERP, [(100.0, 0.0)], [(101.0, 7.0)], 1_000_000, False),
            20.0,
            PERP,
        ]
        await stage.stop()

    virtual(scene())


def test_trades_that_nobody_wants_are_dropped(stage: Any, virtual: Virtual) -> None:
    """Neither feed asks for them; a stray message changes nothing."""

    async def scene() -> None:
        for feed in (MarketFeed(stage.link(), hedges=[PERP]), AccountFeed(stage.link())):
            await stage.start(feed)
            stage.connections[-1].notify("trades.BTC-PERPETUAL.raw", [])
            await asyncio.sleep(0.01)
            await stage.stop()
        assert not [channel for call in stage.subscribed() for channel in call if channel.startswith("trades")]
        assert [type(event) for event in stage.events] == [StreamRestored, StreamRestored]

    virtual(scene())
