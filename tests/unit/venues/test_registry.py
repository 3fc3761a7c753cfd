"""The table of venues makes what the contract promises."""

import random
from collections.abc import Callable
from typing import get_args

import pytest
from msgspec import structs

from bot.app.settings import VenueSection
from bot.domain.errors import ConfigError
from bot.domain.ids import DERIBIT, InstrumentId, VenueId
from bot.domain.time import Ns
from bot.venues.budget import OrderRate
from bot.venues.ccxt_feed import CcxtFeed
from bot.venues.ccxt_gateway import CcxtGateway
from bot.venues.deribit_feed import AccountFeed, MarketFeed
from bot.venues.deribit_gateway import DeribitGateway
from bot.venues.deribit_reader import DeribitReader
from bot.venues.link import Link
from bot.venues.public_feed import PublicFeed
from bot.venues.registry import VENUES, edge_of, option_side_of, venue_named
from bot.venues.relisting import Relisting
from bot.venues.rest_account import AccountLook
from bot.venues.settings import CCXT, DERIBIT_WS, VenueSettings


@pytest.mark.asyncio
async def test_deribit_makers(settings: VenueSettings, fixed_ns: Callable[[], Ns]) -> None:
    """Feeds and gateway of Deribit are made from one link."""
    venue = venue_named("deribit")
    link = Link(settings=settings, now_ns=fixed_ns, rng=random.Random(1))
    assert isinstance(venue.market_feed(link, [InstrumentId("BTC-PERPETUAL")], []), MarketFeed)
    assert isinstance(venue.account_feed(link), AccountFeed)
    assert isinstance(venue.gateway(link, OrderRate()), DeribitGateway)
    assert isinstance(venue.inspector(link), DeribitGateway)
    assert isinstance(option_side_of("deribit").reader(link), DeribitReader)


@pytest.mark.asyncio
async def test_a_run_hears_market_account_and_listing(settings: VenueSettings, fixed_ns: Callable[[], Ns]) -> None:
    """Everywhere the same: the daemon's venue, and the one the simulation of the wire runs."""
    edge = edge_of(Link(settings=settings, now_ns=fixed_ns, rng=random.Random(1)), [InstrumentId("BTC-PERPETUAL")])
    assert [type(feed) for feed in edge.feeds] == [MarketFeed, AccountFeed, Relisting]
    assert (edge.venue, type(edge.gateway)) == (DERIBIT, DeribitGateway)


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "has_switch"), [("okx", True), ("bybit", False)])
async def test_a_dead_man_switch_is_kept_up_by_the_run(
    settings: VenueSettings, fixed_ns: Callable[[], Ns], name: str, has_switch: bool
) -> None:
    """Where the venue has one that works by requests alone; the feed is its own gateway's."""
    link = Link(settings=structs.replace(settings, venue=VenueId(name)), now_ns=fixed_ns, rng=random.Random(1))
    edge = edge_of(link, [InstrumentId(f"{name.upper()}:BTCUSDT")])
    assert isinstance(edge.gateway, CcxtGateway)
    assert edge.gateway.cancels_on_disconnect is venue_named(name).has_dead_man_switch is has_switch
    assert edge.feeds[3:] == ((edge.gateway.dead_man,) if has_switch else ())


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["okx", "binance"])
async def test_perpetuals_elsewhere(settings: VenueSettings, fixed_ns: Callable[[], Ns], name: str) -> None:
    """Prices over their own websocket, orders and account through ccxt; no options are held there."""
    venue = venue_named(name)
    link = Link(settings=structs.replace(settings, venue=VenueId(name)), now_ns=fixed_ns, rng=random.Random(1))
    assert isinstance(venue.market_feed(link, [InstrumentId(f"{name.upper()}:BTCUSDT")], []), PublicFeed)
    assert isinstance(venue.account_feed(link), AccountLook)
    for made in (venue.gateway(link, OrderRate()), venue.inspector(link)):
        assert isinstance(made, CcxtGateway)
        assert made.cancels_on_disconnect
    assert venue.has_dead_man_switch
    assert (venue.options, venue.gateways) == (None, (CCXT,))
    assert {word: place.is_testnet for word, place in venue.hosts.items()} == {"production": False, "testnet": True}


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "instrument"), [("bybit", "BYBIT:BTCUSDT"), ("hyperliquid", "HYPERLIQUID:BTC")])
async def test_makers_of_venues_whose_prices_come_through_ccxt(
    settings: VenueSettings, fixed_ns: Callable[[], Ns], name: str, instrument: str
) -> None:
    """Both worlds are known by name; no options are held there."""
    venue = venue_named(name)
    link = Link(settings=settings, now_ns=fixed_ns, rng=random.Random(1))
    assert isinstance(venue.market_feed(link, [InstrumentId(instrument)], []), CcxtFeed)
    assert isinstance(venue.gateway(link, OrderRate()), CcxtGateway)
    assert {place.is_testnet for place in venue.hosts.values()} == {True, False}
    assert venue.options is None


def test_the_ways_orders_can_go_are_those_of_the_configuration() -> None:
    """A word the file takes is made somewhere, and the other way round."""
    made = {way for venue in VENUES.values() for way in venue.gateways}
    assert made == {CCXT, DERIBIT_WS} == set(get_args(VenueSection.model_fields["gateway"].annotation))


def test_unknown_venue_is_refused_by_name() -> None:
    """The message names the key, the value and what there is."""
    with pytest.raises(ConfigError, match=r"venue.name: 'nowhere' is not one of "):
        venue_named("nowhere")


def test_options_are_held_only_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue for hedges is told apart by name."""
    monkeypatch.setitem(VENUES, VenueId("perps"), structs.replace(VENUES[DERIBIT], options=None))

    with pytest.raises(ConfigError, match=r"^venue.name: perps is .* hedges only; options are held at deribit"):
        option_side_of("perps")


def test_production_and_testnet_say_of_themselves_what_they_are() -> None:
    """A run is refused where the venue says otherwise; the exchange on this machine can say either."""
    hosts = venue_named("deribit").hosts
    assert {name: place.is_testnet for name, place in hosts.items()} == {
        "production": False,
        "testnet": True,
        "local": None,
    }
    assert {place.rest_url.rpartition("/")[2] for place in hosts.values()} == {
        "www.deribit.com",
        "test.deribit.com",
        "127.0.0.1:8651",
    }
