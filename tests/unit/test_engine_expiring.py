"""A future inside its own settlement window is no hedge: its coins are less and less delta."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Kind
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns

CALL, DATED, PERPETUAL = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-1MAR26"), InstrumentId("BTC-PERPETUAL")
_WINDOW_S = 1800


def _sent(play: Any, make: Any, left_s: int, held: dict[str, str]) -> list[tuple[InstrumentId, Decimal]]:
    """Orders of ten ticks, each filled whole, so long before the future's expiry."""
    play.connect()
    expiry_ns = Ns(make.now_ns + left_s * NS_PER_S)
    dated = make.perpetual(id=DATED, kind=Kind.FUTURE, expiry_ns=expiry_ns)
    play.take(ev.InstrumentListed(instrument=dated, received_ns=make.now_ns))
    play.tick()
    play.market()
    play.take(make.future_marked(DATED))
    play.reconcile(held)
    sent = []
    for step in range(10):
        at = Ns(make.now_ns + step * NS_PER_S)
        play.market(step * NS_PER_S)
        play.take(make.future_marked(DATED, received_ns=at))
        for order in play.orders(play.tick(step * NS_PER_S)):
            sent.append((order.instrument, order.amount_native))
            change = {"instrument": order.instrument, "received_ns": at}
            play.take(make.fill(f"f{step}{order.instrument}", str(order.amount_native), order.label, **change))
            play.take(make.updated(order.label, "filled", str(abs(order.amount_native)), **change))
    return sent


@pytest.mark.parametrize("left_s", [_WINDOW_S - 1, 60])
def test_a_book_with_one_future_refuses_in_its_window(play_with: Callable[..., Any], make: Any, left_s: int) -> None:
    """Each sale would move the delta by what is open of the average, and be followed by another without end."""
    play = play_with(hedge_instrument=DATED)

    assert _sent(play, make, left_s, {CALL: "1"}) == []
    assert play.decided().reason is Reason.HEDGE_QUOTE_DISTRUSTED
    assert play.decided().detail == "BTC-1MAR26: expired"


def test_before_its_window_one_order_does_it(play_with: Callable[..., Any], make: Any) -> None:
    """The future is whole until the average begins."""
    sent = _sent(play_with(hedge_instrument=DATED), make, _WINDOW_S + 60, {CALL: "1"})

    assert sent == [(DATED, pytest.approx(Decimal(-53180), abs=50))]


def test_of_several_the_perpetual_hedges(play_with: Callable[..., Any], make: Any) -> None:
    """What is held of the future expires by itself: closing it would bring next to nothing of what is due."""
    both = (DATED, PERPETUAL)
    play = play_with(hedge_instrument=DATED, hedges_long=both, hedges_short=both)

    assert {name for name, _ in _sent(play, make, 60, {CALL: "1", DATED: "50000"})} == {PERPETUAL}
    assert play.decided().reason is Reason.INSIDE_BAND
