"""Whether a book may trade: halts that stay, waits that grow, rates that slide."""

from typing import Any

import pytest

from bot.domain.decided import AlarmRaised
from bot.domain.events import StreamName
from bot.domain.ids import InstrumentId
from bot.domain.reasons import HaltCause, Phase, Reason, RefusalKind
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.execution.standing import BACK_OFF_NS, Standing


@pytest.fixture
def standing() -> Standing:
    """Both streams up, reconciled, halting at the fifth refusal in a row."""
    made = Standing(refusals_in_a_row_max=5)
    for stream in StreamName:
        made.set_stream(stream, is_up=True)
    made.enter(Phase.RUNNING, "reconciled")
    return made


def test_a_book_starts_blind() -> None:
    """Nothing is placed before both streams are up and the venue agreed."""
    made = Standing(5)
    first = made.blocked()
    made.set_stream(StreamName.MARKET, is_up=True)
    second = made.blocked()
    made.set_stream(StreamName.ACCOUNT, is_up=True)

    assert first == (Reason.STREAM_LOST, "market and account")
    assert second == (Reason.STREAM_LOST, "account")
    assert made.blocked() == (Reason.NOT_RECONCILED, "start")
    assert made.is_up(StreamName.ACCOUNT)


_ALLOWED = {
    Phase.RECONCILING: {Phase.RUNNING, Phase.STOPPING, Phase.STOPPED, Phase.HALTED},
    Phase.RUNNING: {Phase.RECONCILING, Phase.STOPPING, Phase.STOPPED, Phase.HALTED},
    Phase.STOPPING: {Phase.STOPPED, Phase.HALTED},
    Phase.STOPPED: set(),
    Phase.HALTED: set(),
}


@pytest.mark.parametrize("after", Phase)
@pytest.mark.parametrize("before", Phase)
def test_phases_change_only_as_allowed(before: Phase, after: Phase) -> None:
    """A halt is never left, by no word at all: a book that trades again by itself after a halt is the worst bug."""
    made = Standing(5)
    made.enter(before, "x")
    told = made.enter(after, "y")

    assert made.phase is (after if after in _ALLOWED[before] else before)
    assert (told is not None) == (after in _ALLOWED[before])


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.RECONCILING, (Reason.NOT_RECONCILED, "cause")),
        (Phase.RUNNING, None),
        (Phase.STOPPING, (Reason.STOPPING, "cause")),
        (Phase.STOPPED, (Reason.STOPPING, "cause")),
        (Phase.HALTED, (Reason.HALTED, "cause detail")),
    ],
)
def test_each_phase_blocks_as_it_should(standing: Standing, phase: Phase, expected: Any) -> None:
    """Only a running book places orders."""
    standing.enter(phase, "cause", "detail")

    assert standing.blocked() == expected


def test_a_halt_keeps_its_first_cause(standing: Standing) -> None:
    """What happened first is what a human must know."""
    standing.enter(Phase.HALTED, HaltCause.JOURNAL_FAILED, "disk full")
    standing.enter(Phase.HALTED, HaltCause.TASK_FAILED, "feed")

    assert standing.blocked() == (Reason.HALTED, "journal_failed disk full")


def test_the_minute_slides(standing: Standing) -> None:
    """An order counts for sixty seconds, to the nanosecond, whatever the clock's minute."""
    for second in (0, 10, 20):
        standing.order_sent(Ns(second * NS_PER_S))

    assert [standing.orders_last_minute(Ns(second * NS_PER_S)) for second in (20, 60, 61, 70, 71, 81)] == [
        3,
        3,
        2,
        2,
        1,
        0,
    ]


_WAITS_MS = {
    RefusalKind.NOT_EXECUTED: 250,
    RefusalKind.TOO_SMALL: 250,
    RefusalKind.REQUOTE: 250,
    RefusalKind.GONE: 250,
    RefusalKind.BACK_OFF: 1_000,
    RefusalKind.REAUTHENTICATE: 1_000,
    RefusalKind.UNREACHABLE: 1_000,
    RefusalKind.PAUSE: 5_000,
    RefusalKind.NO_FUNDS: 30_000,
}


@pytest.mark.parametrize("kind", RefusalKind)
def test_each_refusal_waits_or_halts(standing: Standing, kind: RefusalKind) -> None:
    """A kind without a wait halts at once: our bug, our configuration, a risk limit of the venue."""
    now_ns = Ns(1_000 * NS_PER_S)
    told = standing.order_refused(kind, now_ns, "10028 too_many_requests")
    wait_ns = _WAITS_MS.get(kind, 0) * NS_PER_MS

    if kind in _WAITS_MS:
        assert told is None
        assert standing.is_backing_off(Ns(now_ns + wait_ns - 1))
        assert not standing.is_backing_off(Ns(now_ns + wait_ns))
    else:
        assert told is not None
        assert (standing.phase, standing.cause) == (Phase.HALTED, "order_refused")
    assert {kind for kind in RefusalKind if kind in BACK_OFF_NS} == set(_WAITS_MS)


