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


@pytest.mark.parametrize(
    ("gateway", "tactic", "objects"),
    [
        ("ccxt", "rest_then_cross", True),
        ("deribit_ws", "rest_then_cross", False),  # the run asks the venue
        ("ccxt", "cross", False),
    ],
)
def test_nothing_rests_over_rest(repo_root: Path, gateway: str, tactic: str, objects: bool) -> None:
    """Said before anybody connects, with the next step."""
    settings = {"venue": {"gateway": gateway}, "books": {"btc": {"tactic": {"name": tactic}}}}
    config = load(repo_root / "config/testnet.toml", settings, run_tag="t")

    if objects:
        with pytest.raises(ConfigError, match=r"^books\.btc\.tactic\.name: rest_then_cross leaves orders resting"):
            arming.refuse_rest_over_rest(config)
    else:
        arming.refuse_rest_over_rest(config)
