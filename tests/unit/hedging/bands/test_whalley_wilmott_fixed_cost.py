"""Two bands with a fixed cost per trade; the table is in tests/reference."""

from collections.abc import Callable

import pytest

from bot.hedging.band import BandInputs
from bot.hedging.bands import whalley_wilmott_fixed_cost as policy_file


def test_leaves_at_the_outer_band_and_lands_on_the_inner_one(inputs: Callable[..., BandInputs]) -> None:
    """Both solve A B (A+B) = 3 c Γ²/ra and (A+B)(A-B)³ = 12 k Γ²/ra."""
    params = policy_file.Params(risk_aversion_per_usd=1e-5, fixed_cost_usd=5.0)

    band = policy_file.policy(params)(inputs())

    outer, inner = band.high_coin, band.inner_high_coin
    assert inner is not None
    scale = (7.44349e-4) ** 2 / 1e-5
    assert outer * inner * (outer + inner) == pytest.approx(3.0 * 0.0005 * 64_250.5 * scale)
    assert (outer + inner) * (outer - inner) ** 3 == pytest.approx(12.0 * 5.0 * scale)
    assert (band.low_coin, band.inner_low_coin, band.target_coin) == (-outer, -inner, 0.0)
