"""The order socket over real sockets: what rests is taken back when it is lost, and only there may anything rest."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
from msgspec import structs

from bot.app.daemon import reached
from bot.domain.commands import CancelOrder, PlaceOrder
from bot.domain.events import OrderAcked, OrderRefused, OrderUpdated
from bot.domain.ids import InstrumentId, Label, OrderId, VenueId
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.localex.server import LocalExchange, open_accounts, parse_key
from bot.sim.exchange import Exchange
from bot.sim.world import build_exchange
from bot.venues.budget import OrderRate
from bot.venues.contract import Gateway
from bot.venues.link import Link
from bot.venues.registry import venue_named
from bot.venues.settings import DERIBIT_WS, Credentials, VenueSettings

_PERP = InstrumentId("BTC-PERPETUAL")
_FULL = "trade:read_write account:read_write wallet:none"
_LEAST = "trade:read_write account:read wallet:none"
_WAIT_S = 60.0


def _now_ns() -> Ns:
    return Ns(time.time_ns())


@dataclass(frozen=True)
class _Venue:
    local: LocalExchange
    exchange: Exchange
    gateway: Gateway

    def resting(self, label: str, below: float = 0.97) -> PlaceOrder:
        """A bid that waits far below the market."""
        price = round(self.exchange.index_usd("btc_usd") * below)
        return PlaceOrder(
            label=Label(label),
            instrument=_PERP,
            amount_native=Decimal(100),
            price_native=Decimal(price),
            arrival_mid_native=float(price),
            valid_until_ns=Ns(_now_ns() + 2 * NS_PER_S),
            decided_seq=1,
            rest_until_ns=Ns(_now_ns() + 60 * NS_PER_S),
        )

    def is_open(self) -> bool:
        """Whether anything rests at the venue."""
        return bool(self.exchange.orders_open("demo"))


async def _until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s, "it never came"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def _venue(scope: str) -> AsyncIterator[_Venue]:
    exchange = build_exchange(3, _now_ns())
    keys = [parse_key(f"demo:demo:{scope}")]
    open_accounts(exchange, keys)
    local = LocalExchange(exchange, keys=keys, now_ns=_now_ns)
    port = await local.start()
    settings = VenueSettings(
        venue=VenueId("deribit"),
        ws_url=f"ws://127.0.0.1:{port}/ws/api/v2",
        rest_url=f"http://127.0.0.1:{port}",
        is_testnet=True,
        credentials=Credentials("demo", "demo"),
        gateway=DERIBIT_WS,
    )
    link = Link(settings=settings, now_ns=_now_ns, rng=random.Random(1))
    gateway = venue_named("deribit").gateway(link, OrderRate())
    try:
        await reached(gateway.open)
        await gateway.instruments("BTC")
        yield _Venue(local, exchange, gateway)
    finally:
        await gateway.close()
        await local.stop()


@pytest.mark.asyncio
async def test_what_rests_is_taken_back_when_the_socket_is_lost_and_the_next_one_is_covered_again() -> None:
    """Cancel on disconnect, asked for and read back on each connection before an order leaves on it."""
    async with _venue(_FULL) as venue:
        assert venue.gateway.cancels_on_disconnect
        acked, updated = await venue.gateway.place(venue.resting("one"))
        assert isinstance(acked, OrderAcked)
        assert isinstance(updated, OrderUpdated)
        assert (updated.state, venue.is_open()) == (VenueOrderState.OPEN, True)

        assert venue.local.faults.drop_sockets() == 1
        await _until(lambda: not venue.is_open())

        await _until(lambda: venue.gateway.cancels_on_disconnect)
        answers = await venue.gateway.place(venue.resting("two"))
        assert [type(answer) for answer in answers] == [OrderAcked, OrderUpdated]
        await venue.gateway.close()
        await _until(lambda: not venue.is_open())


@pytest.mark.asyncio
async def test_a_key_of_least_privilege_trades_and_rests_nothing() -> None:
    """It may not ask for the cover, so nothing may rest; what takes at once is sent as ever."""
    async with _venue(_LEAST) as venue:
        (refused,) = await venue.gateway.place(venue.resting("one"))
        assert isinstance(refused, OrderRefused)
        assert (refused.name, venue.is_open()) == ("rests_without_cancel_on_disconnect", False)

        taking = venue.resting("two", below=1.01)
        answers = await venue.gateway.place(structs.replace(taking, rest_until_ns=None))
        assert isinstance(answers[0], OrderAcked)
        assert {order.label for order in venue.exchange.trades_of("demo")} == {"two"}


@pytest.mark.asyncio
async def test_an_order_that_rests_is_cancelled_over_the_same_socket() -> None:
    """Its end comes as the answer; cancelling it again finds it gone."""
    async with _venue(_FULL) as venue:
        acked, _ = await venue.gateway.place(venue.resting("one"))
        assert isinstance(acked, OrderAcked)
        cancel = CancelOrder(label=acked.label, order_id=OrderId(acked.order_id), instrument=_PERP)
        for _ in range(2):
            (updated,) = await venue.gateway.cancel(cancel)
            assert isinstance(updated, OrderUpdated)
            assert (updated.state, updated.filled_native) == (VenueOrderState.CANCELLED, Decimal(0))
