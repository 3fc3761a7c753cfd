"""The least of a quadratic cost with a given sum: hand-computed cases, and another solver on random ones."""

import math
import random

import numpy as np
import pytest
from scipy.optimize import minimize

from bot.hedging.least_cost import Course, least


def _free(slope: float, most: float = 1.0) -> Course:
    return Course((most,), (slope,))


_FLAT = [[0.0, 0.0], [0.0, 0.0]]


def test_one_amount_takes_all() -> None:
    """Whatever it costs."""
    assert least([_free(7.0)], [[3.0]]) == [1.0]


def test_without_curvature_the_cheaper_is_filled_first_and_of_equals_the_earlier() -> None:
    """Up to its room."""
    assert least([_free(2.0), _free(1.0)], _FLAT) == [0.0, 1.0]
    assert least([_free(2.0), _free(1.0, 0.25)], _FLAT) == [0.75, 0.25]
    assert least([_free(1.0), _free(1.0)], _FLAT) == [1.0, 0.0]


def test_curvature_shares_in_inverse_proportion() -> None:
    """Impacts of 1 and 3: three quarters and one; a dearer one gets less by the difference over the sum of both."""
    assert least([_free(0.0), _free(0.0)], [[1.0, 0.0], [0.0, 3.0]]) == pytest.approx([0.75, 0.25])
    assert least([_free(0.0), _free(0.4)], [[1.0, 0.0], [0.0, 3.0]]) == pytest.approx([0.85, 0.15])


def test_a_rise_of_the_slope_holds_an_amount_at_the_end_of_its_segment() -> None:
    """Closing 0.4 is free, more costs 5: the rest goes to the one that costs 1."""
    assert least([Course((0.4, 1.0), (0.0, 5.0)), _free(1.0)], _FLAT) == pytest.approx([0.4, 0.6])


def test_amounts_that_just_have_room_are_all_full() -> None:
    """Three thirds are a whole, rounding or not."""
    third = 1.0 / 3.0

    assert least([_free(1.0, third)] * 3, [[0.0] * 3] * 3) == pytest.approx([third] * 3)


def test_correlations_that_cannot_be_still_give_the_least_there_is() -> None:
    """A matrix with a negative direction: all in one, the cheaper one."""
    assert least([_free(0.1), _free(0.0)], [[0.0, 4.0], [4.0, 0.0]]) == [0.0, 1.0]


def test_no_room_is_a_mistake_of_the_caller() -> None:
    """The caller cuts the sum to the room."""
    with pytest.raises(AssertionError, match="no room"):
        least([_free(1.0, 0.5)], [[0.0]])


def _random_case(rng: random.Random) -> tuple[list[Course], list[list[float]]]:
    count = rng.randint(2, 4)
    courses = []
    for _ in range(count):
        most = rng.choice([1.0, rng.uniform(0.3, 1.0)])
        slope = rng.uniform(-1.0, 1.0)
        kink = rng.uniform(0.05, 0.95) * most
        courses.append(
            rng.choice([Course((most,), (slope,)), Course((kink, most), (slope, slope + rng.uniform(0.0, 2.0)))])
        )
    if math.fsum(course.ends[-1] for course in courses) < 1.0:
        courses[0] = Course((1.0,), (0.5,))
    root = np.array([[rng.gauss(0.0, 1.0) for _ in range(count)] for _ in range(count)])
    matrix = root @ root.T * rng.choice([0.01, 1.0, 10.0])
    return courses, matrix.tolist()


def _by_scipy(courses: list[Course], matrix: list[list[float]]) -> float:
    """The least cost by another method: every segment a variable of its own, sequential quadratic programming."""
    owner, slopes, bounds = [], [], []
    for i, course in enumerate(courses):
        low = 0.0
        for end, slope in zip(course.ends, course.slopes, strict=True):
            owner.append(i)
            slopes.append(slope)
            bounds.append((0.0, end - low))
            low = end
    gather = np.array([[1.0 if o == i else 0.0 for o in owner] for i in range(len(courses))])
    inner = gather.T @ np.array(matrix) @ gather
    start = np.array([high for _, high in bounds])
    found = minimize(
        lambda x: 0.5 * x @ inner @ x + np.array(slopes) @ x,
        start / start.sum(),
        jac=lambda x: inner @ x + np.array(slopes),
        bounds=bounds,
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1.0, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert abs(found.x.sum() - 1.0) < 1e-9
    return float(found.fun)


def _cost_of(amounts: list[float], courses: list[Course], matrix: list[list[float]]) -> float:
    total = 0.5 * np.array(amounts) @ np.array(matrix) @ np.array(amounts)
    for amount, course in zip(amounts, courses, strict=True):
        low = 0.0
        for end, slope in zip(course.ends, course.slopes, strict=True):
            total += slope * max(min(amount, end) - low, 0.0)
            low = end
    return float(total)


@pytest.mark.parametrize("seed", range(60))
def test_another_solver_finds_nothing_better(seed: int) -> None:
    """Least by scipy: its cost and ours agree to its own accuracy; the amounts add up and keep within their room."""
    courses, matrix = _random_case(random.Random(seed))

    amounts = least(courses, matrix)

    assert math.fsum(amounts) == pytest.approx(1.0, abs=1e-12)
    assert all(0.0 <= each <= course.ends[-1] for each, course in zip(amounts, courses, strict=True))
    assert _cost_of(amounts, courses, matrix) == pytest.approx(_by_scipy(courses, matrix), abs=1e-7)
