"""The key to a venue from its table of the configuration: an id, a secret or a file of it, a passphrase.

Reads that one file. What it gives never shows a secret.
"""

from typing import Final

from pydantic import SecretStr

from bot.app.settings import HedgeVenueSection, PlaceSection
from bot.domain.errors import ConfigError
from bot.venues.settings import Credentials

_SECRET_BYTES_MAX: Final = 4096


def credentials_of(section: PlaceSection, table: str = "venue") -> Credentials | None:
    """The key, or None where none is given; ConfigError names what is missing in `table`."""
    secret = _plain(section.client_secret)
    if section.client_secret_file is not None:
        if secret is not None:
            raise ConfigError(f"{table}.client_secret_file: {table}.client_secret is set as well; keep one of the two")
        try:
            secret = section.client_secret_file.read_bytes()[:_SECRET_BYTES_MAX].decode().strip()
        except (OSError, UnicodeDecodeError):
            path = section.client_secret_file
            raise ConfigError(f"{table}.client_secret_file: cannot read {path}; check its path and owner") from None
    if (secret is None) != (section.client_id is None):
        missing = f"{table}.client_secret" if secret is None else f"{table}.client_id"
        raise ConfigError(f"{missing}: is missing; a key needs an id and a secret")
    if secret is None or section.client_id is None:
        return None
    passphrase = _plain(section.passphrase) if isinstance(section, HedgeVenueSection) else None
    return Credentials(section.client_id, secret, passphrase)


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
