"""Settings carry a secret that must not show."""

from bot.venues.settings import Credentials, VenueSettings


def test_secret_is_in_no_text(settings: VenueSettings) -> None:
    """Neither the credentials nor the settings around them show the secret."""
    assert "secret-of-the-key" not in f"{settings!r} {settings.credentials}"
    assert settings.credentials is not None
    assert settings.credentials.reveal() == "secret-of-the-key"


def test_text_names_the_key() -> None:
    """The key id is no secret: it tells which key is meant."""
    assert repr(Credentials("abc", "def")) == "Credentials('abc', ***)"
