"""Books of coin-settled and linear contracts rebuilt from single contracts: every row of inverse_position.csv to 1e-10.

The sums over a book, in both monies (theory 1.4), are written out here: E coin equity, U dollar equity, S spot,
W = S E + U the worth in dollars, W/S in coins. An inverse future adds nothing to the dollar gamma d2W/dS2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bot.pricing import black76, coin_settled

Rows = list[dict[str, str]]

_TOLERANCE = 1e-10
_COLUMNS = {
    *("E_coin", "U_usd", "W_usd", "W_coin", "delta_total", "usd_delta_coins", "coin_delta_coins", "gamma_usd"),
    *("gamma_coin", "ddelta_total_dlnS", "gamma_1pct_coins", "vega_usd", "vega_coin", "theta_usd_y", "theta_coin_y"),
    *("hedge_iperp_usd_coin_neutral", "hedge_iperp_usd_usd_neutral"),
    *("W_usd_up10", "W_usd_dn10", "W_coin_up10", "W_coin_dn10"),
}


@dataclass
class _Book:
    """Sums over legs. `coin_*`: of the coin account; `usd_*`: of the dollar account; slopes by the spot."""

    equity: float = 0.0
    delta_total: float = 0.0
    delta_slope: float = 0.0
    coin_curvature: float = 0.0
    coin_vega: float = 0.0
    coin_theta: float = 0.0
    usd: float = 0.0
    usd_slope: float = 0.0
    usd_curvature: float = 0.0
    worth_curvature: float = 0.0
    usd_vega: float = 0.0
    usd_theta: float = 0.0


def _add_option(book: _Book, kind: str, spot: float, text: str) -> None:
    """`C/P,K,T,sigma,basis,qty`; bumps move the forward in proportion to the spot."""
    word, *figures = text.split(",")
    strike, tau_years, iv, basis, qty = map(float, figures)
    forward = spot * basis
    one = black76.greeks_scalar(forward, strike, tau_years, iv, word == "C")
    if kind == "lopt":
        book.usd += qty * one.price
        book.usd_slope += qty * one.delta * basis
        book.usd_curvature += qty * one.gamma * basis**2
        book.worth_curvature += qty * one.gamma * basis**2
        book.usd_vega += qty * one.vega
        book.usd_theta += qty * one.theta
        return
    premium = coin_settled.premium_coin(one.price, forward)
    net = coin_settled.net_transaction_delta_coin(one.delta, premium)
    book.equity += qty * premium
    book.delta_total += qty * net
    book.delta_slope += qty * coin_settled.net_transaction_delta_slope_coin(forward, one.gamma, net)
    book.coin_curvature += qty * coin_settled.coin_gamma(forward, one.gamma, net) * basis**2
    # S V(F)/F is V/basis dollars: the coin option's dollar gamma is Black-76's own, without cancellation.
    book.worth_curvature += qty * one.gamma * basis
    book.coin_vega += qty * coin_settled.vega_coin_per_vol(one.vega, forward)
    book.coin_theta += qty * coin_settled.theta_coin_per_year(one.theta, forward)


def _add_future(book: _Book, kind: str, spot: float, text: str) -> None:
    """Inverse: `N_usd,entry,basis`; linear: `qty_coins,entry,basis`."""
    amount, entry, basis = map(float, text.split(","))
    mark = spot * basis
    if kind == "lperp":
        book.usd += amount * (mark - entry)
        book.usd_slope += amount * basis
        return
    book.equity += coin_settled.inverse_pnl_coin(amount, entry, mark)
    book.delta_total += coin_settled.inverse_delta_coin(amount, mark)
    book.delta_slope -= coin_settled.inverse_delta_coin(amount, mark)
    book.coin_curvature += coin_settled.inverse_coin_gamma(amount, mark) * basis**2


def _book(legs: str, spot: float) -> _Book:
    book = _Book()
    for leg in legs.split(";"):
        kind, text = leg.split(":")
        match kind:
            case "cash":
                book.equity += float(text)
            case "usd":
                book.usd += float(text)
            case "iopt" | "lopt":
                _add_option(book, kind, spot, text)
            case _:
                _add_future(book, kind, spot, text)
    return book


def _worth_usd(legs: str, spot: float) -> float:
    book = _book(legs, spot)
    return book.equity * spot + book.usd


def _figures(legs: str, spot: float) -> dict[str, float]:
    """All columns of a row."""
    book = _book(legs, spot)
    worth = book.equity * spot + book.usd
    usd_delta = book.equity + book.delta_total + book.usd_slope
    coin_delta = book.delta_total + book.usd_slope - book.usd / spot
    vega, theta = book.coin_vega * spot + book.usd_vega, book.coin_theta * spot + book.usd_theta
    up, down = _worth_usd(legs, spot * 1.1), _worth_usd(legs, spot * 0.9)
    return {
        "E_coin": book.equity,
        "U_usd": book.usd,
        "W_usd": worth,
        "W_coin": worth / spot,
        "delta_total": book.delta_total,
        "usd_delta_coins": usd_delta,
        "coin_delta_coins": coin_delta,
        "gamma_usd": book.worth_curvature,
        "gamma_coin": book.coin_curvature
        + book.usd_curvature / spot
        - 2.0 * (book.usd_slope - book.usd / spot) / spot**2,
        "ddelta_total_dlnS": book.delta_slope,
        "gamma_1pct_coins": book.delta_slope / 100.0,
        "vega_usd": vega,
        "vega_coin": vega / spot,
        "theta_usd_y": theta,
        "theta_coin_y": theta / spot,
        "hedge_iperp_usd_coin_neutral": coin_settled.neutral_inverse_amount_usd(coin_delta, spot),
        "hedge_iperp_usd_usd_neutral": coin_settled.neutral_inverse_amount_usd(usd_delta, spot),
        "W_usd_up10": up,
        "W_usd_dn10": down,
        "W_coin_up10": up / (spot * 1.1),
        "W_coin_dn10": down / (spot * 0.9),
    }


def test_every_book_is_rebuilt(rows_of: Callable[[str], Rows]) -> None:
    """Equity, deltas, gammas, vega, theta, hedges and full revaluations of every book, in both monies."""
    rows = rows_of("inverse_position.csv")
    wrong = []
    for row in rows:
        actual = _figures(row["legs"], float(row["S"]))
        assert set(actual) == _COLUMNS <= set(row)
        wrong += [
            f"{row['name']} {column}: expected {row[column]}, is {number!r}"
            for column, number in actual.items()
            if not math.isclose(number, float(row[column]), rel_tol=_TOLERANCE, abs_tol=0.0)
        ]

    assert (len(rows) > 30, wrong) == (True, [])


@pytest.mark.parametrize("is_call", [True, False])
def test_the_coin_neutral_amount_needs_no_forward(is_call: bool) -> None:
    """One option on one coin is coin-neutral with -K N(d2) (call) or K N(-d2) (put) dollars of perpetual (theory 1.4).

    F = 64,250.5, K = 65,000, seven days at 55 %: the call of the table's first row, and its put.
    """
    one = black76.greeks_scalar(64250.5, 65000.0, 0.019178082191780823, 0.55, is_call)
    amount = coin_settled.neutral_inverse_amount_usd(one.pa_delta, 64250.5)
    expected = {True: -27593.595657360892704, False: 65000.0 - 27593.595657360892704}[is_call]

    assert amount == pytest.approx(expected, rel=1e-13)
