"""The bot's process on virtual time: started, killed, started again with what its ledger ends with."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.domain.decided import Outcome
from bot.domain.events import Event, InstrumentListed, IntentRestored, LedgerRestored
from bot.domain.reasons import Phase
from bot.domain.time import NS_PER_S, Ns
from bot.drive.sim_process import Machine, Records, SimProcess
from bot.drive.sim_venue import Latency, Schedule
from bot.drive.sim_venues import SimVenues
from bot.drive.simulate import FUNDS
from bot.engine import Engine
from bot.journal.ledger import Ledger
from bot.observe.tally import Tally
from bot.sim.faults import Fault, FaultKind, Faults
from bot.sim.world import build_exchange

_K = FaultKind


class _Watcher:
    """Keeps what every process was told."""

    def __init__(self) -> None:
        self.lives: list[list[Event]] = []

    def started(self, engine: Engine, now_ns: Ns) -> None:
        del engine, now_ns
        self.lives.append([])

    def saw(self, event: Event, outcome: Outcome, now_ns: Ns) -> None:
        del outcome, now_ns
        self.lives[-1].append(event)


class _World:
    """A process with a ledger in a folder, an exchange, and one kind of fault."""

    def __init__(self, params: Any, folder: Path, start_ns: Ns, *kinds: FaultKind) -> None:
        self.exchange = build_exchange(3, start_ns)
        self.exchange.open_account("bot", FUNDS)
        self.schedule = Schedule()
        hedges = (params.hedge_instrument,)
        self.venue = SimVenues(self.exchange, self.schedule, Latency(), self._deliver, hedges=hedges)
        self.tally = Tally(trade_coin_min=0.001, sample_every_ns=Ns(NS_PER_S))
        self.process = SimProcess(params, Records(self.tally), self.venue, self.schedule)
        self.watcher = _Watcher()
        self.start_ns = start_ns
        until_ns = Ns(start_ns + 60 * NS_PER_S)
        faults = Faults([Fault(kind=kind, start_ns=start_ns, until_ns=until_ns, seed=1) for kind in kinds])
        self.process.run_on(Machine(faults, self._ledger(folder), self._tear, self.watcher))
        self.params = params
        self.torn_count = 0

    def _tear(self, give_back: Callable[[], None], dice: random.Random) -> None:
        del dice
        give_back()
        self.torn_count += 1

    @staticmethod
    def _ledger(folder: Path) -> Callable[[str, Ns], Ledger]:
        def open_ledger(run_id: str, started_ns: Ns) -> Ledger:
            return Ledger.open(
                f"sqlite:///{folder}/ledger.db",
                run_id=run_id,
                started_ns=started_ns,
                mode="simulate",
                config_hash="",
                version="0",
            )

        return open_ledger

    def _deliver(self, events: Sequence[Event], now_ns: Ns) -> None:
        self.process.deliver(events, now_ns)

    def start(self) -> None:
        """Hold a call, so that there is something to hedge, and begin."""
        listed = [spec for spec in self.exchange.instruments() if spec.base == "BTC"]
        call = next(spec for spec in listed if spec.is_option and spec.is_call and spec.is_inverse)
        self.exchange.seed_position("bot", call.id, call.lot_native * 10)
        self.venue.watch([self.params.hedge_instrument])
        known = [InstrumentListed(instrument=spec, received_ns=self.start_ns) for spec in listed]
        self.process.start(known, self.start_ns)
        for second in range(60):
            self.schedule.at(Ns(self.start_ns + second * NS_PER_S), self._step)

    def _step(self, now_ns: Ns) -> None:
        self.exchange.advance(now_ns)
        self.venue.tickers(now_ns)
        self.venue.private(now_ns)

    def play(self, seconds: int) -> None:
        """Let so much time pass."""
        while (due := self.schedule.pop(Ns(self.start_ns + seconds * NS_PER_S))) is not None:
            due[1](due[0])


@pytest.fixture
def world(make: Any, tmp_path: Path, start_ns: Ns) -> Callable[..., _World]:
    """Worlds with kinds of fault."""
    return lambda *kinds: _World(make.book(), tmp_path, start_ns, *kinds)


def _kinds(events: list[Event], *types: type) -> list[type]:
    return [type(event) for event in events if isinstance(event, types)]


def test_it_hedges_and_writes_its_intent_and_its_fills_down(world: Callable[..., _World]) -> None:
    """Without a fault: one life, an order, every trade in the ledger."""
    run = world()
    run.start()
    run.play(20)

    assert run.process.is_up
    assert run.tally.orders >= 1
    assert run.process.ledger is not None
    written = {fill.fill_id for fill in run.process.ledger.fills()}
    assert written == {trade.trade_id for trade in run.exchange.trades_of("bot")} != set()


@pytest.mark.parametrize(
    ("kind", "is_restored"),
    [(_K.KILLED_BEFORE_INTENT, False), (_K.KILLED_BEFORE_SEND, True), (_K.KILLED_AFTER_SEND, True)],
)
def test_killed_around_its_order_it_knows_what_the_ledger_knew(
    world: Callable[..., _World], kind: FaultKind, *, is_restored: bool
) -> None:
    """An intent that was durable comes back as one whose end is not known; one that was not never was."""
    run = world(kind)
    run.start()
    run.play(50)
    first, second = run.watcher.lives

    assert run.process.starts_count == 2
    assert not _kinds(first, LedgerRestored, IntentRestored)
    assert bool(_kinds(second, IntentRestored)) is is_restored
    status = run.process.engine.status()
    assert (status.phase, status.orders_unknown) == (Phase.RUNNING, 0)
    assert status.positions_native == run.venue.amounts()


def test_a_torn_ledger_ends_the_process_before_its_order_leaves(world: Callable[..., _World]) -> None:
    """The file is given back torn, once; the next start decides anew."""
    run = world(_K.LEDGER_TORN)
    run.start()
    run.play(50)

    assert (run.torn_count, run.process.starts_count) == (1, 2)
    assert len(run.exchange.orders_all("bot")) == len({order.label for order in run.exchange.orders_all("bot")})
    assert run.process.engine.status().positions_native == run.venue.amounts()


def test_nothing_reaches_a_process_that_is_gone(world: Callable[..., _World]) -> None:
    """Not even what was on its way; the next life begins with the ledger."""
    run = world()
    run.start()
    run.play(20)
    run.process.kill(Ns(run.start_ns + 20 * NS_PER_S))
    heard = len(run.watcher.lives[0])
    run.play(40)

    assert len(run.watcher.lives[0]) == heard
    assert _kinds(run.watcher.lives[1], LedgerRestored) == [LedgerRestored]


@pytest.mark.parametrize("kind", [_K.LEDGER_FULL, _K.LEDGER_SLOW, _K.TAPE_UNWRITABLE])
def test_an_order_that_cannot_be_written_down_does_not_leave(world: Callable[..., _World], kind: FaultKind) -> None:
    """It halts; an operator starts it again, and then it trades."""
    run = world(kind)
    run.start()
    run.play(10)
    assert run.process.engine.status().phase is Phase.HALTED
    assert run.exchange.trades_of("bot") == []
    run.play(50)

    assert (run.process.starts_count, run.process.engine.status().phase) == (2, Phase.RUNNING)
    assert run.exchange.trades_of("bot") != []


def test_its_clock_may_be_another(world: Callable[..., _World]) -> None:
    """What it hears is stamped by its own clock."""
    run = world()
    run.venue.home.clock_ahead_ns = 500_000_000
    run.start()
    run.play(5)

    stamps = [event.received_ns for event in run.watcher.lives[0] if hasattr(event, "received_ns")]
    assert min(stamps) >= run.start_ns + 500_000_000
