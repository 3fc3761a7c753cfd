import shutil
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.commands import PlaceOrder
from bot.domain.decided import NOTHING, Decided, FillBooked, Outcome, PhaseChanged
from bot.domain.errors import JournalError
from bot.domain.events import (
    Event,
    Filled,
    IntentRestored,
    LedgerRestored,
    OrderAbsent,
    OrderAcked,
    OrderRefused,
    OrderUnknown,
    OrderUpdated,
    SnapshotTaken,
    Ticked,
)
from bot.domain.ids import FillId, InstrumentId, Label, OrderId
from bot.domain.reasons import Action, Phase, Reason, RefusalKind
from bot.domain.seen import PositionSeen, VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.journal import ledger as ledger_module
from bot.journal.ledger import Ledger
from bot.journal.reader import LedgerReader

_LABEL = Label("hbr10000001")
_AGREED = PhaseChanged(phase_before=Phase.RECONCILING, phase_after=Phase.RUNNING, cause="reconciled", detail="")


def _acked() -> OrderAcked:
    return OrderAcked(label=_LABEL, order_id=OrderId("7"), received_ns=Ns(10))


def _refused() -> OrderRefused:
    return OrderRefused(
        label=_LABEL, received_ns=Ns(10), code=10009, name="not_enough_funds", kind=RefusalKind.NO_FUNDS
    )


def _unknown() -> OrderUnknown:
    return OrderUnknown(label=_LABEL, received_ns=Ns(10), cause="timeout")


def _absent() -> OrderAbsent:
    return OrderAbsent(label=_LABEL, received_ns=Ns(11))


def _updated(state: VenueOrderState) -> OrderUpdated:
    return OrderUpdated(
        label=_LABEL,
        order_id=OrderId("7"),
        instrument=InstrumentId("BTC-PERPETUAL"),
        state=state,
        filled_native=Decimal(0),
        received_ns=Ns(12),
        venue_ns=Ns(11),
    )


def _snapshot(*positions: tuple[str, str], fills: tuple[Filled, ...] = ()) -> SnapshotTaken:
    seen = [PositionSeen(instrument=InstrumentId(name), amount_native=Decimal(amount)) for name, amount in positions]
    return SnapshotTaken(positions=tuple(seen), open_orders=(), fills=fills, requested_ns=Ns(20), received_ns=Ns(30))


def _booked(fill: Filled, position: str) -> FillBooked:
    return FillBooked(
        fill_id=fill.fill_id,
        label=fill.label,
        instrument=fill.instrument,
        amount_native=fill.amount_native,
        price_native=fill.price_native,
        fee_native=fill.fee_native,
        fee_currency=fill.fee_currency,
        position_native=Decimal(position),
        slippage_usd=-1.5,
    )


def test_an_intent_is_on_disk_when_the_call_returns(
    url: str,
    tmp_path: Path,
    open_ledger: Callable[..., Ledger],
    order: Callable[..., PlaceOrder],
    decided: Callable[..., Decided],
) -> None:
    """The files as a kill would leave them hold the order and its decision."""
    open_ledger().commit_intents([order()], decided())
    left = tmp_path / "left"
    shutil.copytree(Path(url.removeprefix("sqlite:///")).parent, left)
    reader = LedgerReader.open(f"sqlite:///{left}/ledger.db")
    labels, decisions = [row.label for row in reader.orders()], reader.decisions()
    reader.close()

    assert (left / "ledger.db-wal").stat().st_size > 0
    assert (labels, decisions) == ([_LABEL], (decided(),))


def test_two_orders_of_one_decision_are_written_together(
    open_ledger: Callable[..., Ledger], order: Callable[..., PlaceOrder], decided: Callable[..., Decided]
) -> None:
    """One transaction: a label used before undoes all of it, and nothing may leave."""
    ledger = open_ledger()
    ledger.commit_intents([order()], decided())
    with pytest.raises(JournalError, match="cannot be written: UNIQUE constraint failed"):
        ledger.commit_intents([order(label="hbr10000002"), order()], decided(seq=2))

    assert ledger.labels_used("hb") == {_LABEL}
    assert [item.seq for item in ledger.reader().decisions()] == [1]


def test_a_label_is_never_used_twice(
    open_ledger: Callable[..., Ledger], order: Callable[..., PlaceOrder], decided: Callable[..., Decided]
) -> None:
    """Not even by another run."""
    open_ledger("r1").commit_intents([order()], decided())
    second = open_ledger("r2")

    with pytest.raises(JournalError, match="UNIQUE"):
        second.commit_intents([order()], decided())


