"""The words of an explanation: everything in them can be written as JSON and read again."""

from typing import Any

import msgspec

from bot.observe.explained import Explained, of_record


def test_an_explanation_survives_json(explained: Any) -> None:
    """Nothing in it is a live object."""
    told = explained()

    assert msgspec.json.decode(msgspec.json.encode(told), type=Explained) == told


def test_what_a_record_does_not_hold_is_left_out(explained: Any) -> None:
    """Nothing is put in its place."""
    decided = explained().decided
    told = of_record(decided, run_id="run-0", mode="demo")

    assert (told.decided, told.run_id) == (decided, "run-0")
    assert (told.legs, told.limits, told.sent, told.band, told.account) == ((), (), (), None, None)
