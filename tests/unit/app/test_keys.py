"""A key has all its parts, or is none; its secret is in one place."""

from pathlib import Path
from typing import Any

import pytest

from bot.app.keys import credentials_of
from bot.app.settings import HedgeVenueSection, VenueSection
from bot.domain.errors import ConfigError


def _second(**keys: Any) -> HedgeVenueSection:
    return HedgeVenueSection(name="okx", **keys)


def test_no_key_is_none() -> None:
    """Public data only."""
    assert credentials_of(VenueSection()) is None


def test_the_parts_of_a_key(tmp_path: Path) -> None:
    """The secret from the table or from a file, the passphrase where the venue has one."""
    file = tmp_path / "secret"
    file.write_text("s\n")
    plain = credentials_of(VenueSection.model_validate({"client_id": "a", "client_secret": "s"}))
    parts = {"client_id": "a", "client_secret_file": file, "passphrase": "p"}
    filed = credentials_of(_second(**parts), "hedge_venue")

    assert plain is not None
    assert filed is not None
    assert (plain.reveal(), plain.reveal_passphrase()) == ("s", None)
    assert (filed.reveal(), filed.reveal_passphrase()) == ("s", "p")


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"client_id": "a"}, "hedge_venue.client_secret: is missing"),
        ({"client_secret": "s"}, "hedge_venue.client_id: is missing"),
        (
            {"client_id": "a", "client_secret": "s", "client_secret_file": Path("x")},
            "hedge_venue.client_secret_file: hedge_venue.client_secret is set as well",
        ),
        ({"client_id": "a", "client_secret_file": Path("/nowhere")}, "hedge_venue.client_secret_file: cannot read"),
    ],
)
def test_half_a_key_is_refused_by_its_table(keys: dict[str, Any], line: str) -> None:
    """Never with the secret."""
    with pytest.raises(ConfigError) as caught:
        credentials_of(_second(**keys), "hedge_venue")

    assert str(caught.value).startswith(line)
