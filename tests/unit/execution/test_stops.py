"""Stops on one book: what each grade lets through, what it takes back, what lifts it, what a restart begins with."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, PlaceOrder, TakeSnapshot
from bot.domain.decided import AlarmRaised, PhaseChanged, StopLatched, StopLifted
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.reasons import Action, HaltCause, Phase, Reason, RefusalKind
from bot.domain.stops import HEDGEBOT, OPERATOR, Act, Latch, StopKind
from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactics import rest_then_cross
from bot.hedging.bands import fixed

CALL = InstrumentId("BTC-27MAR26-100000-C")
PERPETUAL = InstrumentId("BTC-PERPETUAL")


def _act(make: Any, act: Act, after_ns: int = 0, book: str | None = None) -> ev.OperatorActed:
    at = Ns(make.now_ns + after_ns)
    return ev.OperatorActed(act=act, by="ann", reason="lunch", received_ns=at, book=book)


def _fill(play: Any, make: Any, order: PlaceOrder, fill_id: str, after_ns: int = 0) -> None:
    at = Ns(make.now_ns + after_ns)
    play.take(
        ev.OrderAcked(label=order.label, order_id=OrderId("V-1"), received_ns=at),
        make.fill(fill_id, str(order.amount_native), order.label, received_ns=at),
        make.updated(order.label, "filled", str(abs(order.amount_native)), received_ns=at),
    )


def _settle(play: Any, make: Any, seconds: float) -> list[PlaceOrder]:
    """Fresh market, tick, and every order filled at once until nothing more comes; all orders."""
    placed: list[PlaceOrder] = []
    for step in range(6):
        after_ns = round(seconds * NS_PER_S) + step * 600_000_000
        play.market(after_ns)
        fresh = play.orders(play.tick(after_ns))
        for order in fresh:
            _fill(play, make, order, f"f-{order.label}", after_ns)
        placed += fresh
    return placed


# --- which orders a grade lets through, from which state ------------------------------------------------------

_HEDGED = {CALL: "1", PERPETUAL: "-53180"}
_UNHEDGED = {CALL: "1"}
_OVERHEDGED = {CALL: "1", PERPETUAL: "-90000"}


@pytest.mark.parametrize(
    ("act", "positions", "end"),
    [
        (None, _UNHEDGED, ("-53180", Reason.INSIDE_BAND)),
        (Act.REDUCE_ONLY, _UNHEDGED, ("-53180", Reason.INSIDE_BAND)),
        (Act.REDUCE_ONLY, _OVERHEDGED, ("-53190", Reason.INSIDE_BAND)),
        (Act.PAUSE, _UNHEDGED, ("0", Reason.PAUSED)),
        (Act.PAUSE, _HEDGED, ("-53180", Reason.PAUSED)),
        (Act.CANCEL_ALL, _UNHEDGED, ("0", Reason.PAUSED)),
        (Act.FLATTEN_HEDGES, _UNHEDGED, ("0", Reason.PAUSED)),
        (Act.FLATTEN_HEDGES, _HEDGED, ("0", Reason.PAUSED)),
        (Act.FLATTEN_HEDGES, _OVERHEDGED, ("0", Reason.PAUSED)),
    ],
)
def test_what_each_grade_lets_through(
    play: Any, make: Any, act: Act | None, positions: dict[str, str], end: tuple[str, Reason]
) -> None:
    """Reducing hedges as ever though the position grows; a pause leaves all as it is; flattening leaves no hedge."""
    play.ready(positions)
    if act is not None:
        play.take(_act(make, act))
    _settle(play, make, 0.0)

    held = play.engine.status().positions_native
    assert held.get(PERPETUAL, Decimal(0)) == pytest.approx(Decimal(end[0]), abs=20)
    assert held[CALL] == 1
    assert play.decided().reason is end[1]


def test_a_halt_lets_nothing_through(play: Any, make: Any) -> None:
    """Its own latch, by the bot, with the cause."""
    play.ready(_UNHEDGED)
    play.take(ev.HaltRequested(received_ns=make.now_ns, cause=HaltCause.JOURNAL_FAILED, detail="full"))

    assert _settle(play, make, 0.0) == []
    (latch,) = play.engine.status().stops
    assert (latch.kind, latch.cause, latch.by, latch.detail) == (StopKind.HALT, "journal_failed", HEDGEBOT, "full")
    assert [note.latch for note in play.notes if isinstance(note, StopLatched)] == [latch]


def test_flattening_cuts_by_the_largest_order_and_takes_no_phantom_quote(
    play_with: Callable[..., Any], make: Any
) -> None:
    """Order after order, each on a trusted touch; while there is none it waits."""
    play = play_with(limits=make.limits(order_usd_max=20_000.0))
    play.ready(_HEDGED)
    play.take(_act(make, Act.FLATTEN_HEDGES))
    stale = play.orders(play.tick(5 * NS_PER_S))
    because = play.decided()
    placed = _settle(play, make, 6.0)

    assert stale == []
    assert (because.action, because.reason) == (Action.REFUSE, Reason.HEDGE_QUOTE_DISTRUSTED)
    assert [int(order.amount_native) for order in placed] == [20_000, 20_000, 13_180]
    assert {order.instrument for order in placed} == {PERPETUAL}
    assert play.decided().reason is Reason.PAUSED


def test_flattening_needs_no_delta(play_with: Callable[..., Any], make: Any) -> None:
    """An option without a price makes the delta unknown; hedges can be closed all the same."""
    play = play_with()
    play.connect()
    play.tick()
    play.take(make.future_marked())
    play.reconcile(_HEDGED)
    play.take(_act(make, Act.FLATTEN_HEDGES))
    (order,) = play.orders(play.tick(1))

    assert order.amount_native == Decimal(53_180)
    assert (play.decided().action, play.decided().reason) == (Action.HEDGE, Reason.FLATTENING)


# --- orders that work while a stop comes ----------------------------------------------------------------------


_NEARLY = {CALL: "1", PERPETUAL: "-50000"}
_BAND = fixed.Params(low_coin=-0.025, high_coin=0.025, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0)
"""As in `test_engine_resting`: outside, and not far enough to be urgent."""


def _resting(play: Any, make: Any) -> PlaceOrder:
    play.ready(_NEARLY)
    (order,) = play.orders(play.tick())
    assert order.rests, "the tactic was to wait"
    play.take(
        ev.OrderAcked(label=order.label, order_id=OrderId("V-1"), received_ns=make.now_ns),
        make.updated(order.label, "open"),
    )
    return order  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("act", "is_taken_back", "looks"),
    [
        (Act.REDUCE_ONLY, False, 0),
        (Act.PAUSE, True, 0),
        (Act.CANCEL_ALL, True, 1),
        (Act.FLATTEN_HEDGES, True, 0),
    ],
)
def test_what_works_when_a_stop_comes(
    play_with: Callable[..., Any], make: Any, act: Act, is_taken_back: bool, looks: int
) -> None:
    """Taken back with the act itself, not at some tick; `cancel_all` looks for others of ours as well."""
    play = play_with(tactic=rest_then_cross.Params(), band=_BAND)
    order = _resting(play, make)
    commands = play.take(_act(make, act))

    assert [command.label for command in commands if isinstance(command, CancelOrder)] == [order.label] * is_taken_back
    assert sum(isinstance(command, TakeSnapshot) for command in commands) == looks
    assert play.orders(play.tick(1)) == []


def test_cancel_all_takes_back_an_order_of_an_earlier_run(play: Any, make: Any) -> None:
    """Shown open with our prefix and not in the ledger: ours to cancel."""
    play.ready(_HEDGED)
    play.take(_act(make, Act.CANCEL_ALL))
    seen = make.order_seen("hbold0000007", "-10")
    play.take(make.snapshot(_HEDGED, open_orders=(seen,), requested_ns=Ns(make.now_ns + 1), received_ns=make.now_ns))
    commands = play.tick(1)

    assert [command.label for command in commands if isinstance(command, CancelOrder)] == [Label("hbold0000007")]


def test_an_order_in_flight_is_answered_and_its_fill_counts_while_paused(play: Any, make: Any) -> None:
    """A pause closes no eyes."""
    play.ready(_UNHEDGED)
    (order,) = play.orders(play.tick())
    play.take(_act(make, Act.PAUSE))
    _fill(play, make, order, "f1")

    assert play.orders(play.tick(1)) == []
    assert play.engine.status().positions_native[PERPETUAL] == order.amount_native


# --- lifting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [Act.PAUSE, Act.CANCEL_ALL, Act.FLATTEN_HEDGES, Act.REDUCE_ONLY])
def test_an_operator_lifts_with_name_and_reason(play: Any, make: Any, act: Act) -> None:
    """All that is on, each told; hedging goes on at the next tick."""
    play.ready(_UNHEDGED)
    play.take(_act(make, act))
    play.take(_act(make, Act.RESUME, 1))

    lifted = [note for note in play.notes if isinstance(note, StopLifted)]
    assert [(note.latch.kind.value, note.by, note.reason) for note in lifted] == [(act.value, "ann", "lunch")]
    assert play.engine.status().stops == ()
    assert len(play.orders(play.tick(2))) == 1


def test_a_lift_with_nothing_on_changes_nothing(play: Any, make: Any) -> None:
    """Nor does it end a run's orderly end."""
    play.ready(_HEDGED)
    play.take(_act(make, Act.RESUME))

    assert not [note for note in play.notes if isinstance(note, StopLifted)]
    assert play.engine.status().phase is Phase.RUNNING


