"""What is handed to the driver does what the driver needs."""

import inspect

import pytest

from bot.app import keepers
from bot.app.witness import RunWitness
from bot.journal.ledger import Ledger
from bot.journal.tape import Tape


@pytest.mark.parametrize(
    ("needed", "given"), [(keepers.Journal, Ledger), (keepers.Tape, Tape), (keepers.Witness, RunWitness)]
)
def test_the_real_ones_take_what_the_driver_gives(needed: type, given: type) -> None:
    """Every call of the interface, with the same parameters."""
    calls = {name: call for name, call in inspect.getmembers(needed, inspect.isfunction) if not name.startswith("_")}

    assert calls
    for name, call in calls.items():
        assert list(inspect.signature(getattr(given, name)).parameters) == list(inspect.signature(call).parameters)
