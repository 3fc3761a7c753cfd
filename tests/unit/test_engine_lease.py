"""The lease of the account and the engine: it bounds every order, and without it nothing leaves or is believed."""

from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, LookUpOrder
from bot.domain.ids import InstrumentId, OrderId
from bot.domain.reasons import Action, HaltCause, Phase, Reason
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.execution.tactics import rest_then_cross
from bot.hedging.bands import fixed

CALL = InstrumentId("BTC-27MAR26-100000-C")
PERPETUAL = InstrumentId("BTC-PERPETUAL")
_BAND = fixed.Params(low_coin=-0.025, high_coin=0.025, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0)
"""Narrow: what is left of the call's 0.5319 after 50,000 USD sold is outside, and not urgent."""


def _held(make: Any, left_s: float, at_s: float = 0.0) -> ev.LeaseHeld:
    received_ns = Ns(make.now_ns + round(at_s * NS_PER_S))
    return ev.LeaseHeld(until_ns=Ns(received_ns + round(left_s * NS_PER_S)), received_ns=received_ns)


@pytest.mark.parametrize(("left_s", "valid_s"), [(6.0, 2.0), (1.5, 1.5), (1.0, 1.0)])
def test_no_order_is_valid_beyond_the_lease(play: Any, make: Any, left_s: float, valid_s: float) -> None:
    """Usually two seconds; less where the lease ends before."""
    play.take(_held(make, left_s))
    play.ready({CALL: "1"})

    (order,) = play.orders(play.tick())

    assert order.valid_until_ns == make.now_ns + round(valid_s * NS_PER_S)


def test_a_lease_that_nears_its_end_gives_no_order_until_it_is_renewed(play: Any, make: Any) -> None:
    """Refused with a reason, then traded as ever: nobody else had it meanwhile."""
    play.take(_held(make, 0.9))
    play.ready({CALL: "1"})

    assert play.orders(play.tick()) == []
    assert (play.decided().action, play.decided().reason) == (Action.REFUSE, Reason.NO_LEASE)

    play.take(_held(make, 6.0, at_s=0.5))

    assert len(play.orders(play.tick(500 * NS_PER_MS))) == 1


def test_what_rests_is_taken_back_when_the_lease_is_not_renewed(play_with: Any, make: Any) -> None:
    """The next trader must not find it; the order is named, nobody else's is touched."""
    play = play_with(tactic=rest_then_cross.Params(), band=_BAND)
    play.take(_held(make, 6.0))
    play.ready({CALL: "1", PERPETUAL: "-50000"})
    (order,) = play.orders(play.tick())
    play.take(
        ev.OrderAcked(label=order.label, order_id=OrderId("V-1"), received_ns=make.now_ns),
        make.updated(order.label, "open", "0"),
    )

    assert order.rests
    play.market(5_500 * NS_PER_MS)
    commands = play.tick(5_500 * NS_PER_MS)

    assert [command.order_id for command in commands if isinstance(command, CancelOrder)] == ["V-1"]
    assert play.decided().reason is Reason.NO_LEASE


def test_a_snapshot_seen_after_the_lease_is_not_acted_on(play: Any, make: Any) -> None:
    """A process that slept wakes up and sees the orders of whoever took over: bearing our prefix, they are not ours."""
    play.take(_held(make, 6.0))
    play.ready({CALL: "1"})
    late_ns = Ns(make.now_ns + 60 * NS_PER_S)
    theirs = make.order_seen("hbother0000001", "100")
    commands = play.take(
        make.snapshot({CALL: "1"}, open_orders=(theirs,), requested_ns=late_ns, received_ns=late_ns),
        ev.Ticked(now_ns=late_ns),
        ev.Ticked(now_ns=Ns(late_ns + 30 * NS_PER_S)),
    )

    assert not [command for command in commands if isinstance(command, CancelOrder | LookUpOrder)]
    assert play.orders(commands) == []


def test_a_lease_lost_to_another_is_a_halt_for_good(play: Any, make: Any) -> None:
    """Even where a late answer of the database would still say that it is ours."""
    play.take(_held(make, 6.0))
    play.ready({CALL: "1"})
    play.take(ev.HaltRequested(received_ns=make.now_ns, cause=HaltCause.LEASE_LOST, detail="host b"), _held(make, 6.0))

    assert play.orders(play.tick()) == []
    assert play.engine.status().phase is Phase.HALTED
