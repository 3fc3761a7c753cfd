"""Orders that rest: each has a reason at every tick, and nothing new leaves before its end is confirmed.

The call of `test_engine` has a delta of 0.5319; 50,000 USD are sold against it, so that 0.0319 is left: outside a band
of 0.025, and not far enough to be urgent.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, Command, LookUpOrder, PlaceOrder
from bot.domain.ids import InstrumentId, OrderId
from bot.domain.reasons import Action, DistrustCause, HaltCause, Phase, Reason, RefusalKind
from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactics import rest_then_cross
from bot.hedging.bands import fixed

CALL = InstrumentId("BTC-27MAR26-100000-C")
PERPETUAL = InstrumentId("BTC-PERPETUAL")
HEDGE = Decimal(-3_180)
_HELD = {CALL: "1", PERPETUAL: "-50000"}
_BAND = fixed.Params(low_coin=-0.025, high_coin=0.025, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0)
_VENUE_ID = OrderId("V-1")


def _s(make: Any, seconds: float) -> Ns:
    return Ns(make.now_ns + round(seconds * NS_PER_S))


class Rest:
    """A book whose hedges rest, from the first order on."""

    def __init__(self, play: Any, make: Any) -> None:
        self.play, self.make = play, make
        play.ready(_HELD)
        (self.order,) = play.orders(play.tick())
        self.second = 0.0

    def tick(self, seconds: float = 0.1) -> list[Command]:
        """Time passes, with a fresh market."""
        self.second += seconds
        self.play.market(round(self.second * NS_PER_S))
        return list(self.play.tick(round(self.second * NS_PER_S)))

    def fill(self, fill_id: str, amount: str, label: str | None = None) -> ev.Filled:
        """A fill of the order, or of somebody else."""
        return self.make.fill(fill_id, amount, label)

    def update(self, state: str, filled: str = "0") -> ev.OrderUpdated:
        """The venue's word on the order."""
        return self.make.updated(self.order.label, state, filled, received_ns=_s(self.make, self.second))

    def reach(self, state: str) -> None:
        """Bring the order into a state."""
        play, make = self.play, self.make
        if state == "in flight":
            return
        if state == "unknown":
            play.take(ev.OrderUnknown(label=self.order.label, received_ns=make.now_ns, cause="time-out"))
            return
        play.take(ev.OrderAcked(label=self.order.label, order_id=_VENUE_ID, received_ns=make.now_ns))
        play.take(self.update("open"))
        if state == "partly filled":
            play.take(self.fill("f1", "-100", self.order.label), self.update("open", "100"))
        elif state == "fill told, not seen":
            play.take(self.update("open", "100"))
        elif state == "taken back":
            play.take(self.fill("g1", "-3000"))
            assert self.cancels(self.tick()) == [self.order.label]

    def strike(self, what: str) -> list[Command]:
        """Take its reason away, and let a moment pass."""
        play, now_ns = self.play, _s(self.make, self.second)
        events: dict[str, Callable[[], list[ev.Event]]] = {
            "delta back inside": lambda: [self.fill("g2", "-3000")],
            "delta turned": lambda: [self.fill("g2", "-9000")],
            "stop": lambda: [ev.StopRequested(received_ns=now_ns, cause="SIGTERM")],
            "halt of the shell": lambda: [
                ev.HaltRequested(received_ns=now_ns, cause=HaltCause.JOURNAL_FAILED, detail="disk full")
            ],
            # Larger than the order: halts as `fill_unexplained`.
            "halt from inside": lambda: [self.fill("f8", "-9000", self.order.label)],
            "account stream lost": lambda: [
                ev.StreamLost(stream=ev.StreamName.ACCOUNT, received_ns=now_ns, cause="closed")
            ],
            "market stream lost": lambda: [
                ev.StreamLost(stream=ev.StreamName.MARKET, received_ns=now_ns, cause="closed")
            ],
            "hedge distrusted": lambda: [
                ev.QuoteDistrusted(instrument=PERPETUAL, received_ns=now_ns, cause=DistrustCause.BOOK_GAP)
            ],
        }
        commands = list(play.take(*events[what]()))
        self.second += 0.1
        return [*commands, *play.tick(round(self.second * NS_PER_S))]

    def refused(self, kind: RefusalKind) -> ev.OrderRefused:
        """A definite no to the order."""
        received_ns = _s(self.make, self.second)
        return ev.OrderRefused(label=self.order.label, received_ns=received_ns, code=1, name="no", kind=kind)

    @staticmethod
    def cancels(commands: list[Command]) -> list[str]:
        """Labels of orders taken back."""
        return [command.label for command in commands if isinstance(command, CancelOrder)]


