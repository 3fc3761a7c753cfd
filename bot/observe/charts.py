"""Pictures of a run as SVG text, without any dependency.

Knows samples and how to draw lines with axes; not where the samples come from.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from operator import attrgetter
from typing import Final
from xml.sax.saxutils import escape

from msgspec import Struct

from bot.domain.status import ProfitUsd
from bot.domain.time import NS_PER_S, Ns
from bot.observe.costs import MARK_OUTS_NS, CostReport


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


class _Line(Struct, frozen=True, kw_only=True):
    label: str
    colour: str
    points: tuple[tuple[float, float], ...]
    width: float = 1.6


class _Panel(Struct, frozen=True, kw_only=True):
    title: str
    unit: str
    top: float
    height: float
    low: float
    high: float


_WIDTH: Final = 1280
_LEFT: Final = 92
_RIGHT: Final = 1120
"""Right of it stand the labels of the lines."""
_TOP: Final = 92
_PANEL_HEIGHT: Final = 196
_PANEL_GAP: Final = 54
_HEIGHT: Final = _TOP + 3 * (_PANEL_HEIGHT + _PANEL_GAP)
_TICKS: Final = 5
_LABEL_GAP: Final = 15
_POINTS_MAX: Final = 1_200
"""More points than pixels say nothing more."""

_INK: Final = "#1f2933"
_FAINT: Final = "#616e7c"
_GRID: Final = "#e4e7eb"
_BUY: Final = "#127a4b"
_SELL: Final = "#c0392b"
_PARTS: Final = (
    ("total", "#1f2933", 2.4),
    ("options", "#2563a8", 1.4),
    ("hedge", "#b45f06", 1.4),
    ("slippage", "#8e44ad", 1.4),
    ("fees", "#c0392b", 1.4),
    ("funding", "#0e7c86", 1.4),
    ("collateral", "#7f8c1a", 1.4),
)
"""Part of the profit, colour, width of its line."""
_COST_PARTS: Final = (
    ("total", "#1f2933"),
    ("half_spread", "#2563a8"),
    ("waiting", "#b45f06"),
    ("beyond", "#8e44ad"),
    ("fees", "#c0392b"),
)
_MARK_OUT_COLOURS: Final = tuple(zip(MARK_OUTS_NS, ("#9cc3e6", "#2563a8", "#1f2933"), strict=True))


def render_run(samples: Sequence[Sample], hedges: Collection[HedgeMark], *, title: str, coin: str) -> str:
    """Price with hedges, net delta in its band, profit by part over time; ValueError without two samples.

    Times on the axis are minutes or hours since the first sample.
    """
    if len(samples) < 2 or samples[-1].time_ns <= samples[0].time_ns:
        raise ValueError("a picture needs at least two samples at different times")
    kept = _thinned(samples)
    clock = _Clock(samples[0].time_ns, samples[-1].time_ns)
    parts = [
        *_heading(title, len(hedges)),
        *_price_panel(kept, hedges, clock, coin),
        *_delta_panel(kept, clock, coin),
        *_profit_panel(kept, clock),
        _text(0.5 * (_LEFT + _RIGHT), _HEIGHT - 10, f"time since the start, {clock.unit}", anchor="middle"),
    ]
    return _svg(title, parts)


def render_costs(report: CostReport) -> str:
    """What hedges came to cost, part by part, and their mark-outs, summed over time; ValueError without two fills."""
    filled = [hedge for hedge in report.hedges if hedge.costs.traded_usd > 0.0]
    if len({hedge.decided_ns for hedge in filled}) < 2:
        raise ValueError("a picture needs at least two hedges that were filled")
    clock = _Clock(filled[0].decided_ns, filled[-1].decided_ns)
    at = [clock.x(hedge.decided_ns) for hedge in filled]

    def line(name: str, colour: str, values: Iterable[float]) -> _Line:
        return _Line(label=name, colour=colour, points=tuple(zip(at, itertools.accumulate(values), strict=True)))

    money: Callable[[str], list[float]] = lambda part: [getattr(hedge.costs, part).usd for hedge in filled]  # noqa: E731
    costs = [line(part.replace("_", " "), colour, money(part)) for part, colour in _COST_PARTS]
    each = [
        _Line(
            label="total",
            colour=_INK,
            points=tuple((x, h.costs.total.bps or 0.0) for x, h in zip(at, filled, strict=True)),
        )
    ]
    marks = [
        line(
            name.replace("_", " "),
            colour,
            [seen.usd if (seen := hedge.costs.mark_outs[name]) else 0.0 for hedge in filled],
        )
        for name, colour in _MARK_OUT_COLOURS
    ]
    title = f"{report.run_id}: what hedging {report.book} cost"
    parts = [
        *_heading(title, len(filled)),
        *_lines_panel(0, ("Costs so far", "USD"), costs, clock),
        *_lines_panel(1, ("Cost of each hedge", "bps of what it traded"), each, clock),
        *_lines_panel(2, ("Mark-outs so far, known ones", "USD"), marks, clock),
        _text(0.5 * (_LEFT + _RIGHT), _HEIGHT - 10, f"time since the first hedge, {clock.unit}", anchor="middle"),
    ]
    return _svg(title, parts)


def _lines_panel(place: int, words: tuple[str, str], lines: Sequence[_Line], clock: "_Clock") -> list[str]:
    """A panel of lines; `words` are title and unit."""
    panel = _panel(place, *words, [value for line in lines for _, value in line.points])
    return [*_frame(panel, clock), *(_polyline(panel, line) for line in lines), *_legend(panel, lines)]


def _svg(title: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13" '
        f'role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def ticks_between(low: float, high: float) -> tuple[float, ...]:
    """About five round values inside [low, high]."""
    assert high > low, f"no room between {low} and {high}"
    rough = (high - low) / _TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * magnitude >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(index * step for index in range(first, last + 1))


class _Clock:
    """Time to horizontal position."""

    def __init__(self, first_ns: Ns, last_ns: Ns) -> None:
        self._first_ns = first_ns
        span_s = (last_ns - first_ns) / NS_PER_S
        self.unit, self._unit_s = next((unit, size) for unit, size, upto in _TIME_UNITS if span_s <= upto)
        self._span = span_s / self._unit_s

    def x(self, time_ns: Ns) -> float:
        value = (time_ns - self._first_ns) / NS_PER_S / self._unit_s
        return _LEFT + (_RIGHT - _LEFT) * value / self._span

    def ticks(self) -> list[tuple[float, str]]:
        scale = (_RIGHT - _LEFT) / self._span
        return [(_LEFT + scale * value, f"{value:g}") for value in ticks_between(0.0, self._span)]


_TIME_UNITS: Final = (("seconds", 1.0, 180.0), ("minutes", 60.0, 3.0 * 3_600.0), ("hours", 3_600.0, math.inf))
"""Unit, its length in seconds, longest run it suits."""


def _thinned(samples: Sequence[Sample]) -> list[Sample]:
    step = math.ceil(len(samples) / _POINTS_MAX)
    kept = list(samples[::step])
    return kept if kept[-1] is samples[-1] else [*kept, samples[-1]]


def _heading(title: str, hedge_count: int) -> list[str]:
    return [
        f'<text x="{_LEFT}" y="32" font-size="19" font-weight="600" fill="{_INK}">{escape(title)}</text>',
        _text(_LEFT, 54, f"{hedge_count} hedges"),
    ]


def _price_panel(samples: Sequence[Sample], hedges: Collection[HedgeMark], clock: _Clock, coin: str) -> list[str]:
    prices = [sample.price_usd for sample in samples] + [hedge.price_usd for hedge in hedges]
    panel = _panel(0, f"{coin} price and hedges", f"USD per {coin}", prices)
    line = _Line(label="price", colour=_INK, points=_trace(samples, clock, attrgetter("price_usd")))
    marks = [_triangle(clock.x(hedge.time_ns), _y(panel, hedge.price_usd), hedge.trade_coin > 0) for hedge in hedges]
    legend = [
        _triangle(_RIGHT + 18, panel.top + 12, is_buy=True),
        _text(_RIGHT + 30, panel.top + 25, "hedge: bought"),
        _triangle(_RIGHT + 18, panel.top + 51, is_buy=False),
        _text(_RIGHT + 30, panel.top + 47, "hedge: sold"),
    ]
    return [*_frame(panel, clock), _polyline(panel, line), *marks, *legend]


def _delta_panel(samples: Sequence[Sample], clock: _Clock, coin: str) -> list[str]:
    values = [value for s in samples for value in (s.delta_coin_net, s.band_low_coin, s.band_high_coin)]
    panel = _panel(1, "Net delta inside its band", coin, values)
    outline = [(clock.x(s.time_ns), _y(panel, s.band_high_coin)) for s in samples]
    outline += [(clock.x(s.time_ns), _y(panel, s.band_low_coin)) for s in reversed(samples)]
    area = f'<polygon points="{_points(outline)}" fill="#d7e8f7" stroke="#9cc3e6" stroke-width="1"/>'
    line = _Line(label="net delta", colour="#2563a8", points=_trace(samples, clock, attrgetter("delta_coin_net")))
    band_y = _y(panel, samples[-1].band_high_coin)
    legend = _legend(panel, [line], others=[("band", _FAINT, band_y)])
    return [area, *_frame(panel, clock), _polyline(panel, line), *legend]


def _profit_panel(samples: Sequence[Sample], clock: _Clock) -> list[str]:
    lines = [
        _Line(label=name, colour=colour, points=_trace(samples, clock, attrgetter(f"profit_usd.{name}")), width=width)
        for name, colour, width in reversed(_PARTS)
    ]
    values = [0.0] + [y for line in lines for _, y in line.points]
    panel = _panel(2, "Profit since the start, by part", "USD", values)
    return [*_frame(panel, clock), *(_polyline(panel, line) for line in lines), *_legend(panel, lines)]


def _panel(place: int, title: str, unit: str, values: Sequence[float]) -> _Panel:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or max(1e-9, 0.01 * abs(high)) or 1.0
    top = _TOP + place * (_PANEL_HEIGHT + _PANEL_GAP)
    return _Panel(title=title, unit=unit, top=top, height=_PANEL_HEIGHT, low=low - room, high=high + room)


def _frame(panel: _Panel, clock: _Clock) -> list[str]:
    """Title, grid and axis labels of a panel."""
    bottom = panel.top + panel.height
    unit = f'<tspan font-weight="400" fill="{_FAINT}">[{escape(panel.unit)}]</tspan>'
    title = f'<text x="{_LEFT}" y="{panel.top - 9}" font-weight="600" fill="{_INK}">{escape(panel.title)} {unit}</text>'
    parts = [title]
    for value in ticks_between(panel.low, panel.high):
        y = _y(panel, value)
        parts.append(f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_GRID}"/>')
        parts.append(_text(_LEFT - 8, y + 4, _number(value), anchor="end"))
    for x, label in clock.ticks():
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{panel.top}" y2="{bottom}" stroke="{_GRID}"/>')
        parts.append(_text(x, bottom + 17, label, anchor="middle"))
    parts.append(f'<path d="M{_LEFT} {panel.top}V{bottom}H{_RIGHT}" fill="none" stroke="{_FAINT}"/>')
    return parts


def _legend(panel: _Panel, lines: Sequence[_Line], others: Sequence[tuple[str, str, float]] = ()) -> list[str]:
    """Names of lines where they end, pushed apart so that they can be read."""
    wanted = [(line.label, line.colour, _y(panel, line.points[-1][1])) for line in lines]
    labels = sorted([*wanted, *others], key=lambda item: item[2])
    lowest = panel.top + panel.height
    parts: list[str] = []
    y_before = -math.inf
    for place, (label, colour, y_wanted) in enumerate(labels):
        room_below = lowest - _LABEL_GAP * (len(labels) - 1 - place)
        y = max(y_before + _LABEL_GAP, min(y_wanted, room_below))
        parts.append(_text(_RIGHT + 10, y + 4, label, colour=colour))
        y_before = y
    return parts


def _trace(
    samples: Sequence[Sample], clock: _Clock, value: Callable[[Sample], float]
) -> tuple[tuple[float, float], ...]:
    return tuple((clock.x(sample.time_ns), value(sample)) for sample in samples)


def _polyline(panel: _Panel, line: _Line) -> str:
    points = _points([(x, _y(panel, value)) for x, value in line.points])
    return (
        f'<polyline points="{points}" fill="none" stroke="{line.colour}" '
        f'stroke-width="{line.width}" stroke-linejoin="round"/>'
    )


def _triangle(x: float, y: float, is_buy: bool) -> str:
    """Up and green for a buy below the line, down and red for a sell above it."""
    tip, foot, colour = (y + 3, y + 13, _BUY) if is_buy else (y - 3, y - 13, _SELL)
    return f'<path d="M{x:.1f} {tip:.1f}L{x - 5:.1f} {foot:.1f}H{x + 5:.1f}Z" fill="{colour}"/>'


def _y(panel: _Panel, value: float) -> float:
    return panel.top + panel.height * (panel.high - value) / (panel.high - panel.low)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = _FAINT) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _number(value: float) -> str:
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
