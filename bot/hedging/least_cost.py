"""The least of a quadratic cost over a few amounts that add up to a given sum: exact, by looking at every face.

Mathematics only: knows no instrument and no money.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_SLACK: Final = 1e-12
"""Share of the sum by which rounding may put an amount outside its segment."""
_PIVOT_MIN: Final = 1e-12
"""Share of its own diagonal below which a face counts as flat: its least then lies on a smaller face too."""
_BETTER: Final = 1e-12
"""Share of the cost's own size below which two costs are equal: then it is a rule that decides, not rounding."""


class Course(NamedTuple):
    """What one amount costs: from 0 along segments of rising slope; the last end is the most there may be of it."""

    ends: tuple[float, ...]
    slopes: tuple[float, ...]


class _State(NamedTuple):
    """Where an amount is: on an end (`low == high`), or anywhere within a segment."""

    low: float
    high: float
    slope: float


def least(courses: Sequence[Course], quadratic: Sequence[Sequence[float]]) -> list[float]:
    """Amounts x >= 0 adding up to 1 that minimise x'Qx/2 + Σ course_i(x_i); the courses must have room for 1.

    At its least every amount is on an end of a segment or stationary within one. Each combination of these is a face on
    which the least is a linear system; the best of those that are feasible is the least of all, also where Q is not
    positive definite (a matrix of guessed correlations). At most 5 states each, so 625 systems for four amounts.
    Equal costs: earlier amounts are filled first.
    """
    best: list[float] | None = None
    best_cost = math.inf
    for face in itertools.product(*(tuple(_states(course)) for course in courses)):
        found = _on_face(face, quadratic)
        if found is None:
            continue
        cost, size = _cost(found, courses, quadratic)
        gain = math.inf if best is None else best_cost - cost
        if best is None or gain > _BETTER * size or (gain >= -_BETTER * size and found > best):
            best, best_cost = found, cost
    assert best is not None, f"no room for the sum in {courses}"
    return best


def _states(course: Course) -> Iterator[_State]:
    low = (0.0, *course.ends)
    yield from (_State(end, end, 0.0) for end in low)
    yield from (_State(*each) for each in zip(low[:-1], course.ends, course.slopes, strict=True))


def _on_face(face: Sequence[_State], quadratic: Sequence[Sequence[float]]) -> list[float] | None:
    """The stationary point of one face; None where there is none, or none inside."""
    amounts = [state.low for state in face]
    if sum(amounts) > 1.0 + _SLACK or sum(state.high for state in face) < 1.0 - _SLACK:
        return None
    free = [i for i, state in enumerate(face) if state.low < state.high]
    fixed = [i for i, state in enumerate(face) if state.low >= state.high]
    rest = 1.0 - math.fsum(amounts[i] for i in fixed)
    if not free:
        return amounts
    slopes = {i: face[i].slope + math.fsum(quadratic[i][j] * amounts[j] for j in fixed) for i in free}
    solved = _stationary(free, slopes, rest, quadratic)
    if solved is None:
        return None
    for i, amount in zip(free, solved, strict=True):
        if not face[i].low - _SLACK <= amount <= face[i].high + _SLACK:
            return None
        amounts[i] = min(max(amount, face[i].low), face[i].high)
    return amounts


def _stationary(
    free: list[int], slopes: dict[int, float], total: float, quadratic: Sequence[Sequence[float]]
) -> list[float] | None:
    """Where all free amounts cost the same at the margin and add up to `total`; None unless that is a least."""
    *others, last = free
    rows = []
    for i in others:
        row = [quadratic[i][j] - quadratic[i][last] - quadratic[last][j] + quadratic[last][last] for j in others]
        rows.append([*row, slopes[last] - slopes[i] - (quadratic[i][last] - quadratic[last][last]) * total])
    found = _solved(rows)
    return None if found is None else [*found, total - math.fsum(found)]


def _solved(rows: list[list[float]]) -> list[float] | None:
    """Solution of a symmetric system, right side in the last column; None unless positive definite."""
    count = len(rows)
    diagonal = [rows[i][i] for i in range(count)]
    for i in range(count):
        if rows[i][i] <= _PIVOT_MIN * diagonal[i] or rows[i][i] <= 0.0:
            return None
        for j in range(i + 1, count):
            share = rows[j][i] / rows[i][i]
            rows[j] = [below - share * above for below, above in zip(rows[j], rows[i], strict=True)]
    found = [0.0] * count
    for i in reversed(range(count)):
        known = math.fsum(rows[i][j] * found[j] for j in range(i + 1, count))
        found[i] = (rows[i][count] - known) / rows[i][i]
    return found


def _cost(amounts: list[float], courses: Sequence[Course], quadratic: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The cost, and the size of what it is a sum of."""
    parts = [
        0.5 * amount * across * row[j]
        for amount, row in zip(amounts, quadratic, strict=True)
        for j, across in enumerate(amounts)
    ]
    for amount, course in zip(amounts, courses, strict=True):
        low = 0.0
        for end, slope in zip(course.ends, course.slopes, strict=True):
            parts.append(slope * max(min(amount, end) - low, 0.0))
            low = end
    return math.fsum(parts), math.fsum(map(abs, parts))
