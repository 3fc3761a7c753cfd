"""From a venue's frame to the delta interval: every bad input has a named outcome, and none moves a delta quietly."""

import json
import math
from decimal import Decimal

import pytest

from bot.domain.errors import MalformedMessage
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.market_events import OptionMarked
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.market.quality import TrustLimits
from bot.market.view import MarketView
from bot.pricing import settlement_window as sw
from bot.risk.conventions import Convention
from bot.risk.expiry_market import Terms
from bot.risk.exposure import Exposure, measure
from bot.risk.legs import arrange
from bot.venues import deribit

_NOW = Ns(20_000 * NS_PER_DAY)
_NAME = InstrumentId("BTC-27MAR26-100000-C")
_TICKER: dict[str, object] = {
    "timestamp": _NOW // 1_000_000,
    "state": "open",
    "instrument_name": _NAME,
    "index_price": 100_000.0,
    "underlying_price": 100_500.0,
    "mark_price": 0.05,
    "mark_iv": 60.0,
    "best_bid_price": 0.0495,
    "best_bid_amount": 1.0,
    "best_ask_price": 0.0505,
    "best_ask_amount": 1.0,
}


def _view(days_left: float) -> MarketView:
    view = MarketView(
        TrustLimits(
            option_age_ns_max=Ns(60 * NS_PER_S),
            hedge_age_ns_max=Ns(5 * NS_PER_S),
            clock_ahead_ns_max=Ns(NS_PER_S),
            spread_bps_max=10.0,
        )
    )
    view.list_instrument(
        Instrument(
            id=_NAME,
            venue=VenueId("deribit"),
            kind=Kind.OPTION,
            base="BTC",
            settlement=Settlement.COIN,
            settlement_currency="BTC",
            index_name="btc_usd",
            contract_size_native=Decimal(1),
            lot_native=Decimal("0.1"),
            tick_native=Decimal("0.0001"),
            fee_rate_maker=Decimal(0),
            fee_rate_taker=Decimal(0),
            expiry_ns=Ns(_NOW + round(days_left * NS_PER_DAY)),
            strike_usd=100_000.0,
            is_call=True,
        )
    )
    return view


def _see(view: MarketView, second: int, **change: object) -> None:
    """A ticker of the venue as bytes, through its codec."""
    ticker = {**_TICKER, "timestamp": (_NOW + second * NS_PER_S) // 1_000_000, **change}
    params = {"channel": f"ticker.{_NAME}.100ms", "data": ticker}
    frame = json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params}, separators=(",", ":"))
    events = deribit.decode(frame.encode(), Ns(_NOW + second * NS_PER_S))
    assert isinstance(events, tuple)
    (event,) = events
    assert isinstance(event, OptionMarked)
    view.see_option(event)


def _measured(view: MarketView, second: int = 0) -> Exposure:
    """Exposure of one coin of the call."""
    legs = arrange({_NAME: Decimal(1)}, view.instruments)
    window = sw.Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))
    now_ns = Ns(_NOW + second * NS_PER_S)
    found = measure(view, legs, now_ns, Terms(convention=Convention.OPTIONS_ONLY, window=window), {})
    assert found is not None
    return found


def _cause(view: MarketView, second: int = 0) -> DistrustCause | None:
    return view.option_verdict(view.options.get(_NAME), Ns(_NOW + second * NS_PER_S))


_DOUBTED = [
    ({"mark_iv": 0.0}, DistrustCause.NO_GREEKS),
    ({"mark_iv": 999.0}, DistrustCause.NO_GREEKS),
    ({"mark_iv": 500.0}, DistrustCause.NO_GREEKS),
    ({"mark_iv": -1}, DistrustCause.NO_GREEKS),
    ({"mark_iv": None}, DistrustCause.NO_GREEKS),
    ({"underlying_price": None}, DistrustCause.NO_GREEKS),
    ({"best_bid_price": 0.06}, DistrustCause.CROSSED),
    ({"state": "closed"}, DistrustCause.NOT_OPEN),
]


