"""Puts each mode together; the only place that branches on it.

Knows every package; contains no logic beyond which part goes where.
"""

import asyncio
import contextlib
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, assert_never

import uvloop
from msgspec import structs

from bot import __version__
from bot.app import arming, clock, daemon, reload, venue_clock
from bot.app.alerting import alerts_of
from bot.app.check import Checks, VenueParts
from bot.app.check_report import Report as CheckReport
from bot.app.check_report import would_run
from bot.app.config import Config, Mode, load
from bot.app.demo import local_exchange
from bot.app.lookout import Lookout
from bot.app.paper import paper_edges, refuse_empty_handed
from bot.app.probe import report as probe_report
from bot.app.probe.report import Report
from bot.app.probe.run import Consent, ProbeOptions, Say
from bot.app.probe.run import run as probe_run
from bot.app.recalling import recalling
from bot.app.reload import Reloads
from bot.app.simulated import SimulateOptions, planned, refuse_tapes, simulation_of, start_ns_of, storm_of
from bot.app.tenancy import Tenancy, held
from bot.app.wire_run import WireRun, wire_run_of
from bot.app.witness import RunWitness
from bot.book import BookParams
from bot.domain.errors import ConfigError, JournalError
from bot.domain.time import NS_PER_S, Ns
from bot.drive.simulate import Simulation
from bot.journal import opening, retention
from bot.journal.ledger import Ledger
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.observe.board import Board
from bot.observe.catalogue import Level
from bot.observe.charts import render_run
from bot.observe.logs import open_log
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.observe.tail import Tail
from bot.observe.tally import RunResult, Tally
from bot.sim.faults import FaultLevel
from bot.venues.contract import Edge, NowNs
from bot.venues.link import Link
from bot.venues.registry import edge_of, venue_named
from bot.venues.settings import VenueSettings
from bot.web.control import Control
from bot.web.control_config import ConfigPages
from bot.web.control_file import beside
from bot.web.dashboard import Dashboard
from bot.web.server import HealthServer

_DEMO_VOL_SCALE: Final = 3.0
"""A stormy day: a demonstration of a minute should show some hedges."""


def new_run_tag() -> str:
    """Random, so that labels of two runs never meet."""
    return secrets.token_hex(4)


def simulate(config: Config, options: SimulateOptions) -> tuple[RunResult, str | None]:
    """Run on the virtual clock; the result and a picture (None when nothing happened)."""
    with contextlib.ExitStack() as stack:
        began_s = time.perf_counter()
        try:
            simulation = _simulation(config, options, stack)
            result = simulation.run(Mode.SIMULATE.value)
        except ValueError as error:
            raise ConfigError(f"portfolio: {error}") from error
    took_s = time.perf_counter() - began_s
    result = structs.replace(result, speed=round(result.seconds / took_s, 1))
    return result, picture(simulation.tally, title=_title(result), coin=result.book)


def _simulation(config: Config, options: SimulateOptions, stack: contextlib.ExitStack) -> Simulation | WireRun:
    """At the depth that is wanted, with the files it needs."""
    has_faults = options.faults is not FaultLevel.NONE
    if has_faults or options.is_wire:
        refuse_tapes(options)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hedgebot-storm-")))
        if options.is_wire:
            return wire_run_of(config, options, planned(options), folder)
        return simulation_of(config, options, storm=storm_of(config, planned(options), folder))
    tape = stack.enter_context(tape_of(config, options, start_ns_of(options.start)))
    return simulation_of(config, options, tape)


@contextlib.contextmanager
def tape_of(config: Config, options: SimulateOptions, started_ns: Ns) -> Iterator[Tape | None]:
    """The tape of a run on the virtual clock, where one is wanted; closed in the end."""
    if options.tape_out is None:
        yield None
        return
    run = _manifest(
        config,
        (config.book(options.currency),),
        run_id=f"sim-{options.currency.upper()}-{options.seed}",
        started_ns=started_ns,
    )
    with contextlib.closing(Tape.open(options.tape_out, run)) as tape:
        yield tape


