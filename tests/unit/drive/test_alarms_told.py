"""Alarms and halts: explained by a fault of their time, and never missing."""

from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.decided import AlarmRaised, Decided, Outcome, PhaseChanged
from bot.domain.ids import Label
from bot.domain.reasons import Action, HaltCause, Phase, Reason, RefusalKind
from bot.domain.time import NS_PER_S, Ns
from bot.drive.alarms_told import RAISED_BY, AlarmsTold
from bot.engine import Engine
from bot.sim.faults import Fault, FaultKind, Faults

_K = FaultKind


def _told(*kinds: FaultKind) -> AlarmsTold:
    """Faults of these kinds last from second 10 to 20."""
    return AlarmsTold(Faults([Fault(kind=kind, start_ns=_at(10), until_ns=_at(20), seed=1) for kind in kinds]))


def _decided(make: Any, **change: Any) -> Decided:
    """Of an engine that has just begun, changed."""
    engine = Engine(make.book())
    decided = engine.apply(ev.Ticked(now_ns=make.now_ns)).decided
    assert decided is not None
    return structs.replace(decided, **change)


def _at(second: float) -> Ns:
    return Ns(round(second * NS_PER_S))


def _saw(told: AlarmsTold, second: float, *notes: Any, **parts: Any) -> list[str]:
    return list(told.saw(ev.Ticked(now_ns=_at(second)), Outcome(notes=notes, **parts), _at(second)))


@pytest.mark.parametrize(
    ("kind", "second", "is_explained"),
    [
        (_K.MARKET_LOST, 15, True),
        (_K.MARKET_LOST, 100, True),
        (_K.MARKET_LOST, 9, False),
        (_K.MARKET_LOST, 120, False),
        (_K.FUNDING_FLIPPED, 15, False),
    ],
)
def test_an_alarm_needs_a_fault_that_explains_it(kind: FaultKind, second: int, *, is_explained: bool) -> None:
    """Of its kind, while it lasts or soon after."""
    alarm = AlarmRaised(name="stream_lost", detail="market", deadline_ns=None)

    assert (_saw(_told(kind), second, alarm) == []) is is_explained


def test_an_alarm_nobody_declared_is_a_violation() -> None:
    """Whatever went wrong."""
    alarm = AlarmRaised(name="limit_explained", detail="", deadline_ns=None)

    assert "limit_explained" in _saw(_told(*_K), 15, alarm)[0]
    assert "limit_explained" not in RAISED_BY


@pytest.mark.parametrize(
    ("cause", "kind", "is_explained"),
    [
        (HaltCause.JOURNAL_FAILED, _K.LEDGER_FULL, True),
        (HaltCause.JOURNAL_FAILED, _K.REFUSED, False),
        (HaltCause.ORDER_REFUSED, _K.REFUSED, True),
        (HaltCause.POSITION_MISMATCHED, _K.HUMAN_TRADED, False),
        (HaltCause.ORDER_UNRESOLVED, _K.NO_ANSWER, False),
        (HaltCause.ORDER_UNRESOLVED, _K.QUESTIONS_FAIL, True),
    ],
)
def test_a_halt_needs_a_fault_that_demands_it(cause: HaltCause, kind: FaultKind, *, is_explained: bool) -> None:
    """Any other is a violation; all are counted."""
    told = _told(kind)
    halted = PhaseChanged(phase_before=Phase.RUNNING, phase_after=Phase.HALTED, cause=cause, detail="")

    assert (_saw(told, 15, halted) == []) is is_explained
    assert told.halts == {cause.value: 1}


def test_a_refusal_that_passes_by_itself_halts_nothing() -> None:
    """Maintenance is waited for, even where another refusal would have explained a halt."""
    told = _told(_K.REFUSED, _K.MAINTENANCE)
    refused = ev.OrderRefused(
        label=Label("hb1"), received_ns=_at(15), code=11051, name="system_maintenance", kind=RefusalKind.PAUSE
    )
    halted = PhaseChanged(
        phase_before=Phase.RUNNING, phase_after=Phase.HALTED, cause=HaltCause.ORDER_REFUSED, detail=""
    )

    assert any("11051" in found for found in told.saw(refused, Outcome(notes=(halted,)), _at(15)))


def test_a_refusal_that_lasts_is_told_within_ten_seconds(make: Any) -> None:
    """Whatever its reason becomes; once told, or where a human asked for it, silence is right."""

    def refused(told: AlarmsTold, second: float, reason: Reason = Reason.STREAM_LOST, *notes: Any) -> list[str]:
        decided = _decided(make, action=Action.REFUSE, reason=reason, now_ns=_at(second))
        return _saw(told, second, *notes, decided=decided)

    silent, told, asked = (_told(_K.MARKET_LOST) for _ in range(3))
    alarm = AlarmRaised(name="stream_lost", detail="market", deadline_ns=None)

    assert [refused(silent, second) for second in (10, 19)] == [[], []]
    assert "without an alarm" in refused(silent, 20, Reason.NOT_RECONCILED)[0]
    assert refused(silent, 21) == []
    assert [refused(told, 10), refused(told, 20, Reason.STREAM_LOST, alarm), refused(told, 50)] == [[], [], []]
    assert [refused(asked, second, Reason.HALTED) for second in (10, 30)] == [[], []]
