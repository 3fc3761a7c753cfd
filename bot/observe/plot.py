"""One chart as SVG that takes its colours from the page around it, drawn once for a screen and once for a phone.

Knows numbers, axes and pixels; not what is drawn. Names of series stand beside the picture (`legend`), so that nothing
in it can overlap. Classes: `s0` to `s8` are the colours of series (`SERIES`), the rest is in `STYLE` and `SHAPES`.
"""

import datetime
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from bot.domain.time import NS_PER_S, Ns

STYLE: Final = """
svg{display:block;width:100%;height:auto}
svg.wide{display:none}svg.narrow{max-width:560px;margin:0 auto}
@media(min-width:900px){svg.wide{display:block}svg.narrow{display:none}}
svg text{font-size:12px;fill:var(--muted);font-family:inherit}
"""
SHAPES: Final = """
.grid{stroke:var(--grid)}.axis{stroke:var(--axis);fill:none}.zero{stroke:var(--axis);stroke-dasharray:3 3}
.line{fill:none;stroke-width:1.5;stroke-linejoin:round}.bold{stroke-width:2.4}.dashed{stroke-dasharray:6 4}
.area{stroke:none;opacity:.16}.mark{stroke:var(--page);stroke-width:.6}.needle{stroke-width:1.6}
"""
LIGHT: Final = {
    "page": "#fff",
    "ink": "#1f2933",
    "muted": "#52606d",
    "grid": "#e4e7eb",
    "axis": "#9aa5b1",
    "card": "#f5f7fa",
    "c0": "#2563a8",
    "c1": "#1f2933",
    "c2": "#127a4b",
    "c3": "#c0392b",
    "c4": "#b45f06",
    "c5": "#7d3c98",
    "c6": "#0e7c86",
    "c7": "#6b7a12",
    "c8": "#8a94a0",
}
"""What the variables of the styles are on a light page."""
SERIES_COUNT: Final = 9
SERIES: Final = "".join(f".s{n}{{stroke:var(--c{n})}}.f{n}{{fill:var(--c{n})}}" for n in range(SERIES_COUNT))

Point = tuple[float, float]


class Size(NamedTuple):
    """Of a drawing, in pixels."""

    name: str
    width: int
    height: int
    ticks: int
    """Of the time axis, about."""
    points: int
    """Of a line, at most: more than pixels say nothing more."""


SIZES: Final = (Size("wide", 1120, 270, 9, 800), Size("narrow", 358, 250, 4, 300))
_LEFT: Final = 62
_RIGHT: Final = 22
_TOP: Final = 24
_BOTTOM: Final = 36
_TIME_STEPS_S: Final = (
    *(10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 604_800, 1_209_600, 2_592_000),
)
_DAY_S: Final = 86_400
_TICKS: Final = 5
_FACTORS: Final = (1.0, 2.0, 5.0)
_DECADES_MANY: Final = 1e4
"""High over low of an axis of which only the powers of ten are told."""


class Axis(NamedTuple):
    """One direction of a chart: its ends, what stands at it, and where."""

    low: float
    high: float
    unit: str
    label: Callable[[float], str] | None = None
    is_time: bool = False
    """Seconds since 1970."""
    is_log: bool = False
    """Both ends are above zero then."""


class Line(NamedTuple):
    """A series; `series` is the number of its colour."""

    points: Sequence[Point]
    series: int
    is_bold: bool = False
    is_dashed: bool = False


class Mark(NamedTuple):
    """A point of its own."""

    x: float
    y: float
    series: int
    shape: str
    """`up`, `down`, `dot`, `ring`, `star`."""
    words: str = ""
    """Shown where a pointer rests on it; of a dot."""


class Bar(NamedTuple):
    """From zero to `y`; `width` in the unit of x, 0 for a needle."""

    x: float
    y: float
    series: int
    width: float = 0.0


class Drawing(NamedTuple):
    """What one chart shows."""

    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    areas: Sequence[Line] = ()
    """Closed outlines."""
    bars: Sequence[Bar] = ()
    marks: Sequence[Mark] = ()


def axis_of(values: Sequence[float], unit: str, *, with_zero: bool = False, share: float = 0.06) -> Axis:
    """An axis that shows all finite values with some room; of nothing, one from 0 to 1."""
    finite = [value for value in values if math.isfinite(value)] + ([0.0] if with_zero else [])
    if not finite:
        return Axis(0.0, 1.0, unit)
    low, high = min(finite), max(finite)
    room = share * (high - low) or 0.05 * abs(high) or 1.0
    return Axis(low - room, high + room, unit)


def ticks_between(low: float, high: float) -> tuple[float, ...]:
    """About five round values inside [low, high]."""
    assert high > low, f"no room between {low} and {high}"
    rough = (high - low) / _TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * magnitude >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(index * step for index in range(first, last + 1))


