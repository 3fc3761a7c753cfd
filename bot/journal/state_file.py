"""One small file that is replaced as a whole: what is read is always something that was once written completely.

Knows files and their durability; nothing of what is in it.
"""

import os
from pathlib import Path

from bot.domain.errors import JournalError
from bot.journal.opening import FILE_MODE


class StateFile:
    """Private to its owner, like the ledger it stands beside."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened before it is used."""
        self._path = path

    def load(self) -> bytes | None:
        """What was saved last; None before the first time. JournalError when it cannot be read."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(f"{self._path} cannot be read ({error.strerror}): check its permissions") from error

    def save(self, data: bytes) -> None:
        """Replace it; durable on return, or JournalError and the old one still there."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise JournalError(f"{self._path} cannot be written ({error.strerror}): free disk space") from error


def _sync_folder(folder: Path) -> None:
    """The new name has to survive a power cut as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
