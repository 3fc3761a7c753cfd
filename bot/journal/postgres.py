"""Opens a ledger in a PostgreSQL database: one schema a bot, every commit on disk.

Knows urls and the session's settings; not what is written into the ledger.
"""

import contextlib
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final, NamedTuple

from sqlalchemy import URL, Connection, create_engine, inspect
from sqlalchemy.pool import StaticPool

from bot.domain.errors import JournalError

_PORT: Final = 5432
_SCHEMA: Final = "hedgebot"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}")

_SETTINGS: Final = {
    "synchronous_commit": "on",  # an intent is on disk before its order leaves, whatever the server's default is
    "statement_timeout": "1500ms",
    "lock_timeout": "1000ms",
    # A process that was stopped inside a transaction must not keep the lease's row from whoever takes over.
    "idle_in_transaction_session_timeout": "1000ms",
}

CREATING: Final = "SELECT pg_advisory_xact_lock(4850182)"
"""Two bots that start at once make their tables one after the other; any number of our own does."""


class Place(NamedTuple):
    """Where a ledger is: `postgresql://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?schema=NAME]`."""

    user: str
    password: str | None
    host: str
    port: int
    database: str
    schema: str

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine: then nothing is read on the way."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def place_of(url: URL) -> Place:
    """The parts of a url; JournalError names what is missing or unknown."""
    query: Mapping[str, object] = url.query
    schema = str(query.get("schema", _SCHEMA))
    unknown = sorted(set(query) - {"schema"})
    if not (url.username and url.host and url.database) or unknown or not _NAME.fullmatch(schema):
        raise JournalError(
            "ledger.url: write postgresql://USER@HOST/DATABASE?schema=NAME, the name in small letters"
            + (f"; {', '.join(unknown)} is unknown" if unknown else "")
        )
    return Place(url.username, url.password, url.host, url.port or _PORT, url.database, schema)


def connect(place: Place) -> Connection:
    """An autocommit connection in the ledger's schema, which is made if need be; SQLAlchemyError or OSError."""
    try:
        from bot.journal.postgres_line import DRIVER, Line  # noqa: PLC0415 - only whoever has such a ledger needs it
    except ImportError:
        raise JournalError("ledger.url: PostgreSQL needs a driver; install hedgebot[postgres]") from None
    settings = {**_SETTINGS, "search_path": f'"{place.schema}"'}
    engine = create_engine(
        "postgresql+pg8000://",
        module=DRIVER,
        creator=lambda: Line(place, settings),
        poolclass=StaticPool,
        isolation_level="AUTOCOMMIT",  # transactions are begun by hand where they matter
    )
    with contextlib.ExitStack() as failing:
        failing.callback(engine.dispose)
        connection = engine.connect()
        # Only where it is missing: making one needs a right that a bot with a schema of its own need not have.
        if not inspect(connection).has_schema(place.schema):
            connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{place.schema}"')
        failing.pop_all()
    return connection
