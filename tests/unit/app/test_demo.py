"""The demo's own exchange: a process with a key of its own that ends with the demo."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.app.demo import local_exchange
from bot.domain.errors import ConfigError

_HOLDS_ONE = """
import sys
from bot.app.demo import local_exchange
with local_exchange(portfolio=None, currency="BTC", seed=1, vol_scale=1.0) as venue:
    print(venue.rest_url.rpartition(":")[2], flush=True)
    sys.stdin.read()
"""


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_an_exchange_is_there_inside_and_gone_after(repo_root: Path) -> None:
    """On loopback, test world, a key made for the occasion."""
    portfolio = repo_root / "config" / "portfolios" / "demo.toml"
    with local_exchange(portfolio=portfolio, currency="BTC", seed=1, vol_scale=1.0) as venue:
        port = int(venue.rest_url.rpartition(":")[2])
        assert (venue.rest_url, venue.is_testnet) == (f"http://127.0.0.1:{port}", True)
        assert venue.ws_url == f"ws://127.0.0.1:{port}/ws/api/v2"
        assert venue.credentials is not None
        assert len(venue.credentials.reveal()) == 32
        assert _is_listening(port)

    assert not _is_listening(port)


def test_an_exchange_ends_with_whoever_started_it(repo_root: Path) -> None:
    """Killed, so that nothing of it can be ended in order."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _HOLDS_ONE]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=repo_root) as holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        assert _is_listening(port)
        holder.kill()
    until_s = time.monotonic() + 30.0
    while _is_listening(port) and time.monotonic() < until_s:
        time.sleep(0.05)

    assert not _is_listening(port)


def test_an_exchange_that_does_not_start_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its own complaint is on standard error; the demo says what to try."""
    broken = tmp_path / "broken.toml"
    broken.write_text("legs = 1")

    with (
        pytest.raises(ConfigError, match="the local exchange did not start"),
        local_exchange(portfolio=broken, currency="BTC", seed=1, vol_scale=1.0),
    ):
        pytest.fail("nothing to talk to")

    assert "hedgebot: portfolio: " in capfd.readouterr().err
