"""A day under each convention: flat at the end in the delta that was asked for, by the venue's own figures."""

from pathlib import Path

import pytest

from bot.app import simulated
from bot.app.config import load
from bot.drive.sim_venue import ACCOUNT
from bot.drive.simulate import Simulation


def _day(repo_root: Path, tmp_path: Path, convention: str, seed: int, extra: str = "") -> Simulation:
    text = (repo_root / "config/simulate.toml").read_text()
    file = tmp_path / "day.toml"
    file.write_text(text.replace('"options_only"', f'"{convention}"{extra}', 1))
    config = load(file, {"portfolio": repo_root / "config/portfolios/straddle.toml"}, run_tag="sim")
    options = simulated.SimulateOptions(seed=seed, hours=24.0, step_ms=60_000, tape=None, currency="BTC")
    return simulated.simulation_of(config, options)


@pytest.mark.parametrize(
    ("convention", "extra", "treasury_coin"),
    [("usd", "", 0.0), ("usd", "\ntreasury_coin = 40.0", 40.0), ("coin", "", 0.0), ("linear_usd", "", 0.0)],
)
def test_a_day_ends_flat_in_the_delta_that_was_asked_for(
    repo_root: Path, tmp_path: Path, convention: str, extra: str, treasury_coin: float
) -> None:
    """In the band of half a tenth of a coin, and what the venue says of the account agrees."""
    simulation = _day(repo_root, tmp_path, convention, 11, extra)
    result = simulation.run("day")
    venue = simulation._exchange.summary(ACCOUNT, "BTC")
    net = {
        "usd": venue.equity_native + venue.delta_total_coin - treasury_coin,
        "coin": venue.delta_total_coin,
        "linear_usd": venue.delta_total_by_index["btc_usd"],
    }[convention]

    assert (result.convention, result.violations, result.phase) == (convention, (), "running")
    assert result.seconds > 86_000.0
    assert abs(result.net_delta_coin_final or 9.0) <= 0.055
    assert net == pytest.approx(result.net_delta_coin_final, abs=0.02), "the venue's world went on a few seconds"
    assert result.hedges > 20


def test_profit_is_the_change_of_worth_in_the_money_of_the_convention(repo_root: Path, tmp_path: Path) -> None:
    """In dollars: equity times price. In coins: what the account earned. To what sampled funding leaves."""
    for convention in ("usd", "coin"):
        simulation = _day(repo_root, tmp_path, convention, 12)
        seen = []
        keep = simulation.tally.sample

        def sample(status: object, simulation: Simulation = simulation, keep: object = keep, seen: list = seen) -> None:  # type: ignore[type-arg]
            venue = simulation._exchange.summary(ACCOUNT, "BTC")
            seen.append((venue.equity_native, simulation._exchange.index_usd("btc_usd"), status.profit_usd.total))  # type: ignore[attr-defined]
            keep(status)  # type: ignore[operator]

        simulation.tally.sample = sample  # type: ignore[method-assign, assignment]
        simulation.run("day")
        (coin_0, price_0, total_0), (coin_1, price_1, total_1) = seen[30], seen[-1]
        worth = coin_1 * price_1 - coin_0 * price_0 if convention == "usd" else (coin_1 - coin_0) * price_1
        moved = abs(coin_1 * (price_1 - price_0))

        assert total_1 - total_0 == pytest.approx(worth, abs=100.0), convention
        assert moved > 1_000.0, "the collateral did move"
