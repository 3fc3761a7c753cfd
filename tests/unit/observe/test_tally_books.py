"""Counts of two books in one process stay apart."""

from typing import Any

from bot.domain import events as ev
from bot.domain.ids import InstrumentId
from bot.domain.reasons import RefusalKind
from bot.domain.time import Ns
from bot.engine import Engine
from bot.observe.tally import Tally


def test_a_refusal_counts_for_the_book_whose_order_it_was(make: Any, play: Any) -> None:
    """The driver tells every book of every refusal."""
    play.ready({"BTC-27MAR26-100000-C": "1"})
    (order,) = play.orders(play.tick())
    other = Engine(make.book(book="ETH", hedge_instrument=InstrumentId("ETH-PERPETUAL"), label_prefix="hbeth"))
    refusal = ev.OrderRefused(
        label=order.label, received_ns=make.now_ns, code=10028, name="too_many_requests", kind=RefusalKind.BACK_OFF
    )
    counts = []
    for engine in (play.engine, other):
        tally = Tally(trade_coin_min=0.001, sample_every_ns=Ns(1))
        tally.saw(refusal, engine.apply(refusal))
        counts.append(tally.refused)

    assert counts == [1, 0]
