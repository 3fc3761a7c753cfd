"""One run of a sweep, in whatever process there is for it; apart from the command, whose imports workers need not pay.

Knows how a world is made of a seed or a tape; reads no configuration and prints nothing.
"""

from pathlib import Path
from types import ModuleType
from typing import Final

from msgspec import Struct, structs

from bot.app import simulated
from bot.book import BookParams
from bot.domain.errors import ConfigError
from bot.domain.portfolio import PortfolioSpec
from bot.domain.time import NS_PER_S, Ns
from bot.drive.sim_process import Audit
from bot.drive.simulate import Simulation
from bot.research import ideal
from bot.research.counterfactual import OpenRisk
from bot.research.ideal import Looks, idealised, still
from bot.research.strip import Facts, Strip, strip_of
from bot.research.sweep import Figures, Fills, figures_of
from bot.research.tapes.history import History, open_day

_MODE: Final = "sweep"


class Job(Struct, frozen=True, kw_only=True):
    """One run, with all it needs: a worker reads no configuration."""

    book: BookParams
    portfolio: PortfolioSpec
    options: simulated.SimulateOptions
    is_linear: bool
    fills: Fills


def run(job: Job) -> Figures | str:
    """One configuration, wherever there is a worker; what it came to, or why it came to nothing."""
    try:
        return _on_exchange(job) if job.fills is Fills.EXCHANGE else _ideally(job)
    except Exception as error:  # noqa: BLE001 - whatever a run raises is told with what was tried
        return f"{type(error).__name__}: {error}"


def _on_exchange(job: Job) -> Figures:
    risk = OpenRisk()
    simulation = _simulation(job, job.book, risk)
    return figures_of(simulation.run(_MODE), simulation.costs(_MODE), risk)


def _simulation(job: Job, book: BookParams, audit: Audit) -> Simulation:
    history = None if job.options.tape is None else _history(job)
    return simulated.simulation_with(book, job.portfolio, job.options, history=history, audits=(audit,))


# --- ideal fills: what a policy sees does not depend on what it does ---------------------------------------


_looked: Final[list[tuple[Job, Looks, tuple[Strip, Facts] | None]]] = []
"""The market looked at last, in this process: the configurations of a market come together."""


def _ideally(job: Job) -> Figures:
    book = idealised(job.book)
    market = structs.replace(job, book=still(book))
    if not _looked or _looked[0][0] != market:
        _looked.clear()
        seen = Looks(book)
        _simulation(market, market.book, seen).run(_MODE)
        if not seen.looks:
            raise ConfigError("fills: there is no look before the settlement window of what is held")
        _looked.append((market, seen, strip_of(seen, book) if job.fills is Fills.KERNEL else None))
    _, seen, columns = _looked[0]
    money = ideal.played(seen, book) if columns is None else _kernel().played(*columns, book)
    return money.figures((seen.looks[-1].now_ns - seen.looks[0].now_ns) / NS_PER_S)


def _kernel() -> ModuleType:
    try:
        from bot.research import kernel  # noqa: PLC0415 - of an extra, and half a second
    except ImportError:
        raise ConfigError("fills: kernel needs the extra `research`: pip install 'hedgebot[research]'") from None
    return kernel


# --- tapes -----------------------------------------------------------------------------------------------


_read: Final[dict[tuple[Path, str, bool, int], History]] = {}
"""The tape read last, in this process: the configurations of a tape come together."""


def _history(job: Job) -> History:
    tape, currency = job.options.tape, job.options.currency
    assert tape is not None, "only of tapes"
    hole_ns = job.book.trust.hedge_age_ns_max
    known = (tape, currency, job.is_linear, hole_ns)
    if known not in _read:
        _read.clear()
        _read[known] = open_day(tape, currency, Ns(hole_ns), is_linear=job.is_linear)
    return _read[known]
