"""Keys of forward, volatility and delta reach the engine's parameters; by default the venue's own words are taken."""

from pathlib import Path

import pytest

from bot.app.config import ENV_PREFIX, load
from bot.domain.time import NS_PER_S, Ns
from bot.pricing.smile import SmileDelta
from bot.risk.forward import ForwardSource
from bot.risk.sources import Sources
from bot.risk.volatility import VolatilitySource


@pytest.mark.parametrize(
    ("keys", "sources"),
    [
        ({}, Sources()),
        ({"FORWARD__SOURCE": "future"}, Sources(forward=ForwardSource.FUTURE)),
        ({"VOLATILITY__SOURCE": "surface"}, Sources(volatility=VolatilitySource.SURFACE)),
        (
            {"DELTA__SMILE": "ssr", "DELTA__COMPARE": "true", "DELTA__FIT_INTERVAL_S": "60"},
            Sources(smile=SmileDelta.SSR, compares=True, fit_every_ns=Ns(60 * NS_PER_S)),
        ),
    ],
)
def test_each_key_reaches_the_engine(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], sources: Sources
) -> None:
    """One book, one key at a time."""
    for name, value in keys.items():
        monkeypatch.setenv(f"{ENV_PREFIX}BOOKS__BTC__{name}", value)

    config = load(repo_root / "config/testnet.toml", {}, run_tag="abc")

    assert config.books[0].sources == sources
