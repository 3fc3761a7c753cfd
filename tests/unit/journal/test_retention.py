"""What goes of old runs, and what never does."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.domain.errors import JournalError
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.journal import retention
from bot.journal.retention import Removed, Terms, clean

_NOW = Ns(1_000 * NS_PER_DAY)
_SIZE = 1_000
_ALL = Terms(age_ns_max=Ns(30 * NS_PER_DAY), bytes_max=10**9, runs_count_min=1)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A run that was written to for the last time so many days ago."""

    def run(name: str, days: float, mode: str = "live") -> Path:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        written_ns = round(_NOW - days * NS_PER_DAY)
        manifest = {"mode": mode, "started_ns": written_ns - NS_PER_DAY, "version": "0.0.1", "books": ["older"]}
        text = msgspec.json.encode(manifest)
        files = {"manifest.json": text, "tape-000001.bin.z": b"x" * (_SIZE - len(text)), "tape-000002.bin": b""}
        for file, content in files.items():
            (folder / file).write_bytes(content)
            os.utime(folder / file, ns=(written_ns, written_ns))
        return folder

    return run


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _clean(folder: Path, terms: Terms = _ALL) -> Removed:
    return clean(folder, "live", terms, _NOW)


def test_runs_that_are_too_old_go_whole(write: Callable[..., Path], tmp_path: Path) -> None:
    """Counted from the last write, by whatever version; a second look finds nothing."""
    for name, days in (("a", 40), ("b", 31), ("c", 29), ("d", 0)):
        write(name, days)

    assert _clean(tmp_path / "runs") == Removed(2, 2 * _SIZE)
    assert _left(tmp_path / "runs") == ["c", "d"]
    assert _clean(tmp_path / "runs") == Removed(0, 0)


def test_the_newest_runs_stay_however_old_they_are(write: Callable[..., Path], tmp_path: Path) -> None:
    """A bot that was away for a year finds its last runs."""
    for name, days in (("a", 400), ("b", 390), ("c", 380)):
        write(name, days)
    _clean(tmp_path / "runs", msgspec.structs.replace(_ALL, runs_count_min=2, bytes_max=1))

    assert _left(tmp_path / "runs") == ["b", "c"]


def test_the_oldest_go_while_all_are_too_large(write: Callable[..., Path], tmp_path: Path) -> None:
    """No more than have to."""
    for name, days in (("a", 4), ("b", 3), ("c", 2), ("d", 1)):
        write(name, days)
    removed = _clean(tmp_path / "runs", msgspec.structs.replace(_ALL, bytes_max=2 * _SIZE + 1))

    assert (removed, _left(tmp_path / "runs")) == (Removed(2, 2 * _SIZE), ["c", "d"])


def test_a_run_that_is_written_to_stays(write: Callable[..., Path], tmp_path: Path) -> None:
    """That of another bot, or of the leader a standby waits for."""
    write("leader", 0.01)
    write("me", 0)
    _clean(tmp_path / "runs", msgspec.structs.replace(_ALL, bytes_max=1))

    assert _left(tmp_path / "runs") == ["leader", "me"]


def test_what_is_no_run_of_this_mode_stays(write: Callable[..., Path], tmp_path: Path) -> None:
    """Other modes, links, folders and files of anybody, manifests that are none."""
    for name, mode in (("paper", "paper"), ("me", "live")):
        write(name, 99, mode)
    for number in range(3):
        write(f"live-{number}", 90 + number)
    runs = tmp_path / "runs"
    (runs / "notes").mkdir()
    (runs / "broken").mkdir()
    (runs / "broken" / "manifest.json").write_text("{")
    (runs / "file").write_text("mine")
    outside = tmp_path / "outside"
    (runs / "live-2").rename(outside)
    (runs / "linked").symlink_to(outside)
    _clean(runs)

    assert _left(runs) == ["broken", "file", "linked", "live-0", "notes", "paper"]
    assert _left(outside) == ["manifest.json", "tape-000001.bin.z", "tape-000002.bin"]


def test_what_somebody_put_beside_a_tape_stays(write: Callable[..., Path], tmp_path: Path) -> None:
    """The tape goes, his notes do not."""
    old = write("old", 99)
    write("me", 0)
    (old / "what-i-found.md").write_text("...")
    (old / "tape-000002.bin").rename(old / "tape-000002.bin.part")
    _clean(tmp_path / "runs")

    assert _left(old) == ["what-i-found.md"]


def test_a_removal_that_was_cut_short_goes_on_with_the_next(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest goes last; what cannot be removed is told with its name."""
    old = write("old", 99)
    write("me", 0)
    unlink = Path.unlink

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == "tape-000002.bin":
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(JournalError, match=r"cannot remove .*old: Permission denied; remove it yourself"):
            _clean(tmp_path / "runs")
    assert _left(old) == ["manifest.json", "tape-000002.bin"]
    _clean(tmp_path / "runs")

    assert _left(tmp_path / "runs") == ["me"]


def test_a_segment_that_is_compressed_at_this_moment_is_no_error(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen, and gone under another name."""
    run = write("me", 1)
    monkeypatch.setattr(retention, "files_of", lambda path: [path / "tape-000009.bin", path / "manifest.json"])

    assert (_clean(tmp_path / "runs"), run.exists()) == (Removed(0, 0), True)


def test_no_folder_yet_and_one_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first start, and somebody else's folder."""
    assert _clean(tmp_path / "runs") == Removed(0, 0)

    def refuse(_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(JournalError, match=r"cannot look through .*: Permission denied; old runs stay"):
        _clean(tmp_path)


def test_a_clock_that_is_behind_removes_nothing(write: Callable[..., Path], tmp_path: Path) -> None:
    """Files of the future are fresh."""
    for name in ("a", "b", "c"):
        write(name, -1 - 1 / 86_400)

    assert (
        clean(tmp_path / "runs", "live", msgspec.structs.replace(_ALL, bytes_max=1), Ns(_NOW - NS_PER_S)).runs_count
        == 0
    )
