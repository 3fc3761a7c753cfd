"""What each tactic costs at equal residual variance: `make tactics` plays it and writes the table into the docs.

Every candidate runs the whole simulator on common seeds. What it cost is fees and, for each fill, the way from its
price to the venue's mark a second later: adverse selection is in it, whoever was the maker. What it left open is the
integral of (open delta x volatility x price)^2. Taking has a frontier, one point for each risk aversion; a tactic is
compared with the point of it that leaves the tactic's own variance. docs/explanation/tactics.md.
"""

import argparse
import itertools
import math
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import structs

from bot.app import simulated
from bot.app.config import Config, load
from bot.domain.decided import FillBooked, Outcome
from bot.domain.events import Event, Ticked
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.drive.simulate import Simulation
from bot.hedging.bands import whalley_wilmott
from bot.risk.profit import move_usd

_ROOT: Final = Path(__file__).resolve().parents[2]
_DOC: Final = _ROOT / "docs/explanation/tactics.md"
_MARK: Final = "<!-- written by make tactics -->\n"
AVERSION_PER_USD: Final = 0.008
"""Ten thousand relative to the book: a narrow band, a hundred hedges an hour. A wide one is kinder to what waits."""
FRONTIER: Final = (0.25, 1.0, 4.0)
"""Times that, of the points of the frontier; every tactic is played at 1."""
TACTICS: Final = ("auto", "rest_then_cross")
_COLUMNS: Final = (
    *(
        "takers",
        "tactic",
        "cost, bps of traded",
        "of it fees",
        "cost by the mark 10 s later",
        "cost, USD an hour",
        "`cross` at equal variance",
    ),
    *("saves", "maker share", "maker's mark-out 10 s, bps", "orders an hour"),
)
_STEP_NS: Final = Ns(NS_PER_S)
_AFTER_NS: Final = (Ns(NS_PER_S), Ns(10 * NS_PER_S))
_CONFIG: Final = """
mode = "simulate"

[books.btc]
convention = "options_only"

[books.btc.tactic]
name = "{tactic}"

[books.btc.limits]
order_usd_max = 10_000_000
hedge_position_usd_max = 100_000_000
delta_coin_worst_max = 1000
orders_per_minute_max = 240
"""
_PORTFOLIO: Final = """
[[legs]]
kind = "call"
expiry = "2nd"
strike = "atm"
qty_coin = "10"

[[legs]]
kind = "put"
expiry = "2nd"
strike = "atm"
qty_coin = "10"
"""


class Played(NamedTuple):
    """One run, or several added up; USD but for the counts."""

    traded: float
    fees: float
    from_mark: float
    """Against us: fill prices to the mark a second later. Takers know one step ahead: what comes after is noise."""
    from_mark_10s: float
    """The same ten seconds later: the same mean, three times the noise."""
    variance: float
    """USD squared."""
    made: float
    """Traded as maker, of the fills whose mark-out is known."""
    made_after: float
    """What the maker's fills had made at the mid ten seconds later."""
    orders: float

    @property
    def cost(self) -> float:
        """All of it."""
        return self.fees + self.from_mark

    @property
    def mark_out_bps(self) -> float:
        """Of the maker's fills, ten seconds later; zero without any."""
        return 1e4 * self.made_after / self.made if self.made else 0.0


class Candidate(NamedTuple):
    """What is played."""

    tactic: str
    takers_scale: float
    aversion_scale: float = 1.0


class Compared(NamedTuple):
    """A tactic against taking, at its own variance."""

    played: Played
    cross_cost: float
    saving: float
    """Share of what taking would have cost."""
    error: float
    """Standard error of the saving, by leaving out one seed at a time."""
    mark_out_error_bps: float
    """The same of the maker's mark-out."""


def configured(tactic: str) -> Config:
    """The book of a tactic."""
    with tempfile.TemporaryDirectory() as folder:
        file, portfolio = Path(folder, "config.toml"), Path(folder, "portfolio.toml")
        file.write_text(_CONFIG.format(tactic=tactic))
        portfolio.write_text(_PORTFOLIO)
        return load(file, {"portfolio": portfolio}, run_tag=simulated.SIMULATION_TAG)