@pytest.fixture
def rest(play_with: Any, make: Any) -> Rest:
    """Rests for thirty seconds, follows the touch after half a second."""
    return Rest(play_with(band=_BAND, tactic=rest_then_cross.Params()), make)


def test_a_hedge_rests_at_the_touch(rest: Rest, make: Any) -> None:
    """Post-only at the ask, taken back after thirty seconds at the latest; valid for two to start."""
    assert rest.order == PlaceOrder(
        label=rest.order.label,
        instrument=PERPETUAL,
        amount_native=HEDGE,
        price_native=Decimal("100000.5"),
        arrival_mid_native=100_000.0,
        valid_until_ns=_s(make, 2),
        decided_seq=rest.order.decided_seq,
        rest_until_ns=_s(make, 30),
    )
    assert (rest.play.decided().action, rest.play.decided().reason) == (Action.HEDGE, Reason.OUTSIDE_BAND)


_REASONS = (
    "delta back inside",
    "delta turned",
    "stop",
    "halt of the shell",
    "halt from inside",
    "account stream lost",
    "market stream lost",
    "hedge distrusted",
)


@pytest.mark.parametrize("what", _REASONS)
@pytest.mark.parametrize("state", ["open", "partly filled"])
def test_what_has_lost_its_reason_is_taken_back_at_once(rest: Rest, state: str, what: str) -> None:
    """Delta, halt, stop, streams, distrust: one cancel, and nothing new."""
    rest.reach(state)
    assert rest.cancels(rest.tick()) == [], "it has its reason"
    commands = rest.strike(what)

    assert rest.cancels(commands) == [rest.order.label]
    assert rest.play.orders(commands) == []


@pytest.mark.parametrize("what", ["stop", "halt of the shell", "account stream lost", "market stream lost"])
@pytest.mark.parametrize("state", ["in flight", "unknown"])
def test_what_is_not_in_the_book_yet_is_taken_back_once_it_is(rest: Rest, state: str, what: str) -> None:
    """There is no id to cancel: the wish is remembered until the venue shows the order."""
    rest.reach(state)
    before = rest.strike(what)
    rest.play.take(rest.update("open"))
    after = rest.play.tick(round(rest.second * NS_PER_S))

    assert rest.cancels(before) == []
    assert rest.cancels(after) == [rest.order.label]


@pytest.mark.parametrize(
    "state", ["in flight", "open", "partly filled", "unknown", "fill told, not seen", "taken back"]
)
def test_nothing_new_leaves_while_anything_about_it_is_open(rest: Rest, state: str) -> None:
    """In every state of the one order: no second one, for a minute of ticks."""
    rest.reach(state)
    orders = [order for _ in range(60) for order in rest.play.orders(rest.tick(1.0))]

    assert orders == []


def test_after_its_end_is_confirmed_the_hedge_goes_on(rest: Rest) -> None:
    """Taken back because the touch went away, partly filled: the next order is for what is left, once."""
    rest.reach("partly filled")
    rest.second = 1.0
    at = _s(rest.make, 1.0)
    rest.play.take(rest.make.future_marked(received_ns=at, bid_usd=99_990.0, ask_usd=99_990.5))
    rest.play.take(rest.make.option_marked(received_ns=at))
    taken_back = rest.play.tick(NS_PER_S)
    waiting = rest.play.tick(NS_PER_S)
    rest.play.take(rest.update("cancelled", "100"))
    (second,) = rest.play.orders(rest.play.tick(NS_PER_S))

    assert (rest.cancels(taken_back), waiting) == ([rest.order.label], [])
    assert (second.amount_native, second.price_native) == (HEDGE + 100, Decimal("99990.5"))
    assert second.rest_until_ns == rest.order.rest_until_ns, "one clock for one hedge"


def test_patience_ends_in_an_order_that_takes(rest: Rest) -> None:
    """After thirty seconds it is taken back, then crossed; in between nothing."""
    rest.reach("open")
    commands = [command for _ in range(300) for command in rest.tick(0.1)]
    rest.play.take(rest.update("cancelled"))
    (crossing,) = rest.play.orders(rest.tick())

    assert rest.cancels(commands)[:1] == [rest.order.label]
    assert rest.play.orders(commands) == []
    assert (crossing.rest_until_ns, crossing.amount_native) == (None, HEDGE)


def test_a_lost_reply_to_a_cancel_is_asked_for_until_it_is_known(rest: Rest) -> None:
    """Cancel and look-up in turns, by label, bounded; after the longest doubt it halts."""
    rest.reach("taken back")
    rest.play.take(ev.LookUpFailed(label=rest.order.label, received_ns=_s(rest.make, rest.second), cause="time-out"))
    commands = [command for _ in range(400) for command in rest.tick(0.1)]
    asked = [type(command) for command in commands if isinstance(command, CancelOrder | LookUpOrder)]

    assert {CancelOrder, LookUpOrder} == set(asked)
    assert 4 <= len(asked) <= 12
    assert (rest.play.engine.status().phase, rest.play.engine.status().phase_cause) == (
        Phase.HALTED,
        HaltCause.ORDER_UNRESOLVED.value,
    )


