"""A scripted road to the venue, and a bench with it; a local exchange in this process."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from bot.app.probe.orders import Orders
from bot.app.probe.question import Bench
from bot.app.probe.wire import Heard
from bot.domain.errors import VenueRefused
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import NS_PER_MS, Ns
from bot.localex.server import LocalExchange, Rules, open_accounts, parse_key
from bot.sim.world import build_exchange
from bot.venues.settings import Credentials, VenueSettings

NOW = Ns(1_770_000_000_000_000_000)
QUOTE = {
    "mark_price": 60_000.2,
    "index_price": 60_000.0,
    "min_price": 59_100.0,
    "max_price": 60_900.0,
    "best_bid_price": 60_000.0,
    "best_ask_price": 60_000.5,
}


class FakeRoad:
    """Answers by method: the next of its list, the last one stays; an exception is raised, a function is asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {"public/ticker": [QUOTE]}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.told: list[Heard] = []
        self.takes_channels = True
        self.now_ns = NOW

    async def ask(self, method: str, params: Any) -> Any:
        """The scripted answer."""
        self.asked.append((method, dict(params)))
        queue = self.answers[method]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(params) if callable(answer) else answer

    async def ask_http(self, method: str, params: Any) -> Any:
        """The answer scripted for HTTP, if there is one of its own."""
        return await self.ask(f"http {method}" if f"http {method}" in self.answers else method, params)

    async def ask_at_once(self, *requests: Any) -> list[Any]:
        """One after the other: order is all that counts here."""
        found: list[Any] = []
        for method, params in requests:
            try:
                found.append(await self.ask(method, params))
            except VenueRefused as error:
                found.append(error)
        return found

    async def subscribe(self, channel: str) -> bool:
        """As planned."""
        self.asked.append(("subscribe", {"channel": channel}))
        return self.takes_channels

    def heard(self) -> list[Heard]:
        """As planned."""
        return self.told

    def venue_ms(self) -> int:
        """The time of the test."""
        return self.now_ns // NS_PER_MS

    def sent(self, method: str) -> list[dict[str, Any]]:
        """Parameters of all requests of a method."""
        return [params for name, params in self.asked if name.removeprefix("http ") == method]


def _perpetual(name: str, settlement: Settlement, currency: str, lot: str, tick: str) -> Instrument:
    return Instrument(
        id=InstrumentId(name),
        venue=VenueId("deribit"),
        kind=Kind.PERPETUAL,
        base="BTC",
        settlement=settlement,
        settlement_currency=currency,
        index_name="btc_usd",
        contract_size_native=Decimal(lot),
        lot_native=Decimal(lot),
        tick_native=Decimal(tick),
        fee_rate_maker=Decimal("0.00015"),
        fee_rate_taker=Decimal("0.00035"),
    )


@pytest.fixture
def road() -> FakeRoad:
    """A road with a ticker and nothing else."""
    return FakeRoad()


@pytest.fixture
def inverse() -> Instrument:
    """The inverse perpetual."""
    return _perpetual("BTC-PERPETUAL", Settlement.COIN, "BTC", "10", "0.5")


@pytest.fixture
def linear() -> Instrument:
    """The linear perpetual."""
    return _perpetual("BTC_USDC-PERPETUAL", Settlement.USD, "USDC", "0.0001", "0.1")


@pytest.fixture
def bench(road: FakeRoad, inverse: Instrument, linear: Instrument) -> Bench:
    """With that road; nothing is waited for."""
    return Bench(
        road=road,
        orders=Orders("t"),
        credentials=Credentials("key", "secret"),
        now_ns=lambda: road.now_ns,
        nonce="n",
        inverse=inverse,
        linear=linear,
        look_s=0.01,
        delivery_wait_s=0.0,
    )


@pytest.fixture
def order() -> Callable[..., dict[str, Any]]:
    """An order as the venue shows it."""

    def make(**change: Any) -> dict[str, Any]:
        shown = {
            "order_id": "1",
            "instrument_name": "BTC-PERPETUAL",
            "order_state": "open",
            "direction": "buy",
            "amount": 10.0,
            "filled_amount": 0.0,
            "last_update_timestamp": 1,
            "label": "hbprobet001",
            "price": 59_100.0,
        }
        return shown | change

    return make


@pytest.fixture
def placed(order: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Reply to buy and sell."""
    return lambda **change: {"order": order(**change), "trades": []}


@asynccontextmanager
async def _local_exchange(*, testnet: bool = True) -> AsyncIterator[tuple[LocalExchange, VenueSettings]]:
    world = build_exchange(1, Ns(time.time_ns()))
    keys = [parse_key("demo:demo")]
    open_accounts(world, keys)
    local = LocalExchange(world, keys=keys, now_ns=lambda: Ns(time.time_ns()), rules=Rules(testnet=testnet))
    port = await local.start()
    try:
        yield (
            local,
            VenueSettings(
                venue=VenueId("deribit"),
                ws_url=f"ws://127.0.0.1:{port}/ws/api/v2",
                rest_url=f"http://127.0.0.1:{port}",
                is_testnet=True,
                credentials=Credentials("demo", "demo"),
            ),
        )
    finally:
        await local.stop()


@pytest.fixture
def local_exchange() -> Callable[..., Any]:
    """Makes an exchange in this process and the settings that lead to it."""
    return _local_exchange
