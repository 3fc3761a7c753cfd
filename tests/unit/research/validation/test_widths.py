"""Bands against the exact optimum, and what they are worth."""

from pathlib import Path

import pytest

from bot.research import published
from bot.research.published import Comparison, Figure
from bot.research.toy import Rates
from bot.research.validation import widths


def test_widths_and_centres_are_those_of_theory(repo_root: Path) -> None:
    """Ten medians with the two digits theory gives, twelve widths at the money, three centres twice."""
    section = widths.bands(repo_root / "tests/reference")

    assert len(section.checks) == 28
    assert [check for check in section.checks if not check.is_within] == []
    assert section.pictures[0].svg.count("<polyline") == 3 * 4


def test_objectives_are_compared_with_closed_forms(repo_root: Path) -> None:
    """Within a percent: what is exact is right, what is two percent dear is off."""
    tables = repo_root / "tests/reference"
    rows = published.read_table(tables / "policy_toy.csv")
    rates = {row["policy"]: Rates(name=row["policy"], cost_usd=0.0, risk_usd=float(row["objective"])) for row in rows}

    assert all(check.is_within for check in widths.ratios(tables, rates).checks)
    dear = rates["centre_band"].objective_usd * 1.02
    found = widths.ratios(tables, rates | {"centre_band": Rates(name="centre_band", cost_usd=0.0, risk_usd=dear)})
    assert {check.row for check in found.checks if not check.is_within} == {"centre_band"}


def test_every_figure_of_the_frontier_is_a_check(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three a policy, two where the tails decide; the error is that of the difference."""
    figure = Figure(ours_usd=1.0, theirs_usd=1.3, error_usd=0.1)
    rows = [
        Comparison(world="w", policy="known", cost=figure, deviation=figure, equivalent=figure),
        Comparison(world="w", policy="tails", cost=figure, deviation=figure, equivalent=None),
    ]
    monkeypatch.setattr(published, "compare", lambda *_: rows)
    monkeypatch.setattr(widths, "WORLDS", widths.WORLDS[:1])
    section = widths.frontier(repo_root / "tests/reference", 10, 1, lambda _: None)

    assert [check.row for check in section.checks] == ["w, known"] * 3 + ["w, tails"] * 2
    assert section.checks[0].errors == pytest.approx(-3.0)
