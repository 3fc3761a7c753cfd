"""Where the two kinds of database differ while they are used: SQLite in a file, PostgreSQL over a socket.

Opens nothing (see `opening` and `postgres`).
"""

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, extract, func, literal
from sqlalchemy.exc import SQLAlchemyError

from bot.domain.time import Ns
from bot.journal.statements import POSTGRESQL


def is_postgresql(connection: Connection) -> bool:
    """Whether the database is a server of its own, with a clock of its own."""
    return connection.dialect.name == POSTGRESQL


def errors_of(connection: Connection) -> tuple[type[Exception], ...]:
    """What a call may raise where the world, not the program, is at fault."""
    return SQLAlchemyError, connection.dialect.loaded_dbapi.Error, OSError


def clock_of(connection: Connection, now_ns: Ns) -> ColumnElement[int]:
    """The moment, as everybody who uses this database agrees on it: a server's own clock, else this machine's."""
    if not is_postgresql(connection):
        return literal(now_ns, BigInteger)
    return cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger) * 1_000