def play(candidate: Candidate, seed: int, hours: float) -> Played:
    """One run."""
    config = configured(candidate.tactic)
    aversion_per_usd = AVERSION_PER_USD * candidate.aversion_scale
    band = whalley_wilmott.Params(risk_aversion_per_usd=aversion_per_usd)
    config = structs.replace(config, books=tuple(structs.replace(book, band=band) for book in config.books))
    options = simulated.SimulateOptions(
        seed=seed,
        hours=hours,
        step_ms=_STEP_NS // NS_PER_MS,
        tape=None,
        currency="BTC",
        takers_scale=candidate.takers_scale,
    )
    return _Watch(simulated.simulation_of(config, options)).run(aversion_per_usd)


class _Watch:
    """Follows one run from beside it."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._perp = simulation._params.book.hedge_instrument
        self._waiting: list[tuple[Ns, Ns, float, float]] = []
        """When a fill is looked at again, how long after it, its amount and price, native."""
        self._from_mark = dict.fromkeys(_AFTER_NS, 0.0)
        _hold_still_between_steps(simulation)
        self._count = simulation.tally.saw
        simulation.tally.saw = self._saw  # type: ignore[method-assign]

    def _saw(self, event: Event, outcome: Outcome) -> None:
        self._count(event, outcome)
        for note in outcome.notes:
            if isinstance(note, FillBooked):
                now_ns = self._simulation._exchange.now_ns
                amount, price = float_from_decimal(note.amount_native), float_from_decimal(note.price_native)
                self._waiting += [(Ns(now_ns + after_ns), after_ns, amount, price) for after_ns in _AFTER_NS]
        if isinstance(event, Ticked):
            self._settle(event.now_ns)

    def _settle(self, now_ns: Ns) -> None:
        """Fills whose time has come, against the venue's own mark: no order of ours can hold that up."""
        exchange = self._simulation._exchange
        due = [fill for fill in self._waiting if fill[0] <= now_ns]
        if due:
            mark, spec = exchange.mark(self._perp)[0], exchange.instrument(self._perp)
            for _, after_ns, amount, price in due:
                self._from_mark[after_ns] -= move_usd(spec, amount, price, mark)
            self._waiting = [fill for fill in self._waiting if fill[0] > now_ns]

    def run(self, aversion_per_usd: float) -> Played:
        """To the end; a violation is an error."""
        result = self._simulation.run("compared")
        self._settle(Ns(2**62))
        assert not result.violations, f"a run that is not in order says nothing: {result.violations}"
        report = self._simulation.costs("compared")
        assert report.risk_usd is not None, "no risk aversion"
        after = report.maker_mark_outs["after_10_s"]
        return Played(
            traded=report.totals.traded_usd,
            fees=report.totals.fees.usd,
            from_mark=self._from_mark[_AFTER_NS[0]],
            from_mark_10s=self._from_mark[_AFTER_NS[1]],
            variance=2.0 * report.risk_usd / aversion_per_usd,
            made=report.totals.traded_usd * (report.totals.maker_share or 0.0),
            made_after=0.0 if after is None else after.usd,
            orders=float(result.orders),
        )


def _hold_still_between_steps(simulation: Simulation) -> None:
    """Draw the price at whole steps alone: drawn at every order as well, it would be another path for every tactic."""
    exchange = simulation._exchange
    advance, start_ns = exchange._market.advance, exchange.now_ns

    def at_steps(now_ns: Ns) -> None:
        advance(Ns(now_ns - (now_ns - start_ns) % _STEP_NS))

    exchange._market.advance = at_steps  # type: ignore[method-assign]


# --- comparison --------------------------------------------------------------------------------------------------


def added(runs: Iterable[Played]) -> Played:
    """Runs of several seeds as one."""
    return Played(*(sum(column) for column in zip(*runs, strict=True)))


