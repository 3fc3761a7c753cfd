"""Orders of a run, whatever order the venue's messages arrive in."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.events import Filled, IntentRestored, OrderSeen, OrderUpdated, VenueOrderState
from bot.domain.ids import FillId, InstrumentId, Label, OrderId
from bot.domain.time import NS_PER_S, Ns
from bot.execution.lifecycle import OrderState, Signal
from bot.execution.working import ANSWER_GRACE_NS, WorkingOrders

_PERP = InstrumentId("BTC-PERPETUAL")
_LABEL = Label("hb1")
_ORDER = OrderId("42")
_VALID = Ns(2 * NS_PER_S)


def _place(amount: int = -30, label: str = "hb1") -> PlaceOrder:
    return PlaceOrder(
        label=Label(label),
        instrument=_PERP,
        amount_native=Decimal(amount),
        price_native=Decimal(100_000),
        arrival_mid_native=100_000.0,
        valid_until_ns=_VALID,
        decided_seq=1,
    )


def _updated(state: VenueOrderState, filled: int, now_ns: int = 1) -> OrderUpdated:
    return OrderUpdated(
        label=_LABEL,
        order_id=_ORDER,
        instrument=_PERP,
        state=state,
        filled_native=Decimal(filled),
        received_ns=Ns(now_ns),
        venue_ns=Ns(now_ns),
    )


def _filled(number: int, amount: int) -> Filled:
    return Filled(
        fill_id=FillId(str(number)),
        order_id=_ORDER,
        label=_LABEL,
        instrument=_PERP,
        amount_native=Decimal(amount),
        price_native=Decimal(100_000),
        fee_native=Decimal(0),
        fee_currency="BTC",
        is_maker=False,
        received_ns=Ns(1),
        venue_ns=Ns(1),
    )


def _sent(amount: int = -30) -> WorkingOrders:
    working = WorkingOrders()
    working.sent(_place(amount), Ns(0))
    return working


def test_an_order_counts_before_it_has_left() -> None:
    """In flight it may still add all of its amount, on its side only."""
    assert _sent(-30).outstanding() == {_PERP: (Decimal(-30), Decimal(0))}
    assert _sent(30).outstanding() == {_PERP: (Decimal(0), Decimal(30))}


def test_a_label_is_used_once() -> None:
    """Sending an intent twice is a bug, also after it has ended."""
    working = _sent()
    working.hear(_LABEL, Signal.REFUSED, Ns(1), "refused")
    with pytest.raises(AssertionError, match="used twice"):
        working.sent(_place(), Ns(2))


_STEPS = {
    "ack": lambda working: working.acked(_LABEL, _ORDER, Ns(1)),
    "open": lambda working: working.updated(_updated(VenueOrderState.OPEN, 10)),
    "done": lambda working: working.updated(_updated(VenueOrderState.FILLED, 30)),
    "fill 1": lambda working: working.booked(_filled(1, -10), is_new=True),
    "fill 2": lambda working: working.booked(_filled(2, -20), is_new=True),
    "lost": lambda working: working.hear(_LABEL, Signal.LOST, Ns(1), "time-out"),
}


@given(st.permutations(list(_STEPS)))
def test_the_order_of_arrival_does_not_matter(names: list[str]) -> None:
    """Ack, updates, fills and a lost reply in any order: filled, and nothing left open."""
    working = _sent()
    for name in names:
        _STEPS[name](working)

    order = working.find(_LABEL)
    assert order is not None
    assert (order.state, order.filled_native, order.booked_native) == (OrderState.FILLED, Decimal(30), Decimal(30))
    assert working.live() == []
    assert not working.has_live(_PERP)


def test_a_fill_told_but_not_seen_keeps_the_order_live() -> None:
    """The order is over, its fill has not come: the delta is an interval until it does."""
    working = _sent()
    working.updated(_updated(VenueOrderState.CANCELLED, 20))
    assert working.outstanding() == {_PERP: (Decimal(-20), Decimal(0))}
    assert working.doubt_since_ns() == 1

    working.booked(_filled(1, -20), is_new=True)

    assert working.outstanding() == {}
    assert working.doubt_since_ns() is None


def test_the_filled_amount_never_falls() -> None:
    """A late message with an older figure changes nothing."""
    working = _sent()
    working.updated(_updated(VenueOrderState.OPEN, 20))
    working.updated(_updated(VenueOrderState.OPEN, 10))

    order = working.find(_LABEL)
    assert order is not None
    assert order.filled_native == Decimal(20)


def test_silence_becomes_doubt_and_doubt_is_asked_about() -> None:
    """After the deadline and its grace an order without an answer is unknown, and looked up, later each time."""
    working = _sent()
    quiet = working.due(Ns(_VALID + 2 * ANSWER_GRACE_NS))
    commands, moves = working.due(Ns(_VALID + 2 * ANSWER_GRACE_NS + 1))

    assert quiet == ([], [])
    assert [(move.state_before, move.state_after) for move in moves] == [("in_flight", "unknown")]
    assert commands == [
        LookUpOrder(
            label=_LABEL,
            instrument=_PERP,
            order_id=None,
            not_before_ns=Ns(_VALID + ANSWER_GRACE_NS),
            valid_until_ns=_VALID,
        )
    ]


def test_asking_is_bounded_and_never_sends_again() -> None:
    """A minute without answers: a handful of look-ups with growing pauses, nothing else."""
    working = _sent()
    working.hear(_LABEL, Signal.LOST, Ns(1), "time-out")
    asked = [(tenth, command) for tenth in range(600) for command in working.due(Ns(tenth * NS_PER_S // 10))[0]]

    assert {type(command) for _, command in asked} == {LookUpOrder}
    assert 5 <= len(asked) <= 12
    assert asked[-1][0] - asked[-2][0] >= 99


def test_an_order_that_outlives_its_deadline_is_cancelled_and_looked_up_in_turn() -> None:
    """Immediate-or-cancel orders should not rest; one that does is taken back."""
    working = _sent()
    working.acked(_LABEL, _ORDER, Ns(1))
    kinds = [type(c) for second in range(3, 12) for c in working.due(Ns(second * NS_PER_S + 1))[0]]

    assert kinds[:3] == [CancelOrder, LookUpOrder, CancelOrder]


def test_an_intent_of_an_earlier_run_is_unknown() -> None:
    """It counts in the worst case and is asked about at once."""
    working = WorkingOrders()
    working.restore(
        IntentRestored(
            label=_LABEL,
            instrument=_PERP,
            amount_native=Decimal(30),
            price_native=Decimal(100_000),
            valid_until_ns=_VALID,
            received_ns=Ns(0),
        )
    )

    assert working.outstanding() == {_PERP: (Decimal(0), Decimal(30))}
    assert [type(command) for command in working.due(Ns(0))[0]] == [LookUpOrder]


def test_an_adopted_order_is_cancelled_at_once() -> None:
    """It bears our prefix and nobody remembers it: its time is over."""
    working = WorkingOrders()
    seen = OrderSeen(
        order_id=_ORDER,
        label=_LABEL,
        instrument=_PERP,
        amount_native=Decimal(30),
        filled_native=Decimal(10),
        price_native=None,
    )
    moved = working.adopt(_LABEL, seen, Ns(100 * NS_PER_S))

    assert (moved.state_after, moved.cause) == ("open", "adopted")
    assert working.outstanding() == {_PERP: (Decimal(0), Decimal(20))}
    assert working.due(Ns(100 * NS_PER_S))[0] == [CancelOrder(label=_LABEL, order_id=_ORDER, instrument=_PERP)]


def test_an_orderly_end_cancels_what_is_open() -> None:
    """Only orders the venue has can be cancelled; the others end by their deadline."""
    working = _sent()
    working.sent(_place(label="hb2"), Ns(0))
    working.acked(_LABEL, _ORDER, Ns(1))

    assert working.cancel_all() == [CancelOrder(label=_LABEL, order_id=_ORDER, instrument=_PERP)]


def test_absence_ends_an_unknown_order() -> None:
    """Asked after the deadline, the venue has no such order: nothing is outstanding any more."""
    working = _sent()
    working.hear(_LABEL, Signal.LOST, Ns(1), "time-out")
    moved = working.hear(_LABEL, Signal.ABSENT, Ns(_VALID + ANSWER_GRACE_NS), "absent")

    assert moved is not None
    assert moved.state_after == "absent"
    assert working.outstanding() == {}


def test_messages_about_strangers_change_nothing() -> None:
    """An order of somebody else on the account is not ours to follow."""
    working = WorkingOrders()

    assert working.updated(_updated(VenueOrderState.OPEN, 0)) is None
    assert working.booked(_filled(1, -10), is_new=True) == (None, None)
    assert working.live() == []
