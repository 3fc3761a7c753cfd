"""Implied volatility: what is no volatility is named, and nothing raises. Its digits are checked in tests/reference."""

import math

import numpy as np
import pytest

from bot.pricing import black76, implied_vol

_INF = math.inf
_NAN = math.nan
_STATUSES = [
    # price, forward, strike, tau_years, is_call, status
    (5.0, 100.0, 100.0, 0.1, True, "ok"),
    (0.0, 100.0, 110.0, 0.1, True, "at_intrinsic"),
    (-0.0, 100.0, 110.0, 0.1, True, "at_intrinsic"),
    (10.0, 110.0, 100.0, 0.1, True, "at_intrinsic"),
    (10.0, 100.0, 110.0, 0.1, False, "at_intrinsic"),
    (9.999, 110.0, 100.0, 0.1, True, "below_intrinsic"),
    (-1.0, 100.0, 110.0, 0.1, True, "below_intrinsic"),
    (0.0, 110.0, 100.0, 0.1, True, "below_intrinsic"),
    (110.0, 110.0, 100.0, 0.1, True, "at_or_above_upper_bound"),
    (100.0, 110.0, 100.0, 0.1, False, "at_or_above_upper_bound"),
    (1e9, 110.0, 100.0, 0.1, False, "at_or_above_upper_bound"),
    (5.0, 0.0, 100.0, 0.1, True, "invalid"),
    (5.0, 100.0, -1.0, 0.1, True, "invalid"),
    (5.0, 100.0, 100.0, 0.0, True, "invalid"),
    (5.0, 100.0, 100.0, -0.1, False, "invalid"),
    (_NAN, 100.0, 100.0, 0.1, True, "invalid"),
    (_INF, 100.0, 100.0, 0.1, True, "invalid"),
    (-_INF, 100.0, 100.0, 0.1, True, "invalid"),
    (5.0, _NAN, 100.0, 0.1, True, "invalid"),
    (5.0, 100.0, _INF, 0.1, True, "invalid"),
    (5.0, 100.0, 100.0, _NAN, True, "invalid"),
]


@pytest.mark.parametrize("row", _STATUSES)
def test_status_of_one_price(row: tuple[float, float, float, float, bool, str]) -> None:
    """Each way of not having a volatility has its word, and 0.0 for a number."""
    price, forward, strike, tau_years, is_call, expected = row
    iv, status = implied_vol.solve(price, forward, strike, tau_years, is_call)

    assert (status, bool(iv > 0.0), implied_vol.IvStatus(str(status))) == (expected, expected == "ok", expected)


def test_the_same_statuses_at_once() -> None:
    """One bad price does not touch its neighbours."""
    price, forward, strike, tau_years, is_call, expected = zip(*_STATUSES, strict=True)
    iv, status = implied_vol.solve(price, forward, strike, tau_years, is_call)

    assert status.tolist() == list(expected)
    assert np.isfinite(iv).all()


def test_large_numbers_are_valid() -> None:
    """Four finite numbers whose sum is not are still a price, a forward, a strike and a time."""
    _, status = implied_vol.solve(0.5e308, 1.2e308, 1.2e308, 1e308, True)

    assert status == "ok"


def test_intrinsic_value_is_compared_without_rounding() -> None:
    """1e16 - 1 is no double: the price 1e16 is above that intrinsic value, though F - K rounds to it."""
    statuses = [str(implied_vol.solve(price, 1e16, 1.0, 1.0, True)[1]) for price in (1e16 - 2.0, 1e16)]
    put = implied_vol.solve(1e16 - 2.0, 1.0, 1e16, 1.0, False)[1]

    assert (statuses, put) == (["below_intrinsic", "at_or_above_upper_bound"], "below_intrinsic")


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [(((), (), (), (), ()), ()), (((3,), (), (), (2, 1), ()), (2, 3)), (((0,), (), (), (), ()), (0,))],
)
def test_inputs_broadcast(shapes: tuple[tuple[int, ...], ...], expected: tuple[int, ...]) -> None:
    """Outputs have the broadcast shape; a single option gives a number and a word."""
    numbers = [np.full(shape, number) for shape, number in zip(shapes, (5.0, 100.0, 100.0, 0.1), strict=False)]
    iv, status = implied_vol.solve(*numbers, np.ones(shapes[4], dtype=bool))

    assert (iv.shape, status.shape, isinstance(iv, float), isinstance(status, str)) == (
        *(expected, expected),
        *(expected == (), expected == ()),
    )


def test_a_chain_of_a_day_comes_back() -> None:
    """One expiry of 300 strikes and four tenors, from a minute to a year: 1e-10 where the price knows it.

    Each double of a price leaves half an ulp over vega undecided (theory 8.2); Black-76 itself adds a few more.
    """
    strike = np.geomspace(64250.5 * 0.6, 64250.5 * 1.6, 300)
    tau_years = np.array([[1.0 / 525_600.0], [1.0 / 365.0], [30.0 / 365.0], [1.0]])
    is_call = strike >= 64250.5
    iv = 0.6 + 0.4 * np.log(strike / 64250.5) ** 2
    chain = black76.greeks(64250.5, strike, tau_years, iv, is_call)
    solved, status = implied_vol.solve(chain.price, 64250.5, strike, tau_years, is_call)
    is_priced = chain.price > 1e-290

    assert (status[is_priced] == "ok").all()
    assert np.abs(solved / iv - 1.0)[is_priced].max() < 1e-10


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the rounds are used up the best number so far is handed out, finite and near."""
    monkeypatch.setattr(implied_vol, "_ROUNDS_MAX", 1)
    iv, status = implied_vol.solve(2.5, 100.0, 110.0, 0.1, True)
    found = black76.price(100.0, 110.0, 0.1, float(iv), True)

    assert (status, found) == ("ok", pytest.approx(2.5, rel=0.2))


def test_a_step_out_of_bounds_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method gone wild (NaN, far steps) is halved back between the bounds: the root is found all the same."""
    honest = implied_vol._halley_step
    wild = iter([math.nan, -1e9, 1e9, math.nan])

    def step(*numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, is_short = honest(*numbers)
        return found * next(wild, 1.0), is_short

    monkeypatch.setattr(implied_vol, "_halley_step", step)
    iv, _ = implied_vol.solve([2.5], 100.0, 110.0, 0.1, True)

    assert black76.price(100.0, 110.0, 0.1, float(iv[0]), True) == pytest.approx(2.5, rel=1e-13)
