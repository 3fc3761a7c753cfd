"""The demo's own exchange: a process with a key of its own that ends with the demo."""

import socket
from pathlib import Path

import pytest

from bot.app.demo import local_exchange
from bot.domain.errors import ConfigError


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
