"""The records of a sheet: one delta per convention a book may have, in the order of the conventions."""

from bot.app.greeks.figures import Deltas
from bot.risk.conventions import Convention


def test_every_convention_has_its_delta() -> None:
    """A convention that is added shows up here, or this fails."""
    assert set(Deltas.__struct_fields__) == {f"{word}_coin" for word in Convention}
