"""Whether a book may trade at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import StreamName
from bot.domain.reasons import HaltCause, Phase, Reason, RefusalKind
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.execution.standing import BACK_OFF_NS, Standing

_HALTING = {RefusalKind.OUR_BUG, RefusalKind.CONFIG, RefusalKind.LIMITED}


def _running() -> Standing:
    standing = Standing(refusals_in_a_row_max=3)
    standing.set_stream(StreamName.MARKET, is_up=True)
    standing.set_stream(StreamName.ACCOUNT, is_up=True)
    standing.enter(Phase.RUNNING, "reconciled")
    return standing


def test_a_new_book_is_blocked_by_everything_that_is_missing() -> None:
    """First the streams, then the reconciliation."""
    standing = Standing(refusals_in_a_row_max=3)
    seen = [standing.blocked()]
    standing.set_stream(StreamName.MARKET, is_up=True)
    seen.append(standing.blocked())
    standing.set_stream(StreamName.ACCOUNT, is_up=True)
    seen.append(standing.blocked())
    standing.enter(Phase.RUNNING, "reconciled")
    seen.append(standing.blocked())

    assert seen == [
        (Reason.STREAM_LOST, "market and account"),
        (Reason.STREAM_LOST, "account"),
        (Reason.NOT_RECONCILED, "start"),
        None,
    ]


@given(st.lists(st.sampled_from(list(Phase)), max_size=8))
def test_a_halt_is_never_left(phases: list[Phase]) -> None:
    """Only a restart after a look lifts it."""
    standing = _running()
    standing.enter(Phase.HALTED, HaltCause.TASK_FAILED, "why")
    for phase in phases:
        assert standing.enter(phase, "x") is None

    assert standing.blocked() == (Reason.HALTED, "task_failed why")


@given(st.lists(st.sampled_from(list(Phase)), max_size=8))
def test_an_orderly_end_does_not_start_over(phases: list[Phase]) -> None:
    """Once stopping, a book never places again."""
    standing = _running()
    standing.enter(Phase.STOPPING, "signal")
    for phase in phases:
        standing.enter(phase, "x")

    blocked = standing.blocked()
    assert blocked is not None
    assert blocked[0] in {Reason.STOPPING, Reason.HALTED}


@pytest.mark.parametrize("kind", list(RefusalKind))
def test_a_refusal_waits_or_halts(kind: RefusalKind) -> None:
    """What waiting cannot mend halts at once; everything else backs off for its time."""
    standing = _running()
    moved = standing.order_refused(kind, Ns(0), "10009 not_enough_funds")

    if kind in _HALTING:
        assert moved is not None
        assert (moved.phase_after, moved.cause) == (Phase.HALTED, HaltCause.ORDER_REFUSED)
    else:
        assert moved is None
        assert standing.is_backing_off(Ns(BACK_OFF_NS[kind] - 1))
        assert not standing.is_backing_off(BACK_OFF_NS[kind])


def test_every_kind_of_refusal_is_sorted() -> None:
    """A kind either waits or halts, never both."""
    assert set(BACK_OFF_NS) | _HALTING == set(RefusalKind)
    assert set(BACK_OFF_NS) & _HALTING == set()


def test_refusals_in_a_row_double_the_wait_and_then_halt() -> None:
    """An accepted order ends the row."""
    standing = _running()
    standing.order_refused(RefusalKind.REQUOTE, Ns(0), "")
    standing.order_accepted()
    standing.order_refused(RefusalKind.REQUOTE, Ns(0), "")
    standing.order_refused(RefusalKind.REQUOTE, Ns(0), "")
    assert standing.is_backing_off(Ns(500 * NS_PER_MS - 1))
    assert not standing.is_backing_off(Ns(500 * NS_PER_MS))

    moved = standing.order_refused(RefusalKind.REQUOTE, Ns(0), "third")

    assert moved is not None
    assert (moved.phase_after, moved.cause, moved.detail) == (Phase.HALTED, HaltCause.REFUSALS_IN_A_ROW, "third")


def test_orders_are_counted_over_a_sliding_minute() -> None:
    """An order 60 s old still counts, an older one does not."""
    standing = _running()
    for second in (0, 30, 60):
        standing.order_sent(Ns(second * NS_PER_S))

    assert standing.orders_last_minute(Ns(60 * NS_PER_S)) == 3
    assert standing.orders_last_minute(Ns(60 * NS_PER_S + 1)) == 2
