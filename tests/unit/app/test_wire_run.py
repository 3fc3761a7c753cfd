"""A run at wire depth hedges, agrees with the venue, and is the same run for the same seed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app.config import Config, load
from bot.app.simulated import SimulateOptions
from bot.app.wire_run import wire_run_of
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId
from bot.observe.tally import RunResult

Run = Callable[..., RunResult]


@pytest.fixture
def config(repo_root: Path) -> Config:
    """The simulation's, with a book whose delta has to be hedged at once."""
    portfolio = {"portfolio": repo_root / "config/portfolios/call.toml"}
    return load(repo_root / "config/simulate.toml", portfolio, run_tag="sim")


def _options(**change: Any) -> SimulateOptions:
    defaults = {"seed": 1, "hours": 0.02, "step_ms": 1_000, "tape": None, "currency": "BTC", "is_wire": True}
    return SimulateOptions(**(defaults | change))


@pytest.mark.parametrize("seed", [1, 2])
def test_it_hedges_through_either_way_for_orders_and_agrees_with_the_venue(
    config: Config, tmp_path: Path, seed: int
) -> None:
    """By turns of the seed through ccxt and over a socket; the picture has points."""
    run = wire_run_of(config, _options(seed=seed, hours=0.05), (), tmp_path)
    result = run.run("simulate")

    assert (result.phase, result.positions_match, result.violations) == ("running", True, ())
    assert result.starts == 1
    assert result.orders > 0
    assert result.fills > 0
    assert len(run.tally.samples) > 10


def test_the_same_seed_is_the_same_run_and_another_is_not(config: Config, tmp_path: Path) -> None:
    """To the last event and command."""

    def traced(seed: int, name: str) -> str | None:
        folder = tmp_path / name
        folder.mkdir()
        return wire_run_of(config, _options(seed=seed), (), folder).run("simulate").trace_hash

    assert traced(1, "first") == traced(1, "again") != traced(3, "other")


def test_a_hedge_at_another_venue_is_refused_by_its_key(config: Config, tmp_path: Path) -> None:
    """Wire depth has one venue."""
    book = structs.replace(config.book("BTC"), hedge_instrument=InstrumentId("okx:BTC-USDT-SWAP"))

    with pytest.raises(ConfigError, match=r"books.btc.hedge_instrument: okx:BTC-USDT-SWAP is at another venue"):
        wire_run_of(structs.replace(config, books=(book,)), _options(), (), tmp_path)
