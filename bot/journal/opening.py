"""Opens a ledger: a file (private mode, write-ahead log) or a database; schema and owner checked.

Knows files, SQLite and the next step for whoever cannot get in; not what is written into the ledger. What is
PostgreSQL's own is in `postgres`.
"""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, create_engine, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from bot.domain.errors import JournalError
from bot.domain.ids import DERIBIT, VenueId
from bot.journal import dialects, migrations, postgres
from bot.journal.schema import SCHEMA_VERSION, meta, metadata
from bot.journal.statements import POSTGRESQL, statements_of

FILE_MODE: Final = 0o600
"""The ledger tells an account's trades: for its owner only. SQLite gives its side files the same mode."""

_TRIES_MAX: Final = 3
"""At the start, of a server that is slow."""
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

    An older one is migrated, a file after a copy of it is kept. JournalError with the next step: neither a file nor a
    database of ours, cannot be created or read, locked, newer schema, other owner. The connection may be used by
    another thread than this one, never by two at once.
    """
    connection = _opened(url)
    try:
        if not is_postgresql(url):
            _keep_older(connection, path_of(url))
        _check_schema(connection, shown(url), owner)
    except dialects.errors_of(connection) as error:
        dispose(connection)
        raise opening_failed(shown(url), error) from error
    except JournalError:
        dispose(connection)
        raise
    return connection


def connect_at_start(url: str, owner: dict[str, str]) -> Connection:
    """As `connect`, asking a server again that does not answer in time: a slow answer must not end who takes over."""
    tries_count = 1
    while True:
        try:
            return connect(url, owner)
        except JournalError as error:
            if tries_count == _TRIES_MAX or not (is_postgresql(url) and _is_late(error)):
                raise
            tries_count += 1


def _is_late(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, TimeoutError):
        error = error.__cause__ or error.__context__
    return error is not None


def without_sync(connection: Connection) -> Connection:
    """The same, its commits in a file no longer synced: what they write need not outlive the machine's next start.

    A commit keeps the file to itself while the disk syncs it, and that of somebody else waits: a lease renewed on a
    slow disk held an intent up for longer than `busy_timeout`, which halts.
    """
    if not dialects.is_postgresql(connection):
        connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
    return connection


def examine(url: str, owner: dict[str, str]) -> bool:
    """Whether the ledger is there already; JournalError when a run of `owner` could not use it. Changes nothing."""
    if not is_postgresql(url) and not _is_there(path_of(url)):
        return False
    connection = _opened(url)
    try:
        # As a run does: somebody who holds it, or a full disk, shows.
        connection.exec_driver_sql(statements_of(connection.dialect.name).begin)
        found = _rows(connection) if inspect(connection).has_table(meta.name) else {}
        connection.exec_driver_sql("ROLLBACK")
    except dialects.errors_of(connection) as error:
        raise opening_failed(shown(url), error) from error
    finally:
        dispose(connection)
    if found:
        _refuse_others(shown(url), found, owner)
    return bool(found) or not is_postgresql(url)


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


def owner_of(mode: str, venues: Iterable[VenueId]) -> dict[str, str]:
    """Whose a ledger is, besides the accounts."""
    return {"mode": mode, "venue": venues_text(venues)}


def dispose(connection: Connection) -> None:
    """Close the connection and what is behind it, also where that does not answer any more."""
    engine = connection.engine
    with contextlib.suppress(*dialects.errors_of(connection)):
        connection.close()
    engine.dispose()


def opening_failed(at: str, error: Exception) -> JournalError:
    """The error in words of a next step; `at` as `shown` tells it."""
    text = str(getattr(error, "orig", None) or error)
    if at.startswith(POSTGRESQL):
        return JournalError(f"ledger {at} cannot be opened ({text}): check that it runs, ledger.url and its password")
    if "locked" in text or "busy" in text:
        return JournalError(f"ledger {at} is locked: stop the other process that uses it, or give another ledger.url")
    if "not a database" in text or "malformed" in text:
        return JournalError(f"ledger {at} is damaged ({text}): move it away and restart; the venue will be reconciled")
    return JournalError(f"ledger {at} cannot be opened ({text}): check ledger.url and the permissions of its folder")


def parsed(url: str) -> URL:
    """The url in parts; JournalError for text that is none."""
    try:
        return make_url(url)
    except ArgumentError as error:
        given = "" if "@" in url else f" {url!r}"  # what stands before it may be a password
        raise JournalError(f"ledger.url{given} is not a url: write e.g. sqlite:///ledger.db") from error


def is_postgresql(url: str) -> bool:
    """Whether the ledger is in a database that other hosts reach as well."""
    return parsed(url).get_backend_name() == POSTGRESQL


def shown(url: str) -> str:
    """A file's path, or the url of a database without its password."""
    return without_password(url) if is_postgresql(url) else path_of(url)


