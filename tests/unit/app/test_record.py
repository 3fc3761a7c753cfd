"""Recording a venue without trading; the command against a real socket is in `tests/integration`."""

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from bot.app import record
from bot.app.record import Recorder, Wanted, chosen, sentence
from bot.domain.decided import Outcome
from bot.domain.errors import VenueRefused
from bot.domain.events import Event, InstrumentListed, StreamName, StreamRestored
from bot.domain.time import NS_PER_DAY, Ns
from bot.venues.contract import Sink


class _Tape:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int, Event]] = []
        self.pushes = 0

    def take(self, book: str, seq: int, event: Event, outcome: Outcome | None) -> None:
        """Note it."""
        assert outcome is not None
        assert (outcome.commands, outcome.decided) == ((), None)
        self.taken.append((book, seq, event))

    def push(self) -> None:
        """Count it."""
        self.pushes += 1


class _Feed:
    """Says one thing, then waits, or fails."""

    def __init__(self, event: Event, error: Exception | None = None) -> None:
        self._event, self._error = event, error
        self.has_spoken = asyncio.Event()

    async def run(self, sink: Sink) -> None:
        """Say it."""
        sink([self._event])
        self.has_spoken.set()
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()

    def watch(self, instruments: Sequence[Any]) -> None:
        """Not asked."""


def test_events_go_to_the_books_they_are_about(make: Any) -> None:
    """By their instrument's coin, a socket's to all; each book counts its own."""
    tape = _Tape()
    recorder = Recorder(tape, ("BTC", "ETH"))
    up = StreamRestored(stream=StreamName.MARKET, received_ns=make.now_ns)
    listed = InstrumentListed(instrument=make.option(), received_ns=make.now_ns)
    recorder.take([listed, up, make.quoted()])

    assert [(book, seq) for book, seq, _ in tape.taken] == [("BTC", 1), ("BTC", 2), ("ETH", 1), ("BTC", 3)]
    assert recorder.by_kind == {"InstrumentListed": 1, "StreamRestored": 1, "Quoted": 1}


def test_the_nearest_expiries_around_the_index_are_chosen(make: Any) -> None:
    """Futures, what has expired, what is far away and far out are not."""
    names = ["BTC-27MAR26-100000-C", "BTC-27MAR26-130000-C", "BTC-3APR26-90000-P", "BTC-24APR26-100000-C"]
    days = [26, 26, 33, 54]
    options = [
        make.option(name, expiry_ns=Ns(make.now_ns + day * NS_PER_DAY), strike_usd=float(name.split("-")[2]))
        for name, day in zip(names, days, strict=True)
    ]
    gone = structs.replace(options[0], expiry_ns=Ns(make.now_ns - 1))
    wanted = Wanted(expiries_count=2, strikes_percent=25.0)

    found = chosen([make.perpetual(), gone, *options], wanted, 100_000.0, make.now_ns)
    assert [spec.id for spec in found] == [names[0], names[2]]


@pytest.mark.asyncio
@pytest.mark.parametrize("seconds", [0.05, None])
async def test_it_ends_in_time_or_by_a_signal_with_everything_on_the_tape(make: Any, seconds: float | None) -> None:
    """What was heard is pushed on the way out."""
    tape, feed = _Tape(), _Feed(make.quoted())
    task = asyncio.create_task(record._until_stopped(feed, Recorder(tape, ("BTC",)), seconds))
    await feed.has_spoken.wait()
    if seconds is None:
        os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(60.0):
        await task

    assert len(tape.taken) == 1
    assert tape.pushes >= 1


@pytest.mark.asyncio
async def test_a_feed_that_gives_up_ends_the_recording(make: Any) -> None:
    """With its own words; what was heard before is on the tape."""
    tape = _Tape()
    feed = _Feed(make.quoted(), VenueRefused(1, "no such channel"))
    with pytest.raises(VenueRefused, match="no such channel"):
        await record._until_stopped(feed, Recorder(tape, ("BTC",)), None)

    assert (len(tape.taken), tape.pushes) == (1, 1)


def test_the_result_is_one_line() -> None:
    """Where, how much, how long, what."""
    counts = {"Quoted": 1_234}
    result = record.Recorded(folder="runs/x", seconds=5.0, events_count=1_234, instruments_count=7, by_kind=counts)

    assert sentence(result) == "runs/x: 1,234 events of 7 instruments in 5 s (1,234 Quoted)"
