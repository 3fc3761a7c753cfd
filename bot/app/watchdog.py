"""A dead man's switch in a process of its own: no heartbeat of the bot, so its open orders are cancelled.

The heartbeat is the lease in the ledger, which a bot whose loop stands still does not renew. Knows how to look, to list
and to cancel; it is handed nothing that could buy, sell or change an order.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from bot.domain.errors import BotError, JournalError
from bot.domain.ids import Label, OrderId, is_ours
from bot.domain.time import NS_PER_S, Ns
from bot.journal import holder
from bot.journal.lease import LeaseSeen
from bot.venues.contract import Canceller

_LOOK_EVERY_S: Final = 1.0
_SWEEP_EVERY_NS: Final = Ns(5 * NS_PER_S)
"""Between listings while nobody is there: what was on its way shows up, what would not go is tried again."""
_CANCELS_MAX: Final = 200
"""In one sweep; the next one goes on."""
_ALARM_EVERY_NS: Final = Ns(60 * NS_PER_S)
_VENUE_S_MAX: Final = 30.0
"""Longest sweep: what it did not get to is the next one's."""


class Teller(Protocol):
    """What is said of it."""

    def alarmed(self, cause: str, *, found_count: int, cancelled_count: int, failed: Sequence[str]) -> None:
        """Nobody is there."""

    def cancelled(self, order_id: OrderId, label: Label | None) -> None:
        """One order."""

    def calmed(self, holder: str) -> None:
        """Somebody is there again."""


class WatchParams(Struct, frozen=True, kw_only=True):
    """What a watchdog goes by."""

    label_prefixes: tuple[str, ...]
    """Orders whose labels begin so are ours, one for each book; no other is touched."""
    silence_ns: Ns
    """Beyond the end of a lease, or without an answer of the database: then nobody is there."""


class Watchdog:
    """One bot's. Call `round` again and again."""

    def __init__(
        self,
        look: Callable[[], LeaseSeen | None],
        canceller: Canceller,
        teller: Teller,
        params: WatchParams,
        *,
        now_ns: Callable[[], Ns],
    ) -> None:
        """`look` may block and raise JournalError; it is asked in a thread."""
        self._look = look
        self._canceller = canceller
        self._teller = teller
        self._params = params
        self._now_ns = now_ns
        self._answered_ns = now_ns()
        self._swept_ns: Ns | None = None
        self._alarmed_ns: Ns | None = None

    async def run(self, stopped: asyncio.Event) -> None:
        """Until that is set; a round that is under way ends first, so that nothing of it is cut off."""
        while not stopped.is_set():
            await self.round()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), _LOOK_EVERY_S)

    async def round(self) -> None:
        """Look once; list and cancel where nobody is there."""
        cause = await self._silence()
        if cause is None:
            return
        now_ns = self._now_ns()
        if self._swept_ns is None or now_ns - self._swept_ns >= _SWEEP_EVERY_NS:
            await self._sweep(cause)
            self._swept_ns = self._now_ns()

    async def _silence(self) -> str | None:
        """Why nobody is there; None where somebody is, or ended in order, or nobody ever was."""
        try:
            seen = await asyncio.to_thread(self._look)
        except JournalError as error:
            if self._now_ns() - self._answered_ns <= self._params.silence_ns:
                return None
            return f"the heartbeat cannot be read: {error}"
        self._answered_ns = self._now_ns()
        if seen is None:
            return None
        if seen.is_given_back or -seen.left_ns <= self._params.silence_ns:
            if self._alarmed_ns is not None:
                self._teller.calmed(holder.short(seen.holder))
            self._swept_ns = self._alarmed_ns = None
            return None
        return f"{holder.short(seen.holder)} has been silent for {-seen.left_ns // NS_PER_S} s beyond its lease"

    async def _sweep(self, cause: str) -> None:
        """List once, cancel ours once each. What fails is told, and tried again by the next sweep."""
        failed: list[str] = []
        cancelled_count = found_count = 0
        try:
            async with asyncio.timeout(_VENUE_S_MAX):
                orders = await self._canceller.open_orders()
                ours = [one for one in orders if any(is_ours(one[1], head) for head in self._params.label_prefixes)]
                found_count = len(ours)
                for order_id, label in ours[:_CANCELS_MAX]:
                    try:
                        await self._canceller.cancel_order(order_id)
                    except BotError as error:
                        failed.append(f"{order_id}: {error}")
                        continue
                    cancelled_count += 1
                    self._teller.cancelled(order_id, label)
        except BotError as error:
            failed.append(str(error))
        except TimeoutError:
            failed.append(f"the venue did not answer within {_VENUE_S_MAX:.0f} s")
        self._alarm(cause, found_count=found_count, cancelled_count=cancelled_count, failed=failed)

    def _alarm(self, cause: str, *, found_count: int, cancelled_count: int, failed: Sequence[str]) -> None:
        """At once, whenever something was done or failed, and once a minute while it lasts."""
        now_ns = self._now_ns()
        is_news = bool(found_count or failed) or self._alarmed_ns is None
        if not is_news and self._alarmed_ns is not None and now_ns - self._alarmed_ns < _ALARM_EVERY_NS:
            return
        self._alarmed_ns = now_ns
        self._teller.alarmed(cause, found_count=found_count, cancelled_count=cancelled_count, failed=failed)