def with_password(url: str, password: str) -> str:
    """The url of a database with its user's password; JournalError for a file, which has none."""
    if not is_postgresql(url):
        raise JournalError("ledger.password: is for a database; remove it, or give a postgresql:// ledger.url")
    return parsed(url).set(password=password).render_as_string(hide_password=False)


def without_password(url: str) -> str:
    """The url as it may be logged."""
    return parsed(url).render_as_string(hide_password=True)


def path_of(url: str) -> str:
    """File of a `sqlite:///` url, or `:memory:`; JournalError for anything else."""
    parts = parsed(url)
    if parts.get_backend_name() != "sqlite":
        raise JournalError(f"ledger.url {without_password(url)} is not supported here: write e.g. sqlite:///ledger.db")
    return parts.database or ":memory:"


def _is_there(path: str) -> bool:
    if path != ":memory:" and Path(path).exists():
        return True
    folder = next(folder for folder in (Path(path).absolute()).parents if folder.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise opening_failed(path, PermissionError(f"{folder} is not writable"))
    return False


def _opened(url: str) -> Connection:
    try:
        if is_postgresql(url):
            return postgres.connect(postgres.place_of(parsed(url)))
        path = path_of(url)
        _prepare_file(path)
        return _connect(path)
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        raise opening_failed(shown(url), error) from error


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
        creator=lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False),
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


def _check_schema(connection: Connection, at: str, owner: dict[str, str]) -> None:
    wanted = {"schema_version": str(SCHEMA_VERSION), **owner}
    connection.exec_driver_sql(statements_of(connection.dialect.name).begin)
    if dialects.is_postgresql(connection):
        connection.exec_driver_sql(postgres.CREATING)
    is_new = not inspect(connection).has_table(meta.name)
    metadata.create_all(connection)
    if is_new:
        connection.execute(insert(meta), [{"key": key, "value": value} for key, value in wanted.items()])
    found = _rows(connection)
    try:
        _refuse_others(at, found, owner)
        if migrations.is_older(_version(found)):
            migrations.migrate(connection)
    except JournalError:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _keep_older(connection: Connection, path: str) -> None:
    """A copy of a file that is about to be migrated."""
    if inspect(connection).has_table(meta.name) and migrations.is_older(version := _version(_rows(connection))):
        migrations.keep_copy(connection, path, version)


def _version(found: dict[str, str]) -> int:
    return int(found.get("schema_version", "0"))


def _rows(connection: Connection) -> dict[str, str]:
    return {row.key: row.value for row in connection.execute(select(meta))}


def _refuse_others(at: str, found: dict[str, str], owner: dict[str, str]) -> None:
    version = _version(found)
    if version != SCHEMA_VERSION and not migrations.is_older(version):
        step = "upgrade hedgebot" if version > SCHEMA_VERSION else "move it away"
        raise JournalError(
            f"ledger {at} has schema {version}, this version writes {SCHEMA_VERSION}: {step}, "
            f"or give another ledger.url"
        )
    for key, value in owner.items():
        if found.get(key, value) != value:
            raise JournalError(
                f"ledger {at} belongs to {key} {found.get(key)}, this run is {value}: give another ledger.url"
            )
