"""Given events, then commands: one book from the first socket to the end of an order."""

from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder, TakeSnapshot, Watch
from bot.domain.decided import FillBooked, OrderMoved, PhaseChanged, StrangerSeen
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.reasons import Action, DistrustCause, HaltCause, Phase, Reason, RefusalKind
from bot.domain.time import NS_PER_S, Ns
from bot.engine import Engine

CALL = InstrumentId("BTC-27MAR26-100000-C")
PERPETUAL = InstrumentId("BTC-PERPETUAL")
HEDGE = Decimal(-53_180)
"""One call at the money, 25.9 days, volatility 0.6: delta N(0.0799) = 0.5319, sold at 100,000 in lots of 10 USD."""


def _s(make: Any, seconds: float) -> Ns:
    return Ns(make.now_ns + round(seconds * NS_PER_S))


def _first_order(play: Any) -> PlaceOrder:
    play.ready({CALL: "1"})
    (order,) = play.orders(play.tick())
    return order


def _filled(play: Any, make: Any, order: PlaceOrder, amount: str | None = None, fill_id: str = "f1") -> None:
    """The venue's usual answer: reply, then the private stream says the same again."""
    done = str(order.amount_native) if amount is None else amount
    state = "filled" if amount is None else "cancelled"
    fill = make.fill(fill_id, done, order.label)
    updated = make.updated(order.label, state, done.removeprefix("-"))
    play.take(ev.OrderAcked(label=order.label, order_id=OrderId("V-1"), received_ns=make.now_ns), updated, fill)
    play.take(updated, fill)


def test_every_event_has_its_place(make: Any) -> None:
    """An event nobody handles would be a crash in the middle of the night."""
    events = {member for union in get_args(ev.Event) for member in (get_args(union) or (union,))}

    assert set(Engine(make.book())._handlers) == events


def test_a_book_outside_its_band_is_hedged_with_one_order(play: Any, make: Any) -> None:
    """Reconciled, fresh, outside: one limit order to the target, capped against the touch, valid for two seconds."""
    order = _first_order(play)

    assert order == PlaceOrder(
        label=Label("hbrun0000001"),
        instrument=PERPETUAL,
        amount_native=HEDGE,
        price_native=Decimal("99900.0"),
        arrival_mid_native=100_000.0,
        valid_until_ns=_s(make, 2),
        decided_seq=play.engine.seq,
    )
    assert (play.decided().action, play.decided().reason) == (Action.HEDGE, Reason.OUTSIDE_BAND)


def test_a_fill_moves_the_position_once_and_ends_the_hedge(play: Any, make: Any) -> None:
    """Reply, private stream and snapshot tell of the same fill: it counts once."""
    _filled(play, make, _first_order(play))
    play.take(make.snapshot({CALL: "1", PERPETUAL: str(HEDGE)}, fills=(make.fill("f1", str(HEDGE), "hbrun0000001"),)))

    assert play.engine.status().positions_native == {CALL: Decimal(1), PERPETUAL: HEDGE}
    assert [note.fill_id for note in play.notes if isinstance(note, FillBooked)] == ["f1"]
    assert play.orders(play.tick(1)) == []
    assert play.decided().reason is Reason.INSIDE_BAND
    assert play.decided().delta_coin_net == pytest.approx(0.0, abs=1e-4)


def test_what_a_cancelled_order_had_filled_counts(play: Any, make: Any) -> None:
    """Partly filled, the rest taken back: the next order is for the rest only."""
    _filled(play, make, _first_order(play), "-20000")
    (second,) = play.orders(play.tick(1))

    assert second.amount_native == HEDGE + 20_000
    assert second.label == "hbrun0000002"


def test_a_fill_told_but_not_seen_blocks_the_next_order(play: Any, make: Any) -> None:
    """The order says filled, the fill is late: trading on the old position would hedge twice."""
    order = _first_order(play)
    play.take(make.updated(order.label, "filled", str(-HEDGE)))

    assert play.orders(play.tick(1)) == []
    assert play.decided().reason is Reason.ORDER_PENDING
    assert play.decided().delta_coin_low == pytest.approx(0.0, abs=1e-4)
    assert play.decided().delta_coin_high == pytest.approx(0.5319, abs=1e-4)
    asked = play.tick(600_000_000)
    assert [type(command) for command in asked] == [LookUpOrder]


