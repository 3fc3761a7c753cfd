"""The command `hedgebot backtest`: a policy on a recorded day, with the daemon's engine on the virtual clock.

Knows the command line and how a recorded run is put together; what came of it is in the words of `research`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct, structs

from bot.app import compose, overrides, simulated
from bot.app.config import Config, load
from bot.app.exit_codes import ExitCode
from bot.domain.errors import ConfigError
from bot.domain.instruments import Settlement
from bot.domain.portfolio import LegSpec
from bot.domain.time import Ns
from bot.drive.sim_process import Audit
from bot.research import backtest_table
from bot.research.backtest import Backtest, Look, as_json, backtest_of
from bot.research.tapes import defects
from bot.research.tapes.history import History, open_day
from bot.sim.impact import Impact

CONFIG: Final = Path("config/tape.toml")
_MODE: Final = "backtest"
_STEP_MS: Final = 1_000

TapeArgument = Annotated[Path, typer.Option(help="A run's folder, a recorded file, or a folder of recorded files.")]
Policy = Annotated[str | None, typer.Option(help="Band policy; default: the configuration's.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of the book: `band.interval_s=300`.")]


class Asked(Struct, frozen=True, kw_only=True):
    """One backtest."""

    config: Path
    currency: str
    portfolio: Path | None = None
    policy: str | None = None
    assignments: tuple[str, ...] = ()
    is_linear: bool = False
    seed: int = 1
    hours: float | None = None
    impact_usd_per_coin: float | None = None
    tape_out: Path | None = None


def backtest(  # noqa: PLR0913 - the options of a command line
    tape: TapeArgument,
    *,
    portfolio: Annotated[Path | None, typer.Option(help="Portfolio file; overrides the configuration.")] = None,
    policy: Policy = None,
    assignments: Set = None,
    currency: Annotated[str, typer.Option(help="Coin of the book.")] = "BTC",
    linear: Annotated[
        bool, typer.Option("--linear", help="As if the chain were settled in USDC, hedged with the linear perpetual.")
    ] = False,
    config: Annotated[Path, typer.Option(help="Configuration of the book.")] = CONFIG,
    seed: Annotated[int, typer.Option(help="Seed of the exchange.")] = 1,
    hours: Annotated[float | None, typer.Option(min=0.01, help="Of the tape; default all.")] = None,
    impact_usd_per_coin: Annotated[
        float | None, typer.Option(min=0.0, max=1_000.0, help="What taking a coin moves the perpetual by, for a while.")
    ] = None,
    defects_out: Annotated[Path | None, typer.Option("--defects", help="Every defect of the tape, as CSV.")] = None,
    tape_out: Annotated[
        Path | None, typer.Option(help="Folder for the tape of this run; `why` and `tca` read it.")
    ] = None,
    as_json_line: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Play a recorded day under a policy: hedges, costs, variance left, profit taken apart; holes are not traded."""
    asked = Asked(
        config=config,
        currency=currency.upper(),
        portfolio=portfolio,
        policy=policy,
        assignments=tuple(assignments or ()),
        is_linear=linear,
        seed=seed,
        hours=hours,
        impact_usd_per_coin=impact_usd_per_coin,
        tape_out=tape_out,
    )
    loaded = loaded_of(asked)
    history = history_of(tape, asked, loaded)
    if defects_out is not None:
        try:
            defects.write(defects_out, history.defects)
        except OSError as error:
            raise ConfigError(f"--defects: cannot write {defects_out}: {error.strerror}") from None
    result = played(asked, loaded, history)
    typer.echo(as_json(result) if as_json_line else backtest_table.as_text(result))
    if not result.closes:
        raise SystemExit(ExitCode.DIFFERENT)


def loaded_of(asked: Asked) -> Config:
    """The configuration with what was asked for laid over it."""
    wanted: dict[str, object] = {} if asked.portfolio is None else {"portfolio": asked.portfolio}
    linear: dict[str, object] = {}
    if asked.is_linear:
        linear = {"books": {asked.currency.lower(): {"hedge_instrument": f"{asked.currency}_USDC-PERPETUAL"}}}
    book = overrides.of_book(asked.currency, asked.policy, asked.assignments)
    loaded = load(asked.config, overrides.merged(wanted, linear, book), run_tag=simulated.SIMULATION_TAG)
    if asked.is_linear and loaded.portfolio is not None:
        legs = tuple(map(_in_usdc, loaded.portfolio.legs))
        loaded = structs.replace(loaded, portfolio=structs.replace(loaded.portfolio, legs=legs))
    return loaded


def _in_usdc(leg: LegSpec) -> LegSpec:
    name = leg.instrument
    if name is not None and "_" not in name:
        name = name.replace("-", "_USDC-", 1)
    return structs.replace(leg, instrument=name, settlement=Settlement.USD)


def history_of(tape: Path, asked: Asked, loaded: Config) -> History:
    """The recorded day; what the bot calls old is what counts as a hole."""
    hole_ns = Ns(loaded.book(asked.currency).trust.hedge_age_ns_max)
    return open_day(tape, asked.currency, hole_ns, is_linear=asked.is_linear)


def played(asked: Asked, loaded: Config, history: History, audits: Sequence[Audit] = ()) -> Backtest:
    """Run one; `audits` see every event of it as well."""
    options = simulated.SimulateOptions(
        seed=asked.seed,
        hours=asked.hours,
        step_ms=_STEP_MS,
        tape=Path(history.files[0].name),
        currency=asked.currency,
        impact=None if asked.impact_usd_per_coin is None else Impact(passing_usd_per_coin=asked.impact_usd_per_coin),
        tape_out=asked.tape_out,
    )
    params = loaded.book(asked.currency)
    look = Look(params)
    with compose.tape_of(loaded, options, history.start_ns) as tape:
        try:
            simulation = simulated.simulation_of(loaded, options, tape, history=history, audits=(look, *audits))
            return backtest_of(params, simulation, look, history, _MODE)
        except ValueError as error:
            raise ConfigError(f"portfolio: {error}") from error
