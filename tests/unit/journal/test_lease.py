"""The right to trade as a row: one holder at a time, in a file and in a database."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.domain.decided import NOTHING, Decided
from bot.domain.errors import JournalError, LeaseLost
from bot.domain.time import NS_PER_S, Ns
from bot.journal import opening
from bot.journal.lease import Lease, LeaseTerms
from bot.journal.ledger import Ledger

_OWNER = {"mode": "demo", "venue": "deribit"}
_TERMS = LeaseTerms(length_ns=Ns(6 * NS_PER_S), clock_error_ns=Ns(2 * NS_PER_S))
_START = Ns(1_000 * NS_PER_S)


class Machine:
    """Leases on one ledger file, on a clock that is set by hand."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.now_ns = _START
        self._made: list[Lease] = []

    def lease(self, holder: str, terms: LeaseTerms = _TERMS) -> Lease:
        """A process that may ask for it."""
        self._made.append(
            Lease(lambda: opening.connect(self.url, _OWNER), terms, holder=holder, now_ns=lambda: self.now_ns)
        )
        return self._made[-1]

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now_ns = Ns(self.now_ns + round(seconds * NS_PER_S))

    def close(self) -> None:
        """All connections."""
        for lease in self._made:
            lease.close()


@pytest.fixture
def machine(url: str) -> Iterator[Machine]:
    """A file nobody has used yet."""
    made = Machine(url)
    yield made
    made.close()


def test_the_first_to_ask_holds_it(machine: Machine) -> None:
    """And is seen by everybody."""
    first, second = machine.lease("a"), machine.lease("b")

    assert first.look() is None
    assert first.acquire()
    assert not second.acquire()
    seen = second.look()
    assert seen is not None
    assert (seen.holder, seen.lease_id, seen.left_ns, seen.is_given_back) == ("a", 1, 6 * NS_PER_S, False)


@pytest.mark.parametrize(("silent_s", "is_free"), [(5.9, False), (6.0, False), (7.9, False), (8.0, True), (99.0, True)])
def test_nobody_takes_over_before_the_expiry_and_the_clocks_error(
    machine: Machine, silent_s: float, *, is_free: bool
) -> None:
    """An order of the old holder may be valid until the expiry, on a clock that is behind."""
    first, second = machine.lease("a"), machine.lease("b")
    first.acquire()
    machine.wait(silent_s)

    assert second.acquire() is is_free


def test_a_renewed_lease_is_not_free(machine: Machine) -> None:
    """However long it lasts."""
    first, second = machine.lease("a"), machine.lease("b")
    first.acquire()
    for _ in range(10):
        machine.wait(5.0)
        first.renew()
        assert not second.acquire()


def test_a_holder_that_slept_is_told_that_it_has_lost(machine: Machine) -> None:
    """By the number: its name may even be the same."""
    first, second = machine.lease("a pid 1 x/y"), machine.lease("a pid 1 x/y")
    first.acquire()
    machine.wait(60.0)
    assert second.acquire()
    assert second.lease_id == first.lease_id + 1

    with pytest.raises(LeaseLost, match=r"^the account has been taken over by a pid 1$"):
        first.renew()
    first.give_back()
    assert not machine.lease("c").acquire()


def test_one_that_ran_out_untaken_goes_on(machine: Machine) -> None:
    """The database was away, and nobody traded meanwhile."""
    first, second = machine.lease("a"), machine.lease("b")
    first.acquire()
    machine.wait(60.0)
    first.renew()

    assert not second.acquire()


def test_one_given_back_is_free_at_once(machine: Machine) -> None:
    """After an orderly end nothing has to run out."""
    first, second = machine.lease("a"), machine.lease("b")
    first.acquire()
    first.give_back()
    seen = second.look()

    assert seen is not None
    assert seen.is_given_back
    assert second.acquire()


def test_the_row_of_a_holder_known_to_have_ended_need_not_run_out(machine: Machine) -> None:
    """Only that very row: meanwhile another may have taken it."""
    first, second, third = (machine.lease(name) for name in "abc")
    first.acquire()
    seen = third.look()

    assert second.acquire(ended=seen)
    assert not third.acquire(ended=seen)


