"""The fixed band: absolute and relative width, edges on their own."""

import pytest

from bot.domain.time import Ns
from bot.hedging.band import Band, BandInputs
from bot.hedging.bands import fixed


def _inputs(option_coin_gross: float) -> BandInputs:
    return BandInputs(
        delta_coin_net=0.3,
        gamma_coin_per_usd=1e-5,
        option_coin_gross=option_coin_gross,
        price_usd=100_000.0,
        iv_mark=0.5,
        tau_years=0.1,
        fee_rate_taker=0.00035,
        half_spread_usd=0.25,
        funding_rate_8h=0.0,
        since_hedge_ns=None,
        price_at_hedge_usd=None,
        now_ns=Ns(0),
    )


@pytest.mark.parametrize(
    ("params", "option_coin_gross", "expected"),
    [
        (fixed.Params(), 2.0, (-0.1, 0.1, 0.0)),
        (fixed.Params(), 0.0, (0.0, 0.0, 0.0)),
        (fixed.Params(low_coin_per_option_coin=-0.02), 1.0, (-0.02, 0.05, 0.0)),
        (fixed.Params(target_coin=0.5, low_coin=-0.1, high_coin=0.2), 2.0, (0.3, 0.8, 0.5)),
    ],
)
def test_edges_are_target_plus_absolute_plus_relative_width(
    params: fixed.Params, option_coin_gross: float, expected: tuple[float, float, float]
) -> None:
    """0.05 coin either side per coin of option by default."""
    low, high, target = expected

    band = fixed.policy(params)(_inputs(option_coin_gross))

    assert band == Band(low_coin=pytest.approx(low), high_coin=pytest.approx(high), target_coin=pytest.approx(target))
