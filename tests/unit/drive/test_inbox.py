"""Two lanes: nothing of the account is lost, of the market only the newest waits."""

import pytest

from bot.domain.events import Event, QuoteDistrusted, StreamLost, StreamName, StreamRestored
from bot.domain.ids import InstrumentId
from bot.domain.market_events import DepthSeen, Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.drive.inbox import ACCOUNT_LANE_MAX, Inbox, InboxOverflowed

_PERP = InstrumentId("BTC-PERPETUAL")
_CALL = InstrumentId("BTC-27MAR26-100000-C")


def _quote(name: InstrumentId, ns: int) -> Quoted:
    return Quoted(
        instrument=name,
        received_ns=Ns(ns),
        venue_ns=Ns(ns),
        bid_native=1.0,
        ask_native=2.0,
        bid_amount_native=1.0,
        ask_amount_native=1.0,
    )


def _restored(ns: int) -> StreamRestored:
    return StreamRestored(stream=StreamName.ACCOUNT, received_ns=Ns(ns))


def test_account_comes_before_market_and_each_in_order() -> None:
    """What happened to us is known before what the market does."""
    inbox = Inbox()
    events: list[Event] = [_quote(_PERP, 1), _restored(2), _quote(_CALL, 3), _restored(4)]
    inbox.put(events)

    assert len(inbox) == 4
    assert inbox.drain() == [_restored(2), _restored(4), _quote(_PERP, 1), _quote(_CALL, 3)]
    assert (len(inbox), inbox.drain()) == (0, [])


def test_of_a_burst_the_newest_quote_waits() -> None:
    """Conflated per kind and instrument, and counted."""
    inbox = Inbox()
    inbox.put([_quote(_PERP, ns) for ns in range(20)])
    inbox.put([_quote(_CALL, 20)])

    assert inbox.drain() == [_quote(_PERP, 19), _quote(_CALL, 20)]
    assert inbox.conflated_count == 19


def test_what_an_account_event_takes_back_does_not_come_out_after_it() -> None:
    """A quote from before a gap would look newer than the gap."""
    gap = QuoteDistrusted(instrument=_PERP, received_ns=Ns(2), cause=DistrustCause.BOOK_GAP)
    inbox = Inbox()
    depth = DepthSeen(instrument=_PERP, received_ns=Ns(1), venue_ns=Ns(1), bids=(), asks=((2.0, 1.0),))
    inbox.put([_quote(_PERP, 1), depth, _quote(_CALL, 1), gap, _quote(_CALL, 3)])
    assert inbox.drain() == [gap, _quote(_CALL, 3)]

    lost = StreamLost(stream=StreamName.MARKET, received_ns=Ns(4), cause="closed")
    inbox.put([_quote(_PERP, 4), lost])
    assert inbox.drain() == [lost]


def test_a_full_account_lane_is_an_error() -> None:
    """Losing an account event is worse than stopping."""
    inbox = Inbox()
    inbox.put([_restored(1)] * ACCOUNT_LANE_MAX)

    with pytest.raises(InboxOverflowed, match="account events are waiting"):
        inbox.put([_restored(1)])
