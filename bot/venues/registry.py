"""The table of venues: how to make the feeds and the gateway of each. One line per venue.

Knows constructors; must not know modes: `app.compose` picks what a mode needs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from bot.domain.errors import ConfigError
from bot.domain.ids import DERIBIT, InstrumentId, VenueId
from bot.domain.time import NS_PER_S, Ns
from bot.pricing.settlement_window import Window
from bot.venues import binance_orders, bybit, bybit_orders, hyperliquid, hyperliquid_orders, okx_orders
from bot.venues.binance import BINANCE, BinanceWire
from bot.venues.budget import OrderRate
from bot.venues.ccxt_feed import CcxtFeed, Prices
from bot.venues.ccxt_gateway import CcxtGateway
from bot.venues.contract import Canceller, Edge, Feed, Gateway, Inspector, Reader
from bot.venues.deribit_feed import AccountFeed, MarketFeed
from bot.venues.deribit_gateway import DeribitGateway
from bot.venues.deribit_reader import DeribitReader
from bot.venues.deribit_socket import OrderSocket
from bot.venues.link import Link
from bot.venues.okx import OKX, OkxWire
from bot.venues.public_feed import PublicFeed
from bot.venues.public_wire import PublicWire
from bot.venues.relisting import Relisting
from bot.venues.rest_account import AccountLook
from bot.venues.settings import CCXT, DERIBIT_WS, Hosts
from bot.venues.venue_rest import VenueFacts


class OptionSide(Struct, frozen=True, kw_only=True):
    """What a venue where the options are has besides."""

    reader: Callable[[Link], Reader]
    settlement_window: Window
    """What of its index it averages to a delivery price."""


class Venue(Struct, frozen=True, kw_only=True):
    """What can be made for a venue where a hedge may be. A gateway is made inside a running loop."""

    market_feed: Callable[[Link, Sequence[InstrumentId], Sequence[InstrumentId]], Feed]
    """Link, hedge instruments, other instruments."""
    account_feed: Callable[[Link], Feed]
    gateway: Callable[[Link, OrderRate], Gateway]
    """By the way that `link.settings.gateway` names."""
    gateways: Sequence[str]
    """Ways for orders there are, by the word in `venue.gateway`."""
    inspector: Callable[[Link], Inspector]
    canceller: Callable[[Link], Canceller]
    """By HTTP, whichever way the bot's own orders go."""
    hosts: Mapping[str, Hosts]
    """Where it lives, by the word in `venue.hosts`."""
    has_order_deadline: bool
    """Whether an order can be told a moment after which it must not start. A window that counts from the signature is
    none: a process stopped before it signs would send an order that is valid long after its lease."""
    has_dead_man_switch: bool = False
    """Whether what ccxt leaves resting there is taken back by the venue when we fall silent."""
    options: OptionSide | None = None
    """None: no options are held there."""


def _deribit_gateway(link: Link, rate: OrderRate) -> DeribitGateway:
    socket = OrderSocket(link) if link.settings.gateway == DERIBIT_WS else None
    return DeribitGateway(link.settings, link.now_ns, f"{link.rng.getrandbits(64):016x}", rate, socket)


def _deribit_reader(link: Link) -> Reader:
    return DeribitReader(link.settings, link.now_ns, f"{link.rng.getrandbits(64):016x}")


def _market_feed(
    link: Link, wire: PublicWire | Prices, hedges: Sequence[InstrumentId], others: Sequence[InstrumentId]
) -> Feed:
    if isinstance(wire, Prices):
        return CcxtFeed(link, wire, (*hedges, *others))
    return PublicFeed(link, wire, hedges=hedges, instruments=others)


def _perpetuals(
    facts: VenueFacts, wire: PublicWire | Prices, hosts: Mapping[str, Hosts], *, has_order_deadline: bool
) -> Venue:
    """A venue whose perpetuals may be the hedge: prices over its public websocket, orders through ccxt."""
    return Venue(
        market_feed=lambda link, hedges, others: _market_feed(link, wire, hedges, others),
        account_feed=lambda link: AccountLook(link, facts),
        gateway=lambda link, rate: CcxtGateway(facts, link.settings, link.now_ns, rate),
        gateways=(CCXT,),
        inspector=lambda link: CcxtGateway(facts, link.settings, link.now_ns),
        canceller=lambda link: CcxtGateway(facts, link.settings, link.now_ns),
        hosts=hosts,
        has_order_deadline=has_order_deadline,
        has_dead_man_switch=facts.switch is not None,
    )


