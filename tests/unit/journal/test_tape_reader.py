"""Reading a tape: a torn end is an end; anything else that does not fit is damage, named."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.domain.decided import NOTHING
from bot.domain.errors import JournalError
from bot.domain.events import Ticked
from bot.domain.time import Ns
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.tape import Ended, Recorder, Tape, compress, frame
from bot.journal.tape_reader import TapeReader

_EVENTS = 5


@pytest.fixture
def folder(make: Any, tmp_path: Path) -> Path:
    """A tape of five ticks that ended in order."""
    run = Manifest.of_this_process(
        run_id="r1", mode="demo", started_ns=Ns(5), version="0.1", config_digest="abc", books=[make.book()]
    )
    written = Tape.open(tmp_path, run)
    for number in range(1, _EVENTS + 1):
        written.take("BTC", number, Ticked(now_ns=Ns(number)), NOTHING)
    written.close()
    return tmp_path


def _reader(folder: Path) -> TapeReader:
    return TapeReader(folder, manifest.read(folder)[1])


def _frames(folder: Path) -> list[bytes]:
    """Frames of the events and of the end."""
    reader = _reader(folder)
    return [*(frame(read.payload) for read in reader.records()), frame(Recorder().payload(Ended(_EVENTS)))]


def test_every_event_comes_back_in_order(folder: Path) -> None:
    """With its book and number; the end is known to be one."""
    reader = _reader(folder)

    assert list(reader.events()) == [("BTC", number, Ticked(now_ns=Ns(number))) for number in range(1, _EVENTS + 1)]
    assert (reader.is_ended, reader.is_torn) == (True, False)


def test_a_tape_cut_anywhere_ends_cleanly_or_has_no_begin(folder: Path) -> None:
    """After a kill the last record may be missing in part: what is whole is read, what is torn is said."""
    segment = folder / "tape-000001.bin"
    data = segment.read_bytes()
    begin_bytes = len(data) - len(b"".join(_frames(folder)))
    seen = []
    for length in range(len(data)):
        segment.write_bytes(data[:length])
        reader = _reader(folder)
        if length < begin_bytes:
            with pytest.raises(JournalError, match="holds no record"):
                list(reader.events())
            continue
        seen.append(len(list(reader.events())))
        assert not reader.is_ended

    assert seen == sorted(seen)
    assert set(seen) == set(range(_EVENTS + 1))


def test_every_changed_byte_is_found(folder: Path) -> None:
    """Header, length, checksum or payload: damage is never taken for an end."""
    segment = folder / "tape-000001.bin"
    data = segment.read_bytes()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x40
        segment.write_bytes(changed)

        with pytest.raises(JournalError, match=r"tape-000001\.bin, record"):
            list(_reader(folder).events())


def test_a_segment_that_is_not_the_last_must_be_whole(folder: Path) -> None:
    """Only the end of a run can be torn."""
    (folder / "tape-000002.bin").write_bytes(b"")
    segment = folder / "tape-000001.bin"
    segment.write_bytes(segment.read_bytes()[:-1])

    with pytest.raises(JournalError, match="segments follow"):
        list(_reader(folder).events())


@pytest.mark.parametrize(
    ("names", "match"),
    [(["tape-000001.bin"], "no segment 1"), ([], "no segment 2"), (["x"], "no segment 2")],
)
def test_a_missing_segment_is_named(folder: Path, names: list[str], match: str) -> None:
    """None at all, or a hole."""
    (folder / "tape-000003.bin").write_bytes(b"")
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if names == ["tape-000001.bin"]:
        (folder / "tape-000003.bin").unlink()

    with pytest.raises(JournalError, match=match):
        list(_reader(folder).events())


def test_a_segment_killed_while_being_compressed_is_read_from_the_whole_one(folder: Path) -> None:
    """Both are there, and perhaps a part: the plain one counts."""
    (folder / "tape-000001.bin.z").write_bytes(b"not yet")
    (folder / "tape-000001.bin.part").write_bytes(b"not yet")

    assert len(list(_reader(folder).events())) == _EVENTS


def test_every_changed_byte_of_a_compressed_segment_is_found(folder: Path) -> None:
    """Its frame covers all of it; bytes that are missing or too many are found as well."""
    compress(folder / "tape-000001.bin")
    segment = folder / "tape-000001.bin.z"
    data = segment.read_bytes()
    changed = [data[:place] + bytes([data[place] ^ 0x04]) + data[place + 1 :] for place in range(len(data))]
    assert len(list(_reader(folder).events())) == _EVENTS
    for wrong in (*changed, data[:-1], data + b"\0", b"", b"\x1f\x8b rubbish", frame(b"no zlib stream")):
        segment.write_bytes(wrong)

        with pytest.raises(JournalError, match=r"tape-000001\.bin\.z"):
            list(_reader(folder).events())


@pytest.mark.parametrize("length", [1, 5, 11, 12, 40])
def test_nothing_may_follow_the_end(folder: Path, length: int) -> None:
    """A run that ended in order cannot be torn behind it."""
    with (folder / "tape-000001.bin").open("ab") as segment:
        segment.write(bytes(length))

    with pytest.raises(JournalError, match=r"tape-000001\.bin, record 8"):
        list(_reader(folder).events())


def test_another_manifest_is_refused(folder: Path) -> None:
    """Parameters that were changed since would lead to other decisions; the machine's name alone may be another."""
    path = folder / manifest.NAME
    path.write_bytes(path.read_bytes().replace(manifest.cpu_target().encode(), b"another"))
    assert len(list(_reader(folder).events())) == _EVENTS
    path.write_bytes(path.read_bytes().replace(b'"abc"', b'"abd"'))

    with pytest.raises(JournalError, match="the manifest is not the one"):
        list(_reader(folder).events())


@pytest.mark.parametrize(
    ("payload", "match"),
    [
        (msgspec.msgpack.encode(["taken", 1]), "record 8 at byte"),
        (b"\x92\xa5taken\xa2\xff\xff", "record 8 at byte"),
        (Recorder().payload(Ended(_EVENTS)), "in the wrong place"),
    ],
)
def test_a_record_that_does_not_belong_is_named(folder: Path, payload: bytes, match: str) -> None:
    """Not one of ours, or after the end."""
    with (folder / "tape-000001.bin").open("ab") as segment:
        segment.write(frame(payload))

    with pytest.raises(JournalError, match=match):
        list(_reader(folder).events())


def test_a_folder_that_cannot_be_read_is_told(folder: Path) -> None:
    """It went away, or belongs to somebody else."""
    with pytest.raises(JournalError, match="cannot read"):
        list(TapeReader(folder / "gone", b"").events())


def test_an_end_that_counts_more_events_is_damage(folder: Path) -> None:
    """Whole records were taken out of the middle."""
    segment = folder / "tape-000001.bin"
    end = frame(Recorder().payload(Ended(_EVENTS)))
    segment.write_bytes(segment.read_bytes().replace(end, frame(Recorder().payload(Ended(_EVENTS + 1)))))

    with pytest.raises(JournalError, match="6 events were written, 5 are here"):
        list(_reader(folder).events())
