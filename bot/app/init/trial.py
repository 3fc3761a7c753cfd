"""What a configuration would have done: a simulated day, or a tape, in two lines.

Knows how a run on the virtual clock is put together; the numbers are the engine's own.
"""

from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from bot.app.backtest import Asked, played
from bot.app.config import Config
from bot.app.simulated import SimulateOptions, simulation_of
from bot.domain.decided import Outcome
from bot.domain.errors import ConfigError
from bot.domain.events import Event
from bot.domain.reasons import Action
from bot.domain.time import NS_PER_S, Ns
from bot.engine import Engine
from bot.research.tapes.history import History, in_usdc, open_history

SEED: Final = 1
_STEP_MS: Final = 60_000
"""A day is a day of prices, not of ticks: a look a minute takes seconds."""
_MODE: Final = "init"
_ROW_NS_MAX: Final = Ns(660 * NS_PER_S)
"""What config/tape.toml calls old on a day that was recorded every five minutes."""


class Excursions:
    """How far the net delta was beyond its band once it had been inside; and why nothing was hedged in the end."""

    def __init__(self) -> None:
        """Nothing seen."""
        self.worst_coin = 0.0
        self.refusal = ""
        """Of the last decision; empty where it was none."""
        self._has_been_inside = False

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        del engine, event
        seen = outcome.decided
        if seen is not None:
            self.refusal = f"{seen.reason.value}: {seen.detail}" if seen.action is Action.REFUSE else ""
        if seen is None or seen.delta_coin_net is None or seen.band_low_coin is None or seen.band_high_coin is None:
            return
        beyond = max(seen.band_low_coin - seen.delta_coin_net, seen.delta_coin_net - seen.band_high_coin, 0.0)
        self._has_been_inside |= beyond == 0.0
        if self._has_been_inside:
            self.worst_coin = max(self.worst_coin, beyond)


class Tried(Struct, frozen=True, kw_only=True):
    """What came of it."""

    source: str
    """What was played, in words."""
    book: str
    hours: float
    hedges_count: int
    cost_usd: float
    """Half spread, waiting, depth and fees; positive is paid."""
    profit_usd: float
    worst_excursion_coin: float
    band_low_coin: float | None
    band_high_coin: float | None
    """At the end."""
    refusal: str
    """Why it would not hedge at the end; empty where it would."""
    problems: tuple[str, ...]
    """What should not have been; empty when nothing was."""


def on_a_drawn_day(config: Config, currency: str, hours: float) -> Tried:
    """From a seed, a look a minute; ConfigError where the book cannot be put into that world."""
    seen = Excursions()
    options = SimulateOptions(seed=SEED, hours=hours, step_ms=_STEP_MS, tape=None, currency=currency)
    try:
        simulation = simulation_of(config, options, audits=(seen,))
        run = simulation.run(_MODE)
    except ValueError as error:
        raise ConfigError(f"portfolio: {error}") from error
    return Tried(
        source=f"{hours:g} simulated hours (seed {SEED}, a look a minute)",
        book=currency,
        hours=hours,
        hedges_count=run.hedges,
        cost_usd=simulation.costs(_MODE).totals.total.usd,
        profit_usd=run.pnl_usd.total,
        worst_excursion_coin=seen.worst_coin,
        band_low_coin=run.band_low_coin,
        band_high_coin=run.band_high_coin,
        refusal=seen.refusal,
        problems=tuple(run.violations),
    )


def opened(tape: Path, currency: str) -> History:
    """A recorded day or a run's tape; ConfigError where nothing of it can be played."""
    return open_history([tape], currency, _ROW_NS_MAX)


def on_a_tape(config: Config, history: History, *, currency: str, hours: float | None, is_linear: bool) -> Tried:
    """As `hedgebot backtest` plays it."""
    asked = Asked(config=Path(), currency=currency, is_linear=is_linear, hours=hours)
    loaded = config if history.is_continuous else _patient(config)
    seen = Excursions()
    result = played(asked, loaded, in_usdc(history) if is_linear else history, audits=(seen,))
    return Tried(
        source=f"{history.files[0].name} ({result.tape.start[:16]}Z on)",
        book=currency,
        hours=result.run.seconds / 3600.0,
        hedges_count=result.hedges,
        cost_usd=result.costs_usd.total,
        profit_usd=result.pnl_usd,
        worst_excursion_coin=seen.worst_coin,
        band_low_coin=result.run.band_low_coin,
        band_high_coin=result.run.band_high_coin,
        refusal=seen.refusal,
        problems=result.violations,
    )


def _patient(config: Config) -> Config:
    """The same books where a recorded row may be minutes old."""
    books = tuple(
        structs.replace(
            book,
            trust=structs.replace(book.trust, option_age_ns_max=_ROW_NS_MAX, hedge_age_ns_max=_ROW_NS_MAX),
        )
        for book in config.books
    )
    return structs.replace(config, books=books)


def sentence(tried: Tried) -> str:
    """Two lines, and one for each thing that should not have been."""
    band = "no band"
    if tried.band_low_coin is not None and tried.band_high_coin is not None:
        band = f"[{tried.band_low_coin:+.4f}, {tried.band_high_coin:+.4f}] at the end"
    done = (
        f"tried on {tried.source}: {tried.hedges_count} hedges in {tried.hours:.1f} h, "
        f"{tried.cost_usd:,.2f} USD of hedging cost; profit of options and hedges {tried.profit_usd:+,.2f} USD"
    )
    worst = (
        f"net delta at worst {tried.worst_excursion_coin:.4f} {tried.book} beyond its band ({band}) before a hedge "
        "brought it back"
    )
    is_blind = tried.refusal and tried.band_low_coin is None
    refused = [f"it would not hedge at the end: {tried.refusal}"] if is_blind else []
    return "\n".join([done, worst, *refused, *(f"NOT AS IT SHOULD BE: {problem}" for problem in tried.problems)])
