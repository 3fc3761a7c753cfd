"""Levenberg-Marquardt: finds known minima, and stops where there is nothing to find."""

import math

import numpy as np
import pytest

from bot.pricing import least_squares


def test_a_line_is_found_at_once() -> None:
    """Linear residuals: the normal equations' answer."""
    x = np.linspace(-1.0, 1.0, 20)
    found = least_squares.solve(lambda p: p[0] + p[1] * x - (3.0 - 2.0 * x), np.zeros(2))

    assert found == pytest.approx([3.0, -2.0], abs=1e-7)


def test_a_bent_valley_is_followed() -> None:
    """Rosenbrock's function from its usual start."""
    found = least_squares.solve(lambda p: np.array([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]]), np.array([-1.2, 1.0]))

    assert found == pytest.approx([1.0, 1.0], abs=1e-4)


def test_a_start_that_is_the_answer_stays() -> None:
    """Nothing to gain: the very same numbers."""
    found = least_squares.solve(lambda p: np.array([p[0] - 0.5, 0.0]), np.array([0.5]))

    assert found.tolist() == [0.5]


@pytest.mark.parametrize("wild", [math.nan, math.inf])
def test_steps_into_nowhere_are_not_taken(wild: float) -> None:
    """Residuals that blow up beyond a wall: the best place before it, no warning."""
    found = least_squares.solve(lambda p: np.array([p[0] - 10.0]) if p[0] < 1.0 else np.array([wild]), np.array([0.0]))

    assert 0.0 <= found[0] < 1.0


def test_a_parameter_without_effect_keeps_its_value_near() -> None:
    """A column of zeros leaves the system solvable."""
    found = least_squares.solve(lambda p: np.array([p[0] - 2.0, 0.0 * p[1]]), np.array([0.0, 7.0]))

    assert found == pytest.approx([2.0, 7.0], abs=1e-6)


def test_a_slope_without_a_number_ends_the_search() -> None:
    """Where the neighbourhood of the start is no number, the start is the answer."""
    found = least_squares.solve(lambda p: np.array([1.0 if p[0] == 0.0 else math.nan]), np.array([0.0]))

    assert found.tolist() == [0.0]


def test_the_search_is_bounded() -> None:
    """A valley without a floor: sixty rounds at most of at most fifty tries."""
    calls = 0

    def residuals(p: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return np.array([math.exp(-0.01 * min(float(p[0]), 1e4))])

    least_squares.solve(residuals, np.array([0.0]))

    assert calls < 60 * 50
