"""Orders and account requests at a venue other than Deribit: commands in, events out, nothing is ever sent twice.

Knows the meaning of each answer and each silence; what is asked and how is the venue's own file (`VenueFacts`). All
goes by HTTP, so an order may rest only under the venue's dead-man switch: a killed bot would leave it there. Must not
know why an order is wanted.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.errors import ConfigError, MalformedMessage, VenueRefused, VenueUnreachable
from bot.domain.events import (
    Event,
    Filled,
    InstrumentListed,
    LookUpFailed,
    OrderAbsent,
    OrderAcked,
    OrderRefused,
    OrderUnknown,
    OrderUpdated,
    SnapshotFailed,
)
from bot.domain.ids import InstrumentId, Label, OrderId, base_of
from bot.domain.instruments import Instrument
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns, ms_from_ns
from bot.domain.units import ZERO
from bot.venues.budget import CreditBucket, OrderRate
from bot.venues.ccxt_road import CcxtRoad
from bot.venues.contract import NowNs
from bot.venues.dead_man import DeadMan
from bot.venues.outcome import may_be_late, not_sent, row_of, verdict
from bot.venues.rest_account import snapshot_of
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import ANSWER_ERRORS, OrderRead, Placed, VenueFacts

_ORDER_WAIT_S_MAX: Final = 1.0
_CANCEL_WAIT_S_MAX: Final = 3.0
_LOOK_UP_WAIT_S_MAX: Final = 10.0
_READ_PAUSES_S: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Before each look at a new order: matched at once, shown a moment later. What is not over by then is asked for again
by the engine."""
_MARGIN_NS: Final = Ns(60 * NS_PER_S)
"""Fills of an order are looked for from so long before its deadline: orders live for seconds."""


