"""Dots of cost against what is left open, on logarithmic axes, as SVG text. One dot may be the run itself.

Knows points and how to draw them; not where they come from.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 1080, 620
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 760, 80, 560
_INK: Final = "#1f2933"
_FAINT: Final = "#616e7c"
_GRID: Final = "#e4e7eb"
_COLOURS: Final = ("#127a4b", "#8e44ad", "#b45f06", "#0e7c86", "#c0392b", "#7f8c1a", "#5b6abf", "#d4a017", "#d16ba5")
_ROUND: Final = (1.0, 2.0, 5.0)
_ROOM: Final = 1.3
_LABEL_GAP: Final = 17


class Dot(NamedTuple):
    """One way to hedge."""

    group: str
    name: str
    left_open: float
    cost: float
    is_actual: bool = False


class Words(NamedTuple):
    """What the picture says."""

    title: str
    note: str
    left_open: str
    cost: str


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


def draw(dots: Sequence[Dot], words: Words) -> str:
    """The picture; a dot without cost, or with nothing left open, has no place in it. ValueError without any."""
    seen = [dot for dot in dots if dot.left_open > 0.0 and dot.cost > 0.0]
    if not seen:
        raise ValueError("a picture needs a way to hedge that cost something and left something open")
    x = _axis([dot.left_open for dot in seen], _LEFT, _RIGHT)
    y = _axis([dot.cost for dot in seen], _BOTTOM, _TOP)
    parts = [
        f'<text x="{_LEFT}" y="34" font-size="18" font-weight="600" fill="{_INK}">{escape(words.title)}</text>',
        _text(_LEFT, 54, words.note),
        *_frame(x, y, words),
    ]
    groups = dict.fromkeys(dot.group for dot in seen if not dot.is_actual)
    for place, (group, colour) in enumerate(zip(groups, itertools.cycle(_COLOURS), strict=False)):
        same = sorted((dot for dot in seen if dot.group == group and not dot.is_actual), key=lambda dot: dot.left_open)
        parts += [_circle(x, y, dot, colour) for dot in same]
        parts.append(_text(_RIGHT + 34, _TOP + 30 + _LABEL_GAP * place, group, colour=colour))
    for dot in (dot for dot in seen if dot.is_actual):
        at = f'x="{x.at(dot.left_open):.1f}" y="{y.at(dot.cost) + 9:.1f}"'
        parts.append(f'<text {at} text-anchor="middle" font-size="26" fill="{_INK}">★</text>')
        parts.append(_text(_RIGHT + 34, _TOP + 8, f"★ {dot.name}", colour=_INK))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13" '
        f'role="img" aria-label="{escape(words.title, {chr(34): "&quot;"})}">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    return _Axis(min(values) / _ROOM, max(values) * _ROOM, start, end)


def _frame(x: _Axis, y: _Axis, words: Words) -> list[str]:
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
    parts.append(_text(0.5 * (_LEFT + _RIGHT), _BOTTOM + 40, words.left_open, anchor="middle"))
    parts.append(_text(_LEFT, _TOP - 10, words.cost))
    return parts


def _circle(x: _Axis, y: _Axis, dot: Dot, colour: str) -> str:
    title = f"<title>{escape(dot.name)}: {dot.left_open:.4g}, {dot.cost:.4g}</title>"
    at = f'cx="{x.at(dot.left_open):.1f}" cy="{y.at(dot.cost):.1f}"'
    return f'<circle {at} r="4.5" fill="{colour}">{title}</circle>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = _FAINT) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
