"""What is told and recorded after the orders have left: no failure of words costs the ledger its rows or spins."""

import asyncio
from typing import Any

import pytest

from bot.app import live
from bot.domain import events as ev
from bot.domain.errors import MalformedMessage
from bot.domain.reasons import HaltCause, Phase


@pytest.mark.asyncio
async def test_a_narration_that_fails_halts_and_the_ledger_has_every_row(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in a log line: the fills are in the ledger all the same, and nobody trades on unseen."""
    told = shell.witness.applied

    def fail(book: str, seq: int, event: ev.Event, outcome: Any) -> None:
        told(book, seq, event, outcome)
        if isinstance(event, ev.Filled):
            raise KeyError("amount")

    monkeypatch.setattr(shell.witness, "applied", fail)
    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.HALTED)
        await asyncio.sleep(0.01)

    assert shell.status().phase_cause == HaltCause.TASK_FAILED.value
    recorded = [event for _, event, _ in shell.journal.recorded]
    assert [event.fill_id for event in recorded if isinstance(event, ev.Filled)] == ["T-1"]
    assert any(isinstance(event, ev.OrderUpdated) for event in recorded)
    assert any(isinstance(item[2], ev.HaltRequested) for item in shell.witness.told), "the halt is told"


@pytest.mark.asyncio
async def test_a_broken_ledger_halts_once_and_does_not_spin(shell: Any) -> None:
    """Each record fails: one halt, not one for every halt before."""
    shell.journal.refuses_records = True

    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.HALTED)
        for _ in range(200):
            await asyncio.sleep(0)

    assert sum(isinstance(item[2], ev.HaltRequested) for item in shell.witness.told) == 1


@pytest.mark.asyncio
async def test_a_halt_is_told_even_when_deciding_fails(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision that raises at every tick: the halt reaches log and ledger."""
    engine = shell.engines["BTC"]

    def fail(_: ev.Ticked) -> Any:
        raise AssertionError("band policy gave nonsense")

    monkeypatch.setitem(engine._handlers, ev.Ticked, fail)
    with pytest.raises(AssertionError, match="nonsense"):
        shell.live.sink([ev.HaltRequested(received_ns=shell.make.now_ns, cause=HaltCause.TASK_FAILED, detail="x")])
    await asyncio.sleep(0.01)

    assert [type(item[2]) for item in shell.witness.told] == [ev.HaltRequested]
    assert [type(event) for _, event, _ in shell.journal.recorded] == [ev.HaltRequested]


@pytest.mark.asyncio
async def test_a_listing_that_makes_no_sense_is_asked_for_again(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One odd row among a thousand, met when an option is first seen, is no reason to halt a hedged book."""
    monkeypatch.setattr(live, "_LISTING_PAUSES_S", (0.0, 0.0, 0.0))
    shell.gateway.listed = [MalformedMessage("BTC-X: tick_size is 0.0")]

    async with shell.running(first=shell.first()[:1]):
        await shell.until(lambda: shell.gateway.listings_count == 2)
        await shell.until(lambda: shell.status().phase is not Phase.RECONCILING)
        phase = shell.status().phase

    assert phase is Phase.RUNNING
