"""Orders that rest: left alone while they may, taken back once, doubted when the venue contradicts itself."""

from typing import Any

import pytest

from bot.domain.ids import Label, OrderId, VenueId
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.execution.lifecycle import OrderState, Signal
from bot.execution.working import WorkingOrder, WorkingOrders

_LABEL = Label("hb1")
_REST_NS = Ns(30 * NS_PER_S)


def _order(working: WorkingOrders) -> WorkingOrder:
    order = working.find(_LABEL)
    assert order is not None, "the order is gone"
    return order


def _hear(working: WorkingOrders, make: Any, word: str) -> None:
    kind, _, argument = word.partition(" ")
    if kind == "ack":
        working.acked(_LABEL, OrderId("V-1"), make.now_ns)
    elif kind == "fill":
        working.booked(make.fill(*argument.split(), _LABEL), is_new=True)
    elif kind in {"refused", "lost", "absent"}:
        working.hear(_LABEL, Signal(kind), make.now_ns, "test")
    else:
        working.updated(make.updated(_LABEL, kind, argument))


@pytest.fixture
def resting(make: Any) -> WorkingOrders:
    """One order of +100 sent to rest for thirty seconds."""
    orders = WorkingOrders()
    orders.sent(make.place(rest_until_ns=Ns(make.now_ns + _REST_NS)), make.now_ns)
    return orders


def _kinds(working: WorkingOrders, now_ns: Ns) -> list[str]:
    return [type(command).__name__ for command in working.due(now_ns)[0]]


@pytest.mark.parametrize(
    ("words", "is_at_rest"),
    [
        ([], False),
        (["ack"], True),
        (["open 0"], True),
        (["open 40"], False),  # filled, and the fill not seen
        (["open 40", "fill a 40"], True),
        (["lost"], False),
        (["lost", "open 0"], True),
        (["open 0", "absent"], False),
        (["open 0", "cancelled 0"], False),
        (["open 0", "filled 100", "fill a 100"], False),
    ],
    ids=lambda value: " / ".join(value) if isinstance(value, list) else "",
)
def test_at_rest_is_open_and_without_doubt(
    resting: WorkingOrders, make: Any, words: list[str], is_at_rest: bool
) -> None:
    """Only what is known to wait in the book, with every fill seen, answers to its reason."""
    for word in words:
        _hear(resting, make, word)

    assert _order(resting).is_at_rest is is_at_rest


def test_what_rests_is_left_alone_until_its_end(resting: WorkingOrders, make: Any) -> None:
    """No question about it long after it had to start; at its end it is taken back, once."""
    _hear(resting, make, "open 0")
    before = [kind for tenth in range(300) for kind in _kinds(resting, Ns(make.now_ns + tenth * 100 * NS_PER_MS))]
    at_end = _kinds(resting, Ns(make.now_ns + _REST_NS))

    assert (before, at_end) == ([], ["CancelOrder"])
    assert not _order(resting).is_at_rest
    assert _kinds(resting, Ns(make.now_ns + _REST_NS + 1)) == []


def test_what_was_unknown_and_rests_is_asked_for_no_more(resting: WorkingOrders, make: Any) -> None:
    """The doubt is over: an order that stays open for long must not be looked up all the while."""
    _hear(resting, make, "lost")
    asked = _kinds(resting, make.now_ns)
    _hear(resting, make, "open 0")

    assert asked == ["LookUpOrder"]
    assert resting.doubt_since_ns() is None
    assert [kind for s in range(1, 29) for kind in _kinds(resting, Ns(make.now_ns + s * NS_PER_S))] == []


@pytest.mark.parametrize(("word", "at_once"), [("open 0", 1), ("lost", 0), (None, 0)])
def test_a_recall_is_sent_once_the_order_can_be_cancelled(
    resting: WorkingOrders, make: Any, word: str | None, at_once: int
) -> None:
    """In the book: now. In flight or unknown: when it is shown open. Wanted twice, sent once."""
    if word is not None:
        _hear(resting, make, word)
    first, second = resting.recall(make.now_ns), resting.recall(make.now_ns)
    _hear(resting, make, "open 0")
    later = [kind for kind in _kinds(resting, make.now_ns) if kind == "CancelOrder"]

    assert (len(first), second, len(later)) == (at_once, [], 1 - at_once)


def test_a_recall_without_an_answer_is_doubt_and_is_repeated(resting: WorkingOrders, make: Any) -> None:
    """A second after it was wanted; then cancel and look-up in turns."""
    _hear(resting, make, "open 0")
    resting.recall(make.now_ns)
    asked = [kind for tenth in range(100) for kind in _kinds(resting, Ns(make.now_ns + tenth * 100 * NS_PER_MS))]

    assert asked == ["CancelOrder", "LookUpOrder", "CancelOrder", "LookUpOrder"]
    since_ns = resting.doubt_since_ns()
    assert since_ns is not None
    assert make.now_ns + NS_PER_S < since_ns < make.now_ns + 2 * NS_PER_S


@pytest.mark.parametrize(
    ("words", "shown_after_ns", "is_contradicted"),
    [
        (["refused"], -1, True),
        (["lost", "absent"], -1, True),
        (["open 0", "cancelled 0"], -1, False),  # the snapshot is from before its end
        (["open 0", "cancelled 0"], 1, True),
        (["open 0", "filled 100", "fill a 100"], 1, True),
        (["open 0"], 1, False),  # not over at all
        ([], 1, False),
    ],
)
def test_an_order_shown_open_may_contradict_its_end(
    resting: WorkingOrders, make: Any, words: list[str], shown_after_ns: int, is_contradicted: bool
) -> None:
    """What never was cannot be open; what ended cannot be open afterwards. Then it is open again, to be taken back."""
    for word in words:
        _hear(resting, make, word)
    assert resting.is_contradicted(_LABEL, Ns(make.now_ns + shown_after_ns)) is is_contradicted
    if is_contradicted:
        resting.reopen(_LABEL, make.order_seen(_LABEL, "100"), make.now_ns)
        assert [order.label for order in resting.live()] == [_LABEL]
        assert _kinds(resting, make.now_ns) == ["CancelOrder"]


@pytest.mark.parametrize(("shown", "requested_after_ns", "count"), [(True, 1, 0), (False, 1, 1), (False, -1, 0)])
def test_what_a_later_snapshot_does_not_show_is_unknown(
    resting: WorkingOrders, make: Any, shown: bool, requested_after_ns: int, count: int
) -> None:
    """A snapshot asked for before it was in the book proves nothing."""
    _hear(resting, make, "open 0")
    labels = {_LABEL} if shown else set()
    moves = resting.miss(labels, Ns(make.now_ns + requested_after_ns), make.now_ns)

    assert len(moves) == count
    assert _order(resting).state is (OrderState.UNKNOWN if count else OrderState.OPEN)


def test_another_venues_snapshot_does_not_miss_it(resting: WorkingOrders, make: Any) -> None:
    """It shows its own orders only."""
    _hear(resting, make, "open 0")

    assert resting.miss(set(), Ns(make.now_ns + 1), make.now_ns, VenueId("okx")) == []
    assert _order(resting).state is OrderState.OPEN