def test_a_fill_that_met_the_cancel_counts(rest: Rest) -> None:
    """The cancel came too late: filled is filled, and no second hedge is made."""
    rest.reach("taken back")
    rest.play.take(rest.update("filled", str(-HEDGE)))
    before = rest.play.orders(rest.tick())
    rest.play.take(rest.fill("f9", str(HEDGE), rest.order.label))

    assert before == []
    assert rest.play.engine.status().positions_native[PERPETUAL] == Decimal(-53_000) + HEDGE
    assert rest.play.decided().delta_coin_low == pytest.approx(0.5319 - 0.53 - 0.0318, abs=1e-3)


@pytest.mark.parametrize("times", [1, 8])
def test_a_post_only_rejection_is_a_miss_and_no_fault(rest: Rest, times: int) -> None:
    """The market came to the price first: wait and price anew; any number of them in a row halts nothing."""
    for _ in range(times):
        rest.play.take(rest.refused(RefusalKind.REQUOTE))
        assert rest.play.orders(rest.tick()) == []
        rest.order = next(order for _ in range(60) for order in rest.play.orders(rest.tick(0.1)))

    assert rest.play.engine.status().phase is Phase.RUNNING


def test_an_urgent_hedge_does_not_wait_for_what_rests(rest: Rest) -> None:
    """The delta leapt beyond one and a half half widths: taken back, then crossed whole."""
    rest.reach("open")
    rest.play.take(rest.fill("g1", "5000"))
    first = rest.tick()
    rest.play.take(rest.update("cancelled"))
    (crossing,) = rest.play.orders(rest.tick())

    assert rest.cancels(first) == [rest.order.label]
    assert (crossing.rests, crossing.amount_native) == (False, Decimal(-8_180))


def test_a_snapshot_without_the_order_is_doubt(rest: Rest) -> None:
    """It was in the book before the snapshot was asked for: looked up by label, counted both ways until then."""
    rest.reach("open")
    rest.tick(5.0)
    at = _s(rest.make, 5.0)
    rest.play.take(rest.make.snapshot(_HELD, requested_ns=at, received_ns=at))
    commands = rest.tick()

    assert [type(command) for command in commands] == [LookUpOrder]
    assert rest.play.engine.status().orders_unknown == 1


def test_a_snapshot_with_the_order_reconciles_while_it_rests(rest: Rest, make: Any) -> None:
    """A book that always has something resting is compared all the same."""
    rest.reach("open")
    rest.tick(5.0)
    at = _s(make, 5.0)
    shown = make.order_seen(rest.order.label, str(HEDGE))
    rest.play.take(
        make.snapshot({CALL: "1", PERPETUAL: "-49000"}, open_orders=(shown,), requested_ns=at, received_ns=at)
    )

    assert rest.play.engine.status().phase is Phase.RECONCILING, "a position that differs is seen"
    assert rest.cancels(rest.tick()) == [rest.order.label]


@pytest.mark.parametrize("end", ["refused", "absent"])
def test_an_order_that_never_was_and_is_shown_open_is_taken_back(rest: Rest, make: Any, end: str) -> None:
    """The venue contradicts itself: it works, so it is ours to take back, and blocks the next one until it has."""
    if end == "refused":
        rest.play.take(rest.refused(RefusalKind.BACK_OFF))
    else:
        rest.reach("unknown")
        rest.play.take(ev.OrderAbsent(label=rest.order.label, received_ns=make.now_ns))
    shown = make.order_seen(rest.order.label, str(HEDGE))
    at = _s(make, 0.2)
    rest.play.take(make.snapshot(_HELD, open_orders=(shown,), requested_ns=at, received_ns=at))
    commands = rest.tick(0.3)

    assert rest.cancels(commands) == [rest.order.label]
    assert rest.play.orders(commands) == []


def test_the_touch_is_not_followed_with_the_last_of_the_order_rate(play_with: Any, make: Any) -> None:
    """Half of the orders of a minute are kept for what must be done."""
    rest = Rest(
        play_with(band=_BAND, tactic=rest_then_cross.Params(), limits=make.limits(orders_per_minute_max=2)), make
    )
    rest.reach("open")
    at = _s(make, 1.0)
    rest.play.take(make.future_marked(received_ns=at, bid_usd=99_990.0, ask_usd=99_990.5))
    rest.play.take(make.option_marked(received_ns=at))

    assert rest.cancels(rest.play.tick(NS_PER_S)) == []
