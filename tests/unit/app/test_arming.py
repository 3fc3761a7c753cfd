"""A live run says what it lacks before it connects."""

from pathlib import Path

import pytest

from bot.app import arming
from bot.app.config import Config, load
from bot.domain.errors import ConfigError

_KEY = {"venue": {"client_id": "me", "client_secret": "s"}}


def _config(repo_root: Path, **live: object) -> Config:
    return load(repo_root / "config/live.toml", {"live": live} | (_KEY if live else {}), run_tag="t")


def test_the_file_as_it_is_lacks_all_three(repo_root: Path) -> None:
    """Each by its key, with the next step."""
    config = _config(repo_root)

    with pytest.raises(ConfigError, match=r"^live\.armed: is false; set it to true when"):
        arming.refuse_unarmed(config)
    with pytest.raises(ConfigError, match=r"^live\.account_id: is missing; `hedgebot check` tells"):
        arming.refuse_nameless(config)
    with pytest.raises(ConfigError, match=r"^venue\.client_id: is missing; orders need a key"):
        arming.refuse_keyless(config)


def test_armed_for_an_account_with_a_key(repo_root: Path) -> None:
    """Nothing to object."""
    config = _config(repo_root, armed=True, account_id=7)

    arming.refuse_unarmed(config)
    arming.refuse_nameless(config)
    arming.refuse_keyless(config)
    assert config.venue.account_id == "7"
