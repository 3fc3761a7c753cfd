"""A month of virtual time in one process: what grows is measured day by day, and held against what was there before.

The bot at engine depth with all that it keeps (ledger, tape, log, metrics, old runs), among deliveries, settlements and
faults. In its first quarter it is killed and halted as well; then one process lives to the last day but one, so that
what grows in it shows. Knows what is measured and the bounds; the run itself is `drive`'s.
"""

import gc
import io
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from bot import __version__
from bot.app.config import load
from bot.app.simulated import SIMULATION_START_NS, SIMULATION_TAG, SimulateOptions, simulation_of, storm_of
from bot.app.witness import RunWitness
from bot.book import BookParams
from bot.domain.commands import PlaceOrder
from bot.domain.decided import Outcome
from bot.domain.events import Event, Ticked
from bot.domain.ids import DERIBIT
from bot.domain.reasons import Phase
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.engine import Engine
from bot.journal import retention
from bot.journal.ledger import Ledger
from bot.journal.manifest import Manifest
from bot.journal.retention import Terms
from bot.journal.tape import Tape
from bot.observe.logs import open_log
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.observe.tally import RunResult, Tally
from bot.sim.faults import CALM_NS, ENGINE_KINDS, Fault, FaultKind, FaultLevel, draw

_K = FaultKind
_ENDING: Final = frozenset(
    {
        *(_K.KILLED, _K.KILLED_BEFORE_INTENT, _K.KILLED_BEFORE_SEND, _K.KILLED_AFTER_SEND),
        *(_K.LEDGER_FULL, _K.LEDGER_SLOW, _K.LEDGER_TORN, _K.TAPE_UNWRITABLE, _K.REFUSED),
    }
)
"""End the process, or halt it until an operator starts the next."""
_BAD_TIMES: Final = 3
"""A day; each of ten minutes in thirty days."""
_BAD_SHARE: Final = 1.0 / 144.0
"""Of a day."""
_BAD_NS_MIN: Final = Ns(400 * NS_PER_S)
"""A shorter time has no room for faults: the first comes after 20 s, the last ends `CALM_NS` before the end."""
_OBJECTS_RATIO_MAX: Final = 1.15
"""Of the most that was reachable from the bot in the last week, to the most in the second."""
_OBJECTS_SLACK: Final = 25_000
"""What the bot remembers of its last thousand orders and of its fills, so that late words about them are understood,
fills up in a month; what is kept of every tick would be ten times more."""
_RSS_BYTES_MAX: Final = 60_000_000
"""Growth between the same weeks, the simulated venue's own history included: it forgets no order and no trade."""
_RATE_RATIO_MAX: Final = 1.5
"""Of log lines and of ledger rows a day, between the same weeks."""
_RATE_BYTES_SLACK: Final = 500_000
_LINES_SLACK: Final = 500
_LINES_MAX: Final = 50_000
"""Log lines of a day of one book."""
_TERMS: Final = Terms(age_ns_max=Ns(7 * NS_PER_DAY), runs_count_min=10)
_STATM: Final = Path("/proc/self/statm")
_PASSED_OVER: Final = (ModuleType, type, FunctionType, BuiltinFunctionType)
"""Not the bot's own: code, and what code refers to."""


class MonthOptions(Struct, frozen=True, kw_only=True):
    """How long, how coarse."""

    config: Path
    portfolio: Path
    days_count: int = 30
    seed: int = 1
    step_ms: int = 120_000
    day_ns: Ns = Ns(NS_PER_DAY)
    """Shorter ones are for tests."""


class Day(Struct, frozen=True, kw_only=True):
    """At the end of a day; counts are of that day."""

    days_count: int
    """So many are over."""
    rss_bytes: int
    objects_count: int
    """Reachable from the engine, its log, its metrics and its tape."""
    open_files_count: int
    files_count: int
    """Of ledger and runs."""
    runs_bytes: int
    ledger_bytes: int
    log_lines_count: int
    log_bytes: int
    events_count: int
    orders_count: int
    starts_count: int


