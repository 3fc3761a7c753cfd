"""The bot's process on virtual time: engine, inbox and ledger; it can be killed at any step, and is started again.

Carries events in and commands out in the order of the live driver: intent durable, then order, then everything else.
Knows no socket and no wall clock.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
from msgspec import structs

from bot.book import BookParams
from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, Outcome, PhaseChanged
from bot.domain.events import (
    Event,
    HaltRequested,
    InstrumentListed,
    OperatorActed,
    OrderRefused,
    SnapshotTaken,
    Ticked,
)
from bot.domain.reasons import HaltCause, Phase, RefusalKind
from bot.domain.stops import Act
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.drive.inbox import Inbox
from bot.drive.sim_venue import Schedule
from bot.drive.sim_venues import SimVenues
from bot.engine import Engine
from bot.journal.ledger import Ledger
from bot.journal.stop_rows import of_stops
from bot.journal.tape import Tape
from bot.observe.tally import Tally
from bot.sim.faults import FaultKind, Faults

_ROUNDS_MAX: Final = 100
"""Rounds of applying and deciding in one delivery."""
_RESTART_NS: Final = ((200 * NS_PER_MS, 400 * NS_PER_MS), (400 * NS_PER_MS, 5 * NS_PER_S))
"""From a kill to the next start: a supervisor's, at once or after a pause."""
_LOOK_NS: Final = Ns(15 * NS_PER_S)
"""From a halt to the next start: an operator's look."""

_encode: Final = msgspec.msgpack.Encoder().encode

_UNWRITABLE: Final = {
    FaultKind.TAPE_UNWRITABLE: "the tape cannot be written",
    FaultKind.LEDGER_FULL: "the ledger cannot be written: its disk is full",
}


class Watcher(Protocol):
    """Told of every event and of what came of it, before its commands leave."""

    def saw(self, event: Event, outcome: Outcome, now_ns: Ns) -> None:
        """One event; `now_ns` on the venue's clock."""

    def started(self, engine: Engine, now_ns: Ns) -> None:
        """A process began."""


Tear = Callable[[Callable[[], None], random.Random], None]
"""Gives the ledger's file back (the first argument) and leaves its last transaction half-written."""


class Machine:
    """What a process finds where it starts: the ledger's file and whatever goes wrong there."""

    def __init__(
        self, faults: Faults, open_ledger: Callable[[str, Ns], Ledger], tear_ledger: Tear, watcher: Watcher
    ) -> None:
        """`open_ledger(run_id, started_ns)`: the same file each time."""
        self.faults = faults
        self.open_ledger = open_ledger
        self.tear_ledger = tear_ledger
        self.watcher = watcher
        self.dice = faults.dice


class Audit(Protocol):
    """Takes a run apart while it is made."""

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""


class Records(NamedTuple):
    """What is kept of a run beside the ledger."""

    tally: Tally
    tape: Tape | None = None
    audits: Sequence[Audit] = ()


class _Killed(Exception):
    """The process is gone at this very step."""


