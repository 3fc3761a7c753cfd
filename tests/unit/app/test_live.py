"""The asyncio shell: intent, then order, then words; everything that fails halts; every wait is bounded."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from bot.app import live
from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.decided import AlarmRaised
from bot.domain.errors import ConfigError, VenueUnreachable
from bot.domain.ids import InstrumentId
from bot.domain.market_events import FutureMarked, MarketEvent, OptionMarked, Quoted
from bot.domain.reasons import Action, HaltCause, Phase, RefusalKind
from bot.domain.time import Ns
from bot.drive.inbox import ACCOUNT_LANE_MAX
from bot.engine import Engine
from bot.risk.gap import GapParams
from bot.risk.ladder import LadderLimits

CALL = InstrumentId("BTC-27MAR26-100000-C")


class _Taken:
    """A tape of books and events."""

    def __init__(self, taken: list[tuple[str, ev.Event]]) -> None:
        self._taken = taken

    def take(self, book: str, seq: int, event: ev.Event, outcome: object) -> None:
        """Keep it."""
        del seq, outcome
        self._taken.append((book, event))

    def push(self) -> None:
        """Nowhere."""


@pytest.mark.asyncio
async def test_a_tick_becomes_one_hedge_that_is_filled(shell: Any) -> None:
    """From sockets up to a filled hedge: one order, positions as at the venue, nothing left open."""
    async with shell.running():
        await shell.until(lambda: len(shell.status().positions_native) == 2)

    assert len(shell.gateway.placed) == 1
    order = shell.gateway.placed[0]
    assert (order.instrument, order.amount_native < 0) == ("BTC-PERPETUAL", True)
    assert shell.status().positions_native == shell.gateway.positions
    assert (shell.status().orders_live, shell.status().phase) == (0, Phase.STOPPED)


@pytest.mark.asyncio
async def test_the_intent_is_durable_before_the_order_leaves_and_told_after(shell: Any) -> None:
    """Commit, then place, then narrate."""
    async with shell.running():
        await shell.until(lambda: shell.witness.told and shell.gateway.placed)
        await shell.until(lambda: "tell hbrun0000001" in shell.diary)

    steps = [line for line in shell.diary if line.endswith("hbrun0000001")]
    assert steps == ["commit hbrun0000001", "place hbrun0000001", "tell hbrun0000001"]


@pytest.mark.asyncio
async def test_an_intent_that_cannot_be_written_is_not_sent_and_halts(shell: Any) -> None:
    """No order leaves without its intent; the engine learns that it never existed."""
    shell.journal.refuses_intents = True

    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.HALTED)
        status = shell.status()

    assert shell.gateway.placed == []
    assert (status.phase_cause, status.orders_live) == (HaltCause.JOURNAL_FAILED.value, 0)
    told = [event for _, _, event, _ in shell.witness.told if isinstance(event, ev.OrderRefused)]
    assert [(event.label, event.kind) for event in told] == [("hbrun0000001", RefusalKind.BACK_OFF)]


@pytest.mark.asyncio
async def test_a_slow_commit_is_told(shell: Any) -> None:
    """A ledger that stalls delays orders: somebody should know."""
    shell.journal.on_commit = lambda: time.sleep(0.06)

    async with shell.running():
        await shell.until(lambda: bool(shell.gateway.placed))

    assert [seconds >= 0.05 for seconds in shell.witness.stalls_s] == [True]
    assert shell.status().phase is Phase.STOPPED


@pytest.mark.asyncio
async def test_a_commit_over_the_bound_is_not_sent_and_halts(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision behind an intent that took too long is out of date."""
    monkeypatch.setattr(live, "_STALL_HALT_S", 0.02)
    shell.journal.on_commit = lambda: time.sleep(0.06)

    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.HALTED)

    assert shell.gateway.placed == []
    assert (shell.status().phase_cause, shell.status().orders_live) == (HaltCause.JOURNAL_FAILED.value, 0)


@pytest.mark.asyncio
async def test_a_record_that_cannot_be_written_halts(shell: Any) -> None:
    """Without the ledger a restart would not know what happened."""
    shell.journal.refuses_records = True

    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.HALTED)

    assert shell.status().phase_cause == HaltCause.JOURNAL_FAILED.value


@pytest.mark.asyncio
@pytest.mark.parametrize("which", ["market", "account"])
async def test_a_task_that_fails_halts_trading_and_not_the_process(shell: Any, which: str) -> None:
    """A bug in a feed: halted, still deciding and telling, stopped only on request."""
    getattr(shell, which).error = RuntimeError("boom")

    async with shell.running() as task:
        await shell.until(lambda: shell.status().phase is Phase.HALTED)
        seq = shell.status().decided.seq
        await shell.until(lambda: shell.status().decided.seq > seq)
        is_running = not task.done()

    assert is_running
    assert shell.status().phase_cause == HaltCause.TASK_FAILED.value
    assert shell.gateway.placed == []


