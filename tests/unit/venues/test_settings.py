"""Settings carry a secret that must not show."""

import msgspec
import pytest

from bot.domain.errors import ConfigError
from bot.venues.settings import Credentials, VenueSettings, refuse_other_world


def test_secret_is_in_no_text(settings: VenueSettings) -> None:
    """Neither the credentials nor the settings around them show the secret."""
    assert "secret-of-the-key" not in f"{settings!r} {settings.credentials}"
    assert settings.credentials is not None
    assert settings.credentials.reveal() == "secret-of-the-key"


def test_a_passphrase_is_as_secret() -> None:
    """The third part of a key, where a venue has one."""
    credentials = Credentials("abc", "def", "ghi")

    assert credentials.reveal_passphrase() == "ghi"
    assert "ghi" not in repr(credentials)
    assert Credentials("abc", "def").reveal_passphrase() is None


@pytest.mark.parametrize(
    ("expected", "says", "is_refused"),
    [
        (True, True, False),
        (False, False, False),
        (True, False, True),
        (False, True, True),
        (False, None, True),
        (False, 0, True),
        (None, True, False),
        (None, None, False),
    ],
)
def test_the_other_world_is_refused_by_its_address(
    settings: VenueSettings, expected: bool | None, says: object, is_refused: bool
) -> None:
    """Also one that does not say which it is; where no orders are sent either will do."""
    changed = msgspec.structs.replace(settings, is_testnet=expected)
    if is_refused:
        with pytest.raises(ConfigError, match=r"^venue.ws_url: a reply from there says testnet="):
            refuse_other_world(changed, says, "ws_url")
    else:
        refuse_other_world(changed, says, "ws_url")


def test_text_names_the_key() -> None:
    """The key id is no secret: it tells which key is meant."""
    assert repr(Credentials("abc", "def")) == "Credentials('abc', ***)"
