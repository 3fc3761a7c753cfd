"""The command `hedgebot calibrate`: a portfolio and a tape to numbers for a book, as a table, JSON and TOML.

Knows where facts come from; the numbers are `research.calibrate`'s.
"""

import math
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from bot.app.config import load_portfolio
from bot.app.greeks.figures import Sheet
from bot.app.greeks.sheet import Choices, sheet
from bot.app.greeks.snapshot import Snapshot, from_folder, moments
from bot.domain.errors import ConfigError
from bot.domain.ids import DERIBIT, InstrumentId
from bot.domain.portfolio import resolve
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.domain.units import coin_from_amount, float_from_decimal
from bot.research.calibrate import Facts, Proposal, RungFact, Wish, as_toml, propose, realised_vol, worst_move
from bot.venues.registry import option_side_of

_STEP_NS: Final = Ns(300 * NS_PER_S)
_STEPS_PER_HOUR: Final = 12
_DAYS_PER_YEAR: Final = 365.0
_STANDARD_FEE: Final = 0.00035
"""Deribit's taker fee of futures, September 2026 (exchange facts 0.4), where the tape has no hedge instrument."""
_STANDARD_LOT_COIN: Final = 0.0001
_WIDTH: Final = 200


def calibrate(  # noqa: PLR0913 - the options of a command line
    portfolio: Annotated[Path, typer.Option(help="Portfolio file.")],
    tape: Annotated[Path, typer.Option(help="Market: a run's tape or a recorded day.")],
    *,
    at: Annotated[str | None, typer.Option(help="Moment of the tape (ISO, Z); default its end.")] = None,
    currency: Annotated[str, typer.Option(help="Coin of the book.")] = "BTC",
    budget_usd_day: Annotated[
        float | None, typer.Option(help="A day of this deviation counts as a loss of it.")
    ] = None,
    equity_usd: Annotated[float | None, typer.Option(help="Equity of the account, for the cushion.")] = None,
    floor_usd: Annotated[float | None, typer.Option(help="What must be kept of it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line.")] = False,
) -> None:
    """Propose risk budget, band and limits for a portfolio, each with its reason. Changes nothing."""
    wish = _wish(budget_usd_day, equity_usd, floor_usd)
    try:
        at_ns = None if at is None else ns_from_iso(at)
    except ValueError as error:
        raise ConfigError(f"--at: {error}") from None
    coin = currency.upper()
    proposal = propose(facts_of(portfolio, tape, coin, at_ns), wish)
    toml = as_toml(proposal, coin)
    if as_json:
        typer.echo(msgspec.json.encode({**msgspec.to_builtins(proposal), "toml": toml}).decode())
    else:
        typer.echo(f"{_table(proposal)}\n{toml}", nl=False)


def _wish(budget: float | None, equity: float | None, floor: float | None) -> Wish:
    for option, value in (("--budget-usd-day", budget), ("--equity-usd", equity)):
        if value is not None and not 0.0 < value < math.inf:
            raise ConfigError(f"{option}: {value} is not a positive number")
    if (equity is None) != (floor is None):
        raise ConfigError(f"--{'equity' if equity is None else 'floor'}-usd: is missing; the cushion needs both")
    wish = Wish(budget_usd_per_day=budget, equity_usd=equity, floor_usd=floor)
    if floor is not None and (not math.isfinite(floor) or wish.cushion_usd is None or wish.cushion_usd <= 0.0):
        raise ConfigError(f"--floor-usd: {floor:g} leaves no cushion below an equity of {equity or 0.0:g}")
    return wish


