"""Two venues over one world: each has its instruments, its account and its own word on them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import LookUpOrder, TakeSnapshot, Watch
from bot.domain.ids import DERIBIT, InstrumentId, Label, VenueId
from bot.domain.market_events import FutureMarked
from bot.domain.time import NS_PER_S, Ns
from bot.drive.sim_venue import Latency, Schedule
from bot.drive.sim_venues import SimVenues
from bot.sim.listing import perpetual_elsewhere
from bot.sim.world import build_exchange

OKX = VenueId("okx")
SWAP = InstrumentId("OKX:BTC-USDT-SWAP")
PERPETUAL = InstrumentId("BTC-PERPETUAL")


class _World:
    def __init__(self, start_ns: Ns) -> None:
        self.exchange = build_exchange(1, start_ns, elsewhere=[perpetual_elsewhere(SWAP, "BTC")])
        self.schedule, self.heard = Schedule(), []
        self.venues = SimVenues(self.exchange, self.schedule, Latency(), self._hear, hedges=[SWAP])
        self.venues.open_accounts({"BTC": Decimal(10), "USDC": Decimal(1_000_000)})
        self.exchange.changes()

    def _hear(self, events: Sequence[Any], at: Ns) -> None:
        del at
        self.heard += events

    def play(self) -> list[Any]:
        """What came of it."""
        self.heard.clear()
        while (due := self.schedule.pop(Ns(self.exchange.now_ns + 5 * NS_PER_S))) is not None:
            due[1](due[0])
        return self.heard


@pytest.fixture
def world(start_ns: Ns) -> _World:
    """A world with a swap elsewhere."""
    return _World(start_ns)


def _sold(world: _World, make: Any, name: InstrumentId, label: str) -> list[Any]:
    bid = world.exchange.touch(name).bid_native
    order = make.place(
        label,
        "-100" if name == PERPETUAL else "-0.01",
        instrument=name,
        price_native=bid - 50,
        valid_until_ns=Ns(world.exchange.now_ns + 2 * NS_PER_S),
    )
    world.venues.carry_out(order, world.exchange.now_ns)
    return world.play()


def test_both_sockets_of_both_come_up(world: _World, start_ns: Ns) -> None:
    """Each says whose it is."""
    up = world.venues.restored(start_ns)

    assert [(event.venue, event.stream) for event in up] == [
        (venue, stream) for venue in (DERIBIT, OKX) for stream in ev.StreamName
    ]


def test_an_order_fills_on_the_account_of_its_venue(world: _World, make: Any) -> None:
    """A snapshot of one venue shows nothing of the other."""
    fills = [e for e in _sold(world, make, SWAP, "hb1") if isinstance(e, ev.Filled)]
    _sold(world, make, PERPETUAL, "hb2")
    seen = {}
    for venue in (DERIBIT, OKX):
        world.venues.carry_out(TakeSnapshot(cause="", venue=venue), world.exchange.now_ns)
        seen[venue] = [event for event in world.play() if isinstance(event, ev.SnapshotTaken | ev.AccountSeen)]

    assert {fill.instrument for fill in fills} == {SWAP}
    assert {event.venue for event in seen[DERIBIT]} == {DERIBIT}
    assert {event.venue for event in seen[OKX]} == {OKX}
    assert [item.instrument for item in seen[DERIBIT][-1].positions] == [PERPETUAL]
    assert [item.instrument for item in seen[OKX][-1].positions] == [SWAP]
    assert world.venues.amounts() == {PERPETUAL: Decimal(-100), SWAP: Decimal("-0.01")}
    assert world.venues.violations() == []


def test_an_order_is_looked_up_where_it_was_sent(world: _World, make: Any) -> None:
    """The other venue never heard of it."""
    _sold(world, make, SWAP, "hb1")
    found = []
    for name in (SWAP, PERPETUAL):
        now_ns = world.exchange.now_ns
        asked = LookUpOrder(
            label=Label("hb1"), instrument=name, order_id=None, not_before_ns=now_ns, valid_until_ns=now_ns
        )
        world.venues.carry_out(asked, now_ns)
        found.append({type(event) for event in world.play()})

    assert found == [{ev.OrderUpdated, ev.Filled}, {ev.OrderAbsent}]


def test_what_is_watched_is_told_with_the_index_of_its_venue(world: _World, start_ns: Ns) -> None:
    """Near the first's, and not the same."""
    world.venues.carry_out(Watch(instruments=(SWAP, PERPETUAL)), start_ns)
    world.exchange.advance(Ns(start_ns + NS_PER_S))
    world.venues.tickers(world.exchange.now_ns)
    told = {e.instrument: e.index_usd for e in world.play() if isinstance(e, FutureMarked)}

    assert set(told) == {SWAP, PERPETUAL}
    assert told[SWAP] != told[PERPETUAL]
    assert told[SWAP] == pytest.approx(told[PERPETUAL], rel=2e-3)


def test_a_last_look_is_at_both(world: _World) -> None:
    """Money and positions of each."""
    looked = world.venues.last_look()

    assert [event.venue for event in looked if isinstance(event, ev.SnapshotTaken)] == [DERIBIT, OKX]
