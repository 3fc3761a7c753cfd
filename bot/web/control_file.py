"""Where the running bot answers and with which token: one small file that only its owner can read.

Written when the bot listens, read by the command line, removed at the end. Knows files; no socket.
"""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bot.domain.errors import ConfigError

FILE_MODE: Final = 0o600
_TOKEN_BYTES: Final = 32
_FILE_BYTES_MAX: Final = 4096
_SUFFIX: Final = ".control.json"
_FOLDER: Final = Path("var")
_DEFAULT: Final = _FOLDER / f"hedgebot{_SUFFIX}"
_LISTED_MAX: Final = 10


class Access(Struct, frozen=True, kw_only=True):
    """How to reach one running bot."""

    host: str
    port: int
    token: str


def beside(ledger_url: str) -> Path:
    """Where it is unless configured: beside the ledger, which one process has for itself."""
    name = ledger_url.partition(":///")[2] if ledger_url.startswith("sqlite") else ""
    return Path(name).with_suffix(_SUFFIX) if name and name != ":memory:" else _DEFAULT


def only() -> Path:
    """The file of the one bot that has one in `var/` of this folder, whatever its ledger is called.

    ConfigError where several have; where there is none, the one a configuration without names would have.
    """
    found = sorted(_FOLDER.glob(f"*{_SUFFIX}"))
    if len(found) > 1:
        names = ", ".join(str(path) for path in found[:_LISTED_MAX])
        raise ConfigError(
            f"control: {len(found)} bots have a file here ({names}): name one with --control; delete that of a bot "
            "that was killed"
        )
    return found[0] if found else _DEFAULT


def new_token() -> str:
    """256 random bits: nobody guesses it."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def write(path: Path, access: Access) -> None:
    """In one step, mode 0600 from the first byte; ConfigError when it cannot be."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(access))
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise ConfigError(
            f"control.file: cannot write {path}: {error.strerror}; name another, or health.enabled = false"
        ) from error


def read(path: Path) -> Access:
    """What a running bot wrote; ConfigError where there is none, or where others could have read the token."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise ConfigError(f"control: {path} can be read by others; chmod 600 it and restart the bot")
            return msgspec.json.decode(file.read(_FILE_BYTES_MAX), type=Access)
    except FileNotFoundError:
        raise ConfigError(
            f"control: there is no {path}: is the bot running? `control` of run.started in its log is the "
            f"file; name it with --control"
        ) from None
    except OSError as error:
        raise ConfigError(f"control: cannot read {path}: {error.strerror}; run as the user of the bot") from None
    except msgspec.DecodeError:
        raise ConfigError(f"control: {path} is not a control file; name the right one with --control") from None


def remove(path: Path, token: str) -> None:
    """At the end, where it is still ours."""
    with contextlib.suppress(OSError, ConfigError):
        if read(path).token == token:
            path.unlink()