def facts_of(portfolio: Path, tape: Path, coin: str, at_ns: Ns | None) -> Facts:
    """Greeks at the moment, the market up to it; ConfigError says what is missing."""
    snapshot = from_folder(tape, coin, at_ns)
    index_usd = snapshot.index_usd(coin)
    if index_usd is None:
        raise ConfigError(f"--currency: nothing of {coin} is known in {snapshot.source}")
    found = _figures(snapshot, portfolio, coin, index_usd)
    weights = [abs(option.qty_coin * option.gamma_coin_per_usd) for option in found.options]
    gamma = sum(option.qty_coin * option.gamma_coin_per_usd for option in found.options)
    if gamma == 0.0:
        raise ConfigError("portfolio: it has no gamma at this moment, so there is nothing to calibrate a band to")
    closes, days = _closes(tape, coin, at_ns)
    cost, lot_coin = _hedge(snapshot, coin, index_usd)
    return Facts(
        option_coin_gross=max(_coins(found, "call"), _coins(found, "put")),
        gamma_coin_per_usd=gamma,
        price_usd=index_usd,
        iv=_weighted(weights, [option.iv for option in found.options]),
        tau_years=_weighted(weights, [option.hours_left / 24.0 / _DAYS_PER_YEAR for option in found.options]),
        cost_fraction=cost,
        lot_coin=lot_coin,
        days_seen=days,
        vol_per_root_year=realised_vol(closes),
        worst_step_fraction=worst_move(closes, 1),
        worst_hour_fraction=worst_move(closes, _STEPS_PER_HOUR),
        rungs=tuple(
            RungFact(spot_share=rung.spot_share, delta_coin_net=rung.delta_coin_net, pnl_usd=rung.pnl_usd)
            for rung in found.ladder
        ),
    )


def _figures(snapshot: Snapshot, portfolio: Path, coin: str, index_usd: float) -> Sheet:
    try:
        held = resolve(
            load_portfolio(portfolio),
            base=coin,
            listed=list(snapshot.listed.values()),
            index_usd=index_usd,
            now_ns=snapshot.now_ns,
        )
    except ValueError as error:
        raise ConfigError(f"portfolio: {error}") from None
    found = sheet(snapshot, held, Choices(with_ladder=True, window=option_side_of(DERIBIT).settlement_window))
    for name, why in found.unvalued.items():
        raise ConfigError(f"portfolio: {name} cannot be valued: {why}")
    return found


def _coins(found: Sheet, kind: str) -> float:
    return sum(abs(option.qty_coin) for option in found.options if option.kind == kind)


def _weighted(weights: list[float], values: list[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)


def _closes(tape: Path, coin: str, at_ns: Ns | None) -> tuple[list[float], float]:
    """Index every five minutes, and the days it spans."""
    closes: list[float] = []
    first_ns = last_ns = None
    for rows in moments(tape, coin, at_ns, _STEP_NS):
        known = [(quote.time_ns, quote.index_usd) for spec, quote in rows if spec.base == coin and quote.index_usd]
        if known:
            last_ns, close = max(known)
            first_ns = last_ns if first_ns is None else first_ns
            closes.append(close)
    days = 0.0 if first_ns is None or last_ns is None else (last_ns - first_ns) / (86_400 * NS_PER_S)
    return closes, days


def _hedge(snapshot: Snapshot, coin: str, index_usd: float) -> tuple[float, float]:
    """(cost of taking it as a fraction, its lot in coins) of the coin's inverse perpetual, or Deribit's standard."""
    name = InstrumentId(f"{coin}-PERPETUAL")
    spec, quote = snapshot.listed.get(name), snapshot.quotes.get(name)
    if spec is None or quote is None:
        return _STANDARD_FEE, _STANDARD_LOT_COIN
    half = 0.0
    if quote.bid_native is not None and quote.ask_native is not None:
        half = max(0.5 * (quote.ask_native - quote.bid_native), 0.0)
    fee = max(float_from_decimal(spec.fee_rate_taker), 0.0)
    return fee + half / index_usd, coin_from_amount(spec, spec.lot_native, index_usd)


def _table(proposal: Proposal) -> str:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, justify in (("number", "left"), ("value", "right"), ("unit", "left"), ("why", "left")):
        table.add_column(column, justify="right" if justify == "right" else "left", overflow="fold")
    for item in proposal.numbers:
        table.add_row(item.name, f"{item.value:,.6g}", item.unit, item.reason)
    console = Console(width=_WIDTH, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(table)
        for warning in proposal.warnings:
            console.print(f"WARNING: {warning}")
    return captured.get()
