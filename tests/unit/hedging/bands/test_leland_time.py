"""Leland's volatility and clock."""

from collections.abc import Callable

import pytest

from bot.domain.time import NS_PER_S
from bot.hedging.band import WIDEST_COIN, BandInputs
from bot.hedging.bands import leland_time


def test_published_volatility() -> None:
    """10 % volatility, 1 % spread (round trip), daily: 15.888 % (Sinclair, chapter 4; theory 4.2)."""
    assert leland_time.leland_iv(0.1, cost_fraction=0.005, interval_years=1.0 / 365.0, is_long=False) == pytest.approx(
        0.15888, abs=5e-6
    )


def test_a_long_book_with_costs_over_its_variance_has_none_left() -> None:
    """1 - A below zero."""
    assert leland_time.leland_iv(0.1, cost_fraction=0.05, interval_years=1.0 / 365.0, is_long=True) == 0.0


@pytest.mark.parametrize("gamma", [7e-4, -7e-4])
def test_the_target_is_the_delta_at_lelands_volatility(inputs: Callable[..., BandInputs], gamma: float) -> None:
    """Due at first, and then around -vanna (σ_L - σ); not due, nothing is."""
    policy = leland_time.policy(leland_time.Params(interval_s=8 * 3600.0))
    adjusted = leland_time.leland_iv(0.6, cost_fraction=0.0005, interval_years=1.0 / 1095.0, is_long=gamma > 0.0)

    assert policy(inputs(gamma_coin_per_usd=gamma)).target_coin == pytest.approx(-0.5 * (adjusted - 0.6))
    assert policy(inputs(since_hedge_ns=NS_PER_S)).high_coin == WIDEST_COIN
    assert policy(inputs(iv_mark=None)).high_coin == 0.0
