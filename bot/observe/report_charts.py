"""The charts of a report: which figures of a run are drawn, in which unit, and what their series are called.

Knows `Report` and `plot`; not the page they stand on.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bot.domain.time import NS_PER_S, iso_utc
from bot.observe.plot import Axis, Bar, Drawing, Line, Mark, axis_of, legend, svg, time_axis
from bot.observe.plot import Point as At
from bot.observe.plot_file import Name, Panel, Words, as_file
from bot.observe.reported import Point, Report

_BLUE, _INK, _GREEN, _RED, _ORANGE, _VIOLET, _TEAL, _OLIVE, _GREY = range(9)
"""Series by the colours of the page."""
_COMPONENTS: Final = (
    ("total_usd", "total", _INK),
    ("carry_usd", "gamma less time", _BLUE),
    ("left_usd", "delta left open", _ORANGE),
    ("volatility_usd", "volatility", _VIOLET),
    ("basis_usd", "basis", _OLIVE),
    ("costs_usd", "slippage and fees", _RED),
    ("funding_usd", "funding", _TEAL),
    ("other_usd", "other", _GREY),
)
_SMILE_COLOURS: Final = (_BLUE, _ORANGE, _VIOLET, _TEAL, _OLIVE, _GREEN)
_STRIKES_APART: Final = 0.05
"""Room beside the only strike there is."""
_MAKER_HALF: Final = 0.5


class Chart(NamedTuple):
    """One of them, or why there is none."""

    name: str
    """Of its file, without ending."""
    title: str
    words: str
    """What is to be seen."""
    drawing: Drawing | None = None
    names: Sequence[Name] = ()

    @property
    def body(self) -> str:
        """For a page, in its colours; empty where there is nothing to draw."""
        if self.drawing is None:
            return ""
        return (legend(self.names) if self.names else "") + svg(self.drawing, self.title)


def as_files(report: Report) -> dict[str, str]:
    """Each chart as the text of an SVG file, by its name."""
    note = f"{report.run_id}, {report.book}"
    return {
        chart.name: as_file(
            Words(chart.title, f"{note}: {chart.words}"), [Panel(chart.drawing, chart.names, height=380)]
        )
        for chart in charts(report)
        if chart.drawing is not None
    }


def charts(report: Report) -> list[Chart]:
    """All of them, in reading order."""
    if len(report.points) < 2:
        return []
    return [
        _price(report),
        _delta(report),
        _profit(report),
        _volatility(report),
        _costs(report),
        _smile(report),
        _ladder(report),
    ]


def _s(point: Point) -> float:
    return point.at_ns / NS_PER_S


def _line(points: Sequence[Point], value: Callable[[Point], float | None]) -> list[At]:
    return [(_s(point), found) for point in points if (found := value(point)) is not None]


def _time(report: Report) -> Axis:
    return time_axis(report.points[0].at_ns, report.points[-1].at_ns)


def _price(report: Report) -> Chart:
    title, points = f"{report.book} price and hedges", report.points
    first_s, last_s = _s(points[0]), _s(points[-1])
    shown = [hedge for hedge in report.hedges if first_s <= hedge.time_ns / NS_PER_S <= last_s]
    marks = [
        Mark(hedge.time_ns / NS_PER_S, hedge.price_usd, *((_GREEN, "up") if hedge.trade_coin > 0.0 else (_RED, "down")))
        for hedge in shown
    ]
    values = [point.index_usd for point in points] + [hedge.price_usd for hedge in shown]
    drawing = Drawing(
        _time(report),
        axis_of(values, f"USD per {report.book}"),
        lines=[Line(_line(points, lambda point: point.index_usd), _INK)],
        marks=marks,
    )
    names = [Name("index", _INK), Name("hedge: bought", _GREEN, "up"), Name("hedge: sold", _RED, "down")]
    return Chart("price", title, f"{len(shown):,} hedges at the price they were filled at", drawing, names)


def _delta(report: Report) -> Chart:
    title = "Net delta inside its band"
    seen = [(one.at_ns / NS_PER_S, one) for one in report.deltas]
    low, high = [(x, one.band_low_coin) for x, one in seen], [(x, one.band_high_coin) for x, one in seen]
    delta = [(x, one.delta_coin_net) for x, one in seen]
    drawing = Drawing(
        _time(report),
        axis_of([y for _, y in (*low, *high, *delta)], report.book),
        lines=[Line(delta, _BLUE), Line(low, _TEAL), Line(high, _TEAL)],
        areas=[Line([*high, *reversed(low)], _TEAL)] if low and high else [],
    )
    words = f"delta as the book counts it ({report.convention}), once a minute, and before and after each hedge"
    return Chart("delta", title, words, drawing, [Name("net delta", _BLUE), Name("band", _TEAL, "area")])


def _profit(report: Report) -> Chart:
    title, points = "Profit since the start, by what made it", report.points
    shown = [
        part for part in _COMPONENTS if part[0] == "total_usd" or any(getattr(one.made, part[0]) for one in points)
    ]
    lines = [
        Line(_line(points, lambda one, name=name: getattr(one.made, name)), colour, name == "total_usd")  # type: ignore[misc]
        for name, _, colour in reversed(shown)
    ]
    drawing = Drawing(_time(report), axis_of([y for one in lines for _, y in one.points], "USD", with_zero=True), lines)
    words = "without the price of coins that are merely held"
    return Chart("profit", title, words, drawing, [Name(word, colour) for _, word, colour in shown])


def _volatility(report: Report) -> Chart:
    title, points = "Volatility met and volatility paid", report.points
    met = [(x, 100.0 * y) for x, y in _line(points, lambda one: one.realised_fraction)]
    paid = [(x, 100.0 * y) for x, y in _line(points, lambda one: one.iv_fraction)]
    drawing = Drawing(
        _time(report),
        axis_of([y for _, y in (*met, *paid)], "% a year"),
        lines=[Line(met, _BLUE), Line(paid, _ORANGE)],
    )
    names = [Name("realised, of the index", _BLUE), Name("implied, weighted with dollar gamma", _ORANGE)]
    return Chart("volatility", title, "over the last hour, from a move a minute", drawing, names)


def _costs(report: Report) -> Chart:
    title = "Cost of each hedge"
    bars = [
        Bar(hedge.decided_ns / NS_PER_S, bps, _TEAL if (hedge.costs.maker_share or 0.0) > _MAKER_HALF else _RED)
        for hedge in report.costs.hedges
        if (bps := hedge.costs.total.bps) is not None
    ]
    if not bars:
        return Chart("costs", title, "nothing was hedged")
    drawing = Drawing(
        _time(report), axis_of([bar.y for bar in bars], "bps of what it traded", with_zero=True), bars=bars
    )
    names = [Name("taken", _RED), Name("mostly rested", _TEAL)]
    return Chart("costs", title, "spread, waiting, depth and fees; below zero is a gain", drawing, names)


def _smile(report: Report) -> Chart:
    title = "Smile at the end, with the strikes held"
    if not report.smile:
        return Chart("smile", title, "no option had a volatility")
    expiries = list(dict.fromkeys(one.expiry_ns for one in report.smile))[: len(_SMILE_COLOURS)]
    colour = dict(zip(expiries, _SMILE_COLOURS, strict=False))
    seen = [one for one in report.smile if one.expiry_ns in colour]
    low, high = min(one.strike_usd for one in seen), max(one.strike_usd for one in seen)
    room = 0.06 * (high - low) or _STRIKES_APART * high
    curves = [
        Line(
            [
                at
                for at in zip(one.strikes_usd, (100.0 * iv for iv in one.ivs), strict=True)
                if low - room <= at[0] <= high + room
            ],
            colour[one.expiry_ns],
        )
        for one in report.curves
        if one.expiry_ns in colour
    ]
    fitted = {one.expiry_ns for one in report.curves}
    joined = [
        Line(sorted({(one.strike_usd, 100.0 * one.iv) for one in seen if one.expiry_ns == expiry}), colour[expiry])
        for expiry in expiries
        if expiry not in fitted
    ]
    lines = [line for line in (*curves, *joined) if len(line.points) > 1]
    marks = [Mark(one.strike_usd, 100.0 * one.iv, colour[one.expiry_ns], "dot") for one in seen]
    marks += [Mark(one.strike_usd, 100.0 * one.iv, _INK, "ring") for one in seen if one.held_coin]
    values = [mark.y for mark in marks] + [y for line in lines for _, y in line.points]
    drawing = Drawing(Axis(low - room, high + room, "strike, USD"), axis_of(values, "% a year"), lines, marks=marks)
    names = [Name(iso_utc(expiry)[:10], colour[expiry], "dot") for expiry in expiries] + [Name("held", _INK, "ring")]
    words = "marks as last seen" + ("; lines are the fitted surface" if curves else "")
    return Chart("smile", title, words, drawing, names)


def _ladder(report: Report) -> Chart:
    title = "Gap risk: what a jump would make of the book"
    steps = [step for step in report.ladder if math.isfinite(step.pnl_usd)]
    if not steps:
        return Chart("ladder", title, "not told: a leg had no price")
    bars = [Bar(100.0 * one.spot_share, one.pnl_usd, _GREEN if one.pnl_usd >= 0.0 else _RED, 3.2) for one in steps]
    ends = [100.0 * one.spot_share for one in steps]
    drawing = Drawing(
        Axis(min(ends) - 2.5, max(ends) + 2.5, "move of spot, %", lambda value: f"{value:+.0f}"),
        axis_of([bar.y for bar in bars], "USD", with_zero=True),
        bars=bars,
    )
    return Chart("ladder", title, "as it was held at the end, volatility unmoved, no hedge on the way", drawing)
