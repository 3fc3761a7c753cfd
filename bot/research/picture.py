"""What hedging costs against what it leaves open, a curve per policy, as SVG text.

Knows points and how to draw them on logarithmic axes; not where they come from.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from bot.research.contest import Contest, Point

_WIDTH: Final = 980
_HEIGHT: Final = 620
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 760, 70, 560
_INK: Final = "#1f2933"
_FAINT: Final = "#616e7c"
_GRID: Final = "#e4e7eb"
_COLOURS: Final = (
    *("#127a4b", "#8e44ad", "#0e7c86", "#7f8c1a", "#b45f06"),
    *("#c0392b", "#d4a017", "#5b6abf", "#9aa5b1", "#d16ba5"),
)
_ROUND: Final = (1.0, 2.0, 5.0)
_WINDOW: Final = 4.0
"""Drawn as far as so many times the default's deviation and cost, and down to one over it."""
_LABEL_GAP: Final = 17


class _Axis(NamedTuple):
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (self.end - self.start) * math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self) -> list[float]:
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        return [m * 10.0**p for p in powers for m in _ROUND if self.low <= m * 10.0**p <= self.high]


def draw(contest: Contest) -> str:
    """Curves of what was tried when tuning; circles: the rivals at their best; the default is the star, and black."""
    own = contest.default
    deviation = math.sqrt(own.variance_usd_squared)
    x = _Axis(deviation / _WINDOW, deviation * _WINDOW, _LEFT, _RIGHT)
    y = _Axis(own.cost_usd / _WINDOW, own.cost_usd * _WINDOW, _BOTTOM, _TOP)
    title = f"What hedging costs and what it leaves open: {contest.world.name}"
    parts = [
        f'<text x="{_LEFT}" y="34" font-size="18" font-weight="600" fill="{_INK}">{escape(title)}</text>',
        _text(_LEFT, 54, "short one call on a coin of 100 USD, per option; down and left is better"),
        *_frame(x, y),
    ]
    best = {standing.candidate.name: standing.point for standing in contest.standings}
    for place, (tuned, colour) in enumerate(zip(contest.tuned, itertools.cycle(_COLOURS), strict=False)):
        name = tuned.candidate.name
        parts += _curve(x, y, tuned.tried, colour, 1.6)
        parts += _circle(x, y, best[name], colour)
        parts.append(_text(_RIGHT + 34, _TOP + 30 + _LABEL_GAP * place, name, colour=colour))
    parts += _curve(x, y, contest.default_curve, _INK, 2.6)
    star = f"{x.at(deviation):.1f}"
    parts.append(f'<text x="{star}" y="{y.at(own.cost_usd) + 9:.1f}" text-anchor="middle" font-size="26">★</text>')
    parts.append(_text(_RIGHT + 34, _TOP + 8, "★ whalley_wilmott", colour=_INK))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13" '
        f'role="img" aria-label="{escape(title)}">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _frame(x: _Axis, y: _Axis) -> list[str]:
    parts = []
    for value in x.ticks():
        at = f"{x.at(value):.1f}"
        parts.append(f'<line x1="{at}" x2="{at}" y1="{_TOP}" y2="{_BOTTOM}" stroke="{_GRID}"/>')
        parts.append(_text(x.at(value), _BOTTOM + 18, f"{value:g}", anchor="middle"))
    for value in y.ticks():
        at = f"{y.at(value):.1f}"
        parts.append(f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{at}" y2="{at}" stroke="{_GRID}"/>')
        parts.append(_text(_LEFT - 8, y.at(value) + 4, f"{value:g}", anchor="end"))
    parts.append(f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" fill="none" stroke="{_FAINT}"/>')
    middle = 0.5 * (_LEFT + _RIGHT)
    parts.append(_text(middle, _BOTTOM + 40, "standard deviation of what is left open, USD", anchor="middle"))
    parts.append(_text(_LEFT + 8, _TOP + 14, "cost, USD"))
    return parts


def _inside(x: _Axis, y: _Axis, point: Point) -> tuple[float, float] | None:
    deviation = math.sqrt(point.variance_usd_squared)
    if not (x.low <= deviation <= x.high and y.low <= point.cost_usd <= y.high):
        return None
    return x.at(deviation), y.at(point.cost_usd)


def _curve(x: _Axis, y: _Axis, points: Sequence[Point], colour: str, width: float) -> list[str]:
    seen = [at for point in points if (at := _inside(x, y, point)) is not None]
    joined = " ".join(f"{left:.1f},{top:.1f}" for left, top in seen)
    return [f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="{width}"/>'] if seen else []


def _circle(x: _Axis, y: _Axis, point: Point, colour: str) -> list[str]:
    at = _inside(x, y, point)
    return [] if at is None else [f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4.5" fill="{colour}"/>']


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = _FAINT) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
