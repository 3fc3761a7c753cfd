"""What a planted bug is: texts of our source, each with what stands there instead."""

from typing import Final, NamedTuple


class Change(NamedTuple):
    """One text of a file in `bot/` and what stands there instead."""

    file: str
    old: str
    new: str


class Bug(NamedTuple):
    """One planted bug; `env` is what the configuration needs for it to matter."""

    name: str
    what: str
    changes: tuple[Change, ...]
    env: tuple[tuple[str, str], ...] = ()
    is_wire: bool = False
    """Only bytes can show it: soaked at wire depth."""


RESTS: Final = (("HEDGEBOT_BOOKS__BTC__TACTIC__NAME", "rest_then_cross"),)


def bug(name: str, what: str, file: str, *texts: str, env: tuple[tuple[str, str], ...] = ()) -> Bug:
    """A bug of one change: the text as it is, and instead of it."""
    old, new = texts
    return Bug(name, what, (Change(file, old, new),), env)
