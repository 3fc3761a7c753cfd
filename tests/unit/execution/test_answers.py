"""What a venue's answer does to an order, and to whether the next one may go."""

from typing import Any, get_args

import pytest

from bot.domain import events as ev
from bot.domain.decided import NOTHING
from bot.domain.ids import Label
from bot.domain.reasons import RefusalKind
from bot.domain.time import NS_PER_S, Ns
from bot.execution.answers import Answers
from bot.execution.standing import Standing
from bot.execution.working import WorkingOrders

_ABOUT_ORDERS = {
    *(ev.OrderAcked, ev.OrderRefused, ev.OrderUnknown),
    *(ev.OrderUpdated, ev.OrderAbsent, ev.LookUpFailed),
}


class _Desk:
    def __init__(self, make: Any) -> None:
        self.working, self.standing = WorkingOrders(), Standing(refusals_in_a_row_max=5)
        self.answers = Answers(self.working, self.standing)
        self.working.sent(make.place(), make.now_ns)

    def hear(self, event: Any) -> Any:
        return self.answers.handlers()[type(event)](event)


def _answers(make: Any, label: str) -> dict[str, ev.Event]:
    soon = Ns(make.now_ns + 5 * NS_PER_S)
    refused = {"code": 1, "name": "no", "received_ns": soon}
    return {
        "open": ev.OrderAcked(label=Label(label), order_id="V-1", received_ns=soon),
        "refused": ev.OrderRefused(label=Label(label), kind=RefusalKind.BACK_OFF, **refused),
        "unknown": ev.OrderUnknown(label=Label(label), cause="time-out", received_ns=soon),
        "cancelled": make.updated(label, "cancelled", received_ns=soon),
    }


@pytest.mark.parametrize("state", ["open", "refused", "unknown", "cancelled"])
def test_an_answer_moves_its_order(make: Any, state: str) -> None:
    """And says so."""
    desk = _Desk(make)
    outcome = desk.hear(_answers(make, "hb1")[state])

    assert [note.state_after for note in outcome.notes] == [state]
    assert desk.working.find(Label("hb1")).state.value == state


@pytest.mark.parametrize("state", ["open", "refused", "unknown", "cancelled"])
def test_an_answer_about_another_books_order_changes_nothing(make: Any, state: str) -> None:
    """Every book hears of all orders of the account."""
    desk = _Desk(make)

    assert desk.hear(_answers(make, "other")[state]) == NOTHING
    assert not desk.standing.is_backing_off(Ns(make.now_ns + 5 * NS_PER_S))


def test_a_refusal_and_a_miss_are_waited_out(make: Any) -> None:
    """The next order does not follow at once."""
    for state, waits in (("refused", True), ("cancelled", True), ("open", False)):
        desk = _Desk(make)
        desk.hear(_answers(make, "hb1")[state])

        assert desk.standing.is_backing_off(Ns(make.now_ns + 5 * NS_PER_S)) is waits


def test_every_answer_about_an_order_is_taken(make: Any) -> None:
    """Fills are not among them: they are about positions as well."""
    assert set(_Desk(make).answers.handlers()) == _ABOUT_ORDERS <= set(get_args(ev.AccountEvent))
