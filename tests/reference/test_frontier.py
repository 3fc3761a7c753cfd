"""Policies simulated against the published frontier and against closed forms (theory 9.3, 9.5).

`make bands` does the whole of it on more paths and writes docs/explanation/bands.md.
"""

from collections.abc import Callable

import pytest

from bot.research.published import compare
from bot.research.sampled import Grid
from bot.research.toy import simulate
from bot.research.world import YEAR_BOLD

Rows = list[dict[str, str]]


def test_constant_gamma_meets_its_closed_forms(rows_of: Callable[[str], Rows]) -> None:
    """Every policy of the table within 2 %; back to the centre costs 1.26 times the edge band, within 2 %."""
    rates = simulate(1_024, 12.0, 1)
    for row in rows_of("policy_toy.csv"):
        assert rates[row["policy"]].objective_usd == pytest.approx(float(row["objective"]), rel=0.02), row

    assert rates["centre_band"].objective_usd / rates["edge_band"].objective_usd == pytest.approx(1.26, rel=0.02)


def test_frontier_rows_of_a_year(rows_of: Callable[[str], Rows]) -> None:
    """Whalley-Wilmott at edge, half and centre, the default, and clocks: all figures within 3.5 standard errors.

    Of the difference: theirs are 100,000 paths of other code, ours a few hundred.
    """
    found = compare(Grid(YEAR_BOLD), rows_of("policy_frontier_mc.csv"), 300, 7)

    assert len(found) == 10
    for row in found:
        assert len(row.figures) == 3
        assert all(abs(figure.sigmas) < 3.5 for figure in row.figures), row
