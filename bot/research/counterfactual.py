"""A run's own tape under other policies, tactics and conventions: what each would have cost, and left open.

Knows parameters of a book and engines that are fed; how a world is made of the tape is the caller's. The run itself
is measured by the same look, its tape replayed.
"""

import math
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, structs

from bot.book import BookParams
from bot.domain.decided import Outcome
from bot.domain.events import Event, Ticked
from bot.domain.time import NS_PER_S, Ns
from bot.engine import Engine
from bot.execution.tactics import auto, cross, rest_then_cross
from bot.hedging.bands import delta_percent, fixed, time_based, whalley_wilmott
from bot.observe.costs import CostReport
from bot.research.frontier import Dot, Words, draw
from bot.risk.conventions import Convention

_STEP_NS: Final = Ns(10 * NS_PER_S)
"""Between two looks at what is open."""
_AVERSIONS: Final = (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 100.0)
_EDGES: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
_INTERVALS_S: Final = (60.0, 300.0, 900.0, 3_600.0)
_PERCENTS: Final = (2.0, 5.0, 10.0, 20.0)
_WINDOW: Final = 20.0
"""Drawn as far as so many times the run's cost and deviation, and down to one over it."""


class OpenRisk:
    """What the delta left open made: net delta times index move, squared, look by look; of one book."""

    def __init__(self) -> None:
        """Nothing seen."""
        self.squared_usd = 0.0
        self.unhedged_squared_usd = 0.0
        """The same of the options alone."""
        self._last: tuple[Ns, float, float, float] | None = None
        self._began_ns: Ns | None = None

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        del engine
        seen = outcome.decided
        if not isinstance(event, Ticked) or seen is None:
            return
        if seen.delta_coin_net is None or seen.delta_coin_options is None or seen.index_usd is None:
            return
        if self._last is not None:
            at_ns, net, options, index_usd = self._last
            if seen.now_ns - at_ns < _STEP_NS:
                return
            move = seen.index_usd - index_usd
            self.squared_usd += (net * move) ** 2
            self.unhedged_squared_usd += (options * move) ** 2
        self._last = (seen.now_ns, seen.delta_coin_net, seen.delta_coin_options, seen.index_usd)


class Way(Struct, frozen=True, kw_only=True):
    """One way to hedge, and what came of it."""

    group: str
    """Policy, or `tactic`, or `convention`, as what was changed; `the run` for the run itself."""
    name: str
    hedges_count: int
    fills_count: int
    cost_usd: float
    fees_usd: float
    residual_usd: float
    """Root of the sum of squares: the deviation the open delta made over the run."""
    residual_ratio: float | None
    """Its square over that of the options alone; None where nothing moved."""
    pnl_usd: float
    violations: tuple[str, ...] = ()


class Counterfactual(Struct, frozen=True, kw_only=True):
    """All of them."""

    run_id: str
    book: str
    actual: Way
    again: Way
    """The run's own parameters on the counterfactual's exchange: what the exchange itself changes."""
    others: tuple[Way, ...]


def variants(params: BookParams) -> Iterator[tuple[str, str, BookParams]]:
    """(group, name, parameters): one thing changed at a time."""
    bands: list[tuple[str, str, object]] = [
        ("whalley_wilmott", f"risk_aversion_relative {value:g}", whalley_wilmott.Params(risk_aversion_relative=value))
        for value in _AVERSIONS
    ]
    bands += [
        (
            "fixed",
            f"{value:g} per option",
            fixed.Params(low_coin_per_option_coin=-value, high_coin_per_option_coin=value),
        )
        for value in _EDGES
    ]
    bands += [("time_based", f"every {value:g} s", time_based.Params(interval_s=value)) for value in _INTERVALS_S]
    bands += [
        ("delta_percent", f"{value:g} %", delta_percent.Params(percent=value, half_coin_min=params.trade_coin_min))
        for value in _PERCENTS
    ]
    for group, name, band in bands:
        if band != params.band:
            yield group, name, structs.replace(params, band=band)
    for tactic in (cross.Params(), rest_then_cross.Params(), auto.Params()):
        if type(tactic) is not type(params.tactic):
            yield "tactic", str(type(tactic).__struct_config__.tag), structs.replace(params, tactic=tactic)
    for convention in Convention:
        if convention is not params.convention:
            yield "convention", convention.value, structs.replace(params, convention=convention)


def way_of(names: tuple[str, str], costs: CostReport, risk: OpenRisk, counts: tuple[int, int, float]) -> Way:
    """What a run came to; `counts`: hedges, fills and profit in USD."""
    return Way(
        group=names[0],
        name=names[1],
        hedges_count=counts[0],
        fills_count=counts[1],
        cost_usd=costs.totals.total.usd,
        fees_usd=costs.totals.fees.usd,
        residual_usd=math.sqrt(risk.squared_usd),
        residual_ratio=risk.squared_usd / risk.unhedged_squared_usd if risk.unhedged_squared_usd else None,
        pnl_usd=counts[2],
        violations=(costs.problem,) if costs.problem else (),
    )


def picture(found: Counterfactual) -> str:
    """The frontier with the run marked; what is far from it is counted. ValueError where nothing was hedged."""
    actual = found.actual
    near = [way for way in found.others if _is_near(way, actual)]
    dots = [Dot(way.group, f"{way.group}, {way.name}", way.residual_usd, way.cost_usd) for way in near]
    name = f"{actual.group}: {actual.name}"
    dots.append(Dot(actual.group, name, actual.residual_usd, actual.cost_usd, is_actual=True))
    far_count = len(found.others) - len(near)
    return draw(
        dots,
        Words(
            title=f"{found.run_id}: what {found.book} would have cost otherwise, and left open",
            note="down and left is better" + (f"; {far_count} are beyond the picture" if far_count else ""),
            left_open="deviation the open delta made over the run, USD",
            cost="cost of hedging, USD",
        ),
    )


def _is_near(way: Way, actual: Way) -> bool:
    """Costs something, and is within the picture around a run that did; another convention may hedge another thing."""
    if way.cost_usd <= 0.0 or way.residual_usd <= 0.0:
        return False
    if actual.cost_usd <= 0.0 or actual.residual_usd <= 0.0:
        return True
    ratios = (way.cost_usd / actual.cost_usd, way.residual_usd / actual.residual_usd)
    return all(1.0 / _WINDOW <= ratio <= _WINDOW for ratio in ratios)


def as_text(found: Counterfactual) -> str:
    """A table: the run first, then the others by what they left open."""
    rows = [found.actual, found.again, *sorted(found.others, key=lambda way: way.residual_usd)]
    lines = [
        f"{found.run_id}, book {found.book}: the same market under other policies, tactics and conventions",
        "",
        f"{'':<52}{'hedges':>8}{'cost':>12}{'fees':>12}{'left open':>12}{'of unhedged':>13}{'profit':>14}",
    ]
    for way in rows:
        ratio = "" if way.residual_ratio is None else f"{way.residual_ratio:.4f}"
        lines.append(
            f"{way.group + ', ' + way.name:<52}{way.hedges_count:>8,}{way.cost_usd:>12,.2f}{way.fees_usd:>12,.2f}"
            f"{way.residual_usd:>12,.2f}{ratio:>13}{way.pnl_usd:>+14,.2f}"
        )
        lines += [f"  VIOLATION: {text}" for text in way.violations]
    lines.append("")
    lines.append("USD; left open: deviation of net delta times index move over the run; its square over the options'")
    return "\n".join(lines)
