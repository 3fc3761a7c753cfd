"""Runs at wire depth with faults: each alone is felt and comes right, and a planted bug is found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app.config import load
from bot.app.simulated import SIMULATION_START_NS, SimulateOptions
from bot.app.wire_run import wire_run_of
from bot.domain.errors import VenueUnreachable
from bot.domain.time import NS_PER_S, Ns
from bot.observe.tally import RunResult
from bot.sim.faults import WIRE_KINDS, Fault, FaultKind, FaultLevel
from bot.venues import ccxt_client

_TRADES_S = (30, 45, 60, 75)
"""A human trades then, so that there are hedges."""
_OVER_A_SOCKET, _THROUGH_CCXT = 1, 2
"""Seeds whose orders go this way."""

Storm = Callable[..., RunResult]


def _fault(kind: FaultKind, start_s: float, until_s: float, seed: int = 1) -> Fault:
    begin, end = (Ns(SIMULATION_START_NS + round(at_s * NS_PER_S)) for at_s in (start_s, until_s))
    return Fault(kind=kind, start_ns=begin, until_ns=end, seed=seed)


@pytest.fixture
def storm(repo_root: Path, tmp_path: Path) -> Storm:
    """A run of some minutes with one kind of fault, and a human who trades."""
    portfolio = {"portfolio": repo_root / "config/portfolios/call.toml"}
    config = load(repo_root / "config/simulate.toml", portfolio, run_tag="sim")

    def run(kind: FaultKind, *, seed: int) -> RunResult:
        options = SimulateOptions(
            seed=seed, hours=0.06, step_ms=2_000, tape=None, currency="BTC", faults=FaultLevel.HEAVY, is_wire=True
        )
        faults = [_fault(kind, 40.0, 80.0)]
        faults += [_fault(FaultKind.HUMAN_TRADED, at_s, at_s + 1, seed=at_s) for at_s in _TRADES_S]
        return wire_run_of(config, options, sorted(faults, key=lambda fault: fault.start_ns), tmp_path).run("simulate")

    return run


@pytest.mark.parametrize("kind", WIRE_KINDS)
def test_each_fault_alone_is_felt_and_comes_right(storm: Storm, kind: FaultKind) -> None:
    """No violation on the way, in band and in agreement at the end; it happened, and there was trading."""
    result = storm(kind, seed=_OVER_A_SOCKET if list(WIRE_KINDS).index(kind) % 2 else _THROUGH_CCXT)
    told = f"{kind}: {result}"

    assert result.violations == (), told
    assert result.faults is not None
    assert result.faults[kind.value] > 0, told
    assert result.orders >= 2, told


def test_an_order_sent_again_after_silence_is_found(storm: Storm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard can fail: the client planted here takes a lost reply for a request that never left."""
    monkeypatch.setattr(ccxt_client, "_untold", lambda method, error: VenueUnreachable(f"{method}: {error}"))
    result = storm(FaultKind.REPLY_LOST, seed=_THROUGH_CCXT)

    assert any("was known" in violation for violation in result.violations), result