def test_a_database_that_fails_is_asked_again_over_a_new_connection(machine: Machine) -> None:
    """One error does not end the asking."""
    first = machine.lease("a")
    first.acquire()
    assert first._connection is not None
    first._connection.connection.driver_connection.close()  # type: ignore[union-attr]

    with pytest.raises(JournalError, match="the lease cannot be asked for"):
        first.renew()
    first.renew()


def test_whoever_lost_the_lease_writes_nothing(
    machine: Machine, order: Callable[..., Any], decided: Callable[..., Decided], fill: Callable[..., Any]
) -> None:
    """No intent, so no order; and nothing else that the new trader would read as its own."""
    words: Any = {"started_ns": Ns(500), "mode": "demo", "config_hash": "c0ffee", "version": "0.1.0"}
    first, second = machine.lease("a"), machine.lease("b")
    first.acquire()
    old = Ledger.open(machine.url, run_id="r1", lease_id=first.lease_id, **words)
    machine.wait(60.0)
    second.acquire()
    new = Ledger.open(machine.url, run_id="r2", lease_id=second.lease_id, **words)
    try:
        with pytest.raises(LeaseLost, match="another process has taken the account over"):
            old.commit_intents([order()], decided())
        old.record("BTC", fill(), NOTHING)
        with pytest.raises(LeaseLost):
            old.flush()
        new.commit_intents([order(label="hbr20000001")], decided())

        assert new.labels_used("hb") == {"hbr20000001"}
        assert new.fills() == ()
    finally:
        new.close()
        old.abandon()


# --- a database with a clock of its own -----------------------------------------------------------------


@pytest.mark.postgres
def test_in_a_database_its_own_clock_counts(
    postgres: Any, order: Callable[..., Any], decided: Callable[..., Decided]
) -> None:
    """Hosts whose clocks are hours apart agree; the same fence stands before the ledger."""
    there = Machine(postgres.url())
    short = LeaseTerms(length_ns=Ns(NS_PER_S // 5), clock_error_ns=Ns(NS_PER_S // 5))
    first, second = there.lease("a", short), there.lease("b", short)
    words: Any = {"started_ns": Ns(500), "mode": "demo", "config_hash": "c0ffee", "version": "0.1.0"}
    ledger = None
    try:
        assert first.acquire()
        there.wait(7_200.0)
        ledger = Ledger.open(there.url, run_id="r1", lease_id=first.lease_id, **words)
        ledger.commit_intents([order()], decided())
        seen = second.look()
        assert seen is not None
        # Taken only once the database says that it is over, by what it told itself.
        while not second.acquire():
            now = second.look()
            assert now is not None
        taken = second.look()
        assert taken is not None
        assert taken.now_ns - seen.expires_ns >= short.clock_error_ns
        with pytest.raises(LeaseLost):
            first.renew()
        with pytest.raises(LeaseLost):
            ledger.commit_intents([order(label="hbr10000002")], decided())
        assert ledger.labels_used("hb") == {order().label}
        first.give_back()
        second.give_back()
        assert there.lease("c", short).acquire()
    finally:
        if ledger is not None:
            ledger.abandon()
        there.close()


@pytest.mark.postgres
def test_a_holder_asleep_inside_a_transaction_does_not_keep_the_row(
    postgres: Any, order: Callable[..., Any], decided: Callable[..., Decided]
) -> None:
    """Its session is ended by the database, and what it had begun is gone: the order never leaves."""
    there = Machine(postgres.url())
    short = LeaseTerms(length_ns=Ns(NS_PER_S // 10), clock_error_ns=Ns(NS_PER_S // 10))
    first, second = there.lease("a", short), there.lease("b", short)
    words: Any = {"started_ns": Ns(500), "mode": "demo", "config_hash": "c0ffee", "version": "0.1.0"}
    ledger = None
    try:
        first.acquire()
        ledger = Ledger.open(there.url, run_id="r1", lease_id=first.lease_id, **words)
        ledger._transactions._cursor.execute("BEGIN")
        ledger._transactions._refuse_fenced()  # the row is held from here to the commit that never comes
        tries = 0
        while True:
            try:
                tries += 1
                if second.acquire():
                    break
            except JournalError:  # the row is locked for longer than one may wait
                assert tries < 100
        with pytest.raises(JournalError):
            ledger.commit_intents([order()], decided())
    finally:
        if ledger is not None:
            ledger.abandon()
        there.close()
