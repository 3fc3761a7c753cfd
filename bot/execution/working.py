"""Orders of this run, from the moment they are written down until nothing about them is open.

Does not care in which order the venue's messages arrive. "Pending" is derived here, never stored.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bot.domain.commands import CancelOrder, Command, LookUpOrder, PlaceOrder
from bot.domain.decided import OrderMoved
from bot.domain.events import Filled, IntentRestored, OrderUpdated
from bot.domain.ids import DERIBIT, FillId, InstrumentId, Label, OrderId, VenueId, venue_of
from bot.domain.seen import OrderSeen, VenueOrderState
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.domain.units import ZERO
from bot.execution.lifecycle import TERMINAL, OrderState, Signal, step

ANSWER_GRACE_NS: Final = Ns(1 * NS_PER_S)
"""Beyond `valid_until`: clock error and transport, before absence is believed or silence is doubt."""
_RETRY_FIRST_NS: Final = Ns(500 * NS_PER_MS)
_RETRY_MAX_NS: Final = Ns(10 * NS_PER_S)
_CLOSED_KEPT_MAX: Final = 1_000
"""Closed orders remembered, so that late messages about them are recognised."""

_SIGNALS: Final = {
    VenueOrderState.OPEN: Signal.SEEN_OPEN,
    VenueOrderState.FILLED: Signal.SEEN_FILLED,
    VenueOrderState.CANCELLED: Signal.SEEN_CANCELLED,
    # The venue shows the order and that it is over: an answer, also about an order that was in doubt.
    VenueOrderState.REJECTED: Signal.SEEN_CANCELLED,
}


@dataclass(slots=True, kw_only=True)
class WorkingOrder:
    """One order. Amounts native; `amount_native` signed, cumulative fills unsigned."""

    label: Label
    instrument: InstrumentId
    amount_native: Decimal
    valid_until_ns: Ns
    created_ns: Ns
    arrival_mid_native: float | None = None
    price_native: Decimal | None = None
    rest_until_ns: Ns | None = None
    """None: immediate-or-cancel, or of an earlier run."""
    recalled_ns: Ns | None = None
    """When it was to be taken back, sent or not."""
    was_recall_sent: bool = False
    opened_ns: Ns | None = None
    """When it was first known to be in the book."""
    closed_ns: Ns | None = None
    """When it was last known to be over."""
    order_id: OrderId | None = None
    state: OrderState = OrderState.IN_FLIGHT
    filled_native: Decimal = ZERO
    """The venue's cumulative figure; never falls."""
    booked_native: Decimal = ZERO
    """Sum of the fills that reached us, each once."""
    fill_ids: set[FillId] = field(default_factory=set)
    is_adopted: bool = False
    """Found at the venue: what was filled before is in `booked_native` without its ids."""
    is_restored: bool = False
    """Written down by an earlier run."""
    doubt_since_ns: Ns | None = None
    ask_due_ns: Ns | None = None
    """When to look it up (or cancel it) next; None while an answer is on its way."""
    ask_wait_ns: Ns = _RETRY_FIRST_NS
    was_cancelled_by_us: bool = False
    """The last question was a cancel: the next one is a look-up."""

    @property
    def open_native(self) -> Decimal:
        """Signed amount that may still reach the position."""
        most = self.filled_native if self.state in TERMINAL else abs(self.amount_native)
        left = max(most - self.booked_native, ZERO)
        return left if self.amount_native > ZERO else -left

    @property
    def rests(self) -> bool:
        """Whether it was sent to wait in the book."""
        return self.rest_until_ns is not None

    @property
    def is_at_rest(self) -> bool:
        """Whether it waits in the book and nothing about it is in doubt: told open, every fill seen, not taken back."""
        return (
            self.rests
            and self.state is OrderState.OPEN
            and self.recalled_ns is None
            and self.filled_native == self.booked_native
        )

    @property
    def over_ns(self) -> Ns:
        """When an open one should be over."""
        if self.rest_until_ns is None:
            return self.valid_until_ns
        return self.rest_until_ns if self.recalled_ns is None else min(self.recalled_ns, self.rest_until_ns)

    @property
    def is_live(self) -> bool:
        """Whether anything about this order is still open: its state, or fills told but not seen."""
        return self.state not in TERMINAL or self.open_native != ZERO


