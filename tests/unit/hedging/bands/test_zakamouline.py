"""Zakamouline's band and the shift of its centre; the table is in tests/reference."""

from collections.abc import Callable

import pytest

from bot.hedging.band import BandInputs
from bot.hedging.bands import zakamouline

_POLICY = zakamouline.policy(zakamouline.Params(risk_aversion_per_usd=1e-5))


@pytest.mark.parametrize(
    ("gamma_sign", "vanna", "sign"), [(1.0, 0.5, 1.0), (1.0, -0.5, -1.0), (-1.0, 0.5, -1.0), (-1.0, -0.5, 1.0)]
)
def test_the_centre_moves_against_what_the_delta_would_be(
    inputs: Callable[..., BandInputs], gamma_sign: float, vanna: float, sign: float
) -> None:
    """Long books hedge at a lower volatility, short ones at a higher: target = -vanna (σ_m - σ)."""
    gamma = gamma_sign * 7.44349e-4

    band = _POLICY(inputs(gamma_coin_per_usd=gamma, vanna_coin_per_vol=vanna))

    ratio = zakamouline.shift_ratio(
        gamma, price_usd=64_250.5, iv=0.6, tau_years=7.0 / 365.0, cost_fraction=0.0005, risk_aversion_per_usd=1e-5
    )
    moved = zakamouline.modified_iv(0.6, ratio, is_long=gamma > 0.0) - 0.6
    assert band.target_coin == -vanna * moved
    assert band.target_coin * sign > 0.0


def test_a_long_book_never_hedges_at_a_negative_variance() -> None:
    """A shift beyond everything leaves no volatility, not an imaginary one."""
    assert zakamouline.modified_iv(0.6, -2.0, is_long=True) == 0.0


def test_without_options_there_is_no_band(inputs: Callable[..., BandInputs]) -> None:
    """Nothing to be optimal about."""
    assert _POLICY(inputs(iv_mark=None, tau_years=None)).high_coin == 0.0
