"""Pieces put together: nothing looks fresher than it is."""

from typing import Any

from bot.domain.events import Event
from bot.domain.ids import InstrumentId
from bot.domain.market_events import DepthSeen, FutureMarked, Quoted
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.venues.public_ticker import Ticker
from bot.venues.public_wire import BandTold, DepthTold, IndexTold, MarkTold, SpecTold, TouchTold

PERP = InstrumentId("OKX:BTC-USDT-SWAP")
T0 = Ns(1_770_000_000 * NS_PER_S)


def at(seconds: float) -> Ns:
    """So long after the start."""
    return Ns(T0 + round(seconds * NS_PER_S))


def touch(seq: int = 1, venue_ns: int = T0, **changes: Any) -> TouchTold:
    """A touch of 5 against 7 contracts."""
    return TouchTold(PERP, 63_999.5, 64_000.5, 5.0, 7.0, Ns(venue_ns), seq)._replace(**changes)


def known() -> Ticker:
    """A ticker that knows all there is to know."""
    ticker = Ticker(PERP)
    pieces = (
        SpecTold(PERP, 0.01, True),
        MarkTold(PERP, mark_usd=64_001.0),
        MarkTold(PERP, funding_rate_8h=0.0001),
        IndexTold("BTC-USDT", 64_002.0),
        BandTold(PERP, 60_000.0, 68_000.0),
    )
    assert [ticker.take(piece, T0) for piece in pieces] == [()] * len(pieces)
    return ticker


def marked_of(events: tuple[Event, ...]) -> FutureMarked:
    """The ticker among them."""
    (found,) = [event for event in events if isinstance(event, FutureMarked)]
    return found


def test_a_touch_tells_all_that_is_known() -> None:
    """Amounts in coins, not contracts; of a perpetual the index is what it would deliver at."""
    quoted, marked = known().take(touch(), T0)
    assert isinstance(quoted, Quoted)
    assert isinstance(marked, FutureMarked)
    assert (quoted.bid_amount_native, quoted.ask_amount_native) == (0.05, 0.07)
    assert (marked.mark_usd, marked.index_usd, marked.delivery_usd) == (64_001.0, 64_002.0, 64_002.0)
    assert (marked.price_min_usd, marked.price_max_usd, marked.funding_rate_8h) == (60_000.0, 68_000.0, 0.0001)
    assert marked.is_open


def test_depth_is_told_four_times_a_second_in_coins() -> None:
    """Contracts before the contract is known are no size."""
    told = DepthTold(PERP, ((63_999.5, 5.0),), ((64_000.5, 7.0), (64_001.0, 2.0)), T0)
    assert Ticker(PERP).take(told, T0) == ()
    ticker = known()
    (seen,) = ticker.take(told, T0)
    assert isinstance(seen, DepthSeen)
    assert (seen.bids, seen.asks) == (((63_999.5, 0.05),), ((64_000.5, 0.07), (64_001.0, 0.02)))
    assert (ticker.take(told, at(0.24)), len(ticker.take(told, at(0.25)))) == ((), 1)


def test_a_volume_is_told_until_it_is_old() -> None:
    """It is a whole day's, and comes when somebody trades: believed for five minutes."""
    ticker = known()
    assert marked_of(ticker.take(touch(2), T0)).volume_usd_per_day is None
    ticker.take(MarkTold(PERP, volume_usd_per_day=2e9), T0)
    ticker.take(MarkTold(PERP, mark_usd=64_002.0), at(1.0))

    assert marked_of(ticker.take(touch(3), at(300.0))).volume_usd_per_day == 2e9
    assert marked_of(ticker.take(touch(4), at(301.0))).volume_usd_per_day is None


def test_no_touch_before_the_contract_is_known() -> None:
    """A size of which nobody knows the unit is no size."""
    ticker = Ticker(PERP)
    assert ticker.take(touch(), T0) == ()
    ticker.take(SpecTold(PERP, 0.01, False), T0)
    marked = marked_of(ticker.take(touch(), T0))
    assert (marked.is_open, marked.mark_usd, marked.index_usd) == (False, None, None)


def test_an_empty_side_is_none() -> None:
    """And so is its amount."""
    marked = marked_of(known().take(touch(bid_usd=None, bid_contracts=None), T0))
    assert (marked.bid_usd, marked.bid_amount_native, marked.ask_usd) == (None, None, 64_000.5)


def test_a_mark_that_stopped_coming_is_absent() -> None:
    """The touch goes on, and must not carry an old mark for fresh; an index may rest for a minute."""
    ticker = known()
    assert marked_of(ticker.take(touch(2), at(14.0))).mark_usd == 64_001.0
    late = marked_of(ticker.take(touch(3), at(16.0)))
    assert (late.mark_usd, late.index_usd) == (None, 64_002.0)
    assert marked_of(ticker.take(touch(4), at(80.0))).index_usd is None


def test_other_channels_do_not_refresh_a_touch() -> None:
    """Only a touch makes an event: what has gone quiet ages in the view."""
    ticker = known()
    ticker.take(touch(), T0)
    assert ticker.take(MarkTold(PERP, mark_usd=1.0), at(30.0)) == ()
    assert ticker.take(IndexTold("BTC-USDT", 1.0), at(30.0)) == ()


def test_tickers_come_every_tenth_of_a_second_and_touches_always() -> None:
    """As many as Deribit's; the touch is the newest in any case."""
    ticker = known()
    kinds = [[type(event) for event in ticker.take(touch(n), Ns(T0 + n * 40 * NS_PER_MS))] for n in range(1, 5)]
    assert kinds == [[Quoted, FutureMarked], [Quoted], [Quoted], [Quoted, FutureMarked]]


def test_an_older_touch_is_dropped_unless_numbering_began_anew() -> None:
    """A lower number that is no newer in the venue's time is old; with a newer time the venue restarted its count."""
    ticker = known()
    ticker.take(touch(10, at(1.0)), at(1.0))
    assert ticker.take(touch(9, at(1.0)), at(2.0)) == ()
    assert len(ticker.take(touch(1, at(3.0)), at(3.0))) == 2


def test_a_contract_known_beforehand() -> None:
    """Where every contract is a coin no channel has to say so; one that says it is closed leaves its size."""
    ticker = Ticker(PERP, 1.0)
    assert marked_of(ticker.take(touch(1), T0)).bid_amount_native == 5.0
    ticker.take(SpecTold(PERP, None, False), T0)
    marked = marked_of(ticker.take(touch(2), at(1.0)))
    assert (marked.is_open, marked.bid_amount_native) == (False, 5.0)


def test_what_has_not_come_for_a_minute_is_named() -> None:
    """Counted from the beginning of the connection where nothing has come yet."""
    ticker = Ticker(PERP, 1.0)
    assert ticker.missing(at(60.0), T0) == ""
    assert ticker.missing(at(61.0), T0) == "touch"
    ticker.take(touch(1), at(30.0))
    assert ticker.missing(at(61.0), T0) == "mark"
    ticker.take(MarkTold(PERP, mark_usd=1.0), at(40.0))
    assert ticker.missing(at(61.0), T0) == ""
    assert ticker.missing(at(91.0), T0) == "touch"
