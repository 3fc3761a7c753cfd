"""Reads a tape back: records in order, and whether it ends in order, torn, or damaged.

Knows files and frames; what to do with an event is for the caller. A segment is read whole (it is bounded).
"""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bot.domain.errors import JournalError
from bot.domain.events import Event
from bot.journal.tape import HEADER, PAYLOAD_BYTES_MAX, Began, Ended, Record, Taken

_SEGMENT: Final = re.compile(r"tape-(\d{6})\.bin(\.z)?")
_HEAD: Final = 8
"""Bytes of the header that its own checksum covers."""


class Read(NamedTuple):
    """A record and its bytes."""

    record: Taken
    payload: bytes


class TapeReader:
    """One pass over a tape; `is_ended` and `is_torn` are known after it."""

    def __init__(self, folder: Path, manifest_sha256: bytes) -> None:
        """Nothing is read until `records`."""
        self._folder = folder
        self._manifest_sha256 = manifest_sha256
        self._decoder = msgspec.msgpack.Decoder(Record)
        self._has_begun = False
        self._events = 0
        self.is_ended = False
        """The run ended in order."""
        self.is_torn = False
        """The last record is incomplete, as after a kill."""

    def events(self) -> Iterator[tuple[str, int, Event]]:
        """Book, sequence number and event, in the order they were applied."""
        for read in self.records():
            yield read.record.book, read.record.seq, read.record.event

    def records(self) -> Iterator[Read]:
        """All records; JournalError names segment, record and byte of what is damaged."""
        segments = self._segments()
        for number, path in enumerate(segments, start=1):
            yield from self._segment(path, is_last=number == len(segments))
        if not self._has_begun:
            raise JournalError(f"tape: {self._folder} holds no record")

    def _segments(self) -> list[Path]:
        """Paths in order; the plain one where a kill left both."""
        found: dict[int, Path] = {}
        try:
            paths = sorted(self._folder.iterdir(), reverse=True)
        except OSError as error:
            raise JournalError(f"tape: cannot read {self._folder}: {error.strerror}") from error
        for path in paths:
            if (match := _SEGMENT.fullmatch(path.name)) is not None:
                found[int(match[1])] = path
        missing = sorted(set(range(1, len(found) + 1)) - set(found))
        if missing or not found:
            raise JournalError(f"tape: {self._folder} has no segment {missing[0] if missing else 1}")
        return [found[number] for number in sorted(found)]

    def _segment(self, path: Path, *, is_last: bool) -> Iterator[Read]:
        data = _unpacked(path)
        at, number = 0, 0
        while at < len(data):
            number += 1
            where = f"{path.name}, record {number} at byte {at}"
            payload = _payload(data, at, where)
            if payload is None:
                if self.is_ended or not is_last:
                    follows = "behind the end" if self.is_ended else "incomplete, and segments follow"
                    raise JournalError(f"tape: {where}: {follows}")
                self.is_torn = True
                return
            at += HEADER.size + len(payload)
            record = self._record(payload, where)
            if record is not None:
                yield Read(record, payload)

    def _record(self, payload: bytes, where: str) -> Taken | None:
        """A record that is an event; the others are checked here."""
        try:
            record = self._decoder.decode(payload)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            # Text that is no UTF-8 is a ValueError, deep nesting a RecursionError.
            raise JournalError(f"tape: {where}: {error}") from error
        if self.is_ended or self._has_begun is isinstance(record, Began):
            raise JournalError(f"tape: {where}: a record of kind {type(record).__name__} in the wrong place")
        match record:
            case Began():
                if record.manifest_sha256 != self._manifest_sha256:
                    raise JournalError(f"tape: {where}: the manifest is not the one this tape was begun with")
                self._has_begun = True
            case Ended():
                if record.events_count != self._events:
                    raise JournalError(
                        f"tape: {where}: {record.events_count} events were written, {self._events} are here"
                    )
                self.is_ended = True
            case Taken():
                self._events += 1
                return record
        return None


def _unpacked(path: Path) -> bytes:
    """The bytes of a segment; JournalError when they cannot be had."""
    try:
        data = path.read_bytes()
        if path.suffix != ".z":
            return data
        packed = _payload(data, 0, path.name)
        if packed is None or len(data) != HEADER.size + len(packed):
            raise JournalError(f"tape: {path.name}: the compressed segment is not whole")
        return zlib.decompress(packed)
    except (OSError, zlib.error) as error:
        raise JournalError(f"tape: {path.name} cannot be read: {error}") from error


def _payload(data: bytes, at: int, where: str) -> bytes | None:
    """The payload of the frame at an offset; None when the data ends before it does."""
    if len(data) - at < HEADER.size:
        return None
    length, checksum, header_checksum = HEADER.unpack_from(data, at)
    if zlib.crc32(data[at : at + _HEAD]) != header_checksum or length > PAYLOAD_BYTES_MAX:
        raise JournalError(f"tape: {where}: the header is damaged")
    start = at + HEADER.size
    payload = data[start : start + length]
    if len(payload) < length:
        return None
    if zlib.crc32(payload) != checksum:
        raise JournalError(f"tape: {where}: the checksum does not match")
    return payload
