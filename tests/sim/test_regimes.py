"""Regimes on drawn prices: what changes is noticed, what does not is left alone; and a watched run replays."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from bot.app import compose, simulated
from bot.app.config import load
from bot.domain.reasons import Regime
from bot.drive.moment import sought_from
from bot.drive.replay import replay
from bot.drive.why import why
from bot.observe.explain import as_text
from bot.observe.explained import Explained


@pytest.fixture(scope="module")
def drawn() -> ModuleType:
    """`regime_paths.py`, loaded by its path: tests are no package."""
    spec = importlib.util.spec_from_file_location("regime_paths", Path(__file__).parent / "regime_paths.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "regimes", "within_minutes"),
    [
        ("twice", [Regime.HOT], 8.0),
        ("five", [Regime.HOT, Regime.CRISIS], 10.0),
        ("night", [Regime.CALM], 26.0),
        ("jump", [], 0.0),
    ],
)
def test_a_change_is_noticed_in_minutes(
    drawn: ModuleType, name: str, regimes: list[Regime], within_minutes: float
) -> None:
    """A burst of volatility within ten, a quiet night within half an hour, a jump at its tick and as no regime."""
    noticed = drawn.notice(drawn.PATHS[name], seed=100)
    after = [(minute, regime) for minute, regime in noticed.regimes if minute >= 0.0]

    assert [regime for _, regime in after][: len(regimes)] == regimes
    assert all(minute <= within_minutes for minute, _ in after[: len(regimes)])
    assert [minute for minute, _ in noticed.regimes if minute < 0.0] == []
    if name == "jump":
        assert after == []
        assert 0.0 in noticed.jumps


def test_a_steady_day_is_normal_all_along(drawn: ModuleType) -> None:
    """Not one change of regime in a day whose volatility does not change."""
    assert drawn.notice(drawn.PATHS["quiet"], seed=100).regimes == ()


def test_a_watched_run_replays_and_says_what_it_saw(repo_root: Path, tmp_path: Path) -> None:
    """Every decision and command to the byte; the last one knows the regime and its figures, and tells them."""
    file = tmp_path / "config.toml"
    file.write_text(f"{(repo_root / 'config/simulate.toml').read_text()}\n[books.btc.regime]\nwatch = true\n")
    config = load(file, {"portfolio": repo_root / "config/portfolios/straddle.toml"}, run_tag="sim")
    options = simulated.SimulateOptions(
        seed=1, hours=1.1, step_ms=15_000, tape=None, currency="BTC", tape_out=tmp_path / "run"
    )
    result, _ = compose.simulate(config, options)
    told = why(tmp_path / "run", sought_from("10:05:00"), None)

    assert (result.violations, replay(tmp_path / "run").is_equal) == ((), True)
    assert isinstance(told, Explained)
    features = told.decided.features
    assert features is not None
    assert features.vol_ratio == pytest.approx(1.0, abs=0.5)
    assert features.jump_test_sigmas is not None
    assert f"market {features.regime}: volatility {features.vol_ratio:.2f} times usual" in as_text(told)
