"""The ledger: why we traded, durable before an order leaves; what came of it, soon after.

Knows SQLite (write-ahead log, every commit synced) and the order of writing. Never decides, never logs, never
reads a clock: times come with the events. One connection, one thread. One ledger belongs to one mode and one
set of venues, so that fill ids and labels of a demo can never be mistaken for those of an account.
"""

import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, Self, TypeVar

from sqlalchemy import Connection, Table, insert, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, FillBooked, Outcome, PhaseChanged, VenueAgreed, is_repeat
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
)
from bot.domain.ids import DERIBIT, FillId, InstrumentId, Label, VenueId, base_of, venue_of
from bot.domain.reasons import Action, Phase
from bot.domain.seen import PositionSeen
from bot.domain.time import Ns
from bot.domain.units import ZERO
from bot.journal import opening, rows
from bot.journal.reader import LedgerReader
from bot.journal.rows import FillRow, Row
from bot.journal.schema import decisions, fills, intents, order_events, positions, reconciliations, runs

_Read = TypeVar("_Read")

BUFFER_ROWS_MAX: Final = 2_000
"""Rows held back at most; the next one writes them all. About a second of the busiest market seen in soak runs."""

_CHECKPOINT_ROWS: Final = 1_000
"""Rows after which `flush` folds the write-ahead log back, off the order path."""

_JOURNALLED: Final = (OrderAcked, OrderRefused, OrderUnknown, OrderUpdated, OrderAbsent, Filled, SnapshotTaken)
_JournalledEvent = OrderAcked | OrderRefused | OrderUnknown | OrderUpdated | OrderAbsent | Filled | SnapshotTaken


def _text(statement: sqlite.Insert, table: Table) -> str:
    """Prepared text in column order, written by SQLAlchemy so that the schema stays in one place."""
    names = [column.name for column in table.columns if column.autoincrement is not True]
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark"), column_keys=names))


def _insert_fill() -> sqlite.Insert:
    """A fill counts once; the book that booked it, known by its slippage, has the last word on whose it is."""
    statement = sqlite.insert(fills)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["venue", "fill_id"],
        set_={"book": new.book, "slippage_usd": new.slippage_usd},
        where=new.slippage_usd.is_not(None),
    )


_INSERT_INTENT: Final = _text(sqlite.insert(intents), intents)
_INSERT_DECISION: Final = _text(sqlite.insert(decisions), decisions)
_INSERT_ORDER_EVENT: Final = _text(sqlite.insert(order_events), order_events)
_INSERT_FILL: Final = _text(_insert_fill(), fills)
_INSERT_POSITION: Final = _text(sqlite.insert(positions), positions)
_INSERT_RECONCILIATION: Final = _text(sqlite.insert(reconciliations), reconciliations)


