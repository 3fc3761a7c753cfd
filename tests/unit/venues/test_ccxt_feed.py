"""Prices through ccxt.pro: what makes a book untrusted, and that every connection starts from nothing."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import pytest
from msgspec import structs

from bot.domain.errors import ConfigError, MalformedMessage
from bot.domain.events import Event, QuoteDistrusted, StreamLost, StreamRestored
from bot.domain.ids import InstrumentId
from bot.domain.market_events import FutureMarked, Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_MS, Ns
from bot.market.quality import TrustLimits
from bot.market.view import MarketView
from bot.venues import bybit, bybit_rest
from bot.venues.ccxt_feed import CcxtFeed, Opened, number, reading_of
from bot.venues.link import Link

NAME = InstrumentId("BYBIT:BTCUSDT")
SPEC = bybit_rest.instrument_from(
    bybit_rest.Listed(
        symbol="BTCUSDT",
        contract_type="LinearPerpetual",
        status="Trading",
        base_coin="BTC",
        settle_coin="USDT",
        lot_size_filter=bybit_rest.Listed.Lot(min_order_qty="0.001", qty_step="0.001"),
        price_filter=bybit_rest.Listed.Price(tick_size="0.1"),
    ),
    bybit_rest.FEES_LISTED,
)
STAGE_NS = Ns(1_770_000_000_000_000_000)
MS = STAGE_NS // NS_PER_MS
TICKER = {
    "timestamp": MS,
    "info": {"markPrice": "64000.1", "indexPrice": "64001", "fundingRate": "0.0001", "fundingIntervalHour": "4"},
}


Virtual = Callable[[Coroutine[object, object, None]], None]


class CcxtError(Exception):
    """As ccxt's own."""


def _book(*, stamp_ms: int = MS, bids: object = ((64000.0, 2.0),), asks: object = ((64000.5, 3.0),)) -> dict[str, Any]:
    return {"timestamp": stamp_ms, "bids": bids, "asks": asks}


