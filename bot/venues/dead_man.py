"""A venue's dead-man switch: what rests there is taken back by the venue itself once we fall silent.

Knows when the countdown must run, when it was last confirmed, and that an order it no longer covers must go. Must not
know how a venue is asked (`Switch`), nor what an order is for.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.commands import CancelOrder, PlaceOrder
from bot.domain.events import Event, OrderAbsent, OrderAcked, OrderRefused, OrderUpdated, SnapshotTaken
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.venues.contract import NowNs, Sink
from bot.venues.venue_rest import ANSWER_ERRORS, Switch

COUNTDOWN_S: Final = 60
"""From our last word to the venue's cancel. OKX takes 10 to 120 s, Hyperliquid from 5 s on; longer than a restart."""
_EVERY_S: Final = 15.0
"""Between two words while something rests: a request of the background's budget each, three may fail."""
_RETRY_S: Final = 5.0
_LEFT_S_MIN: Final = 25.0
"""With less than this left and no new word confirmed, what rests is taken back by us: the venue does so at the end."""
_LOOK_S: Final = 1.0
_MARGIN_NS: Final = Ns(10 * NS_PER_S)
"""A snapshot asked for so long after an order was covered shows it, or it is over."""


@dataclass(slots=True, kw_only=True)
class _Resting:
    instrument: InstrumentId
    scope: str
    covered_ns: Ns
    order_id: OrderId | None = None


class DeadMan:
    """`Feed` of one gateway's switch. Runs only while something rests: it would cancel a human's orders as well."""

    def __init__(
        self, switch: Switch, cancel: Callable[[CancelOrder], Awaitable[Sequence[Event]]], now_ns: NowNs
    ) -> None:
        """Made inside a running loop; `cancel` is the gateway's."""
        self._switch: Final = switch
        self._cancel: Final = cancel
        self._now_ns: Final = now_ns
        self._clock: Final = asyncio.get_running_loop().time
        self._one_at_a_time: Final = asyncio.Lock()
        """An arming and a disarming on their way together could arrive in any order."""
        self._resting: Final[dict[Label, _Resting]] = {}
        self._confirmed_s: Final[dict[str, float]] = {}
        """When the last word was sent that the venue has confirmed, by scope."""
        self._sent_s: Final[dict[str, float]] = {}
        """When the last word was sent, whatever became of it: until a countdown later something may be armed."""
        self._retry_s: Final[dict[str, float]] = {}

    # --- the gateway's -------------------------------------------------------------------------------

    async def cover(self, order: PlaceOrder) -> None:
        """Before an order that rests leaves: the countdown runs. Where this raises, as the switch does, it must not."""
        scope = self._switch.scope_of(order.instrument)
        self._resting[order.label] = _Resting(instrument=order.instrument, scope=scope, covered_ns=self._now_ns())
        is_covered = False
        try:
            await self._confirm(scope)
            is_covered = True
        finally:
            if not is_covered:
                self._resting.pop(order.label, None)

    def hear(self, events: Sequence[Event]) -> None:
        """What the gateway tells: orders that are over need no cover."""
        for event in events:
            if isinstance(event, SnapshotTaken):
                self._believe(event)
            elif isinstance(event, OrderRefused | OrderAbsent):
                self._resting.pop(event.label, None)
            elif isinstance(event, OrderAcked | OrderUpdated) and event.label in self._resting:
                self._resting[event.label].order_id = event.order_id
                if isinstance(event, OrderUpdated) and event.state is not VenueOrderState.OPEN:
                    del self._resting[event.label]

    def _believe(self, taken: SnapshotTaken) -> None:
        shown = {order.label for order in taken.open_orders}
        for label, order in list(self._resting.items()):
            if label not in shown and order.covered_ns + _MARGIN_NS < taken.requested_ns:
                del self._resting[label]

    async def close(self) -> None:
        """Disarm where nothing rests; else the countdown goes on, as it should. Raises no error of the world."""
        for scope in list(self._sent_s):
            with contextlib.suppress(*ANSWER_ERRORS):
                await self._disarm(scope)

    # --- a feed's ------------------------------------------------------------------------------------

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Nothing to do: only orders are covered."""

    async def run(self, sink: Sink) -> None:
        """Keep the countdowns running while something rests, and no longer; until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            for scope in sorted(self._sent_s):
                if self._clock() >= self._retry_s.get(scope, -math.inf):
                    await self._attend(scope, sink)

    async def _attend(self, scope: str, sink: Sink) -> None:
        try:
            if self._rests(scope):
                await self._confirm(scope)
            else:
                await self._disarm(scope)
        except ANSWER_ERRORS:
            self._retry_s[scope] = self._clock() + _RETRY_S
        if self._rests(scope) and self._left_s(scope) < _LEFT_S_MIN:
            sink(await self._taken_back(scope))

    async def _taken_back(self, scope: str) -> list[Event]:
        """Cancel what no word covers any more; what has no id yet is left to the countdown."""
        events: list[Event] = []
        for label, order in list(self._resting.items()):
            if order.scope == scope and order.order_id is not None:
                command = CancelOrder(label=label, order_id=order.order_id, instrument=order.instrument)
                events += await self._cancel(command)
        return events

    # --- words to the venue ---------------------------------------------------------------------------

    def _rests(self, scope: str) -> bool:
        return any(order.scope == scope for order in self._resting.values())

    def _left_s(self, scope: str) -> float:
        return self._confirmed_s.get(scope, -math.inf) + COUNTDOWN_S - self._clock()

    async def _confirm(self, scope: str) -> None:
        """Arm anew unless that was done a moment ago."""
        async with self._one_at_a_time:
            if self._left_s(scope) > COUNTDOWN_S - _EVERY_S:
                return
            sent_s = self._sent_s[scope] = self._clock()
            await self._switch.arm(scope, COUNTDOWN_S)
            self._confirmed_s[scope] = sent_s

    async def _disarm(self, scope: str) -> None:
        async with self._one_at_a_time:
            if self._rests(scope):
                return
            self._confirmed_s.pop(scope, None)
            if self._clock() - self._sent_s[scope] < COUNTDOWN_S:  # else it has ended by itself
                await self._switch.arm(scope, 0)
            del self._sent_s[scope]
