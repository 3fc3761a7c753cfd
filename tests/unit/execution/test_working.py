"""Working orders: whatever arrives, in whatever order, nothing open is forgotten and nothing counts twice."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, LookUpOrder
from bot.domain.ids import Label, OrderId
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.execution.lifecycle import OrderState, Signal
from bot.execution.working import ANSWER_GRACE_NS, WorkingOrder, WorkingOrders

_LABEL = Label("hb1")
_VALID_NS = 2 * NS_PER_S


@pytest.fixture
def working(make: Any) -> WorkingOrders:
    """One order of +100 in flight since `make.now_ns`."""
    orders = WorkingOrders()
    orders.sent(make.place(), make.now_ns)
    return orders


def _order(working: WorkingOrders, label: str = _LABEL) -> WorkingOrder:
    order = working.find(Label(label))
    assert order is not None, "the order is gone"
    return order


def _picture(working: WorkingOrders) -> tuple[str, str, str, bool]:
    order = _order(working)
    return order.state.value, str(order.filled_native), str(order.booked_native), bool(working.live())


# What can be heard, as (kind, argument); the table below plays them in order.
def _hear(working: WorkingOrders, make: Any, word: str) -> None:
    kind, _, argument = word.partition(" ")
    if kind == "ack":
        working.acked(_LABEL, OrderId("V-1"), make.now_ns)
    elif kind == "fill":
        fill_id, amount = argument.split()
        working.booked(make.fill(fill_id, amount, _LABEL), is_new=True)
    elif kind in {"refused", "lost", "absent"}:
        working.hear(_LABEL, Signal(kind), make.now_ns, "test")
    else:
        working.updated(make.updated(_LABEL, kind, argument))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ack", "open 0", "fill a 100", "filled 100"], ("filled", "100", "100", False)),
        (["fill a 100", "filled 100", "ack"], ("filled", "100", "100", False)),
        (["filled 100", "fill a 100", "ack"], ("filled", "100", "100", False)),
        (["filled 100", "ack", "open 0"], ("filled", "100", "0", True)),
        (["fill a 40", "ack"], ("open", "40", "40", True)),
        (["fill a 40", "fill a 40", "fill b 30"], ("open", "70", "70", True)),
        (["open 70", "open 40"], ("open", "70", "0", True)),
        (["open 40", "fill a 40", "cancelled 40"], ("cancelled", "40", "40", False)),
        (["cancelled 40", "open 40", "fill a 40"], ("cancelled", "40", "40", False)),
        (["cancelled 40"], ("cancelled", "40", "0", True)),
        (["cancelled 0"], ("cancelled", "0", "0", False)),
        (["refused"], ("refused", "0", "0", False)),
        (["rejected 0"], ("cancelled", "0", "0", False)),
        (["rejected 0", "refused"], ("cancelled", "0", "0", False)),
        (["lost"], ("unknown", "0", "0", True)),
        (["lost", "absent"], ("absent", "0", "0", False)),
        (["lost", "refused"], ("unknown", "0", "0", True)),
        (["lost", "rejected 0"], ("cancelled", "0", "0", False)),
        (["lost", "filled 100"], ("filled", "100", "0", True)),
        (["lost", "filled 100", "fill a 100"], ("filled", "100", "100", False)),
        # the venue contradicts itself: nothing is assumed over
        (["fill a 40", "refused"], ("unknown", "40", "40", True)),
        (["fill a 40", "absent"], ("unknown", "40", "40", True)),
        (["lost", "fill a 40", "absent"], ("unknown", "40", "40", True)),
        (["refused", "fill a 40"], ("open", "40", "40", True)),
        (["lost", "absent", "fill a 100"], ("open", "100", "100", True)),
        (["refused", "open 0"], ("open", "0", "0", True)),
    ],
    ids=lambda value: " / ".join(value) if isinstance(value, list) else "",
)
def test_any_order_of_messages(
    working: WorkingOrders, make: Any, words: list[str], expected: tuple[str, str, str, bool]
) -> None:
    """State, cumulative fill, booked fill, still live: the same facts give the same end."""
    for word in words:
        _hear(working, make, word)

    assert _picture(working) == expected


@pytest.mark.parametrize(
    ("words", "less", "more"),
    [
        ([], "0", "100"),
        (["lost"], "0", "100"),
        (["fill a 40"], "0", "60"),
        (["open 40"], "0", "100"),  # told, not seen: the position does not hold them yet
        (["cancelled 40"], "0", "40"),
        (["cancelled 40", "fill a 40"], None, None),
        (["lost", "fill a 130"], "0", "0"),
    ],
    ids=str,
)
def test_what_may_still_come_is_outstanding(
    working: WorkingOrders, make: Any, words: list[str], less: str | None, more: str | None
) -> None:
    """An order counts until its last fill is inside the position: forgetting it would hedge twice."""
    for word in words:
        _hear(working, make, word)

    expected = {} if more is None else {make.place().instrument: (Decimal(less or 0), Decimal(more))}
    assert working.outstanding() == expected


def test_orders_of_both_sides_widen_both_ways(working: WorkingOrders, make: Any) -> None:
    """A buy and a sale in doubt may each happen without the other."""
    working.sent(make.place("hb2", "-30"), make.now_ns)

    assert working.outstanding() == {"BTC-PERPETUAL": (Decimal(-30), Decimal(100))}
    assert working.has_live(make.place().instrument)
    assert not working.has_live(make.option().id)


def test_a_label_is_used_once(working: WorkingOrders, make: Any) -> None:
    """The venue does not refuse a second order with the same label: we do."""
    with pytest.raises(AssertionError, match="used twice"):
        working.sent(make.place(), make.now_ns)

    _hear(working, make, "refused")
    with pytest.raises(AssertionError, match="used twice"):
        working.sent(make.place(), make.now_ns)


def test_words_about_orders_of_others_change_nothing(working: WorkingOrders, make: Any) -> None:
    """Another run, another book, a human in the web interface."""
    other = Label("hbother")

    assert working.hear(other, Signal.REFUSED, make.now_ns, "") is None
    assert working.acked(other, OrderId("V-7"), make.now_ns) is None
    assert working.updated(make.updated(other, "open")) is None
    assert working.booked(make.fill("x", "10", other), is_new=True) == (None, None)
    assert working.booked(make.fill("y", "10", None), is_new=True) == (None, None)
    working.asked_in_vain(other, make.now_ns)
    assert [order.label for order in working.live()] == [_LABEL]


def test_each_move_is_told_once(working: WorkingOrders, make: Any) -> None:
    """A change of state gives one note; a repetition none."""
    told = [working.acked(_LABEL, OrderId("V-1"), make.now_ns) for _ in range(2)]

    assert [None if note is None else (note.state_before, note.state_after, note.order_id) for note in told] == [
        ("in_flight", "open", "V-1"),
        None,
    ]


def test_silence_becomes_doubt_and_a_question(working: WorkingOrders, make: Any) -> None:
    """No answer by the deadline: unknown, looked up by label, never sent again; then absent and over."""
    quiet, _ = working.due(Ns(make.now_ns + _VALID_NS + 2 * ANSWER_GRACE_NS))
    asked, moves = working.due(Ns(make.now_ns + _VALID_NS + 2 * ANSWER_GRACE_NS + 1))

    assert quiet == []
    assert asked == [
        LookUpOrder(
            label=_LABEL,
            instrument=make.place().instrument,
            order_id=None,
            not_before_ns=Ns(make.now_ns + _VALID_NS + ANSWER_GRACE_NS),
            valid_until_ns=Ns(make.now_ns + _VALID_NS),
        )
    ]
    assert [(note.state_before, note.state_after) for note in moves] == [("in_flight", "unknown")]

    working.hear(_LABEL, Signal.ABSENT, make.now_ns, "")
    assert working.live() == []


def test_absence_is_never_believed_before_the_order_has_expired(working: WorkingOrders, make: Any) -> None:
    """The look-up of a lost order carries a not-before after its `valid_until`."""
    working.hear(_LABEL, Signal.LOST, make.now_ns, "time-out")
    asked, _ = working.due(make.now_ns)

    assert [command.not_before_ns > make.place().valid_until_ns for command in asked] == [True]


def _asked_at_ms(working: WorkingOrders, make: Any, seconds: int) -> list[int]:
    found = []
    for ms in range(0, seconds * 1_000, 100):
        commands, _ = working.due(Ns(make.now_ns + ms * NS_PER_MS))
        found += [ms] * len(commands)
    return found


def test_questions_back_off_and_never_stop(working: WorkingOrders, make: Any) -> None:
    """Half a second, one, two, four, eight, then every ten seconds: an unanswered order is asked for until it is."""
    working.hear(_LABEL, Signal.LOST, make.now_ns, "time-out")

    assert _asked_at_ms(working, make, 40) == [0, 500, 1_500, 3_500, 7_500, 15_500, 25_500, 35_500]


def test_fills_told_but_not_seen_are_asked_for(working: WorkingOrders, make: Any) -> None:
    """The venue says filled, the fill never comes: live, in doubt, asked for after the usual delay."""
    _hear(working, make, "filled 100")
    early, _ = working.due(make.now_ns)
    late, _ = working.due(Ns(make.now_ns + 500 * NS_PER_MS))

    assert early == []
    assert [type(command) for command in late] == [LookUpOrder]
    assert working.doubt_since_ns() == make.now_ns

    _hear(working, make, "fill a 100")
    assert working.doubt_since_ns() is None
    assert working.live() == []


def test_an_order_that_outlives_its_validity_is_cancelled_and_looked_up(working: WorkingOrders, make: Any) -> None:
    """It blocks hedging, so it is doubt as well: cancel, look up, cancel, until its end is known."""
    _hear(working, make, "open 0")
    late_ns = make.now_ns + _VALID_NS + ANSWER_GRACE_NS + 1
    commands = []
    for ms in range(0, 4_000, 100):
        commands += working.due(Ns(late_ns + ms * NS_PER_MS))[0]

    assert [type(command) for command in commands] == [CancelOrder, LookUpOrder, CancelOrder]
    assert working.doubt_since_ns() == late_ns

    working.updated(make.updated(_LABEL, "open", received_ns=Ns(late_ns + 9 * NS_PER_S)))
    assert working.doubt_since_ns() == late_ns, "still open, still late"

    _hear(working, make, "cancelled 0")
    assert working.doubt_since_ns() is None


def test_an_order_shown_open_too_late_is_doubt_from_then_on(working: WorkingOrders, make: Any) -> None:
    """The word "open" after the validity answers nothing."""
    late_ns = Ns(make.now_ns + _VALID_NS + ANSWER_GRACE_NS + 1)
    working.updated(make.updated(_LABEL, "open", received_ns=late_ns))

    assert working.doubt_since_ns() == late_ns


def test_only_what_is_open_at_the_venue_can_be_cancelled(working: WorkingOrders, make: Any) -> None:
    """An order in flight has no id yet; one in doubt is looked up instead."""
    before = working.cancel_all(make.now_ns)
    _hear(working, make, "open 0")

    assert before == []
    assert working.cancel_all(make.now_ns) == [
        CancelOrder(label=_LABEL, order_id=OrderId("V-1"), instrument=make.place().instrument)
    ]


def _restored(make: Any) -> WorkingOrders:
    working = WorkingOrders()
    working.restore(
        ev.IntentRestored(
            label=_LABEL,
            instrument=make.place().instrument,
            amount_native=Decimal(100),
            price_native=Decimal(100_000),
            valid_until_ns=Ns(make.now_ns - NS_PER_S),
            received_ns=make.now_ns,
        )
    )
    return working


def test_an_intent_of_an_earlier_run_is_unknown_and_asked_for_at_once(make: Any) -> None:
    """It may have been sent the moment before the crash."""
    working = _restored(make)
    commands, _ = working.due(make.now_ns)

    assert [type(command) for command in commands] == [LookUpOrder]
    assert working.outstanding() == {"BTC-PERPETUAL": (Decimal(0), Decimal(100))}


@pytest.mark.parametrize("is_new", [True, False])
def test_fills_of_an_earlier_run_close_it_whoever_counted_them(make: Any, is_new: bool) -> None:
    """The ledger may hold the fill without the order's end: the order must not stay open for ever."""
    working = _restored(make)
    for _ in range(2):
        working.booked(make.fill("a", "100", _LABEL), is_new=is_new)
    working.updated(make.updated(_LABEL, "filled", "100"))

    assert working.live() == []
    assert _order(working).booked_native == Decimal(100)


