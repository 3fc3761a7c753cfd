"""Charts as a file of their own: one under the other, names beside them, colours written out.

Knows panels and where they stand; what is inside one is `plot`'s. White ground, so that it is read on a dark page as
well, and no variable of a style, so that a program without a browser draws it too.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from bot.observe.plot import LIGHT, SERIES, SHAPES, Drawing, Mark, Size, elements, sign

_WIDTH: Final = 1180
_PLOT_WIDTH: Final = 880
_NAMES_X: Final = 872
_HEAD: Final = 62
_TITLE: Final = 22
_GAP: Final = 18
_NAME_HEIGHT: Final = 18
_HEIGHT: Final = 300
_TICKS: Final = 9
_POINTS: Final = 1_200
"""More points than pixels say nothing more."""
_FONT: Final = "DejaVu Sans, Helvetica, Arial, sans-serif"


class Name(NamedTuple):
    """What a series is called, the number of its colour, and its sign: `line`, `dashed`, `area`, `dot`, `star`, ..."""

    name: str
    series: int
    sign: str = "line"


class Panel(NamedTuple):
    """One chart of a file."""

    drawing: Drawing
    names: Sequence[Name] = ()
    title: str = ""
    height: int = _HEIGHT


class Words(NamedTuple):
    """What stands above all."""

    title: str
    note: str = ""


def as_file(words: Words, panels: Sequence[Panel]) -> str:
    """The picture as the text of an SVG file."""
    parts, top = [], _HEAD
    for panel in panels:
        top += _TITLE if panel.title else 0
        parts.append(f'<g transform="translate(0,{top})">{_panel(panel)}</g>')
        top += panel.height + _GAP
    title = escape(words.title, {'"': "&quot;"})
    style = (
        f"text{{font-size:12px;fill:var(--muted)}}.head{{font-size:18px}}.head,.name{{fill:var(--ink)}}{SHAPES}{SERIES}"
    )
    for name, colour in LIGHT.items():
        style = style.replace(f"var(--{name})", colour)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" '
        f'font-family="{_FONT}" role="img" aria-label="{title}">\n<style>{style}</style>\n'
        f'<rect width="{_WIDTH}" height="{top}" fill="{LIGHT["page"]}"/>\n'
        f'<text class="head" x="20" y="30" font-weight="600">{escape(words.title)}</text>\n'
        f'<text x="20" y="50">{escape(words.note)}</text>\n{body}\n</svg>\n'
    )


def _panel(panel: Panel) -> str:
    size = Size("file", _PLOT_WIDTH, panel.height, _TICKS, _POINTS)
    parts = [f'<text class="name" x="20" y="-2" font-weight="600">{escape(panel.title)}</text>'] if panel.title else []
    parts += elements(panel.drawing, size)
    for place, name in enumerate(panel.names):
        y = 34 + _NAME_HEIGHT * place
        parts.append(_key(name, _NAMES_X + 12.0, y))
        parts.append(f'<text class="name" x="{_NAMES_X + 30}" y="{y + 4}">{escape(name.name)}</text>')
    return "".join(parts)


def _key(name: Name, x: float, y: float) -> str:
    if name.sign in {"line", "dashed"}:
        dashed = " dashed" if name.sign == "dashed" else ""
        return f'<line class="line bold{dashed} s{name.series}" x1="{x - 12}" x2="{x + 12}" y1="{y}" y2="{y}"/>'
    if name.sign == "area":
        return f'<rect class="area f{name.series}" x="{x - 12}" y="{y - 6}" width="24" height="12"/>'
    return sign(
        Mark(0.0, 0.0, name.series, name.sign),
        x,
        y - 6.0 if name.sign == "up" else y + 6.0 if name.sign == "down" else y,
    )
