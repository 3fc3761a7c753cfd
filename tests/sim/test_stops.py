"""An operator stops and resumes on the virtual clock, also in a storm: the process is killed, the stop stays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.app import simulated
from bot.app.config import load
from bot.app.soak import weathered
from bot.domain.events import LossesRestored
from bot.domain.stops import Act
from bot.domain.time import NS_PER_S, Ns
from bot.journal.ledger import Ledger
from bot.observe.tally import RunResult
from bot.sim.faults import Fault, FaultKind, FaultLevel

_PAUSED_S, _RESUMED_S, _HOURS = 60, 240, 0.1
_KILLED_S = (100, 150)


def _acts(*acts: tuple[int, Act]) -> tuple[tuple[Ns, Act], ...]:
    return tuple((Ns(after_s * NS_PER_S), act) for after_s, act in acts)


def _run(root: Path, acts: Sequence[Any], **stops: float) -> RunResult:
    """Six minutes; killed twice while the stop is on, once for a longer time."""
    changed = {"portfolio": root / "config/portfolios/straddle.toml", "books": {"btc": {"stops": stops}}}
    config = load(root / "config/simulate.toml", changed, run_tag=simulated.SIMULATION_TAG)
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


def test_losses_of_a_killed_process_are_counted_by_the_next(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each goes on from a count of its predecessor's last seconds, and takes its losses over."""
    found: list[LossesRestored | None] = []
    asked = Ledger.losses_of

    def losses_of(ledger: Ledger, book: str) -> LossesRestored | None:
        found.append(asked(ledger, book))
        return found[-1]

    monkeypatch.setattr(Ledger, "losses_of", losses_of)
    result = _run(repo_root, (), daily_loss_usd_max=1e6)
    first, *later = found

    assert result.violations == ()
    assert (first, len(later)) == (None, len(_KILLED_S))
    start_ns = simulated.start_ns_of(None)
    for restored, killed_s in zip(later, _KILLED_S, strict=True):
        assert restored is not None
        assert 0 <= killed_s - (restored.count.as_of_ns - start_ns) / NS_PER_S <= 6.0
        assert restored.count.day_loss_usd != 0.0