def log_axis(values: Sequence[float], unit: str, *, room: float = 1.3) -> Axis:
    """An axis of powers around values above zero, `room` times further; ValueError of none."""
    low, high = min(values), max(values)
    if not low > 0.0:
        raise ValueError(f"a logarithmic axis has no place for {low}")
    return Axis(low / room, high * room, unit, lambda value: f"{value:,g}", is_log=True)


def time_axis(first_ns: Ns, last_ns: Ns) -> Axis:
    """UTC."""
    return Axis(first_ns / NS_PER_S, max(last_ns, first_ns + NS_PER_S) / NS_PER_S, "UTC", is_time=True)


def legend(names: Sequence[tuple[str, int, str]]) -> str:
    """Names of series as HTML; each with its colour and the sign it has in the chart: `line`, `area`, `up`, ..."""
    items = (f'<li><i class="k {sign} s{series}"></i>{escape(name)}</li>' for name, series, sign in names)
    return f'<ul class="legend">{"".join(items)}</ul>'


def svg(drawing: Drawing, title: str) -> str:
    """The chart in both sizes; the page shows one of them."""
    name = escape(title, {'"': "&quot;"})
    return "".join(
        f'<svg class="{size.name}" viewBox="0 0 {size.width} {size.height}" role="img" aria-label="{name}">'
        f"{''.join(elements(drawing, size))}</svg>"
        for size in SIZES
    )


def is_shown(axis: Axis, value: float) -> bool:
    """Whether the axis has a place for it."""
    return axis.low <= value <= axis.high


def _share(axis: Axis, value: float) -> float:
    """Of the way along the axis."""
    if axis.is_log:
        return math.log(value / axis.low) / math.log(axis.high / axis.low)
    return (value - axis.low) / (axis.high - axis.low)


def _ticks(axis: Axis) -> list[float]:
    if not axis.is_log:
        return list(ticks_between(axis.low, axis.high))
    powers = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    factors = _FACTORS if axis.high <= _DECADES_MANY * axis.low else _FACTORS[:1]
    found = [factor * 10.0**power for power in powers for factor in factors if is_shown(axis, factor * 10.0**power)]
    # Between two of these there is room for an axis as well: then as on any other.
    return found if len(found) > 1 else list(ticks_between(axis.low, axis.high))


class _Scale:
    """Numbers to pixels."""

    def __init__(self, drawing: Drawing, size: Size) -> None:
        self._x, self._y = drawing.x, drawing.y
        self.left, self.right, self.top, self.bottom = _LEFT, size.width - _RIGHT, _TOP, size.height - _BOTTOM

    def x(self, value: float) -> float:
        return self.left + (self.right - self.left) * _share(self._x, value)

    def y(self, value: float) -> float:
        return self.bottom + (self.top - self.bottom) * _share(self._y, value)

    def at(self, point: Point) -> str:
        return f"{self.x(point[0]):.1f},{self.y(point[1]):.1f}"


def elements(drawing: Drawing, size: Size) -> list[str]:
    """What stands inside the picture."""
    scale = _Scale(drawing, size)
    parts = [*_frame(drawing, size, scale)]
    for area in drawing.areas:
        points = " ".join(scale.at(point) for point in area.points)
        parts.append(f'<polygon class="area f{area.series}" points="{points}"/>')
    parts += [_bar(bar, scale) for bar in drawing.bars]
    for line in drawing.lines:
        points = " ".join(scale.at(point) for point in thinned(line.points, size.points))
        kind = " bold" if line.is_bold else ""
        kind += " dashed" if line.is_dashed else ""
        parts.append(f'<polyline class="line{kind} s{line.series}" points="{points}"/>')
    return parts + [_mark(mark, scale) for mark in drawing.marks]


