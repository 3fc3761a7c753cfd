"""Pictures of a run as SVG files, without any dependency: how it went, and what its hedges cost.

Knows samples and which of their figures are drawn; how lines and axes are drawn is `plot`'s.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from bot.domain.status import ProfitUsd
from bot.domain.time import NS_PER_S, Ns
from bot.observe.costs import MARK_OUTS_NS, CostReport
from bot.observe.plot import Axis, Drawing, Line, Mark, Point, axis_of
from bot.observe.plot_file import Name, Panel, Words, as_file


class Sample(Struct, frozen=True, kw_only=True):
    """One point of a run."""

    time_ns: Ns
    price_usd: float
    delta_coin_net: float
    band_low_coin: float
    band_high_coin: float
    profit_usd: ProfitUsd


class HedgeMark(Struct, frozen=True, kw_only=True):
    """One hedge in the picture."""

    time_ns: Ns
    price_usd: float
    trade_coin: float
    """Signed: + bought."""


_SAMPLES_MAX: Final = 1_200
"""More points than pixels say nothing more."""
_BLUE, _INK, _GREEN, _RED, _ORANGE, _VIOLET, _TEAL, _OLIVE, _GREY = range(9)
_PARTS: Final = (
    ("total", _INK),
    ("options", _BLUE),
    ("hedge", _ORANGE),
    ("slippage", _VIOLET),
    ("fees", _RED),
    ("funding", _TEAL),
    ("collateral", _OLIVE),
)
"""Part of the profit and its colour."""
_COST_PARTS: Final = (
    ("total", _INK),
    ("half_spread", _BLUE),
    ("waiting", _ORANGE),
    ("beyond", _VIOLET),
    ("fees", _RED),
)
_MARK_OUT_COLOURS: Final = tuple(zip(MARK_OUTS_NS, (_GREY, _BLUE, _INK), strict=True))
_TIME_UNITS: Final = (("seconds", 1.0, 180.0), ("minutes", 60.0, 3.0 * 3_600.0), ("hours", 3_600.0, math.inf))
"""Unit, its length in seconds, longest run it suits."""


class _Clock(NamedTuple):
    """Time to the horizontal axis."""

    first_ns: Ns
    unit_s: float
    axis: Axis

    def x(self, time_ns: Ns) -> float:
        return (time_ns - self.first_ns) / NS_PER_S / self.unit_s


def render_run(samples: Sequence[Sample], hedges: Collection[HedgeMark], *, title: str, coin: str) -> str:
    """Price with hedges, net delta in its band, profit by part over time; ValueError without two samples.

    Times on the axis are seconds, minutes or hours since the first sample.
    """
    if len(samples) < 2 or samples[-1].time_ns <= samples[0].time_ns:
        raise ValueError("a picture needs at least two samples at different times")
    clock, kept = _clock(samples[0].time_ns, samples[-1].time_ns, "the start"), _thinned(samples)
    panels = [_price(kept, hedges, clock, coin), _delta(kept, clock, coin), _profit(kept, clock)]
    return as_file(Words(title, f"{len(hedges)} hedges"), panels)


def render_costs(report: CostReport) -> str:
    """What hedges came to cost, part by part, and their mark-outs, summed over time; ValueError without two fills."""
    filled = [hedge for hedge in report.hedges if hedge.costs.traded_usd > 0.0]
    if len({hedge.decided_ns for hedge in filled}) < 2:
        raise ValueError("a picture needs at least two hedges that were filled")
    clock = _clock(filled[0].decided_ns, filled[-1].decided_ns, "the first hedge")
    at = [clock.x(hedge.decided_ns) for hedge in filled]

    def summed(name: str, values: Iterable[float]) -> tuple[str, list[Point]]:
        return name.replace("_", " "), list(zip(at, itertools.accumulate(values), strict=True))

    costs = [
        (*summed(part, [getattr(hedge.costs, part).usd for hedge in filled]), colour) for part, colour in _COST_PARTS
    ]
    each = [("total", [(x, h.costs.total.bps or 0.0) for x, h in zip(at, filled, strict=True)], _INK)]
    marks = [
        (*summed(name, [seen.usd if (seen := hedge.costs.mark_outs[name]) else 0.0 for hedge in filled]), colour)
        for name, colour in _MARK_OUT_COLOURS
    ]
    panels = [
        _lines("Costs so far", "USD", costs, clock),
        _lines("Cost of each hedge", "bps of what it traded", each, clock),
        _lines("Mark-outs so far, known ones", "USD", marks, clock),
    ]
    return as_file(Words(f"{report.run_id}: what hedging {report.book} cost", f"{len(filled)} hedges"), panels)


def _lines(title: str, unit: str, lines: Sequence[tuple[str, Sequence[Point], int]], clock: _Clock) -> Panel:
    """A panel of named lines; the first is in front."""
    values = [0.0, *(y for _, points, _ in lines for _, y in points)]
    drawn = [Line(points, colour, is_bold=colour == _INK) for _, points, colour in reversed(lines)]
    return Panel(
        Drawing(clock.axis, axis_of(values, unit), drawn), [Name(name, colour) for name, _, colour in lines], title
    )


def _price(samples: Sequence[Sample], hedges: Collection[HedgeMark], clock: _Clock, coin: str) -> Panel:
    prices = [sample.price_usd for sample in samples] + [hedge.price_usd for hedge in hedges]
    marks = [
        Mark(clock.x(hedge.time_ns), hedge.price_usd, *((_GREEN, "up") if hedge.trade_coin > 0.0 else (_RED, "down")))
        for hedge in hedges
    ]
    line = Line(_trace(samples, clock, lambda sample: sample.price_usd), _INK)
    names = [Name("price", _INK), Name("hedge: bought", _GREEN, "up"), Name("hedge: sold", _RED, "down")]
    drawing = Drawing(clock.axis, axis_of(prices, f"USD per {coin}"), [line], marks=marks)
    return Panel(drawing, names, f"{coin} price and hedges")


def _delta(samples: Sequence[Sample], clock: _Clock, coin: str) -> Panel:
    low, high = (_trace(samples, clock, edge) for edge in (lambda s: s.band_low_coin, lambda s: s.band_high_coin))
    delta = _trace(samples, clock, lambda sample: sample.delta_coin_net)
    drawing = Drawing(
        clock.axis,
        axis_of([y for _, y in (*low, *high, *delta)], coin),
        [Line(delta, _BLUE)],
        areas=[Line([*high, *reversed(low)], _TEAL)],
    )
    return Panel(drawing, [Name("net delta", _BLUE), Name("band", _TEAL, "area")], "Net delta inside its band")


def _profit(samples: Sequence[Sample], clock: _Clock) -> Panel:
    lines = [
        (name, _trace(samples, clock, lambda sample, name=name: getattr(sample.profit_usd, name)), colour)  # type: ignore[misc]
        for name, colour in _PARTS
    ]
    return _lines("Profit since the start, by part", "USD", lines, clock)


def _trace(samples: Sequence[Sample], clock: _Clock, value: Callable[[Sample], float]) -> list[Point]:
    return [(clock.x(sample.time_ns), value(sample)) for sample in samples]


def _clock(first_ns: Ns, last_ns: Ns, since: str) -> _Clock:
    span_s = (last_ns - first_ns) / NS_PER_S
    unit, unit_s = next((unit, size) for unit, size, upto in _TIME_UNITS if span_s <= upto)
    return _Clock(first_ns, unit_s, Axis(0.0, span_s / unit_s, f"time since {since}, {unit}"))


def _thinned(samples: Sequence[Sample]) -> list[Sample]:
    step = math.ceil(len(samples) / _SAMPLES_MAX)
    kept = list(samples[::step])
    return kept if kept[-1] is samples[-1] else [*kept, samples[-1]]
