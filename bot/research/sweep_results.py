"""The results of a sweep in a folder: one Parquet file that is always whole, and a log of what is newer than it.

A result is on disk before the next is waited for: a line of the log, flushed to the disk. Now and then, and in the
end, the file is replaced by one with everything and the log is emptied. Whatever moment a process is killed at, each
result is in one of the two, or in both, and counts once.
"""

import fcntl
import os
import types
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, get_args, get_type_hints

import msgspec

from bot.domain.errors import ConfigError, JournalError
from bot.journal.state_file import StateFile
from bot.research.sweep import Cell, Figures, Row
from bot.research.tapes import parquet

FILE: Final = "results.parquet"
LOG: Final = "results.log"
_KEY: Final = "configuration"
_LOGGED_MIN: Final = 100
_LOGGED_SHARE: Final = 0.1
"""The file is written again when the log has so many results, and such a share of all: each is written a few times."""
_KINDS: Final = {int: "Int64", float: "Float64", str: "String"}

_TRIED: Final = {_KEY: "String", "policy": "String", "tape": "String", "portfolio": "String", "seed": "Int64"}


class Results:
    """Of one folder, which no other process may write to meanwhile; to be closed."""

    def __init__(self, folder: Path) -> None:
        """Read what is there; ConfigError where another sweep is at it, or the folder cannot be used."""
        self.notices: list[str] = []
        """What could not be read and is run again."""
        self.rows: dict[str, Row] = {}
        """By configuration."""
        self.file, self._logged_count = folder / FILE, 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._log = (folder / LOG).open("a+b", buffering=0)
        except OSError as error:
            raise ConfigError(f"--to: cannot write {error.filename}: {error.strerror}") from None
        try:
            fcntl.flock(self._log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._log.close()
            raise ConfigError(
                f"--to: another sweep is writing to {folder}; wait for it, or name another folder"
            ) from None
        with ExitStack() as unread:
            unread.callback(self._log.close)
            self._read()
            unread.pop_all()

    def add(self, row: Row) -> None:
        """One result; on the disk on return. OSError, told as ConfigError, where there is no room."""
        self.rows[str(row[_KEY])] = row
        try:
            self._log.write(msgspec.json.encode(row) + b"\n")
            os.fsync(self._log.fileno())
        except OSError as error:
            raise ConfigError(f"--to: cannot write {self._log.name}: {error.strerror}; free disk space") from None
        self._logged_count += 1
        if self._logged_count >= max(_LOGGED_MIN, _LOGGED_SHARE * len(self.rows)):
            self.fold()

    def fold(self, order: Iterable[str] = ()) -> None:
        """Everything into the file, these configurations first."""
        named = [self.rows[key] for key in order if key in self.rows]
        known = {str(row[_KEY]) for row in named}
        rows = [*named, *(row for key, row in self.rows.items() if key not in known)]
        try:
            if rows:
                StateFile(self.file).save(_as_parquet(rows))
        except JournalError as error:
            raise ConfigError(f"--to: {error}") from None
        self._log.truncate(0)
        self._logged_count = 0

    def close(self) -> None:
        """Let others write."""
        self._log.close()

    def _read(self) -> None:
        if self.file.exists():
            try:
                found = parquet.opened(self.file)
            except ValueError:
                aside = self.file.with_name(f"{FILE}.unreadable")
                self.file.replace(aside)
                self.notices.append(
                    f"{self.file} is not whole: set aside as {aside.name}, its configurations run again"
                )
            else:
                if _KEY not in found.columns:
                    raise ConfigError(f"--to: {self.file} is of something else; name another folder")
                for cells in parquet.rows_of(found, found.columns):
                    row = msgspec.convert(cells, dict[str, Cell])
                    self.rows[str(row[_KEY])] = row
        self._log.seek(0)
        text = self._log.read()
        torn_count = 0
        for line in text.splitlines():
            try:
                row = msgspec.json.decode(line, type=dict[str, Cell])
                self.rows.setdefault(str(row[_KEY]), row)
            except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
                torn_count += 1
        if torn_count:
            self.notices.append(f"{self._log.name}: {torn_count} lines are not whole; those configurations run again")
        if text:
            self.fold()


def _as_parquet(rows: Sequence[Row]) -> bytes:
    """Columns: what was tried, each key that was set, the figures; a key that was not set there is null."""
    figures = {name: _kind(hint) for name, hint in get_type_hints(Figures).items()}
    keys = sorted({name for row in rows for name in row} - set(_TRIED) - set(figures))
    set_to = {name: _alike([row.get(name) for row in rows]) for name in keys}
    return parquet.table(
        {name: (kind, [row[name] for row in rows]) for name, kind in _TRIED.items()}
        | set_to
        | {name: (kind, [row[name] for row in rows]) for name, kind in figures.items()}
    )


def _alike(values: Sequence[Cell]) -> tuple[str, Sequence[Cell]]:
    """A column of one kind: a key that is a number here and a word there is words."""
    kinds = {type(value) for value in values} - {types.NoneType}
    if kinds == {bool}:
        return "Boolean", values
    if kinds <= {int, float}:
        return "Float64", [None if value is None else float(value) for value in values]
    return "String", [None if value is None else str(value) for value in values]


def _kind(hint: object) -> str:
    """Of a figure's column."""
    return next(_KINDS[kind] for kind in (get_args(hint) or (hint,)) if kind is not types.NoneType)
