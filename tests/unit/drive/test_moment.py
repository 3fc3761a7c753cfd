"""Which decision is meant: by number, by time, the last hedge; what there is instead where there is none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.decided import NOTHING
from bot.domain.errors import ConfigError, JournalError
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.drive.moment import Moment, Sought, find, sought_from
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape

BEGAN = ns_from_iso("2026-03-01T23:59:58.500000Z")


@pytest.fixture
def taped(make: Any, tmp_path: Path) -> Callable[..., Path]:
    """A run that decides once a second, with a market event before each: decisions are 2, 4, 6, 8; hedge at 4."""

    def write(*books: str, hedge: bool = True) -> Path:
        names = books or ("BTC",)
        run = Manifest.of_this_process(
            run_id="r1",
            mode="demo",
            started_ns=BEGAN,
            version="0.1",
            config_digest="abc",
            books=[make.book(book=name) for name in names],
        )
        folder = tmp_path / "run"
        tape = Tape.open(folder, run)
        for step in range(4):
            at = Ns(BEGAN + step * NS_PER_S)
            for name in names:
                tape.take(name, 2 * step + 1, make.future_marked(received_ns=at), NOTHING)
                orders = (make.place(),) if hedge and step == 1 else ()
                tape.take(name, 2 * step + 2, ev.Ticked(now_ns=at), structs.replace(NOTHING, commands=orders))
        tape.close()
        return folder

    return write


def _find(folder: Path, text: str | None, book: str | None = None) -> Moment:
    run, digest = manifest.read(folder)
    return find(folder, run, digest, sought_from(text), book)


@pytest.mark.parametrize(
    ("text", "seq"),
    [
        (None, 4),
        ("2", 2),
        ("008", 8),
        ("2026-03-01T23:59:58.500Z", 2),
        ("2026-03-02T00:59:59.600+01:00", 4),
        ("23:59:59", 2),
        # the run crosses midnight: a time before its beginning is the next day's
        ("00:00:01", 6),
        ("00:00", 4),
        # typed without its fraction, the run's first second
        ("23:59:58", 2),
    ],
)
def test_the_decision_that_was_in_force(taped: Callable[..., Path], text: str | None, seq: int) -> None:
    """A number names it, a time the last one up to it, nothing the last hedge."""
    assert _find(taped(), text) == Moment("BTC", seq)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3", "seq 3 of book BTC is no decision; the nearest: 2, 4"),
        ("0", "the nearest: 2"),
        ("99", "the nearest: 8"),
        ("23:59:57", "no decision of book BTC was in force then"),
        ("2026-03-02T00:00:02Z", "the run decided from 2026-03-01T23:59:58.500000Z to 2026-03-02T00:00:01.500000Z"),
        ("2026-03-01T23:59:58Z", "in force"),
    ],
)
def test_what_there_is_instead(taped: Callable[..., Path], text: str, said: str) -> None:
    """A number that is no decision, a time without one: the line says what to ask for."""
    with pytest.raises(ConfigError, match=said):
        _find(taped(), text)


def test_a_run_without_a_hedge_says_so(taped: Callable[..., Path]) -> None:
    """The default has nothing to point at."""
    with pytest.raises(ConfigError, match="sent no hedge in this run; name a decision between 2 and 8"):
        _find(taped(hedge=False), None)


def test_of_several_books_one_is_named(taped: Callable[..., Path]) -> None:
    """Sequence numbers are each book's own."""
    folder = taped("BTC", "ETH")

    assert _find(folder, "6", "eth") == Moment("ETH", 6)
    with pytest.raises(ConfigError, match="--book: name one of BTC, ETH"):
        _find(folder, "6")
    with pytest.raises(ConfigError, match="--book: SOL is none of BTC, ETH"):
        _find(folder, "6", "SOL")


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1.5", "1e3", "25:00", "9:5", "12:60", "2026-03-01", "2026-03-01T10:00:00", "9" * 19, "٣"]
)
def test_junk_is_refused(text: str) -> None:
    """One line that says what may stand there."""
    with pytest.raises(ConfigError, match="is no decision: give a sequence number") as refused:
        sought_from(text)
    assert "\n" not in str(refused.value)


def test_words_are_understood() -> None:
    """A number, a time of day, an instant, nothing."""
    assert sought_from("17") == Sought(seq=17)
    assert sought_from("01:00:02") == Sought(of_day_ns=3602 * NS_PER_S)
    assert sought_from("1970-01-01T00:00:01Z") == Sought(at_ns=Ns(NS_PER_S))
    assert sought_from(None) == Sought()


def test_a_torn_end_takes_nothing_away_before_it(taped: Callable[..., Path]) -> None:
    """A killed run: all whole records count."""
    segment = taped() / "tape-000001.bin"
    segment.write_bytes(segment.read_bytes()[:-40])

    assert _find(segment.parent, None) == Moment("BTC", 4)


def test_damage_hides_what_comes_behind_it(taped: Callable[..., Path]) -> None:
    """The last hedge may be behind it, and so may a later decision; an earlier one can still be named."""
    segment = taped() / "tape-000001.bin"
    data = bytearray(segment.read_bytes())
    data[-60] ^= 0xFF
    segment.write_bytes(data)

    assert _find(segment.parent, "4") == Moment("BTC", 4)
    for text in (None, "99"):
        with pytest.raises(JournalError, match=r"tape-000001\.bin, record"):
            _find(segment.parent, text)
