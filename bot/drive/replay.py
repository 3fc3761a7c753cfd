"""Plays a tape into fresh engines and compares every decision and command, byte for byte.

Knows the tape and the engine; no venue, no clock. On other code or another machine, where the last bit of a number
may differ, it says so and compares commands only.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bot.domain.decided import Outcome
from bot.domain.errors import JournalError
from bot.engine import Engine
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.tape import Recorder, Taken
from bot.journal.tape_reader import Read, TapeReader

_REPEAT: Final = "decided"
_encode: Final = msgspec.msgpack.Encoder().encode


class Difference(Struct, frozen=True, kw_only=True):
    """The first place where the run and its replay part."""

    book: str
    seq: int
    field: str
    """`commands[0].price_native`, `decided.delta_coin_net`, `tape` for damage, `seq` for a gap."""
    ours: str
    recorded: str


class ReplayResult(Struct, frozen=True, kw_only=True):
    """How a replay went."""

    run_id: str
    mode: str
    is_equal: bool
    compared: str
    """`decisions and commands`, or `commands` on other code or another machine."""
    because: tuple[str, ...]
    """What is not as it was in the run."""
    ending: str
    """`in order`; `torn` inside a record or `cut` between two, as after a kill; `damaged`; `unread`."""
    events_count: int
    decisions_count: int
    commands_count: int
    difference: Difference | None
    problem: str
    """Why it fails without a difference; empty when it does not."""


def replay(folder: Path) -> ReplayResult:
    """Replay the run in a folder; JournalError when there is no run to begin with."""
    run, digest = manifest.read(folder)
    because = otherness(run)
    comparison = Comparison(run, is_exact=not because)
    reader = TapeReader(folder, digest)
    try:
        for read in reader.records():
            if not comparison.is_same(read):
                break
        ending = _ending(reader, comparison)
    except JournalError as error:
        comparison.damaged(str(error))
        ending = "damaged"
    problem = ""
    if comparison.difference is None and not (comparison.events_count and comparison.decisions_count):
        problem = "the replay is empty: " + ("no decision" if comparison.events_count else "no event")
    return ReplayResult(
        run_id=run.run_id,
        mode=run.mode,
        is_equal=comparison.difference is None and not problem,
        compared="commands" if because else "decisions and commands",
        because=because,
        ending=ending,
        events_count=comparison.events_count,
        decisions_count=comparison.decisions_count,
        commands_count=comparison.commands_count,
        difference=comparison.difference,
        problem=problem,
    )


def sentence(result: ReplayResult) -> str:
    """The result in one line."""
    counts = f"{result.events_count} events, {result.decisions_count} decisions, {result.commands_count} commands"
    only = f" (commands only: {'; '.join(result.because)})" if result.because else ""
    if result.is_equal:
        equal = "commands equal" if result.because else "equal"
        return f"{result.run_id}: {equal}: {counts}; the tape ends {result.ending}{only}"
    seen = result.difference
    if seen is None:
        return f"{result.run_id}: NOT EQUAL: {result.problem}; the tape ends {result.ending}{only}"
    what = f"book {seen.book}, seq {seen.seq}, {seen.field}: ours {seen.ours or 'none'}, recorded {seen.recorded}"
    return f"{result.run_id}: NOT EQUAL after {counts}: {what}{only}"


def _ending(reader: TapeReader, comparison: "Comparison") -> str:
    if comparison.difference is not None:
        return "unread"
    if reader.is_ended:
        return "in order"
    return "torn" if reader.is_torn else "cut"


def otherness(run: Manifest) -> tuple[str, ...]:
    """What differs between the run's process and this one, as far as numbers depend on it."""
    here = Manifest.of_this_process(
        run_id=run.run_id, mode=run.mode, started_ns=run.started_ns, version="", config_digest="", books=()
    )
    pairs = (
        ("code", run.code_hash, here.code_hash),
        ("CPU target", run.cpu_target, here.cpu_target),
    )
    return tuple(f"{name} was {theirs}, is {ours}" for name, theirs, ours in pairs if theirs != ours)