def _manifest(config: Config, books: Sequence[BookParams], *, run_id: str, started_ns: Ns) -> Manifest:
    return Manifest.of_this_process(
        run_id=run_id,
        mode=config.mode.value,
        started_ns=started_ns,
        version=__version__,
        config_digest=config.digest,
        books=books,
    )


def _title(result: RunResult) -> str:
    span = f"{result.seconds / 3600.0:.1f} h" if result.seconds >= 3600.0 else f"{result.seconds:.0f} s"
    return f"{result.book} options delta-hedged for {span} ({result.mode})"


def picture(tally: Tally, *, title: str, coin: str) -> str | None:
    """The run as SVG; None when there is too little to draw."""
    try:
        return render_run(tally.samples, tally.marks, title=title, coin=coin)
    except ValueError:
        return None


def run_live(
    config: Config,
    run_id: str,
    *,
    seconds: float | None,
    demo_seed: int | None = None,
    runs: Path | None = None,
    file: Path | None = None,
) -> tuple[list[RunResult], str | None]:
    """Run on the real clock until stopped; results per book and a picture of the first, of the last run of several.

    A demo keeps nothing, except its tape in `runs`. With a `file` it can be read again and taken over.
    """
    match config.mode:
        case Mode.SIMULATE:
            raise ConfigError("mode: a simulation has no real clock; use `hedgebot simulate`")
        case Mode.DEMO:
            with contextlib.ExitStack() as stack:
                venue = stack.enter_context(
                    local_exchange(
                        portfolio=config.portfolio_path,
                        currency=config.books[0].book,
                        seed=0 if demo_seed is None else demo_seed,
                        vol_scale=_DEMO_VOL_SCALE,
                    )
                )
                # A new exchange each time: an old ledger would rightly object to its positions.
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hedgebot-demo-"))
                own = structs.replace(
                    config,
                    venue=structs.replace(venue, gateway=config.venue.gateway),
                    ledger_url=f"sqlite:///{folder}/demo.db",
                    tape_folder=None if config.tape_folder is None else runs or Path(folder),
                )
                return _on_loop(own, run_id, seconds)
        case Mode.TESTNET:
            arming.refuse_keyless(config)
        case Mode.PAPER:
            pass
        case Mode.LIVE:
            arming.refuse_unarmed(config)
            arming.refuse_nameless(config)
            arming.refuse_keyless(config)
        case _:
            assert_never(config.mode)
    if file is None:
        return _on_loop(config, run_id, seconds)
    return reload.lived(config, file, _read_again, _on_loop, run_id=run_id, seconds=seconds, new_tag=new_run_tag)


def _read_again(file: Path) -> Config:
    """A file a run was started with; ConfigError where a start with it would be refused before any venue is asked."""
    config = load(file, {}, run_tag=new_run_tag())
    if config.mode is not Mode.PAPER:
        arming.refuse_rest_over_rest(config)
    return config


def check(config: Config, path: Path) -> CheckReport:
    """Say what a run would do and test what can be tested of it; no order is sent in any mode."""
    checks = Checks(config)
    checks.demand("configuration", lambda _: None, str(path))
    match config.mode:
        case Mode.SIMULATE:
            checks.demand("portfolio", arming.refuse_flat, "is there to be hedged")
        case Mode.DEMO:
            checks.machine(keeps_ledger=False)
        case Mode.PAPER:
            checks.demand("something to hold", refuse_empty_handed, "a portfolio, an account, or what was kept")
            # The feed and the questions need no key; the one that reads an account is looked at by the run.
            public = structs.replace(config, venue=structs.replace(config.venue, credentials=None))
            _check_reach(checks, public)
        case Mode.TESTNET:
            _check_account(checks, config)
        case Mode.LIVE:
            checks.demand("armed", arming.refuse_unarmed, "orders may be sent")
            checks.demand("account named", arming.refuse_nameless, f"account {config.venue.account_id} is expected")
            _check_account(checks, config)
        case _:
            assert_never(config.mode)
    has_account = config.mode in {Mode.PAPER, Mode.TESTNET, Mode.LIVE}
    return CheckReport(would_run=would_run(config, has_account=has_account), checks=tuple(checks.findings))


