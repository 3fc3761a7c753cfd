"""The tape: every event an engine was given, in order, with what it led to. Written ahead of orders.

Knows the frame (length, checksum, msgpack) and segments; a run's folder holds `manifest.json` and
`tape-000001.bin`, older segments as `.bin.z`. Does not fsync: it has to outlive the process, not the machine; the
ledger outlives both. Decides nothing, reads no clock.

Frame, little-endian: length of the payload (u32), CRC-32 of the payload (u32), CRC-32 of these eight bytes (u32),
payload. What a killed process leaves is a prefix of its last frame: everything else that does not fit is damage.
A compressed segment is one such frame around a zlib stream: unlike in a gzip file, no byte of it goes unchecked.
"""

import contextlib
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Final, Self

import msgspec
from msgspec import Struct

from bot.domain.commands import Command
from bot.domain.decided import Decided, Outcome, is_repeat
from bot.domain.errors import JournalError
from bot.domain.events import Event
from bot.journal import manifest
from bot.journal.manifest import Manifest

SEGMENT_BYTES_MAX: Final = 16 << 20
"""A segment is closed when it is this long; a quarter of a second's compression."""
PAYLOAD_BYTES_MAX: Final = 64 << 20
"""No event is longer; a length above this is damage."""
HEADER: Final = struct.Struct("<III")
_SEGMENT_NAME: Final = "tape-{number:06d}.bin"
_FASTEST: Final = 1
_WRITES_MAX: Final = 1_000
"""Parts in which the kernel may take one push."""


class Began(Struct, frozen=True, array_like=True, tag="began"):
    """First record: the manifest this tape belongs to."""

    manifest_sha256: bytes


class Taken(Struct, frozen=True, array_like=True, tag="taken"):
    """One event given to one book's engine, and what came out."""

    book: str
    seq: int
    event: Event
    commands: tuple[Command, ...]
    decided: Decided | None
    """In full when it said something new."""
    repeat_check: bytes | None
    """CRC-32 of the encoded decision when it repeated the one before."""
    has_failed: bool
    """The engine raised: a bug, which trading has halted on; replay must meet it again."""


class Ended(Struct, frozen=True, array_like=True, tag="ended"):
    """Last record of a run that ended in order: how many events went before."""

    events_count: int


Record = Began | Taken | Ended


class Recorder:
    """Makes records: which decisions are new is remembered per book. Replay makes its own the same way."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._told: dict[str, Decided] = {}
        self._encoder = msgspec.msgpack.Encoder()

    def taken(self, book: str, seq: int, event: Event, outcome: Outcome | None) -> Taken:
        """The record of an event, without an outcome if the engine failed on it; once per event, in order."""
        if outcome is None:
            return Taken(book, seq, event, (), None, None, has_failed=True)
        decided, repeat_check = outcome.decided, None
        if decided is not None:
            if is_repeat(decided, self._told.get(book)):
                repeat_check = zlib.crc32(self._encoder.encode(decided)).to_bytes(4, "little")
                decided = None
            else:
                self._told[book] = decided
        return Taken(book, seq, event, outcome.commands, decided, repeat_check, has_failed=False)

    def payload(self, record: Record) -> bytes:
        """The bytes of a record."""
        return self._encoder.encode(record)


def frame(payload: bytes) -> bytes:
    """Header and payload."""
    head = struct.pack("<II", len(payload), zlib.crc32(payload))
    return head + struct.pack("<I", zlib.crc32(head)) + payload


class Tape:
    """The open tape of one run. Every failure to write is a JournalError, from then on at each push."""

    def __init__(self, folder: Path, manifest_sha256: bytes, *, segment_bytes_max: int = SEGMENT_BYTES_MAX) -> None:
        """Use `Tape.open`."""
        self._folder = folder
        self._segment_bytes_max = segment_bytes_max
        self._recorder = Recorder()
        self._pending = bytearray()
        self._events = 0
        self._number = 0
        self._segment_bytes = 0
        self._handle: int | None = None
        self._failure: str | None = None
        self._full: list[Path] = []
        self._compressing: threading.Thread | None = None
        self._pending += frame(self._recorder.payload(Began(manifest_sha256)))

    @classmethod
    def open(cls, folder: Path, run: Manifest, *, segment_bytes_max: int = SEGMENT_BYTES_MAX) -> Self:
        """Begin the tape of a run in a folder of its own; JournalError when that cannot be."""
        tape = cls(folder, manifest.write(folder, run), segment_bytes_max=segment_bytes_max)
        tape.push()
        return tape

    def take(self, book: str, seq: int, event: Event, outcome: Outcome | None) -> None:
        """Note one event and its outcome (None: the engine raised); on its way to the disk after `push`."""
        self._events += 1
        self._pending += frame(self._recorder.payload(self._recorder.taken(book, seq, event, outcome)))

    def push(self) -> None:
        """Hand what was taken to the kernel: from here on the death of this process does not lose it."""
        if self._failure is not None:
            self._pending.clear()
            raise JournalError(self._failure)
        if not self._pending:
            return
        try:
            self._write()
        except OSError as error:
            # What was half written is a torn end; nothing may follow it.
            self._failure = f"tape: cannot write {self._folder}: {error.strerror or error}"
            self._let_go()
            raise JournalError(self._failure) from error

    def close(self) -> None:
        """Say that the run ended in order and give the files back."""
        self._pending += frame(self._recorder.payload(Ended(self._events)))
        try:
            self.push()
        finally:
            self._let_go()
            if self._compressing is not None:
                self._compressing.join()

    def _write(self) -> None:
        if self._handle is None:
            self._next_segment()
        assert self._handle is not None, "a segment is open"
        data, self._pending = self._pending, bytearray()
        left = memoryview(data)
        for _ in range(_WRITES_MAX):
            left = left[os.write(self._handle, left) :]
            if not left:
                break
        else:
            raise OSError(f"{len(left)} bytes were not taken")
        self._segment_bytes += len(data)
        if self._segment_bytes >= self._segment_bytes_max:
            self._let_go()

    def _next_segment(self) -> None:
        """Open the next segment and have the one before compressed."""
        if self._number > 0:
            self._full.append(self._folder / _SEGMENT_NAME.format(number=self._number))
        self._number += 1
        self._segment_bytes = 0
        path = self._folder / _SEGMENT_NAME.format(number=self._number)
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # One thread at a time: what gets full meanwhile is the next one's.
        if self._full and (self._compressing is None or not self._compressing.is_alive()):
            full, self._full = self._full, []
            self._compressing = threading.Thread(target=compress, args=full, name="tape")
            self._compressing.start()

    def _let_go(self) -> None:
        if self._handle is not None:
            handle, self._handle = self._handle, None
            with contextlib.suppress(OSError):
                os.close(handle)


def compress(*segments: Path) -> None:
    """Replace closed segments by their compressed form; one that cannot be compressed stays as it is."""
    for path in segments:
        part = path.with_suffix(".bin.part")
        try:
            _pack(path, part)
            part.replace(path.with_suffix(".bin.z"))
            path.unlink()
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()


def _pack(path: Path, part: Path) -> None:
    packed = frame(zlib.compress(path.read_bytes(), _FASTEST))
    with part.open("wb") as target:
        os.fchmod(target.fileno(), 0o600)
        target.write(packed)
        target.flush()
        os.fsync(target.fileno())
