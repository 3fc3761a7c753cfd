"""The `hedgebot` command line: parses, hands to `compose`, prints, exits with a documented code."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from bot.app import check_report, clock, compose, exchange, operate, reference, simulated
from bot.app.alerting import AlertAct, try_out
from bot.app.backtest import backtest
from bot.app.calibrate import calibrate
from bot.app.check import failure
from bot.app.config import load, load_portfolio
from bot.app.config_command import config_cli
from bot.app.counterfactual import counterfactual
from bot.app.daemon import needs_a_human
from bot.app.dashboard import dashboard
from bot.app.exit_codes import ExitCode
from bot.app.finished import folder_of, pnl, report, scalping, tca
from bot.app.greeks.command import greeks
from bot.app.init.command import init
from bot.app.month import MonthOptions, month
from bot.app.month import sentence as day_sentence
from bot.app.month import verdict as month_verdict
from bot.app.probe.report import sentence as probe_sentence
from bot.app.real_day import real_day
from bot.app.record import record
from bot.app.soak import SoakOptions, keep_failures, soak
from bot.app.soak_page import page as soak_page
from bot.app.soak_page import sentence as soak_sentence
from bot.app.sweep import sweep
from bot.app.tape_files import tape_cli
from bot.app.validate import validate
from bot.app.version import root, version
from bot.app.watchdog_process import guard
from bot.app.why_command import why
from bot.domain.errors import ConfigError, JournalError, LeaseLost, MalformedMessage, VenueError
from bot.domain.time import NS_PER_S
from bot.drive.replay import replay
from bot.drive.replay import sentence as replay_sentence
from bot.observe.tally import MISMATCH, RunResult
from bot.research import page as bands_page
from bot.sim.faults import FaultLevel
from bot.sim.impact import Impact

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

_Config = Annotated[Path, typer.Option(help="TOML file; HEDGEBOT_... variables override its keys.")]
_Seconds = Annotated[float | None, typer.Option(min=1.0, help="End by itself after this many seconds.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]
_Portfolio = Annotated[Path | None, typer.Option(help="Portfolio file; overrides the configuration.")]
_Picture = Annotated[Path | None, typer.Option(help="Write the run as an SVG picture.")]
_Currency = Annotated[str, typer.Option(help="Coin of the book.")]


def main() -> None:
    """Entry point of the `hedgebot` command."""
    if not __debug__ or os.environ.get("PYTHONOPTIMIZE"):
        _refuse("python: assertions are off; unset PYTHONOPTIMIZE", ExitCode.CONFIG)
    try:
        cli()
    except ConfigError as error:
        _refuse(str(error), ExitCode.CONFIG)
    except (VenueError, MalformedMessage) as error:
        _refuse(f"venue: {error}", ExitCode.VENUE)
    except LeaseLost as error:
        _refuse(f"lease: {error}; start it again as the standby", ExitCode.SUPERSEDED)
    except JournalError as error:
        _refuse(f"{'' if str(error).startswith('tape: ') else 'ledger: '}{error}", ExitCode.JOURNAL)


def _refuse(line: str, code: ExitCode) -> None:
    sys.stderr.write(f"hedgebot: {' '.join(line.split())}\n")
    sys.exit(code)


@cli.command()
def run(
    config: _Config,
    seconds: _Seconds = None,
    as_json: _Json = False,
    picture: _Picture = None,
) -> None:
    """Hedge the account of a configuration file until stopped."""
    loaded = load(config, {}, run_tag=(tag := compose.new_run_tag()))
    results, drawn = compose.run_live(loaded, f"run-{tag}", seconds=seconds, file=config)
    _write(picture, drawn)
    _finish(results, as_json=as_json)


@cli.command()
def watchdog(config: _Config, seconds: _Seconds = None) -> None:
    """Cancel the bot's open orders when the bot is gone: a process with a key of its own."""
    guard(load(config, {}, run_tag=compose.new_run_tag()), seconds=seconds)


@cli.command()
def check(config: _Config, as_json: _Json = False) -> None:
    """Say what a run would do and test what can be tested without an order."""
    try:
        report = compose.check(load(config, {}, run_tag=compose.new_run_tag()), config)
    except ConfigError as error:
        report = check_report.Report(would_run={}, checks=(failure("configuration", error),))
    typer.echo(check_report.as_json(report) if as_json else check_report.as_text(report))
    if report.exit_code:
        raise SystemExit(report.exit_code)