def test_refusals_in_a_row_double_the_wait_and_then_halt(standing: Standing) -> None:
    """One, two, four, eight seconds; the fifth in a row is no accident."""
    waits = []
    for number in range(4):
        now_ns = Ns(number * 1_000 * NS_PER_S)
        standing.order_refused(RefusalKind.BACK_OFF, now_ns, "x")
        waits.append(next(s for s in range(1, 100) if not standing.is_backing_off(Ns(now_ns + s * NS_PER_S))))
    standing.order_refused(RefusalKind.BACK_OFF, Ns(0), "x")

    assert waits == [1, 2, 4, 8]
    assert (standing.phase, standing.cause) == (Phase.HALTED, "refusals_in_a_row")


@pytest.mark.parametrize(
    ("kind", "longest_s"),
    [(RefusalKind.REQUOTE, 5), (RefusalKind.UNREACHABLE, 5), (RefusalKind.PAUSE, 60), (RefusalKind.NO_FUNDS, 60)],
)
def test_no_wait_is_longer_than_a_minute(kind: RefusalKind, longest_s: int) -> None:
    """A book that waits for ever does not hedge."""
    made = Standing(refusals_in_a_row_max=1_000)
    for _ in range(50):
        made.order_refused(kind, Ns(0), "x")

    assert made.is_backing_off(Ns(longest_s * NS_PER_S - 1))
    assert not made.is_backing_off(Ns(longest_s * NS_PER_S))


@pytest.mark.parametrize(
    ("kind", "waiting"),
    [(RefusalKind.PAUSE, [True, False, False]), (RefusalKind.BACK_OFF, [True, True, False])],
)
def test_a_refusal_holds_what_it_is_about(standing: Standing, kind: RefusalKind, waiting: list[bool]) -> None:
    """An instrument that nobody can trade now, or a venue that had too much of us; a miss holds all of them."""
    names = [InstrumentId(name) for name in ("BTC-PERPETUAL", "BTC_USDC-PERPETUAL", "OKX:BTC-USDT-SWAP")]
    standing.order_refused(kind, Ns(0), "x", names[0])
    after_refusal = [standing.is_backing_off(Ns(1), name) for name in names]
    standing.order_missed(Ns(0))

    assert after_refusal == waiting
    assert all(standing.is_backing_off(Ns(1), name) for name in names)


def test_an_accepted_order_ends_the_row(standing: Standing) -> None:
    """Four refusals, one order through, four refusals: no halt, and the wait starts small again."""
    for _ in range(4):
        standing.order_refused(RefusalKind.BACK_OFF, Ns(0), "x")
    standing.order_accepted()
    standing.order_refused(RefusalKind.BACK_OFF, Ns(100 * NS_PER_S), "x")

    assert standing.phase is Phase.RUNNING
    assert not standing.is_backing_off(Ns(101 * NS_PER_S))


def test_misses_are_followed_ever_more_slowly(standing: Standing) -> None:
    """250 ms doubling to 5 s, so that a phantom touch cannot spend the order rate; a fill ends the row."""
    waits = []
    now_ns = Ns(0)
    for _ in range(7):
        standing.order_missed(now_ns)
        ms = next(ms for ms in range(0, 6_000, 250) if not standing.is_backing_off(Ns(now_ns + ms * NS_PER_MS)))
        waits.append(ms)
        now_ns = Ns(now_ns + 10 * NS_PER_S)
    standing.order_filled()
    standing.order_missed(now_ns)

    assert waits == [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]
    assert not standing.is_backing_off(Ns(now_ns + 250 * NS_PER_MS))


def test_the_row_of_refusals_can_be_read(standing: Standing) -> None:
    """It counts up to the one that gets through."""
    standing.order_refused(RefusalKind.BACK_OFF, Ns(0), "x")
    standing.order_lost()
    assert standing.refusals_in_a_row == 2
    standing.order_accepted()
    assert standing.refusals_in_a_row == 0


@pytest.mark.parametrize("kind", [RefusalKind.PAUSE, RefusalKind.REQUOTE, RefusalKind.UNREACHABLE])
def test_what_passes_by_itself_alarms_once_and_never_halts(standing: Standing, kind: RefusalKind) -> None:
    """A price band that lags a gap is no fault of the fifth order; an accepted order ends the row, a new one alarms."""
    told = [standing.order_refused(kind, Ns(0), "10007 price_too_high") for _ in range(50)]
    alarms = [note for note in told if note is not None]
    (alarm,) = alarms

    assert isinstance(alarm, AlarmRaised)
    assert told[4] is alarm
    assert (alarm.name, alarm.deadline_ns) == (f"refused_{kind.value}", 60 * NS_PER_S)
    assert alarm.detail.startswith("5 orders refused in a row: 10007 price_too_high")
    assert (standing.phase, standing.refusals_in_a_row) == (Phase.RUNNING, 0)
    standing.order_accepted()
    assert sum(standing.order_refused(kind, Ns(0), "x") is not None for _ in range(6)) == 1
