"""Both volatilities to hedge at, few paths."""

from pathlib import Path

import pytest

from bot.research.published import read_table
from bot.research.validation import volatility
from bot.research.validation.checks import Section


@pytest.fixture(scope="module")
def section(repo_root: Path) -> Section:
    """Two rows of the table, 200 paths."""
    rows = read_table(repo_root / "tests/reference/ahmad_wilmott.csv")
    return volatility.section([rows[0], rows[3]], 200, 1, lambda _: None)


def test_both_hedges_earn_the_difference_of_the_values(section: Section) -> None:
    """On average, and by the account's own gamma less time; the difference of values to twelve digits."""
    assert [check for check in section.checks if not check.is_within] == []
    assert sum(check.figure.startswith("mean") for check in section.checks) == 4
    assert section.checks[-1].figure == "gamma less time, by the account"


def test_the_hedge_at_the_actual_volatility_is_surer(section: Section) -> None:
    """Its mean is better known on the same paths."""
    errors = {(check.row, check.figure): check.error for check in section.checks}

    for row in {row for row, _ in errors}:
        assert errors[row, "mean, hedged at actual"] < errors[row, "mean, hedged at implied"]


def test_the_paths_are_drawn_twice(section: Section) -> None:
    """One panel each, the same number of lines."""
    (picture,) = section.pictures

    assert picture.svg.count("<polyline") == 2 * 13
    assert "Hedged at 50%" in picture.svg
    assert "Hedged at 40%" in picture.svg
