"""A look at a venue: listing, index, the chosen and their chains; whatever is wrong is raised, nothing hangs."""

import asyncio
import random
from collections.abc import Callable, Sequence

import pytest
from msgspec import structs

from bot.app.greeks import feed
from bot.app.greeks.feed import Patience
from bot.app.greeks.snapshot import Quote, Snapshot
from bot.domain.errors import ConfigError, VenueError, VenueUnreachable
from bot.domain.events import Event
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import ns_from_iso
from bot.venues.link import Link
from bot.venues.registry import Venue, venue_named
from bot.venues.settings import VenueSettings

_NOW = ns_from_iso("2026-03-20T08:00:00Z")
_CALL = InstrumentId("BTC-27MAR26-100000-C")
_QUICK = Patience(answer_s=2.0, chain_s=0.0)
_LINK = Link(
    settings=VenueSettings(
        venue=VenueId("deribit"), ws_url="ws://127.0.0.1:1/ws", rest_url="http://127.0.0.1:1", is_testnet=None
    ),
    now_ns=lambda: _NOW,
    rng=random.Random(1),
)


def _event(name: InstrumentId, quote: Quote) -> Event:
    if name.endswith("PERPETUAL"):
        return FutureMarked(
            instrument=name,
            received_ns=_NOW,
            venue_ns=_NOW,
            bid_usd=quote.bid_native,
            ask_usd=quote.ask_native,
            bid_amount_native=1.0,
            ask_amount_native=1.0,
            mark_usd=quote.forward_usd,
            index_usd=quote.index_usd,
            price_min_usd=None,
            price_max_usd=None,
            funding_rate_8h=0.0,
            is_open=True,
        )
    return OptionMarked(
        instrument=name,
        received_ns=_NOW,
        venue_ns=_NOW,
        bid_native=quote.bid_native,
        ask_native=quote.ask_native,
        bid_amount_native=1.0,
        ask_amount_native=1.0,
        mark_native=None,
        iv_mark=quote.iv,
        forward_usd=quote.forward_usd,
        index_usd=quote.index_usd,
        is_open=True,
    )


class _Inspector:
    """Lists the market; refuses what it is told to."""

    def __init__(self, listed: Sequence[Instrument], refusal: VenueError | None) -> None:
        self.listed, self.refusal = tuple(listed), refusal
        self.is_closed = False

    async def reach(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        return tuple(item for item in self.listed if item.base == base)

    async def close(self) -> None:
        self.is_closed = True


class _Feed:
    """Delivers what is watched and known, once each."""

    def __init__(self, market: Snapshot, names: Sequence[InstrumentId], ending: Exception | None) -> None:
        self.market, self.ending = market, ending
        self.waiting = list(names)
        self.woken = asyncio.Event()
        self.is_cancelled = False

    async def run(self, sink: Callable[[Sequence[Event]], None]) -> None:
        try:
            if self.ending is not None:
                raise self.ending
            while True:
                known = [name for name in self.waiting if name in self.market.quotes]
                self.waiting = []
                sink([_event(name, self.market.quotes[name]) for name in known])
                await self.woken.wait()
                self.woken.clear()
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        self.waiting += instruments
        self.woken.set()


class _World:
    """A venue of fakes over a market."""

    def __init__(self, market: Snapshot, *, refusal: VenueError | None = None, ending: Exception | None = None) -> None:
        self.inspector = _Inspector(list(market.listed.values()), refusal)
        self.feeds: list[_Feed] = []
        self.market, self.ending = market, ending

    def venue(self) -> Venue:
        def market_feed(_: Link, hedges: Sequence[InstrumentId], others: Sequence[InstrumentId]) -> _Feed:
            assert not hedges, "a look needs no books"
            self.feeds.append(_Feed(self.market, others, self.ending))
            return self.feeds[-1]

        return structs.replace(
            venue_named("deribit"),
            market_feed=market_feed,
            inspector=lambda _: self.inspector,
        )


def _look(world: _World, *names: InstrumentId, base: str = "BTC") -> Snapshot:
    return asyncio.run(feed.look(world.venue(), _LINK, base, lambda _: names, _QUICK))


def test_the_chosen_come_with_their_chain(market: Snapshot) -> None:
    """Every option of the same expiry and settlement, the perpetuals for the index, nothing else."""
    world = _World(market)
    found = _look(world, _CALL)
    chain = {name for name in market.quotes if name.startswith("BTC-27MAR26-")}

    assert set(found.quotes) == {*chain, "BTC-PERPETUAL"}
    assert found.quotes[_CALL] == market.quotes[_CALL]._replace(time_ns=_NOW)
    assert (found.index_usd("BTC"), found.now_ns) == (100_000.0, _NOW)
    assert (world.inspector.is_closed, world.feeds[0].is_cancelled) == (True, True)


def test_a_silent_instrument_is_not_waited_for_for_ever(market: Snapshot) -> None:
    """It is simply not there; the sheet says so."""
    del market.quotes[_CALL]
    world = _World(market)
    found = asyncio.run(feed.look(world.venue(), _LINK, "BTC", lambda _: (_CALL,), Patience(0.05, 0.0)))

    assert _CALL not in found.quotes


def test_a_venue_that_is_silent_is_unreachable(market: Snapshot) -> None:
    """Not even its perpetual answers."""
    market.quotes.clear()
    world = _World(market)
    with pytest.raises(VenueUnreachable, match=r"no ticker of BTC-PERPETUAL within 0\.05 s"):
        asyncio.run(feed.look(world.venue(), _LINK, "BTC", lambda _: (_CALL,), Patience(0.05, 0.0)))

    assert world.feeds[0].is_cancelled


def test_what_ends_the_feed_is_raised(market: Snapshot) -> None:
    """A venue from another world, by the word of its own replies."""
    with pytest.raises(ConfigError, match="testnet"):
        _look(_World(market, ending=ConfigError("venue.ws_url: testnet")), _CALL)


def test_a_refusing_venue_is_left_at_once(market: Snapshot) -> None:
    """No feed is opened; the connection is closed."""
    world = _World(market, refusal=VenueUnreachable("down"))
    with pytest.raises(VenueUnreachable, match="down"):
        _look(world, _CALL)

    assert (world.inspector.is_closed, world.feeds) == (True, [])


def test_a_coin_the_venue_does_not_list_is_refused(market: Snapshot) -> None:
    """By the option of the command line."""
    with pytest.raises(ConfigError, match="--currency: the venue lists no perpetual on DOGE"):
        _look(_World(market), _CALL, base="DOGE")