@cli.command()
def alert(
    what: Annotated[AlertAct, typer.Argument(help="`test`: a message to every channel.")], config: _Config
) -> None:
    """Try where alerts of a configuration go."""
    assert what is AlertAct.TEST, "there is no other"
    for line in try_out(load(config, {}, run_tag=compose.new_run_tag()).alerts):
        typer.echo(line)


@cli.command()
def demo(
    *,
    seconds: _Seconds = None,
    as_json: _Json = False,
    seed: Annotated[int, typer.Option(help="Seed of the exchange's market.")] = 7,
    config: _Config = Path("config/demo.toml"),
    picture: _Picture = None,
    runs: Annotated[Path | None, typer.Option(help="Keep the tape in a folder of its own below this one.")] = None,
) -> None:
    """Start a local exchange and hedge a short-dated straddle on it, over real sockets."""
    loaded = load(config, {}, run_tag=(tag := compose.new_run_tag()))
    results, drawn = compose.run_live(loaded, f"demo-{tag}", seconds=seconds, demo_seed=seed, runs=runs)
    _write(picture, drawn)
    _finish(results, as_json=as_json)


@cli.command()
def simulate(  # noqa: PLR0913 - the options of a command line
    *,
    seed: Annotated[int, typer.Option(help="Seed of market and exchange.")] = 1,
    hours: Annotated[float | None, typer.Option(min=0.01, help="Virtual hours; default a day or the tape.")] = None,
    start: Annotated[str | None, typer.Option(help="HH:MM (UTC) of the simulated day, or an ISO instant.")] = None,
    step_ms: Annotated[int, typer.Option(min=10, help="Virtual time between market messages.")] = 1_000,
    tape: Annotated[Path | None, typer.Option(help="Folder with a recorded day.")] = None,
    currency: _Currency = "BTC",
    portfolio: _Portfolio = None,
    config: Annotated[Path | None, typer.Option(help="Default: config/simulate.toml or config/tape.toml.")] = None,
    tape_out: Annotated[Path | None, typer.Option(help="Folder for the tape of this run; `replay` reads it.")] = None,
    takers: Annotated[
        float | None, typer.Option(min=0.0, max=10.0, help="Strangers who take, times the fitted intensity; default 1.")
    ] = None,
    impact_usd_per_coin: Annotated[
        float | None,
        typer.Option(min=0.0, max=1_000.0, help="What taking a coin moves the price by, for half a minute."),
    ] = None,
    faults: Annotated[FaultLevel, typer.Option(help="How much goes wrong; ten minutes unless --hours says.")] = (
        FaultLevel.NONE
    ),
    wire: Annotated[bool, typer.Option("--wire", help="With the daemon's own sockets; half an hour.")] = False,
    as_json: _Json = False,
    picture: _Picture = None,
) -> None:
    """Hedge a portfolio on the virtual clock: same seed, same run."""
    path = config or Path("config/simulate.toml" if tape is None else "config/tape.toml")
    overrides: dict[str, object] = {} if portfolio is None else {"portfolio": portfolio}
    options = simulated.SimulateOptions(
        seed=seed,
        hours=hours,
        start=start,
        step_ms=step_ms,
        tape=tape,
        currency=currency,
        tape_out=tape_out,
        takers_scale=takers,
        impact=None if impact_usd_per_coin is None else Impact(passing_usd_per_coin=impact_usd_per_coin),
        faults=faults,
        is_wire=wire,
    )
    result, drawn = compose.simulate(load(path, overrides, run_tag=simulated.SIMULATION_TAG), options)
    _write(picture, drawn)
    _finish([result], as_json=as_json)


