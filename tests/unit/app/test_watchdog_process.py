"""What a watchdog needs before it begins; the rest is held by a process (`tests/integration/runs`)."""

from pathlib import Path

import pytest

from bot.app.config import load
from bot.app.watchdog_process import guard
from bot.domain.errors import ConfigError, VenueError


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({}, r"^watchdog\.client_id: is missing; a watchdog needs a key of its own"),
        ({"WATCHDOG__CLIENT_ID": "a"}, r"^watchdog\.client_secret: is missing"),
        (
            {
                "VENUE__CLIENT_ID": "a",
                "VENUE__CLIENT_SECRET": "s",
                "WATCHDOG__CLIENT_ID": "a",
                "WATCHDOG__CLIENT_SECRET": "s",
            },
            r"^watchdog\.client_id: is the bot's own key",
        ),
    ],
)
def test_it_has_a_key_of_its_own(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], line: str
) -> None:
    """One line otherwise."""
    for name, value in keys.items():
        monkeypatch.setenv(f"HEDGEBOT_{name}", value)

    with pytest.raises(ConfigError, match=line):
        guard(load(repo_root / "config/testnet.toml", {}, run_tag="abc"), seconds=None)


def test_without_a_venue_it_does_not_begin(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked a few times; everything is closed again."""
    monkeypatch.setattr("bot.app.daemon._OPEN_PAUSES_S", ())
    for name, value in {
        "VENUE__REST_URL": "http://127.0.0.1:1",
        "VENUE__WS_URL": "ws://127.0.0.1:1",
        "LEDGER__URL": f"sqlite:///{tmp_path}/l.db",
        "WATCHDOG__CLIENT_ID": "a",
        "WATCHDOG__CLIENT_SECRET": "s",
    }.items():
        monkeypatch.setenv(f"HEDGEBOT_{name}", value)

    with pytest.raises(VenueError):
        guard(load(repo_root / "config/testnet.toml", {}, run_tag="abc"), seconds=None)
