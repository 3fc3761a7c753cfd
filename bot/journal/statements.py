"""What the ledger writes, as prepared text for one kind of database.

Written by SQLAlchemy, so that the schema stays in one place, and handed to the driver as it is.
"""

import functools
from typing import Final, NamedTuple

from sqlalchemy import Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

from bot.journal.schema import (
    decisions,
    fills,
    intents,
    leases,
    losses,
    order_events,
    positions,
    profits,
    reconciliations,
    reloads,
    stops,
)

POSTGRESQL: Final = "postgresql"

Upsert = sqlite.Insert | postgresql.Insert
"""An insert that can say what happens when the row is there already."""


class Statements(NamedTuple):
    """Texts for a cursor; parameters in the order of the table's columns."""

    begin: str
    fence: str
    """The lease, if it has this name and number; nobody takes it before the transaction ends."""
    intent: str
    decision: str
    order_event: str
    fill: str
    position: str
    reconciliation: str
    stop: str
    loss: str
    profit: str
    reload: str


def insert_of(dialect_name: str, table: Table) -> Upsert:
    """An insert of this kind of database."""
    return postgresql.insert(table) if dialect_name == POSTGRESQL else sqlite.insert(table)


@functools.cache
def statements_of(dialect_name: str) -> Statements:
    """Of SQLite or PostgreSQL, by SQLAlchemy's name of it."""
    is_postgresql = dialect_name == POSTGRESQL
    dialect: Dialect = (
        postgresql.dialect(paramstyle="format") if is_postgresql else sqlite.dialect(paramstyle="qmark")  # type: ignore[no-untyped-call]
    )

    def text(statement: ClauseElement, table: Table | None = None) -> str:
        names = None if table is None else [one.name for one in table.columns if one.autoincrement is not True]
        return str(statement.compile(dialect=dialect, column_keys=names))

    def inserts(table: Table) -> str:
        return text(insert_of(dialect_name, table), table)

    return Statements(
        begin="BEGIN" if is_postgresql else "BEGIN IMMEDIATE",
        fence=text(_fence()),
        intent=inserts(intents),
        decision=inserts(decisions),
        order_event=inserts(order_events),
        fill=text(_fill_once(dialect_name), fills),
        position=inserts(positions),
        reconciliation=inserts(reconciliations),
        stop=inserts(stops),
        loss=text(_loss_newest(dialect_name), losses),
        profit=inserts(profits),
        reload=inserts(reloads),
    )


def _fence() -> ClauseElement:
    held = leases.c.name == bindparam("name"), leases.c.lease_id == bindparam("lease_id")
    return select(leases.c.lease_id).where(*held).with_for_update(read=True)


def _fill_once(dialect_name: str) -> Upsert:
    """A fill counts once; the book that booked it, known by its slippage, has the last word on whose it is."""
    statement = insert_of(dialect_name, fills)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["venue", "fill_id"],
        set_={"book": new.book, "slippage_usd": new.slippage_usd},
        where=new.slippage_usd.is_not(None),
    )


def _loss_newest(dialect_name: str) -> Upsert:
    """A book has one count, the newest."""
    statement = insert_of(dialect_name, losses)
    new = statement.excluded
    changed = {name: new[name] for name in losses.columns.keys() if name != "book"}  # noqa: SIM118 - no mapping
    return statement.on_conflict_do_update(index_elements=["book"], set_=changed)
