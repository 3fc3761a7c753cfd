"""Market events that led to nothing, counted together."""

from typing import get_args

from bot.domain.ids import InstrumentId
from bot.domain.market_events import MarketEvent, Quoted
from bot.domain.time import Ns
from bot.observe.counts import EVENT_KINDS
from bot.observe.passed import Passed


def test_it_begins_with_one_event() -> None:
    """Its kind is one that is counted."""
    quote = Quoted(
        instrument=InstrumentId("BTC-PERPETUAL"),
        received_ns=Ns(2),
        venue_ns=Ns(1),
        bid_native=1.0,
        ask_native=2.0,
        bid_amount_native=None,
        ask_amount_native=None,
    )
    passed = Passed(quote)

    assert (passed.kinds, passed.newest) == ([Quoted], quote)
    assert set(get_args(MarketEvent)) <= set(EVENT_KINDS)