def test_a_decision_without_an_order_is_no_intent(
    open_ledger: Callable[..., Ledger], decided: Callable[..., Decided]
) -> None:
    """A bug upstream is stopped."""
    with pytest.raises(AssertionError, match="has no order"):
        open_ledger().commit_intents([], decided())


def test_a_ledger_that_cannot_be_written_stops_the_order(
    open_ledger: Callable[..., Ledger], order: Callable[..., PlaceOrder], decided: Callable[..., Decided]
) -> None:
    """Disk full: a typed error with the next step; the ledger works again once there is room."""
    ledger = open_ledger()
    raw = ledger._transactions.connection
    raw.exec_driver_sql("PRAGMA max_page_count=1")
    with pytest.raises(JournalError, match="free disk space or unlock it"):
        ledger.commit_intents([order(label="hbr10000009")], decided(seq=9, detail="x" * 100_000))
    raw.exec_driver_sql("PRAGMA max_page_count=1000000")
    ledger.commit_intents([order()], decided())

    assert ledger.labels_used("hbr1") == {_LABEL}


def test_two_processes_cannot_write_at_once(
    url: str,
    open_ledger: Callable[..., Ledger],
    order: Callable[..., PlaceOrder],
    decided: Callable[..., Decided],
) -> None:
    """A lock held by somebody else is an error, not an endless wait."""
    ledger = open_ledger()
    ledger._transactions.connection.exec_driver_sql("PRAGMA busy_timeout=1")
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="locked"):
        ledger.commit_intents([order()], decided())
    other.close()


def test_the_same_fill_is_written_once(open_ledger: Callable[..., Ledger], fill: Callable[..., Filled]) -> None:
    """From the stream, from a look-up and from a snapshot, in this run and in the next."""
    first = open_ledger("r1")
    first.record("BTC", fill(), Outcome(notes=(_booked(fill(), "-6200"),)))
    first.record("BTC", fill(received_ns=Ns(2_500)), NOTHING)
    first.record("BTC", _snapshot(("BTC-PERPETUAL", "-6200"), fills=(fill(),)), NOTHING)
    first.close()
    second = open_ledger("r2")
    second.record("BTC", fill(received_ns=Ns(9_000)), NOTHING)

    assert second.fill_ids() == (FillId("BTC-77"),)
    assert [(row.run_id, row.received_ns, row.slippage_usd) for row in second.fills()] == [("r1", 2_000, -1.5)]


def test_a_fill_is_written_under_the_book_that_booked_it(
    open_ledger: Callable[..., Ledger], fill: Callable[..., Filled]
) -> None:
    """Even when another book heard of it first."""
    ledger = open_ledger()
    ledger.record("ETH", fill(), NOTHING)
    ledger.record("BTC", fill(), Outcome(notes=(_booked(fill(), "-6200"),)))
    ledger.record("ETH", fill(), NOTHING)

    assert [(row.book, row.slippage_usd) for row in ledger.fills()] == [("BTC", -1.5)]


@pytest.mark.parametrize(
    ("heard", "is_resolved"),
    [
        ([], False),
        ([_acked()], False),
        ([_unknown()], False),
        ([_updated(VenueOrderState.OPEN)], False),
        ([_acked(), _unknown(), _updated(VenueOrderState.OPEN)], False),
        ([_refused()], True),
        ([_absent()], True),
        ([_updated(VenueOrderState.FILLED)], True),
        ([_updated(VenueOrderState.CANCELLED)], True),
        ([_updated(VenueOrderState.REJECTED)], True),
        ([_unknown(), _absent()], True),
        # late words do not reopen what is closed
        ([_updated(VenueOrderState.FILLED), _acked(), _updated(VenueOrderState.OPEN), _unknown()], True),
    ],
)
def test_an_order_without_a_known_end_comes_back(
    open_ledger: Callable[..., Ledger],
    order: Callable[..., PlaceOrder],
    decided: Callable[..., Decided],
    heard: list[Event],
    *,
    is_resolved: bool,
) -> None:
    """The next run looks it up; one with a known end is left alone."""
    first = open_ledger("r1")
    first.commit_intents([order()], decided())
    for event in heard:
        first.record("BTC", event, NOTHING)
    first.flush()
    second = open_ledger("r2", started_ns=Ns(90_000))
    restored = IntentRestored(
        label=_LABEL,
        instrument=InstrumentId("BTC-PERPETUAL"),
        amount_native=Decimal(-6200),
        price_native=Decimal("96950.5"),
        valid_until_ns=Ns(3_000),
        received_ns=Ns(90_000),
    )

    assert second.intents_unresolved() == (() if is_resolved else (restored,))
    assert second.intents_unresolved("BTC") == second.intents_unresolved()
    assert second.intents_unresolved("ETH") == ()
    assert first.intents_unresolved() == ()


