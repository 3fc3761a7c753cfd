"""When a figure is right."""

import math

import numpy as np
import pytest

from bot.research.validation.checks import ERRORS_MAX, Estimate, computed, deviation_of, drawn, mean_of


def test_a_drawn_figure_is_right_within_four_standard_errors() -> None:
    """Of the difference: the source's own error counts too; beyond, and for NaN, it is off."""
    near = drawn("row", "figure", Estimate(value=1.0, error=0.3), 2.9, source_error=0.4)

    assert near.error == pytest.approx(0.5)
    assert near.errors == pytest.approx(-3.8)
    assert near.is_within
    assert not drawn("row", "figure", Estimate(value=1.0, error=0.3), 1.0 + 1.01 * ERRORS_MAX * 0.3).is_within
    assert not drawn("row", "figure", Estimate(value=math.nan, error=1.0), 1.0).is_within


def test_a_computed_figure_is_right_within_what_its_source_leaves_open() -> None:
    """It has no standard error."""
    assert computed("row", "figure", 1.004, 1.0, 0.005).is_within
    assert not computed("row", "figure", 1.006, 1.0, 0.005).is_within
    assert computed("row", "figure", 1.0, 1.0, 0.0).errors is None


def test_estimates_know_their_error() -> None:
    """Mean and deviation of many small samples scatter as much as each says of itself."""
    samples = np.random.default_rng(1).standard_t(8, (400, 500))
    for estimate in (mean_of, deviation_of):
        found = [estimate(sample) for sample in samples]
        scatter = float(np.std([one.value for one in found]))

        assert np.mean([one.error for one in found]) == pytest.approx(scatter, rel=0.15)
    assert mean_of(samples[0]).times(-2.0).error == pytest.approx(2.0 * mean_of(samples[0]).error)
