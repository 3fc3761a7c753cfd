"""A fitted surface survives the tape."""

from typing import Any

import msgspec

from bot.domain.events import Event, SurfaceFitted


def test_a_fit_is_the_same_after_the_tape(surface: Any) -> None:
    """Bytes and back: replay reads the numbers the run had."""
    event = surface()
    assert isinstance(event, SurfaceFitted)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event) == event  # type: ignore[arg-type]