@pytest.mark.parametrize("is_lost", [True, False], ids=["time-out", "silence"])
def test_an_unknown_order_blocks_is_looked_up_and_only_then_replaced(play: Any, make: Any, is_lost: bool) -> None:
    """Never resent: the same intent twice is two hedges. Absent after its deadline, a new one may leave."""
    order = _first_order(play)
    if is_lost:
        play.take(ev.OrderUnknown(label=order.label, received_ns=make.now_ns, cause="time-out"))
    commands = [command for second in range(1, 6) for command in play.tick(second * NS_PER_S)]
    look_ups = [command for command in commands if isinstance(command, LookUpOrder)]
    unknown = play.engine.status().orders_unknown
    play.take(ev.LookUpFailed(label=order.label, received_ns=_s(make, 5), cause="busy"))
    play.take(ev.OrderAbsent(label=order.label, received_ns=_s(make, 5)))
    play.market(5 * NS_PER_S)
    (second,) = play.orders(play.tick(5 * NS_PER_S))

    assert play.orders(commands) == []
    assert {(command.label, command.not_before_ns) for command in look_ups} == {(order.label, _s(make, 3))}
    assert unknown == 1
    assert second.label != order.label


def test_an_unknown_order_found_filled_is_no_reason_for_another(play: Any, make: Any) -> None:
    """The look-up shows what the lost reply would have: booked, inside the band, nothing to do."""
    order = _first_order(play)
    play.take(ev.OrderUnknown(label=order.label, received_ns=make.now_ns, cause="time-out"))
    play.tick(1)
    _filled(play, make, order)

    assert play.orders(play.tick(2)) == []
    assert play.decided().reason is Reason.INSIDE_BAND


def test_an_order_that_stays_unknown_halts(play: Any, make: Any) -> None:
    """After the bound a human must look; it is never assumed away."""
    order = _first_order(play)
    play.take(ev.OrderUnknown(label=order.label, received_ns=make.now_ns, cause="time-out"))
    play.tick(30 * NS_PER_S)
    before = play.engine.status().phase
    play.tick(30 * NS_PER_S + 1)

    assert (before, play.engine.status().phase) == (Phase.RUNNING, Phase.HALTED)
    assert play.engine.status().phase_cause == "order_unresolved"


def test_an_order_that_stays_open_halts_as_well(play: Any, make: Any) -> None:
    """Immediate-or-cancel, yet open a minute later: cancelling does not work, and it blocks every hedge."""
    order = _first_order(play)
    play.take(ev.OrderAcked(label=order.label, order_id=OrderId("V-1"), received_ns=make.now_ns))
    commands = [command for second in range(60) for command in play.tick(second * NS_PER_S)]

    assert [command for command in commands if isinstance(command, CancelOrder)] != []
    assert play.engine.status().phase is Phase.HALTED
    assert play.orders(commands) == []


@pytest.mark.parametrize("kind", RefusalKind)
def test_a_refusal_waits_or_halts(play: Any, make: Any, kind: RefusalKind) -> None:
    """After a definite no nothing is open; the next try waits, or never comes where waiting cannot help."""
    halting = {RefusalKind.OUR_BUG, RefusalKind.CONFIG, RefusalKind.LIMITED}
    order = _first_order(play)
    play.take(ev.OrderRefused(label=order.label, received_ns=make.now_ns, code=1, name="no", kind=kind))
    at_once = play.orders(play.tick(1))
    refused = play.decided().reason
    play.market(31 * NS_PER_S)
    later = play.orders(play.tick(31 * NS_PER_S))

    assert at_once == []
    assert refused is (Reason.HALTED if kind in halting else Reason.BACKING_OFF)
    assert len(later) == (0 if kind in halting else 1)


def test_answers_about_orders_of_another_book_change_nothing(play: Any, make: Any) -> None:
    """Two books share an account: a refusal of one must not halt the other."""
    play.ready({CALL: "1"})
    other = Label("hbeth0000001")
    play.take(
        ev.OrderRefused(label=other, received_ns=make.now_ns, code=-32602, name="invalid", kind=RefusalKind.OUR_BUG),
        ev.OrderAcked(label=other, order_id=OrderId("V-8"), received_ns=make.now_ns),
        make.fill("e1", "5", other, instrument=InstrumentId("ETH-PERPETUAL")),
    )

    assert play.engine.status().phase is Phase.RUNNING
    assert play.engine.status().positions_native == {CALL: Decimal(1)}


def test_a_fill_larger_than_its_order_halts(play: Any, make: Any) -> None:
    """More was traded than decided: something else trades under our label."""
    order = _first_order(play)
    play.take(make.fill("f1", str(HEDGE), order.label), make.fill("f2", "-10", order.label))

    assert play.engine.status().phase_cause == HaltCause.FILL_UNEXPLAINED
    assert play.engine.status().positions_native[PERPETUAL] == HEDGE - 10


