"""Hedging by the clock, few paths: `make validation` asks the same of many."""

from pathlib import Path

import pytest
from msgspec import structs

from bot.research.published import read_table
from bot.research.validation import clock
from bot.research.validation.checks import Section
from bot.research.validation.clock import Row

_HEDGES_MAX = 52


@pytest.fixture(scope="module")
def rows(repo_root: Path) -> list[Row]:
    """Of the exact table, those with few hedges."""
    return [
        row
        for row in read_table(repo_root / "tests/reference/discrete_hedge_exact.csv")
        if int(row["N"]) <= _HEDGES_MAX
    ]


@pytest.fixture(scope="module")
def sections(rows: list[Row]) -> list[Section]:
    """Played on 400 paths each."""
    said: list[str] = []
    found = clock.sections(clock.played(rows, 400, 1, said.append))
    assert len(said) == len(rows)
    return found


def test_every_figure_is_within_its_error(sections: list[Section]) -> None:
    """Means, deviations, costs of four kinds, Derman-Kamal, Leland: at, above and below the true volatility."""
    checks = [check for section in sections for check in section.checks]

    assert len(checks) > 100
    assert [check for check in checks if not check.is_within] == []


def test_every_case_of_the_short_rows_is_there(rows: list[Row], sections: list[Section]) -> None:
    """Two figures a row, four of cost where the row has one, and one of the power of N."""
    spread, root, cost, leland = sections

    assert len(spread.checks) == 2 * len(rows)
    assert sum(check.figure == "power of N" for check in root.checks) == 1
    assert sum(check.figure.startswith("close") for check in cost.checks) == 2 * sum(
        float(row["lam"]) > 0 for row in rows
    )
    assert sum(check.figure == "volatility" for check in leland.checks) == sum("leland" in row["case"] for row in rows)
    assert [picture.name for picture in root.pictures] == ["validation-clock"]


def test_a_hedger_who_is_wrong_is_found(rows: list[Row]) -> None:
    """The same paths against a table whose deviation is 30 % off: off, and by many errors."""
    row = next(row for row in rows if (row["case"], row["N"]) == ("derman_kamal", "21"))
    off = {**row, "std_exact": str(1.3 * float(row["std_exact"]))}
    check = clock.spread([structs.replace(clock.clocked(row, 400, 1), row=off)]).checks[0]

    assert not check.is_within
    assert check.errors is not None
    assert check.errors < -4.0


def test_rows_of_one_market_share_their_paths(rows: list[Row]) -> None:
    """So that two hedges of it can be compared in pairs; another number of hedges is another market."""
    seeds = dict(zip([(row["case"], row["N"]) for row in rows], clock.seeds_of(rows, 3), strict=True))

    assert seeds["sinclair_4.1", "52"] == seeds["sinclair_4.1_hedge40", "52"]
    assert seeds["derman_kamal", "21"] != seeds["derman_kamal", "42"]
    assert min(seeds.values()) >= 3_000
