"""A wire on which nothing goes wrong hands everything on, at once and as it is."""

from bot.domain.commands import TakeSnapshot
from bot.domain.events import SnapshotFailed, StreamName
from bot.domain.time import Ns
from bot.drive.wire import GoodWire


def test_nothing_is_lost_late_or_refused() -> None:
    """Same events, same moment."""
    wire, told = GoodWire(), [SnapshotFailed(received_ns=Ns(5), cause="busy")]

    assert wire.departs(TakeSnapshot(cause="start"), Ns(5)) == 0
    assert wire.answers(TakeSnapshot(cause="start"), told, Ns(5)) == wire.tells(told, Ns(5)) == [(Ns(5), told)]
    assert not any(wire.is_down(stream, Ns(5)) for stream in StreamName)