def test_stopping_cancels_what_is_open_and_ends_when_nothing_is(play: Any, make: Any) -> None:
    """No new hedge, the open order taken back, stopped only when its end is known."""
    order = _first_order(play)
    play.take(ev.OrderAcked(label=order.label, order_id=OrderId("V-1"), received_ns=make.now_ns))
    commands = play.take(ev.StopRequested(received_ns=make.now_ns, cause="SIGTERM"))
    play.tick(1)
    waiting = play.engine.status().phase
    play.take(make.updated(order.label, "cancelled"))
    after = play.tick(2)

    assert commands == [CancelOrder(label=order.label, order_id=OrderId("V-1"), instrument=PERPETUAL)]
    assert (waiting, play.engine.status().phase) == (Phase.STOPPING, Phase.STOPPED)
    assert play.orders(after) == []
    assert play.decided().reason is Reason.STOPPING


def test_a_halt_is_never_left(play: Any, make: Any) -> None:
    """Good news of every kind arrives: agreement, streams, fresh quotes. The book stays halted; fills still count."""
    order = _first_order(play)
    commands = play.take(ev.HaltRequested(received_ns=make.now_ns, cause=HaltCause.JOURNAL_FAILED, detail="disk full"))
    for stream in ev.StreamName:
        play.take(ev.StreamRestored(stream=stream, received_ns=make.now_ns))
    _filled(play, make, order, "-10000")
    play.market(1)
    play.reconcile({CALL: "1", PERPETUAL: "-10000"}, 1)
    commands += play.tick(2)

    assert play.orders(commands) == []
    assert play.engine.status().phase is Phase.HALTED
    assert play.decided().reason is Reason.HALTED
    assert play.decided().detail == (
        "halt (journal_failed) since 2026-03-01T10:00:00.000000Z by hedgebot: disk full; "
        "lift it: hedgebot resume --reason"
    )
    assert play.engine.status().positions_native[PERPETUAL] == Decimal(-10_000)
    assert [n.phase_after for n in play.notes if isinstance(n, PhaseChanged)] == [Phase.RUNNING, Phase.HALTED]


def test_the_same_events_give_the_same_outcomes(make: Any, play: Any) -> None:
    """Byte for byte: what a tape holds can be played again."""

    def run() -> list[bytes]:
        engine = Engine(make.book())
        return [msgspec.msgpack.encode(engine.apply(event)) for event in events]

    events: list[ev.Event] = []
    apply = play.engine.apply
    play.engine.apply = lambda event: (events.append(event), apply(event))[1]
    _filled(play, make, _first_order(play), "-20000")
    play.tick(1)

    assert len(events) > 10
    assert run() == run()


def test_a_known_stranger_is_told_and_left_alone(play: Any, make: Any) -> None:
    """Somebody else's order is not ours to cancel, nor a reason to stop."""
    play.connect()
    play.tick()
    play.take(make.snapshot({CALL: "1"}, open_orders=(make.order_seen("desk", "10"),)))

    assert [note.order_id for note in play.notes if isinstance(note, StrangerSeen)] == ["V-9"]
    assert play.engine.status().phase is Phase.RUNNING


def test_a_leftover_of_ours_is_taken_back_before_anything_is_traded(play: Any, make: Any) -> None:
    """Killed with an order open and its ledger lost: adopt, cancel, reconcile again, only then hedge."""
    play.connect()
    play.tick()
    play.market()
    play.take(make.snapshot({CALL: "1"}, open_orders=(make.order_seen("hbold0000001", "-50"),)))
    commands = play.tick(1)
    play.take(make.updated("hbold0000001", "cancelled", order_id="V-9"))
    commands += play.tick(3 * NS_PER_S)

    assert [type(command) for command in commands] == [CancelOrder, TakeSnapshot]
    assert play.decided().reason is Reason.NOT_RECONCILED
    assert [note.cause for note in play.notes if isinstance(note, OrderMoved)] == ["adopted", "cancelled"]

    play.reconcile({CALL: "1"}, 3 * NS_PER_S)
    play.market(3 * NS_PER_S)
    assert len(play.orders(play.tick(3 * NS_PER_S))) == 1


