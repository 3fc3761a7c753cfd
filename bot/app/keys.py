"""The key to a venue from its table of the configuration, an id, a secret or a file of it; the ledger's password.

Reads that one file. What it gives never shows a secret.
"""

from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bot.app.settings import HedgeVenueSection, PlaceSection, WatchdogSection
from bot.domain.errors import ConfigError
from bot.venues.settings import Credentials

_SECRET_BYTES_MAX: Final = 4096


def credentials_of(section: PlaceSection | WatchdogSection, table: str = "venue") -> Credentials | None:
    """The key, or None where none is given; ConfigError names what is missing in `table`."""
    secret = secret_of(section.client_secret, section.client_secret_file, f"{table}.client_secret")
    if (secret is None) != (section.client_id is None):
        missing = f"{table}.client_secret" if secret is None else f"{table}.client_id"
        raise ConfigError(f"{missing}: is missing; a key needs an id and a secret")
    if secret is None or section.client_id is None:
        return None
    passphrase = _plain(section.passphrase) if isinstance(section, HedgeVenueSection) else None
    return Credentials(section.client_id, secret, passphrase)


def secret_of(given: SecretStr | None, file: Path | None, key: str) -> str | None:
    """A secret that is given, or in a file; ConfigError names `key` where it is both or cannot be read."""
    if file is None:
        return _plain(given)
    if given is not None:
        raise ConfigError(f"{key}_file: {key} is set as well; keep one of the two")
    try:
        return file.read_bytes()[:_SECRET_BYTES_MAX].decode().strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{key}_file: cannot read {file}; check its path and owner") from None


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
