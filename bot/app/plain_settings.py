"""Settings as flat text, without a secret among them: what is hashed, shown and compared.

Knows which keys are secret, and which may change while a bot runs; reads no file.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from pydantic import BaseModel

from bot.web.control_config import Difference

_SECRETS: Final = {
    **{name: {"client_secret", "client_secret_file", "passphrase"} for name in ("venue", "hedge_venue", "watchdog")},
    "ledger": {"password", "password_file"},
    "alerts": {"urls"},
}
"""By section."""
_SEAL: Final = secrets.token_bytes(32)
"""Of this process: a sealed secret says whether it is the same one, to nobody else."""
_SEALED: Final = "sealed "

_BOOK_SECTIONS: Final = (
    *("band", "tactic", "stability", "regime", "trust", "expiry", "ladder", "appetite", "stops", "limits"),
)
_MAY_CHANGE: Final = re.compile(
    rf"books\.[^.]+\.({'|'.join(_BOOK_SECTIONS)})\..+|alerts\..+|log\..+|run\.(reconcile_interval_s|tick_interval_ms)"
)
"""How a book is hedged and who is told; never what is hedged, where, with which money, or where it is written down."""


def digest_of(settings: BaseModel) -> str:
    """Of everything but secrets."""
    return hashlib.sha256(settings.model_dump_json(exclude=_SECRETS).encode()).hexdigest()[:16]


def plain_of(settings: BaseModel) -> dict[str, str]:
    """Every key that is set, by its path, as JSON; no secret."""
    return dict(_leaves("", settings.model_dump(mode="json", exclude=_SECRETS)))


def sealed_of(settings: BaseModel) -> dict[str, str]:
    """Every secret that is set, by its path, so that this process can see whether it changed."""
    found = {}
    for section, names in _SECRETS.items():
        values = getattr(settings, section, None)
        for name in sorted(names):
            value = getattr(values, name, None)
            if value is not None and value != ():
                found[f"{section}.{name}"] = _SEALED + hmac.digest(_SEAL, repr(_opened(value)).encode(), "sha256").hex()
    return found


def _opened(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_opened(item) for item in value]
    reveal = getattr(value, "get_secret_value", None)
    return value if reveal is None else reveal()


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), inner)
    elif value is not None:
        yield path, msgspec.json.encode(value).decode()


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Difference, ...]:
    """What is not the same, in the order of the keys."""
    return tuple(
        Difference(key=key, before=before.get(key), after=after.get(key), may_change=bool(_MAY_CHANGE.fullmatch(key)))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )


def words(difference: Difference) -> str:
    """One line: key, what it was, what it is."""
    before, after = (_shown(value) for value in (difference.before, difference.after))
    return f"{difference.key}: {before} -> {after}"


def _shown(value: str | None) -> str:
    if value is None:
        return "not set"
    return "(secret)" if value.startswith(_SEALED) else value
