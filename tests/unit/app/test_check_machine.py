"""A look before a run at this machine: what the configuration lacks, ledger, tape and port; nothing is made."""

import socket
from pathlib import Path
from typing import Any

from msgspec import structs

from bot.app.check import Checks
from bot.app.config import Config
from bot.domain.errors import ConfigError


def test_what_the_configuration_lacks_is_a_finding(config: Config) -> None:
    """Fine, or the refusal's own words."""

    def refuse(_: Config) -> None:
        raise ConfigError("live.armed: is false")

    checks = Checks(config)
    checks.demand("armed", refuse, "yes")
    checks.demand("key given", lambda _: None, "yes")

    assert [(f.status, f.detail) for f in checks.findings] == [("FAILED", "live.armed: is false"), ("ok", "yes")]


def _machine(config: Config) -> dict[str, Any]:
    checks = Checks(config)
    checks.machine(keeps_ledger=True)
    return {finding.name: finding for finding in checks.findings}


def test_this_machine_is_looked_at_and_left_as_it_was(config: Config, tmp_path: Path) -> None:
    """Nothing is created: neither ledger nor folders."""
    found = _machine(config)

    assert [finding.status for finding in found.values()] == ["ok", "ok", "ok"]
    assert found["ledger"].detail.endswith("will be made")
    assert found["health"].detail == "any free port"
    assert list(tmp_path.iterdir()) == []


def test_what_is_switched_off_is_said(config: Config) -> None:
    """Without a tape there is no replay."""
    found = _machine(structs.replace(config, tape_folder=None, health_enabled=False))

    assert (found["tape"].detail, found["health"].detail) == ("none: such a run cannot be replayed", "not served")


def test_a_taken_port_and_a_tape_that_is_a_file(config: Config, tmp_path: Path) -> None:
    """The bot itself may be running already."""
    (tmp_path / "runs").write_text("")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = _machine(structs.replace(config, health_port=other.getsockname()[1]))

    assert found["health"].detail.endswith("is the bot running already?")
    assert (found["health"].exit_code, found["tape"].exit_code) == (2, 4)
    assert found["tape"].detail.startswith(f"tape.folder: {tmp_path}/runs cannot be written")