def _check_account(checks: Checks, config: Config) -> None:
    checks.demand("key given", arming.refuse_keyless, "id and secret")
    checks.demand("standby", arming.refuse_endless, "waits for the lease" if config.stands_by else "does not wait")
    checks.demand("orders at rest", arming.refuse_rest_over_rest, "none, or taken back by the venue if we vanish")
    _check_reach(checks, config)


def _check_reach(checks: Checks, config: Config) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_check_venues(checks, config))
    checks.machine(keeps_ledger=True)


async def _check_venues(checks: Checks, config: Config) -> None:
    for settings in config.venues:
        venue, link = venue_named(settings.venue), _link(settings, clock.now_ns)
        hedges = config.hedges_at(settings.venue)
        parts = VenueParts(
            settings=settings,
            inspector=venue.inspector(link),
            market_feed=partial(venue.market_feed, link, hedges),
            account_feed=None if settings.credentials is None else venue.account_feed(link),
        )
        await checks.venue(parts)


def probe(config: Config, *, report_path: Path, delivery_wait_s: float, say: Say, consent: Consent) -> Report:
    """Ask the test venue the open questions; the report is written as Markdown, and as JSON beside it.

    Only in mode testnet, where every reply must say so.
    """
    if config.mode is not Mode.TESTNET or config.venue.is_testnet is not True:
        raise ConfigError("mode: a probe trades, so it runs on a test venue only; use config/testnet.toml")
    if config.venue.credentials is None:
        raise ConfigError("venue.client_id: is missing; a probe needs a key")
    as_json = report_path.with_suffix(".json")
    if as_json == report_path or not report_path.parent.is_dir():
        raise ConfigError(f"--report: {report_path} cannot be written; name a Markdown file in a folder that exists")
    options = ProbeOptions(
        base=config.books[0].book,
        tag=new_run_tag(),
        version=__version__,
        look_s=max(book.limits.unresolved_ns_max for book in config.books) / NS_PER_S,
        delivery_wait_s=delivery_wait_s,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(probe_run(config.venue, clock.now_ns, options, say, consent))
    try:
        report_path.write_text(probe_report.as_markdown(report))
        as_json.write_bytes(probe_report.as_json(report))
    except OSError as error:
        raise ConfigError(f"--report: cannot write {report_path}: {error.strerror}; the answers are above") from None
    return report


def _on_loop(
    config: Config, run_id: str, seconds: float | None, reloads: Reloads | None = None
) -> tuple[list[RunResult], str | None]:
    with _tape(config, run_id) as tape, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(config, run_id, seconds, tape, reloads))


@contextlib.contextmanager
def _tape(config: Config, run_id: str) -> Iterator[Tape | None]:
    """The tape of a run where one is wanted; closed in the end."""
    if config.tape_folder is None:
        yield None
        return
    run = _manifest(config, config.books, run_id=run_id, started_ns=clock.now_ns())
    with contextlib.closing(Tape.open(config.tape_folder / run_id, run)) as tape:
        yield tape


def _clean(config: Config, narrator: Narrator) -> None:
    """Remove runs that are too old; one that cannot be removed is told, and is no reason not to hedge."""
    if config.tape_folder is None:
        return
    try:
        removed = retention.clean(config.tape_folder, config.mode.value, config.tape_terms, clock.now_ns())
    except JournalError as error:
        narrator.kept(str(error))
    else:
        if removed.runs_count:
            narrator.cleaned(removed.runs_count, removed.bytes_count)


