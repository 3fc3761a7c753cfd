"""The tape: in the kernel after each push, in segments, and never silently incomplete."""

import errno
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.domain.decided import NOTHING, Decided, Outcome
from bot.domain.errors import JournalError
from bot.domain.events import Ticked
from bot.domain.reasons import Action
from bot.domain.time import Ns
from bot.journal import manifest, tape
from bot.journal.manifest import Manifest
from bot.journal.tape import HEADER, Recorder, Tape, compress, frame
from bot.journal.tape_reader import TapeReader


@pytest.fixture
def begin(make: Any, tmp_path: Path) -> Callable[..., Tape]:
    """A tape in the folder of the test."""
    run = Manifest.of_this_process(
        run_id="r1", mode="demo", started_ns=Ns(5), version="0.1", config_digest="abc", books=[make.book()]
    )
    return lambda **options: Tape.open(tmp_path, run, **options)


def _read(folder: Path) -> list[tuple[str, int, object]]:
    return list(TapeReader(folder, manifest.read(folder)[1]).events())


def test_what_is_pushed_is_in_the_file_and_what_is_taken_is_not(begin: Callable[..., Tape], tmp_path: Path) -> None:
    """Nothing is held back by a buffer of this process after a push; nothing is written before."""
    written = begin()
    written.take("BTC", 1, Ticked(now_ns=Ns(1)), NOTHING)
    before = _read(tmp_path)
    written.push()

    assert (before, _read(tmp_path)) == ([], [("BTC", 1, Ticked(now_ns=Ns(1)))])
    assert (tmp_path / "tape-000001.bin").stat().st_mode & 0o777 == 0o600
    written.close()


def test_full_segments_are_compressed_and_the_whole_reads_as_one(begin: Callable[..., Tape], tmp_path: Path) -> None:
    """Order and completeness do not depend on where the cuts are."""
    written = begin(segment_bytes_max=500)
    for number in range(1, 101):
        written.take("BTC", number, Ticked(now_ns=Ns(number)), NOTHING)
        written.push()
    written.close()

    names = sorted(path.name for path in tmp_path.iterdir())
    assert [seq for _, seq, _ in _read(tmp_path)] == list(range(1, 101))
    assert len([name for name in names if name.endswith(".bin.z")]) >= 1
    assert not [name for name in names if name.endswith(".part")]


def test_a_decision_that_repeats_leaves_its_checksum_only(decided: Callable[..., Decided], make: Any) -> None:
    """Said in full when new, per book."""
    recorder = Recorder()
    skipped = decided(action=Action.SKIP)
    outcomes = [
        recorder.taken(book, 1, make.future_marked(), Outcome(decided=item))
        for book, item in (("BTC", skipped), ("BTC", skipped), ("ETH", skipped), ("BTC", decided()))
    ]

    assert [record.decided for record in outcomes] == [skipped, None, skipped, decided()]
    assert [record.repeat_check is None for record in outcomes] == [True, False, True, True]


def test_a_write_taken_in_parts_is_completed(
    begin: Callable[..., Tape], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may take less than it was given."""
    write = os.write
    written = begin()
    monkeypatch.setattr(tape.os, "write", lambda handle, data: write(handle, data[:7]))
    written.take("BTC", 1, Ticked(now_ns=Ns(1)), NOTHING)
    written.push()
    written.close()

    assert _read(tmp_path) == [("BTC", 1, Ticked(now_ns=Ns(1)))]


def test_a_tape_that_cannot_be_written_says_so_from_then_on(
    begin: Callable[..., Tape], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a record may be in the file: nothing is written behind it, even when there is room again."""
    write = os.write
    calls: list[int] = []

    def fails(handle: int, data: bytes) -> int:
        calls.append(handle)
        if len(calls) == 1:
            return write(handle, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    written = begin()
    written.take("BTC", 1, Ticked(now_ns=Ns(1)), NOTHING)
    with monkeypatch.context() as broken:
        broken.setattr(tape.os, "write", fails)
        with pytest.raises(JournalError, match="No space left"):
            written.push()
    written.take("BTC", 2, Ticked(now_ns=Ns(2)), NOTHING)
    for end in (written.push, written.close):
        with pytest.raises(JournalError, match="No space left"):
            end()

    assert len(calls) == 2
    assert _read(tmp_path) == []


def test_a_kernel_that_takes_nothing_is_not_asked_for_ever(
    begin: Callable[..., Tape], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bounded number of writes for one push."""
    written = begin()
    written.take("BTC", 1, Ticked(now_ns=Ns(1)), NOTHING)
    monkeypatch.setattr(tape.os, "write", lambda _, __: 0)

    with pytest.raises(JournalError, match="were not taken"):
        written.push()


def test_compression_keeps_the_bytes_and_gives_up_quietly(tmp_path: Path) -> None:
    """The compressed form replaces the segment, for its owner only; what cannot be compressed leaves nothing."""
    segment = tmp_path / "tape-000001.bin"
    segment.write_bytes(frame(b"payload") * 1_000)
    data = segment.read_bytes()
    compress(segment)
    compress(tmp_path / "tape-000002.bin")

    assert [path.name for path in tmp_path.iterdir()] == ["tape-000001.bin.z"]
    packed = (tmp_path / "tape-000001.bin.z").read_bytes()
    assert zlib.decompress(packed[HEADER.size :]) == data
    assert packed == frame(packed[HEADER.size :])
    assert len(packed) < len(data) // 5
    assert (tmp_path / "tape-000001.bin.z").stat().st_mode & 0o777 == 0o600