class Ledger:
    """The open ledger of one run. Every failure of the database is a JournalError."""

    def __init__(self, connection: Connection, *, run_id: str, started_ns: Ns) -> None:
        """Use `Ledger.open`; the connection must be in autocommit and its schema in place."""
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection), f"{raw} is not SQLite"
        self._connection = connection
        self._cursor = raw.cursor()
        self._run_id = run_id
        self._started_ns = started_ns
        self._seen_ns = started_ns
        self._event: Event | None = None
        self._buffer: list[tuple[str, Row]] = []
        self._told: dict[str, Decided] = {}
        self._positions: dict[str, dict[InstrumentId, Decimal]] = {}
        self._rows_since_checkpoint = 0
        self._reader = LedgerReader(connection)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        run_id: str,
        started_ns: Ns,
        mode: str,
        config_hash: str,
        version: str,
        venues: Sequence[VenueId] = (DERIBIT,),
    ) -> Self:
        """Open or create (mode 0600) the ledger at a `sqlite:///` url and begin a run in it.

        JournalError with the next step: cannot be created or read, locked, of a newer schema, of another mode.
        """
        connection = opening.connect(url, {"mode": mode, "venue": opening.venues_text(venues)})
        begun = insert(runs).values(
            run_id=run_id, started_ns=started_ns, mode=mode, config_hash=config_hash, version=version
        )
        try:
            connection.execute(begun)
        except (SQLAlchemyError, sqlite3.Error) as error:
            opening.dispose(connection)
            raise opening.opening_failed(url, error) from error
        return cls(connection, run_id=run_id, started_ns=started_ns)

    def bind(self, account_id: str, venue: VenueId = DERIBIT) -> None:
        """Belong to an account at a venue from now on; JournalError when the ledger belongs to another one there."""
        self._run(lambda: opening.bind(self._connection, account_id, venue))

    def commit_intents(self, orders: Sequence[PlaceOrder], decided: Decided) -> None:
        """Write orders and the decision they come from in one transaction; durable on return.

        JournalError means: nothing was written, the orders must not leave.
        """
        assert orders, f"decision {decided.seq} of book {decided.book} has no order to write down"
        batch = [(_INSERT_INTENT, rows.intent_row(self._run_id, decided.book, order)) for order in orders]
        batch.append((_INSERT_DECISION, rows.decision_row(self._run_id, decided)))
        self._write(batch)
        self._told[decided.book] = decided
        self._seen_ns = decided.now_ns

    def record(self, book: str, event: Event | None, outcome: Outcome) -> None:
        """Take note of what an event said and led to; written by `flush`, or when the buffer is full."""
        if isinstance(event, _JOURNALLED):
            self._take_event(book, event, outcome)
        for note in outcome.notes:
            if isinstance(note, FillBooked):
                self._take_position(book, note.instrument, note.fill_id, note.position_native)
            elif isinstance(note, PhaseChanged) and note.phase_after is Phase.RUNNING:
                self._buffer.append((_INSERT_RECONCILIATION, (self._run_id, book, self._seen_ns)))
                self._take_agreement(book, event)
            elif isinstance(note, VenueAgreed):
                self._take_agreement(book, event)
        if outcome.decided is not None:
            self._take_decision(outcome.decided)
        if len(self._buffer) >= BUFFER_ROWS_MAX:
            self.flush()

    def flush(self) -> None:
        """Commit what `record` took note of.

        After a JournalError the rows wait for the next try, unless the buffer is full: a position that contains a
        fill whose id was never written would count that fill twice after a restart.
        """
        if self._buffer:
            try:
                self._write(self._buffer)
            except JournalError:
                if len(self._buffer) >= BUFFER_ROWS_MAX:
                    self._buffer = []
                raise
            self._buffer = []
        if self._rows_since_checkpoint >= _CHECKPOINT_ROWS:
            self._rows_since_checkpoint = 0
            self._run(lambda: self._cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall())

    def intents_unresolved(self, base: str | None = None) -> tuple[IntentRestored, ...]:
        """Orders of earlier runs without a known end (refused, absent, filled, cancelled, rejected).

        `base`: only instruments on this coin. Stamped with the start of this run.
        """
        found = self._read(lambda: self._reader.orders_unresolved(except_run_id=self._run_id))
        return tuple(
            rows.restored_from_order(order, self._started_ns)
            for order in found
            if base is None or base_of(order.instrument) == base
        )

    def fill_ids(self) -> frozenset[FillId]:
        """Ids of all fills ever written."""
        return self._read(self._reader.fill_ids)

    def fills(self) -> tuple[FillRow, ...]:
        """All fills, in order of arrival."""
        return self._read(self._reader.fills)

    def restored(self, book: str) -> LedgerRestored | None:
        """What the ledger ends with for a book; None when it never agreed with the venue. Stamped with the start."""
        amounts = self._read(lambda: self._reader.positions_last(book))
        if amounts is None:
            return None
        return LedgerRestored(
            positions=tuple(PositionSeen(instrument=name, amount_native=amount) for name, amount in amounts.items()),
            fill_ids=tuple(sorted(self.fill_ids())),
            received_ns=self._started_ns,
            book=book,
        )

    def labels_used(self, prefix: str) -> frozenset[Label]:
        """Labels of all intents that start with `prefix`."""
        return self._read(lambda: self._reader.labels_used(prefix))

    def reader(self) -> LedgerReader:
        """A view of all that was recorded so far, through this connection."""
        self.flush()
        return self._reader

    def close(self, ended_ns: Ns | None = None) -> None:
        """Write what is left, mark the run ended (at the last time seen unless told), give the file back."""
        try:
            self.flush()
            ended = update(runs).where(runs.c.run_id == self._run_id).values(ended_ns=ended_ns or self._seen_ns)
            self._run(lambda: self._connection.execute(ended))
        finally:
            self._cursor.close()
            opening.dispose(self._connection)

    def abandon(self) -> None:
        """Give the file back as a kill leaves it: what was not flushed is gone, the run has no end."""
        self._cursor.close()
        opening.dispose(self._connection)

    def _take_event(self, book: str, event: _JournalledEvent, outcome: Outcome) -> None:
        is_new = event is not self._event  # every book is told of it: an order's event is written once
        self._event = event
        slippage_usd = {note.fill_id: note.slippage_usd for note in outcome.notes if isinstance(note, FillBooked)}
        match event:
            case Filled():
                self._take_fill(book, event, slippage_usd.get(event.fill_id))
            case SnapshotTaken():
                for fill in event.fills:
                    self._take_fill(book, fill, slippage_usd.get(fill.fill_id))
            case _ if not is_new:
                pass
            case OrderAcked():
                self._take_order_event(event, "acked", order_id=event.order_id)
            case OrderRefused():
                self._take_order_event(event, "refused", cause=f"{event.code} {event.name}")
            case OrderUnknown():
                self._take_order_event(event, "unknown", cause=event.cause)
            case OrderAbsent():
                self._take_order_event(event, "absent")
            case OrderUpdated():
                filled = rows.text_from_decimal(event.filled_native)
                row = (self._run_id, event.label, "updated", event.state.value, event.order_id, filled, "")
                self._buffer.append((_INSERT_ORDER_EVENT, (*row, event.received_ns)))
        self._seen_ns = max(self._seen_ns, event.received_ns)

    def _take_order_event(
        self,
        event: OrderAcked | OrderRefused | OrderUnknown | OrderAbsent,
        kind: str,
        *,
        order_id: str | None = None,
        cause: str = "",
    ) -> None:
        row = (self._run_id, event.label, kind, None, order_id, None, cause, event.received_ns)
        self._buffer.append((_INSERT_ORDER_EVENT, row))

    def _take_fill(self, book: str, fill: Filled, slippage_usd: float | None) -> None:
        self._buffer.append((_INSERT_FILL, rows.fill_row(self._run_id, book, fill, slippage_usd)))

    def _take_agreement(self, book: str, event: Event | None) -> None:
        """The venue's positions of the book, where they are not what the ledger ends with already."""
        if not isinstance(event, SnapshotTaken):
            return
        venue = {item.instrument: item.amount_native for item in event.positions if base_of(item.instrument) == book}
        before = self._known(book)
        for name in sorted({*venue, *(name for name in before if venue_of(name) == event.venue)}):
            amount = venue.get(name, ZERO)
            if before.get(name, ZERO) != amount:
                self._take_position(book, name, None, amount)

    def _take_position(self, book: str, instrument: InstrumentId, fill_id: str | None, amount_native: Decimal) -> None:
        self._known(book)[instrument] = amount_native
        row = (self._run_id, book, instrument, fill_id, rows.text_from_decimal(amount_native), self._seen_ns)
        self._buffer.append((_INSERT_POSITION, row))

    def _known(self, book: str) -> dict[InstrumentId, Decimal]:
        """Positions the ledger ends with; read once, before this run has written any of them."""
        if book not in self._positions:
            last = self._run(lambda: self._reader.positions_last(book))
            self._positions[book] = last or {}
        return self._positions[book]

    def _take_decision(self, decided: Decided) -> None:
        self._seen_ns = decided.now_ns
        if decided.action is Action.HEDGE:
            # Written with its intent already; what was decided before it may be told after it.
            self._told[decided.book] = decided
            return
        if is_repeat(decided, self._told.get(decided.book)):
            return
        self._told[decided.book] = decided
        self._buffer.append((_INSERT_DECISION, rows.decision_row(self._run_id, decided)))

    def _write(self, batch: list[tuple[str, Row]]) -> None:
        """One transaction, synced at its end; rolled back as a whole."""
        cursor = self._cursor
        try:
            cursor.execute("BEGIN IMMEDIATE")
            for text, row in batch:
                cursor.execute(text, row)
            cursor.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise JournalError(f"the ledger cannot be written: {error}; free disk space or unlock it") from error
        self._rows_since_checkpoint += len(batch)

    def _roll_back(self) -> None:
        if self._cursor.connection.in_transaction:
            self._run(lambda: self._cursor.execute("ROLLBACK"))

    def _read(self, read: Callable[[], _Read]) -> _Read:
        self.flush()
        return self._run(read)

    def _run(self, action: Callable[[], _Read]) -> _Read:
        try:
            return action()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise JournalError(f"the ledger cannot be used: {error}; check the file and its disk") from error
