"""All worlds speak the language of the venue's market."""

import inspect

import pytest

from bot.sim.history import RecordedMarket
from bot.sim.live import LiveMarket
from bot.sim.market import Market
from bot.sim.paths import StochasticMarket


@pytest.mark.parametrize("world", [StochasticMarket, RecordedMarket, LiveMarket])
def test_every_question_has_an_answer(world: type) -> None:
    """Each member of the protocol exists with the same parameters."""
    wanted = {name: member for name, member in vars(Market).items() if not name.startswith("_")}

    assert len(wanted) == 14
    for name, member in wanted.items():
        if inspect.isfunction(member):
            assert inspect.signature(getattr(world, name)) == inspect.signature(member), name
        else:
            assert isinstance(inspect.getattr_static(world, name), property), name
