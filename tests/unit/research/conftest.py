"""A world so small that everything about it is done in a moment."""

import pytest

from bot.research.contest import Contest, compete, rivals_of
from bot.research.sampled import Grid
from bot.research.world import World


@pytest.fixture(scope="session")
def small() -> World:
    """A day in half hours."""
    return World(
        name="small",
        iv=0.8,
        tau_years=1.0 / 365.0,
        cost_fraction=0.0005,
        risk_aversion_per_usd=0.1,
        steps_count=48,
    )


@pytest.fixture(scope="session")
def grid(small: World) -> Grid:
    """Its inputs."""
    return Grid(small)


@pytest.fixture(scope="session")
def small_contest(grid: Grid) -> Contest:
    """The default and three others, on few paths."""
    rivals = [
        rival for rival in rivals_of(grid.world) if rival.name in {"whalley_wilmott, plain", "fixed", "time_based"}
    ]
    return compete(grid, rivals, seeds=range(1, 41), tuning_seeds=range(101, 111))
