"""The bot's process at wire depth: the daemon as it is, in a context of its own, so that it can be killed at any step.

A killed process writes no byte and no row any more; the next one begins with what it left behind. Knows starts, kills
and what a machine does to its ledger and tape; nothing of the wire.
"""

import asyncio
import gc
import hashlib
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TextIO, TypeVar

import msgspec
from msgspec import structs

from bot import __version__
from bot.app import daemon
from bot.app.config import Config
from bot.app.live import Live
from bot.app.wire_loop import WireLoop, in_process_context
from bot.app.witness import RunWitness
from bot.book import BookParams
from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, Outcome, PhaseChanged, StopLatched, StopLifted
from bot.domain.errors import JournalError, VenueError
from bot.domain.events import Event, OperatorActed, StopsRestored
from bot.domain.reasons import HaltCause, Phase
from bot.domain.status import BookStatus
from bot.domain.stops import Act
from bot.domain.time import Ns
from bot.drive.checks import Checks
from bot.journal.ledger import Ledger
from bot.observe.catalogue import Level
from bot.observe.logs import open_log
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.observe.tally import RunResult, Tally
from bot.sim.faults import FaultKind, Faults
from bot.venues.contract import Edge
from bot.venues.link import Link
from bot.venues.registry import edge_of
from bot.venues.settings import VenueSettings

_RESTART_S: Final = ((0.2, 0.4), (0.4, 5.0))
"""From a kill to the next start: a supervisor's, at once or after a pause."""
_LOOK_S: Final = 15.0
"""From a halt to the next start: an operator's look."""
_SLOW_S: Final = 3.0
"""A commit that takes so long halts."""
_FLIGHT_S: Final = 0.1
"""An intent is durable, its order leaves, arrives and is answered within about this."""


class Killed(BaseException):
    """The process is gone at this very step; no `except Exception` may survive it."""


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of all processes of a run."""

    tally: Tally
    checks: Checks | None
    """None: nothing is planned to go wrong, and nothing is watched."""
    faults: Faults
    left: Callable[[PlaceOrder], None]
    """Told of each order whose intent is durable."""
    log: TextIO


class _Step:
    """What one process's machine does to it at its steps. Dead, it does nothing any more."""

    def __init__(self, host: "WireProcess") -> None:
        self.is_dead = False
        self.ledger: Ledger | None = None
        self._host = host

    def strikes(self, kind: FaultKind) -> bool:
        return self._host.records.faults.strike(kind, self._host.loop.now_ns()) is not None

    def dies(self, kind: FaultKind) -> None:
        if self.strikes(kind):
            self._host.kill()
            raise Killed

    def refuses_dead(self) -> None:
        if self.is_dead:
            raise JournalError("the process is gone")


class _MortalLedger(Ledger):
    """The ledger as a process finds it that may die, on a disk that may be full or slow."""

    step: _Step
    host: "WireProcess"

    def commit_intents(self, orders: Sequence[PlaceOrder], decided: Decided) -> None:
        step, host = self.step, self.host
        step.refuses_dead()
        step.dies(FaultKind.KILLED_BEFORE_INTENT)
        if step.strikes(FaultKind.LEDGER_FULL):
            raise JournalError("the ledger cannot be written: its disk is full")
        super().commit_intents(orders, decided)
        if step.strikes(FaultKind.LEDGER_SLOW):
            host.loop.stall(_SLOW_S)
            return
        step.dies(FaultKind.KILLED_BEFORE_SEND)
        for order in orders:
            host.records.left(order)
        if step.strikes(FaultKind.KILLED_AFTER_SEND):
            host.loop.call_later(host.dice.uniform(0.0, _FLIGHT_S), host.kill_if, step)

    def commit_stops(self, book: str, notes: Sequence[StopLatched | StopLifted]) -> None:
        self.step.refuses_dead()
        super().commit_stops(book, notes)

    def record(self, book: str, event: Event | None, outcome: Outcome) -> None:
        if not self.step.is_dead:
            super().record(book, event, outcome)

    def flush(self) -> None:
        if not self.step.is_dead:
            super().flush()

    def close(self, ended_ns: Ns | None = None) -> None:
        if not self.step.is_dead:
            super().close(ended_ns)


