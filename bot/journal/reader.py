"""What the ledger says, as typed rows in order of time. Never writes."""

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Final, Self

from sqlalchemy import ColumnElement, Connection, Table, create_engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from bot.domain.decided import Decided
from bot.domain.errors import JournalError
from bot.domain.ids import FillId, InstrumentId, Label
from bot.domain.seen import VenueOrderState
from bot.domain.time import Ns
from bot.journal import dialects, opening, postgres, rows
from bot.journal.day import Day, DayReader
from bot.journal.rows import FillRow, OrderRow, PositionRow
from bot.journal.schema import decisions, fills, intents, order_events, positions, reconciliations
from bot.journal.statements import POSTGRESQL

TERMINAL_KINDS: Final = ("refused", "absent")
TERMINAL_STATES: Final = (VenueOrderState.FILLED, VenueOrderState.CANCELLED, VenueOrderState.REJECTED)

_STEPS_A_LOOK: Final = 20_000
"""Of SQLite's machine, well under a millisecond, between two looks whether it is to give up."""


def _never() -> bool:
    return False


class LedgerReader:
    """Reads one ledger through an open connection, or a file of its own by `open`."""

    def __init__(self, connection: Connection) -> None:
        """Read through a connection somebody else owns."""
        self._connection = connection

    @classmethod
    def open(cls, url: str, *, gives_up: Callable[[], bool] = _never) -> Self:
        """A ledger file, read-only, also while a bot writes it, or a database; JournalError when it cannot be read.

        `gives_up` is asked while a file is read: a question that was too long ends with the driver's error.
        """
        try:
            place = make_url(url)
        except ArgumentError as error:
            raise JournalError(f"ledger {url!r} is not a url: write e.g. sqlite:///ledger.db") from error
        if place.get_backend_name() == POSTGRESQL:
            return cls(postgres.connect(postgres.place_of(place)))
        path = place.database
        if not path:
            raise JournalError(f"ledger {url} is not a file: give a url like sqlite:///ledger.db")

        def connect() -> sqlite3.Connection:
            raw = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            raw.set_progress_handler(gives_up, _STEPS_A_LOOK)
            return raw

        engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
        try:
            connection = engine.connect()
            connection.execute(select(decisions.c.seq).limit(1))
        except SQLAlchemyError as error:
            engine.dispose()
            raise JournalError(f"ledger {url} cannot be read ({error.__cause__ or error}): check the path") from error
        return cls(connection)

    def close(self) -> None:
        """Give the file or the line back, also one that is dead."""
        opening.dispose(self._connection)

    def orders(self) -> tuple[OrderRow, ...]:
        """Every intent with the last thing heard about its order, by decision."""
        return self._orders(None)

    def orders_unresolved(self, *, except_run_id: str) -> tuple[OrderRow, ...]:
        """Orders of other runs of which no end is known."""
        ended = select(order_events.c.label).where(
            order_events.c.kind.in_(TERMINAL_KINDS) | order_events.c.state.in_(TERMINAL_STATES)
        )
        return self._orders((intents.c.run_id != except_run_id) & intents.c.label.not_in(ended))

    def fills(self) -> tuple[FillRow, ...]:
        """Every fill, in order of arrival."""
        names = FillRow.__struct_fields__
        cells = self._rows(fills, names, fills.c.received_ns, fills.c.fill_id)
        return tuple(rows.fill_from_row(names, cell) for cell in cells)

    def fill_ids(self) -> tuple[FillId, ...]:
        """Ids of all fills ever written, in order of arrival: who remembers only so many forgets the oldest."""
        cells = self._rows(fills, ("fill_id",), fills.c.received_ns, fills.c.fill_id)
        return tuple(FillId(str(cell[0])) for cell in cells)

    def decisions(self, run_id: str | None = None) -> tuple[Decided, ...]:
        """Decisions written down, of one run or of all, in order."""
        names = tuple(decisions.c.keys())
        chosen = None if run_id is None else decisions.c.run_id == run_id
        cells = self._rows(decisions, names, decisions.c.now_ns, decisions.c.seq, chosen=chosen)
        return tuple(rows.decided_from_row(names, cell) for cell in cells)

    def positions(self) -> tuple[PositionRow, ...]:
        """Every change of a position, in order of booking."""
        names = PositionRow.__struct_fields__
        cells = self._rows(positions, names, positions.c.position_id)
        return tuple(rows.position_from_row(names, cell) for cell in cells)

    def positions_last(self, book: str) -> dict[InstrumentId, Decimal] | None:
        """Positions a book ends with, flat ones left out; None when it never agreed with the venue."""
        chosen = reconciliations.c.book == book
        if not self._rows(reconciliations, ("book",), reconciliations.c.reconciliation_id, chosen=chosen):
            return None
        last = (
            select(func.max(positions.c.position_id)).where(positions.c.book == book).group_by(positions.c.instrument)
        )
        names = ("instrument", "position_native")
        cells = self._rows(
            positions, names, positions.c.instrument, chosen=positions.c.position_id.in_(last.scalar_subquery())
        )
        amounts = {InstrumentId(str(name)): rows.decimal_from_text(str(amount)) for name, amount in cells}
        return {name: amount for name, amount in amounts.items() if amount}

    def day(self, book: str, since_ns: Ns, until_ns: Ns, *, except_run_id: str) -> Day:
        """A book's day without the run that asks; JournalError when it cannot be read."""
        try:
            return DayReader(self._connection, book, since_ns, until_ns, except_run_id=except_run_id).read()
        except dialects.errors_of(self._connection) as error:
            raise JournalError(f"the ledger cannot be read: {getattr(error, 'orig', None) or error}") from error

    def labels_used(self, prefix: str) -> frozenset[Label]:
        """Labels of all intents that start with `prefix`."""
        chosen = intents.c.label.startswith(prefix, autoescape=True)
        return frozenset(Label(str(row[0])) for row in self._rows(intents, ("label",), intents.c.label, chosen=chosen))

    def _orders(self, chosen: ColumnElement[bool] | None) -> tuple[OrderRow, ...]:
        last = (
            select(order_events.c.label, func.max(order_events.c.event_id).label("event_id"))
            .group_by(order_events.c.label)
            .subquery()
        )
        query = (
            select(*intents.c, order_events.c.kind, order_events.c.state)
            .outerjoin(last, last.c.label == intents.c.label)
            .outerjoin(order_events, order_events.c.event_id == last.c.event_id)
            .order_by(intents.c.valid_until_ns, intents.c.label)
        )
        if chosen is not None:
            query = query.where(chosen)
        result = self._connection.execute(query)
        names = tuple(result.keys())
        return tuple(rows.order_from_row(names, tuple(row)) for row in result)

    def _rows(
        self,
        table: Table,
        names: tuple[str, ...],
        *order: ColumnElement[str] | ColumnElement[int],
        chosen: ColumnElement[bool] | None = None,
    ) -> list[tuple[rows.Cell, ...]]:
        query = select(*(table.c[name] for name in names)).order_by(*order)
        if chosen is not None:
            query = query.where(chosen)
        return [tuple(row) for row in self._connection.execute(query)]