class SimProcess:
    """One bot with one book. Without a machine it has no ledger and nothing happens to it."""

    def __init__(self, params: BookParams, records: Records, venue: SimVenues, schedule: Schedule) -> None:
        """Not started."""
        self.engine = Engine(params)
        self.starts_count = 0
        self._params = params
        self._tally = records.tally
        self._venue = venue
        self._schedule = schedule
        self._tape = records.tape
        self._audits = records.audits
        self._machine: Machine | None = None
        self._ledger: Ledger | None = None
        self._inbox = Inbox()
        self._is_up = False
        self._applied: list[tuple[Event, Outcome]] = []
        self._hash = hashlib.sha256()
        self._command_hash = hashlib.sha256()
        self._listed: tuple[InstrumentListed, ...] = ()
        self._must_adopt = False
        self._has_looked = False
        """The operator has seen why it halted, and lifts that at the next start."""
        self._is_torn = False
        """The last transaction of the ledger will be found half-written."""

    def run_on(self, machine: Machine) -> None:
        """Have a ledger, and faults; to be called before the start."""
        self._machine = machine

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self._is_up

    @property
    def ledger(self) -> Ledger | None:
        """Of the process that runs."""
        return self._ledger

    def trace_hash(self) -> str:
        """Of every event and command so far."""
        return self._hash.hexdigest()

    def command_hash(self) -> str:
        """Of every command so far: the same in every Python, whose sums of floats may differ in the last digit."""
        return self._command_hash.hexdigest()

    # --- life ------------------------------------------------------------------------------------------

    def start(self, listed: Sequence[InstrumentListed], now_ns: Ns) -> None:
        """Begin with what is known; with a ledger, with what it ends with."""
        self._listed = tuple(listed)
        self.starts_count += 1
        self._is_up = True
        first: list[Event] = list(listed)
        if self._machine is not None:
            if self.starts_count > 1:
                tag = f"{self._params.run_tag}{self.starts_count}"
                params = structs.replace(self._params, run_tag=tag, adopts_positions=self._must_adopt)
                self.engine = Engine(params)
            self._must_adopt = False
            self._machine.watcher.started(self.engine, now_ns)
            self._ledger = self._machine.open_ledger(f"sim{self.starts_count}", self._bot_ns(now_ns))
            first += self._ledger.remembered(self._params.book)
            if self._has_looked:
                self._has_looked = False
                at_ns = self._bot_ns(now_ns)
                first.append(OperatorActed(act=Act.RESUME, by="sim", reason="looked at the halt", received_ns=at_ns))
        first += self._venue.restored(now_ns)
        self.deliver(first, now_ns)

    def kill(self, now_ns: Ns) -> None:
        """End at once, nothing is written any more; start again after a while."""
        if not self._is_up or self._machine is None:
            return
        self._is_up = False
        self._inbox = Inbox()
        self._applied = []
        if self._ledger is not None and self._is_torn:
            self._machine.tear_ledger(self._ledger.abandon, self._machine.dice)
        elif self._ledger is not None:
            self._ledger.abandon()
        self._is_torn = False
        self._venue.hang_up([self._params.hedge_instrument])
        dice = self._machine.dice
        self._schedule.at(Ns(now_ns + dice.randrange(*dice.choice(_RESTART_NS))), self._restart)

    def _restart(self, now_ns: Ns) -> None:
        self._venue.hang_up([self._params.hedge_instrument])
        self.start(self._listed, now_ns)

    def _bot_ns(self, now_ns: Ns) -> Ns:
        return Ns(now_ns + self._venue.home.clock_ahead_ns)

    # --- events ----------------------------------------------------------------------------------------

    def deliver(self, events: Sequence[Event], now_ns: Ns) -> None:
        """Events reach the bot: all that waits is applied, then one decision; again where applying brought news."""
        if not self._is_up:
            return
        bot_ns = self._bot_ns(now_ns)
        try:
            self._inbox.put(events if self._machine is None else [_stamped(event, bot_ns) for event in events])
            for _ in range(_ROUNDS_MAX):
                for event in self._inbox.drain():
                    self._apply(event, now_ns)
                self._apply(Ticked(now_ns=bot_ns), now_ns)
                if not len(self._inbox):
                    break
            self._write_down(now_ns)
        except _Killed:
            self.kill(now_ns)

    def look_last(self, events: Sequence[Event], now_ns: Ns) -> None:
        """A last look, of which no decision comes; it is written down as everything is."""
        for event in events:
            self._apply(event, now_ns)
        self._write_down(now_ns)

    def _apply(self, event: Event, now_ns: Ns) -> None:
        outcome = self.engine.apply(event)
        if self._tape is not None:
            self._tape.take(self._params.book, self.engine.seq, event, outcome)
        self._hash.update(_encode(event))
        for audit in self._audits:
            audit.see(self.engine, event, outcome)
        self._tally.saw(event, outcome)
        if self._machine is not None:
            self._machine.watcher.saw(event, outcome, now_ns)
            self._applied.append((event, outcome))
        if self._ledger is not None and (latched := of_stops(outcome.notes)):
            self._ledger.commit_stops(self._params.book, latched)
        if not outcome.commands:
            return
        for command in outcome.commands:
            encoded = _encode(command)
            self._hash.update(encoded)
            self._command_hash.update(encoded)
        orders = [command for command in outcome.commands if isinstance(command, PlaceOrder)]
        if orders and not self._commit(orders, outcome.decided, now_ns):
            return
        for command in outcome.commands:
            self._venue.carry_out(command, now_ns)
        if orders and self._strikes(FaultKind.KILLED_AFTER_SEND, now_ns):
            raise _Killed

    def _strikes(self, kind: FaultKind, now_ns: Ns) -> bool:
        return self._machine is not None and self._machine.faults.strike(kind, now_ns) is not None

    def _commit(self, orders: list[PlaceOrder], decided: Decided | None, now_ns: Ns) -> bool:
        """Intents durable; False means that the orders must not leave."""
        if self._ledger is None:
            return True
        assert decided is not None, "an order without a decision"
        if self._strikes(FaultKind.KILLED_BEFORE_INTENT, now_ns):
            raise _Killed
        for kind, what in _UNWRITABLE.items():
            if self._strikes(kind, now_ns):
                return self._give_up(orders, what, now_ns)
        self._ledger.commit_intents(orders, decided)
        if self._strikes(FaultKind.LEDGER_TORN, now_ns):
            self._is_torn = True
            raise _Killed
        if self._strikes(FaultKind.LEDGER_SLOW, now_ns):
            return self._give_up(orders, "the ledger took 3.0 s to commit", now_ns)
        if self._strikes(FaultKind.KILLED_BEFORE_SEND, now_ns):
            raise _Killed
        return True

    def _give_up(self, orders: list[PlaceOrder], detail: str, now_ns: Ns) -> bool:
        """Halt, and say of orders that never left that they did not."""
        bot_ns = self._bot_ns(now_ns)
        self._inbox.put([HaltRequested(received_ns=bot_ns, cause=HaltCause.JOURNAL_FAILED, detail=detail)])
        unsent = RefusalKind.BACK_OFF
        self._inbox.put(
            OrderRefused(label=order.label, received_ns=bot_ns, code=0, name="not_sent: ledger", kind=unsent)
            for order in orders
        )
        return False

    def _write_down(self, now_ns: Ns) -> None:
        """After the orders have left: tape, ledger, a picture point; an operator looks after a halt."""
        if self._tape is not None:
            self._tape.push()
        applied, self._applied = self._applied, []
        if self._ledger is not None:
            for event, outcome in applied:
                self._ledger.record(self._params.book, event, outcome)
            if any(outcome.notes for _, outcome in applied):
                self._ledger.flush()
        if self._tally.wants_sample(now_ns):
            self._tally.sample(self.engine.status())
        for _, outcome in applied:
            for note in outcome.notes:
                if isinstance(note, PhaseChanged) and note.phase_after is Phase.HALTED:
                    self._halted(note, now_ns)

    def _halted(self, note: PhaseChanged, now_ns: Ns) -> None:
        """A human looks, and starts it again; positions that differ are taken over from the venue."""
        self._must_adopt = note.cause == HaltCause.POSITION_MISMATCHED

        def look(at_ns: Ns) -> None:
            self._has_looked = not self._is_up or self.engine.status().phase is Phase.HALTED
            if self._has_looked:
                self.kill(at_ns)

        self._schedule.at(Ns(now_ns + _LOOK_NS), look)


def _stamped(event: Event, bot_ns: Ns) -> Event:
    """As received now by the bot's own clock."""
    if isinstance(event, SnapshotTaken):
        fills = tuple(structs.replace(fill, received_ns=bot_ns) for fill in event.fills)
        return structs.replace(event, fills=fills, received_ns=bot_ns)
    assert not isinstance(event, Ticked), "time is the process's own"
    return event if event.received_ns == bot_ns else structs.replace(event, received_ns=bot_ns)
