"""The newest of everything, and what cannot be used."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bot.domain.events import QuoteDistrusted
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.market_events import FutureMarked, OptionMarked, Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import decimal_from_wire
from bot.market.quality import TrustLimits, judge_greeks
from bot.market.view import MarketView

_PERP = InstrumentId("BTC-PERPETUAL")
_CALL = InstrumentId("BTC-27MAR26-100000-C")
_PUT = InstrumentId("BTC-27MAR26-90000-P")
_EXPIRY = Ns(10_000 * NS_PER_S)
_LIMITS = TrustLimits(
    option_age_ns_max=Ns(60 * NS_PER_S),
    hedge_age_ns_max=Ns(60 * NS_PER_S),
    clock_ahead_ns_max=Ns(NS_PER_S),
    spread_bps_max=10.0,
)


def _spec(name: InstrumentId, kind: Kind) -> Instrument:
    one = decimal_from_wire(1)
    return Instrument(
        id=name,
        venue=VenueId("deribit"),
        kind=kind,
        base="BTC",
        settlement=Settlement.COIN,
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size_native=one,
        lot_native=one,
        tick_native=one,
        fee_rate_maker=one,
        fee_rate_taker=one,
        expiry_ns=None if kind is Kind.PERPETUAL else _EXPIRY,
        strike_usd=None if kind is Kind.PERPETUAL else 100_000.0,
        is_call=None if kind is Kind.PERPETUAL else name.endswith("C"),
    )


@pytest.fixture
def view() -> MarketView:
    """Three instruments are listed, nothing is known of them."""
    market = MarketView(_LIMITS)
    for name, kind in ((_PERP, Kind.PERPETUAL), (_CALL, Kind.OPTION), (_PUT, Kind.OPTION)):
        market.list_instrument(_spec(name, kind))
    return market


def _option(second: int, name: InstrumentId = _CALL, forward_usd: float | None = 100_000.0) -> OptionMarked:
    return OptionMarked(
        instrument=name,
        received_ns=Ns(second * NS_PER_S),
        venue_ns=Ns(second * NS_PER_S),
        bid_native=None,
        ask_native=None,
        bid_amount_native=None,
        ask_amount_native=None,
        mark_native=0.05,
        iv_mark=0.5,
        forward_usd=forward_usd,
        index_usd=100_000.0,
        is_open=True,
    )


def _future(second: int, bid_usd: float = 100.0) -> FutureMarked:
    return FutureMarked(
        instrument=_PERP,
        received_ns=Ns(second * NS_PER_S),
        venue_ns=Ns(second * NS_PER_S),
        bid_usd=bid_usd,
        ask_usd=bid_usd + 1.0,
        bid_amount_native=10.0,
        ask_amount_native=10.0,
        mark_usd=bid_usd + 0.5,
        index_usd=bid_usd,
        price_min_usd=None,
        price_max_usd=None,
        funding_rate_8h=0.0,
        is_open=True,
    )


def _quote(second: int, bid: float = 100.0) -> Quoted:
    return Quoted(
        instrument=_PERP,
        received_ns=Ns(second * NS_PER_S),
        venue_ns=Ns(second * NS_PER_S),
        bid_native=bid,
        ask_native=bid + 1.0,
        bid_amount_native=10.0,
        ask_amount_native=10.0,
    )


def test_a_view_starts_blind(view: MarketView) -> None:
    """Nothing seen, nothing trusted, no price."""
    assert view.option_verdict(view.options.get(_CALL), Ns(0)) is DistrustCause.NEVER_SEEN
    assert view.hedge_verdict(_PERP, Ns(0)) is DistrustCause.NEVER_SEEN
    assert view.touch(_PERP) is None


@given(st.permutations(range(6)))
def test_the_newest_wins_in_any_order_of_arrival(seconds: list[int]) -> None:
    """Late and out-of-order messages never replace newer ones."""
    market = MarketView(_LIMITS)
    market.list_instrument(_spec(_PERP, Kind.PERPETUAL))
    market.list_instrument(_spec(_CALL, Kind.OPTION))
    for second in seconds:
        market.see_option(_option(second, forward_usd=100_000.0 + second))
        market.see_quote(_quote(second, bid=100.0 + second))

    touch = market.touch(_PERP)
    assert touch is not None
    assert (touch.bid_native, market.options[_CALL].forward_usd) == (105.0, 100_005.0)
    assert market.forward_usd("btc_usd", _EXPIRY) == 100_005.0


def test_one_stamp_from_the_future_silences_no_instrument(view: MarketView, make: Any) -> None:
    """Everything after it would be older, for ever and over every reconnect. A venue's clock may be a little ahead."""
    for kind, ahead_s in (("wrong", 86_400), ("ahead", 30)):
        for second in (100, 101):
            stamp = {"venue_ns": Ns((second + (ahead_s if second == 100 else 0)) * NS_PER_S)}
            quote = {"instrument": _PERP, "received_ns": Ns(second * NS_PER_S), **stamp}
            view.see_future(structs.replace(_future(second), **stamp))
            view.see_option(structs.replace(_option(second), **stamp))
            view.see_quote(make.quoted(**quote))
            view.see_depth(make.depth_seen(**quote))
        newest = 101 if kind == "wrong" else 100
        expiry = view.newest_of("btc_usd", _EXPIRY)
        touch, depth = view.touch(_PERP), view.depth(_PERP, Ns(101 * NS_PER_S))
        assert touch is not None
        assert depth is not None
        assert expiry is not None
        told = (view.futures[_PERP], view.options[_CALL], touch, depth, expiry)
        assert {item.received_ns // NS_PER_S for item in told} == {newest}, kind


def test_an_unlisted_instrument_is_ignored_and_counted() -> None:
    """Without a specification a number has no unit."""
    market = MarketView(_LIMITS)
    market.see_option(_option(1))
    market.see_future(_future(1))

    assert (market.options, market.futures, market.ignored_count) == ({}, {}, 2)


def test_a_forward_serves_its_whole_expiry(view: MarketView) -> None:
    """The newest one told by any option of the expiry."""
    view.see_option(_option(1, _CALL, 100_000.0))
    view.see_option(_option(2, _PUT, 100_100.0))
    view.see_option(_option(3, _CALL, None))

    assert view.forward_usd("btc_usd", _EXPIRY) == 100_100.0
    assert view.forward_usd("btc_usd", Ns(_EXPIRY + 1)) is None


def test_a_gap_in_the_book_is_distrusted_until_the_next_quote(view: MarketView) -> None:
    """A ticker's touch does not end it: the book has to be whole again."""
    view.see_future(_future(1))
    assert view.hedge_verdict(_PERP, Ns(NS_PER_S)) is None

    view.distrust(QuoteDistrusted(instrument=_PERP, received_ns=Ns(2 * NS_PER_S), cause=DistrustCause.BOOK_GAP))
    view.see_future(_future(3))
    assert view.hedge_verdict(_PERP, Ns(3 * NS_PER_S)) is DistrustCause.BOOK_GAP
    assert view.touch(_PERP) is None

    view.see_quote(_quote(4))
    assert view.hedge_verdict(_PERP, Ns(4 * NS_PER_S)) is None


def test_what_stands_behind_the_touch_is_the_newest_and_not_old(make: Any) -> None:
    """Older than a hedge's touch may be, it is not known; a gap or a lost stream takes it away."""
    view = MarketView(_LIMITS)
    newer = make.depth_seen(received_ns=Ns(2 * NS_PER_S))
    late_ns = Ns(2 * NS_PER_S + _LIMITS.hedge_age_ns_max)
    view.see_depth(newer)
    view.see_depth(make.depth_seen(received_ns=Ns(NS_PER_S)))

    assert (view.depth(_PERP, late_ns), view.depth(_PERP, Ns(late_ns + 1)), view.ignored_count) == (newer, None, 1)
    view.distrust(QuoteDistrusted(instrument=_PERP, received_ns=late_ns, cause=DistrustCause.BOOK_GAP))
    assert view.depth(_PERP, late_ns) is None
    view.see_depth(newer)
    view.lose_stream(late_ns)
    assert view.depth(_PERP, late_ns) is None


def test_a_lost_stream_ages_everything_at_once(view: MarketView) -> None:
    """Silence of a dead socket is not a quiet market."""
    view.see_option(_option(1))
    view.see_future(_future(1))
    view.lose_stream(Ns(2 * NS_PER_S))
    assert view.option_verdict(view.options.get(_CALL), Ns(2 * NS_PER_S)) is DistrustCause.STREAM_LOST
    assert view.future_verdict(_PERP, Ns(2 * NS_PER_S)) is DistrustCause.STREAM_LOST

    view.see_option(_option(3))
    view.see_future(_future(3))

    assert view.option_verdict(view.options.get(_CALL), Ns(3 * NS_PER_S)) is None
    assert view.hedge_verdict(_PERP, Ns(3 * NS_PER_S)) is None


def test_an_older_forward_of_another_option_changes_nothing(view: MarketView) -> None:
    """Options of one expiry share the newest forward, not the last one to arrive."""
    view.see_option(_option(5, forward_usd=100_000.0))
    view.see_option(_option(4, _PUT, forward_usd=90_000.0))

    assert view.forward_usd("btc_usd", _EXPIRY) == 100_000.0


def test_a_forward_that_leaps_distrusts_its_whole_expiry(view: MarketView) -> None:
    """Every option of the expiry is in doubt, at the forward before, until the next sane ticker of any of them."""
    view.see_option(_option(1))
    view.see_option(_option(1, _PUT))
    view.see_option(_option(2, _PUT, forward_usd=10_000.0))
    now_ns = Ns(2 * NS_PER_S)
    causes = [view.option_verdict(view.options[name], now_ns) for name in (_CALL, _PUT)]

    assert causes == [DistrustCause.FORWARD_JUMPED] * 2
    assert view.forward_usd("btc_usd", _EXPIRY) == 100_000.0
    view.see_option(_option(3))
    assert [view.option_verdict(view.options[name], now_ns) for name in (_CALL, _PUT)] == [None, None]


def test_a_mark_that_leaps_is_not_used_until_others_agree(view: MarketView) -> None:
    """One message cannot move what a future counts for; its instrument is distrusted meanwhile."""
    assert view.see_future(_future(1, 100.0))
    wrong = structs.replace(_future(2, 100.0), mark_usd=1_000.0)

    assert not view.see_future(wrong)
    assert view.futures[_PERP] == _future(1, 100.0)
    assert view.hedge_verdict(_PERP, Ns(2 * NS_PER_S)) is DistrustCause.MARK_JUMPED
    assert view.see_future(_future(3, 100.0))
    assert view.hedge_verdict(_PERP, Ns(3 * NS_PER_S)) is None


def test_a_volatility_that_leaps_is_doubt_at_the_one_before(view: MarketView) -> None:
    """Three tickers in a row that say the same are a market."""
    view.see_option(_option(1))
    seen = []
    for second in (2, 3, 4):
        view.see_option(structs.replace(_option(second), iv_mark=2.0))
        marked = view.options[_CALL]
        seen.append((marked.iv_mark, view.option_verdict(marked, Ns(second * NS_PER_S))))

    assert seen == [(0.5, DistrustCause.IV_JUMPED), (0.5, DistrustCause.IV_JUMPED), (2.0, None)]


def test_a_touch_far_from_the_mark_is_not_traded_on(view: MarketView) -> None:
    """One of the two is of another market."""
    view.see_future(_future(1, 100.0))
    view.see_quote(_quote(2, bid=106.0))

    assert view.hedge_verdict(_PERP, Ns(2 * NS_PER_S)) is DistrustCause.TOUCH_APART


_TICKERS = st.builds(
    lambda second, name, change: structs.replace(_option(second, name), **change),
    st.integers(1, 40),
    st.sampled_from((_CALL, _PUT)),
    st.sampled_from(
        (
            *({}, {}, {}, {"is_open": False}, {"iv_mark": None}, {"iv_mark": 2.0}, {"iv_mark": 7.0}),
            *({"forward_usd": None}, {"forward_usd": 10_000.0}, {"bid_native": 0.06, "ask_native": 0.05}),
        )
    ),
)


@given(st.lists(st.one_of(_TICKERS, st.integers(1, 40)), max_size=12), st.sampled_from((0, 1, 20, 39, 70, 99, 101)))
def test_a_fresh_ticker_is_judged_by_its_greeks_alone(said: list[OptionMarked | int], now_s: int) -> None:
    """Whatever came before, numbers standing for a lost stream: the short way gives the verdict of the long one."""
    market, now_ns = MarketView(_LIMITS), Ns(now_s * NS_PER_S)
    for name in (_CALL, _PUT):
        market.list_instrument(_spec(name, Kind.OPTION))
    for item in said:
        if isinstance(item, int):
            market.lose_stream(Ns(item * NS_PER_S))
        else:
            market.see_option(item)
    since_ns, until_ns = market.fresh(now_ns)
    for marked in market.options.values():
        verdict = market.option_verdict(marked, now_ns)
        if since_ns <= marked.received_ns <= until_ns:
            assert judge_greeks(marked) is verdict
        else:
            assert verdict is not None


@pytest.mark.parametrize(
    ("now_s", "is_fresh"), [(19, True), (18, False), (80, True), (81, False)], ids=["ahead", "too far", "old", "stale"]
)
def test_a_ticker_is_fresh_within_its_limits(view: MarketView, now_s: int, is_fresh: bool) -> None:
    """Both ends included; nothing is while anything leaps, nor what came before its stream was lost."""
    now_ns = Ns(now_s * NS_PER_S)
    view.see_option(_option(20))
    since_ns, until_ns = view.fresh(now_ns)
    assert (since_ns <= 20 * NS_PER_S <= until_ns) is is_fresh
    view.lose_stream(Ns(20 * NS_PER_S))
    assert view.fresh(now_ns)[0] > 20 * NS_PER_S
    view.see_option(structs.replace(_option(21), iv_mark=4.0))
    since_ns, until_ns = view.fresh(now_ns)
    assert since_ns > until_ns
