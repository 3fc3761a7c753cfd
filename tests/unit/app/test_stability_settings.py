"""From the keys of the guards to their parameters."""

import math

import pytest
from pydantic import ValidationError

from bot.app.stability_settings import StabilitySection, stability_of
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.stability import StabilityParams


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, StabilityParams()),
        (
            {
                "loop_gain_max": 0.1,
                "loop_gain_pace_s": 5,
                "oscillation_width_ratio": 1,
                "oscillation_hold_s": 60,
                "runaway_share": 0.2,
                "pause_s": 30,
                "volume_usd_per_day": 5e8,
                "participation_share_max": 0.05,
            },
            StabilityParams(
                gain_ratio_max=0.1,
                pace_ns=Ns(5 * NS_PER_S),
                oscillation_width_ratio=1.0,
                oscillation_hold_ns=Ns(60 * NS_PER_S),
                runaway_share=0.2,
                pause_ns=Ns(30 * NS_PER_S),
                volume_usd_per_day=5e8,
                participation_share_max=0.05,
            ),
        ),
    ],
)
def test_keys_become_parameters(keys: dict[str, float], expected: StabilityParams) -> None:
    """Seconds become nanoseconds; what is left out is the default of the guards themselves."""
    assert stability_of("btc", StabilitySection(**keys)) == expected


def test_a_part_of_nothing_is_refused() -> None:
    """A cap on the share of a volume nobody has told."""
    with pytest.raises(
        ConfigError, match=r"books\.btc\.stability\.participation_share_max: is a part of volume_usd_per_day"
    ):
        stability_of("btc", StabilitySection(participation_share_max=0.1))


@pytest.mark.parametrize(
    "keys",
    [{"pause_s": 601}, {"pause_s": 0}, {"oscillation_width_ratio": 0.5}, {"loop_gain_max": math.inf}, {"gain": 1}],
)
def test_what_would_leave_short_gamma_alone_is_refused(keys: dict[str, float]) -> None:
    """A pause without an end, a band that grows narrower, and words nobody knows."""
    with pytest.raises(ValidationError):
        StabilitySection(**keys)
