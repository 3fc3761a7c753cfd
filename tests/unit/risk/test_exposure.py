"""Net delta as a number where all is known, as an interval where it is not."""

import math
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.market.quality import TrustLimits
from bot.market.view import MarketView
from bot.pricing import settlement_window as sw
from bot.risk.conventions import Convention
from bot.risk.expiry_market import Terms
from bot.risk.exposure import Exposure, measure
from bot.risk.legs import arrange

_NOW = Ns(1_000 * NS_PER_DAY)
_EXPIRY = Ns(_NOW + 73 * NS_PER_DAY)  # 0.2 years
_FORWARD = 100_000.0
_WINDOW = sw.Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))
_PERP, _LINEAR = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC_USDC-PERPETUAL")
_CALL, _PUT = InstrumentId("BTC-X-100000-C"), InstrumentId("BTC-X-100000-P")
_HELD_DEFAULT = {_CALL: "1", _PUT: "1"}

_TERMS = Terms(convention=Convention.OPTIONS_ONLY, window=_WINDOW, price_usd=_FORWARD)

# At the money, σ√T = 0.5·√0.2: N(d1) with d1 = σ√T/2, by the error function.
_WIDTH = 0.5 * math.sqrt(0.2)
_CALL_DELTA = 0.5 * (1.0 + math.erf(0.5 * _WIDTH / math.sqrt(2.0)))
_GAMMA = math.exp(-0.125 * _WIDTH * _WIDTH) / math.sqrt(2.0 * math.pi) / (_FORWARD * _WIDTH)


def _spec(name: InstrumentId) -> Instrument:
    is_perpetual = name in {_PERP, _LINEAR}
    return Instrument(
        id=name,
        venue=VenueId("deribit"),
        kind=Kind.PERPETUAL if is_perpetual else Kind.OPTION,
        base="BTC",
        settlement=Settlement.USD if name == _LINEAR else Settlement.COIN,
        settlement_currency="USDC" if name == _LINEAR else "BTC",
        index_name="btc_usd",
        contract_size_native=Decimal(1),
        lot_native=Decimal("0.1"),
        tick_native=Decimal("0.0001"),
        fee_rate_maker=Decimal(0),
        fee_rate_taker=Decimal(0),
        expiry_ns=None if is_perpetual else _EXPIRY,
        strike_usd=None if is_perpetual else 100_000.0,
        is_call=None if is_perpetual else name == _CALL,
    )


def _option(name: InstrumentId, *, age_ns: int = 0, iv_mark: float | None = 0.5) -> OptionMarked:
    return OptionMarked(
        instrument=name,
        received_ns=Ns(_NOW - age_ns),
        venue_ns=Ns(_NOW - age_ns),
        bid_native=None,
        ask_native=None,
        bid_amount_native=None,
        ask_amount_native=None,
        mark_native=0.09,
        iv_mark=iv_mark,
        forward_usd=_FORWARD,
        index_usd=_FORWARD,
        is_open=True,
    )


def _view(*options: OptionMarked, perp_mark_usd: float | None = _FORWARD) -> MarketView:
    view = MarketView(
        TrustLimits(
            option_age_ns_max=Ns(60 * NS_PER_S),
            hedge_age_ns_max=Ns(5 * NS_PER_S),
            clock_ahead_ns_max=Ns(NS_PER_S),
            spread_bps_max=10.0,
        )
    )
    for name in (_PERP, _LINEAR, _CALL, _PUT):
        view.list_instrument(_spec(name))
    for marked in options:
        view.see_option(marked)
    view.see_future(
        FutureMarked(
            instrument=_PERP,
            received_ns=_NOW,
            venue_ns=_NOW,
            bid_usd=_FORWARD,
            ask_usd=_FORWARD + 0.5,
            bid_amount_native=10.0,
            ask_amount_native=10.0,
            mark_usd=perp_mark_usd,
            index_usd=_FORWARD,
            price_min_usd=None,
            price_max_usd=None,
            funding_rate_8h=0.0,
            is_open=True,
        )
    )
    return view


def _measure(
    view: MarketView,
    held: dict[InstrumentId, str],
    outstanding: dict[InstrumentId, tuple[Decimal, Decimal]] | None = None,
    now_ns: Ns = _NOW,
) -> Exposure:
    legs = arrange({name: Decimal(amount) for name, amount in held.items()}, view.instruments)
    found = measure(view, legs, now_ns, _TERMS, outstanding or {})
    assert found is not None
    return found


