"""Each venue that hedges through ccxt, with a gateway of it: what they share is tested over all of them."""

import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.commands import PlaceOrder
from bot.domain.events import Event
from bot.domain.ids import InstrumentId, Label, VenueId
from bot.domain.time import NS_PER_S, Ns
from bot.venues.budget import OrderRate
from bot.venues.ccxt_gateway import CcxtGateway
from bot.venues.link import Link
from bot.venues.registry import venue_named
from bot.venues.settings import Credentials, VenueSettings

LABEL = Label("hbbtc1a2b3c4d0000001")
KEYS = {
    "okx": ("okx-key", "okx-secret", "okx-passphrase"),
    "binance": ("binance-key", "binance-secret"),
    "bybit": ("bybit-key", "bybit-secret"),
    "hyperliquid": ("0x" + "ab" * 20, "0x" + "11" * 32),
}
PERPETUALS = {
    "okx": "OKX:BTC-USDT-SWAP",
    "binance": "BINANCE:BTCUSDT",
    "bybit": "BYBIT:BTCUSDT",
    "hyperliquid": "HYPERLIQUID:BTC",
}


@dataclass
class Place:
    """One local venue and what is known of it."""

    name: str
    venue: Any
    gateway: CcxtGateway | None = None

    @property
    def instrument(self) -> InstrumentId:
        """Its linear perpetual on BTC."""
        return InstrumentId(PERPETUALS[self.name])

    @property
    def money(self) -> str:
        """What it is settled in."""
        return "USDC" if self.name == "hyperliquid" else "USDT"

    def link(self, **changes: Any) -> Link:
        """As of production (Hyperliquid: its test network), with its own key, unless otherwise said."""
        fields = {
            "venue": VenueId(self.name),
            "ws_url": self.venue.ws_url,
            "rest_url": self.venue.rest_url,
            "is_testnet": self.name == "hyperliquid",
            "credentials": Credentials(*KEYS[self.name]),
        }
        settings = VenueSettings(**(fields | changes))
        return Link(settings=settings, now_ns=now_ns, rng=random.Random(1))

    def make(self, **changes: Any) -> CcxtGateway:
        """A gateway that is not opened, as the table of venues makes it."""
        rate = OrderRate(per_s=1000.0, burst=1000.0, cancel_reserve=5.0)
        made = venue_named(self.name).gateway(self.link(**changes), rate)
        assert isinstance(made, CcxtGateway)
        return made

    def order(self, amount: str = "0.05", **changes: Any) -> PlaceOrder:
        """Well beyond the touch, for three seconds."""
        fields = {
            "label": LABEL,
            "instrument": self.instrument,
            "amount_native": Decimal(amount),
            "price_native": Decimal(64_100 if Decimal(amount) > 0 else 63_900),
            "arrival_mid_native": 64_000.0,
            "valid_until_ns": Ns(now_ns() + 3 * NS_PER_S),
            "decided_seq": 1,
        }
        return PlaceOrder(**(fields | changes))

    def posts(self) -> list[dict[str, Any]]:
        """Orders that reached the venue."""
        return [
            params
            for path, params in self.venue.asked
            if path.startswith("POST") and path.endswith(self.venue.order_path)
        ]


def now_ns() -> Ns:
    """The host's clock: ccxt signs with it."""
    return Ns(time.time_ns())


def only(events: Sequence[Event], kind: type[Any]) -> Any:
    """The one event of a kind."""
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, events
    return found[0]


@pytest.fixture(name="only")
def _only() -> Callable[..., Any]:
    """Picks the one event of a kind."""
    return only


@pytest_asyncio.fixture
async def okx(okx_venue: Any) -> AsyncIterator[Place]:
    """The local OKX with an opened gateway."""
    async for place in _opened(Place("okx", okx_venue)):
        yield place


@pytest_asyncio.fixture
async def binance(binance_venue: Any) -> AsyncIterator[Place]:
    """The local Binance with an opened gateway."""
    async for place in _opened(Place("binance", binance_venue)):
        yield place


@pytest_asyncio.fixture
async def bybit(bybit_venue: Any) -> AsyncIterator[Place]:
    """The local Bybit with an opened gateway."""
    async for place in _opened(Place("bybit", bybit_venue)):
        yield place


@pytest_asyncio.fixture
async def hyperliquid(hyperliquid_venue: Any) -> AsyncIterator[Place]:
    """The local Hyperliquid with an opened gateway."""
    async for place in _opened(Place("hyperliquid", hyperliquid_venue)):
        yield place


@pytest.fixture(params=["okx", "binance", "bybit", "hyperliquid"])
def at(request: pytest.FixtureRequest) -> Place:
    """Each of the local venues, with an opened gateway."""
    place = request.getfixturevalue(request.param)
    assert isinstance(place, Place)
    return place


async def _opened(place: Place) -> AsyncIterator[Place]:
    place.gateway = place.make()
    await place.gateway.open()
    await place.gateway.instruments("BTC")
    yield place
    await place.gateway.close()