VENUES: Final[dict[VenueId, Venue]] = {
    DERIBIT: Venue(
        market_feed=lambda link, hedges, others: MarketFeed(link, hedges=hedges, instruments=others),
        account_feed=AccountFeed,
        gateway=_deribit_gateway,
        gateways=(CCXT, DERIBIT_WS),
        has_order_deadline=True,  # valid_until
        inspector=lambda link: _deribit_gateway(link, OrderRate()),
        canceller=lambda link: DeribitGateway(link.settings, link.now_ns, f"{link.rng.getrandbits(64):016x}"),
        options=OptionSide(
            reader=_deribit_reader,
            # The last half hour; the newer of its two texts has a fixing every 4 s (exchange facts 2.5, theory 1.5).
            settlement_window=Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S)),
        ),
        hosts={
            "production": Hosts(
                ws_url="wss://www.deribit.com/ws/api/v2", rest_url="https://www.deribit.com", is_testnet=False
            ),
            "testnet": Hosts(
                ws_url="wss://test.deribit.com/ws/api/v2", rest_url="https://test.deribit.com", is_testnet=True
            ),
            # `hedgebot exchange` on its default port; with `--claim-production` it says that it is production.
            "local": Hosts(ws_url="ws://127.0.0.1:8651/ws/api/v2", rest_url="http://127.0.0.1:8651", is_testnet=None),
        },
    ),
    BINANCE: _perpetuals(
        binance_orders.FACTS,
        BinanceWire(),
        {
            # Of the websocket only the host: touches and marks come over two addresses of it (see `binance`).
            "production": Hosts(
                ws_url="wss://fstream.binance.com", rest_url="https://fapi.binance.com", is_testnet=False
            ),
            "testnet": Hosts(
                ws_url="wss://fstream.binancefuture.com", rest_url="https://demo-fapi.binance.com", is_testnet=True
            ),
        },
        has_order_deadline=False,  # timestamp + recvWindow
    ),
    OKX: _perpetuals(
        okx_orders.FACTS,
        OkxWire(),
        {
            "production": Hosts(
                ws_url="wss://ws.okx.com:8443/ws/v5/public", rest_url="https://www.okx.com", is_testnet=False
            ),
            # Demo trading: another host for the websocket, a header for REST (exchange facts 4.3, 5.1).
            "testnet": Hosts(
                ws_url="wss://wspap.okx.com:8443/ws/v5/public", rest_url="https://www.okx.com", is_testnet=True
            ),
        },
        has_order_deadline=True,  # expTime
    ),
    bybit.BYBIT: _perpetuals(
        bybit_orders.FACTS,
        bybit.PRICES,
        {
            "production": Hosts(
                ws_url="wss://stream.bybit.com/v5/public/linear", rest_url="https://api.bybit.com", is_testnet=False
            ),
            "testnet": Hosts(
                ws_url="wss://stream-testnet.bybit.com/v5/public/linear",
                rest_url="https://api-testnet.bybit.com",
                is_testnet=True,
            ),
        },
        has_order_deadline=False,  # X-BAPI-RECV-WINDOW
    ),
    hyperliquid.HYPERLIQUID: _perpetuals(
        hyperliquid_orders.FACTS,
        hyperliquid.PRICES,
        {
            "production": Hosts(
                ws_url="wss://api.hyperliquid.xyz/ws", rest_url="https://api.hyperliquid.xyz", is_testnet=False
            ),
            "testnet": Hosts(
                ws_url="wss://api.hyperliquid-testnet.xyz/ws",
                rest_url="https://api.hyperliquid-testnet.xyz",
                is_testnet=True,
            ),
        },
        has_order_deadline=True,  # expiresAfter
    ),
}


def venue_named(name: str, key: str = "venue.name") -> Venue:
    """The venue's makers; ConfigError names the key it was asked for under, and the venues there are."""
    venue = VENUES.get(VenueId(name))
    if venue is None:
        message = f"{key}: {name!r} is not one of {', '.join(sorted(VENUES))}"
        raise ConfigError(message)
    return venue


def edge_of(link: Link, hedges: Sequence[InstrumentId]) -> Edge:
    """A venue as a run trades at it, whatever is behind its addresses; made inside a running loop."""
    venue = venue_named(link.settings.venue)
    market, account = venue.market_feed(link, hedges, ()), venue.account_feed(link)
    gateway = venue.gateway(link, OrderRate())
    feeds = (market, account, Relisting(gateway, hedges, link.now_ns))
    guards = () if not isinstance(gateway, CcxtGateway) or gateway.dead_man is None else (gateway.dead_man,)
    return Edge(venue=link.settings.venue, gateway=gateway, feeds=(*feeds, *guards))


def option_side_of(name: str) -> OptionSide:
    """What the venue has for options; ConfigError where it has none, or is none."""
    side = venue_named(name).options
    if side is None:
        there = ", ".join(sorted(known for known, venue in VENUES.items() if venue.options is not None))
        raise ConfigError(f"venue.name: {name} is a venue for hedges only; options are held at {there}")
    return side
