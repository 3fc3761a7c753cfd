"""Dots of cost against what is left open, on logarithmic axes, as an SVG file. One dot may be the run itself.

Knows points and what they are called; not where they come from.
"""

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

from bot.observe import plot_file
from bot.observe.plot import Drawing, Mark, log_axis
from bot.observe.plot_file import Name, Panel, as_file

INK: Final = 1
OTHERS: Final = (2, 5, 4, 6, 3, 7, 0, 8)
"""Colours of groups; ink is for the run itself, or for the default."""
HEIGHT: Final = 560


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


def draw(dots: Sequence[Dot], words: Words) -> str:
    """The picture; a dot without cost, or with nothing left open, has no place in it. ValueError without any."""
    seen = [dot for dot in dots if dot.left_open > 0.0 and dot.cost > 0.0]
    if not seen:
        raise ValueError("a picture needs a way to hedge that cost something and left something open")
    groups = dict.fromkeys(dot.group for dot in seen if not dot.is_actual)
    looks = dict(zip(groups, itertools.cycle(itertools.product(("dot", "square"), OTHERS)), strict=False))
    marks = []
    for dot in seen:
        if not dot.is_actual:
            sign, colour = looks[dot.group]
            told = f"{dot.name}: {dot.left_open:.4g}, {dot.cost:.4g}"
            marks.append(Mark(dot.left_open, dot.cost, colour, sign, told))
    actual = [dot for dot in seen if dot.is_actual]
    marks += [Mark(dot.left_open, dot.cost, INK, "star") for dot in actual]
    drawing = Drawing(
        log_axis([dot.left_open for dot in seen], words.left_open),
        log_axis([dot.cost for dot in seen], words.cost),
        marks=marks,
    )
    names = [Name(dot.name, INK, "star") for dot in actual]
    names += [Name(group, colour, sign) for group, (sign, colour) in looks.items()]
    return as_file(plot_file.Words(words.title, words.note), [Panel(drawing, names, height=HEIGHT)])
