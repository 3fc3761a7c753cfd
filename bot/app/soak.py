"""Many seeds with faults on all cores, each a run of its own; what was violated is told with the least that shows it.

Knows how a seed becomes a run and when a soak has proved nothing; the run itself is `drive`'s.
"""

import functools
import gc
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from bot.app.config import Config, load
from bot.app.simulated import SIMULATION_TAG, SimulateOptions, planned, simulation_of, storm_of
from bot.app.wire_run import wire_run_of
from bot.book import hedges_of
from bot.domain.ids import DERIBIT, InstrumentId, venue_of
from bot.execution.tactics import cross, rest_then_cross
from bot.observe.tally import RunResult
from bot.research.crew import CrewKind, answers, crew_of
from bot.sim.faults import ENGINE_KINDS, WIRE_KINDS, Fault, FaultKind, FaultLevel

_MODE: Final = "simulate"
_HOME_SEEDS: Final = 2
"""Of four seeds, those whose hedges are made where the options are."""
_ELSEWHERE: Final = "OKX:{}-USDT-SWAP"
_ORDERS_MEAN_MIN: Final = 5.0
"""Orders a seed: fewer, and nothing could have gone wrong with them."""
_SHRINK_RUNS_MAX: Final = 120
"""Runs spent on leaving faults out of a seed that was violated."""
_SHRINK_RUNS_MAX_WIRE: Final = 20
"""There each takes as long as ten of the others, and somebody waits for the answer."""
_SHRUNK_MAX: Final = 4
"""Seeds that are shrunk: the first few tell enough."""
_SHRUNK_MAX_WIRE: Final = 1
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a place every Linux has
_MEMORY_BYTES_MIN: Final = 2**28
"""Room for the ledgers of all workers, a hundred times over."""
_STEP_MS: Final = 1_000
_WIRE_STEP_MS: Final = 2_000
"""Virtual time between market messages; at wire depth each costs ten times as much."""


class SoakOptions(Struct, frozen=True, kw_only=True):
    """Which seeds, how bad."""

    seeds_count: int
    first_seed: int
    level: FaultLevel
    config: Path
    workers_count: int = 0
    """0: one for each core."""
    is_wire: bool = False
    """At wire depth."""
    new_seeds: tuple[int, ...] = ()
    """Seeds nobody has seen, besides."""

    @property
    def kinds(self) -> tuple[FaultKind, ...]:
        """What goes wrong at this depth."""
        return WIRE_KINDS if self.is_wire else ENGINE_KINDS

    @property
    def fixed_seeds(self) -> range:
        """The same ones each time."""
        return range(self.first_seed, self.first_seed + self.seeds_count)


class Seed(Struct, frozen=True, kw_only=True):
    """What one seed came to."""

    seed: int
    orders: int
    decisions: int
    starts: int
    faults: dict[str, int]
    halts: dict[str, int]
    violations: tuple[str, ...]
    trace_hash: str | None


class Failure(Struct, frozen=True, kw_only=True):
    """A seed that was violated, and the faults without any of which it is not."""

    seed: int
    is_wire: bool = False
    level: FaultLevel
    violation: str
    faults: tuple[Fault, ...]


class SoakResult(Struct, frozen=True, kw_only=True):
    """What all of them came to."""

    is_wire: bool
    level: FaultLevel
    first_seed: int
    seeds_count: int
    trace_hash: str
    """Of the runs of all seeds that are the same each time."""
    orders_mean: float
    starts_count: int
    faults: dict[str, int]
    """How often each was felt."""
    seeds_with: dict[str, int]
    """Seeds in which each was felt."""
    halts: dict[str, int]
    violated: tuple[int, ...]
    """Seeds with a violation."""
    failures: tuple[Failure, ...]
    """The first of them, shrunk."""
    shortcomings: tuple[str, ...]
    """Why the run proves too little; empty when it does not."""

    @property
    def has_passed(self) -> bool:
        """Nothing violated, and enough tried."""
        return not self.violated and not self.shortcomings


class _Job(Struct, frozen=True, kw_only=True):
    config: Path
    level: FaultLevel
    seed: int
    is_wire: bool


def world_of(config: Config, seed: int) -> Config:
    """A seed's own world: in odd ones hedges rest first, in two of four they are made at another venue.

    What the configuration has chosen itself stays as it is.
    """
    book = config.books[0]
    if seed % 2 and isinstance(book.tactic, cross.Params):
        book = structs.replace(book, tactic=rest_then_cross.Params())
    if seed % 4 >= _HOME_SEEDS and all(venue_of(name) == DERIBIT for name in hedges_of(book)):
        book = structs.replace(book, hedge_instrument=InstrumentId(_ELSEWHERE.format(book.book)))
    return structs.replace(config, books=(book, *config.books[1:]))


