"""Keeps this process the only trader of its account: takes the lease first of all, renews it, and says when it is gone.

Knows when to ask and for how long; the row is `journal.lease`'s, what an order may do with it `execution.tenure`'s.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

from bot.app import clock
from bot.app.config import Config
from bot.domain.errors import ConfigError, JournalError, LeaseLost
from bot.domain.events import Event, HaltRequested, LeaseHeld
from bot.domain.reasons import HaltCause
from bot.domain.time import NS_PER_S, Ns
from bot.journal import holder, opening
from bot.journal.lease import Lease, LeaseSeen, LeaseTerms

_RENEWALS: Final = 4
"""So often in the length of a lease: three may fail before an order has to wait."""
_LOOK_EVERY_S: Final = 0.5

_Answer = TypeVar("_Answer")


class Teller(Protocol):
    """What is said of the lease."""

    def lease_waited(self, holder: str, until_ns: Ns) -> None:
        """Another process trades this account."""

    def lease_taken(self, lease_id: int) -> None:
        """This process may trade."""

    def lease_doubted(self, cause: str) -> None:
        """It could not be renewed."""

    def lease_lost(self, cause: str) -> None:
        """Another process has taken over."""


class Trader(Protocol):
    """Who trades under the lease: the live driver."""

    def sink(self, events: Sequence[Event]) -> None:
        """Take events."""

    def give_way(self, error: LeaseLost) -> None:
        """Send nothing more and end."""


class Tenancy:
    """The lease of one run, from before its first look at the venue to its end."""

    def __init__(self, lease: Lease, terms: LeaseTerms, teller: Teller, *, now_ns: Callable[[], Ns]) -> None:
        """`now_ns` is the clock of the run, on which it is counted for the engine."""
        self._lease = lease
        self._terms = terms
        self._teller = teller
        self._now_ns = now_ns
        self._until_ns = Ns(0)
        self._trader: Trader | None = None
        self._lost: LeaseLost | None = None
        self._is_doubted = False
        self._is_over = False
        self._task: asyncio.Task[None] | None = None
        # One thread: a question whose asker was cancelled is still on its way, and must end before the next.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lease")

    @property
    def lease_id(self) -> int:
        """What the ledger is fenced with."""
        return self._lease.lease_id

    async def begin(self, ledger: str, *, waits: bool) -> None:
        """Take the lease, and keep it from now on; with `waits` for as long as another process has it.

        Without, only for as long as a holder that is silent may need to run out: ConfigError as soon as it is seen to
        live. `ledger` names it.
        """
        told: LeaseSeen | None = None
        while True:
            is_taken, seen = await self._tried(waits=waits)
            if is_taken:
                break
            if seen is not None:
                was_renewed = told is not None and seen.expires_ns != told.expires_ns
                if not waits and (was_renewed or holder.lives(seen.holder)):
                    raise ConfigError(
                        f"ledger.url: {ledger} is traded by {holder.short(seen.holder)}; stop that one, give another "
                        "ledger, or set standby.enabled = true to wait for its end"
                    )
                if told is None or told.lease_id != seen.lease_id:
                    self._teller.lease_waited(holder.short(seen.holder), Ns(self._now_ns() + seen.left_ns))
                    told = seen
            await asyncio.sleep(_LOOK_EVERY_S)
        self._teller.lease_taken(self._lease.lease_id)
        self._task = asyncio.create_task(self._keep())
        self._task.add_done_callback(self._ended)

    async def _tried(self, *, waits: bool) -> tuple[bool, LeaseSeen | None]:
        """Whether it is ours now, and what was seen of it; a database that does not answer is waited for as well."""
        before_ns = self._now_ns()
        try:
            is_taken, seen = await self._asked(self._take)
        except JournalError as error:
            if not waits:
                raise
            self._doubt(error)
            return False, None
        self._is_doubted = False
        self._until_ns = Ns(before_ns + self._terms.length_ns)
        return is_taken, seen

    def _take(self) -> tuple[bool, LeaseSeen | None]:
        seen = self._lease.look()
        ended = seen if seen is not None and holder.has_ended(seen.holder) else None
        return self._lease.acquire(ended=ended), seen

    def _doubt(self, error: JournalError) -> None:
        """Told once until it answers again."""
        if not self._is_doubted:
            self._teller.lease_doubted(str(error))
        self._is_doubted = True

    def follow(self, trader: Trader) -> LeaseHeld:
        """Tell this one of every renewal from now on; the newest. LeaseLost when it is gone already."""
        if self._lost is not None:
            raise self._lost
        self._trader = trader
        return LeaseHeld(until_ns=self._until_ns, received_ns=self._now_ns())

    async def _keep(self) -> None:
        """Renew until cancelled or lost."""
        while True:
            await asyncio.sleep(self._terms.length_ns / NS_PER_S / _RENEWALS)
            before_ns = self._now_ns()
            try:
                await self._asked(self._lease.renew)
            except LeaseLost as error:
                self._lose(error)
                return
            except JournalError as error:
                self._doubt(error)
                continue
            self._is_doubted = False
            self._until_ns = Ns(before_ns + self._terms.length_ns)
            self._tell(LeaseHeld(until_ns=self._until_ns, received_ns=self._now_ns()))

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A bug must not let the lease run out untold."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            text = f"lease: {type(error).__name__} {error}"
            self._tell(HaltRequested(received_ns=self._now_ns(), cause=HaltCause.TASK_FAILED, detail=text))

    def _tell(self, event: Event) -> None:
        if self._trader is not None:
            self._trader.sink((event,))

    def _lose(self, error: LeaseLost) -> None:
        self._lost = error
        self._teller.lease_lost(str(error))
        if self._trader is not None:
            self._trader.give_way(error)

    async def end(self, *, is_clear: bool) -> None:
        """Stop renewing; with `is_clear`, nothing of ours being open anywhere, the next one may begin at once.

        Once: what comes later finds it ended.
        """
        if self._is_over:
            return
        self._is_over = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(JournalError):
            if is_clear and self._lost is None and self._lease.lease_id:
                await self._asked(self._lease.give_back)
        await self._asked(self._lease.close)
        self._thread.shutdown(wait=False)

    async def _asked(self, question: Callable[[], _Answer]) -> _Answer:
        """Off the loop, which has ticks to answer: a database may take seconds to fail."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)


def lease_of(config: Config) -> Lease:
    """This process's door to the lease of the configured ledger; nothing is asked yet."""
    owner = opening.owner_of(config.mode.value, (venue.venue for venue in config.venues))
    return Lease(
        lambda: opening.connect(config.ledger_url, owner),
        config.lease,
        holder=holder.this_process().text,
        now_ns=clock.now_ns,
    )


@contextlib.asynccontextmanager
async def held(config: Config, teller: Teller, now_ns: Callable[[], Ns]) -> AsyncIterator[Tenancy | None]:
    """The lease of a run's ledger, taken and kept; ConfigError where another process has it and nobody waits.

    None for a ledger in memory: no other process can reach it.
    """
    at = opening.shown(config.ledger_url)
    if at == ":memory:":
        yield None
        return
    lease = lease_of(config)
    tenancy = Tenancy(lease, config.lease, teller, now_ns=now_ns)
    try:
        await tenancy.begin(at, waits=config.stands_by)
        yield tenancy
    finally:
        await tenancy.end(is_clear=False)
