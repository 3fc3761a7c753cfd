"""From the keys of the regimes to their parameters."""

from typing import Any

import pytest
from pydantic import ValidationError

from bot.app.regime_settings import RegimeSection, regime_of
from bot.domain.errors import ConfigError
from bot.domain.reasons import Regime
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.regime import RegimeParams


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, None),
        ({"watch": False}, None),
        ({"watch": True}, RegimeParams()),
        (
            {
                "watch": True,
                "calm_ratio": 0.6,
                "hot_ratio": 2,
                "crisis_ratio": 4,
                "leave_share": 0.9,
                "up_minutes": 1,
                "down_minutes": 60,
                "cusum_alarm": 8,
                "jump_sd": 6,
                "jump_at_once": False,
                "jump_hold_s": 30,
                "width_ratio_calm": 0.9,
                "width_ratio_hot": 1.2,
                "width_ratio_crisis": 0.5,
                "cross_in": ["hot", "crisis"],
                "crisis_budget_usd_per_day": 1000,
                "vol_by_hour": [*range(1, 25)],
                "weekend_vol_ratio": 0.7,
            },
            RegimeParams(
                calm_ratio=0.6,
                hot_ratio=2.0,
                crisis_ratio=4.0,
                leave_share=0.9,
                up_minutes_count=1,
                down_minutes_count=60,
                cusum_alarm_ratio=8.0,
                jump_sigmas=6.0,
                is_jump_hedged=False,
                jump_hold_ns=Ns(30 * NS_PER_S),
                width_ratio_calm=0.9,
                width_ratio_hot=1.2,
                width_ratio_crisis=0.5,
                crosses_in=(Regime.HOT, Regime.CRISIS),
                crisis_budget_usd=1000.0,
                hour_ratios=tuple(map(float, range(1, 25))),
                weekend_ratio=0.7,
            ),
        ),
    ],
)
def test_keys_become_parameters(keys: dict[str, Any], expected: RegimeParams | None) -> None:
    """Nothing without `watch`; what is left out is the default of the watch itself."""
    assert regime_of("btc", RegimeSection(**keys)) == expected


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"width_ratio_hot": 2}, r"^books\.btc\.regime\.width_ratio_hot: does nothing without watch = true"),
        ({"watch": True, "crisis_ratio": 1.4}, r"^books\.btc\.regime\.crisis_ratio: is not over hot_ratio 1\.5"),
        ({"watch": True, "vol_by_hour": [1.0]}, r"^books\.btc\.regime\.vol_by_hour: has 1 numbers; give 24"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, Any], message: str) -> None:
    """With the key and the next step."""
    with pytest.raises(ConfigError, match=message):
        regime_of("btc", RegimeSection(**keys))


@pytest.mark.parametrize(
    "keys", [{"calm_ratio": 1.0}, {"hot_ratio": 1.0}, {"cross_in": ["wild"]}, {"vol_by_hour": [0.0] * 24}, {"up": 1}]
)
def test_numbers_out_of_their_bounds_are_refused(keys: dict[str, Any]) -> None:
    """A calm market over the usual, an hour without volatility, a regime nobody knows."""
    with pytest.raises(ValidationError):
        RegimeSection(watch=True, **keys)