async def _live(
    config: Config, run_id: str, seconds: float | None, tape: Tape | None, reloads: Reloads | None
) -> tuple[list[RunResult], str | None]:
    now_ns = await venue_clock.measured(config.venue) if config.follows_venue_clock else clock.now_ns
    tail = Tail()
    log = open_log(now_ns=now_ns, level=Level[config.log_level.upper()], style=config.log_format, tail=tail)
    narrator = Narrator(log, run_id=run_id, venue=config.venue.venue)
    info = {"version": __version__, "mode": config.mode.value}
    smallest = {book.book: book.trade_coin_min for book in config.books}
    metrics = Metrics(smallest, now_ns=now_ns, info=info, trade_coin_min=smallest)
    tallies = daemon.tallies_of(config.books)
    narrator.started(
        mode=config.mode.value,
        version=__version__,
        config_hash=config.digest,
        ledger=opening.without_password(config.ledger_url),
        control=str(_control_file(config)) if config.health_enabled else "none",
        tape="none" if config.tape_folder is None else str(config.tape_folder / run_id),
        books=[book.book for book in config.books],
        ws_url=config.venue.ws_url,
        rest_url=config.venue.rest_url,
        hedge_venue="none" if config.hedge_venue is None else config.hedge_venue.venue,
    )
    _clean(config, narrator)
    arming.refuse_endless(config)
    async with alerts_of(config.alerts, narrator.alerted) as alerts, held(config, narrator, now_ns) as tenancy:
        parts = daemon.Parts(
            mode=config.mode.value,
            books=config.books,
            edges=_edges(config, now_ns),
            ledger=_ledger(config, run_id, now_ns(), tenancy),
            now_ns=now_ns,
            tick_interval_s=config.tick_interval_s,
            tape=tape,
            tenancy=tenancy,
            reloads=reloads,
        )
        for edge in parts.edges:
            metrics.meter(edge.venue, edge.gateway)
        health = lookout = board = None
        if config.health_enabled:
            board = Board(run_id=run_id, mode=config.mode.value, books=[book.book for book in config.books])
            lookout = Lookout(board, config.books)
            control = Control(_control_file(config), now_ns=now_ns, token=None if reloads is None else reloads.token)
            health = HealthServer(
                host=config.health_host,
                port=config.health_port,
                metrics=metrics,
                now_ns=now_ns,
                control=control,
                config=None if reloads is None else ConfigPages(control, reloads),
                dashboard=Dashboard(lookout, tail, is_live=True, now_ns=now_ns),
            )
            health.tell_refusals(narrator.turned_away)
        witness = RunWitness(narrator, metrics, tallies, alerts, lookout)
        async with recalling(board, config.ledger_url, now_ns, narrator):
            results = await daemon.run(parts, witness, tallies, health=health, seconds=seconds)
    witness.ended(results)
    first = config.books[0].book
    return results, picture(tallies[first], title=_title(results[0]), coin=first)


def _control_file(config: Config) -> Path:
    return config.control_file or beside(config.ledger_url)


def _ledger(config: Config, run_id: str, started_ns: Ns, tenancy: Tenancy | None) -> Ledger:
    return Ledger.open(
        config.ledger_url,
        run_id=run_id,
        started_ns=started_ns,
        mode=config.mode.value,
        config_hash=config.digest,
        version=__version__,
        venues=[venue.venue for venue in config.venues],
        lease_id=None if tenancy is None else tenancy.lease_id,
    )


def _edges(config: Config, now_ns: NowNs) -> tuple[Edge, ...]:
    """Where orders go, and where market and account are heard."""
    if config.mode is Mode.PAPER:
        gateway, feeds = paper_edges(config, venue_named(config.venue.venue), _link(config.venue, now_ns))
        return (Edge(venue=config.venue.venue, gateway=gateway, feeds=feeds),)
    return tuple(edge_of(_link(venue, now_ns), config.hedges_at(venue.venue)) for venue in config.venues)


def _link(settings: VenueSettings, now_ns: NowNs) -> Link:
    return Link(settings=settings, now_ns=now_ns, rng=secrets.SystemRandom())