def test_an_order_resolved_by_a_later_run_does_not_come_back(
    open_ledger: Callable[..., Ledger], order: Callable[..., PlaceOrder], decided: Callable[..., Decided]
) -> None:
    """Whoever found out, it is known."""
    open_ledger("r1").commit_intents([order()], decided())
    second = open_ledger("r2")
    second.record("BTC", _absent(), NOTHING)
    second.close()

    assert open_ledger("r3").intents_unresolved() == ()


def test_decisions_are_written_when_they_say_something_new(
    open_ledger: Callable[..., Ledger], order: Callable[..., PlaceOrder], decided: Callable[..., Decided]
) -> None:
    """Skips and refusals on change and once a minute, hedges always and once."""
    ledger = open_ledger()
    second = NS_PER_S
    told = [
        decided(seq=1, action=Action.SKIP, reason=Reason.INSIDE_BAND, now_ns=Ns(0)),
        decided(seq=2, action=Action.SKIP, reason=Reason.INSIDE_BAND, now_ns=Ns(59 * second)),
        decided(seq=3, action=Action.SKIP, reason=Reason.INSIDE_BAND, now_ns=Ns(60 * second)),
        decided(seq=4, action=Action.SKIP, reason=Reason.ORDER_PENDING, now_ns=Ns(61 * second)),
        decided(seq=5, action=Action.REFUSE, reason=Reason.STREAM_LOST, now_ns=Ns(62 * second)),
        decided(seq=6, action=Action.SKIP, reason=Reason.INSIDE_BAND, now_ns=Ns(63 * second)),
        decided(seq=1, book="ETH", action=Action.SKIP, reason=Reason.INSIDE_BAND, now_ns=Ns(64 * second)),
        decided(seq=7, now_ns=Ns(65 * second)),
        decided(seq=8, now_ns=Ns(66 * second)),
    ]
    for item in told:
        if item.action is Action.HEDGE:
            ledger.commit_intents([order(label=f"hbr1{item.seq:07d}")], item)
        ledger.record(item.book, Ticked(now_ns=item.now_ns), Outcome(decided=item))

    expected = [("BTC", 1), ("BTC", 3), ("BTC", 4), ("BTC", 5), ("BTC", 6), ("ETH", 1), ("BTC", 7), ("BTC", 8)]
    assert expected == [(item.book, item.seq) for item in ledger.reader().decisions()]


