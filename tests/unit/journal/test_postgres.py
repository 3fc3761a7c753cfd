"""A ledger in PostgreSQL: its place, its session, and the same promises as a file gives."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from bot.domain.decided import NOTHING, Decided, LossesCounted, Outcome
from bot.domain.errors import JournalError
from bot.domain.events import LossesRestored
from bot.domain.stops import LossCount
from bot.domain.time import Ns
from bot.journal import opening, postgres
from bot.journal.ledger import Ledger

_OWNER = {"mode": "demo", "venue": "deribit"}


def test_a_place_is_read_from_its_url() -> None:
    """Port and schema have defaults; a host on this machine is recognised."""
    short = postgres.place_of(make_url("postgresql://bot@localhost/desk"))
    long = postgres.place_of(make_url("postgresql://bot:pw@db.internal:6432/desk?schema=btc_2"))

    assert (short.port, short.schema, short.password, short.is_loopback) == (5432, "hedgebot", None, True)
    assert (long.host, long.port, long.database, long.schema) == ("db.internal", 6432, "desk", "btc_2")
    assert not long.is_loopback


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/desk",
        "postgresql://bot@localhost",
        "postgresql://bot@localhost/desk?schema=Robert%22;drop",
        "postgresql://bot@localhost/desk?sslmode=disable",
    ],
)
def test_a_url_that_says_too_little_or_too_much_is_refused(url: str) -> None:
    """The way to write it is told; a word nobody reads is not passed over."""
    with pytest.raises(JournalError, match=r"^ledger\.url: write postgresql://USER@HOST/DATABASE\?schema=NAME"):
        postgres.place_of(make_url(url))


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    """One line with the next step."""
    with pytest.raises(JournalError) as caught:
        opening.connect("postgresql://bot:canary@127.0.0.1:1/desk", _OWNER)

    text = str(caught.value)
    assert text.startswith("ledger postgresql://bot:***@127.0.0.1:1/desk cannot be opened (")
    assert "canary" not in text


@pytest.fixture
def connection(postgres: Any) -> Iterator[Connection]:
    """An open ledger of its own."""
    made = opening.connect(postgres.url(), _OWNER)
    yield made
    opening.dispose(made)


@pytest.mark.postgres
def test_every_commit_is_on_disk_and_every_wait_is_bounded(connection: Connection) -> None:
    """Whatever the server's defaults are; nobody who sleeps keeps the lease from others."""
    names = ("synchronous_commit", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")

    shown = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]

    assert shown == ["on", "1500ms", "1s", "1s"]
    raw: Any = connection.connection.driver_connection
    assert raw._usock.gettimeout() == 2.0


@pytest.mark.postgres
def test_bots_share_a_database_and_not_a_ledger(postgres: Any) -> None:
    """A schema each: another mode, another account, other fills."""
    first, second = postgres.url(), postgres.url()
    for url, owner in ((first, _OWNER), (second, {"mode": "live", "venue": "deribit"})):
        opening.dispose(opening.connect(url, owner))

    assert opening.examine(first, _OWNER) is True
    assert opening.examine(postgres.url(), _OWNER) is False
    with pytest.raises(JournalError, match="belongs to mode live, this run is demo"):
        opening.examine(second, _OWNER)


@pytest.mark.postgres
def test_a_ledger_in_a_database_keeps_what_a_file_keeps(
    postgres: Any, order: Callable[..., Any], decided: Callable[..., Decided], fill: Callable[..., Any]
) -> None:
    """Intents, decisions, fills once, losses, and what is left open, read back by the next run."""
    words: Any = {"started_ns": Ns(500), "mode": "demo", "config_hash": "c0ffee", "version": "0.1.0"}
    url = postgres.url()
    first = Ledger.open(url, run_id="r1", **words)
    first.bind("7")
    first.commit_intents([order()], decided())
    first.record("BTC", fill(), NOTHING)
    first.record("BTC", fill(), NOTHING)
    count = LossCount(as_of_ns=Ns(8), day_loss_usd=-1.5, peak_loss_usd=2.0, recent_loss_usd=0.5, recent_ns=Ns(7))
    for loss_usd in (1.0, -1.5):
        counted = LossesCounted(count=structs.replace(count, day_loss_usd=loss_usd))
        first.record("BTC", None, Outcome(notes=(counted,)))
    first.close(Ns(9))

    second = Ledger.open(url, run_id="r2", **words)
    try:
        assert [one.label for one in second.intents_unresolved("BTC")] == [order().label]
        assert second.losses_of("BTC") == LossesRestored(book="BTC", count=count, received_ns=Ns(500))
        assert second.fill_ids() == (fill().fill_id,)
        assert second.fills()[0].is_maker is False
        assert second.labels_used("hbr1") == {order().label}
        assert second.reader().decisions("r1") == (decided(),)
        with pytest.raises(JournalError, match="belongs to account 7"):
            second.bind("8")
        with pytest.raises(JournalError, match="cannot be written"):
            second.commit_intents([order()], decided())  # the label was used
        assert second.labels_used("hb") == {order().label}
    finally:
        second.close(Ns(10))


@pytest.mark.postgres
def test_a_wrong_password_opens_nothing(postgres: Any) -> None:
    """And is not shown."""
    with pytest.raises(JournalError, match=r"cannot be opened .*its password$") as caught:
        opening.connect(postgres.url().replace(postgres.password, "wr0ng"), _OWNER)

    assert "wr0ng" not in str(caught.value)
