"""The command `hedgebot sweep FILE`: many policies, parameters, tapes and seeds, on all cores or a cluster, resumably.

Knows the command line, and how a configuration of the file becomes a run; a result belongs to all that run depends on.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bot import __version__
from bot.app import simulated
from bot.app.backtest import CONFIG, Asked, loaded_of
from bot.app.config import Config
from bot.app.exit_codes import ExitCode
from bot.app.sweep_run import Job, run
from bot.domain.errors import ConfigError
from bot.journal.retention import files_of
from bot.journal.tape_history import is_run
from bot.research.crew import CrewKind, answers, crew_of
from bot.research.sweep import Choice, Figures, Point, SweepFile, as_text, key_of, points, read, row_of
from bot.research.sweep_results import Results
from bot.sim.impact import Impact

_DRAWN_CONFIG: Final = Path("config/simulate.toml")
_TOLD_MAX: Final = 10
"""Failures told in words."""
_AS_CONFIGURED: Final = Choice(policy=None, settings=())


class Sweep(Struct, frozen=True, kw_only=True):
    """What came of it, for programs."""

    results: str
    configurations_count: int
    done_count: int
    """Of them, now and before."""
    run_count: int
    failed: dict[str, str]
    """Why, by what was tried; tried again next time."""
    is_interrupted: bool

    @property
    def is_whole(self) -> bool:
        """Every configuration has its result."""
        return self.done_count == self.configurations_count


def sweep(
    file: Annotated[Path, typer.Argument(help="TOML file of what to try; docs/how-to/sweep.md has its keys.")],
    *,
    to: Annotated[
        Path | None, typer.Option(help="Folder of the results; default: the file's name without .toml.")
    ] = None,
    executor: Annotated[CrewKind, typer.Option(help="Processes of this machine, or a Ray cluster.")] = CrewKind.PROCESS,
    workers: Annotated[int, typer.Option(min=0, max=1024, help="How many at once; 0: one for each core.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as one JSON line.")] = False,
) -> None:
    """Run a grid or a random search of policies and parameters over tapes and seeds; started again, it goes on."""
    wanted = read(file)
    plan = {key: point for point, key in _keyed(wanted)}
    folder = to or file.with_suffix("")
    if folder == file:
        raise ConfigError(f"sweep: {file} has no ending to leave out for the folder of results; give --to")
    with closing(Results(folder)) as results:
        for notice in results.notices:
            typer.echo(f"sweep: {notice}", err=True)
        found = _swept(wanted, plan, results, (executor, workers))
        typer.echo(msgspec.json.encode(found).decode() if as_json else as_text(plan, results.rows))
    typer.echo(_sentence(found), err=True)
    if not found.is_whole:
        raise SystemExit(ExitCode.DIFFERENT)


def _keyed(wanted: SweepFile) -> Iterator[tuple[Point, str]]:
    """Every configuration with the key of its result: of all it depends on, and of nothing else."""
    bases: dict[str | None, Config] = {}
    tapes = {tape: _digest(Path(tape)) for tape in dict.fromkeys(wanted.tapes)}
    for point in points(wanted):
        if point.portfolio not in bases:
            bases[point.portfolio] = loaded_of(_asked(wanted, point.portfolio))
        base = bases[point.portfolio]
        step_ms = wanted.step_ms if point.tape is None else None
        world = (wanted.linear, wanted.hours, wanted.impact_usd_per_coin, step_ms, wanted.fills)
        tried = (point.choice, point.seed, tapes.get(point.tape or ""))
        yield point, key_of(__version__, base.book(wanted.currency.upper()), base.portfolio, tried, world)


def _digest(tape: Path) -> str:
    """Of what is in its files."""
    if tape.is_file():
        files = [tape]
    elif tape.is_dir():
        files = files_of(tape) if is_run(tape) else sorted(item for item in tape.iterdir() if item.is_file())
    else:
        raise ConfigError(f"sweep: there is no tape {tape}; tapes are files or folders")
    found = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            found.update(hashlib.file_digest(content, "sha256").digest())
    return found.hexdigest()


def _asked(wanted: SweepFile, portfolio: str | None, choice: Choice = _AS_CONFIGURED) -> Asked:
    config = Path(wanted.config) if wanted.config else CONFIG if wanted.tapes else _DRAWN_CONFIG
    return Asked(
        config=config,
        currency=wanted.currency.upper(),
        portfolio=None if portfolio is None else Path(portfolio),
        policy=choice.policy,
        assignments=tuple(f"{key}={msgspec.json.encode(value).decode()}" for key, value in choice.settings),
        is_linear=wanted.linear,
    )


def _job(wanted: SweepFile, point: Point) -> Job:
    """ConfigError where the book cannot be configured so."""
    asked = _asked(wanted, point.portfolio, point.choice)
    loaded = loaded_of(asked)
    if loaded.portfolio is None:
        raise ConfigError("portfolio: is missing; name some in portfolios")
    impact = wanted.impact_usd_per_coin
    options = simulated.SimulateOptions(
        seed=point.seed,
        hours=wanted.hours,
        step_ms=wanted.step_ms,
        tape=None if point.tape is None else Path(point.tape).absolute(),
        currency=asked.currency,
        impact=None if impact is None else Impact(passing_usd_per_coin=impact),
    )
    return Job(
        book=loaded.book(asked.currency),
        portfolio=loaded.portfolio,
        options=options,
        is_linear=wanted.linear,
        fills=wanted.fills,
    )


def _swept(wanted: SweepFile, plan: Mapping[str, Point], results: Results, how: tuple[CrewKind, int]) -> Sweep:
    """Everything that has no result yet; an interrupt keeps what is done."""
    todo = {key: point for key, point in plan.items() if key not in results.rows}
    failed: dict[str, str] = {}
    run_count, is_interrupted = 0, False

    def jobs() -> Iterator[tuple[str, Job]]:
        for key, point in todo.items():
            try:
                yield key, _job(wanted, point)
            except ConfigError as error:
                failed[_named(point)] = str(error)

    for point in {(point.choice.policy, *dict(point.choice.settings)): point for point in todo.values()}.values():
        _job(wanted, point)  # a key that nobody knows is refused before hours of others
    crew = crew_of(how[0], run, min(how[1] or os.cpu_count() or 1, len(todo))) if todo else None
    try:
        with _progress() as bar:
            task = bar.add_task("sweep", total=len(plan), completed=len(plan) - len(todo))
            for key, answer in answers(crew, run, jobs()):
                if isinstance(answer, Figures):
                    results.add(row_of(key, todo[key], answer))
                    run_count += 1
                else:
                    failed[_named(todo[key])] = str(answer)
                bar.advance(task)
    except KeyboardInterrupt:
        is_interrupted = True
    finally:
        if crew is not None:
            crew.close()
        results.fold(plan)
    return Sweep(
        results=str(results.file),
        configurations_count=len(plan),
        done_count=len(plan.keys() & results.rows.keys()),
        run_count=run_count,
        failed=failed,
        is_interrupted=is_interrupted,
    )


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True))


def _named(point: Point) -> str:
    where = [f"{name} {value}" for name, value in (("tape", point.tape), ("portfolio", point.portfolio)) if value]
    return ", ".join([str(point.choice), *where, f"seed {point.seed}"])


def _sentence(found: Sweep) -> str:
    have = f"{found.done_count} of {found.configurations_count} configurations are in {found.results}"
    told = [
        f"sweep: {have}, {found.run_count} run now",
        *(f"  failed: {what}: {why}" for what, why in list(found.failed.items())[:_TOLD_MAX]),
    ]
    if len(found.failed) > _TOLD_MAX:
        told.append(f"  and {len(found.failed) - _TOLD_MAX} more failed")
    if found.is_interrupted:
        told.append("  interrupted; the same command goes on")
    return "\n".join(told)