@cli.command(name="soak")
def soak_command(  # noqa: PLR0913 - the options of a command line
    *,
    seeds: Annotated[int, typer.Option(min=1, help="How many.")] = 200,
    first: Annotated[int, typer.Option(help="The first of them.")] = 1,
    faults: Annotated[FaultLevel, typer.Option(help="How much goes wrong.")] = FaultLevel.STORM,
    config: _Config = Path("config/simulate.toml"),
    wire: Annotated[bool, typer.Option("--wire", help="With the daemon's own sockets; thirty minutes each.")] = False,
    new: Annotated[int, typer.Option(min=0, help="So many more seeds.")] = 0,
    new_first: Annotated[int | None, typer.Option(help="The first of those; the clock draws it otherwise.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was tried and what came of it, as Markdown.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for a file of each violation, which can be replayed.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Ten virtual minutes with faults for each seed, on all cores; every violation is told with its seed."""
    drawn = clock.now_ns() // NS_PER_S if new_first is None else new_first
    options = SoakOptions(
        seeds_count=seeds,
        first_seed=first,
        level=faults,
        config=config,
        is_wire=wire,
        new_seeds=tuple(range(drawn, drawn + new)),
    )
    result = soak(options, lambda line: typer.echo(line, err=as_json))
    if report is not None:
        report.write_text(soak_page(result, report.read_text() if report.exists() else ""))
    if keep is not None:
        keep_failures(result.failures, keep)
    typer.echo(msgspec.json.encode(result).decode() if as_json else soak_sentence(result))
    if not result.has_passed:
        raise SystemExit(ExitCode.DIFFERENT)


@cli.command(name="soak-month", hidden=True)
def soak_month_command(
    *,
    days: Annotated[int, typer.Option(min=4, help="How many.")] = 30,
    seed: Annotated[int, typer.Option(help="Of the market and of the faults.")] = 1,
    step_ms: Annotated[int, typer.Option(min=1, help="Virtual time between market messages.")] = 120_000,
) -> None:
    """Live through a month of virtual time; fails where something grows beyond its bound."""
    options = MonthOptions(
        config=Path("config/simulate.toml"),
        portfolio=Path("config/portfolios/month.toml"),
        days_count=days,
        seed=seed,
        step_ms=step_ms,
    )
    result = month(options, lambda day: typer.echo(day_sentence(day)))
    typer.echo(month_verdict(result))
    if not result.has_passed:
        raise SystemExit(ExitCode.DIFFERENT)


@cli.command(name="replay")
def replay_command(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or its name in runs/.")],
    as_json: _Json = False,
) -> None:
    """Play a run's tape again: every decision and command must come out the same, byte for byte."""
    result = replay(folder_of(run, "replay"))
    typer.echo(msgspec.json.encode(result).decode() if as_json else replay_sentence(result))
    if not result.is_equal:
        raise SystemExit(ExitCode.DIFFERENT)


@cli.command()
def probe(
    config: _Config,
    report: Annotated[Path, typer.Option(help="Markdown file for the answers; JSON goes beside it.")] = Path(
        "probe-report.md"
    ),
    delivery_wait_s: Annotated[
        float, typer.Option(min=0.0, max=86_400.0, help="Wait up to so long for the next 08:00 UTC.")
    ] = 0.0,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the test orders without being asked.")] = False,
) -> None:
    """Ask the venue's test hosts what nobody knows yet, with the smallest orders; writes a report."""
    loaded = load(config, {}, run_tag=compose.new_run_tag())
    found = compose.probe(
        loaded,
        report_path=report,
        delivery_wait_s=delivery_wait_s,
        say=lambda line: typer.echo(f"probe: {line}"),
        consent=(lambda: None) if yes else _consent,
    )
    typer.echo(f"{probe_sentence(found)}; see {report}")
    if found.left:
        raise SystemExit(ExitCode.HALTED)


def _consent() -> None:
    if not sys.stdin.isatty():
        raise ConfigError("probe: it sends orders to the test venue; add --yes to agree")
    if typer.prompt("Type trade to go on", default="", show_default=False) != "trade":
        raise ConfigError("probe: not agreed to; nothing was sent")


for _name, _command in operate.COMMANDS.items():
    cli.command(name=_name)(_command)
cli.callback()(root)
cli.command(name="version")(version)
cli.command(name="init")(init)
cli.command(name="backtest")(backtest)
cli.command(name="calibrate")(calibrate)
cli.command(name="counterfactual")(counterfactual)
cli.command(name="real-day", hidden=True)(real_day)
cli.command(name="validate", hidden=True)(validate)
cli.command(name="record")(record)
cli.command(name="sweep")(sweep)
cli.add_typer(tape_cli, name="tape")
cli.add_typer(config_cli, name="config")
cli.command(name="greeks")(greeks)
cli.command(name="why")(why)
cli.command(name="dashboard")(dashboard)
cli.command(name="tca")(tca)
cli.command(name="pnl")(pnl)
cli.command(name="scalping")(scalping)
cli.command(name="report")(report)


@cli.command(name="exchange")
def exchange_command(  # noqa: PLR0913 - the options of a command line
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes any free port.")] = 8651,
    seed: Annotated[int, typer.Option(help="Seed of the market.")] = 1,
    portfolio: _Portfolio = None,
    currency: _Currency = "BTC",
    key: Annotated[list[str] | None, typer.Option(help="ID:SECRET:SCOPES; default demo:demo.")] = None,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read one more key from standard input.")] = False,
    until_stdin_ends: Annotated[
        bool, typer.Option("--until-stdin-ends", help="End with whoever holds the other end of standard input.")
    ] = False,
    vol_scale: Annotated[float, typer.Option(min=0.0, max=20.0, help="Times the usual volatility.")] = 1.0,
    claim_production: Annotated[bool, typer.Option("--claim-production", help="Say `testnet: false`.")] = False,
    tape: Annotated[
        Path | None, typer.Option(help="Play a recorded day, or the tape of a run, on its own time.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.001, max=1000.0, help="Of the tape; 1 is as it was.")] = 1.0,
) -> None:
    """Serve a Deribit of our own on loopback: HTTP and websocket."""
    keys = [*([sys.stdin.readline().strip()] if key_stdin else []), *(key or [])]
    options = exchange.ExchangeOptions(
        port=port,
        seed=seed,
        keys=tuple(keys) or ("demo:demo",),
        portfolio=None if portfolio is None else load_portfolio(portfolio),
        currency=currency,
        vol_scale=vol_scale,
        claim_production=claim_production,
        tape=tape,
        speed_multiple=speed,
        until_stdin_ends=until_stdin_ends,
    )
    exchange.serve(options, typer.echo)


@cli.command(name="reference", hidden=True)
def reference_command(folder: Annotated[Path, typer.Argument(help="docs/reference of a checkout.")]) -> None:
    """Write the reference pages from the code."""
    reference.write(folder)


@cli.command(name="bands", hidden=True)
def bands_command(
    page: Annotated[Path, typer.Argument(help="docs/explanation/bands.md of a checkout.")],
    tables: Annotated[Path, typer.Option(help="Folder of the published tables.")] = Path("tests/reference"),
) -> None:
    """Write the measured part of the page on band policies; takes minutes."""
    bands_page.write(page, tables, typer.echo)


def _write(path: Path | None, drawn: str | None) -> None:
    if path is not None and drawn is not None:
        path.write_text(drawn)


_to_json: Final = msgspec.json.Encoder(decimal_format="number").encode
"""Money as the number it is, not as text."""


def _finish(results: list[RunResult], *, as_json: bool) -> None:
    for result in results:
        typer.echo(_to_json(result).decode() if as_json else _sentence(result))
    if needs_a_human(results):
        raise SystemExit(ExitCode.HALTED)


def _sentence(result: RunResult) -> str:
    net = "unknown" if result.net_delta_coin_final is None else f"{result.net_delta_coin_final:+.4f} {result.book}"
    match = "match" if result.positions_match else "DO NOT MATCH" if MISMATCH in result.violations else "not compared"
    pnl = result.pnl_usd
    alarms = ", ".join(f"{name} {count} times" if count > 1 else name for name, count in result.alarms.items())
    after = result.maker_mark_out_10s_bps
    rested = "" if after is None else f"; maker {result.maker_share:.0%}, its fills 10 s later {after:+.2f} bps"
    return (
        f"{result.mode}: {result.hedges} hedges, {result.fills} fills, {result.refused} refused "
        f"in {result.seconds:.0f} s; net delta ({result.convention}) {net}, "
        f"band {result.band_low_coin} to {result.band_high_coin}; positions {match}; "
        f"profit {pnl.total:+.2f} USD (options {pnl.options:+.2f}, hedge {pnl.hedge:+.2f}, "
        f"slippage {pnl.slippage:+.2f}, fees {pnl.fees:+.2f}, funding {pnl.funding:+.2f}, "
        f"collateral {pnl.collateral:+.2f}){rested}" + (f"; alarms: {alarms}" if alarms else "")
    )