def _interval(exposure: Exposure) -> tuple[float, float]:
    return exposure.delta_coin_low, exposure.delta_coin_high


def test_a_straddle_and_its_hedge_add_up() -> None:
    """Black-76 deltas on the forward; an inverse perpetual in USD over its mark; a linear one in coins."""
    view = _view(_option(_CALL), _option(_PUT))
    found = _measure(view, {_CALL: "2", _PUT: "1", _PERP: "-30000", _LINEAR: "0.1"})

    options = 2.0 * _CALL_DELTA + (_CALL_DELTA - 1.0)
    assert found.delta_coin_options == pytest.approx(options, rel=1e-12)
    assert found.delta_coin_futures == pytest.approx(-0.3 + 0.1, rel=1e-12)
    assert found.delta_coin_net == pytest.approx(options - 0.2, rel=1e-12)
    assert _interval(found) == (found.delta_coin_net, found.delta_coin_net)
    assert found.gamma_coin_per_usd == pytest.approx(3.0 * _GAMMA, rel=1e-12)
    assert (found.option_coin_gross, found.doubtful) == (2.0, ())
    assert (found.iv_mark, found.tau_years) == (pytest.approx(0.5), pytest.approx(0.2))


@pytest.mark.parametrize(
    ("quantity", "low", "high"),
    [("1", 0.0, 1.0), ("-1", -1.0, 0.0), ("2", 0.0, 2.0)],
)
def test_a_call_without_greeks_can_have_any_delta_of_its_kind(quantity: str, low: float, high: float) -> None:
    """Absent is never zero: the interval is what a call can be, the estimate its middle."""
    found = _measure(_view(), {_CALL: quantity})

    assert _interval(found) == (low, high)
    assert (found.delta_coin_net, found.doubtful) == (0.5 * (low + high), (_CALL,))


def test_a_put_without_greeks_reaches_down_to_minus_one() -> None:
    """A short put can add up to one coin."""
    assert _interval(_measure(_view(), {_PUT: "1"})) == (-1.0, 0.0)
    assert _interval(_measure(_view(), {_PUT: "-1"})) == (0.0, 1.0)


def test_a_stale_leg_keeps_its_last_greeks_as_estimate_only() -> None:
    """The best guess stays, the interval opens, and only by that leg."""
    view = _view(_option(_CALL, age_ns=61 * NS_PER_S), _option(_PUT))
    found = _measure(view, _HELD_DEFAULT)

    put = _CALL_DELTA - 1.0
    assert found.delta_coin_net == pytest.approx(_CALL_DELTA + put, rel=1e-12)
    assert _interval(found) == (pytest.approx(put), pytest.approx(put + 1.0))
    assert (found.doubtful, found.option_age_ns_max) == ((_CALL,), 61 * NS_PER_S)


def test_orders_that_may_still_fill_count_both_ways() -> None:
    """A sell of 10,000 USD in flight: the net delta may be 0.1 coin lower, or not."""
    view = _view(_option(_CALL), _option(_PUT))
    found = _measure(view, _HELD_DEFAULT, {_PERP: (Decimal(-10_000), Decimal(0))})

    assert _interval(found) == (pytest.approx(found.delta_coin_net - 0.1), found.delta_coin_net)


def test_an_expired_option_has_no_delta() -> None:
    """What it paid is money."""
    found = _measure(_view(_option(_CALL)), {_CALL: "1"}, now_ns=_EXPIRY)

    assert (found.delta_coin_net, found.option_coin_gross, found.doubtful) == (0.0, 0.0, ())


def test_a_position_without_a_specification_cannot_be_counted() -> None:
    """Refusing is right: its size could mean anything."""
    view = _view()
    legs = arrange({InstrumentId("BTC-NEW"): Decimal(1)}, view.instruments)

    assert legs.unlisted == ("BTC-NEW",)
    assert measure(view, legs, _NOW, _TERMS, {}) is None


def test_an_inverse_future_without_any_price_cannot_be_counted() -> None:
    """USD are coins only at a price."""
    view = _view(perp_mark_usd=None)
    legs = arrange({_PERP: Decimal(10)}, view.instruments)

    assert measure(view, legs, _NOW, replace(_TERMS, price_usd=None), {}) is None
    counted = measure(view, legs, _NOW, replace(_TERMS, price_usd=50_000.0), {})
    assert counted is not None
    assert counted.delta_coin_futures == pytest.approx(10 / 50_000.0)