def weathered(config: Config, options: SimulateOptions, faults: Sequence[Fault]) -> RunResult:
    """One run with these faults, and a ledger that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="hedgebot-storm-", dir=_scratch()) as folder:
        if options.is_wire:
            return wire_run_of(config, options, faults, Path(folder)).run(_MODE)
        return simulation_of(config, options, storm=storm_of(config, faults, Path(folder))).run(_MODE)


def _scratch() -> Path | None:
    """In memory where there is room: a quarter of a seed's time are commits. None: where temporary files go."""
    is_free = "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK)
    return _MEMORY if is_free and shutil.disk_usage(_MEMORY).free > _MEMORY_BYTES_MIN else None


def shrunk(
    violates: Callable[[Sequence[Fault]], bool], faults: Sequence[Fault], runs_count_max: int = _SHRINK_RUNS_MAX
) -> tuple[Fault, ...]:
    """Faults without any one of which `violates` holds no more, as far as a bounded number of tries gets.

    Halves are left out first, then quarters, and single ones in the end.
    """
    kept, at_once, runs_count = list(faults), len(faults) // 2 or 1, 0
    while at_once:
        place = 0
        while place < len(kept) and runs_count < runs_count_max:
            without = kept[:place] + kept[place + at_once :]
            runs_count += 1
            if violates(without):
                kept = without
            else:
                place += at_once
        at_once //= 2
    return tuple(kept)


def soak(options: SoakOptions, say: Callable[[str], None]) -> SoakResult:
    """Run all seeds; `say` hears of the progress."""
    seeds: list[Seed] = []
    whole, told = options.seeds_count + len(options.new_seeds), 0
    for seed in _all(options):
        seeds.append(seed)
        if seed.violations:
            say(f"seed {seed.seed}: {seed.violations[0]}")
        if len(seeds) * 10 // whole > told or len(seeds) == whole:
            told = len(seeds) * 10 // whole
            violated = sum(bool(item.violations) for item in seeds)
            say(f"{len(seeds)} of {whole} seeds, {violated} violated")
    result = _summed(options, seeds)
    failures = []
    for seed in [item for item in seeds if item.violations][: _SHRUNK_MAX_WIRE if options.is_wire else _SHRUNK_MAX]:
        say(f"seed {seed.seed}: leaving faults out")
        failures.append(_failure(options, seed))
    return structs.replace(result, failures=tuple(failures))


def _all(options: SoakOptions) -> Iterator[Seed]:
    """In their order, as they become known."""
    seeds = (*options.fixed_seeds, *options.new_seeds)
    jobs = (
        (str(place), _Job(config=options.config, level=options.level, seed=seed, is_wire=options.is_wire))
        for place, seed in enumerate(seeds)
    )
    crew = crew_of(CrewKind.PROCESS, _run, min(options.workers_count or os.cpu_count() or 1, len(seeds)))
    early: dict[str, object] = {}
    place = 0
    try:
        for name, answer in answers(crew, _run, jobs):
            early[name] = answer
            while (seed := early.pop(str(place), None)) is not None:
                assert isinstance(seed, Seed), "of `_run`"
                yield seed
                place += 1
    finally:
        if crew is not None:
            crew.close()


def run_seed(options: SoakOptions, seed: int) -> Seed:
    """One of them, in this process."""
    return _run(_Job(config=options.config, level=options.level, seed=seed, is_wire=options.is_wire))


@functools.cache
def _settled() -> None:
    """What is imported by now is looked at no more by the collector."""
    gc.freeze()


def _run(job: _Job) -> Seed:
    _settled()
    config, options = _of(job)
    gc.disable()  # it took a fifth of a seed's time; what minutes of a world leave are some MB
    try:
        result = weathered(config, options, planned(options))
    except Exception as error:  # noqa: BLE001 - whatever a run raises is a finding, and is told with its seed
        return _raised(job.seed, error)
    finally:
        gc.enable()
        gc.collect()
    return Seed(
        seed=job.seed,
        orders=result.orders,
        decisions=result.decisions,
        starts=result.starts or 0,
        faults=result.faults or {},
        halts=result.halts or {},
        violations=result.violations,
        trace_hash=result.trace_hash,
    )


