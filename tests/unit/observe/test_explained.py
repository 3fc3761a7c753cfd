"""The words of an explanation: everything in them can be written as JSON and read again."""

from typing import Any

import msgspec

from bot.observe.explained import Explained


def test_an_explanation_survives_json(explained: Any) -> None:
    """Nothing in it is a live object."""
    told = explained()

    assert msgspec.json.decode(msgspec.json.encode(told), type=Explained) == told
