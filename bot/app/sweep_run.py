"""One run of a sweep, in whatever process there is for it; apart from the command, whose imports workers need not pay.

Knows how a world is made of a seed or a tape; reads no configuration and prints nothing.
"""

from pathlib import Path
from typing import Final

from msgspec import Struct

from bot.app import simulated
from bot.book import BookParams
from bot.domain.portfolio import PortfolioSpec
from bot.domain.time import Ns
from bot.research.counterfactual import OpenRisk
from bot.research.sweep import Figures, figures_of
from bot.research.tapes.history import History, open_day

_MODE: Final = "sweep"


class Job(Struct, frozen=True, kw_only=True):
    """One run, with all it needs: a worker reads no configuration."""

    book: BookParams
    portfolio: PortfolioSpec
    options: simulated.SimulateOptions
    is_linear: bool


def run(job: Job) -> Figures | str:
    """One configuration, wherever there is a worker; what it came to, or why it came to nothing."""
    try:
        risk = OpenRisk()
        history = None if job.options.tape is None else _history(job)
        simulation = simulated.simulation_with(job.book, job.portfolio, job.options, history=history, audits=(risk,))
        return figures_of(simulation.run(_MODE), simulation.costs(_MODE), risk)
    except Exception as error:  # noqa: BLE001 - whatever a run raises is told with what was tried
        return f"{type(error).__name__}: {error}"


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
