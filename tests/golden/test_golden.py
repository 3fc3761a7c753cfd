"""Recorded runs played again: the same commands, the same figures. A change is a change of trading behaviour."""

from pathlib import Path
from types import ModuleType

import pytest


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_drawn_hour_is_played_the_same(recorder: ModuleType, seed: int) -> None:
    """Seed by seed: every command and the headline figures."""
    assert recorder.drawn(seed) == recorder.read("drawn")[f"seed {seed}"]


@pytest.mark.realdata
@pytest.mark.parametrize(("portfolio", "coin"), [(p, c) for p in ("call", "straddle") for c in ("BTC", "ETH")])
def test_a_recorded_day_is_played_the_same(recorder: ModuleType, shared_data: Path, portfolio: str, coin: str) -> None:
    """The day of an inflation print: every command and the headline figures."""
    assert recorder.taped(portfolio, coin, shared_data) == recorder.read("taped")[f"{portfolio} {coin}"]


@pytest.mark.parametrize("name", ["drawn", "taped"])
def test_no_golden_run_is_empty(recorder: ModuleType, name: str) -> None:
    """A run without orders would pass with a broken engine."""
    runs = recorder.read(name)

    assert [key for key, told in runs.items() if min(told["orders"], told["fills"], told["hedges"]) == 0] == []
    assert [key for key, told in runs.items() if told["violations"] or not told["positions_match"]] == []
    assert len({told["commands_sha256"] for told in runs.values()}) == len(runs)


def test_the_recorded_day_keeps_the_variance_down(recorder: ModuleType) -> None:
    """Hedged against unhedged: at most a quarter of a call's variance, and of the delta part of a straddle's."""
    runs = recorder.read("taped")

    assert [key for key, told in runs.items() if key.startswith("call") and told["var_ratio"] > 0.25] == []
    assert [key for key, told in runs.items() if told["var_ratio_delta"] > 0.25] == []
