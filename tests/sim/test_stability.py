"""Books too large for their hedge instrument: the failure without a guard, and none with it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def large() -> ModuleType:
    """`large_books.py`, loaded by its path: tests are no package."""
    spec = importlib.util.spec_from_file_location("large_books", Path(__file__).parent / "large_books.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("world", "alarms"),
    [
        ("long", {"oscillation": {"oscillates"}, "loop gain": {"loop_gain"}}),
        ("short", {"runaway": {"runaway"}, "loop gain": {"loop_gain"}}),
        ("bounced", {"reversal rule": set()}),
    ],
)
def test_a_price_that_own_hedges_move_is_left_alone(large: ModuleType, world: str, alarms: dict[str, set[str]]) -> None:
    """Without the guard the book trades many times as much, against nobody but itself; each stops that alone."""
    played = large.WORLDS[world]
    without = large.play(played, played.guards["none"], minutes=4.0)

    assert without.traded_coin > 500.0, without
    assert without.move_usd > 50.0, without
    assert (without.alarms, without.violations) == (frozenset(), ())
    for guard, expected in alarms.items():
        guarded = large.play(played, played.guards[guard], minutes=4.0)
        told = f"{guard}: {guarded}, without: {without}"
        assert guarded.traded_coin < 0.3 * without.traded_coin, told
        assert guarded.fees_usd < 0.3 * without.fees_usd, told
        assert guarded.move_usd < 0.5 * without.move_usd, told
        assert guarded.hedges > 0, told
        assert guarded.alarms >= expected, told
        assert guarded.violations == (), told


def test_own_part_of_the_volume_stays_under_its_cap(large: ModuleType) -> None:
    """Most of a thin market's minute without it; a tenth, to a lot, with it, and the delta stays near its band."""
    thin = large.WORLDS["thin"]
    without, guarded = (large.play(thin, thin.guards[name]) for name in ("none", "participation"))

    assert without.minute_share_max > 0.5, without
    lot_share = 10.0 / (thin.volume_usd_per_day / 1440.0)
    assert guarded.minute_share_max < 0.1 + 2.0 * lot_share, guarded
    assert guarded.delta_coin_max < without.delta_coin_max + 0.1, guarded
    assert guarded.hedges > 5, guarded
