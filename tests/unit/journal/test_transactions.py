"""Whole or not at all, over one connection or the next: a database that was away costs no row and doubles none."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.domain.decided import NOTHING, Decided, Outcome
from bot.domain.errors import JournalError, LeaseLost
from bot.domain.ids import FillId
from bot.domain.time import Ns
from bot.journal import opening, transactions
from bot.journal.ledger import Ledger
from bot.journal.transactions import RECONNECT_NS, Transactions

_OWNER = {"mode": "demo", "venue": "deribit"}
_WORDS: Any = {"started_ns": Ns(500), "mode": "demo", "config_hash": "c0ffee", "version": "0.1.0"}


class _Database:
    """A server that can be away: its lines are cut, and nobody is let in."""

    def __init__(self, postgres: Any) -> None:
        self.url = postgres.url()
        self.is_away = False
        self.tries_count = 0

    def connect(self) -> Connection:
        self.tries_count += 1
        if self.is_away:
            raise JournalError("ledger cannot be opened")
        return opening.connect(self.url, _OWNER)

    def cut(self, line: Connection) -> None:
        """By the server, as at its restart."""
        pid = line.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        other = opening.connect(self.url, _OWNER)
        other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 30000)")
        opening.dispose(other)


@pytest.fixture
def database(postgres: Any) -> _Database:
    """Which answers."""
    return _Database(postgres)


@pytest.fixture
def ledger(database: _Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """In that database."""
    opened = Ledger.open(database.url, run_id="r1", **_WORDS)
    monkeypatch.setattr(opened._transactions, "_connect", database.connect)
    yield opened
    database.is_away = False
    opened.abandon()


def _line(ledger: Ledger) -> Connection:
    return ledger._transactions.connection


@pytest.mark.postgres
def test_a_database_that_was_restarted_between_two_writes_is_not_noticed(
    database: _Database, ledger: Ledger, order: Callable[..., Any], decided: Callable[..., Decided]
) -> None:
    """Nothing was under way on the line that is dead: the intent is durable over another one."""
    database.cut(_line(ledger))
    ledger.commit_intents([order()], decided())
    database.cut(_line(ledger))
    with pytest.raises(JournalError, match=r"^the ledger cannot be used: [^\n]*; see that the database runs$"):
        ledger.fills()

    assert ledger.labels_used("hb") == {order().label}
    assert database.tries_count == 2


@pytest.mark.postgres
def test_what_waited_for_a_database_is_written_once_it_is_back(
    database: _Database,
    ledger: Ledger,
    *,
    order: Callable[..., Any],
    decided: Callable[..., Decided],
    fill: Callable[..., Any],
) -> None:
    """No order leaves meanwhile; it is asked every few seconds, by the time that events tell; no restart is needed."""
    ledger.record("BTC", None, Outcome(decided=decided()))
    ledger.flush()
    database.is_away = True
    database.cut(_line(ledger))
    ledger.record("BTC", fill(fill_id=FillId("BTC-1")), NOTHING)
    for _ in range(5):
        with pytest.raises(JournalError):
            ledger.flush()
        with pytest.raises(JournalError):
            ledger.commit_intents([order()], decided())
    tries_count = database.tries_count
    database.is_away = False
    with pytest.raises(JournalError, match="is away, and asked again every few seconds"):
        ledger.flush()
    later_ns = Ns(ledger._seen_ns + RECONNECT_NS)
    ledger.record("BTC", fill(fill_id=FillId("BTC-2"), received_ns=later_ns), NOTHING)
    ledger.flush()

    assert tries_count == 1
    assert [row.fill_id for row in ledger.fills()] == ["BTC-1", "BTC-2"]
    assert ledger.labels_used("hb") == frozenset()


@pytest.mark.postgres
def test_a_line_that_died_within_a_transaction_is_never_written_to_again(
    ledger: Ledger, order: Callable[..., Any], decided: Callable[..., Decided]
) -> None:
    """Whether it was committed nobody knows, and no order leaves on it; the next intent goes over a new line."""
    dead = _line(ledger)
    ledger._transactions._roll_back = lambda: None  # type: ignore[method-assign] - the line hangs
    with pytest.raises(JournalError, match="see that the database runs"):
        ledger._transactions.write([("SELECT 1/0", ())], Ns(500))
    ledger.commit_intents([order()], decided())

    assert _line(ledger) is not dead
    assert ledger.labels_used("hb") == {order().label}


@pytest.mark.postgres
def test_a_new_line_is_fenced_as_the_old_one(database: _Database) -> None:
    """Somebody may have taken over while the database was away for us."""
    line = database.connect()
    held = Transactions(line, database.connect, lease_id=7)
    database.cut(line)
    with contextlib.closing(held), pytest.raises(LeaseLost, match="has taken the account over"):
        held.write([], Ns(0))


def test_a_file_is_opened_once(
    open_ledger: Callable[..., Ledger], order: Callable[..., Any], decided: Callable[..., Decided]
) -> None:
    """A disk that is full or a file that is locked is no dead line."""
    ledger = open_ledger()
    line = _line(ledger)
    line.exec_driver_sql("PRAGMA query_only=1")
    with pytest.raises(JournalError, match="free disk space or unlock it"):
        ledger.commit_intents([order()], decided())
    line.exec_driver_sql("PRAGMA query_only=0")
    ledger.commit_intents([order()], decided())

    assert _line(ledger) is line


def test_the_log_of_a_file_is_folded_now_and_then(
    open_ledger: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch, fill: Callable[..., Any], tmp_path: Any
) -> None:
    """Off the order path: what a checkpoint moved can be read in the file itself."""
    monkeypatch.setattr(transactions, "_CHECKPOINT_ROWS", 3)
    ledger = open_ledger()
    for number in range(4):
        ledger.record("BTC", fill(fill_id=FillId(f"BTC-{number}")), NOTHING)
        ledger.flush()
    content = (tmp_path / "deep/ledger.db").read_bytes()

    assert b"BTC-2" in content
    assert b"BTC-3" not in content
