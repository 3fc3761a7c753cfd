"""Black-76 against 50-digit arithmetic: every row of black76_greeks.csv, with the tolerances of its header."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from bot.pricing import black76

Rows = list[dict[str, str]]

_RELATIVE = ("delta", "gamma", "vega", "theta", "pa_delta", "vanna", "charm", "speed", "coin_gamma")
_SMALLEST = 1e-308


@pytest.fixture(scope="module")
def rows(rows_of: Callable[[str], Rows]) -> Rows:
    """The table."""
    return rows_of("black76_greeks.csv")


def _inputs(row: dict[str, str]) -> tuple[float, float, float, float, bool]:
    return float(row["F"]), float(row["K"]), float(row["T"]), float(row["sigma"]), row["cp"] == "C"


def _scalar(rows: Rows) -> list[black76.Greeks[float]]:
    return [black76.greeks_scalar(*_inputs(row), discount=float(row["df"])) for row in rows]


def _array(rows: Rows) -> list[black76.Greeks[float]]:
    columns = zip(*(_inputs(row) for row in rows), strict=True)
    forward, strike, tau_years, iv, is_call = (np.array(column) for column in columns)
    discount = np.array([float(row["df"]) for row in rows])
    chain = black76.greeks(forward, strike, tau_years, iv, is_call, discount=discount)
    return [black76.Greeks(*numbers) for numbers in np.stack(chain).T.tolist()]


def _tolerances(row: dict[str, str]) -> dict[str, float]:
    """Largest error of each output, from lines 6 and 7 of the header."""
    forward, strike, tau_years, iv, _ = _inputs(row)
    width, discount = iv * math.sqrt(tau_years), float(row["df"])
    moneyness = math.log(forward / strike)
    relative = 1e-12 if abs(moneyness) <= 5.0 * width else 1e-10
    tolerances = {name: relative * abs(float(row[name])) + _SMALLEST for name in _RELATIVE}
    price = 4e-16 * max(forward, strike) * discount + 1e-11 * float(row["price"])
    d1 = moneyness / width + 0.5 * width
    volga = 1e-12 * float(row["vega"]) * max(1.0, abs(d1 * (d1 - width))) / iv
    return {**tolerances, "price": price, "coin_price": price / forward, "volga": volga + _SMALLEST}


def _misses(rows: Rows, actual: list[black76.Greeks[float]]) -> list[str]:
    return [
        f"row {row['id']} ({row['tag']}) {name}: expected {row[name]}, is {number!r}, error over {tolerance:.2e}"
        for row, numbers in zip(rows, actual, strict=True)
        for (name, number), tolerance in (
            (item, _tolerances(row)[item[0]]) for item in zip(numbers._fields, numbers, strict=True)
        )
        if not abs(number - float(row[name])) <= tolerance
    ]


@pytest.mark.parametrize("path", [_scalar, _array])
def test_every_row_is_met_on_both_paths(rows: Rows, path: Callable[[Rows], list[black76.Greeks[float]]]) -> None:
    """All twelve outputs of all rows lie inside the tolerances of the table's header."""
    misses = _misses(rows, path(rows))

    assert (len(rows) > 300, misses) == (True, [])


@pytest.mark.parametrize("path", [_scalar, _array])
def test_far_prices_keep_their_digits(rows: Rows, path: Callable[[Rows], list[black76.Greeks[float]]]) -> None:
    """Out of the money the price keeps 11 digits of itself out to 12 standard deviations, not only of the forward."""
    wrong = []
    for row, numbers in zip(rows, path(rows), strict=True):
        forward, strike, tau_years, iv, is_call = _inputs(row)
        sigmas = abs(math.log(forward / strike)) / (iv * math.sqrt(tau_years))
        expected = float(row["price"])
        is_out = (forward <= strike) == is_call
        if is_out and sigmas <= 12.01 and abs(numbers.price - expected) > 1e-11 * expected:
            wrong.append((row["id"], numbers.price, expected))

    assert wrong == []


def test_the_decisions_path_is_met_on_every_row(rows: Rows) -> None:
    """What decisions use, plain and premium-adjusted, lies inside the same tolerances (undiscounted rows)."""
    wrong = []
    for row in rows:
        if float(row["df"]) != 1.0:
            continue
        tolerances = _tolerances(row)
        delta, gamma = black76.delta_gamma(*_inputs(row))
        pa_delta, pa_gamma = black76.pa_delta_gamma(*_inputs(row))
        assert pa_gamma == gamma
        found = {"delta": delta, "pa_delta": pa_delta, "gamma": gamma}
        errors = {name: abs(number - float(row[name])) for name, number in found.items()}
        wrong += [(row["id"], name, error) for name, error in errors.items() if not error <= tolerances[name]]

    assert wrong == []


def test_a_wrong_digit_would_be_seen(rows: Rows) -> None:
    """The comparison can fail: one part in 10^9 on one number of one row is reported, and only that."""
    actual = _array(rows)
    actual[0] = actual[0]._replace(vanna=actual[0].vanna * (1.0 + 1e-9))

    assert [miss.split(":")[0] for miss in _misses(rows, actual)] == [f"row {rows[0]['id']} ({rows[0]['tag']}) vanna"]