class _Client:
    """Hands out what it was given, one by one, then nothing more."""

    def __init__(self, books: Sequence[object], tickers: Sequence[object]) -> None:
        self._books, self._tickers = list(books), list(tickers)
        self.is_closed = False

    async def watch_order_book(self, symbol: str, levels: int | None) -> object:
        assert (symbol, levels) == ("BTC/USDT:USDT", 1)
        return await self._one(self._books)

    async def watch_ticker(self, symbol: str) -> object:
        assert symbol == "BTC/USDT:USDT"
        return await self._one(self._tickers, pause_s=0.005)

    async def _one(self, left: list[object], pause_s: float = 0.01) -> object:
        await asyncio.sleep(pause_s)
        if not left:
            await asyncio.Event().wait()
        told = left.pop(0)
        if isinstance(told, Exception):
            raise told
        return told

    async def close(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        self.is_closed = True


Played = Callable[..., list[Event]]


@pytest.fixture
def quiet_link(settings: Any) -> Link:
    """A link whose clock stands still."""
    return Link(settings=structs.replace(settings, venue=bybit.BYBIT), now_ns=lambda: STAGE_NS, rng=random.Random(1))


@pytest.fixture
def played(quiet_link: Link, virtual: Virtual) -> Played:
    """Events of a feed that gets these clients, one for each of its connections."""

    def play(clients: Sequence[_Client], seconds: float = 5.0) -> list[Event]:
        events: list[Event] = []
        left = list(clients)

        async def run() -> None:
            feed = CcxtFeed(quiet_link, bybit.PRICES, [NAME], lambda *_: Opened(left.pop(0), (CcxtError,)))
            task = asyncio.create_task(feed.run(events.extend))
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        virtual(run())
        assert all(client.is_closed for client in clients[: len(clients) - len(left)])
        return events

    return play


def _kinds(events: Sequence[Event]) -> list[type]:
    return [type(event) for event in events]


def test_touch_and_ticker_come_and_the_stream_is_up_once_both_have(played: Played) -> None:
    """Funding of four hours is doubled to eight; the venue is told."""
    events = played([_Client([_book()], [TICKER])])

    assert _kinds(events) == [Quoted, FutureMarked, StreamRestored]
    quoted, marked, restored = events
    assert isinstance(quoted, Quoted)
    assert isinstance(marked, FutureMarked)
    assert isinstance(restored, StreamRestored)
    assert (quoted.bid_native, quoted.ask_amount_native, quoted.venue_ns) == (64000.0, 3.0, STAGE_NS)
    assert (marked.mark_usd, marked.index_usd, marked.funding_rate_8h) == (64000.1, 64001.0, 0.0002)
    assert restored.venue == "bybit"


@pytest.mark.parametrize(
    ("book", "cause"),
    [
        (_book(bids=((64001.0, 1.0),)), DistrustCause.CROSSED),
        (_book(bids=((64000.5, 1.0),)), DistrustCause.CROSSED),
        (_book(bids=((64000.0, 1.0), (63990.0, 1.0))), DistrustCause.BOOK_GAP),
        (_book(stamp_ms=MS - 1), DistrustCause.BOOK_GAP),
    ],
    ids=["crossed", "locked", "merged", "backwards"],
)
def test_a_book_that_cannot_be_right_ends_the_connection_and_the_next_starts_anew(
    played: Played, book: dict[str, Any], cause: DistrustCause
) -> None:
    """The touch is distrusted at once, the loss told, and only the new connection's book is believed."""
    first, second = _Client([_book(), book, _book()], [TICKER]), _Client([_book(bids=((63999.0, 1.0),))], [TICKER])

    events = played([first, second])

    at = next(i for i, event in enumerate(events) if isinstance(event, QuoteDistrusted))
    assert events[at].cause is cause  # type: ignore[union-attr]
    assert _kinds(events[at + 1 :]) == [StreamLost, Quoted, FutureMarked, StreamRestored]
    assert events[at + 2].bid_native == 63999.0  # type: ignore[union-attr]


def test_a_late_book_is_distrusted_until_one_in_time_comes(played: Played) -> None:
    """The connection stays."""
    late = _book(stamp_ms=MS - 2001)

    events = played([_Client([late, _book()], [TICKER])])

    assert [event.cause for event in events if isinstance(event, QuoteDistrusted)] == [DistrustCause.STALE]
    assert _kinds(events)[-3:] == [Quoted, FutureMarked, StreamRestored]


def test_a_late_ticker_is_not_told(played: Played) -> None:
    """So a mark is not known, where the one before has grown old."""
    late = {**TICKER, "timestamp": MS - 2001}

    quoted, marked = played([_Client([_book()], [late])])

    assert isinstance(quoted, Quoted)
    assert isinstance(marked, FutureMarked)
    assert (marked.mark_usd, marked.bid_usd) == (None, 64000.0)


def test_a_ticker_without_a_touch_leaves_the_touch_of_the_book(played: Played) -> None:
    """What the engine would trade against is the book's, as old as the book; marks come with the next touch."""
    limits = TrustLimits(option_age_ns_max=Ns(1), hedge_age_ns_max=Ns(1), clock_ahead_ns_max=Ns(1), spread_bps_max=1.0)
    events = played([_Client([_book()], [TICKER, TICKER])])
    view = MarketView(limits)
    view.list_instrument(SPEC)
    for event in events:
        if isinstance(event, FutureMarked):
            view.see_future(event)
        elif isinstance(event, Quoted):
            view.see_quote(event)

    assert view.hedge_verdict(NAME, STAGE_NS) is None
    assert sum(isinstance(event, FutureMarked) for event in events) == 1


@pytest.mark.parametrize("fails", ["book", "ticker"])
def test_an_error_of_ccxt_loses_the_stream_without_its_text(played: Played, fails: str) -> None:
    """One loss is told, whoever met it."""
    error = CcxtError("secret message")
    broken = _Client([_book(), error], [TICKER]) if fails == "book" else _Client([_book()], [TICKER, error])

    events = played([broken, _Client([_book()], [TICKER])])

    lost = [event for event in events if isinstance(event, StreamLost)]
    assert [(event.cause, event.venue) for event in lost] == [(f"{NAME}: CcxtError", "bybit")]
    assert _kinds(events)[-1] is StreamRestored


def test_silence_ends_a_connection(played: Played) -> None:
    """Ten seconds without a book, though each venue repeats an unchanged one sooner."""
    events = played([_Client([_book()], [TICKER]), _Client([_book()], [TICKER])], seconds=12.0)

    lost = [event for event in events if isinstance(event, StreamLost)]
    assert [event.cause for event in lost] == [f"{NAME}: nothing heard for 10 s"]


def test_a_failure_that_lasts_is_told_once_and_waits_longer_each_time(played: Played) -> None:
    """At most 30 s; in two minutes a handful of attempts."""
    clients = [_Client([CcxtError()], []) for _ in range(40)]
    events = played(clients, seconds=120.0)

    assert _kinds(events) == [StreamLost]
    assert sum(client.is_closed for client in clients) < 15


@pytest.mark.parametrize(
    "book",
    [
        _book(stamp_ms=0),
        {"timestamp": None, "bids": (), "asks": ()},
        _book(bids=((float("nan"), 1.0),)),
        _book(asks=((64001.0, 0.0),)),
    ],
)
def test_a_book_that_cannot_be_read_is_no_book(played: Played, book: dict[str, Any]) -> None:
    """No touch comes of it, and the connection ends."""
    events = played([_Client([book], [TICKER]), _Client([], [])])

    assert not [event for event in events if isinstance(event, Quoted)]
    assert [type(event) for event in events if not isinstance(event, FutureMarked)] == [StreamLost]


def test_an_empty_side_is_told_as_empty(played: Played) -> None:
    """The market view judges it."""
    quoted = played([_Client([_book(bids=())], [])])[0]

    assert isinstance(quoted, Quoted)
    assert (quoted.bid_native, quoted.bid_amount_native, quoted.ask_native) == (None, None, 64000.5)


class _Venue:
    """One that speaks of some of its instruments each second, and never of the others; told to stop, of none."""

    def __init__(self, *spoken: str) -> None:
        self.spoken = set(spoken)
        self.is_closed = False

    async def watch_order_book(self, symbol: str, levels: int | None) -> object:
        del levels
        return await self._told(symbol, _book())

    async def watch_ticker(self, symbol: str) -> object:
        return await self._told(symbol, TICKER)

    async def _told(self, symbol: str, told: object) -> object:
        await asyncio.sleep(1.0)
        if symbol not in self.spoken:
            await asyncio.Event().wait()
        return told

    async def close(self) -> None:
        self.is_closed = True


def test_one_instrument_of_several_that_never_speaks_takes_no_other_with_it(quiet_link: Link, virtual: Virtual) -> None:
    """Delisted for good, it would keep the venue from ever coming up. One that spoke and falls silent is asked anew."""
    usdt, usdc = NAME, InstrumentId("BYBIT:BTCPERP")
    venues: list[_Venue] = []
    events: list[Event] = []

    def make(*_: object) -> Opened:
        venues.append(_Venue("BTC/USDT:USDT"))
        return Opened(venues[-1], (CcxtError,))

    async def play() -> None:
        feed = CcxtFeed(quiet_link, bybit.PRICES, [usdt, usdc], make)
        task = asyncio.create_task(feed.run(events.extend))
        await asyncio.sleep(200.0)
        assert _kinds([event for event in events if not isinstance(event, Quoted | FutureMarked)]) == [
            StreamRestored,
            QuoteDistrusted,
        ]
        assert [event.instrument for event in events if isinstance(event, QuoteDistrusted)] == [usdc]
        venues[0].spoken.clear()
        await asyncio.sleep(15.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    virtual(play())
    lost = [event.cause for event in events if isinstance(event, StreamLost)]
    assert lost == [f"{usdt}: nothing heard for 10 s"]
    assert len(venues) == 2


def test_more_instruments_make_a_new_connection(quiet_link: Link, virtual: Virtual) -> None:
    """The client is told of its markets once; the same again changes nothing."""
    asked: list[Sequence[str]] = []

    def make(_prices: object, _settings: object, names: Sequence[str]) -> Opened:
        asked.append(names)
        return Opened(_Silent(), (CcxtError,))

    async def play() -> None:
        feed = CcxtFeed(quiet_link, bybit.PRICES, [NAME], make)
        task = asyncio.create_task(feed.run(lambda _: None))
        await asyncio.sleep(1.0)
        feed.watch([NAME])
        await asyncio.sleep(1.0)
        feed.watch([InstrumentId("BYBIT:ETHUSDT")])
        await asyncio.sleep(5.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    virtual(play())
    assert asked == [["BTCUSDT"], ["BTCUSDT", "ETHUSDT"]]


class _Silent:
    """Never says anything; closing fails."""

    def watch_order_book(self, *_: object) -> Awaitable[object]:
        return asyncio.Event().wait()

    watch_ticker: Callable[..., Awaitable[object]] = watch_order_book

    async def close(self) -> None:
        raise CcxtError


def test_a_name_that_is_no_perpetual_is_refused_at_once(quiet_link: Link) -> None:
    """Before anything is asked of anybody."""
    with pytest.raises(ConfigError, match="no linear perpetual"):
        CcxtFeed(quiet_link, bybit.PRICES, [InstrumentId("BYBIT:BTC-PERP")])


def test_other_errors_are_bugs_and_get_out(quiet_link: Link, virtual: Virtual) -> None:
    """A bug is not the venue's loss."""
    client = _Client([ZeroDivisionError()], [])

    async def play() -> None:
        await CcxtFeed(quiet_link, bybit.PRICES, [NAME], lambda *_: Opened(client, (CcxtError,))).run(lambda _: None)

    with pytest.raises(ZeroDivisionError):
        virtual(play())
    assert client.is_closed


def test_a_number_of_the_wire_is_a_number_or_absent() -> None:
    """Strings, mostly; words and infinities are malformed."""
    assert [number({"x": text}, "x") for text in ("1.5", 2, "", None)] == [1.5, 2.0, None, None]
    for text in ("abc", "inf", "nan"):
        with pytest.raises(MalformedMessage, match="x is"):
            number({"x": text}, "x")


@pytest.mark.parametrize("told", [_book(), CcxtError("gone")])
def test_a_feed_cancelled_at_any_moment_leaves_no_client_open(
    quiet_link: Link, virtual: Virtual, cancelled_at_every_turn: Any, told: object
) -> None:
    """Also when cancelled in the closing, which ccxt would leave halfway."""
    clients: list[_Client] = []

    def make(*_: object) -> Opened:
        clients.append(_Client([told], [TICKER]))
        return Opened(clients[-1], (CcxtError,))

    async def scene() -> None:
        await cancelled_at_every_turn(lambda: CcxtFeed(quiet_link, bybit.PRICES, [NAME], make).run(lambda _: None), 20)
        await asyncio.sleep(1.0)
        assert clients
        assert all(client.is_closed for client in clients)

    virtual(scene())


@pytest.mark.parametrize("told", [{}, {"info": None}, {"info": {"markPrice": []}}, []])
def test_what_ccxt_hands_over_may_be_anything(told: Any) -> None:
    """A message of a new shape is one that cannot be read, not a bug that halts."""
    with pytest.raises(MalformedMessage):
        reading_of(lambda: bybit.marks(NAME, told))


@pytest.mark.parametrize("levels", [None, 1.0, ((None, 1.0),), ((64_000.0,),), (("64000", "1"),)])
def test_a_book_of_another_shape_ends_the_connection(played: Played, levels: Any) -> None:
    """Told as lost, and the next connection serves."""
    events = played([_Client([_book(bids=levels)], [TICKER]), _Client([_book()], [TICKER])])
    assert [type(event) for event in events if isinstance(event, StreamLost | Quoted)][:2] == [StreamLost, Quoted]