def test_our_open_order_without_intent_is_adopted_and_cancelled(make: Any) -> None:
    """A lost ledger: the order bears our prefix, so it is ours to take back; what it had filled is in the snapshot."""
    working = WorkingOrders()
    seen = make.order_seen("hbold", "-100", filled_native=Decimal(40))
    note = working.adopt(Label("hbold"), seen, make.now_ns)
    commands, _ = working.due(make.now_ns)

    assert (note.state_before, note.state_after, note.cause) == ("unknown", "open", "adopted")
    assert commands == [CancelOrder(label=Label("hbold"), order_id=OrderId("V-9"), instrument=seen.instrument)]
    assert working.outstanding() == {seen.instrument: (Decimal(-60), Decimal(0))}

    working.booked(make.fill("old", "-40", "hbold"), is_new=False)  # inside the snapshot's positions already
    assert _order(working, "hbold").booked_native == Decimal(40)
    working.booked(make.fill("new", "-10", "hbold"), is_new=True)
    working.updated(make.updated("hbold", "cancelled", "50"))
    assert working.live() == []


def test_closed_orders_are_remembered_but_not_without_end(make: Any) -> None:
    """Late messages find their order; a thousand closed ones are enough."""
    working = WorkingOrders()
    for number in range(1_001):
        working.sent(make.place(f"hb{number}"), make.now_ns)
        working.hear(Label(f"hb{number}"), Signal.REFUSED, make.now_ns, "")

    assert working.find(Label("hb0")) is None
    assert _order(working, "hb1").state is OrderState.REFUSED
    assert working.find(None) is None