def _frame(drawing: Drawing, size: Size, scale: _Scale) -> list[str]:
    """Grid, numbers and units."""
    x_axis, y_axis = drawing.x, drawing.y
    values = _ticks(y_axis)
    parts: list[str] = []
    for value in values:
        y = scale.y(value)
        parts.append(f'<line class="grid" x1="{scale.left}" x2="{scale.right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(scale.left - 7, y + 4, (y_axis.label or _number(values))(value), "end"))
    for at, label in _x_ticks(x_axis, size):
        x = scale.x(at)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{scale.top}" y2="{scale.bottom}"/>')
        parts.append(_text(x, scale.bottom + 16, label, "middle"))
    parts.append(_text(scale.left, scale.top - 9, y_axis.unit, "start"))
    parts.append(_text(scale.right, scale.bottom + 31, x_axis.unit, "end"))
    if y_axis.low < 0.0 < y_axis.high and not y_axis.is_log:
        y = scale.y(0.0)
        parts.append(f'<line class="zero" x1="{scale.left}" x2="{scale.right}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(f'<path class="axis" d="M{scale.left} {scale.top}V{scale.bottom}H{scale.right}"/>')
    return parts


def _x_ticks(axis: Axis, size: Size) -> list[tuple[float, str]]:
    if not axis.is_time:
        values = _ticks(axis)
        values = values[:: math.ceil(len(values) / (size.ticks + 1))]
        label = axis.label or _number(values)
        return [(value, label(value)) for value in values]
    span_s = axis.high - axis.low
    step_s = next((step for step in _TIME_STEPS_S if span_s / step <= size.ticks), _TIME_STEPS_S[-1])
    first = math.ceil(axis.low / step_s) * step_s
    style = "%d %b" if step_s >= _DAY_S else "%H:%M" if step_s >= 60 else "%H:%M:%S"
    count = int((axis.high - first) // step_s) + 1
    return [(first + place * step_s, _clock(first + place * step_s, style)) for place in range(count)]


def _clock(at_s: float, style: str) -> str:
    return datetime.datetime.fromtimestamp(at_s, datetime.UTC).strftime(style)


def _number(values: Sequence[float]) -> Callable[[float], str]:
    """Enough digits to tell neighbours apart, and no more."""
    step = min((b - a for a, b in itertools.pairwise(values)), default=abs(values[0]) if values else 1.0)
    digits = next((n for n in range(7) if abs(step * 10**n - round(step * 10**n)) < 1e-6 * max(step, 1e-9) * 10**n), 6)
    return lambda value: f"{0.0 if abs(value) < 0.5 * 10**-digits else value:,.{digits}f}"


def thinned(points: Sequence[Point], count_max: int) -> list[Point]:
    """At most about so many of them, the lowest and highest of each stretch among them: a spike stays a spike."""
    if len(points) <= count_max:
        return list(points)
    stretch = math.ceil(2 * len(points) / count_max)
    found = [points[0]]
    for start in range(0, len(points), stretch):
        part = range(start, min(start + stretch, len(points)))
        low, high = min(part, key=lambda at: points[at][1]), max(part, key=lambda at: points[at][1])
        found += [points[at] for at in sorted({low, high})]
    return [*found, points[-1]]


def _bar(bar: Bar, scale: _Scale) -> str:
    zero, y = scale.y(0.0), scale.y(bar.y)
    if not bar.width:
        x = scale.x(bar.x)
        return f'<line class="needle s{bar.series}" x1="{x:.1f}" x2="{x:.1f}" y1="{zero:.1f}" y2="{y:.1f}"/>'
    left, right = scale.x(bar.x - 0.5 * bar.width), scale.x(bar.x + 0.5 * bar.width)
    top, height = min(zero, y), max(abs(zero - y), 0.5)
    return (
        f'<rect class="f{bar.series}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{height:.1f}"/>'
    )


_SQUARE: Final = 'width="7.2" height="7.2"'


def _mark(mark: Mark, scale: _Scale) -> str:
    """A buy points up from below, a sell down from above."""
    return sign(mark, scale.x(mark.x), scale.y(mark.y))


def sign(mark: Mark, x: float, y: float) -> str:
    """A mark at these pixels."""
    if mark.shape in {"dot", "square"}:
        is_dot = mark.shape == "dot"
        at = f'cx="{x:.1f}" cy="{y:.1f}" r="3.6"' if is_dot else f'x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" {_SQUARE}'
        name = "circle" if is_dot else "rect"
        drawn = f'<{name} class="mark f{mark.series}" {at}'
        return f"{drawn}><title>{escape(mark.words)}</title></{name}>" if mark.words else f"{drawn}/>"
    if mark.shape == "star":
        tips = (_tip(place, 9.5 if place % 2 == 0 else 4.0) for place in range(10))
        points = " ".join(f"{x + right:.1f},{y + down:.1f}" for right, down in tips)
        return f'<polygon class="mark f{mark.series}" points="{points}"/>'
    if mark.shape == "ring":
        return f'<circle class="line bold s{mark.series}" cx="{x:.1f}" cy="{y:.1f}" r="7.5"/>'
    tip, foot = (y + 2, y + 10) if mark.shape == "up" else (y - 2, y - 10)
    return f'<path class="mark f{mark.series}" d="M{x:.1f} {tip:.1f}L{x - 4:.1f} {foot:.1f}H{x + 4:.1f}Z"/>'


def _tip(place: int, radius: float) -> Point:
    """Of a star with five points."""
    return radius * math.sin(place * math.pi / 5.0), -radius * math.cos(place * math.pi / 5.0)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