def test_a_lifted_halt_trades_only_once_the_venue_has_agreed_again(play: Any, make: Any) -> None:
    """What was believed may be wrong: the same path as a start."""
    play.ready(_UNHEDGED)
    play.take(ev.HaltRequested(received_ns=make.now_ns, cause=HaltCause.JOURNAL_FAILED, detail="full"))
    play.take(_act(make, Act.RESUME))
    asked = play.tick(1)
    before = play.decided().reason
    play.reconcile(_UNHEDGED, 2)

    assert play.orders(asked) == []
    assert [type(command) for command in asked] == [TakeSnapshot]
    assert before is Reason.NOT_RECONCILED
    assert len(play.orders(play.tick(3))) == 1


def test_a_halt_that_still_has_its_cause_comes_again(play: Any, make: Any) -> None:
    """Lifting is no repair; but as at a start it takes two looks in a row."""
    play.ready(_UNHEDGED)
    play.reconcile({CALL: "2"}, 1)
    play.tick(3 * NS_PER_S)
    play.reconcile({CALL: "2"}, 3 * NS_PER_S)
    first = play.engine.status().phase
    play.take(_act(make, Act.RESUME, 4 * NS_PER_S))
    lifted = play.engine.status().phase
    play.tick(4 * NS_PER_S)
    play.reconcile({CALL: "2"}, 4 * NS_PER_S)
    once = play.engine.status().phase
    play.tick(6 * NS_PER_S)
    play.reconcile({CALL: "2"}, 6 * NS_PER_S)

    assert (first, lifted, once) == (Phase.HALTED, Phase.RECONCILING, Phase.RECONCILING)
    assert play.engine.status().phase is Phase.HALTED
    assert [latch.cause for latch in play.engine.status().stops] == ["position_mismatched"]