class CcxtGateway:
    """`Gateway`, `Inspector` and `Canceller`. One per venue and account."""

    def __init__(
        self, facts: VenueFacts, settings: VenueSettings, now_ns: NowNs, order_rate: OrderRate | None = None
    ) -> None:
        self._facts: Final = facts
        self._settings: Final = settings
        self._now_ns: Final = now_ns
        self._road: Final = CcxtRoad(facts, settings, now_ns)
        self._rest: Final = self._road.rest
        self._credits: Final = CreditBucket(order_rate or OrderRate(), asyncio.get_running_loop().time)
        self._account_id = ""
        switch = self._road.switch
        self.dead_man: Final = None if switch is None else DeadMan(switch, self.cancel, now_ns)
        """What takes back orders that rest, kept up as a feed; None where the venue has no such switch."""

    # --- opening ------------------------------------------------------------------------------------

    @property
    def account_id(self) -> str:
        """The account the key belongs to, as the venue says; empty before it was asked, and without a key."""
        return self._account_id

    @property
    def cancels_on_disconnect(self) -> bool:
        """Where the venue has a dead-man switch: there is no connection whose end it could notice."""
        return self.dead_man is not None

    @property
    def order_credits_left(self) -> float:
        """By our own count, which the venue corrects when it refuses."""
        return self._credits.credits_left

    async def open(self) -> None:
        """Connect, measure the clock, check key and account; opening again checks again."""
        await self.reach()
        self.check_clock()
        if self._settings.credentials is not None:
            await self.check_key()
            await self.check_account()

    async def reach(self) -> None:
        """Connect, and measure the clock on the way; ConfigError or VenueError when that cannot be."""
        await self._road.open()

    def check_clock(self) -> int:
        """Venue time minus ours in ms; ConfigError when one of the two is wrong."""
        return self._road.offset.check()

    async def check_key(self) -> str:
        """What the key and its account may do; ConfigError unless that is what a hedge needs, and no more."""
        return await self._rest.check_key()

    async def check_account(self) -> str:
        """Id of the account the key belongs to; ConfigError when another one is expected."""
        found, expected = await self._rest.check_account(), self._settings.account_id
        if expected is not None and found != expected:
            raise ConfigError(f"hedge_venue.account_id: the key belongs to account {found}, expected is {expected}")
        self._account_id = found
        return found

    async def check_orders(self) -> str:
        """Which way orders go; there is nothing to open."""
        rests = "none may rest" if self.dead_man is None else "they may rest under the venue's dead-man switch"
        return f"go through ccxt, and {rests}"

    async def close(self) -> None:
        """Close connections; never raises."""
        if self.dead_man is not None:
            await self.dead_man.close()
        await self._road.close()

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """Open perpetuals on a coin, inverse and linear."""
        return await self._rest.instruments(base)

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""
        return await self._rest.index_usd(index_name)

    # --- orders -------------------------------------------------------------------------------------

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send once. Whatever happens after the first byte left and is no definite answer is OrderUnknown."""
        uncovered = await self._uncovered(command) if command.rests else None
        return self._heard(await self._placed(command) if uncovered is None else (uncovered,))

    async def _uncovered(self, command: PlaceOrder) -> OrderRefused | None:
        """Why an order that rests must not leave; None: the venue takes it back if we fall silent."""
        if self.dead_man is None:
            return self._refused(command.label, "rests_without_cancel_on_disconnect", RefusalKind.NOT_EXECUTED)
        try:
            await self.dead_man.cover(command)
        except VenueRefused as error:
            # Nothing is wrong with the order. What is not for a human to set right may pass: wait and alarm.
            outcome = row_of(self._facts.errors, error.code).outcome
            kind = outcome if outcome in {RefusalKind.BACK_OFF, RefusalKind.CONFIG} else RefusalKind.PAUSE
            return self._refused(command.label, f"dead_man_switch: {error}", kind)
        except ANSWER_ERRORS as error:
            return self._refused(command.label, f"dead_man_switch: {error}", RefusalKind.UNREACHABLE)
        return None

    def _heard(self, events: Sequence[Event]) -> Sequence[Event]:
        if self.dead_man is not None:
            self.dead_man.hear(events)
        return events

    async def _placed(self, command: PlaceOrder) -> Sequence[Event]:
        label = command.label
        left_s = (command.valid_until_ns - self._now_ns()) / NS_PER_S
        if not await self._credits.take(is_cancel=False, wait_s=min(_ORDER_WAIT_S_MAX, left_s)):
            return (self._refused(label, "own_order_budget", RefusalKind.BACK_OFF),)
        if self._now_ns() >= command.valid_until_ns:
            return (self._refused(label, "expired_before_sending", RefusalKind.NOT_EXECUTED),)
        try:
            placed = await self._rest.place(command, ms_from_ns(command.valid_until_ns) + self._road.offset.ms)
            if placed.order is not None:
                _demand_same(placed.order, command)
        except VenueRefused as error:
            told = self._verdict(label, error)
            if may_be_late(told):
                with contextlib.suppress(*ANSWER_ERRORS):  # the last measurement stands
                    await self._road.measure()
            is_too_small = isinstance(told, OrderRefused) and told.kind is RefusalKind.TOO_SMALL
            return (told, *(await self._listed_anew(command.instrument) if is_too_small else ()))
        except VenueUnreachable as error:
            return (self._refused(label, f"not_sent: {error}", RefusalKind.UNREACHABLE),)
        except ANSWER_ERRORS as error:
            return (OrderUnknown(label=label, received_ns=self._now_ns(), cause=str(error)),)
        return await self._followed(command, placed)

    def _verdict(self, label: Label, error: VenueRefused) -> Event:
        if row_of(self._facts.errors, error.code).outcome is RefusalKind.BACK_OFF:
            self._credits.drain()
        return verdict(self._facts.errors, label, error, self._now_ns())

    async def _listed_anew(self, instrument: InstrumentId) -> Sequence[Event]:
        """What the least order is now; nothing where that cannot be had: another refusal asks again."""
        base = base_of(instrument)
        try:
            listed = () if base is None else await self._rest.instruments(base)
        except ANSWER_ERRORS:
            return ()
        return [InstrumentListed(instrument=it, received_ns=self._now_ns()) for it in listed if it.id == instrument]

    def _refused(self, label: Label, name: str, kind: RefusalKind) -> OrderRefused:
        return not_sent(label, name, kind, self._now_ns())

    async def _followed(self, command: PlaceOrder, placed: Placed) -> Sequence[Event]:
        """A new order until it rests, or is over with all its fills told; else what is known, and the engine asks."""
        acked = OrderAcked(label=command.label, order_id=placed.order_id, received_ns=self._now_ns())
        known: Sequence[Event] = ()
        order = placed.order
        for pause_s in _READ_PAUSES_S:
            await asyncio.sleep(pause_s)
            try:
                if order is None or order.state is VenueOrderState.OPEN:
                    order = await self._rest.order(command.instrument, command.label, placed.order_id)
                    if order is None:
                        continue
                    _demand_same(order, command)
                if order.state is VenueOrderState.OPEN and not command.rests:
                    continue
                fills = await self._fills(order)
            except ANSWER_ERRORS:
                break
            known = (*fills, self._updated(order))
            if _sum(fills) == order.filled_native:
                break
        return (acked, *known)

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """The order's state and fills afterwards; LookUpFailed when nothing definite is known."""
        return self._heard(await self._cancelled(command))

    async def _cancelled(self, command: CancelOrder) -> Sequence[Event]:
        label = command.label
        if not await self._credits.take(is_cancel=True, wait_s=_CANCEL_WAIT_S_MAX):
            return (self._not_known(label, "own order budget"),)
        try:
            await self._rest.cancel(command)
        except VenueRefused as error:
            if row_of(self._facts.errors, error.code).outcome is not RefusalKind.GONE:
                return (self._not_known(label, str(error)),)
        except ANSWER_ERRORS as error:
            return (self._not_known(label, str(error)),)
        try:
            order = await self._rest.order(command.instrument, label, command.order_id)
            if order is None:
                return (self._not_known(label, "there is no such order"),)
            return (*await self._fills(order), self._updated(order))
        except ANSWER_ERRORS as error:
            return (self._not_known(label, str(error)),)

    async def look_up(self, command: LookUpOrder) -> Sequence[Event]:
        """By label, from `not_before_ns` on. Absent only when asked after `valid_until` and nothing shows it."""
        return self._heard(await self._looked_up(command))

    async def _looked_up(self, command: LookUpOrder) -> Sequence[Event]:
        wait_s = (command.not_before_ns - self._now_ns()) / NS_PER_S
        if wait_s > _LOOK_UP_WAIT_S_MAX:
            return (self._not_known(command.label, f"not before {wait_s:.0f} s from now"),)
        await asyncio.sleep(max(0.0, wait_s))
        asked_ns = self._now_ns()
        try:
            order = await self._rest.order(command.instrument, command.label, None)
            if order is not None:
                if order.label != command.label:
                    raise MalformedMessage(f"asked for {command.label}, told of {order.label}")
                return (*await self._fills(order), self._updated(order))
            traces = await self._rest.traces(command.instrument, command.label, Ns(command.valid_until_ns - _MARGIN_NS))
        except ANSWER_ERRORS as error:
            return (self._not_known(command.label, str(error)),)
        if traces.fills:
            return (*traces.fills, *self._ended(traces.fills))
        if not traces.is_complete:
            return (self._not_known(command.label, "more fills since than are told"),)
        if asked_ns <= command.valid_until_ns:
            return (self._not_known(command.label, "not there, but it may still start"),)
        return (OrderAbsent(label=command.label, received_ns=self._now_ns()),)

    async def _fills(self, order: OrderRead) -> tuple[Filled, ...]:
        if order.filled_native == ZERO:
            return ()
        fills = (await self._rest.order_fills(order)).fills
        if any(fill.order_id != order.order_id or fill.instrument != order.instrument for fill in fills):
            raise MalformedMessage(f"fills of other orders came with {order.order_id}")
        if _sum(fills) > order.filled_native:
            raise MalformedMessage(f"fills of order {order.order_id} exceed its filled amount")
        return fills

    def _updated(self, order: OrderRead) -> OrderUpdated:
        return OrderUpdated(
            label=order.label or Label(""),
            order_id=order.order_id,
            instrument=order.instrument,
            state=order.state,
            filled_native=order.filled_native,
            received_ns=self._now_ns(),
            venue_ns=order.venue_ns,
        )

    def _ended(self, fills: Sequence[Filled]) -> list[OrderUpdated]:
        """Orders the venue lists no more, but whose fills it keeps: what is open is listed, so they are over."""
        ended = []
        for order_id in dict.fromkeys(fill.order_id for fill in fills):
            own = [fill for fill in fills if fill.order_id == order_id]
            last = max(own, key=lambda fill: fill.venue_ns)
            ended.append(
                OrderUpdated(
                    label=last.label or Label(""),
                    order_id=order_id,
                    instrument=last.instrument,
                    state=VenueOrderState.CANCELLED,
                    filled_native=_sum(own),
                    received_ns=self._now_ns(),
                    venue_ns=last.venue_ns,
                )
            )
        return ended

    def _not_known(self, label: Label, cause: str) -> LookUpFailed:
        return LookUpFailed(label=label, received_ns=self._now_ns(), cause=cause)

    # --- the account --------------------------------------------------------------------------------

    async def snapshot(self) -> Sequence[Event]:
        """Positions, open orders and fills that belong together."""
        try:
            await self._road.measure()
            return self._heard(await snapshot_of(self._rest, self._settings.venue, self._now_ns))
        except ANSWER_ERRORS as error:
            return (SnapshotFailed(received_ns=self._now_ns(), cause=str(error), venue=self._settings.venue),)

    async def open_orders(self) -> Sequence[tuple[OrderId, Label | None]]:
        """Open orders of the account; VenueError when they cannot be had."""
        return [(order.order_id, order.label) for order in await self._rest.open_orders()]

    async def cancel_order(self, order_id: OrderId) -> None:
        """Cancel one; VenueError when that is not certain."""
        if not await self._credits.take(is_cancel=True, wait_s=_CANCEL_WAIT_S_MAX):
            raise VenueUnreachable("own order budget")
        found = next((order for order in await self._rest.open_orders() if order.order_id == order_id), None)
        if found is not None:
            label = found.label or Label("")
            await self._rest.cancel(CancelOrder(label=label, order_id=order_id, instrument=found.instrument))


def _sum(fills: Sequence[Filled]) -> Decimal:
    return sum((abs(fill.amount_native) for fill in fills), ZERO)


def _demand_same(order: OrderRead, command: PlaceOrder) -> None:
    """The order is the one that was sent, to the last digit; MalformedMessage otherwise."""
    told: tuple[Label | None, InstrumentId, Decimal] = (order.label, order.instrument, order.amount_native)
    if told != (command.label, command.instrument, command.amount_native):
        raise MalformedMessage(f"the reply is about {told}, not about this order")
