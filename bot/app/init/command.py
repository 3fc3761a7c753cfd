"""The command `hedgebot init`: asks, writes a configuration that loads, and shows what it would have done.

Knows the command line and files; what is asked, reckoned, written and tried is its siblings'.
"""

import sys
import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from msgspec import structs

from bot.app.config import Config, load, load_portfolio
from bot.app.init import trial
from bot.app.init.answers import FLAGS, Answers, Asking, Prompt, answers_of
from bot.app.init.reckoned import Market, numbers_of, warnings_of
from bot.app.init.template import Names, config_text, has_linear_options, has_portfolio, portfolio_text
from bot.app.simulated import SIMULATION_TAG
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId
from bot.domain.portfolio import PortfolioSpec
from bot.domain.units import float_from_decimal
from bot.drive.simulate import FUNDS
from bot.research.tapes.history import History
from bot.sim.paths import COINS

_DAY_HOURS: Final = 24.0
_INDEX: Final = "{}_usd"


def init(  # noqa: PLR0913 - the options of a command line
    *,
    out: Annotated[Path, typer.Option(help="The configuration that is written.")] = Path("hedgebot.toml"),
    venue: Annotated[str | None, typer.Option(help="Of the hedge: deribit, okx, bybit, binance, hyperliquid.")] = None,
    currency: Annotated[str | None, typer.Option(help="Coin of the book: BTC, ETH.")] = None,
    margin: Annotated[str | None, typer.Option(help="Of the hedge: inverse (the coin), linear (dollars).")] = None,
    convention: Annotated[str | None, typer.Option(help="usd, coin, options_only, linear_usd; no default.")] = None,
    option_coins: Annotated[str | None, typer.Option(help="Coins of option the book holds at most.")] = None,
    equity_coin: Annotated[str | None, typer.Option(help="Convention usd: coins of equity in the account.")] = None,
    risk_usd_per_day: Annotated[
        str | None, typer.Option(help="USD a day that hedging may win or lose by chance; no default.")
    ] = None,
    stage: Annotated[str | None, typer.Option("--mode", help="paper, testnet, live.")] = None,
    price_usd: Annotated[
        float | None, typer.Option(min=1e-6, max=1e9, help="Of one coin; default: the tape's, else the simulation's.")
    ] = None,
    tape: Annotated[
        Path | None, typer.Option(help="Try it on this recorded day or run, not on a simulated one.")
    ] = None,
    portfolio: Annotated[
        Path | None, typer.Option(help="What is held, instead of straddles: tried, and what paper begins with.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(min=0.1, max=240.0, help="To be tried for; default a day, or all of the tape.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take defaults instead of asking.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Ask a few questions, write a configuration with limits, and show what it would have done."""
    own = out.with_name(f"{out.stem}-portfolio.toml")
    if not force:
        _refuse_over(out, own)
    flags = (venue, currency, margin, convention, option_coins, equity_coin, risk_usd_per_day, stage)
    answers = answers_of(Asking(dict(zip(FLAGS, flags, strict=True)), _prompt(), takes_defaults=yes))
    held = _held(portfolio, answers)
    history = None if tape is None else trial.opened(tape, answers.currency)
    market = _market(answers, price_usd, history)
    written = [out]
    if portfolio is None and has_portfolio(answers):
        _write(own, portfolio_text(answers), force=force)
        portfolio = own
        written.append(own)
    names = Names(
        config=str(out),
        portfolio=str(portfolio) if has_portfolio(answers) else None,
        ledger=f"sqlite:///var/{out.stem}.db",
    )
    _write(out, config_text(answers, numbers_of(answers, market), market, names), force=force)
    loaded = structs.replace(load(out, {}, run_tag=SIMULATION_TAG), portfolio=held)
    typer.echo(f"wrote {' and '.join(map(str, written))}")
    for warning in warnings_of(answers, market):
        typer.echo(f"mind: {warning}")
    typer.echo(trial.sentence(_tried(loaded, answers, history, hours)))
    typer.echo(f"next: hedgebot check --config {out}")


def _refuse_over(*files: Path) -> None:
    for file in files:
        if file.exists():
            raise ConfigError(f"--out: {file} is there already; name another, or write over it with --force")


def _prompt() -> Prompt | None:
    if not sys.stdin.isatty():
        return None

    def ask(text: str, default: str | None) -> str:
        return str(typer.prompt(text, default="" if default is None else default, show_default=default is not None))

    return ask


def _held(portfolio: Path | None, answers: Answers) -> PortfolioSpec:
    """What it is tried with."""
    if portfolio is not None:
        return load_portfolio(portfolio)
    return msgspec.convert(tomllib.loads(portfolio_text(answers)), PortfolioSpec, strict=False)


def _market(answers: Answers, price_usd: float | None, history: History | None) -> Market:
    """Where the numbers are reckoned: as given, as the tape begins, or as the simulation does."""
    start = next(coin for coin in COINS if coin.base == answers.currency)
    if price_usd is None and history is not None:
        price_usd = history.index_usd.get(_INDEX.format(answers.currency.lower()))
        if price_usd is None:
            raise ConfigError(f"--price-usd: the tape does not tell the index of {answers.currency}; give a price")
    return Market(price_usd=start.index_usd if price_usd is None else price_usd, iv=start.vol_year)


def _write(file: Path, text: str, *, force: bool) -> None:
    try:
        with file.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        _refuse_over(file)
    except OSError as error:
        raise ConfigError(f"--out: cannot write {file}: {error.strerror}") from None


def _tried(config: Config, answers: Answers, history: History | None, hours: float | None) -> trial.Tried:
    """With the equity that was asked for, and on a tape with a hedge that it can have."""
    book, currency = config.book(answers.currency), answers.currency
    if answers.equity_coin:
        others_coin = float_from_decimal(FUNDS[currency]) - answers.equity_coin
        book = structs.replace(book, treasury_coin=others_coin)
    if history is None:
        return trial.on_a_drawn_day(structs.replace(config, books=(book,)), currency, hours or _DAY_HOURS)
    if not has_linear_options(answers):
        book = structs.replace(book, hedge_instrument=InstrumentId(f"{currency}-PERPETUAL"))
    return trial.on_a_tape(
        structs.replace(config, books=(book,)),
        history,
        currency=currency,
        hours=hours,
        is_linear=has_linear_options(answers),
    )
