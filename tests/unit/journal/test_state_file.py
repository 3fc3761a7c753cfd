"""A file replaced as a whole: old or new, never between; private; its failures named."""

import stat
from pathlib import Path

import pytest

from bot.domain.errors import JournalError
from bot.journal.state_file import StateFile


def test_what_was_saved_last_is_read(tmp_path: Path) -> None:
    """Nothing before the first time; folders are made; only the owner may look; nothing else is left behind."""
    path = tmp_path / "var" / "ledger.db.paper"
    file = StateFile(path)
    assert file.load() is None
    file.save(b"one")
    file.save(b"two")

    assert StateFile(path).load() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_a_save_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """The replacement could not be written: JournalError with the path, and the last state still there."""
    path = tmp_path / "kept"
    file = StateFile(path)
    file.save(b"one")
    (tmp_path / "kept.new").mkdir()

    with pytest.raises(JournalError, match="kept cannot be written"):
        file.save(b"two")
    assert file.load() == b"one"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A folder of that name."""
    with pytest.raises(JournalError, match="cannot be read"):
        StateFile(tmp_path).load()
