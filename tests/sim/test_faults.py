"""Runs with faults: each alone is felt and comes right, and a seed is the same run anywhere."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bot.app import simulated
from bot.app.config import load
from bot.app.soak import replayed, weathered, world_of
from bot.domain.time import NS_PER_S, Ns
from bot.observe.tally import RunResult
from bot.sim.faults import ENGINE_KINDS, Fault, FaultKind, FaultLevel

_K = FaultKind
_SEED = 3
_RESTING_SEED = 1
"""A world in which a hedge rests long enough to be taken back."""
_MINUTES = 4.0
_TRADES_S = (30, 42, 55, 70, 100)
"""A human trades then, so that there are hedges."""

Storm = Callable[..., RunResult]


def _fault(kind: FaultKind, start_s: float, until_s: float, seed: int = 1) -> Fault:
    start_ns = simulated.SIMULATION_START_NS
    begin, end = (Ns(start_ns + round(at_s * NS_PER_S)) for at_s in (start_s, until_s))
    return Fault(kind=kind, start_ns=begin, until_ns=end, seed=seed)


@pytest.fixture
def storm(repo_root: Path) -> Storm:
    """A run of some minutes with these faults, by kind and the second they begin and end, and a human who trades."""

    def run(planned: Sequence[tuple[FaultKind, float, float]], *, seed: int = 1) -> RunResult:
        portfolio = {"portfolio": repo_root / "config/portfolios/straddle.toml"}
        config = load(repo_root / "config/simulate.toml", portfolio, run_tag=simulated.SIMULATION_TAG)
        rests = any(kind is _K.ORDER_CANCELLED for kind, _, _ in planned)
        options = simulated.SimulateOptions(
            seed=_RESTING_SEED if rests else _SEED,
            hours=_MINUTES / 60,
            step_ms=1_000,
            tape=None,
            currency="BTC",
            faults=FaultLevel.STORM,
        )
        faults = [_fault(kind, from_s, until_s, seed) for kind, from_s, until_s in planned]
        faults += [_fault(_K.HUMAN_TRADED, at_s, at_s + 1, seed=at_s) for at_s in _TRADES_S]
        return weathered(
            world_of(config, 1) if rests else config, options, sorted(faults, key=lambda fault: fault.start_ns)
        )

    return run


@pytest.mark.parametrize("kind", ENGINE_KINDS)
def test_each_fault_alone_is_felt_and_comes_right(storm: Storm, kind: FaultKind) -> None:
    """No violation on the way, in band and in agreement at the end; it happened, and there was trading."""
    result = storm([(kind, 46.0, 90.0)])
    told = f"{kind}: {result}"

    assert result.violations == (), told
    assert result.faults is not None
    assert result.faults[kind.value] > 0, told
    assert result.orders >= 2, told


def test_the_same_seed_is_the_same_run_whatever_the_order_of_hashes(repo_root: Path) -> None:
    """By the command line, in two processes with other hash seeds: the same trace, faults included."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEBOT_")}
    command = [sys.executable, "-m", "bot", "simulate", "--seed", "7", "--faults", "storm", "--hours", "0.1", "--json"]
    traces = []
    for salt in ("1", "4242"):
        said = subprocess.run(
            command, cwd=repo_root, env=clean | {"PYTHONHASHSEED": salt}, capture_output=True, check=True, timeout=60
        )
        traces.append(json.loads(said.stdout.splitlines()[-1]))

    first, again = traces
    assert first["trace_hash"] == again["trace_hash"]
    assert first["command_hash"] == again["command_hash"]
    assert first["faults"] == again["faults"]
    assert sum(first["faults"].values()) > 0
    assert first["violations"] == []


def test_what_was_violated_once_is_not_again(repo_root: Path) -> None:
    """Every file that `hedgebot soak --keep tests/regression` left: the faults a seed needed, on the code as it is."""
    files = sorted((repo_root / "tests/regression").glob("*.json"))
    found = {file.name: replayed(file, repo_root / "config/simulate.toml").violations for file in files}

    assert found
    assert not any(found.values()), found