def test_intents_of_an_earlier_run_are_resolved_before_anything_is_traded(play: Any, make: Any) -> None:
    """Killed between intent and reply: looked up first; its fill found, the position is right at once."""
    label = Label("hbold0000001")
    intent = ev.IntentRestored(
        label=label,
        instrument=PERPETUAL,
        amount_native=HEDGE,
        price_native=Decimal(99_900),
        valid_until_ns=_s(make, -5),
        received_ns=make.now_ns,
    )
    seen = make.snapshot({CALL: "1"}).positions
    play.take(intent, ev.LedgerRestored(positions=seen, fill_ids=(), received_ns=make.now_ns))
    play.connect()
    play.market()
    asked = play.tick()
    fill = make.fill("f0", str(HEDGE), label)
    play.take(make.snapshot({CALL: "1", PERPETUAL: str(HEDGE)}, fills=(fill,)))
    early = play.tick(1)
    play.take(fill, make.updated(label, "filled", str(-HEDGE)))
    play.reconcile({CALL: "1", PERPETUAL: str(HEDGE)}, 3 * NS_PER_S)
    play.market(3 * NS_PER_S)
    late = play.tick(3 * NS_PER_S)

    assert [type(command) for command in asked] == [LookUpOrder, TakeSnapshot]
    assert play.orders(early + late) == []
    assert play.decided().reason is Reason.INSIDE_BAND
    assert play.engine.status().positions_native == {CALL: Decimal(1), PERPETUAL: HEDGE}
    assert play.engine.status().orders_live == 0


@pytest.mark.parametrize("adopts", [True, False])
def test_a_fill_the_ledger_knows_ends_its_order(make: Any, play: Any, adopts: bool) -> None:
    """Killed after the fill was written and before the order's end was: the look-up must close it, not halt on it."""
    play.engine = Engine(make.book(adopts_positions=adopts))
    label = Label("hbold0000001")
    held = {CALL: "1", PERPETUAL: str(HEDGE)}
    play.take(
        ev.IntentRestored(
            label=label,
            instrument=PERPETUAL,
            amount_native=HEDGE,
            price_native=Decimal(99_900),
            valid_until_ns=_s(make, -5),
            received_ns=make.now_ns,
        ),
        ev.LedgerRestored(positions=make.snapshot(held).positions, fill_ids=("f0",), received_ns=make.now_ns),
    )
    play.connect()
    play.tick()
    play.take(make.fill("f0", str(HEDGE), label), make.updated(label, "filled", str(-HEDGE)))
    play.reconcile(held, NS_PER_S)
    play.market(NS_PER_S)
    play.tick(NS_PER_S)

    assert play.engine.status().orders_live == 0
    assert play.decided().reason is Reason.INSIDE_BAND


def test_a_new_option_is_watched(play: Any, make: Any) -> None:
    """Bought by hand: subscribed at once; until its greeks come it may have any delta."""
    play.ready({CALL: "1"})
    put = InstrumentId("BTC-27MAR26-90000-P")
    play.take(ev.InstrumentListed(instrument=make.option(put), received_ns=make.now_ns))
    first = play.take(make.fill("m1", "3", instrument=put))
    again = play.take(make.fill("m2", "1", instrument=put))
    commands = play.tick()

    assert (first, again, play.orders(commands)) == ([Watch(instruments=(put,))], [], [])
    assert (play.decided().reason, play.decided().doubtful) == (Reason.DELTA_UNCERTAIN, (put,))


def test_an_option_without_specification_stops_trading_and_nothing_else(play: Any, make: Any) -> None:
    """Its ticker is here before its specification: refuse, do not crash, go on when that comes."""
    play.connect()
    play.tick()
    put = InstrumentId("BTC-27MAR26-90000-P")
    play.reconcile({put: "-1"})
    play.take(make.option_marked(put), make.fill("m1", "-1", instrument=put))
    play.market()
    refused = (play.orders(play.tick()), play.decided().reason, put in play.decided().detail)
    play.take(ev.InstrumentListed(instrument=make.option(put), received_ns=make.now_ns), make.option_marked(put))
    (order,) = play.orders(play.tick(1))

    assert refused == ([], Reason.DELTA_UNCERTAIN, True)
    assert order.amount_native < 0, "short puts are long delta"


def test_distrust_of_the_book_stops_trading(play: Any, make: Any) -> None:
    """After a gap the touch is a phantom, whatever tickers say; a whole book ends it."""
    play.ready({CALL: "1"})
    play.take(ev.QuoteDistrusted(instrument=PERPETUAL, received_ns=make.now_ns, cause=DistrustCause.BOOK_GAP))
    play.market(1)
    refused = (play.orders(play.tick(1)), play.decided().reason)
    play.take(make.quoted(received_ns=_s(make, 0.001)))

    assert refused == ([], Reason.HEDGE_QUOTE_DISTRUSTED)
    assert len(play.orders(play.tick(2_000_000))) == 1
