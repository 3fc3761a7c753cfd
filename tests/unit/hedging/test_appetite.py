"""Less risk as the equity nears its floor."""

import math

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.hedging.appetite import AppetiteParams, FloorAlarm, share_of, width_ratio

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


def test_the_alarm_is_raised_once_when_the_cushion_has_been_gone_for_a_while() -> None:
    """Ten seconds: a start without account figures is none. Anew after there has been a cushion again."""
    alarm = FloorAlarm(_PARAMS)

    def told(share: float, second: float) -> int:
        return len(alarm.notes(share, Ns(round(second * NS_PER_S))))

    assert [told(0.1, 0), told(0.1, 9.9), told(0.1, 10.0), told(0.1, 60.0)] == [0, 0, 1, 0]
    assert [told(0.2, 61.0), told(0.1, 62.0), told(0.1, 71.9), told(0.1, 72.0)] == [0, 0, 0, 1]


def test_without_a_floor_there_is_no_alarm() -> None:
    """Nor words."""
    assert FloorAlarm(None).notes(0.0, Ns(10**18)) == []


def test_the_alarm_names_the_floor_and_what_is_left() -> None:
    """For whoever is woken by it."""
    alarm = FloorAlarm(_PARAMS)
    alarm.notes(0.1, Ns(0))
    (note,) = alarm.notes(0.1, Ns(10 * NS_PER_S))

    assert note.name == "cushion_gone"
    assert note.detail == "equity is near or below 400000 USD, or not known: 10% of the risk is left"