def cost_at(frontier: Sequence[Played], variance: float) -> float:
    """What taking costs where it leaves this variance: a line in logarithms between the points around it."""
    points = sorted((math.log(point.variance), math.log(point.cost)) for point in frontier)
    at = math.log(variance)
    assert points[0][0] <= at <= points[-1][0], f"variance {variance:.4g} lies outside the frontier: widen it"
    for (left, low), (right, high) in itertools.pairwise(points):
        if at <= right:
            return math.exp(low + (high - low) * (at - left) / (right - left))
    raise AssertionError("between the ends")


def compare(runs: Sequence[Played], frontier: Sequence[Sequence[Played]]) -> Compared:
    """A tactic against the frontier, both by seed in the same order."""

    def saving(kept: Sequence[int]) -> tuple[Played, float, float]:
        ours = added(runs[index] for index in kept)
        cost = cost_at([added(point[index] for index in kept) for point in frontier], ours.variance)
        return ours, cost, 1.0 - ours.cost / cost

    whole = range(len(runs))
    ours, cost, share = saving(whole)
    without = [saving([index for index in whole if index != one]) for one in whole] if len(runs) > 1 else []
    return Compared(
        played=ours,
        cross_cost=cost,
        saving=share,
        error=_error([left for _, _, left in without]),
        mark_out_error_bps=_error([left.mark_out_bps for left, _, _ in without]),
    )


def _error(left_out: Sequence[float]) -> float:
    """Standard error by the jackknife; not known of one seed."""
    count = len(left_out)
    if count == 0:
        return math.nan
    mean = sum(left_out) / count
    return math.sqrt((count - 1) / count * sum((value - mean) ** 2 for value in left_out))


def compared(
    seeds: Sequence[int], hours: float, scales: Sequence[float], tactics: Sequence[str] = TACTICS
) -> dict[Candidate, Compared]:
    """Every tactic at every intensity of takers, on common seeds; taking, which does not depend on them, once."""
    frontier = [[play(Candidate("cross", 1.0, by), seed, hours) for seed in seeds] for by in FRONTIER]
    found = {Candidate("cross", 1.0): compare(frontier[FRONTIER.index(1.0)], frontier)}
    for scale, tactic in itertools.product(scales, tactics):
        candidate = Candidate(tactic, scale)
        found[candidate] = compare([play(candidate, seed, hours) for seed in seeds], frontier)
    return found


def table(found: dict[Candidate, Compared], seeds: Sequence[int], hours: float) -> str:
    """In Markdown."""
    lines = [
        f"{len(seeds)} seeds from {seeds[0]}, {hours:g} h each.",
        "",
        "| " + " | ".join(_COLUMNS) + " |",
        "|---" * len(_COLUMNS) + "|",
    ]
    whole = len(seeds) * hours
    for candidate, (played, cross_cost, saving, error, mark_out_error_bps) in found.items():
        bps = 1e4 / played.traded
        made = "" if played.made == 0.0 else f"{played.mark_out_bps:+.2f} ± {mark_out_error_bps:.2f}"
        saved = "" if candidate.tactic == "cross" else f"{saving:.0%} ± {error:.0%}"
        takers = "any" if candidate.tactic == "cross" else f"{candidate.takers_scale:g}"
        lines.append(
            f"| {takers} | `{candidate.tactic}` | {played.cost * bps:.2f} | {played.fees * bps:.2f} "
            f"| {(played.fees + played.from_mark_10s) * bps:.2f} "
            f"| {played.cost / whole:.2f} | {cross_cost / whole:.2f} | {saved} | {played.made / played.traded:.0%} "
            f"| {made} | {played.orders / whole:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Play, print, and with the defaults write the docs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=14, help="how many")
    parser.add_argument("--first", type=int, default=1, help="first of them")
    parser.add_argument("--hours", type=float, default=0.5, help="of each run")
    parser.add_argument("--takers", type=float, nargs="+", default=[1.0, 0.5, 0.0], help="times the fitted intensity")
    parser.add_argument("--write", action="store_true", help="put the table into docs/explanation/tactics.md")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    text = table(compared(seeds, given.hours, given.takers), seeds, given.hours)
    sys.stdout.write(text)
    if given.write:
        before, mark, _ = _DOC.read_text().partition(_MARK)
        assert mark, f"{_DOC} has no place for the table"
        _DOC.write_text(before + mark + text)


if __name__ == "__main__":
    main()
