"""The surface on recorded real days: through the quotes, without arbitrage, read where they are, never copied."""

from typing import Protocol

import numpy as np
import pytest

from bot.pricing import surface_fit
from bot.pricing.chain_quotes import Chain
from bot.pricing.surface import FitKind, Surface

_SNAPSHOTS = 8
"""Spread evenly over the day; each is a fit of every expiry."""


class Recorded(Protocol):
    """Columns of a recorded file (conftest)."""

    coin: str
    snapshot: np.ndarray
    expiry: np.ndarray
    forward_usd: np.ndarray
    strike_usd: np.ndarray
    tau_years: np.ndarray
    iv: np.ndarray
    is_call: np.ndarray
    bid_coin: np.ndarray
    ask_coin: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Recorded":
        """Some of the rows."""


def _chains(day: Recorded) -> list[Chain]:
    return [_chain(day.rows(day.expiry == expiry)) for expiry in np.unique(day.expiry)]


def _chain(rows: Recorded) -> Chain:
    return Chain(
        expiry=str(rows.expiry[0]),
        tau_years=float(np.median(rows.tau_years)),
        forward=rows.forward_usd,
        strike=rows.strike_usd,
        is_call=rows.is_call,
        bid=rows.bid_coin * rows.forward_usd,
        ask=rows.ask_coin * rows.forward_usd,
    )


@pytest.fixture(scope="module")
def surfaces(recorded: Recorded) -> list[Surface]:
    """Fits spread over the day, each knowing the one before."""
    names = np.unique(recorded.snapshot)
    found: list[Surface] = []
    for name in names[:: max(len(names) // _SNAPSHOTS, 1)]:
        fitted = surface_fit.fit(_chains(recorded.rows(recorded.snapshot == name)), found[-1] if found else None)
        assert isinstance(fitted, Surface), fitted
        found.append(fitted)
    return found


@pytest.mark.realdata
def test_no_curve_of_the_day_admits_arbitrage(surfaces: list[Surface]) -> None:
    """Neither a butterfly nor a calendar spread, at any expiry of any fit."""
    found = [(item.g_min, item.calendar_min) for surface in surfaces for item in surface.expiries]

    assert min(g for g, _ in found) >= 0.0
    assert min(gap for _, gap in found) >= -1e-12


@pytest.mark.realdata
def test_curves_pass_between_bid_and_ask(surfaces: list[Surface]) -> None:
    """Of the believed quotes more than 95 % have the curve between bid and ask; told per expiry."""
    items = [item for surface in surfaces for item in surface.expiries]
    for expiry in sorted({item.expiry for item in items}):
        own = [item for item in items if item.expiry == expiry]
        quotes = sum(item.quotes_count for item in own)
        inside = sum(item.inside_share * item.quotes_count for item in own) / max(quotes, 1)
        kinds = sorted({str(item.kind) for item in own})
        error = np.mean([item.rmse_iv for item in own])
        print(f"{expiry}: {inside:.1%} of {quotes} quotes, mean distance {error:.2%} of volatility, {kinds}")  # noqa: T201
    quotes = sum(item.quotes_count for item in items)
    inside = sum(item.inside_share * item.quotes_count for item in items)

    assert quotes > 100
    assert inside / quotes > 0.95
    assert sum(item.kind is FitKind.PRIOR for item in items) <= 0.05 * len(items)
