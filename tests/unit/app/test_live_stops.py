"""Stops in the live driver: durable before anything follows, and a ledger that fails makes things no worse."""

from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.reasons import HaltCause, Phase
from bot.domain.stops import Act, Latch, StopKind
from bot.domain.time import Ns


def _act(act: Act, now_ns: Ns) -> ev.OperatorActed:
    return ev.OperatorActed(act=act, by="ann", reason="lunch", received_ns=now_ns)


def _restored(kind: StopKind, cause: str, now_ns: Ns) -> ev.StopsRestored:
    latch = Latch(kind=kind, cause=cause, since_ns=now_ns, by="ann", detail="lunch")
    return ev.StopsRestored(book="BTC", latches=(latch,), received_ns=now_ns)


@pytest.mark.asyncio
async def test_a_stop_and_its_lift_are_durable_before_the_next_order(shell: Any, now_ns: Ns) -> None:
    """Begins paused by the last run; the lift is written, then the intent."""
    first = [*shell.first(), _restored(StopKind.PAUSE, "operator", now_ns)]
    async with shell.running(first):
        await shell.until(lambda: shell.status().is_reconciled)
        paused = list(shell.gateway.placed)
        shell.live.sink([_act(Act.RESUME, now_ns)])
        await shell.until(lambda: len(shell.status().positions_native) == 2)
        shell.live.sink([_act(Act.PAUSE, now_ns)])

    assert paused == []
    steps = [line for line in shell.diary if line.startswith(("StopL", "commit", "place"))]
    assert steps == ["StopLifted BTC", "commit hbrun0000001", "place hbrun0000001", "StopLatched BTC"]


@pytest.mark.asyncio
async def test_every_halt_is_written_as_a_stop(shell: Any) -> None:
    """A restart then begins halted."""
    shell.account.error = RuntimeError("boom")
    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.HALTED)

    assert "StopLatched BTC" in shell.diary
    assert [latch.cause for latch in shell.status().stops] == [HaltCause.TASK_FAILED.value]


@pytest.mark.asyncio
async def test_a_stop_that_cannot_be_written_halts_as_well(shell: Any, now_ns: Ns) -> None:
    """It holds in this process all the same; asked for once, however often writing fails."""
    shell.journal.refuses_stops = True
    async with shell.running([*shell.first(), _restored(StopKind.PAUSE, "operator", now_ns)]):
        await shell.until(lambda: shell.status().is_reconciled)
        shell.live.sink([_act(Act.PAUSE, Ns(now_ns + 1))])
        await shell.until(lambda: shell.status().phase is Phase.HALTED)

    assert shell.gateway.placed == []
    assert [latch.cause for latch in shell.status().stops] == ["operator", HaltCause.JOURNAL_FAILED.value]
    asked = [event for _, _, event, _ in shell.witness.told if isinstance(event, ev.HaltRequested)]
    assert [event.cause for event in asked] == [HaltCause.JOURNAL_FAILED]


@pytest.mark.asyncio
async def test_a_failure_after_a_lift_halts_again(shell: Any, now_ns: Ns) -> None:
    """What halts once only is armed anew by the lift."""
    shell.journal.refuses_records = True
    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.HALTED)
        shell.live.sink([_act(Act.RESUME, now_ns)])
        await shell.until(lambda: len(shell.status().stops) == 1 and shell.status().phase is Phase.HALTED)
        asked = [event for _, _, event, _ in shell.witness.told if isinstance(event, ev.HaltRequested)]
        await shell.until(lambda: len([e for _, _, e, _ in shell.witness.told if isinstance(e, ev.HaltRequested)]) == 2)

    assert 1 <= len(asked) <= 2


@pytest.mark.asyncio
async def test_what_escapes_while_an_operator_is_answered_halts(shell: Any, now_ns: Ns) -> None:
    """A web server would only write it down: events taken with the act are lost, and the process is not what it was."""
    engine = shell.engines["BTC"]
    apply, refused = engine.apply, list[ev.Event]()

    def once(event: ev.Event) -> Any:
        if isinstance(event, ev.OperatorActed) and not refused:
            refused.append(event)
            raise RuntimeError("boom")
        return apply(event)

    engine.apply = once
    async with shell.running():
        await shell.until(lambda: shell.status().is_reconciled)
        with pytest.raises(RuntimeError, match="boom"):
            shell.live.heed((_act(Act.PAUSE, now_ns),))
        status = shell.status()

    assert status.phase is Phase.HALTED
    assert [latch.cause for latch in status.stops] == [HaltCause.TASK_FAILED.value]