def test_an_expired_future_has_no_delta_and_an_open_one_counts_at_its_own_mark() -> None:
    """A hedge in a dated future ends with it: counting it on would leave the options naked."""
    view = _view()
    expired, dated = InstrumentId("BTC-1JAN20"), InstrumentId("BTC-1JAN30")
    for name, expiry_ns in ((expired, _NOW), (dated, _EXPIRY)):
        view.list_instrument(replace(_spec(_PERP), id=name, kind=Kind.FUTURE, expiry_ns=expiry_ns))
    held = {expired: "50000", dated: "-50000"}

    assert _measure(view, held).delta_coin_net == pytest.approx(-0.5)
    assert _measure(view, held, now_ns=_EXPIRY).delta_coin_net == 0.0


def test_an_order_on_an_unknown_instrument_cannot_be_counted() -> None:
    """Left over from an earlier run, its instrument not listed: its worst case has no size."""
    unlisted = {InstrumentId("BTC-1JAN30"): (Decimal(0), Decimal(10))}

    assert measure(_view(), arrange({}, {}), _NOW, _TERMS, unlisted) is None


def test_inverse_and_linear_options_add_up_in_one_book() -> None:
    """One coin of either is one coin of delta at most: on 100,000 and 110,000 forwards, long and short, by hand."""
    view = _view(_option(_CALL))
    linear = InstrumentId("BTC_USDC-X-100000-P")
    view.list_instrument(
        replace(_spec(_PUT), id=linear, settlement=Settlement.USD, index_name="btc_usdc", is_call=False)
    )
    view.see_option(replace(_option(linear), forward_usd=110_000.0))
    d1 = math.log(1.1) / _WIDTH + 0.5 * _WIDTH
    put_delta = 0.5 * (1.0 + math.erf(d1 / math.sqrt(2.0))) - 1.0
    held = {_CALL: "2", linear: "-3", _PERP: "-70000", _LINEAR: "0.25"}

    found = _measure(view, held)

    assert found.delta_coin_options == pytest.approx(2.0 * _CALL_DELTA - 3.0 * put_delta, abs=1e-12)
    assert found.delta_coin_futures == pytest.approx(-0.7 + 0.25, abs=1e-12)
    assert found.option_coin_gross == 3.0


@pytest.mark.parametrize(("iv_mark", "forward_usd"), [(math.nan, _FORWARD), (0.5, math.nan), (0.5, -1.0)])
def test_greeks_that_are_no_number_are_doubt(iv_mark: float, forward_usd: float) -> None:
    """One absurd ticker must neither hide the rest of the book nor be traded on."""
    view = _view(replace(_option(_CALL, iv_mark=iv_mark), forward_usd=forward_usd))

    found = _measure(view, {_CALL: "2", _PERP: "-50000"})

    assert _interval(found) == (-0.5, 1.5)
    assert (found.doubtful, found.gamma_coin_per_usd) == ((_CALL,), 0.0)


# --- inside the settlement window ----------------------------------------------------------------------------------

_QUARTER = Ns(900 * NS_PER_S)


