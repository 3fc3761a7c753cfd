"""Another policy, or other numbers, for one book of a configuration: `--policy NAME --set KEY=VALUE`.

Knows the sections of a book; what a value may be is said where the configuration is read.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel

from bot.app.band_settings import POLICY_KEYS, BandSection
from bot.app.settings import BookSection
from bot.domain.errors import ConfigError

_SECTIONS: Final = {
    name: frozenset(kind.model_fields)
    for name, field in BookSection.model_fields.items()
    if isinstance(kind := field.annotation, type) and issubclass(kind, BaseModel)
}


def of_book(currency: str, policy: str | None, assignments: Sequence[str]) -> dict[str, object]:
    """What to lay over a configuration; ConfigError names an assignment that cannot be understood.

    A key is one of `[books.COIN]`, with its section (`band.interval_s`) or, where only the band or one section has it,
    without. Another policy leaves the numbers of the one in the file behind.
    """
    book: dict[str, object] = {}
    if policy is not None:
        band: dict[str, object] = dict.fromkeys(POLICY_KEYS)
        book["band"] = band | {"policy": policy}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set: {text!r} is no KEY=VALUE")
        _put(book, _path(name.strip()), _value(value.strip()))
    return {"books": {currency.lower(): book}} if book else {}


def _path(name: str) -> list[str]:
    if "." in name or name in BookSection.model_fields:
        return name.split(".")
    if name in BandSection.model_fields:
        return ["band", name]
    homes = [section for section, keys in _SECTIONS.items() if name in keys]
    if len(homes) == 1:
        return [homes[0], name]
    where = "in no section of a book" if not homes else f"in {', '.join(homes)}: write e.g. {homes[0]}.{name}"
    raise ConfigError(f"--set: {name} is {where}")


def _put(book: dict[str, object], path: Sequence[str], value: object) -> None:
    inner = book
    for name in path[:-1]:
        deeper = inner.setdefault(name, {})
        if not isinstance(deeper, dict):
            raise ConfigError(f"--set: {'.'.join(path)} is set twice")
        inner = deeper
    inner[path[-1]] = value


def _value(text: str) -> object:
    """As TOML reads it; text that is no TOML is itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def merged(*parts: Mapping[str, object]) -> dict[str, object]:
    """Deeply, later ones over earlier ones."""
    found: dict[str, object] = {}
    for part in parts:
        for name, value in part.items():
            known = found.get(name)
            found[name] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return found