def test_refusals_are_counted_anew_after_a_lift(play: Any, make: Any) -> None:
    """Else the first refusal after it would halt at once."""
    play.ready(_UNHEDGED)

    def refuse(times: int, second: float) -> Phase:
        for number in range(times):
            after_ns = round((second + 61 * number) * NS_PER_S)
            play.market(after_ns)
            (order,) = play.orders(play.tick(after_ns))
            play.take(
                ev.OrderRefused(
                    label=order.label, received_ns=make.now_ns, code=1, name="busy", kind=RefusalKind.BACK_OFF
                )
            )
        return play.engine.status().phase  # type: ignore[no-any-return]

    assert refuse(5, 0.0) is Phase.HALTED
    play.take(_act(make, Act.RESUME))
    play.tick(400 * NS_PER_S)
    play.reconcile(_UNHEDGED, 400 * NS_PER_S)
    assert refuse(1, 401.0) is Phase.RUNNING


@pytest.mark.parametrize("cause", [HaltCause.TASK_FAILED, HaltCause.INBOX_OVERFLOWED])
def test_a_broken_process_is_not_trusted_again(play: Any, make: Any, cause: HaltCause) -> None:
    """A part is gone or a message was lost: only a restart mends that, then the halt can be lifted."""
    play.ready(_UNHEDGED)
    play.take(ev.HaltRequested(received_ns=make.now_ns, cause=cause, detail="x"), _act(make, Act.RESUME))
    play.reconcile(_UNHEDGED, 1)

    assert play.orders(play.tick(2)) == []
    assert play.engine.status().phase is Phase.HALTED
    assert [note.name for note in play.notes if isinstance(note, AlarmRaised)] == ["lift_refused"]


