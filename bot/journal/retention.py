"""Which folders of finished runs have to go, by age and by size, and how they go.

A run that is written to, the newest runs, and runs of another mode stay; so does whatever somebody put beside a tape.
The ledger is not here and loses nothing. Reads no clock.
"""

import contextlib
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from bot.domain.errors import JournalError
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.journal import manifest

_FRESH_NS: Final = Ns(3_600 * NS_PER_S)
"""Written to within the last hour: another bot or a standby may be at it still."""
_MANIFEST_BYTES_MAX: Final = 1 << 20
_SEGMENTS: Final = "tape-*.bin*"
"""Also compressed (`.bin.z`), and half compressed by a killed process (`.bin.part`)."""


class Terms(Struct, frozen=True, kw_only=True):
    """How long runs are kept."""

    age_ns_max: Ns = Ns(30 * NS_PER_DAY)
    """Since the last write."""
    bytes_max: int = 50_000_000_000
    """All runs of this mode together, the running one included."""
    runs_count_min: int = 10
    """So many of the newest stay, whatever their age and size."""


class Removed(NamedTuple):
    """What went."""

    runs_count: int
    bytes_count: int


class _Began(Struct, frozen=True, kw_only=True):
    """What is looked at of a manifest, which another version may have written."""

    kind: str = msgspec.field(name="mode")
    started_ns: Ns


class _Run(NamedTuple):
    folder: Path
    started_ns: Ns
    written_ns: Ns
    bytes_count: int


def clean(folder: Path, kind: str, terms: Terms, now_ns: Ns) -> Removed:
    """Remove finished runs of a kind (their mode, as a word) that are too old, and the oldest while all are too large.

    JournalError when one cannot be removed; those before it are gone.
    """
    try:
        runs = sorted(_runs(folder, kind), key=lambda run: run.started_ns, reverse=True)
    except OSError as error:
        raise JournalError(f"tape: cannot look through {folder}: {error.strerror}; old runs stay") from error
    room = terms.bytes_max - sum(run.bytes_count for run in runs)
    count = freed = 0
    for run in reversed(runs[terms.runs_count_min :]):
        idle_ns = now_ns - run.written_ns
        if idle_ns < _FRESH_NS or (idle_ns <= terms.age_ns_max and room >= 0):
            continue
        _remove(run.folder)
        count, freed, room = count + 1, freed + run.bytes_count, room + run.bytes_count
    return Removed(count, freed)


def _runs(folder: Path, kind: str) -> list[_Run]:
    """Those that can be read; a folder that is none of ours is passed over, and so is a link to one."""
    found = []
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_symlink() or (began := _began(path)) is None or began.kind != kind:
            continue
        written_ns, bytes_count = 0, 0
        for file in files_of(path):
            with contextlib.suppress(FileNotFoundError):  # compressed by its bot at this moment
                seen = file.stat()
                written_ns, bytes_count = max(written_ns, seen.st_mtime_ns), bytes_count + seen.st_size
        found.append(_Run(path, began.started_ns, Ns(written_ns), bytes_count))
    return found


def _began(path: Path) -> _Began | None:
    try:
        with (path / manifest.NAME).open("rb") as file:
            return msgspec.json.decode(file.read(_MANIFEST_BYTES_MAX), type=_Began)
    except (OSError, ValueError, RecursionError):  # no run, or nobody's who may read it; no JSON is a ValueError
        return None


def files_of(path: Path) -> list[Path]:
    """The run's own, the manifest last: a removal that was cut short is found again."""
    return [*sorted(path.glob(_SEGMENTS)), path / manifest.NAME]


def _remove(path: Path) -> None:
    try:
        for file in files_of(path):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(f"tape: cannot remove {path}: {error.strerror}; remove it yourself") from error
    with contextlib.suppress(OSError):  # something of somebody else's is in it
        path.rmdir()
