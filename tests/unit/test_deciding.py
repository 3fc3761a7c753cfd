"""One decision: what the desk, the hedger and the tactic come to together."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.ids import InstrumentId, OrderId
from bot.domain.reasons import Action, Reason
from bot.hedging.appetite import AppetiteParams
from bot.hedging.band import TradeTo
from bot.hedging.bands import fixed
from bot.hedging.modifiers import Modifiers

CALL = InstrumentId("BTC-27MAR26-100000-C")


def _first_order(play: Any) -> PlaceOrder:
    play.ready({CALL: "1"})
    (order,) = play.orders(play.tick())
    return order


def test_no_second_order_while_one_is_pending(play: Any, make: Any) -> None:
    """Ticks, quotes, an ack: the delta still looks open, the order is the answer to it."""
    order = _first_order(play)
    commands = play.tick(1) + play.tick(2)
    play.market(3)
    play.take(ev.OrderAcked(label=order.label, order_id=OrderId("V-1"), received_ns=make.now_ns))
    commands += play.tick(4)

    assert play.orders(commands) == []
    assert (play.decided().action, play.decided().reason) == (Action.SKIP, Reason.ORDER_PENDING)


def test_a_price_outside_the_venues_band_is_refused(play: Any, make: Any) -> None:
    """The venue would refuse or clamp it: no order, no label used, said in words."""
    play.ready({CALL: "1"})
    play.take(make.future_marked(price_min_usd=100_000.0))

    assert play.orders(play.tick()) == []
    assert (play.decided().action, play.decided().reason) == (Action.REFUSE, Reason.PRICE_BAND)
    assert play.decided().trade_coin == 0.0
    assert play.engine.status().orders_live == 0


def test_the_order_that_left_is_in_flight_before_the_next_decision(play: Any) -> None:
    """The very next tick counts it: nothing between deciding and sending can decide again."""
    order = _first_order(play)

    assert play.engine.account.working.outstanding()[order.instrument] == (order.amount_native, 0)
    assert play.orders(play.tick(1)) == []


def test_a_decision_says_what_it_was_made_on(play: Any) -> None:
    """The place on the tape, the book and its convention are the engine's own."""
    _first_order(play)
    decided = play.decided()

    assert (decided.seq, decided.book, decided.convention) == (play.engine.seq, "BTC", "options_only")
    assert (decided.action, decided.reason) == (Action.HEDGE, Reason.OUTSIDE_BAND)


@pytest.mark.parametrize(
    ("equity_coin", "limit_coin", "usd"),
    [
        (10.0, 4.0, 0),  # the full cushion: 0.53 coins stay inside 0.6
        (9.125, 4.0, -23_190),  # an eighth of it: half the width
        (9.125, 1.0, -40_690),  # and an eighth of the hard limit, which cuts that
        (8.0, 4.0, -25_340),  # below the floor a tenth is left: 0.464 times the width
        (None, 4.0, -25_340),  # nobody knows: the least
    ],
)
def test_less_is_left_open_as_the_equity_nears_its_floor(
    play_with: Callable[..., Any], make: Any, equity_coin: float | None, limit_coin: float, usd: int
) -> None:
    """Floor 900,000 USD, full cushion 100,000; the band is 0.6 coins either way."""
    edges = fixed.Params(low_coin=-0.6, high_coin=0.6, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0)
    play = play_with(
        band=edges,
        modifiers=Modifiers(trade_to=TradeTo.EDGE),
        limits=make.limits(delta_coin_worst_max=limit_coin),
        appetite=AppetiteParams(floor_usd=900_000.0, full_cushion_usd=100_000.0),
    )
    play.ready({CALL: "1"})
    if equity_coin is not None:
        play.take(make.account_seen(equity_native=equity_coin))

    assert sum(int(order.amount_native) for order in play.orders(play.tick())) == pytest.approx(usd, abs=20)
