"""Rows that could not be written now are written later, or nothing after them makes sense."""

import sqlite3
from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.domain.decided import FillBooked, Outcome
from bot.domain.errors import JournalError
from bot.domain.events import Filled
from bot.domain.ids import FillId
from bot.journal import ledger as ledger_module
from bot.journal.ledger import Ledger


def _booked(fill: Filled, position: str) -> Outcome:
    note = FillBooked(
        fill_id=fill.fill_id,
        label=fill.label,
        instrument=fill.instrument,
        amount_native=fill.amount_native,
        price_native=fill.price_native,
        fee_native=fill.fee_native,
        fee_currency=fill.fee_currency,
        position_native=Decimal(position),
        slippage_usd=0.0,
    )
    return Outcome(notes=(note,))


def test_a_fill_that_met_a_locked_ledger_is_written_with_the_next(
    url: str, open_ledger: Callable[..., Ledger], fill: Callable[..., Filled]
) -> None:
    """Somebody copies the file for a moment: else the position would contain a fill whose id is not known."""
    ledger = open_ledger()
    ledger._transactions.connection.exec_driver_sql("PRAGMA busy_timeout=1")
    first, second = fill(fill_id=FillId("BTC-1")), fill(fill_id=FillId("BTC-2"))
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ledger.record("BTC", first, _booked(first, "-6200"))
    with pytest.raises(JournalError, match="locked"):
        ledger.flush()
    other.close()
    ledger.record("BTC", second, _booked(second, "-12400"))
    ledger.flush()

    assert [row.fill_id for row in ledger.fills()] == ["BTC-1", "BTC-2"]
    assert [str(row.position_native) for row in ledger.reader().positions()] == ["-6200", "-12400"]


def test_what_waits_for_a_dead_disk_is_bounded(
    open_ledger: Callable[..., Ledger], fill: Callable[..., Filled], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trading has halted by then; memory must not grow."""
    monkeypatch.setattr(ledger_module, "BUFFER_ROWS_MAX", 4)
    ledger = open_ledger()
    ledger._transactions.connection.exec_driver_sql("PRAGMA query_only=1")
    errors = 0
    for number in range(20):
        one = fill(fill_id=FillId(f"BTC-{number}"))
        try:
            ledger.record("BTC", one, _booked(one, "1"))
        except JournalError:
            errors += 1

    assert errors > 0
    assert len(ledger._buffer) <= 4
