"""Which decision of a run is meant: by sequence number, by time, or the last hedge.

Reads the tape's records; applies none of them.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import Final, NamedTuple

from bot.domain.commands import PlaceOrder
from bot.domain.errors import ConfigError, JournalError
from bot.domain.events import Ticked
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns, iso_utc, ns_from_iso
from bot.journal.manifest import Manifest
from bot.journal.tape_reader import TapeReader

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_SEQ: Final = re.compile(r"[0-9]{1,18}")


class Sought(NamedTuple):
    """At most one of the three; none of them means the last hedge."""

    seq: int | None = None
    at_ns: Ns | None = None
    of_day_ns: int | None = None
    """Time of the run's first day; of the next one where it is before the run's first decision."""


class Moment(NamedTuple):
    """One decision on the tape."""

    book: str
    seq: int


def sought_from(text: str | None) -> Sought:
    """`1234`, `10:15`, `10:15:30` or an ISO instant; ConfigError for anything else."""
    if text is None:
        return Sought()
    if _SEQ.fullmatch(text) is not None:
        return Sought(seq=int(text))
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return Sought(of_day_ns=(3600 * hours + 60 * minutes + seconds) * NS_PER_S)
    try:
        return Sought(at_ns=ns_from_iso(text))
    except (ValueError, OverflowError):
        raise ConfigError(
            f"why: {text[:40]!r} is no decision: give a sequence number, HH:MM:SS (UTC), or 2026-03-27T08:00:00Z"
        ) from None


def find(folder: Path, run: Manifest, digest: bytes, sought: Sought, book: str | None) -> Moment:
    """The decision; ConfigError says what there is instead, JournalError that the tape is damaged before it."""
    name = book_named(run, book)
    made = _decisions(folder, digest, name)
    seq = made.last_hedge_seq if sought == Sought() else _seq(made, sought)
    if made.damage is not None and (seq is None or sought == Sought()):
        # What cannot be read may have held it.
        raise JournalError(f"{made.damage}; up to there, decisions can be named by sequence number or time")
    if seq is None:
        raise ConfigError(f"why: {_instead(made, sought, name)}")
    return Moment(name, seq)


class _Decisions:
    """Of one book: where they are and when they were made."""

    def __init__(self) -> None:
        self.seqs = array("q")
        self.times_ns = array("q")
        self.last_hedge_seq: int | None = None
        self.damage: JournalError | None = None


def _decisions(folder: Path, digest: bytes, book: str) -> _Decisions:
    made = _Decisions()
    try:
        for read in TapeReader(folder, digest).records():
            record = read.record
            if record.book != book or record.has_failed or not isinstance(record.event, Ticked):
                continue
            made.seqs.append(record.seq)
            made.times_ns.append(record.event.now_ns)
            if any(isinstance(command, PlaceOrder) for command in record.commands):
                made.last_hedge_seq = record.seq
    except JournalError as error:
        made.damage = error
    return made


def book_named(run: Manifest, book: str | None) -> str:
    """The book that is meant; ConfigError where the run has several and none, or another, is named."""
    names = [item.book for item in run.books]
    if book is None and len(names) == 1:
        return names[0]
    if book is None or book.upper() not in names:
        raise ConfigError(f"--book: {'name one' if book is None else f'{book[:40]} is none'} of {', '.join(names)}")
    return book.upper()


def _seq(made: _Decisions, sought: Sought) -> int | None:
    """None where it is no decision, or a time at which none was in force."""
    if sought.seq is not None:
        place = bisect_left(made.seqs, sought.seq)
        return sought.seq if place < len(made.seqs) and made.seqs[place] == sought.seq else None
    if not made.seqs:
        return None
    at_ns = sought.at_ns
    if at_ns is None:
        first_ns = made.times_ns[0]
        at_ns = Ns(first_ns - first_ns % NS_PER_DAY + (sought.of_day_ns or 0))
        # Typed without its fraction, the first second of a run is meant; anything earlier is the next day.
        at_ns = Ns(at_ns if at_ns > first_ns - NS_PER_S else at_ns + NS_PER_DAY)
        at_ns = Ns(max(at_ns, first_ns))
    place = bisect_right(made.times_ns, at_ns)
    return made.seqs[place - 1] if place and at_ns <= made.times_ns[-1] else None


def _instead(made: _Decisions, sought: Sought, book: str) -> str:
    """What there is to ask about."""
    if not made.seqs:
        return f"book {book} made no decision in this run"
    if sought == Sought():
        return f"book {book} sent no hedge in this run; name a decision between {made.seqs[0]} and {made.seqs[-1]}"
    if sought.seq is None:
        began, ended = (iso_utc(Ns(made.times_ns[place])) for place in (0, -1))
        return f"no decision of book {book} was in force then; the run decided from {began} to {ended}"
    place = bisect_left(made.seqs, sought.seq)
    near = [str(seq) for seq in made.seqs[max(place - 1, 0) : place + 1]]
    return f"seq {sought.seq} of book {book} is no decision; the nearest: {', '.join(near)}"
