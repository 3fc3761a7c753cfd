"""The right to trade an account: a row with an expiry, changed by compare-and-set in one statement.

Not a lock of an operating system: it survives no silence, and is seen from every host that reaches the database.
Expiries are compared on the database's clock. What the holder may believe is counted on its own, from the moment
before it asked: that is never later than the row says, whatever the two clocks show.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Executable, select, update

from bot.domain.errors import JournalError, LeaseLost
from bot.domain.time import NS_PER_S, Ns
from bot.journal import dialects, opening
from bot.journal.holder import short
from bot.journal.schema import leases
from bot.journal.statements import insert_of

TRADER: Final = "trader"
"""The one lease there is: of sending orders for the account this ledger belongs to."""

_Answer = TypeVar("_Answer")


class LeaseTerms(Struct, frozen=True, kw_only=True):
    """How long a lease is good for, and how far clocks may be apart."""

    length_ns: Ns = Ns(6 * NS_PER_S)
    """Without a word from its holder."""
    clock_error_ns: Ns = Ns(2 * NS_PER_S)
    """Nobody takes over sooner after the expiry: the holder's clock and the venue's may be behind the database's."""


class LeaseSeen(NamedTuple):
    """The row as it is."""

    lease_id: int
    holder: str
    expires_ns: int
    now_ns: int
    """The database's clock, at the same moment."""

    @property
    def left_ns(self) -> int:
        """Until it expires; negative afterwards."""
        return self.expires_ns - self.now_ns

    @property
    def is_given_back(self) -> bool:
        """Whether its last holder ended in order."""
        return self.expires_ns == 0


class Lease:
    """One process's door to the lease, through a connection of its own. Not for two threads at once."""

    def __init__(
        self, connect: Callable[[], Connection], terms: LeaseTerms, *, holder: str, now_ns: Callable[[], Ns]
    ) -> None:
        """Nothing is held yet. `now_ns` is this machine's clock, for a database without one."""
        self._connect = connect
        self._connection: Connection | None = None
        self._terms = terms
        self._holder = holder
        self._now_ns = now_ns
        self.lease_id = 0
        """The fence: what carries another number is not ours."""

    def look(self) -> LeaseSeen | None:
        """The row, or None where nobody ever held it; JournalError when the database does not answer."""
        row = self._asked(lambda at: at.execute(self._question(at)).one_or_none())
        return None if row is None else LeaseSeen(row[0], row[1], row[2], row[3])

    def acquire(self, *, ended: LeaseSeen | None = None) -> bool:
        """Take the lease where it is free: never held, given back, or over for longer than clocks may be apart.

        `ended`: what was seen of a holder that is known to have ended; its row need not run out.
        """
        row = self._asked(lambda at: at.execute(self._taking(at, ended)).one_or_none())
        self.lease_id = 0 if row is None else row[0]
        return bool(self.lease_id)

    def renew(self) -> None:
        """Be good for another length from now on; LeaseLost when it has changed hands.

        A lease that had run out is renewed as well where nobody took it: nobody traded meanwhile.
        """
        assert self.lease_id, "a lease that is not held cannot be renewed"
        if self._asked(lambda at: at.execute(self._renewing(at)).one_or_none()) is None:
            seen = self.look()
            raise LeaseLost(f"the account has been taken over by {'nobody' if seen is None else short(seen.holder)}")

    def give_back(self) -> None:
        """Let the next one begin at once: only when nothing of ours is open at any venue."""
        freed = update(leases).where(self._is_ours()).values(expires_ns=0)
        self._asked(lambda at: at.execute(freed))

    def close(self) -> None:
        """Close the connection; the lease runs out unless it was given back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            opening.dispose(connection)

    # --- statements ------------------------------------------------------------------------------------

    def _question(self, at: Connection) -> Executable:
        now = dialects.clock_of(at, self._now_ns())
        return select(leases.c.lease_id, leases.c.holder, leases.c.expires_ns, now).where(leases.c.name == TRADER)

    def _taking(self, at: Connection, ended: LeaseSeen | None) -> Executable:
        now = dialects.clock_of(at, self._now_ns())
        fresh = insert_of(at.dialect.name, leases).values(
            name=TRADER, lease_id=1, holder=self._holder, expires_ns=now + self._terms.length_ns
        )
        is_free = leases.c.expires_ns + self._terms.clock_error_ns <= now
        if ended is not None:
            is_free |= (leases.c.lease_id == ended.lease_id) & (leases.c.holder == ended.holder)
        new = fresh.excluded
        return fresh.on_conflict_do_update(
            index_elements=["name"],
            set_={"lease_id": leases.c.lease_id + 1, "holder": new.holder, "expires_ns": new.expires_ns},
            where=is_free,
        ).returning(leases.c.lease_id)

    def _renewing(self, at: Connection) -> Executable:
        expires_ns = dialects.clock_of(at, self._now_ns()) + self._terms.length_ns
        return update(leases).where(self._is_ours()).values(expires_ns=expires_ns).returning(leases.c.lease_id)

    def _is_ours(self) -> ColumnElement[bool]:
        return (leases.c.name == TRADER) & (leases.c.lease_id == self.lease_id)

    def _asked(self, ask: Callable[[Connection], _Answer]) -> _Answer:
        """An answer of the database, over a new connection where the last one failed; JournalError without one."""
        if self._connection is None:
            # Whoever may take over from a file is on this machine: after its next start nobody holds anything.
            self._connection = opening.without_sync(self._connect())
        try:
            return ask(self._connection)
        except dialects.errors_of(self._connection) as error:
            self.close()
            raise JournalError(f"the lease cannot be asked for: {error}") from error