@pytest.mark.parametrize("is_restored", [False, True])
def test_a_process_that_breaks_while_it_is_halted_is_not_trusted_again(
    play: Any, make: Any, *, is_restored: bool
) -> None:
    """The phase moves no further; that a part is gone must be remembered all the same."""
    if is_restored:
        play.take(_restored(make, StopKind.HALT, "order_refused"))
    play.ready(_UNHEDGED)
    play.take(ev.HaltRequested(received_ns=make.now_ns, cause=HaltCause.JOURNAL_FAILED, detail="full"))
    play.take(ev.HaltRequested(received_ns=make.now_ns, cause=HaltCause.TASK_FAILED, detail="x"))
    play.take(_act(make, Act.RESUME))
    play.tick(1)
    play.reconcile(_UNHEDGED, 2)

    assert play.orders(play.tick(3)) == []
    assert play.engine.status().phase is Phase.HALTED
    assert [note.name for note in play.notes if isinstance(note, AlarmRaised)] == ["lift_refused"]


def test_a_lift_ends_no_orderly_end(play: Any, make: Any) -> None:
    """Halted, told to end, then resumed: the halt is lifted for the next run, and this one still sends nothing."""
    play.ready(_UNHEDGED)
    play.take(
        ev.HaltRequested(received_ns=make.now_ns, cause=HaltCause.JOURNAL_FAILED, detail="full"),
        ev.StopRequested(received_ns=make.now_ns, cause="SIGTERM"),
        _act(make, Act.RESUME),
    )
    play.tick(1)
    play.reconcile(_UNHEDGED, 2)

    assert play.orders(play.tick(3)) == []
    assert play.engine.status().stops == ()
    assert play.engine.status().phase is Phase.STOPPED


def test_a_stop_of_another_book_is_no_concern(play: Any, make: Any) -> None:
    """Books of one process are told of each other's acts."""
    play.ready(_UNHEDGED)
    play.take(_act(make, Act.PAUSE, book="ETH"))

    assert play.engine.status().stops == ()
    assert len(play.orders(play.tick(1))) == 1


# --- restart --------------------------------------------------------------------------------------------------


def _restored(make: Any, kind: StopKind, cause: str = OPERATOR) -> ev.StopsRestored:
    latch = Latch(kind=kind, cause=cause, since_ns=Ns(make.now_ns - NS_PER_S), by="ann", detail="lunch")
    return ev.StopsRestored(book="BTC", latches=(latch,), received_ns=make.now_ns)


@pytest.mark.parametrize("kind", [StopKind.PAUSE, StopKind.CANCEL_ALL, StopKind.HALT])
def test_a_restart_begins_with_the_stops_there_were(play: Any, make: Any, kind: StopKind) -> None:
    """Connected, agreed, fresh: still nothing is placed until the operator says so. Nothing is latched anew."""
    play.take(_restored(make, kind, "order_refused" if kind is StopKind.HALT else OPERATOR))
    play.ready(_UNHEDGED)

    assert play.orders(play.tick(1)) == []
    assert not [note for note in play.notes if isinstance(note, StopLatched | PhaseChanged) and kind is StopKind.HALT]
    assert play.decided().reason is (Reason.HALTED if kind is StopKind.HALT else Reason.PAUSED)
    play.take(_act(make, Act.RESUME, 2))
    commands = play.tick(3)
    play.reconcile(_UNHEDGED, 4)
    assert len(play.orders([*commands, *play.tick(5)])) == 1


def test_flattening_goes_on_after_a_restart(play: Any, make: Any) -> None:
    """What was asked for and not finished is finished."""
    play.take(_restored(make, StopKind.FLATTEN_HEDGES))
    play.ready(_HEDGED)
    _settle(play, make, 1.0)

    assert play.engine.status().positions_native == {CALL: Decimal(1)}


def test_stops_of_another_book_are_not_restored(play: Any, make: Any) -> None:
    """The ledger is shared, the books are not."""
    event = _restored(make, StopKind.PAUSE)
    play.take(ev.StopsRestored(book="ETH", latches=event.latches, received_ns=event.received_ns))

    assert play.engine.status().stops == ()
