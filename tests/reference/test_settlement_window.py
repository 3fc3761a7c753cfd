"""Averaged-index options against exact two-moment figures: every row of asian_tail.csv, with its header's tolerance."""

import math
from collections.abc import Callable

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.pricing import settlement_window as sw

Rows = list[dict[str, str]]

_TOLERANCE = 1e-10
_SMALLEST = 1e-300
"""The table goes down to 1e-1359739; below the range of doubles 0 is right."""


@pytest.fixture(scope="module")
def rows(rows_of: Callable[[str], Rows]) -> Rows:
    """The table."""
    return rows_of("asian_tail.csv")


def _left(row: dict[str, str]) -> sw.Left:
    window = sw.Window(Ns(round(float(row["window_s"]) * NS_PER_S)), Ns(round(float(row["fix_dt_s"]) * NS_PER_S)))
    return sw.left_of(window, round(float(row["sec_to_expiry"]) * NS_PER_S))


def _worth(row: dict[str, str]) -> sw.Worth:
    known_usd = float(row["m_done"]) / float(row["M"]) * float(row["avg_done"])
    index_usd, strike_usd, iv = float(row["I"]), float(row["K"]), float(row["sigma"])
    return sw.worth(sw.Average(_left(row), index_usd, known_usd), strike_usd, iv, row["cp"] == "C")


def test_every_row_is_reproduced(rows: Rows) -> None:
    """Share still open, total standard deviation, price, delta, gamma: 1e-10 relative."""
    wrong = []
    for row in rows:
        left, found = _left(row), _worth(row)
        figures = {
            "w_rem": left.share,
            "v_lm": math.sqrt(sw.variance(left, float(row["sigma"]))),
            "price_lm": found.price,
            "delta_lm": found.delta,
            "gamma_lm": found.gamma,
        }
        wrong += [
            f"row {row['id']} {name}: expected {row[name]}, is {number!r}"
            for name, number in figures.items()
            if not math.isclose(number, float(row[name]), rel_tol=_TOLERANCE, abs_tol=_SMALLEST)
        ]

    assert (len(rows) > 50, wrong) == (True, [])


def test_the_coin_value_follows_within_its_order(rows: Rows) -> None:
    """Premium in coins to v², premium-adjusted delta to v/4, against the exact integral in the coin measure.

    What is left out is the pay-off's own coin price at delivery, (S / A): 5e-4 coins at the money when a window opens.
    """
    wrong = []
    for row in rows:
        found, variance = _worth(row), sw.variance(_left(row), float(row["sigma"]))
        wrong += [
            f"row {row['id']} {name}: expected {row[name]}, is {number!r}"
            for name, number, order in (
                ("coin_price", found.coin_price, variance),
                ("coin_pa_delta", found.pa_delta, 0.25 * math.sqrt(variance) + variance),
            )
            if not abs(number - float(row[name])) <= order
        ]

    assert wrong == []
