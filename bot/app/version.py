"""Which hedgebot this is: its version, the commit of its checkout, and the hash of its code, as runs and tapes name it.

Reads files of the checkout, or the one that the build of an image left in their place; starts no program.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

import bot
from bot.journal.manifest import code_hash

_HASH: Final = re.compile(r"[0-9a-f]{40,64}")
_SHOWN: Final = 12
_GIT_DIR: Final = "gitdir: "
_REF: Final = "ref: "
_BUILT_FROM: Final = "commit"
"""File in the package: the commit an image was built from. The Dockerfile writes it."""


def commit_of(root: Path) -> str | None:
    """The commit of a checkout, or of a linked working tree; None where there is none."""
    return _read(_commit, root)


def built_from(package: Path) -> str | None:
    """The commit an image was built from; None where nobody told its build."""
    return _read(lambda path: _checked(path.read_text().strip()), package / _BUILT_FROM)


def _read(how: Callable[[Path], str | None], path: Path) -> str | None:
    try:
        return how(path)
    except (OSError, UnicodeDecodeError):
        return None


def _commit(root: Path) -> str | None:
    own = root / ".git"
    if own.is_file():
        own = root / own.read_text().removeprefix(_GIT_DIR).strip()
    head = (own / "HEAD").read_text().strip()
    if not head.startswith(_REF):
        return _checked(head)
    name, link = head.removeprefix(_REF), own / "commondir"
    shared = own / link.read_text().strip() if link.is_file() else own
    if (shared / name).is_file():
        return _checked((shared / name).read_text().strip())
    packed = (line.partition(" ") for line in (shared / "packed-refs").read_text().splitlines())
    return next((_checked(commit) for commit, _, ref in packed if ref == name), None)


def _checked(text: str) -> str | None:
    return text if _HASH.fullmatch(text) else None


def sentence() -> str:
    """One line."""
    package = Path(bot.__file__).parent
    commit = commit_of(package.parent) or built_from(package)
    known = "" if commit is None else f"commit {commit[:_SHOWN]}, "
    return f"{bot.__version__} ({known}code {code_hash(package)})"


def version() -> None:
    """Print the version, the commit of a checkout or an image, and the hash of the code."""
    typer.echo(sentence())


def _show(value: bool) -> None:
    if value:
        version()
        raise typer.Exit


def root(
    shows_version: Annotated[
        bool, typer.Option("--version", callback=_show, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Keep a crypto option book delta-hedged."""
    del shows_version