def test_rows_wait_for_a_flush_but_not_for_ever(
    url: str, open_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The buffer is bounded: when it is full it is written."""
    monkeypatch.setattr(ledger_module, "BUFFER_ROWS_MAX", 3)
    ledger = open_ledger()
    counts = []
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        for _ in range(4):
            ledger.record("BTC", _unknown(), NOTHING)
            counts.append(raw.execute("SELECT count(*) FROM order_events").fetchone()[0])
        ledger.flush()
        counts.append(raw.execute("SELECT count(*) FROM order_events").fetchone()[0])
    raw.close()

    assert counts == [0, 0, 3, 3, 4]


def test_an_order_event_told_to_every_book_is_written_once(url: str, open_ledger: Callable[..., Ledger]) -> None:
    """The driver hands each event to all books; the same words heard again are another row."""
    ledger = open_ledger()
    for event in (_acked(), _acked()):
        ledger.record("BTC", event, NOTHING)
        ledger.record("ETH", event, NOTHING)
    ledger.flush()
    raw = sqlite3.connect(url.removeprefix("sqlite:///"))
    count = raw.execute("SELECT count(*) FROM order_events").fetchone()[0]
    raw.close()

    assert count == 2


def test_a_book_that_never_agreed_with_the_venue_has_nothing_to_restore(
    open_ledger: Callable[..., Ledger], fill: Callable[..., Filled]
) -> None:
    """Fills alone say nothing about what was there before them."""
    first = open_ledger("r1")
    first.record("BTC", fill(), Outcome(notes=(_booked(fill(), "-6200"),)))

    assert first.restored("BTC") is None


def test_a_book_is_restored_as_the_ledger_ends(open_ledger: Callable[..., Ledger], fill: Callable[..., Filled]) -> None:
    """The venue's positions at the agreement, moved by fills since; other books and flat ones left out."""
    first = open_ledger("r1")
    agreed = Outcome(notes=(_AGREED,))
    option = "BTC-27MAR26-100000-C"
    first.record("BTC", _snapshot(("BTC-PERPETUAL", "1000"), (option, "0.5"), ("ETH-PERPETUAL", "9")), agreed)
    first.record("BTC", fill(), Outcome(notes=(_booked(fill(), "-5200"),)))
    first.flush()
    second = open_ledger("r2", started_ns=Ns(70_000))
    known = second.restored("BTC")
    second.record("BTC", _snapshot(("BTC-PERPETUAL", "-5200")), agreed)
    second.record("BTC", _snapshot(("BTC-PERPETUAL", "-5200")), agreed)

    perpetual = PositionSeen(instrument=InstrumentId("BTC-PERPETUAL"), amount_native=Decimal(-5200))
    held = PositionSeen(instrument=InstrumentId(option), amount_native=Decimal("0.5"))
    end = {"fill_ids": (FillId("BTC-77"),), "received_ns": Ns(70_000), "book": "BTC"}
    assert known == LedgerRestored(positions=(held, perpetual), **end)
    assert second.restored("BTC") == LedgerRestored(positions=(perpetual,), **end)
    assert second.restored("ETH") is None
    # only what changed was written again
    changes = [(row.instrument, row.position_native) for row in second.reader().positions()]
    assert changes[-1] == (option, Decimal(0))
    assert len(changes) == 4


def test_fills_are_restored_in_order_of_arrival(
    open_ledger: Callable[..., Ledger], fill: Callable[..., Filled]
) -> None:
    """Only so many are remembered: what is forgotten first must be the oldest, not the first in the alphabet."""
    first = open_ledger("r1")
    first.record("BTC", _snapshot(("BTC-PERPETUAL", "1000")), Outcome(notes=(_AGREED,)))
    for number, name in enumerate(("BTC-99", "BTC-100", "BTC-101")):
        first.record("BTC", fill(fill_id=FillId(name), received_ns=Ns(2_000 + number)), Outcome())
    first.flush()
    known = open_ledger("r2", started_ns=Ns(70_000)).restored("BTC")

    assert known is not None
    assert known.fill_ids == ("BTC-99", "BTC-100", "BTC-101")


def test_agreement_without_a_snapshot_is_noted(open_ledger: Callable[..., Ledger]) -> None:
    """Nothing is known about positions then, and nothing is changed."""
    ledger = open_ledger()
    ledger.record("BTC", Ticked(now_ns=Ns(1)), Outcome(notes=(_AGREED,)))

    assert ledger.restored("BTC") == LedgerRestored(positions=(), fill_ids=(), received_ns=Ns(500), book="BTC")


def test_a_closed_run_says_when_it_ended(url: str, open_ledger: Callable[..., Ledger]) -> None:
    """At the last time seen; a killed run has no end."""
    first = open_ledger("r1")
    first.record("BTC", _acked(), NOTHING)
    first.record("BTC", _updated(VenueOrderState.OPEN), NOTHING)
    open_ledger("killed")
    first.close()
    raw = sqlite3.connect(url.removeprefix("sqlite:///"))
    ends = dict(raw.execute("SELECT run_id, ended_ns FROM runs"))
    raw.close()

    assert ends == {"killed": None, "r1": 500}


def test_a_run_cannot_begin_twice(open_ledger: Callable[..., Ledger]) -> None:
    """Its id is unique, or replay would mix two runs."""
    open_ledger("r1")
    with pytest.raises(JournalError, match="run_id"):
        open_ledger("r1")


def test_a_ledger_that_breaks_while_reading_is_a_journal_error(open_ledger: Callable[..., Ledger]) -> None:
    """Nobody above sees a database's own errors."""
    ledger = open_ledger()
    ledger._transactions.connection.exec_driver_sql("DROP TABLE fills")
    with pytest.raises(JournalError, match="cannot be used"):
        ledger.fills()
