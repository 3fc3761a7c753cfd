"""The transactions of one ledger: over one connection, fenced by the lease, kept whole or rolled back as a whole.

A database that fails takes its connection with it: the next transaction begins over a new one, and trading is not the
question here. Knows no row and no event; never reads a clock.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from sqlalchemy import Connection

from bot.domain.errors import JournalError, LeaseLost
from bot.domain.time import NS_PER_S, Ns
from bot.journal import dialects, opening
from bot.journal.lease import TRADER
from bot.journal.rows import Row
from bot.journal.statements import statements_of

RECONNECT_NS: Final = Ns(5 * NS_PER_S)
"""Between two tries to reach a database that is away: each may hold the process up for seconds."""

_CHECKPOINT_ROWS: Final = 1_000
"""Rows after which `fold` folds the write-ahead log back, off the order path."""

_Answer = TypeVar("_Answer")


class Transactions:
    """Mutable private state of one open ledger. Not for two threads."""

    def __init__(self, connection: Connection, connect: Callable[[], Connection], *, lease_id: int | None) -> None:
        """The connection must be in autocommit and its schema in place; `connect` opens another such one."""
        self.texts: Final = statements_of(connection.dialect.name)
        self._errors = dialects.errors_of(connection)
        self._is_file = not dialects.is_postgresql(connection)
        self._connect = connect
        self._lease_id = lease_id
        self._is_lost = False
        """A database has failed: who knows what the line to it still holds."""
        self._reconnect_ns = Ns(0)
        self._rows_since_fold = 0
        self._use(connection)

    def _use(self, connection: Connection) -> None:
        raw = connection.connection.driver_connection
        assert raw is not None, "the connection is closed"
        self.connection = connection
        self._cursor = raw.cursor()

    def write(self, batch: Sequence[tuple[str, Row]], now_ns: Ns) -> None:
        """One transaction, synced at its end; JournalError: nothing is sure to be written.

        LeaseLost: another process writes now. `now_ns`: the newest moment of any event, here and in `ask`.
        """
        try:
            self._begin(now_ns)
            self._refuse_fenced()
            for text, row in batch:
                self._cursor.execute(text, row)
            self._cursor.execute("COMMIT")
        except LeaseLost:
            self._roll_back()
            raise
        except self._errors as error:
            self._roll_back()
            self._is_lost = not self._is_file
            step = "free disk space or unlock it" if self._is_file else "see that the database runs"
            raise JournalError(f"the ledger cannot be written: {error}; {step}") from error
        self._rows_since_fold += len(batch)

    def ask(self, question: Callable[[Connection], _Answer], now_ns: Ns) -> _Answer:
        """What the database answers, or JournalError."""
        if self._is_lost:
            self._reconnect(now_ns)
        try:
            return question(self.connection)
        except self._errors as error:
            self._is_lost = not self._is_file
            step = "check the file and its disk" if self._is_file else "see that the database runs"
            cause = getattr(error, "orig", None) or error
            raise JournalError(f"the ledger cannot be used: {cause}; {step}") from error

    def fold(self, now_ns: Ns) -> None:
        """Fold a file's write-ahead log back, now and then."""
        if self._is_file and self._rows_since_fold >= _CHECKPOINT_ROWS:
            self._rows_since_fold = 0
            self.ask(lambda _: self._cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall(), now_ns)

    def close(self) -> None:
        """Give the file or the line back; what was not committed is gone."""
        self._cursor.close()
        opening.dispose(self.connection)

    def _begin(self, now_ns: Ns) -> None:
        """Over a new line where the old one is dead: nothing was under way on it."""
        if not self._is_lost:
            try:
                self._cursor.execute(self.texts.begin)
            except self._errors:
                if self._is_file:
                    raise
            else:
                return
        self._reconnect(now_ns)
        self._cursor.execute(self.texts.begin)

    def _reconnect(self, now_ns: Ns) -> None:
        """JournalError where the database is away still, or was a moment ago."""
        self._is_lost = True
        if now_ns < self._reconnect_ns:
            raise JournalError("the ledger's database is away, and asked again every few seconds; see that it runs")
        opening.dispose(self.connection)
        try:
            self._use(self._connect())
        except JournalError:
            self._reconnect_ns = Ns(now_ns + RECONNECT_NS)
            raise
        self._is_lost = False

    def _refuse_fenced(self) -> None:
        """A process that slept through the end of its lease may wake up in the middle of anything: not past here."""
        if self._lease_id is None:
            return
        self._cursor.execute(self.texts.fence, (TRADER, self._lease_id))
        if self._cursor.fetchone() is None:
            raise LeaseLost("another process has taken the account over: nothing more is written or sent")

    def _roll_back(self) -> None:
        """Also where nothing was begun; a database that is gone has rolled back by itself."""
        with contextlib.suppress(*self._errors):
            self._cursor.execute("ROLLBACK")