class MonthResult(Struct, frozen=True, kw_only=True):
    """What it came to."""

    days: tuple[Day, ...]
    orders_count: int
    starts_count: int
    faults_count: int
    halts: dict[str, int]
    words: dict[str, int]
    """Most frequent lines of the log."""
    violations: tuple[str, ...]
    """What must not be in the end."""
    grown: tuple[str, ...]
    """What grew beyond its bound."""

    @property
    def has_passed(self) -> bool:
        """Nothing violated, nothing grown."""
        return not self.violations and not self.grown


class _Ear(io.StringIO):
    """A log that is only counted."""

    def __init__(self) -> None:
        super().__init__()
        self.words: Counter[str] = Counter()
        self.bytes_count = 0

    def write(self, text: str) -> int:
        line = text.strip()
        if line:
            self.words[msgspec.json.decode(line, type=_Line).event] += 1
        self.bytes_count += len(text)
        return len(text)


class _Line(Struct, frozen=True):
    event: str


class _Run(NamedTuple):
    """What one process of the bot keeps."""

    run_id: str
    witness: RunWitness
    tape: Tape


class _Chronicle:
    """Beside the bot: writes tape and log of each of its processes, and measures at the end of each day."""

    def __init__(self, options: MonthOptions, book: BookParams, folder: Path, say: Callable[[Day], None]) -> None:
        self._options, self._book, self._folder, self._say = options, book, folder, say
        self._runs = folder / "runs"
        self._ear = _Ear()
        self._run: _Run | None = None
        self._now_ns = SIMULATION_START_NS
        self._events_count = self._orders_count = self._starts_count = 0
        self._before = (0, 0)
        """Log lines and bytes told until the last day."""
        self.days: list[Day] = []

    @property
    def words(self) -> Counter[str]:
        """Lines of the log, by event."""
        return self._ear.words

    def begin(self, run_id: str, started_ns: Ns) -> None:
        """A process starts: old runs go, a new tape begins."""
        self.end()
        self._starts_count += 1
        retention.clean(self._runs, "month", _TERMS, self._now_ns)
        manifest = Manifest.of_this_process(
            run_id=run_id,
            mode="month",
            started_ns=started_ns,
            version=__version__,
            config_digest="",
            books=(self._book,),
        )
        log = open_log(now_ns=lambda: self._now_ns, style="json", stream=self._ear)
        coin = self._book.book
        tallies = {coin: Tally(trade_coin_min=self._book.trade_coin_min, sample_every_ns=Ns(NS_PER_S))}
        metrics = Metrics([coin], now_ns=lambda: self._now_ns)
        witness = RunWitness(Narrator(log, run_id=run_id, venue=DERIBIT), metrics, tallies)
        self._run = _Run(run_id, witness, Tape.open(self._runs / run_id, manifest))

    def end(self) -> None:
        """The process is gone; its files are as old as it is on this clock."""
        run, self._run = self._run, None
        if run is not None:
            run.tape.close()
            for file in (self._runs / run.run_id).iterdir():
                os.utime(file, ns=(self._now_ns, self._now_ns))

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event of the process that runs."""
        assert self._run is not None, "an event before the start"
        self._run.tape.take(self._book.book, engine.seq, event, outcome)
        self._run.witness.applied(self._book.book, engine.seq, event, outcome)
        self._events_count += 1
        if not isinstance(event, Ticked):
            return
        self._orders_count += sum(isinstance(command, PlaceOrder) for command in outcome.commands)
        self._run.tape.push()
        self._now_ns = event.now_ns
        over = (self._now_ns - SIMULATION_START_NS) // self._options.day_ns
        if over > len(self.days):
            self.days.append(self._day(engine))
            self._say(self.days[-1])

    def _day(self, engine: Engine) -> Day:
        assert self._run is not None, "a process that runs"
        lines_count, bytes_count = self._ear.words.total(), self._ear.bytes_count
        files = [path for path in self._folder.rglob("*") if path.is_file()]
        sizes = {path: path.stat().st_size for path in files}
        ledger_bytes = sum(size for path, size in sizes.items() if path.parent == self._folder)
        day = Day(
            days_count=len(self.days) + 1,
            rss_bytes=_rss_bytes(),
            objects_count=reachable_count([engine, self._run.witness, self._run.tape]),
            open_files_count=len(list(Path("/dev/fd").iterdir())),
            files_count=len(files),
            runs_bytes=sum(sizes.values()) - ledger_bytes,
            ledger_bytes=ledger_bytes,
            log_lines_count=lines_count - self._before[0],
            log_bytes=bytes_count - self._before[1],
            events_count=self._events_count,
            orders_count=self._orders_count,
            starts_count=self._starts_count,
        )
        self._before = lines_count, bytes_count
        self._events_count = self._orders_count = self._starts_count = 0
        return day


def reachable_count(roots: Sequence[object]) -> int:
    """How many objects can be reached from these, code and modules left out."""
    gc.collect()
    seen = {id(root) for root in roots}
    waiting = list(roots)
    while waiting:
        for found in gc.get_referents(waiting.pop()):
            if id(found) not in seen and not isinstance(found, _PASSED_OVER):
                seen.add(id(found))
                waiting.append(found.__self__ if isinstance(found, MethodType) else found)
    return len(seen)


def _rss_bytes() -> int:
    """0 on a system that does not tell."""
    if not _STATM.exists():
        return 0
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def planned(options: MonthOptions) -> tuple[Fault, ...]:
    """Bad times of each day; such that end a process only in the first quarter, and once on the last day."""
    found: list[Fault] = []
    length_ns = max(_BAD_NS_MIN, round(options.day_ns * _BAD_SHARE))
    calm_from = max(1, options.days_count // 4)
    for day in range(options.days_count):
        start_ns = SIMULATION_START_NS + day * options.day_ns
        kinds = ENGINE_KINDS if day < calm_from else tuple(kind for kind in ENGINE_KINDS if kind not in _ENDING)
        for time in range(_BAD_TIMES):
            at_ns = Ns(start_ns + time * (options.day_ns // _BAD_TIMES))
            seed = 1_000 * options.seed + _BAD_TIMES * day + time
            found += draw(seed, FaultLevel.HEAVY, at_ns, Ns(at_ns + length_ns), kinds)
    last_ns = Ns(SIMULATION_START_NS + (options.days_count - 1) * options.day_ns + options.day_ns // 2)
    kill = Fault(kind=_K.KILLED, start_ns=last_ns, until_ns=Ns(last_ns + NS_PER_S), seed=options.seed)
    calm_ns = SIMULATION_START_NS + options.days_count * options.day_ns - CALM_NS
    kept = [fault for fault in (*found, kill) if fault.until_ns <= calm_ns]
    return tuple(sorted(kept, key=lambda fault: (fault.start_ns, fault.kind)))


def month(options: MonthOptions, say: Callable[[Day], None]) -> MonthResult:
    """Live through it; `say` hears of each day."""
    limited = {"stops": {"daily_loss_usd_max": 1e9}}
    config = load(options.config, {"portfolio": options.portfolio, "books": {"btc": limited}}, run_tag=SIMULATION_TAG)
    coin = config.books[0].book
    hours = options.days_count * options.day_ns / (3_600 * NS_PER_S)
    plan = SimulateOptions(
        seed=options.seed, hours=hours, step_ms=options.step_ms, tape=None, currency=coin, faults=FaultLevel.HEAVY
    )
    faults = planned(options)
    with tempfile.TemporaryDirectory(prefix="hedgebot-month-") as name:
        chronicle = _Chronicle(options, config.book(coin), Path(name), say)
        machine = storm_of(config, faults, Path(name))

        def open_ledger(run_id: str, started_ns: Ns) -> Ledger:
            chronicle.begin(run_id, started_ns)
            return machine.open_ledger(run_id, started_ns)

        storm = msgspec.structs.replace(machine, open_ledger=open_ledger)
        result = simulation_of(config, plan, storm=storm, audits=(chronicle,)).run("simulate")
        chronicle.end()
    return MonthResult(
        days=tuple(chronicle.days),
        orders_count=result.orders,
        starts_count=result.starts or 0,
        faults_count=sum((result.faults or {}).values()),
        halts=result.halts or {},
        words=dict(chronicle.words.most_common(12)),
        violations=tuple(_wrong_in_the_end(result)),
        grown=tuple(grown(chronicle.days)),
    )


def _wrong_in_the_end(result: RunResult) -> list[str]:
    """What the checks of a soak say of single orders needs steps of seconds: here quotes grow old between two."""
    found = {
        f"ends {result.phase}": result.phase != Phase.RUNNING.value,
        "ends unreconciled": not result.reconciled,
        f"ends with {result.unknown_open} orders unknown": result.unknown_open > 0,
        "the positions are not the venue's": result.positions_match is not True,
    }
    return [what for what, is_so in found.items() if is_so]


def grown(days: Sequence[Day]) -> list[str]:
    """What is beyond its bound: the second quarter of the days against the last one, and each day by itself."""
    size = max(1, len(days) // 4)
    before, after = days[size : 2 * size], days[-size:]
    if not before or len(days) < 4:
        return ["too short: four days at least"]
    most = {name: (max(getattr(day, name) for day in before), max(getattr(day, name) for day in after)) for name in _OF}
    bounds = {
        "objects_count": most["objects_count"][0] * _OBJECTS_RATIO_MAX + _OBJECTS_SLACK,
        "rss_bytes": most["rss_bytes"][0] + _RSS_BYTES_MAX,
        "open_files_count": most["open_files_count"][0] + 1,
        "log_lines_count": most["log_lines_count"][0] * _RATE_RATIO_MAX + _LINES_SLACK,
    }
    found = [
        f"{name}: {most[name][1]:g} in the last quarter, {most[name][0]:g} in the second; at most {bound:g}"
        for name, bound in bounds.items()
        if most[name][1] > bound
    ]
    slow, fast = _ledger_bytes_per_day(days[size - 1], before), _ledger_bytes_per_day(days[-size - 1], after)
    if fast > slow * _RATE_RATIO_MAX + _RATE_BYTES_SLACK:
        found.append(f"ledger: {fast:.0f} bytes a day in the last quarter, {slow:.0f} in the second")
    if (loudest := max(day.log_lines_count for day in days)) > _LINES_MAX:
        found.append(f"log: {loudest} lines in a day, at most {_LINES_MAX}")
    runs_count = _TERMS.runs_count_min + sum(day.starts_count for day in after)
    if days[-1].files_count > runs_count * _FILES_OF_A_RUN + _FILES_OF_A_LEDGER + days[-1].runs_bytes // 10**6:
        found.append(f"files: {days[-1].files_count} of {runs_count} runs at most")
    return found


_OF: Final = ("objects_count", "rss_bytes", "open_files_count", "log_lines_count")
_FILES_OF_A_RUN: Final = 2
"""Manifest and segment; each further segment holds a megabyte at least."""
_FILES_OF_A_LEDGER: Final = 4
"""With its log and index, and a copy of an older one."""


def _ledger_bytes_per_day(start: Day, days: Sequence[Day]) -> float:
    return (days[-1].ledger_bytes - start.ledger_bytes) / len(days)


def sentence(day: Day) -> str:
    """A day in a line."""
    return (
        f"day {day.days_count:2d}: {day.rss_bytes / 1e6:.0f} MB, {day.objects_count} objects, "
        f"{day.open_files_count} open files; {day.files_count} files, runs {day.runs_bytes / 1e6:.1f} MB, "
        f"ledger {day.ledger_bytes / 1e6:.1f} MB; log {day.log_lines_count} lines, {day.log_bytes / 1e6:.2f} MB; "
        f"{day.events_count} events, {day.orders_count} orders, {day.starts_count} starts"
    )


def verdict(result: MonthResult) -> str:
    """All of it in a few lines."""
    words = ", ".join(f"{count} {word}" for word, count in result.words.items())
    halts = ", ".join(f"{count} {cause}" for cause, count in result.halts.items()) or "none"
    counts = f"{result.orders_count} orders, {result.starts_count} starts, {result.faults_count} faults felt"
    lines = [
        f"month: {len(result.days)} days, {counts}",
        f"halts: {halts}; log: {words}",
        *(f"VIOLATED: {what}" for what in result.violations),
        *(f"GROWN: {what}" for what in result.grown),
    ]
    return "\n".join(lines if not result.has_passed else [*lines, "month: nothing grew beyond its bound"])
