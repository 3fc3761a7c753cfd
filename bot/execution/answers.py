"""What a venue says about our orders, turned into their states and into how long to wait. Knows no position.

An answer about an order of another book changes nothing here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bot.domain import events as ev
from bot.domain.decided import NOTHING, Note, Outcome
from bot.domain.reasons import RefusalKind
from bot.domain.units import ZERO
from bot.execution.lifecycle import OrderState, Signal
from bot.execution.standing import Standing
from bot.execution.working import WorkingOrders


class Answers:
    """Of one engine; the state is that of its orders and its standing."""

    def __init__(self, working: WorkingOrders, standing: Standing) -> None:
        """Both are changed here."""
        self._working = working
        self._standing = standing

    def handlers(self) -> Mapping[type[Any], Callable[[Any], Outcome]]:
        """The events this takes."""
        return {
            ev.OrderAcked: self._on_acked,
            ev.OrderRefused: self._on_refused,
            ev.OrderUnknown: self._on_unknown,
            ev.OrderUpdated: self._on_updated,
            ev.OrderAbsent: self._on_absent,
            ev.LookUpFailed: self._on_look_up_failed,
        }

    def _on_acked(self, event: ev.OrderAcked) -> Outcome:
        if self._working.find(event.label) is not None:
            self._standing.order_accepted()
        return told(self._working.acked(event.label, event.order_id, event.received_ns))

    def _on_refused(self, event: ev.OrderRefused) -> Outcome:
        order = self._working.find(event.label)
        if order is None:
            return NOTHING  # of another book
        cause = f"{event.code} {event.name}"
        notes = some(self._working.hear(event.label, Signal.REFUSED, event.received_ns, cause))
        if order.rests and event.kind is RefusalKind.REQUOTE:
            self._standing.order_missed(event.received_ns)  # the market came to the price first: no fault of the order
            return Outcome(notes=tuple(notes))
        notes += some(self._standing.order_refused(event.kind, event.received_ns, cause, order.instrument))
        return Outcome(notes=tuple(notes))

    def _on_unknown(self, event: ev.OrderUnknown) -> Outcome:
        return told(self._working.hear(event.label, Signal.LOST, event.received_ns, event.cause))

    def _on_updated(self, event: ev.OrderUpdated) -> Outcome:
        moved = self._working.updated(event)
        order = self._working.find(event.label)
        is_ours = order is not None and order.recalled_ns is not None
        if (
            moved is not None
            and moved.state_after == OrderState.CANCELLED
            and event.filled_native == ZERO
            and not is_ours
        ):
            # Immediate-or-cancel that met nothing: the market has moved on, look at it again first.
            self._standing.order_missed(event.received_ns)
        return told(moved)

    def _on_absent(self, event: ev.OrderAbsent) -> Outcome:
        moved = self._working.hear(event.label, Signal.ABSENT, event.received_ns, "absent at the venue")
        order = self._working.find(event.label)
        notes = some(moved)
        if moved is not None and order is not None and order.state is OrderState.ABSENT and not order.is_restored:
            notes += some(self._standing.order_lost())
        return Outcome(notes=tuple(notes))

    def _on_look_up_failed(self, event: ev.LookUpFailed) -> Outcome:
        self._working.asked_in_vain(event.label, event.received_ns)
        return NOTHING


def some(note: Note | None) -> list[Note]:
    """A note or none, as a list."""
    return [] if note is None else [note]


def told(note: Note | None) -> Outcome:
    """An outcome of a note or none."""
    return NOTHING if note is None else Outcome(notes=(note,))
