"""Resting where it pays: `auto` against `cross` at equal residual variance, on few seeds. `make tactics` plays many."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def comparison() -> ModuleType:
    """`compare_tactics.py`, loaded by its path: tests are no package."""
    spec = importlib.util.spec_from_file_location("compare_tactics", Path(__file__).parent / "compare_tactics.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _played(module: ModuleType, cost: float, variance: float) -> Any:
    return module.Played(*(0.0 for _ in module.Played._fields))._replace(fees=cost, variance=variance)


def test_the_frontier_is_read_at_the_tactics_own_variance(comparison: ModuleType) -> None:
    """Half the cost at four times the variance is a straight line in logarithms; outside it nothing is made up."""
    frontier = [_played(comparison, cost, variance) for cost, variance in ((8.0, 1.0), (4.0, 4.0), (2.0, 16.0))]

    assert comparison.cost_at(frontier, 2.0) == pytest.approx(8.0 / 2.0**0.5)
    assert comparison.cost_at(frontier, 16.0) == pytest.approx(2.0)
    with pytest.raises(AssertionError, match="outside the frontier"):
        comparison.cost_at(frontier, 17.0)


def test_a_saving_has_an_error(comparison: ModuleType) -> None:
    """Seeds that agree leave none; the saving is of what taking would have cost."""
    frontier = [[_played(comparison, cost, variance)] * 3 for cost, variance in ((8.0, 1.0), (2.0, 16.0))]
    same = comparison.compare([_played(comparison, 3.0, 4.0)] * 3, frontier)
    apart = comparison.compare([_played(comparison, cost, 4.0) for cost in (2.0, 3.0, 4.0)], frontier)

    assert (same.saving, same.error) == (pytest.approx(0.25), pytest.approx(0.0))
    assert apart.saving == pytest.approx(0.25)
    assert apart.error == pytest.approx((1.0 / 3.0) ** 0.5 / 4.0)


def test_auto_costs_less_than_taking(comparison: ModuleType) -> None:
    """A quarter less and more where takers come as recorded, less where half come, and where none do no tenth more."""
    found = comparison.compared((1, 2), 0.25, (1.0, 0.5, 0.0), ("auto",))
    full, half, none = (found[comparison.Candidate("auto", scale)] for scale in (1.0, 0.5, 0.0))

    assert full.saving >= 0.25
    assert full.saving > half.saving > none.saving >= -0.10
    assert full.played.made > 0.8 * full.played.traded
    assert full.played.from_mark > 0.0, "adverse selection"
    assert none.played.made == 0.0