class WorkingOrders:
    """Mutable private state of one engine."""

    def __init__(self) -> None:
        """Start with no order."""
        self._live: dict[Label, WorkingOrder] = {}
        self._closed: dict[Label, WorkingOrder] = {}

    def live(self) -> list[WorkingOrder]:
        """Orders with anything open, oldest first."""
        return list(self._live.values())

    def find(self, label: Label | None) -> WorkingOrder | None:
        """An order of this run by label."""
        if label is None:
            return None
        return self._live.get(label) or self._closed.get(label)

    def has_live(self, instrument: InstrumentId) -> bool:
        """Whether a hedge on this instrument is pending."""
        return bool(self._live) and any(order.instrument == instrument for order in self._live.values())

    def outstanding(self) -> dict[InstrumentId, tuple[Decimal, Decimal]]:
        """Per instrument what live orders may still add: (<= 0, >= 0), native."""
        found: dict[InstrumentId, tuple[Decimal, Decimal]] = {}
        for order in self._live.values():
            less, more = found.get(order.instrument, (ZERO, ZERO))
            left = order.open_native
            found[order.instrument] = (less + min(left, ZERO), more + max(left, ZERO))
        return found

    def sent(self, command: PlaceOrder, now_ns: Ns) -> None:
        """Record an order as in flight, before it leaves."""
        assert self.find(command.label) is None, f"label {command.label} used twice"
        self._live[command.label] = WorkingOrder(
            label=command.label,
            instrument=command.instrument,
            amount_native=command.amount_native,
            valid_until_ns=command.valid_until_ns,
            created_ns=now_ns,
            arrival_mid_native=command.arrival_mid_native,
            price_native=command.price_native,
            rest_until_ns=command.rest_until_ns,
        )

    def restore(self, event: IntentRestored) -> None:
        """An order of an earlier run without an end: unknown until the venue answers."""
        self._live[event.label] = WorkingOrder(
            label=event.label,
            instrument=event.instrument,
            amount_native=event.amount_native,
            valid_until_ns=event.valid_until_ns,
            created_ns=event.received_ns,
            state=OrderState.UNKNOWN,
            is_restored=True,
            doubt_since_ns=event.received_ns,
            ask_due_ns=event.received_ns,
        )

    def is_contradicted(self, label: Label, requested_ns: Ns) -> bool:
        """Whether an order shown open by a snapshot asked for then cannot be over, as we believed."""
        order = self._closed.get(label)
        if order is None:
            return False
        # What never existed cannot be open at any time; what ended may be, in a snapshot from before its end.
        never_was = order.state in {OrderState.REFUSED, OrderState.ABSENT}
        return never_was or (order.closed_ns is not None and requested_ns > order.closed_ns)

    def miss(
        self, shown: Collection[Label], requested_ns: Ns, now_ns: Ns, venue: VenueId = DERIBIT
    ) -> list[OrderMoved]:
        """Orders at rest that a snapshot of their venue asked for later does not show: unknown until looked up."""
        gone = [
            order
            for order in self.live()
            if order.is_at_rest
            and venue_of(order.instrument) == venue
            and order.label not in shown
            and order.opened_ns is not None
            and order.opened_ns < requested_ns
        ]
        moves = (self._move(order, Signal.ABSENT, now_ns, "not among the open orders") for order in gone)
        return [moved for moved in moves if moved is not None]

    def reopen(self, label: Label, seen: OrderSeen, now_ns: Ns) -> OrderMoved:
        """The venue shows an order open that was over for us (`is_contradicted`): open again, and to be taken back."""
        order = self._closed.pop(label)
        before = order.state
        order.order_id, order.state = seen.order_id, OrderState.OPEN
        order.filled_native = max(order.filled_native, seen.filled_native)
        order.recalled_ns, order.was_recall_sent = now_ns, False
        order.doubt_since_ns = now_ns
        self._live[label] = order
        return _moved(order, before, "shown open by the venue")

    def adopt(self, label: Label, seen: OrderSeen, now_ns: Ns) -> OrderMoved:
        """An open order that bears our prefix but is not in the ledger: ours to cancel."""
        order = WorkingOrder(
            label=label,
            instrument=seen.instrument,
            amount_native=seen.amount_native,
            valid_until_ns=Ns(now_ns - 2 * ANSWER_GRACE_NS),  # its time is over: cancel at once
            created_ns=now_ns,
            order_id=seen.order_id,
            state=OrderState.OPEN,
            filled_native=seen.filled_native,
            booked_native=seen.filled_native,  # inside the positions of the same snapshot
            is_adopted=True,
            ask_due_ns=now_ns,
        )
        self._live[label] = order
        return _moved(order, OrderState.UNKNOWN, "adopted")

    def hear(self, label: Label, signal: Signal, now_ns: Ns, cause: str) -> OrderMoved | None:
        """Apply a signal; None when nothing changed or the order is not of this run."""
        order = self.find(label)
        if order is None:
            return None
        return self._move(order, signal, now_ns, cause)

    def acked(self, label: Label, order_id: OrderId, now_ns: Ns) -> OrderMoved | None:
        """The venue has given the order an id."""
        order = self.find(label)
        if order is None:
            return None
        order.order_id = order_id
        return self._move(order, Signal.ACKED, now_ns, "acked")

    def updated(self, event: OrderUpdated) -> OrderMoved | None:
        """The venue's word on an order; cumulative filled never falls, whatever arrives late."""
        order = self.find(event.label)
        if order is None:
            return None
        order.order_id = event.order_id
        order.filled_native = max(order.filled_native, event.filled_native)
        return self._move(order, _SIGNALS[event.state], event.received_ns, event.state.value)

    def booked(self, fill: Filled, *, is_new: bool) -> tuple[WorkingOrder | None, OrderMoved | None]:
        """A fill; gives its order (None when not of this run) and how that moved: a fill shows that it exists.

        `is_new`: the positions had not counted it. An order of an earlier run needs the others as well: its fills
        may be inside the positions the ledger or a snapshot gave.
        """
        order = self.find(fill.label)
        if order is None or fill.fill_id in order.fill_ids or (order.is_adopted and not is_new):
            return order, None
        order.order_id = fill.order_id
        order.fill_ids.add(fill.fill_id)
        order.booked_native += abs(fill.amount_native)
        order.filled_native = max(order.filled_native, order.booked_native)
        return order, self._move(order, Signal.ACKED, fill.received_ns, "filled")

    def asked_in_vain(self, label: Label, now_ns: Ns) -> None:
        """A look-up or cancel gave no answer: ask again, later each time."""
        order = self._live.get(label)
        if order is not None:
            order.ask_due_ns = Ns(now_ns + order.ask_wait_ns)
            order.ask_wait_ns = Ns(min(2 * order.ask_wait_ns, _RETRY_MAX_NS))

    def due(self, now_ns: Ns) -> tuple[list[Command], list[OrderMoved]]:
        """Questions that must be asked now, orders to take back, and those that turned unknown by silence."""
        commands: list[Command] = []
        moves: list[OrderMoved] = []
        for order in self.live():
            grace_ns = order.valid_until_ns + ANSWER_GRACE_NS
            if order.state is OrderState.IN_FLIGHT and now_ns > grace_ns + ANSWER_GRACE_NS:
                moved = self._move(order, Signal.LOST, now_ns, "no answer from the gateway")
                assert moved is not None, "silence about an order in flight is doubt"
                moves.append(moved)
            if order.rest_until_ns is not None and now_ns >= order.rest_until_ns:
                self._recall(order, now_ns)
            if order.recalled_ns is not None and not order.was_recall_sent:
                commands += self._cancel(order)
            deadline_ns = _deadline_ns(order)
            if order.state is not OrderState.IN_FLIGHT and now_ns > deadline_ns:
                # An open order that should be over, or fills that were told but never came. If an answer
                # was on its way it had the whole look-up bound of the gateway; asking twice is harmless.
                if order.doubt_since_ns is None:
                    order.doubt_since_ns = now_ns
                if order.ask_due_ns is None:
                    self.asked_in_vain(order.label, now_ns)
            if order.ask_due_ns is not None and now_ns >= order.ask_due_ns:
                commands.append(self._question(order, deadline_ns, now_ns))
        return commands, moves

    def _question(self, order: WorkingOrder, deadline_ns: int, now_ns: Ns) -> Command:
        # The next question is already planned, so that a swallowed answer cannot end the asking.
        self.asked_in_vain(order.label, now_ns)
        may_cancel = order.state is OrderState.OPEN and order.order_id is not None and now_ns > deadline_ns
        order.was_cancelled_by_us = may_cancel and not order.was_cancelled_by_us
        if order.was_cancelled_by_us and order.order_id is not None:
            return CancelOrder(label=order.label, order_id=order.order_id, instrument=order.instrument)
        return LookUpOrder(
            label=order.label,
            instrument=order.instrument,
            order_id=order.order_id,
            not_before_ns=Ns(order.valid_until_ns + ANSWER_GRACE_NS),
            valid_until_ns=order.valid_until_ns,
        )

    def recall(self, now_ns: Ns, only: InstrumentId | None = None) -> list[Command]:
        """Take back what rests or will rest, in all or `only` one; what is not in the book yet, once it is."""
        commands: list[Command] = []
        for order in self._live.values():
            is_meant = order.rests and only in {None, order.instrument}
            if is_meant and order.recalled_ns is None and order.state not in TERMINAL:
                self._recall(order, now_ns)
                commands += self._cancel(order)
        return commands

    def cancel_all(self, now_ns: Ns) -> list[Command]:
        """Cancel whatever is open at the venue, and what will rest there once it is."""
        immediate = [order for order in self._live.values() if order.state is OrderState.OPEN and not order.rests]
        return [*(command for order in immediate for command in self._cancel(order)), *self.recall(now_ns)]

    @staticmethod
    def _recall(order: WorkingOrder, now_ns: Ns) -> None:
        if order.recalled_ns is None:
            order.recalled_ns = now_ns

    @staticmethod
    def _cancel(order: WorkingOrder) -> list[Command]:
        if order.state is not OrderState.OPEN or order.order_id is None:
            return []
        order.was_recall_sent = True
        return [CancelOrder(label=order.label, order_id=order.order_id, instrument=order.instrument)]

    def doubt_since_ns(self, answering: Mapping[VenueId, Ns] | None = None) -> Ns | None:
        """Since when the oldest doubt lasts that could have been answered.

        `answering`: since when each venue that can be asked is there; None: it is no excuse that one is not.
        """
        if not self._live:
            return None
        doubts = [(order.instrument, order.doubt_since_ns) for order in self._live.values()]
        since = [at_ns for _, at_ns in doubts if at_ns is not None]
        if answering is not None:
            there = [(answering.get(venue_of(name)), at_ns) for name, at_ns in doubts]
            since = [max(back_ns, at_ns) for back_ns, at_ns in there if back_ns is not None and at_ns is not None]
        return min(since, default=None)

    def _move(self, order: WorkingOrder, signal: Signal, now_ns: Ns, cause: str) -> OrderMoved | None:
        before = order.state
        order.state = step(before, signal)
        is_unknown = order.state is OrderState.UNKNOWN
        lacks_fills = order.state in TERMINAL and order.open_native != ZERO
        is_overdue = order.state is OrderState.OPEN and now_ns > order.over_ns + ANSWER_GRACE_NS
        if not is_unknown and not lacks_fills and not is_overdue:
            order.doubt_since_ns = None
            if order.rests:
                order.ask_due_ns = (
                    None  # an immediate one is over soon; this one would be asked for as long as it rests
                )
                order.ask_wait_ns = _RETRY_FIRST_NS
        elif order.doubt_since_ns is None:
            order.doubt_since_ns = now_ns
            # Fills told by the order usually follow within the same moment.
            order.ask_due_ns = now_ns if is_unknown else Ns(now_ns + _RETRY_FIRST_NS)
        if order.state is OrderState.OPEN and order.opened_ns is None:
            order.opened_ns = now_ns
        self._file(order, now_ns)
        return None if order.state is before else _moved(order, before, cause)

    def _file(self, order: WorkingOrder, now_ns: Ns) -> None:
        """Keep the order where `is_live` says it belongs."""
        if order.is_live:
            self._closed.pop(order.label, None)
            self._live[order.label] = order
            return
        self._live.pop(order.label, None)
        self._closed[order.label] = replace(order, closed_ns=now_ns, doubt_since_ns=None, ask_due_ns=None)
        if len(self._closed) > _CLOSED_KEPT_MAX:
            del self._closed[next(iter(self._closed))]


def _deadline_ns(order: WorkingOrder) -> int:
    """From when on silence about an order that is not in flight is doubt."""
    over_ns = order.over_ns if order.state is OrderState.OPEN else order.valid_until_ns
    return over_ns + ANSWER_GRACE_NS


def _moved(order: WorkingOrder, before: OrderState, cause: str) -> OrderMoved:
    return OrderMoved(
        label=order.label,
        order_id=order.order_id,
        instrument=order.instrument,
        state_before=before.value,
        state_after=order.state.value,
        cause=cause,
    )