_Opened = TypeVar("_Opened", bound=Ledger)


def open_ledger(kind: type[_Opened], folder: Path, config: Config, run_id: str, started_ns: Ns) -> _Opened:
    """The one ledger of a run at wire depth, for one process of it."""
    return kind.open(
        f"sqlite:///{folder}/wire.db",
        run_id=run_id,
        started_ns=started_ns,
        mode=config.mode.value,
        config_hash=config.digest,
        version=__version__,
    )


class _Tap:
    """The tape of a run: hashes and checks what the driver gives it, before any order leaves."""

    def __init__(self, host: "WireProcess", step: _Step) -> None:
        self._host = host
        self._step = step

    def take(self, book: str, seq: int, event: Event, outcome: Outcome | None) -> None:
        del seq
        if not self._step.is_dead:
            self._host.saw(book, event, outcome)

    def push(self) -> None:
        self._step.refuses_dead()
        if self._step.strikes(FaultKind.TAPE_UNWRITABLE):
            raise JournalError("the tape cannot be written")


class _Witness(RunWitness):
    """The witness of a run, which knows its driver."""

    live: Live

    def follow(self, live: Live) -> None:
        super().follow(live)
        self.live = live


class WireProcess:
    """One bot, through all its starts."""

    def __init__(self, loop: WireLoop, config: Config, records: Records, folder: Path, *, seed: int) -> None:
        """Not started. The ledger's file stays in the folder."""
        self.loop = loop
        self.records = records
        self.dice = random.Random(f"process {seed}")  # noqa: S311 - seeded: the same seed is the same run
        self.starts_count = 0
        self._config = config
        self._folder = folder
        self._seed = seed
        self._hash = hashlib.sha256()
        self._step: _Step | None = None
        self._witness: _Witness | None = None
        self._task: asyncio.Task[list[RunResult]] | None = None
        self._must_adopt = False
        self._has_looked = False
        self.failures: list[str] = []
        """What ended a process that was not killed."""

    # --- life --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, in a context whose connections end with it."""
        self.starts_count += 1
        step = self._step = _Step(self)
        context = in_process_context(f"bot {self.starts_count}")
        # Timers and callbacks of a context run in it, so whatever this makes is the process's own.
        self._task = context.run(self.loop.create_task, self._live(step))
        self._task.add_done_callback(partial(self._ended, step))

    def kill(self) -> None:
        """End it at this step, and start it again after a while."""
        step = self._step
        if step is None or step.is_dead:
            return
        self._bury(step)
        if step.ledger is not None:
            step.ledger.abandon()
        if self._task is not None:
            self._task.cancel()
        self.loop.call_later(self.dice.uniform(*self.dice.choice(_RESTART_S)), self.start)
        gc.unfreeze()  # what a start has set aside would stay for ever

    def kill_if(self, step: _Step) -> None:
        """Kill the process of this step, unless it is gone already."""
        if step is self._step:
            self.kill()

    @property
    def is_up(self) -> bool:
        """Whether a process runs."""
        return self._step is not None and not self._step.is_dead

    def status(self) -> BookStatus:
        """Of the book, as its engine has it now."""
        assert self._witness is not None, "no process has begun"
        return self._witness.live.statuses()[0]

    async def end(self) -> list[RunResult]:
        """Ask for an orderly end, as a signal would; the results, none where no process runs."""
        if self._task is None or self._witness is None or not self.is_up:
            return []
        self._witness.live.request_stop("the run is over")
        return await self._task

    def trace_hash(self) -> str:
        """Of every event and command so far."""
        return self._hash.hexdigest()

    # --- one process -------------------------------------------------------------------------------------

    async def _live(self, step: _Step) -> list[RunResult]:
        config, run_id = self._config, f"wire{self.starts_count}"
        tag = f"{config.books[0].run_tag}{self.starts_count if self.starts_count > 1 else ''}"
        book = structs.replace(config.books[0], run_tag=tag)
        if self._must_adopt:
            book = structs.replace(book, adopts_positions=True)
        self._must_adopt = False
        ledger = open_ledger(_MortalLedger, self._folder, config, run_id, self.now_ns())
        ledger.step, ledger.host, step.ledger = step, self, ledger
        return await self._run(step, book, ledger, run_id)

    async def _run(self, step: _Step, book: BookParams, ledger: Ledger, run_id: str) -> list[RunResult]:
        log = open_log(now_ns=self.now_ns, level=Level.ERROR, style="json", stream=self.records.log)
        narrator = Narrator(log, run_id=run_id, venue=self._config.venue.venue)
        tallies = {book.book: self.records.tally}
        witness = _Witness(narrator, Metrics([book.book], now_ns=self.now_ns), tallies)
        parts = daemon.Parts(
            mode=self._config.mode.value,
            books=(book,),
            edges=(self._edge(self._config.venue),),
            ledger=ledger,
            now_ns=self.now_ns,
            tick_interval_s=self._config.tick_interval_s,
            tape=_Tap(self, step),
        )
        self._witness = witness
        if self.records.checks is not None:
            self.records.checks.started(self, self.loop.now_ns())
        return await daemon.run(parts, witness, tallies, health=None, seconds=None)

    def now_ns(self) -> Ns:
        """The clock of the bot's machine."""
        return self.loop.machine_ns()

    def _edge(self, settings: VenueSettings) -> Edge:
        dice = random.Random(f"bot {self._seed} {self.starts_count}")  # noqa: S311 - seeded: the same seed, the same run
        link = Link(settings=settings, now_ns=self.now_ns, rng=dice)
        return edge_of(link, self._config.hedges_at(settings.venue))

    def _ended(self, step: _Step, task: asyncio.Task[list[RunResult]]) -> None:
        """A process that ends by itself is started again, as a supervisor would; why it ended is kept."""
        if step.is_dead:
            return
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if not isinstance(error, VenueError):  # out of reach for too long at the start: the next one tries again
            self.failures.append(f"the process ended: {type(error).__name__}: {error}")
        self._bury(step)
        self.loop.call_later(self.dice.uniform(*_RESTART_S[1]), self.start)

    def _bury(self, step: _Step) -> None:
        """Nothing of this process leaves any more, and it writes nothing down."""
        step.is_dead = True
        self.loop.network.kill(f"bot {self.starts_count}")

    # --- what it was told --------------------------------------------------------------------------------

    def saw(self, book: str, event: Event, outcome: Outcome | None) -> None:
        """One event and what came of it, before its commands leave."""
        del book
        self._hash.update(msgspec.msgpack.encode(event))
        if outcome is None:
            self.failures.append(f"the engine failed on {event}")
            return
        for command in outcome.commands:
            self._hash.update(msgspec.msgpack.encode(command))
        if self.records.checks is not None:
            self.records.checks.saw(event, outcome, self.loop.now_ns())
        if isinstance(event, StopsRestored) and self._has_looked:
            self._has_looked = False
            self.loop.call_soon(self._lift, self._step)
        for note in outcome.notes:
            if isinstance(note, PhaseChanged) and note.phase_after is Phase.HALTED:
                self._halted(note)

    def _lift(self, step: _Step | None) -> None:
        """The operator has looked, and the process begins with the halt it ended with."""
        if step is not None and step is self._step and not step.is_dead and self._witness is not None:
            act = OperatorActed(act=Act.RESUME, by="sim", reason="looked at the halt", received_ns=self.now_ns())
            self._witness.live.sink((act,))

    def _halted(self, note: PhaseChanged) -> None:
        """A human looks, and starts it again; positions that differ are taken over from the venue."""
        self._must_adopt = note.cause == HaltCause.POSITION_MISMATCHED
        assert self._step is not None, "a process that runs"
        self.loop.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        """Also where it was killed and started again meanwhile: it is halted still."""
        self._has_looked = not self.is_up or self.status().phase is Phase.HALTED
        if self._has_looked:
            self.kill()