def _in_window(
    *, delivery_usd: float | None, left_ns: int = _QUARTER, seen_usd: float | None = None, **held: str
) -> Exposure:
    """Calls at 100,000 (C), puts (P), the perpetual (X), a future of the same expiry (F), some way before expiry.

    `seen_usd`: where the index was since the window opened; None: not seen.
    """
    future = InstrumentId("BTC-SOON")
    now = Ns(_EXPIRY - left_ns)
    view = _view()
    view.list_instrument(replace(_spec(_PERP), id=future, kind=Kind.FUTURE, expiry_ns=_EXPIRY))
    for second in range(1800 - left_ns // NS_PER_S if seen_usd else 0):
        view.paths["btc_usd"].see(seen_usd or 0.0, Ns(_EXPIRY + (second - 1800) * NS_PER_S))
    for name in (_CALL, _PUT):
        marked = replace(_option(name), received_ns=now, venue_ns=now, index_usd=101_000.0, delivery_usd=delivery_usd)
        view.see_option(marked)
    names = {"C": _CALL, "P": _PUT, "X": _PERP, "F": future}
    return _measure(view, {names[key]: amount for key, amount in held.items()}, now_ns=now)


def test_inside_its_window_an_option_is_one_on_the_average() -> None:
    """Half fixed at 100,000, the index at 101,000: delta and gamma of theory 1.5, not half of Black-76's."""
    left = sw.left_of(_WINDOW, _QUARTER)
    on = sw.Average(left, 101_000.0, 50_000.0)
    call, put = (sw.worth(on, 100_000.0, 0.5, is_call) for is_call in (True, False))
    found = _in_window(delivery_usd=100_500.0, C="2", P="-1", X="-30000")

    assert found.delta_coin_options == pytest.approx(2.0 * call.delta - put.delta, rel=1e-12)
    assert found.gamma_coin_per_usd == pytest.approx(call.gamma, rel=1e-9)
    assert found.delta_coin_expiring == found.delta_coin_options
    assert found.delta_coin_net == pytest.approx(found.delta_coin_options - 0.3, rel=1e-12)
    assert (_interval(found), found.option_coin_gross) == ((found.delta_coin_net, found.delta_coin_net), 1.0)


def test_a_future_in_its_window_counts_by_what_is_open() -> None:
    """A perpetual does not decay: a hedge in the one is no hedge in the other."""
    found = _in_window(delivery_usd=100_500.0, F="-100000", X="100000")

    assert found.delta_coin_futures == pytest.approx(1.0 - 0.5)
    assert found.delta_coin_expiring == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("left_ns", "is_european"), [(1800 * NS_PER_S, True), (1800 * NS_PER_S - 1, False), (1800 * NS_PER_S + 1, True)]
)
def test_the_window_opens_to_the_nanosecond(left_ns: int, is_european: bool) -> None:
    """Outside, Black-76 on the forward; inside, the average on the index."""
    found = _in_window(delivery_usd=101_000.0, left_ns=left_ns, C="1")

    assert (found.delta_coin_expiring == 0.0) is is_european
    assert (found.delta_coin_options == pytest.approx(0.5, abs=0.01)) is is_european


@pytest.mark.parametrize("delivery_usd", [0.0, 3_500.0, 50_000.0, 150_000.0, 1e9])
def test_an_expected_delivery_price_far_from_the_index_is_none(delivery_usd: float) -> None:
    """The average of half an hour is near the index at its end: anything else is doubt, not an average."""
    assert _in_window(delivery_usd=delivery_usd, C="2") == _in_window(delivery_usd=None, C="2")


@pytest.mark.parametrize(
    ("delivery_usd", "is_doubt"),
    [(101_000.0, False), (101_150.0, False), (100_850.0, False), (102_000.0, True), (100_000.0, True)],
)
def test_an_expected_delivery_price_our_own_average_denies_is_doubt(delivery_usd: float, is_doubt: bool) -> None:
    """The index was at 101,000 all the quarter hour: one percent more would need an average of 103,000."""
    found = _in_window(delivery_usd=delivery_usd, seen_usd=101_000.0, C="2")

    assert (found == _in_window(delivery_usd=None, C="2")) is is_doubt


def test_an_unknown_average_is_doubt_about_what_is_open() -> None:
    """No expected delivery price: a call can have any delta up to the half that is still to be fixed."""
    found = _in_window(delivery_usd=None, C="2")

    assert (_interval(found), found.delta_coin_net, found.doubtful) == ((0.0, 1.0), 0.5, (_CALL,))


def test_a_stale_leg_in_its_window_can_have_any_delta_of_what_is_open() -> None:
    """Its estimate stays the last one."""
    now = Ns(_EXPIRY - _QUARTER)
    view = _view()
    view.see_option(replace(_option(_CALL), received_ns=Ns(now - 61 * NS_PER_S), venue_ns=now, delivery_usd=104_000.0))
    found = _measure(view, {_CALL: "1"}, now_ns=now)

    assert _interval(found) == (pytest.approx(0.0), pytest.approx(0.5))
    assert found.delta_coin_net == pytest.approx(0.5)


def test_the_last_second_has_next_to_no_delta_and_expiry_none() -> None:
    """1/450 of a coin at one second to go; at 08:00:00 what is left is money."""
    assert _in_window(delivery_usd=101_000.0, left_ns=NS_PER_S, C="1").delta_coin_net == pytest.approx(1 / 450)
    gone = _in_window(delivery_usd=101_000.0, left_ns=0, C="1", F="1000", X="1000")
    assert (gone.delta_coin_net, gone.delta_coin_expiring) == (pytest.approx(0.01), 0.0)
