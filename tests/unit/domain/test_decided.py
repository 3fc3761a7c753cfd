"""The record of a decision, and the notes an event can leave."""

from typing import get_args

import msgspec
import pytest

from bot.domain.decided import NOTHING, Decided, Note, Outcome


@pytest.mark.parametrize("kind", [Decided, *get_args(Note)], ids=lambda kind: kind.__name__)
def test_a_record_is_frozen_and_tagged_with_its_name(kind: type[msgspec.Struct]) -> None:
    """The ledger reads as the code does."""
    config = kind.__struct_config__

    assert (config.frozen, config.tag) == (True, kind.__name__)


def test_nothing_is_an_outcome_without_commands() -> None:
    """The shared empty outcome holds nothing and cannot be changed."""
    assert Outcome() == NOTHING
    assert (NOTHING.commands, NOTHING.decided, NOTHING.notes) == ((), None, ())
    with pytest.raises(AttributeError):
        NOTHING.commands = ()  # type: ignore[misc]
