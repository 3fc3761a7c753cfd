"""Less risk as the equity nears its floor."""

import math

import pytest

from bot.hedging.appetite import AppetiteParams, share_of, width_ratio

_PARAMS = AppetiteParams(floor_usd=400_000.0, full_cushion_usd=100_000.0)


@pytest.mark.parametrize(
    ("equity_usd", "share"),
    [
        (1_000_000.0, 1.0),
        (500_000.0, 1.0),
        (450_000.0, 0.5),
        (410_000.0, 0.1),
        (400_000.0, 0.1),
        (-50_000.0, 0.1),
        (None, 0.1),
        (math.nan, 0.1),
        (math.inf, 0.1),
    ],
)
def test_the_share_is_what_is_left_of_the_cushion(equity_usd: float | None, share: float) -> None:
    """All of it above, in proportion below, the least at the floor, under it, and where nobody knows."""
    assert share_of(_PARAMS, equity_usd) == pytest.approx(share)


def test_without_parameters_all_of_the_appetite_is_there() -> None:
    """Whatever the equity."""
    assert share_of(None, None) == 1.0


def test_the_band_narrows_as_whalley_wilmott_s_does() -> None:
    """An eighth of the budget is eight times the risk aversion, and half the width."""
    assert width_ratio(1.0) == 1.0
    assert width_ratio(0.125) == pytest.approx(0.5)
