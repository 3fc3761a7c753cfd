"""A simulated run is put together before it runs; its world begins when it is told to."""

import random
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app import compose, simulated
from bot.app.config import load
from bot.domain.errors import ConfigError, JournalError
from bot.domain.ids import VenueId
from bot.domain.time import ns_from_iso
from bot.sim.impact import Impact


def test_a_simulation_can_be_had_before_it_runs(repo_root: Path) -> None:
    """For those who want to watch it; it is the same run."""
    override = {"portfolio": repo_root / "config/portfolios/straddle.toml"}
    config = load(repo_root / "config/simulate.toml", override, run_tag="t")
    options = simulated.SimulateOptions(seed=1, hours=0.02, step_ms=1_000, tape=None, currency="BTC")
    watched = simulated.simulation_of(config, options).run("simulate")

    assert watched.trace_hash == compose.simulate(config, options)[0].trace_hash


def test_a_world_that_own_trades_move_is_another_one(repo_root: Path) -> None:
    """The same seed until the first hedge."""
    override = {"portfolio": repo_root / "config/portfolios/straddle.toml"}
    config = load(repo_root / "config/simulate.toml", override, run_tag="t")
    runs = [
        simulated.simulation_of(
            config,
            simulated.SimulateOptions(
                seed=1, hours=0.5, step_ms=1_000, tape=None, currency="BTC", impact=Impact(passing_usd_per_coin=usd)
            ),
        ).run("simulate")
        for usd in (0.0, 50.0)
    ]

    assert runs[0].orders > 0
    assert runs[0].trace_hash != runs[1].trace_hash


def test_a_hedge_that_is_listed_nowhere_is_refused(repo_root: Path) -> None:
    """A run without one hedge says nothing about the market."""
    override = {"portfolio": repo_root / "config/portfolios/straddle.toml"}
    config = load(repo_root / "config/simulate.toml", override, run_tag="t")
    books = tuple(structs.replace(book, hedge_instrument="BTC-27MAR20") for book in config.books)
    options = simulated.SimulateOptions(seed=1, hours=0.02, step_ms=1_000, tape=None, currency="BTC")

    with pytest.raises(ConfigError, match=r"^books\.btc\.hedge_instrument: BTC-27MAR20 is not listed in a simulation"):
        simulated.simulation_of(structs.replace(config, books=books), options)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (None, "2026-11-22T09:00:00Z"),
        ("05:00", "2026-11-22T05:00:00Z"),
        ("23:59", "2026-11-22T23:59:00Z"),
        ("2026-03-27T07:59:30+01:00", "2026-03-27T06:59:30Z"),
    ],
)
def test_a_drawn_world_begins_when_it_is_told_to(start: str | None, expected: str) -> None:
    """By the hour of its usual day, or at any instant."""
    assert simulated.start_ns_of(start) == ns_from_iso(expected)


@pytest.mark.parametrize("start", ["5", "29:00", "05:60", "tomorrow", "2026-03-27T08:00:00", ""])
def test_a_start_that_is_no_time_is_refused(start: str) -> None:
    """An instant needs its zone."""
    with pytest.raises(ConfigError, match=r"^start: .* is neither HH:MM \(UTC\) nor an instant like"):
        simulated.start_ns_of(start)


@pytest.mark.parametrize(("change", "key"), [({"start": "05:00"}, "start: "), ({"takers_scale": 0.5}, "takers: ")])
def test_a_recorded_day_is_what_it_is(repo_root: Path, tmp_path: Path, change: dict[str, Any], key: str) -> None:
    """Neither its beginning nor its strangers can be chosen."""
    override = {"portfolio": repo_root / "config/portfolios/straddle.toml"}
    config = load(repo_root / "config/tape.toml", override, run_tag="t")
    options = simulated.SimulateOptions(seed=1, hours=0.02, step_ms=1_000, tape=tmp_path, currency="BTC", **change)

    with pytest.raises(ConfigError, match=f"^{key}"):
        simulated.simulation_of(config, options)


def test_a_hedge_at_another_venue_has_a_world_of_two(repo_root: Path) -> None:
    """By its name alone; a recorded day has one."""
    override = {
        "portfolio": repo_root / "config/portfolios/straddle.toml",
        "books": {"btc": {"hedge_instrument": "OKX:BTC-USDT-SWAP"}},
    }
    config = load(repo_root / "config/simulate.toml", override, run_tag="t")
    options = simulated.SimulateOptions(seed=1, hours=0.02, step_ms=1_000, tape=None, currency="BTC")
    result = simulated.simulation_of(config, options).run("simulate")

    assert (result.orders, result.positions_match, result.violations) == (result.fills, True, ())
    with pytest.raises(ConfigError, match=r"^books\.btc\.hedge_instrument: a recorded day has one venue"):
        simulated.simulation_of(config, structs.replace(options, tape=repo_root))


def test_an_instrument_per_side_is_traded_by_its_side(repo_root: Path) -> None:
    """Over a quarter of an hour of a tight band: bought here, sold there, nothing held both ways for long."""
    band = {"low_coin_per_option_coin": -0.002, "high_coin_per_option_coin": 0.002, "trade_coin_min": 0.001}
    override = {
        "portfolio": repo_root / "config/portfolios/straddle.toml",
        "books": {"btc": {"hedge_instrument_long": "OKX:BTC-USDT-SWAP", "band": band}},
    }
    config = load(repo_root / "config/simulate.toml", override, run_tag="t")
    options = simulated.SimulateOptions(seed=1, hours=0.25, step_ms=1_000, tape=None, currency="BTC")
    run = simulated.simulation_of(config, options)
    result = run.run("simulate")
    held = run._engine.status().positions_native

    assert (result.positions_match, result.violations, result.unknown_open) == (True, (), 0)
    assert result.orders > 5
    assert held.get("OKX:BTC-USDT-SWAP", 0) >= 0 >= held.get("BTC-PERPETUAL", 0)


def test_a_torn_ledger_has_lost_its_last_transaction_and_no_other(repo_root: Path, tmp_path: Path) -> None:
    """As a power cut leaves it: it opens, and what was committed before is there."""
    config = load(repo_root / "config/simulate.toml", {}, run_tag="t")
    storm = simulated.storm_of(config, [], tmp_path)
    ledger = storm.open_ledger("one", simulated.SIMULATION_START_NS)
    ledger.bind("first")
    ledger.bind("second", VenueId("okx"))
    storm.tear_ledger(ledger.abandon, random.Random(1))
    again = storm.open_ledger("two", simulated.SIMULATION_START_NS)

    with pytest.raises(JournalError, match="belongs to account first"):
        again.bind("another")
    again.bind("another", VenueId("okx"))
    again.close()
