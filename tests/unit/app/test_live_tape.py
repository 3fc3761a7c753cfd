"""The tape beside the ledger: what led to an order is out of a kill's reach before its intent is written."""

from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.decided import Outcome
from bot.domain.errors import JournalError
from bot.domain.market_events import MarketEvent, OptionMarked, Quoted
from bot.domain.reasons import HaltCause, Phase


class FakeTape:
    """A tape in memory that can fail; says in the diary what it was given."""

    def __init__(self, diary: list[str]) -> None:
        self._diary = diary
        self._pending: list[tuple[str, int, ev.Event, Outcome | None]] = []
        self.pushed: list[tuple[str, int, ev.Event, Outcome | None]] = []
        self.is_broken = False

    def take(self, book: str, seq: int, event: ev.Event, outcome: Outcome | None) -> None:
        """Held back until the push."""
        self._pending.append((book, seq, event, outcome))

    def push(self) -> None:
        """Out of reach, or not."""
        pending, self._pending = self._pending, []
        if self.is_broken:
            raise JournalError("tape: the disk is full")
        self.pushed += pending
        for _, _, _, outcome in pending:
            commands = () if outcome is None else outcome.commands
            self._diary += [f"push {command.label}" for command in commands if hasattr(command, "label")]


@pytest.fixture
def tape(shell: Any) -> FakeTape:
    """The tape of the driver."""
    fake = FakeTape(shell.diary)
    shell.live.tape_on(fake)
    return fake


@pytest.mark.asyncio
async def test_an_order_is_on_the_tape_before_its_intent_and_before_it_leaves(shell: Any, tape: FakeTape) -> None:
    """Push, commit, place."""
    async with shell.running():
        await shell.until(lambda: bool(shell.gateway.placed))

    steps = [line for line in shell.diary if line.endswith("hbrun0000001") and not line.startswith("tell")]
    assert steps == ["push hbrun0000001", "commit hbrun0000001", "place hbrun0000001"]
    assert tape.pushed


@pytest.mark.asyncio
async def test_everything_applied_is_on_the_tape_once_in_order(shell: Any, tape: FakeTape) -> None:
    """The same events and outcomes as are told, ticks and what passes too, none missing at the end."""
    async with shell.running():
        await shell.until(lambda: bool(shell.gateway.placed))

    assert [type(event) for _, _, event, _ in tape.pushed] == shell.witness.kinds
    assert [entry for entry in tape.pushed if not isinstance(entry[2], MarketEvent)] == shell.witness.told
    assert {ev.Ticked, OptionMarked, ev.SnapshotTaken, ev.StopRequested} <= set(shell.witness.kinds)


@pytest.mark.asyncio
async def test_without_a_tape_no_order_leaves_and_trading_halts(shell: Any, tape: FakeTape) -> None:
    """An order that could not be explained is not sent; the ledger still gets its rows."""
    tape.is_broken = True

    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.HALTED)
        await shell.until(lambda: any(isinstance(event, ev.HaltRequested) for _, event, _ in shell.journal.recorded))

    assert (shell.gateway.placed, shell.status().phase_cause) == ([], HaltCause.JOURNAL_FAILED.value)
    assert not [line for line in shell.diary if line.startswith("commit")]


@pytest.mark.asyncio
async def test_a_tape_that_breaks_later_halts_once(shell: Any, tape: FakeTape) -> None:
    """Between two orders: found at the next push, asked for one time only."""
    async with shell.running():
        await shell.until(lambda: len(shell.status().positions_native) == 2)
        tape.is_broken = True
        await shell.until(lambda: shell.status().phase is Phase.HALTED)
        seq = shell.status().decided.seq
        await shell.until(lambda: shell.status().decided.seq > seq + 5)

    halts = [event for _, _, event, _ in shell.witness.told if isinstance(event, ev.HaltRequested)]
    assert [(halt.cause, halt.detail) for halt in halts] == [(HaltCause.JOURNAL_FAILED, "tape: the disk is full")]


@pytest.mark.asyncio
async def test_the_event_an_engine_fails_on_is_on_the_tape(
    shell: Any, tape: FakeTape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its number and without an outcome; trading halts, and the numbers have no gap."""

    def fail(event: ev.QuoteDistrusted) -> Outcome:
        raise KeyError(event.instrument)

    monkeypatch.setitem(shell.engines["BTC"]._handlers, Quoted, fail)
    async with shell.running():
        await shell.until(lambda: bool(shell.gateway.placed))
        with pytest.raises(KeyError):
            shell.live.sink([shell.make.quoted()])
        await shell.until(lambda: any(isinstance(item[2], Quoted) for item in tape.pushed))

    assert [outcome for _, _, event, outcome in tape.pushed if isinstance(event, Quoted)] == [None]
    assert [seq for _, seq, _, _ in tape.pushed] == list(range(1, len(tape.pushed) + 1))
