"""The ledger: why we traded, durable before an order leaves; what came of it, soon after.

Knows the order of writing; how it is made durable is `transactions`'. Never decides, never logs, never reads a clock:
times come with the events. One thread. One ledger belongs to one mode and one set of venues, so that fill ids and
labels of a demo can never be mistaken for those of an account.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, Self, TypeVar

from sqlalchemy import Connection, insert, update

from bot.domain.commands import PlaceOrder
from bot.domain.decided import (
    Decided,
    FillBooked,
    LossesCounted,
    Outcome,
    PhaseChanged,
    StopLatched,
    StopLifted,
    VenueAgreed,
    is_repeat,
)
from bot.domain.errors import JournalError
from bot.domain.events import (
    Event,
    Filled,
    IntentRestored,
    LedgerRestored,
    LossesRestored,
    OrderAbsent,
    OrderAcked,
    OrderRefused,
    OrderUnknown,
    OrderUpdated,
    SnapshotTaken,
    StopsRestored,
)
from bot.domain.ids import DERIBIT, FillId, InstrumentId, Label, VenueId, base_of, venue_of
from bot.domain.reasons import Action, Phase
from bot.domain.seen import PositionSeen
from bot.domain.time import Ns
from bot.domain.units import ZERO
from bot.journal import dialects, opening, rows, stop_rows
from bot.journal.profit_rows import ProfitRow, profit_row
from bot.journal.reader import LedgerReader
from bot.journal.rows import FillRow, Row
from bot.journal.schema import runs
from bot.journal.transactions import Transactions

_Answer = TypeVar("_Answer")

BUFFER_ROWS_MAX: Final = 2_000
"""Rows held back at most; the next one writes them all. About a second of the busiest market seen in soak runs."""

_STOPS_KEPT: Final = 100
"""Rows of stops that wait for a dead disk: more than anybody asks for before he looks at it."""

_JOURNALLED: Final = (OrderAcked, OrderRefused, OrderUnknown, OrderUpdated, OrderAbsent, Filled, SnapshotTaken)
_JournalledEvent = OrderAcked | OrderRefused | OrderUnknown | OrderUpdated | OrderAbsent | Filled | SnapshotTaken


class Ledger:
    """The open ledger of one run. Every failure of the database is a JournalError."""

    def __init__(self, transactions: Transactions, *, run_id: str, started_ns: Ns) -> None:
        """Use `Ledger.open`."""
        self._transactions = transactions
        self._texts = transactions.texts
        self._run_id = run_id
        self._started_ns = started_ns
        self._seen_ns = started_ns
        self._event: Event | None = None
        self._buffer: list[tuple[str, Row]] = []
        self._told: dict[str, Decided] = {}
        self._positions: dict[str, dict[InstrumentId, Decimal]] = {}

    @classmethod
    def open(  # noqa: PLR0913 - what a run is, by name
        cls,
        url: str,
        *,
        run_id: str,
        started_ns: Ns,
        mode: str,
        config_hash: str,
        version: str,
        venues: Sequence[VenueId] = (DERIBIT,),
        lease_id: int | None = None,
    ) -> Self:
        """Open or create (a file: mode 0600) the ledger at a url and begin a run in it.

        `lease_id`: of the lease the run writes under; nothing is written once another has it. None: nobody else.
        JournalError with the next step: cannot be created or read, locked, of a newer schema, of another mode.
        """
        owner = opening.owner_of(mode, venues)
        connection = opening.connect_at_start(url, owner)
        begun = insert(runs).values(
            run_id=run_id, started_ns=started_ns, mode=mode, config_hash=config_hash, version=version
        )
        try:
            connection.execute(begun)
        except dialects.errors_of(connection) as error:
            opening.dispose(connection)
            raise opening.opening_failed(opening.shown(url), error) from error
        transactions = Transactions(connection, lambda: opening.connect(url, owner), lease_id=lease_id)
        return cls(transactions, run_id=run_id, started_ns=started_ns)

    def bind(self, account_id: str, venue: VenueId = DERIBIT) -> None:
        """Belong to an account at a venue from now on; JournalError when the ledger belongs to another one there."""
        self._ask(lambda at: opening.bind(at, account_id, venue))

    def commit_intents(self, orders: Sequence[PlaceOrder], decided: Decided) -> None:
        """Write orders and the decision they come from in one transaction; durable on return.

        JournalError means: nothing was written, the orders must not leave.
        """
        assert orders, f"decision {decided.seq} of book {decided.book} has no order to write down"
        batch = [(self._texts.intent, rows.intent_row(self._run_id, decided.book, order)) for order in orders]
        batch.append((self._texts.decision, rows.decision_row(self._run_id, decided)))
        self._write(batch)
        self._told[decided.book] = decided
        self._seen_ns = decided.now_ns

    def commit_stops(self, book: str, notes: Sequence[StopLatched | StopLifted]) -> None:
        """Write stops latched and lifted in one transaction; durable on return, or JournalError.

        After one they wait for the next try, in their order, as no restart may forget a stop.
        """
        self._buffer += [(self._texts.stop, stop_rows.stop_row(self._run_id, book, note)) for note in notes]
        self.flush()

    def commit_reload(self, *, by: str, reason: str, config_hash: str, changes: Sequence[str], at_ns: Ns) -> None:
        """Write that another configuration follows; durable on return, or JournalError."""
        row = rows.reload_row(self._run_id, at_ns, (by, reason), config_hash, changes)
        self._write([(self._texts.reload, row)])

    def record(self, book: str, event: Event | None, outcome: Outcome) -> None:
        """Take note of what an event said and led to; written by `flush`, or when the buffer is full."""
        if isinstance(event, _JOURNALLED):
            self._take_event(book, event, outcome)
        for note in outcome.notes:
            if isinstance(note, FillBooked):
                self._take_position(book, note.instrument, note.fill_id, note.position_native)
            elif isinstance(note, LossesCounted):
                self._buffer.append((self._texts.loss, stop_rows.loss_row(self._run_id, book, note.count)))
            elif isinstance(note, PhaseChanged) and note.phase_after is Phase.RUNNING:
                self._buffer.append((self._texts.reconciliation, (self._run_id, book, self._seen_ns)))
                self._take_agreement(book, event)
            elif isinstance(note, VenueAgreed):
                self._take_agreement(book, event)
        if outcome.decided is not None:
            self._take_decision(outcome.decided)
        if len(self._buffer) >= BUFFER_ROWS_MAX:
            self.flush()

    def keep_profits(self, made: Sequence[ProfitRow]) -> None:
        """Take note of what made the profit; written by `flush`."""
        self._buffer += [(self._texts.profit, profit_row(self._run_id, row)) for row in made]

    def flush(self) -> None:
        """Commit what `record` took note of.

        After a JournalError the rows wait for the next try, unless the buffer is full: a position that contains a
        fill whose id was never written would count that fill twice after a restart. Then only the newest stops wait.
        """
        if self._buffer:
            try:
                self._write(self._buffer)
            except JournalError:
                if len(self._buffer) >= BUFFER_ROWS_MAX:
                    self._buffer = [row for row in self._buffer if row[0] == self._texts.stop][-_STOPS_KEPT:]
                raise
            self._buffer = []
        self._transactions.fold(self._seen_ns)

    def intents_unresolved(self, base: str | None = None) -> tuple[IntentRestored, ...]:
        """Orders of earlier runs without a known end (refused, absent, filled, cancelled, rejected).

        `base`: only instruments on this coin. Stamped with the start of this run.
        """
        found = self._read(lambda at: LedgerReader(at).orders_unresolved(except_run_id=self._run_id))
        return tuple(
            rows.restored_from_order(order, self._started_ns)
            for order in found
            if base is None or base_of(order.instrument) == base
        )

    def fill_ids(self) -> tuple[FillId, ...]:
        """Ids of all fills ever written, in order of arrival."""
        return self._read(lambda at: LedgerReader(at).fill_ids())

    def fills(self) -> tuple[FillRow, ...]:
        """All fills, in order of arrival."""
        return self._read(lambda at: LedgerReader(at).fills())

    def restored(self, book: str) -> LedgerRestored | None:
        """What the ledger ends with for a book; None when it never agreed with the venue. Stamped with the start."""
        amounts = self._read(lambda at: LedgerReader(at).positions_last(book))
        if amounts is None:
            return None
        return LedgerRestored(
            positions=tuple(PositionSeen(instrument=name, amount_native=amount) for name, amount in amounts.items()),
            fill_ids=self.fill_ids(),
            received_ns=self._started_ns,
            book=book,
        )

    def stops_on(self, book: str) -> StopsRestored | None:
        """The stops of a book that nobody has lifted; None without one. Stamped with the start."""
        found = self._read(lambda at: stop_rows.latches_on(at, book))
        return StopsRestored(book=book, latches=found, received_ns=self._started_ns) if found else None

    def losses_of(self, book: str) -> LossesRestored | None:
        """How far the losses of a book had come; None where no limit has counted them. Stamped with the start."""
        found = self._read(lambda at: stop_rows.losses_of(at, book))
        return None if found is None else LossesRestored(book=book, count=found, received_ns=self._started_ns)

    def remembered(self, book: str) -> list[Event]:
        """All that a new run of a book has to know: positions, fills, orders without an end, stops, losses."""
        first = (self.restored(book), *self.intents_unresolved(book), self.stops_on(book), self.losses_of(book))
        return [event for event in first if event is not None]

    def labels_used(self, prefix: str) -> frozenset[Label]:
        """Labels of all intents that start with `prefix`."""
        return self._read(lambda at: LedgerReader(at).labels_used(prefix))

    def reader(self) -> LedgerReader:
        """A view of all that was recorded so far, through this connection."""
        self.flush()
        return self._ask(LedgerReader)

    def close(self, ended_ns: Ns | None = None) -> None:
        """Write what is left, mark the run ended (at the last time seen unless told), give the file back."""
        try:
            self.flush()
            ended = update(runs).where(runs.c.run_id == self._run_id).values(ended_ns=ended_ns or self._seen_ns)
            self._ask(lambda at: at.execute(ended))
        finally:
            self._transactions.close()

    def abandon(self) -> None:
        """Give the file back as a kill leaves it: what was not flushed is gone, the run has no end."""
        self._transactions.close()

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
                self._buffer.append((self._texts.order_event, (*row, event.received_ns)))
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
        self._buffer.append((self._texts.order_event, row))

    def _take_fill(self, book: str, fill: Filled, slippage_usd: float | None) -> None:
        self._buffer.append((self._texts.fill, rows.fill_row(self._run_id, book, fill, slippage_usd)))

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
        self._buffer.append((self._texts.position, row))

    def _known(self, book: str) -> dict[InstrumentId, Decimal]:
        """Positions the ledger ends with; read once, before this run has written any of them."""
        if book not in self._positions:
            last = self._ask(lambda at: LedgerReader(at).positions_last(book))
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
        self._buffer.append((self._texts.decision, rows.decision_row(self._run_id, decided)))

    def _write(self, batch: list[tuple[str, Row]]) -> None:
        self._transactions.write(batch, self._seen_ns)

    def _read(self, question: Callable[[Connection], _Answer]) -> _Answer:
        self.flush()
        return self._ask(question)

    def _ask(self, question: Callable[[Connection], _Answer]) -> _Answer:
        return self._transactions.ask(question, self._seen_ns)
