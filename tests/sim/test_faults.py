"""Runs with faults: each alone is felt and comes right, planted bugs are found, and a seed is the same run anywhere."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.app import simulated
from bot.app.config import load
from bot.app.soak import weathered
from bot.domain.time import NS_PER_S, Ns
from bot.execution import lifecycle, reconcile, standing, working
from bot.execution.lifecycle import OrderState, Signal
from bot.journal.ledger import Ledger
from bot.market import quality, view
from bot.observe.tally import RunResult
from bot.risk import positions
from bot.sim.faults import Fault, FaultKind, FaultLevel

_K = FaultKind
_SEED = 3
_MINUTES = 4.0
_TRIES = 12
"""Seeds of its faults within which a planted bug must show."""
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
        options = simulated.SimulateOptions(
            seed=_SEED, hours=_MINUTES / 60, step_ms=1_000, tape=None, currency="BTC", faults=FaultLevel.STORM
        )
        faults = [_fault(kind, from_s, until_s, seed) for kind, from_s, until_s in planned]
        faults += [_fault(_K.HUMAN_TRADED, at_s, at_s + 1, seed=at_s) for at_s in _TRADES_S]
        return weathered(config, options, sorted(faults, key=lambda fault: fault.start_ns))

    return run


@pytest.mark.parametrize("kind", FaultKind)
def test_each_fault_alone_is_felt_and_comes_right(storm: Storm, kind: FaultKind) -> None:
    """No violation on the way, in band and in agreement at the end; it happened, and there was trading."""
    result = storm([(kind, 46.0, 90.0)])
    told = f"{kind}: {result}"

    assert result.violations == (), told
    assert result.faults is not None
    assert result.faults[kind.value] > 0, told
    assert result.orders >= 2, told


def _told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    book = positions.Positions.book

    def twice(self: positions.Positions, fill: Any) -> bool:
        book(self, fill)
        return True

    monkeypatch.setattr(positions.Positions, "book", twice)


def _forgotten_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lifecycle.TABLE[OrderState.IN_FLIGHT], Signal.LOST, OrderState.REFUSED)


def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "_age_verdict", lambda *_: None)


def _never_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing.Standing, "is_up", lambda *_: True)
    blocked = standing.Standing.blocked

    def but_streams(self: standing.Standing, *args: Any) -> Any:
        found = blocked(self, *args)
        return None if found is not None and found[0].value in {"stream_lost", "not_reconciled"} else found

    monkeypatch.setattr(standing.Standing, "blocked", but_streams)


def _halt_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = standing.Standing.blocked

    def but_halts(self: standing.Standing, *args: Any) -> Any:
        found = blocked(self, *args)
        return None if found is not None and found[0].value == "halted" else found

    monkeypatch.setattr(standing.Standing, "blocked", but_halts)


def _intents_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "intents_unresolved", lambda *_: ())


def _gap_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view.MarketView, "distrust", lambda *_: None)


def _looks_bring_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile.Reconciler, "news", lambda *_: [])


def _nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working.WorkingOrders, "due", lambda *_: ([], []))


_BUGS: list[tuple[Callable[[pytest.MonkeyPatch], None], list[tuple[FaultKind, float, float]], str]] = [
    (_told_twice, [(_K.PRIVATE_DUPLICATED, 20, 90)], "booked twice"),
    (_forgotten_unknown, [(_K.REPLY_LOST, 20, 90)], "was known"),
    (_always_fresh, [(_K.FEED_FROZEN, 20, 90)], "on a quote of"),
    (_never_down, [(_K.ACCOUNT_LOST, 20, 90)], "account is down"),
    (_halt_means_nothing, [(_K.LEDGER_FULL, 20, 90)], "an order while halted"),
    (
        _intents_forgotten,
        [(_K.REQUESTS_SLOW, 29, 90), (_K.MAINTENANCE, 29, 33), (_K.KILLED_AFTER_SEND, 34, 90)],
        "may still trade",
    ),
    (_gap_ignored, [(_K.BOOK_GAP, 29.5, 90)], "book with a gap"),
    (_looks_bring_nothing, [(_K.ACCOUNT_LOST, 29.5, 90)], "position_mismatched"),
    (_nothing_is_asked, [(_K.NO_ANSWER, 20, 90)], "order_unresolved"),
]


@pytest.mark.parametrize(("plant", "planned", "word"), _BUGS)
def test_a_planted_bug_is_found(
    storm: Storm,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    planned: list[tuple[FaultKind, float, float]],
    word: str,
) -> None:
    """The checks can fail: each of these engines violates something under the fault that shows it."""
    plant(monkeypatch)

    runs = (storm(planned, seed=seed) for seed in range(1, _TRIES))

    assert any(word in text for result in runs for text in result.violations)


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
    assert first["faults"] == again["faults"]
    assert sum(first["faults"].values()) > 0
    assert first["violations"] == []
