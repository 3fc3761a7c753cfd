"""Brings the tables of an older ledger up to now: what was added since is added, no row is rewritten.

Every change of the schema so far has added a table, or a column that old rows can do without. An older program that
still writes goes on working, so that a standby may be newer than its leader. Knows tables; opens nothing.
"""

import os
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, Table, inspect, update
from sqlalchemy.schema import CreateColumn

from bot.journal.schema import SCHEMA_VERSION, meta, metadata

OLDEST: Final = 2
"""Of schema versions; the one before changed its tables under the same number."""

_IN_OLD_ROWS: Final = {"decisions.forwards": "[]", "decisions.split": "[]"}
"""What columns that must have a value have in rows from before there were any."""

_COPY_MODE: Final = 0o600


def is_older(schema_id: int) -> bool:
    """Whether a ledger of that schema can be brought up to now."""
    return OLDEST <= schema_id < SCHEMA_VERSION


def keep_copy(connection: Connection, path: str, schema_id: int) -> Path | None:
    """The ledger's file as it is, beside it: the way back to the program of before. None for one in memory.

    To be called outside a transaction; sqlite3.Error or OSError when there is no room for it.
    """
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection), f"{raw} is not SQLite"
    if path == ":memory:":
        return None
    kept = Path(f"{path}.schema-{schema_id}")
    kept.unlink(missing_ok=True)
    os.close(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _COPY_MODE))
    copy = sqlite3.connect(kept)
    try:
        raw.backup(copy)
    finally:
        copy.close()
    return kept


def migrate(connection: Connection) -> None:
    """Add missing columns and write the new version, within a transaction of the caller's: all of it or nothing.

    Missing tables are made at every opening.
    """
    found = inspect(connection)
    for table in metadata.sorted_tables:
        known = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                connection.exec_driver_sql(_addition(connection, table, column))
    connection.execute(update(meta).where(meta.c.key == "schema_version").values(value=str(SCHEMA_VERSION)))


def _addition(connection: Connection, table: Table, column: Column[object]) -> str:
    told = CreateColumn(column).compile(dialect=connection.dialect)
    default = "" if column.nullable else f" DEFAULT '{_IN_OLD_ROWS[f'{table.name}.{column.name}']}'"
    return f"ALTER TABLE {table.name} ADD COLUMN {told}{default}"
