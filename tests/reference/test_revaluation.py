"""What the simulated venue finds by valuing again, against inverse_position.csv: 50-digit sums over whole books.

The table's bumps keep the ratio of forward and spot (`basis`); the venue's greeks are on the forward: a slope
by the spot is that by the forward times basis, and S V(F)/F dollars of a coin-settled option are V/basis.
"""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.sim.listing import build_listing
from bot.sim.pit import Mark
from bot.sim.revaluation import Line, delta_total_coin, greeks_of
from bot.sim.valuation import value_and_delta

Rows = list[dict[str, str]]

_LISTED = {item.id: item for item in build_listing(Ns(0))}
_ITEMS = {
    "iopt": next(item for item in _LISTED.values() if item.is_option and item.is_inverse),
    "lopt": next(item for item in _LISTED.values() if item.is_option and not item.is_inverse),
    "iperp": _LISTED["BTC-PERPETUAL"],  # type: ignore[index]
    "lperp": _LISTED["BTC_USDC-PERPETUAL"],  # type: ignore[index]
}


def _option(item: Instrument, spot: float, text: str) -> tuple[Line, float]:
    """A line and its basis; the mark without the venue's rounding."""
    word, *figures = text.split(",")
    strike, tau_years, iv, basis, qty = map(float, figures)
    forward = spot * basis
    usd, _ = value_and_delta(forward, strike, iv, tau_years, is_call=word == "C")
    mark = Mark(forward_usd=forward, iv=iv, tau_years=tau_years, mark_native=usd / forward if item.is_inverse else usd)
    option = replace(item, strike_usd=strike, is_call=word == "C")
    return Line(item=option, amount_native=qty, average_native=0.0, mark=mark), basis


def _lines(legs: str, spot: float) -> list[tuple[Line, float]]:
    found = []
    for leg in legs.split(";"):
        kind, text = leg.split(":")
        if kind in ("cash", "usd"):
            continue
        item = _ITEMS[kind]
        if item.is_option:
            found.append(_option(item, spot, text))
        else:
            amount, entry, basis = map(float, text.split(","))
            line = Line(item=item, amount_native=amount, average_native=entry, mark=Mark(mark_native=spot * basis))
            found.append((line, basis))
    return found


def _figures(legs: str, spot: float) -> dict[str, float]:
    """Columns a venue's account shows, from its revaluation."""
    found = {"delta_total": 0.0, "gamma_usd": 0.0, "vega_usd": 0.0, "theta_usd_y": 0.0, "usd_delta_linear": 0.0}
    lines = _lines(legs, spot)
    found["delta_total"] = delta_total_coin(line for line, _ in lines if line.item.is_inverse)
    for line, basis in lines:
        greeks, coin_settled = greeks_of(line), line.item.is_inverse
        if not coin_settled:
            found["usd_delta_linear"] += greeks.delta_coin * basis
        if line.item.is_option:
            days = line.mark.tau_years * 365.0
            found["gamma_usd"] += greeks.gamma_coin_per_usd * basis ** (1 if coin_settled else 2)
            found["vega_usd"] += greeks.vega_usd_per_point * 100.0 / (basis if coin_settled else 1.0)
            found["theta_usd_y"] += greeks.theta_usd_per_day * 365.0 / min(1.0, days) / (basis if coin_settled else 1.0)
    return found


_TOLERANCES = {
    # (relative, absolute): what finite moves leave, a few times the worst row.
    "delta_total": (0.0, 1e-9),
    "usd_delta_coins": (0.0, 1e-9),
    "gamma_usd": (1e-5, 1e-15),
    "vega_usd": (2e-7, 1e-8),
    "theta_usd_y": (5e-6, 1e-7),
}


def test_every_book_is_revalued(rows_of: Callable[[str], Rows]) -> None:
    """Net transaction delta, gamma, vega, theta of every book; USD delta = equity + delta_total + linear coins."""
    rows = rows_of("inverse_position.csv")
    wrong = []
    for row in rows:
        found = _figures(row["legs"], float(row["S"]))
        found["usd_delta_coins"] = float(row["E_coin"]) + found["delta_total"] + found.pop("usd_delta_linear")
        for column, (rel, floor) in _TOLERANCES.items():
            if found[column] != pytest.approx(float(row[column]), rel=rel, abs=floor):
                wrong.append((row["name"], column, found[column], row[column]))

    assert len(rows) > 30
    assert not wrong, wrong


def test_deltas_of_a_single_option_are_those_of_the_formula(rows_of: Callable[[str], Rows]) -> None:
    """What is shown beside a position is Black-76 on the forward, to eight digits, premium not taken off."""
    for row in rows_of("inverse_position.csv"):
        for line, _ in _lines(row["legs"], float(row["S"])):
            item, mark = line.item, line.mark
            if item.strike_usd is not None and mark.iv is not None:
                is_call = item.is_call is True
                _, delta = value_and_delta(mark.forward_usd, item.strike_usd, mark.iv, mark.tau_years, is_call=is_call)
                assert greeks_of(line).delta_coin == pytest.approx(line.amount_native * delta, rel=1e-7, abs=1e-7)