def _raised(seed: int, error: Exception) -> Seed:
    what = f"raised {type(error).__name__}: {error}"
    return Seed(seed=seed, orders=0, decisions=0, starts=0, faults={}, halts={}, violations=(what,), trace_hash=None)


def _of(job: _Job) -> tuple[Config, SimulateOptions]:
    config = load(job.config, {}, run_tag=SIMULATION_TAG)
    if not job.is_wire:
        config = world_of(config, job.seed)
    return config, SimulateOptions(
        seed=job.seed,
        hours=None,
        step_ms=_WIRE_STEP_MS if job.is_wire else _STEP_MS,
        tape=None,
        currency=config.books[0].book,
        faults=job.level,
        is_wire=job.is_wire,
    )


def _failure(options: SoakOptions, seed: Seed) -> Failure:
    config, one = _of(_Job(config=options.config, level=options.level, seed=seed.seed, is_wire=options.is_wire))

    def violates(faults: Sequence[Fault]) -> bool:
        try:
            return bool(weathered(config, one, faults).violations)
        except Exception:  # noqa: BLE001 - what a run raises is what was found
            return True

    faults = shrunk(violates, planned(one), _SHRINK_RUNS_MAX_WIRE if options.is_wire else _SHRINK_RUNS_MAX)
    return Failure(
        seed=seed.seed, is_wire=options.is_wire, level=options.level, violation=seed.violations[0], faults=faults
    )


def again(failure: Failure) -> str:
    """The one command that shows it again, whole."""
    depth = " --wire" * failure.is_wire
    return f"hedgebot soak{depth} --first {failure.seed} --seeds 1 --faults {failure.level.value}"


def keep_failures(failures: Sequence[Failure], folder: Path) -> None:
    """A file for each, to be replayed for ever after: its seed, what was violated, and the least that shows it."""
    folder.mkdir(parents=True, exist_ok=True)
    for failure in failures:
        text = msgspec.json.format(msgspec.json.encode(failure), indent=1)
        depth = "wire-" * failure.is_wire
        (folder / f"{depth}{failure.level.value}-{failure.seed}.json").write_bytes(text + b"\n")


def replayed(file: Path, config: Path) -> RunResult:
    """A kept failure again: its seed and the faults it needs, on the code as it is."""
    kept = msgspec.json.decode(file.read_bytes(), type=Failure)
    loaded, options = _of(_Job(config=config, level=kept.level, seed=kept.seed, is_wire=kept.is_wire))
    return weathered(loaded, options, kept.faults)


def _summed(options: SoakOptions, seeds: Sequence[Seed]) -> SoakResult:
    faults: Counter[str] = Counter(dict.fromkeys((kind.value for kind in options.kinds), 0))
    seeds_with: Counter[str] = Counter()
    halts: Counter[str] = Counter()
    for seed in seeds:
        faults.update({kind: seed.faults.get(kind, 0) for kind in faults})
        seeds_with.update(kind for kind, count in seed.faults.items() if count)
        halts.update(seed.halts)
    fixed = [seed.trace_hash or "" for seed in seeds if seed.seed in options.fixed_seeds]
    return SoakResult(
        is_wire=options.is_wire,
        level=options.level,
        first_seed=options.first_seed,
        seeds_count=len(seeds),
        trace_hash=hashlib.sha256("".join(fixed).encode()).hexdigest(),
        orders_mean=sum(seed.orders for seed in seeds) / len(seeds),
        starts_count=sum(seed.starts for seed in seeds),
        faults=dict(faults),
        seeds_with=dict(seeds_with),
        halts=dict(sorted(halts.items())),
        violated=tuple(seed.seed for seed in seeds if seed.violations),
        failures=(),
        shortcomings=tuple(_shortcomings(options, seeds, faults)),
    )


def _shortcomings(options: SoakOptions, seeds: Sequence[Seed], faults: Counter[str]) -> Iterator[str]:
    never = [kind for kind, count in faults.items() if not count]
    if never and options.level is not FaultLevel.NONE:
        yield f"never felt: {', '.join(never)}; run more seeds"
    idle = [seed.seed for seed in seeds if not seed.decisions]
    if idle:
        yield f"no decision in seeds {idle[:10]}"
    mean = sum(seed.orders for seed in seeds) / len(seeds)
    if mean < _ORDERS_MEAN_MIN:
        yield f"{mean:.1f} orders a seed, fewer than {_ORDERS_MEAN_MIN:.0f}"
