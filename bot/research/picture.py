"""What hedging costs against what it leaves open, a curve per policy, as an SVG file.

Knows a contest and which of its points are drawn.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Final

from bot.observe.plot import Axis, Drawing, Line, Mark, is_shown, log_axis
from bot.observe.plot import Point as At
from bot.observe.plot_file import Name, Panel, Words, as_file
from bot.research.contest import DEFAULT, Contest, Point
from bot.research.frontier import HEIGHT, INK, OTHERS

_WINDOW: Final = 4.0
"""Drawn as far as so many times the default's deviation and cost, and down to one over it."""


def draw(contest: Contest) -> str:
    """Curves of what was tried when tuning; dots: the rivals at their best; the default is the star, and black."""
    own = _at(contest.default)
    x = log_axis([own[0]], "standard deviation of what is left open, USD", room=_WINDOW)
    y = log_axis([own[1]], "cost, USD", room=_WINDOW)
    best = {standing.candidate.name: standing.point for standing in contest.standings}
    lines, marks, names = [], [], [Name(DEFAULT, INK, "star")]
    for place, (tuned, colour) in enumerate(zip(contest.tuned, itertools.cycle(OTHERS), strict=False)):
        is_dashed = place >= len(OTHERS)
        lines.append(Line(_shown(tuned.tried, x, y), colour, is_dashed=is_dashed))
        marks += [Mark(*at, colour, "dot", tuned.candidate.name) for at in _shown([best[tuned.candidate.name]], x, y)]
        names.append(Name(tuned.candidate.name, colour, "dashed" if is_dashed else "line"))
    lines.append(Line(_shown(contest.default_curve, x, y), INK, is_bold=True))
    drawing = Drawing(x, y, [line for line in lines if line.points], marks=[*marks, Mark(*own, INK, "star")])
    title = f"What hedging costs and what it leaves open: {contest.world.name}"
    note = "short one call on a coin of 100 USD, per option; down and left is better"
    return as_file(Words(title, note), [Panel(drawing, names, height=HEIGHT)])


def _at(point: Point) -> At:
    return math.sqrt(point.variance_usd_squared), point.cost_usd


def _shown(points: Sequence[Point], x: Axis, y: Axis) -> list[At]:
    return [at for at in map(_at, points) if is_shown(x, at[0]) and is_shown(y, at[1])]
