"""Opens a ledger file: private mode, write-ahead log, schema and owner checked.

Knows files, SQLite and the next step for whoever cannot get in; not what is written into the ledger.
"""

import os
import sqlite3
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from bot.domain.errors import JournalError
from bot.domain.ids import DERIBIT, VenueId
from bot.journal.schema import SCHEMA_VERSION, meta, metadata

FILE_MODE: Final = 0o600
"""The ledger tells an account's trades: for its owner only. SQLite gives its side files the same mode."""

_BUSY_TIMEOUT_MS: Final = 1_000
"""Far longer than a commit, shorter than the life of an order."""

_ACCOUNT: Final = "account"

_PRAGMAS: Final = (
    f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # every commit is synced: an intent survives a power cut
    "PRAGMA wal_autocheckpoint=20000",  # pages; only a safety net: checkpoints belong to `Ledger.flush`
)


def connect(url: str, owner: dict[str, str]) -> Connection:
    """An autocommit connection to the ledger at `url`, created if need be, belonging to `owner` (mode, venue).

    JournalError with the next step: not SQLite, cannot be created or read, locked, newer schema, other owner.
    """
    path = path_of(url)
    try:
        _prepare_file(path)
        connection = _connect(path)
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        raise opening_failed(path, error) from error
    try:
        _check_schema(connection, path, owner)
    except (SQLAlchemyError, sqlite3.Error) as error:
        dispose(connection)
        raise opening_failed(path, error) from error
    except JournalError:
        dispose(connection)
        raise
    return connection


def examine(url: str, owner: dict[str, str]) -> bool:
    """Whether the ledger is there already; JournalError when a run of `owner` could not use it. Changes nothing."""
    path = path_of(url)
    if path == ":memory:" or not Path(path).exists():
        folder = next(folder for folder in (Path(path).absolute()).parents if folder.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            raise opening_failed(path, PermissionError(f"{folder} is not writable"))
        return False
    try:
        connection = _connect(path)
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        raise opening_failed(path, error) from error
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # as a run does: somebody who holds it, or a full disk, shows
        found = _rows(connection) if inspect(connection).has_table(meta.name) else {}
        connection.exec_driver_sql("ROLLBACK")
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise opening_failed(path, error) from error
    finally:
        dispose(connection)
    if found:
        _refuse_others(path, found, owner)
    return True


def bind(connection: Connection, account_id: str, venue: VenueId = DERIBIT) -> None:
    """Let the ledger belong to an account if it belongs to none there; JournalError if it belongs to another."""
    key = account_key(venue)
    found = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    if found is None:
        connection.execute(insert(meta).values(key=key, value=account_id))
    elif found != account_id:
        raise JournalError(f"belongs to {key} {found}, the key to {account_id}: give another ledger.url")


def account_key(venue: VenueId) -> str:
    """Under which the account at a venue is kept."""
    return _ACCOUNT if venue == DERIBIT else f"{_ACCOUNT} at {venue}"


def venues_text(venues: Iterable[VenueId]) -> str:
    """The set of venues a ledger belongs to: `deribit`, `deribit+okx`."""
    return "+".join(sorted(set(venues)))


def dispose(connection: Connection) -> None:
    """Close the connection and the file behind it."""
    engine = connection.engine
    connection.close()
    engine.dispose()


def opening_failed(path: str, error: Exception) -> JournalError:
    """The error in words of a next step."""
    text = str(getattr(error, "orig", None) or error)
    if "locked" in text or "busy" in text:
        return JournalError(f"ledger {path} is locked: stop the other process that uses it, or give another ledger.url")
    if "not a database" in text or "malformed" in text:
        return JournalError(
            f"ledger {path} is damaged ({text}): move it away and restart; the venue will be reconciled"
        )
    return JournalError(f"ledger {path} cannot be opened ({text}): check ledger.url and the permissions of its folder")


def path_of(url: str) -> str:
    """File of a `sqlite:///` url, or `:memory:`; JournalError for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise JournalError(f"ledger.url {url!r} is not a url: write e.g. sqlite:///ledger.db") from error
    if parsed.get_backend_name() != "sqlite":
        shown = parsed.render_as_string(hide_password=True)
        raise JournalError(f"ledger.url {shown} is not supported: write e.g. sqlite:///ledger.db")
    return parsed.database or ":memory:"


def _prepare_file(path: str) -> None:
    if path == ":memory:":
        return
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != FILE_MODE:
            os.fchmod(descriptor, FILE_MODE)
    finally:
        os.close(descriptor)


def _connect(path: str) -> Connection:
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(path, isolation_level=None),
        poolclass=StaticPool,
        isolation_level="AUTOCOMMIT",  # transactions are begun by hand where they matter
    )
    try:
        connection = engine.connect()
        for pragma in _PRAGMAS:
            connection.exec_driver_sql(pragma)
    except (SQLAlchemyError, sqlite3.Error):
        engine.dispose()
        raise
    return connection


def _check_schema(connection: Connection, path: str, owner: dict[str, str]) -> None:
    wanted = {"schema_version": str(SCHEMA_VERSION), **owner}
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    if not inspect(connection).has_table(meta.name):
        metadata.create_all(connection)
        connection.execute(insert(meta), [{"key": key, "value": value} for key, value in wanted.items()])
    found = _rows(connection)
    connection.exec_driver_sql("COMMIT")
    _refuse_others(path, found, owner)


def _rows(connection: Connection) -> dict[str, str]:
    return {row.key: row.value for row in connection.execute(select(meta))}


def _refuse_others(path: str, found: dict[str, str], owner: dict[str, str]) -> None:
    version = int(found.get("schema_version", "0"))
    if version != SCHEMA_VERSION:
        step = "upgrade hedgebot" if version > SCHEMA_VERSION else "move it away"
        raise JournalError(
            f"ledger {path} has schema {version}, this version writes {SCHEMA_VERSION}: {step}, "
            f"or give another ledger.url"
        )
    for key, value in owner.items():
        if found.get(key, value) != value:
            raise JournalError(
                f"ledger {path} belongs to {key} {found.get(key)}, this run is {value}: give another ledger.url"
            )
