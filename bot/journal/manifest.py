"""What a run was: enough to build its engines again and to say whether code and machine are the same.

Knows the file `manifest.json` of a run's folder. Reads neither clock nor configuration files; holds no secret.
"""

import functools
import hashlib
import importlib.metadata
import itertools
import math
import os
import platform
import re
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

import msgspec
from msgspec import Struct

from bot.book import BookParams
from bot.domain.errors import JournalError
from bot.domain.time import Ns

NAME: Final = "manifest.json"
_BYTES_MAX: Final = 1 << 20
_CPU_TARGET: Final = re.compile(rb'"cpu_target": "[^"\\]*"')
_PACKAGES: Final = ("ccxt", "msgspec", "numpy", "scipy", "sqlalchemy", "uvloop", "websockets")
"""What computes, encodes, stores or talks; the whole list is in the environment's own record."""
_POINTS: Final = 2_000
"""Arguments at which the machine's arithmetic is sampled."""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one run."""

    run_id: str
    mode: str
    started_ns: Ns
    version: str
    code_hash: str
    """Of every source file of the package."""
    config_digest: str
    """Of the settings without secrets."""
    books: tuple[BookParams, ...]
    python: str
    packages: dict[str, str]
    """Version by name, of libraries that compute, encode, store or talk."""
    cpu_target: str
    """Machine, system, C library, and a hash of what its mathematics returns."""

    @classmethod
    def of_this_process(
        cls, *, run_id: str, mode: str, started_ns: Ns, version: str, config_digest: str, books: Iterable[BookParams]
    ) -> Self:
        """The manifest of a run that starts here and now."""
        return cls(
            run_id=run_id,
            mode=mode,
            started_ns=started_ns,
            version=version,
            code_hash=code_hash(Path(__file__).parent.parent),
            config_digest=config_digest,
            books=tuple(books),
            python=platform.python_version(),
            packages=package_versions(),
            cpu_target=cpu_target(),
        )

    def encoded(self) -> bytes:
        """The text of the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"


def write(folder: Path, manifest: Manifest) -> bytes:
    """Create the run's folder and its manifest; the digest that the tape begins with.

    JournalError when the folder holds a run already or cannot be written.
    """
    text = manifest.encoded()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text)
    except FileExistsError:
        raise JournalError(f"tape: {folder} holds a run already; name another folder") from None
    except OSError as error:
        raise JournalError(f"tape: cannot write {folder}: {error.strerror}") from error
    return digest(text)


def read(folder: Path) -> tuple[Manifest, bytes]:
    """The manifest of a run and its digest; JournalError says why there is none."""
    path = folder / NAME
    try:
        text = path.read_bytes()[:_BYTES_MAX]
        return msgspec.json.decode(text, type=Manifest), digest(text)
    except OSError as error:
        raise JournalError(f"tape: cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        # Text that is no UTF-8 is a ValueError, deep nesting a RecursionError.
        raise JournalError(f"tape: {path} is not a manifest: {error}") from error


def digest(text: bytes) -> bytes:
    """SHA-256 of a manifest without the name of the machine.

    Which machine it was decides how a replay compares, and replay tells it: whoever asks what another machine would
    say changes that one line. Everything else belongs to the tape.
    """
    return hashlib.sha256(_CPU_TARGET.sub(b"", text, count=1)).digest()


@functools.cache
def package_versions() -> dict[str, str]:
    """Version by name; `none` where a package is not installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def code_hash(package: Path) -> str:
    """Hash over names and contents of all Python files below a folder."""
    seen = hashlib.sha256()
    for path in sorted(package.rglob("*.py"), key=lambda item: item.relative_to(package).as_posix()):
        name, text = path.relative_to(package).as_posix().encode(), path.read_bytes()
        seen.update(struct.pack("<II", len(name), len(text)) + name + text)
    return seen.hexdigest()[:16]


@functools.cache
def cpu_target() -> str:
    """Where decisions are made: the same text means that `math` gives the same bits.

    One C library may take another path on another processor (fused multiply-add), so what it returns is sampled.
    """
    library = "".join(platform.libc_ver()) or platform.release()
    points = [0.001 + 0.0137 * number for number in range(_POINTS)]
    values = itertools.chain.from_iterable(
        (math.exp(-x), math.log(x), math.log1p(x), math.erfc(0.2 * x), math.sqrt(x), x * x + 1.0 / x) for x in points
    )
    bits = hashlib.sha256(b"".join(struct.pack("<d", value) for value in values)).hexdigest()
    return f"{platform.machine()}-{sys.platform}-{library}-{bits[:8]}"