@pytest.mark.parametrize(("change", "cause"), _DOUBTED)
def test_what_cannot_be_used_is_an_interval(change: dict[str, object], cause: DistrustCause) -> None:
    """The call can have any delta a call can have, and the cause has a name."""
    view = _view(20.0)
    _see(view, 0, **change)
    found = _measured(view)

    assert (_cause(view), found.doubtful) == (cause, (_NAME,))
    assert (found.delta_coin_low, found.delta_coin_high) == pytest.approx((0.0, 1.0))


@pytest.mark.parametrize(
    "change", [{"mark_iv": "∞"}, {"underlying_price": "∞"}, {"mark_price": "-∞"}, {"mark_iv": "60"}]
)
def test_words_for_numbers_are_malformed(change: dict[str, object]) -> None:
    """Other venues write infinity as a word: here it is no message, and the view keeps what it had."""
    view = _view(20.0)
    _see(view, 0)
    before = _measured(view)
    with pytest.raises(MalformedMessage, match="Expected"):
        _see(view, 1, **change)

    assert _measured(view) == before


@pytest.mark.parametrize(
    "change",
    [
        {"best_bid_price": 0.0, "best_bid_amount": 0.0},
        {"best_bid_price": 0.0, "best_ask_price": 0.0},
        {"best_ask_price": 1.0},
        {"mark_price": 0.0},
        {"mark_price": None},
    ],
)
def test_empty_and_parked_quotes_and_a_mark_of_zero_say_nothing_about_delta(change: dict[str, object]) -> None:
    """Volatility and forward are there: the delta is the same number as with a full touch."""
    plain, changed = _view(20.0), _view(20.0)
    _see(plain, 0)
    _see(changed, 0, **change)

    assert (_cause(changed), _measured(changed)) == (None, _measured(plain))


def test_an_option_listed_a_second_ago_is_an_interval() -> None:
    """Known by name, without a ticker: any delta of its kind, doubtful until the first ticker."""
    view = _view(20.0)
    before = _measured(view)
    _see(view, 0)

    assert (before.delta_coin_low, before.delta_coin_high, before.doubtful) == (0.0, 1.0, (_NAME,))
    assert _measured(view).doubtful == ()


@pytest.mark.parametrize("days_left", [0.0, -0.001, -30.0])
def test_an_option_without_time_left_is_money(days_left: float) -> None:
    """At and after expiry it has paid: no delta, no gamma, no doubt."""
    view = _view(days_left)
    _see(view, 0)
    found = _measured(view)

    assert (found.delta_coin_net, found.gamma_coin_per_usd, found.doubtful) == (0.0, 0.0, ())


@pytest.mark.parametrize("forward", [1.0, 10_050.0, 80_000.0, 130_000.0, 1e9])
def test_a_forward_that_jumps_alone_is_doubted_at_the_forward_before(forward: float) -> None:
    """One print away from its index moves no delta: the interval opens around the last good one."""
    view = _view(20.0)
    _see(view, 0)
    before = _measured(view)
    _see(view, 1, underlying_price=forward)
    found = _measured(view, 1)

    assert (_cause(view, 1), found.doubtful) == (DistrustCause.FORWARD_JUMPED, (_NAME,))
    assert found.delta_coin_net == pytest.approx(before.delta_coin_net, abs=1e-4)
    assert (found.delta_coin_low, found.delta_coin_high) == pytest.approx((0.0, 1.0))


def test_a_market_that_jumps_is_followed_at_once() -> None:
    """Index and forward together: no doubt, another delta."""
    view = _view(20.0)
    _see(view, 0)
    before = _measured(view)
    _see(view, 1, underlying_price=80_400.0, index_price=80_000.0)
    found = _measured(view, 1)

    assert (_cause(view, 1), found.doubtful) == (None, ())
    assert found.delta_coin_net < before.delta_coin_net - 0.4
    assert math.isfinite(found.gamma_coin_per_usd)