@pytest.mark.asyncio
async def test_a_gateway_bug_halts(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway promises events; an exception is a bug of ours and the order is in doubt."""
    monkeypatch.setattr(live, "_STOP_S_MAX", 0.2)

    def fail(command: PlaceOrder) -> list[ev.Event]:
        raise KeyError(command.label)

    shell.gateway.answer = fail
    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.HALTED)
        status = shell.status()

    assert (status.phase_cause, status.orders_live) == (HaltCause.TASK_FAILED.value, 1)
    assert len(shell.gateway.placed) == 1


@pytest.mark.asyncio
async def test_an_objection_of_the_venue_for_good_ends_the_run(shell: Any) -> None:
    """A wrong key or the wrong world is the operator's to mend: ConfigError, not a halted process."""
    shell.market.error = ConfigError("venue key: refused with 13004")

    with pytest.raises(ConfigError, match="13004"):
        await shell.live.run(shell.first())

    assert shell.gateway.placed == []
    assert shell.status().phase is Phase.HALTED


@pytest.mark.asyncio
async def test_an_overflow_of_the_account_lane_halts(shell: Any) -> None:
    """Account events would be lost: what is believed of the positions is worth nothing."""
    flood = [shell.make.updated("x", "open")] * (ACCOUNT_LANE_MAX + 1)

    async with shell.running():
        shell.live.sink(flood)
        await shell.until(lambda: shell.status().phase is Phase.HALTED)

    assert shell.status().phase_cause == HaltCause.INBOX_OVERFLOWED.value


@pytest.mark.asyncio
async def test_stopping_waits_for_the_answer_to_an_order(shell: Any) -> None:
    """An order that has left is followed to its end before the process goes."""
    shell.gateway.silence = asyncio.Event()

    async with shell.running() as task:
        await shell.until(lambda: bool(shell.gateway.placed))
        shell.live.request_stop("SIGTERM")
        shell.live.request_stop("SIGTERM")
        await asyncio.sleep(0.1)
        assert not task.done()
        assert shell.status().phase is Phase.STOPPING
        shell.gateway.silence.set()
        await task

    assert (shell.status().phase, shell.status().orders_live) == (Phase.STOPPED, 0)
    assert len(shell.gateway.placed) == 1
    assert shell.status().positions_native == shell.gateway.positions


@pytest.mark.asyncio
async def test_stopping_waits_no_longer_than_its_bound(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that never answers cannot keep the process."""
    monkeypatch.setattr(live, "_STOP_S_MAX", 0.2)
    shell.gateway.silence = asyncio.Event()

    async with shell.running() as task:
        await shell.until(lambda: bool(shell.gateway.placed))
        shell.live.request_stop("SIGTERM")
        async with asyncio.timeout(60.0):
            await task

    assert (shell.status().phase, shell.status().orders_live) == (Phase.STOPPING, 1)


@pytest.mark.asyncio
async def test_nothing_is_placed_once_a_stop_is_asked_for(shell: Any) -> None:
    """A stop before the first decision: no order."""
    shell.live.request_stop("SIGTERM")

    async with shell.running() as task:
        await task

    assert shell.gateway.placed == []


@pytest.mark.asyncio
async def test_held_options_are_watched_and_their_specifications_fetched_with_retries(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instrument listed after the start is subscribed at once and described as soon as the venue answers."""
    monkeypatch.setattr(live, "_LISTING_PAUSES_S", (0.0, 0.0, 0.0))
    shell.gateway.listed = [VenueUnreachable("no route"), VenueUnreachable("no route")]

    async with shell.running(first=shell.first()[:1]):
        await shell.until(lambda: shell.gateway.listings_count == 3)
        shell.live.sink([shell.make.option_marked()])
        await shell.until(lambda: bool(shell.gateway.placed))

    assert shell.market.watched == [CALL]
    assert shell.account.watched == [CALL]
    assert shell.gateway.listings_count == 3


@pytest.mark.asyncio
async def test_a_specification_that_never_comes_is_asked_for_a_bounded_number_of_times(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The book refuses to trade a leg it cannot price; the venue is left alone."""
    monkeypatch.setattr(live, "_LISTING_PAUSES_S", (0.0, 0.0, 0.0))
    shell.gateway.listed = [VenueUnreachable("no route")] * 5

    async with shell.running(first=shell.first()[:1]):
        await shell.until(lambda: shell.gateway.listings_count == 3)
        await asyncio.sleep(0.05)
        decided = shell.status().decided

    assert shell.gateway.listings_count == 3
    assert (shell.gateway.placed, decided.action) == ([], Action.REFUSE)


@pytest.mark.asyncio
async def test_an_unknown_order_is_looked_up_and_never_sent_again(shell: Any) -> None:
    """A lost reply: one order at the venue, asked for by its label."""

    def lost(command: PlaceOrder) -> list[ev.Event]:
        return [ev.OrderUnknown(label=command.label, received_ns=shell.make.now_ns, cause="time-out")]

    shell.gateway.answer = lost
    async with shell.running():
        await shell.until(lambda: "look up hbrun0000001" in shell.diary)

    assert shell.diary.count("place hbrun0000001") == 1


@pytest.mark.asyncio
async def test_a_book_hears_of_its_own_coin_and_of_what_concerns_all(shell: Any, make: Any) -> None:
    """Two books in one process: instruments go to their coin's book, streams and snapshots to both."""
    eth = make.book(book="ETH", hedge_instrument=InstrumentId("ETH-PERPETUAL"), label_prefix="hbeth")
    shell.engines["ETH"] = Engine(eth)
    shell.live = shell.driver()
    taken: list[tuple[str, ev.Event]] = []
    shell.live.tape_on(_Taken(taken))

    async with shell.running(first=[]):
        await shell.until(lambda: any(isinstance(event, ev.SnapshotTaken) for _, event in taken))
        shell.live.sink([make.future_marked("ETH-PERPETUAL")])

    def heard(kind: type) -> set[str]:
        return {book for book, event in taken if isinstance(event, kind)}

    assert heard(OptionMarked) == {"BTC"}
    assert heard(FutureMarked) == {"BTC", "ETH"}
    assert {book for book, event in taken if event == make.future_marked()} == {"BTC"}
    assert heard(ev.StreamRestored) == heard(ev.SnapshotTaken) == heard(ev.Ticked) == {"BTC", "ETH"}


@pytest.mark.asyncio
async def test_everything_applied_is_told_and_recorded_once_in_order(shell: Any) -> None:
    """Sequence numbers have no gap but where market events passed: what the engine saw is what was written."""
    async with shell.running():
        await shell.until(lambda: bool(shell.gateway.placed))

    market = set(MarketEvent.__args__)
    seqs = [at for at, kind in enumerate(shell.witness.kinds, start=1) if kind not in market]
    assert [seq for _, seq, _, _ in shell.witness.told] == seqs
    assert market & set(shell.witness.kinds)
    assert [item[1] for item in shell.journal.recorded] == [item[2] for item in shell.witness.told]
    assert shell.journal.flushes_count > 0


@pytest.mark.asyncio
async def test_what_comes_after_the_end_is_not_applied(shell: Any) -> None:
    """The lease lives a moment longer than the run: what nobody counts must not be on the tape either."""
    async with shell.running():
        await shell.until(lambda: bool(shell.witness.told))
    told, status = len(shell.witness.told), shell.status()

    shell.live.heed((ev.LeaseHeld(until_ns=Ns(10**18), received_ns=Ns(10**17)),))

    assert shell.status() == status
    assert len(shell.witness.told) == told


@pytest.mark.asyncio
async def test_a_burst_is_decided_on_once(shell: Any) -> None:
    """All events of one frame are applied before the one tick."""
    async with shell.running():
        await shell.until(lambda: len(shell.status().positions_native) == 2)
        before = len(shell.witness.kinds)
        shell.live.sink([shell.make.option_marked(), shell.make.future_marked(), shell.make.quoted()])
        await shell.until(lambda: len(shell.witness.kinds) >= before + 4)

    kinds = shell.witness.kinds[before:]
    place = kinds.index(OptionMarked)
    assert kinds[place : place + 4] == [OptionMarked, FutureMarked, Quoted, ev.Ticked]


@pytest.mark.asyncio
async def test_a_lost_account_stream_stops_trading_and_reconciles_when_it_is_back(
    shell_with: Callable[..., Any],
) -> None:
    """Things may have happened unseen: nothing is placed before the account was looked at again."""
    shell = shell_with(band=_wide())
    async with shell.running():
        await shell.until(lambda: shell.status().phase is Phase.RUNNING)
        lost = ev.StreamLost(stream=ev.StreamName.ACCOUNT, received_ns=shell.make.now_ns, cause="closed")
        shell.live.sink([lost])
        assert shell.status().phase is Phase.RECONCILING
        snapshots = shell.diary.count("snapshot")
        shell.live.sink([ev.StreamRestored(stream=ev.StreamName.ACCOUNT, received_ns=shell.make.now_ns)])
        await shell.until(lambda: shell.status().phase is Phase.RUNNING)

    assert shell.diary.count("snapshot") > snapshots
    assert not any(isinstance(note, AlarmRaised) for _, _, _, outcome in shell.witness.told for note in outcome.notes)


def _wide() -> object:
    from bot.hedging.bands import fixed  # noqa: PLC0415 - one test needs it

    return fixed.Params(low_coin_per_option_coin=-1.0, high_coin_per_option_coin=1.0)


@pytest.mark.asyncio
async def test_the_ladder_is_measured_off_the_loop_and_comes_back_as_an_event(shell: Any) -> None:
    """Asked by a tick, measured in a thread, applied and told like every other event."""
    shell.engines = {"BTC": Engine(shell.make.book(gap=GapParams(interval_ns=Ns(0), limits=LadderLimits())))}
    shell.live = shell.driver()

    async with shell.running():
        await shell.until(lambda: shell.status().ladder is not None)

    told = [event for _, _, event, _ in shell.witness.told if isinstance(event, ev.LadderMeasured)]
    assert shell.status().ladder in told
