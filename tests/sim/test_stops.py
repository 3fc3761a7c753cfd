"""An operator stops and resumes on the virtual clock, also in a storm: the process is killed, the stop stays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.app import simulated
from bot.app.config import load
from bot.app.soak import weathered
from bot.domain.stops import Act
from bot.domain.time import NS_PER_S, Ns
from bot.journal.ledger import Ledger
from bot.observe.tally import RunResult
from bot.sim.faults import Fault, FaultKind, FaultLevel

_PAUSED_S, _RESUMED_S, _HOURS = 60, 240, 0.1
_KILLED_S = (100, 150)


def _acts(*acts: tuple[int, Act]) -> tuple[tuple[Ns, Act], ...]:
    return tuple((Ns(after_s * NS_PER_S), act) for after_s, act in acts)


def _run(root: Path, acts: Sequence[Any]) -> RunResult:
    """Six minutes; killed twice while the stop is on, once for a longer time."""
    portfolio = {"portfolio": root / "config/portfolios/straddle.toml"}
    config = load(root / "config/simulate.toml", portfolio, run_tag=simulated.SIMULATION_TAG)
    options = simulated.SimulateOptions(
        seed=3, hours=_HOURS, step_ms=1_000, tape=None, currency="BTC", faults=FaultLevel.STORM, acts=tuple(acts)
    )
    start_ns = simulated.start_ns_of(None)
    kills = [
        Fault(kind=FaultKind.KILLED, start_ns=at, until_ns=Ns(at + NS_PER_S), seed=seed)
        for seed, at in enumerate(Ns(start_ns + after_s * NS_PER_S) for after_s in _KILLED_S)
    ]
    return weathered(config, options, kills)


@pytest.mark.parametrize("act", [Act.PAUSE, Act.REDUCE_ONLY, Act.CANCEL_ALL, Act.FLATTEN_HEDGES])
def test_a_stop_holds_through_a_storm_until_it_is_lifted(repo_root: Path, act: Act) -> None:
    """No order that it forbids, in no process; after the lift the book comes right as ever."""
    result = _run(repo_root, _acts((_PAUSED_S, act), (_RESUMED_S, Act.RESUME)))

    assert result.violations == (), f"{act}: {result}"
    assert result.starts is not None
    assert result.starts > 1, "nothing was killed"
    assert result.orders >= 2


def test_a_ledger_that_forgets_stops_is_found_out(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard can fail: the next process trades, and the invariant knows better."""
    monkeypatch.setattr(Ledger, "stops_on", lambda *_: None)
    result = _run(repo_root, _acts((_PAUSED_S, Act.PAUSE), (_RESUMED_S, Act.RESUME)))

    assert any("left while pause is on" in violation for violation in result.violations), result
