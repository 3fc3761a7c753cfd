"""The last 24 hours by the hour."""

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.sim.day_volume import DayVolume

_HOUR_NS = 3600 * NS_PER_S
_START = Ns(24 * _HOUR_NS)


def test_trades_of_one_day_add_up_and_fade_after_it() -> None:
    """Nothing older than 25 hours is told."""
    volume = DayVolume()
    for hour in range(3):
        volume.add(Ns(_START + hour * _HOUR_NS), 1.0, 100.0)
        volume.add(Ns(_START + hour * _HOUR_NS + 1), 0.5, 50.0)

    assert volume.at(Ns(_START + 23 * _HOUR_NS)) == (4.5, 450.0)
    assert volume.at(Ns(_START + 25 * _HOUR_NS)) == (3.0, 300.0)
    assert volume.at(Ns(_START + 40 * _HOUR_NS)) == (0.0, 0.0)


def test_the_day_before_makes_room_for_the_day() -> None:
    """Hour by hour: as much goes as comes where every hour is alike."""
    volume = DayVolume()
    volume.begin(_START, coin_per_day=24.0, usd_per_day=2_400.0)

    assert volume.at(_START) == pytest.approx((24.0, 2_400.0))
    for hour in range(60):
        volume.add(Ns(_START + hour * _HOUR_NS), 1.0, 100.0)
        assert volume.at(Ns(_START + hour * _HOUR_NS)) == pytest.approx((25.0, 2_500.0))
