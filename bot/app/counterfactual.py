"""The command `hedgebot counterfactual RUN`: the run's own tape under other policies, tactics and conventions.

Knows where runs are and how a world is made of a tape; what is tried and told is `research.counterfactual`'s.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from bot.app import simulated
from bot.app.exit_codes import ExitCode
from bot.app.finished import folder_of
from bot.book import BookParams, hedges_of
from bot.domain.errors import ConfigError
from bot.domain.events import SnapshotTaken
from bot.domain.ids import DERIBIT, base_of, venue_of
from bot.domain.instruments import Instrument
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import coin_from_amount, decimal_from_wire
from bot.drive.audits import watched
from bot.drive.cost_audit import CostAudit
from bot.drive.moment import book_named
from bot.drive.simulate import SimulateParams, Simulation
from bot.drive.why import Strayed
from bot.journal import manifest
from bot.journal.tape_reader import TapeReader
from bot.research import counterfactual as other
from bot.research.counterfactual import Counterfactual, OpenRisk, Way, variants, way_of
from bot.research.tapes.history import History, open_history

_SEED: Final = 1
_STEP_MS: Final = 1_000

Say = Callable[[str], None]


def counterfactual(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or its name in runs/.")],
    *,
    book: Annotated[str | None, typer.Option(help="Coin of the book, where the run has several.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Write the frontier as an SVG picture.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Play a run's market again under other policies, tactics and conventions: cost against what is left open."""
    folder = folder_of(run, "counterfactual")
    found = played(folder, book, lambda line: typer.echo(line, err=True))
    if isinstance(found, Strayed):
        typer.echo(f"counterfactual: {found.sentence}")
        raise SystemExit(ExitCode.DIFFERENT)
    if picture is not None:
        try:
            picture.write_text(other.picture(found))
        except (OSError, ValueError) as error:
            raise ConfigError(f"--picture: {error}") from error
    typer.echo(msgspec.json.encode(found).decode() if as_json else other.as_text(found))


def played(folder: Path, book: str | None, say: Say) -> Counterfactual | Strayed:
    """The run itself, then every other way; an interrupt keeps what is done."""
    run, _ = manifest.read(folder)
    name = book_named(run, book)
    params = next(item for item in run.books if item.book == name)
    elsewhere = [hedge for hedge in hedges_of(params) if venue_of(hedge) != DERIBIT]
    if elsewhere:
        raise ConfigError(f"counterfactual: {elsewhere[0]} is at another venue; a tape is played with one")
    costs, risk = CostAudit(params), OpenRisk()
    engine = watched(folder, name, (costs, risk))
    if isinstance(engine, Strayed):
        return engine
    report = costs.report(engine, (run.run_id, run.mode), "the run itself")
    fills = sum(hedge.filled_native != 0 for hedge in report.hedges)
    profit = engine.account.profit.usd().total
    actual = way_of(("the run", _named(params)), report, risk, (len(report.hedges), fills, profit))
    history, holdings = open_history([folder], name), _held(folder, name)
    say(f"{folder.name}: {history.rows_count:,} rows of market, {len(holdings.legs)} positions")
    again = _way(("the run again", _named(params)), params, history, holdings)
    others: list[Way] = []
    wanted = list(variants(params))
    try:
        for number, (group, what, changed) in enumerate(wanted, start=1):
            say(f"{number} of {len(wanted)}: {group}, {what}")
            others.append(_way((group, what), changed, history, holdings))
    except KeyboardInterrupt:
        say(f"interrupted: {len(others)} of {len(wanted)} are done")
    return Counterfactual(run_id=run.run_id, book=name, actual=actual, again=again, others=tuple(others))


def _named(params: BookParams) -> str:
    band, tactic = params.band.__struct_config__.tag, params.tactic.__struct_config__.tag
    return f"{band}, {tactic}, {params.convention.value}"


def _held(folder: Path, book: str) -> PortfolioSpec:
    """What the account held on the coin when the run first looked; ConfigError where it never did."""
    _, digest = manifest.read(folder)
    specs: dict[str, Instrument] = {}
    for _, _, event in TapeReader(folder, digest).events():
        if isinstance(event, SnapshotTaken) and event.venue == DERIBIT:
            return PortfolioSpec(
                legs=tuple(
                    LegSpec(
                        instrument=item.instrument,
                        qty_coin=decimal_from_wire(
                            coin_from_amount(specs[item.instrument], item.amount_native, item.mark_native or 1.0)
                        ),
                    )
                    for item in event.positions
                    if item.amount_native and item.instrument in specs and base_of(item.instrument) == book
                )
            )
        spec = getattr(event, "instrument", None)
        if isinstance(spec, Instrument):
            specs[spec.id] = spec
    raise ConfigError(f"counterfactual: {folder} never saw its account; there is nothing to hedge on its tape")


def _way(names: tuple[str, str], params: BookParams, history: History, holdings: PortfolioSpec) -> Way:
    options = simulated.SimulateOptions(seed=_SEED, hours=None, step_ms=_STEP_MS, tape=Path(), currency=params.book)
    exchange, recorded, span_ns = simulated.recorded_exchange(options, history)
    risk = OpenRisk()
    simulation = Simulation(
        SimulateParams(
            book=params,
            portfolio=holdings,
            span_ns=span_ns,
            step_ns=Ns(NS_PER_S),
            sample_every_ns=Ns(60 * NS_PER_S),
            has_opened=True,
        ),
        exchange,
        recorded,
        audits=(risk,),
    )
    try:
        result = simulation.run("counterfactual")
    except ValueError as error:
        raise ConfigError(f"counterfactual: {error}") from error
    counts = (result.hedges, result.fills, result.pnl_usd.total)
    way = way_of(names, simulation.costs("counterfactual"), risk, counts)
    return msgspec.structs.replace(way, violations=(*way.violations, *result.violations))
