"""Stops in the ledger: durable when told, there after a restart, gone only by a lift; who and why stay for ever."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import create_engine, select

from bot.domain.decided import NOTHING, LossesCounted, Outcome, StopLatched, StopLifted
from bot.domain.errors import JournalError
from bot.domain.events import LossesRestored
from bot.domain.stops import HEDGEBOT, OPERATOR, Latch, LossCount, StopKind
from bot.domain.time import Ns
from bot.journal import ledger as ledger_module
from bot.journal.ledger import Ledger
from bot.journal.schema import stops
from bot.journal.stop_rows import of_stops, stop_row

_PAUSE = Latch(kind=StopKind.PAUSE, cause=OPERATOR, since_ns=Ns(5), by="ann", detail="lunch")
_HALT = Latch(kind=StopKind.HALT, cause="order_refused", since_ns=Ns(7), by=HEDGEBOT, detail="13004")


def _lifted(latch: Latch, at_ns: int = 9) -> StopLifted:
    return StopLifted(latch=latch, by="bob", reason="looked", at_ns=Ns(at_ns))


def _locked(url: str) -> sqlite3.Connection:
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_stop_that_met_a_locked_ledger_is_written_with_the_next(url: str, open_ledger: Callable[..., Ledger]) -> None:
    """Somebody copies the file for a moment: the restart must begin paused, and in the order things were said."""
    ledger = open_ledger(run_id="r1")
    ledger._transactions.connection.exec_driver_sql("PRAGMA busy_timeout=1")
    other = _locked(url)
    with pytest.raises(JournalError, match="locked"):
        ledger.commit_stops("BTC", [StopLatched(latch=_PAUSE)])
    with pytest.raises(JournalError, match="locked"):
        ledger.commit_stops("BTC", [_lifted(_PAUSE), StopLatched(latch=_HALT)])
    other.close()
    ledger.flush()
    ledger.abandon()
    restored = open_ledger(run_id="r2").stops_on("BTC")

    assert restored is not None
    assert restored.latches == (_HALT,)


def test_a_stop_waits_for_a_dead_disk_longer_than_other_rows(
    url: str, open_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is given up to bound memory is what a venue can tell again; a stop nobody can."""
    monkeypatch.setattr(ledger_module, "BUFFER_ROWS_MAX", 2)
    ledger = open_ledger(run_id="r1")
    ledger._transactions.connection.exec_driver_sql("PRAGMA busy_timeout=1")
    other = _locked(url)
    for latch in (_PAUSE, _HALT):
        with pytest.raises(JournalError, match="locked"):
            ledger.commit_stops("BTC", [StopLatched(latch=latch)])
    other.close()
    ledger.close()
    restored = open_ledger(run_id="r2").stops_on("BTC")

    assert restored is not None
    assert restored.latches == (_PAUSE, _HALT)


def test_a_stop_is_there_after_a_kill_and_a_lift_ends_it(open_ledger: Callable[..., Ledger]) -> None:
    """Committed when told, not at the next flush."""
    first = open_ledger(run_id="r1")
    first.commit_stops("BTC", [StopLatched(latch=_PAUSE), StopLatched(latch=_HALT)])
    first.abandon()
    second = open_ledger(run_id="r2")
    restored = second.stops_on("BTC")
    second.commit_stops("BTC", [_lifted(_PAUSE), _lifted(_HALT)])
    second.abandon()
    third = open_ledger(run_id="r3")

    assert restored is not None
    assert (restored.book, restored.latches) == ("BTC", (_PAUSE, _HALT))
    assert third.stops_on("BTC") is None


def test_books_stop_by_themselves(open_ledger: Callable[..., Ledger]) -> None:
    """One ledger, one table, each book its own stops."""
    ledger = open_ledger()
    ledger.commit_stops("ETH", [StopLatched(latch=_PAUSE)])

    assert ledger.stops_on("BTC") is None
    assert ledger.stops_on("ETH") is not None


def test_a_stop_latched_again_after_its_lift_is_on(open_ledger: Callable[..., Ledger]) -> None:
    """The last word counts."""
    ledger = open_ledger()
    again = Latch(kind=StopKind.REDUCE_ONLY, cause=OPERATOR, since_ns=Ns(20), by="ann", detail="again")
    ledger.commit_stops("BTC", [StopLatched(latch=_PAUSE)])
    ledger.commit_stops("BTC", [_lifted(_PAUSE), StopLatched(latch=again)])
    restored = ledger.stops_on("BTC")

    assert restored is not None
    assert restored.latches == (again,)


def test_who_and_why_are_kept(open_ledger: Callable[..., Ledger], tmp_path: Any) -> None:
    """Every act is a row; none is ever changed."""
    ledger = open_ledger()
    ledger.commit_stops("BTC", [StopLatched(latch=_PAUSE), _lifted(_PAUSE)])
    ledger.close(Ns(30))
    engine = create_engine(f"sqlite:///{tmp_path}/deep/ledger.db")
    with engine.connect() as connection:
        found = [tuple(row)[2:] for row in connection.execute(select(stops).order_by(stops.c.stop_id))]

    engine.dispose()
    assert found == [
        ("BTC", "latched", "pause", "operator", "ann", "lunch", 5),
        ("BTC", "lifted", "pause", "operator", "bob", "looked", 9),
    ]


def test_only_notes_of_stops_must_be_durable_at_once() -> None:
    """Everything else waits for the next flush."""
    note = StopLatched(latch=_PAUSE)

    assert of_stops([note, "something else"]) == [note]
    assert of_stops(NOTHING.notes) == []


@pytest.mark.parametrize("note", [StopLatched(latch=_PAUSE), _lifted(_PAUSE)])
def test_a_row_has_every_column_of_the_table(note: Any) -> None:
    """But for the number that the database gives."""
    assert len(stop_row("r1", "BTC", note)) == len(stops.columns) - 1


_COUNT = LossCount(as_of_ns=Ns(8), day_loss_usd=-1.5, peak_loss_usd=2.0, recent_loss_usd=0.5, recent_ns=Ns(7))


def _count(ledger: Ledger, book: str, count: LossCount) -> None:
    ledger.record(book, None, Outcome(notes=(LossesCounted(count=count),)))
    ledger.flush()


def test_the_newest_count_of_losses_is_there_after_a_kill(open_ledger: Callable[..., Ledger]) -> None:
    """One row a book, however often it was written."""
    first = open_ledger(run_id="r1")
    for at_ns in range(3):
        _count(first, "BTC", structs.replace(_COUNT, as_of_ns=Ns(at_ns)))
        _count(first, "BTC", _COUNT)
    first.abandon()
    second = open_ledger(run_id="r2", started_ns=Ns(20))

    assert second.losses_of("BTC") == LossesRestored(book="BTC", count=_COUNT, received_ns=Ns(20))
    assert second.losses_of("ETH") is None
    assert second.remembered("BTC") == [second.losses_of("BTC")]