class Comparison:
    """Engines of a run, and what they said so far against what was recorded."""

    def __init__(self, run: Manifest, *, is_exact: bool) -> None:
        """Nothing was applied yet; `is_exact`: decisions as well, to the last bit, not commands alone."""
        self._run = run
        self._recorder = Recorder()
        self._is_same: Callable[[Taken, Read], bool] = _is_exact if is_exact else _has_same_commands
        self.events_count = 0
        self.decisions_count = 0
        self.commands_count = 0
        self.difference: Difference | None = None
        self.outcome: Outcome | None = None
        """Of the last event, by the engine of here."""
        self._last: tuple[str, int] = ("", 0)

    def engine(self, book: str) -> Engine:
        """The engine of one book, as the events so far have left it."""
        return self._engines[book]

    @functools.cached_property
    def _engines(self) -> dict[str, Engine]:
        """Made with the first record: by then the tape has said that the manifest is its own."""
        return {book.book: Engine(book) for book in self._run.books}

    def is_same(self, read: Read) -> bool:
        """Apply one recorded event; False at the first difference."""
        theirs = read.record
        engine = self._engines.get(theirs.book)
        if engine is None or theirs.seq != engine.seq + 1:
            known = f"no book {theirs.book}" if engine is None else f"{engine.seq + 1}"
            self._differs(theirs, "seq", known, f"{theirs.seq}")
            return False
        outcome: Outcome | None = None
        self.outcome = None
        failure = "no failure"
        try:
            self.outcome = outcome = engine.apply(theirs.event)
        except Exception as error:  # noqa: BLE001 - a bug that was met in the run has to be met again
            failure = f"{type(error).__name__} {error}"
        ours = self._recorder.taken(theirs.book, theirs.seq, theirs.event, outcome)
        self._last = (theirs.book, theirs.seq)
        self.events_count += 1
        if outcome is not None:
            self.decisions_count += outcome.decided is not None
            self.commands_count += len(outcome.commands)
        if ours.has_failed is not theirs.has_failed:
            self._differs(theirs, "failure", failure, "the engine failed" if theirs.has_failed else "no failure")
            return False
        if self._is_same(ours, read):
            return True
        self._differs(theirs, *first_difference(ours, theirs))
        return False

    def damaged(self, where: str) -> None:
        """The tape itself is at fault, after the last event that could be read."""
        book, seq = self._last
        self.difference = Difference(book=book, seq=seq, field="tape", ours="", recorded=where)

    def _differs(self, theirs: Taken, field: str, ours: str, recorded: str) -> None:
        self.difference = Difference(book=theirs.book, seq=theirs.seq, field=field, ours=ours, recorded=recorded)


def _is_exact(ours: Taken, read: Read) -> bool:
    return _encode(ours) == read.payload


def _has_same_commands(ours: Taken, read: Read) -> bool:
    return _encode(ours.commands) == _encode(read.record.commands)


def first_difference(ours: Taken, theirs: Taken) -> tuple[str, str, str]:
    """The first field that differs, ours and theirs as text: commands, then the decision."""
    for name in ("commands", "decided"):
        found = _differing(name, msgspec.to_builtins(getattr(ours, name)), msgspec.to_builtins(getattr(theirs, name)))
        if found is not None:
            return found
    if ours.repeat_check != theirs.repeat_check:
        return (
            f"{_REPEAT} (a repeat)",
            f"checksum {(ours.repeat_check or b'').hex()}",
            f"checksum {(theirs.repeat_check or b'').hex()}",
        )
    return "event", repr(ours.event), repr(theirs.event)


def _differing(path: str, ours: object, theirs: object) -> tuple[str, str, str] | None:
    """Down two plain structures to the first leaf that is not the same."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [(f"{path}.{key}", ours.get(key), theirs.get(key)) for key in dict.fromkeys([*ours, *theirs])]
    elif isinstance(ours, list | tuple) and isinstance(theirs, list | tuple) and len(ours) == len(theirs):
        pairs = [
            (f"{path}[{place}]", mine, other) for place, (mine, other) in enumerate(zip(ours, theirs, strict=True))
        ]
    else:
        return None if _encode(ours) == _encode(theirs) else (path, repr(ours), repr(theirs))
    return next((found for pair in pairs if (found := _differing(*pair)) is not None), None)
