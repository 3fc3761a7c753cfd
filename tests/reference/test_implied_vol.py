"""Implied volatility against 50-digit solutions: every row of implied_vol.csv, with the tolerances of its header."""

from collections.abc import Callable

import numpy as np
import pytest

from bot.pricing import implied_vol

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows(rows_of: Callable[[str], Rows]) -> Rows:
    """The table."""
    return rows_of("implied_vol.csv")


def _solved(rows: Rows) -> tuple[list[float], list[str]]:
    numbers = [np.array([float(row[name]) for row in rows]) for name in ("price", "F", "K", "T")]
    iv, status = implied_vol.solve(*numbers, [row["cp"] == "C" for row in rows])
    return iv.tolist(), status.tolist()


def test_every_status_is_the_tables(rows: Rows) -> None:
    """Prices at, below and above their bounds are named as in the table, to the last bit of the price."""
    _, status = _solved(rows)

    assert status == [row["status"] for row in rows]


def test_every_volatility_is_within_the_loose_tolerance(rows: Rows) -> None:
    """1e-10 relative plus eight half-ulps of the price on every solvable row; the share within the strict one is told.

    Strict is 4e-16 relative plus four half-ulps: the best known solver reaches it on 230 of 309 rows of this kind.
    """
    iv, _ = _solved(rows)
    solvable = [(row, number) for row, number in zip(rows, iv, strict=True) if row["status"] == "ok"]
    loose, strict = [], 0
    for row, number in solvable:
        expected, half_ulp = float(row["iv"]), float(row["iv_half_ulp"])
        error = abs(number - expected)
        strict += error <= 4.0 * half_ulp + 4e-16 * expected
        if not error <= 8.0 * half_ulp + 1e-10 * expected:
            loose.append((row["id"], row["tag"], number, expected))
    print(f"implied vol: strict on {strict} of {len(solvable)} rows")  # noqa: T201 - the share is reported, not asserted

    assert (len(solvable) > 150, loose) == (True, [])


def test_no_sentinel_looks_like_a_volatility(rows: Rows) -> None:
    """Where there is no volatility the number is 0.0."""
    iv, _ = _solved(rows)

    assert {number for row, number in zip(rows, iv, strict=True) if row["status"] != "ok"} == {0.0}


def test_one_by_one_equals_all_at_once(rows: Rows) -> None:
    """A price is solved alone as it is among others, to a few units of the last place."""
    iv, status = _solved(rows)
    alone = [
        implied_vol.solve(float(r["price"]), float(r["F"]), float(r["K"]), float(r["T"]), r["cp"] == "C") for r in rows
    ]

    assert [str(word) for _, word in alone] == status
    assert [float(number) for number, _ in alone] == pytest.approx(iv, rel=2e-14, abs=0.0)
