"""Exposure: whatever is doubtful, the true net delta lies inside the interval, and doubt only widens it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.market.quality import TrustLimits
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window, share_of
from bot.risk.conventions import Convention
from bot.risk.expiry_market import Terms
from bot.risk.exposure import Exposure, measure
from bot.risk.legs import arrange

_NOW = Ns(1_772_359_200 * NS_PER_S)
_FORWARD = 100_000.0
_WINDOW = Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))
_TRUST = TrustLimits(
    option_age_ns_max=Ns(10 * NS_PER_S),
    hedge_age_ns_max=Ns(2 * NS_PER_S),
    clock_ahead_ns_max=Ns(0),
    spread_bps_max=10.0,
)
_LEFT_NS = [NS_PER_S, 900 * NS_PER_S, NS_PER_DAY, 30 * NS_PER_DAY, 365 * NS_PER_DAY]
"""The first two lie inside the settlement window."""
_DOUBTS = ["trusted", "stale", "closed", "crossed", "no greeks", "never seen"]


def _spec(name: str, kind: Kind, settlement: Settlement) -> Instrument:
    return Instrument(
        id=InstrumentId(name),
        venue=VenueId("deribit"),
        kind=kind,
        base="BTC",
        settlement=settlement,
        settlement_currency="BTC",
        index_name="btc_usd" if settlement is Settlement.COIN else "btc_usdc",
        contract_size_native=Decimal(1),
        lot_native=Decimal("0.0001"),
        tick_native=Decimal("0.1"),
        fee_rate_maker=Decimal(0),
        fee_rate_taker=Decimal(0),
    )


_INVERSE = _spec("BTC-PERPETUAL", Kind.PERPETUAL, Settlement.COIN)
_LINEAR = _spec("BTC_USDC-PERPETUAL", Kind.PERPETUAL, Settlement.USD)


@st.composite
def _options(draw: st.DrawFn) -> list[tuple[Instrument, Decimal, str]]:
    """Up to six options with a quantity and a state of their data."""
    found = []
    for number in range(draw(st.integers(min_value=0, max_value=6))):
        settlement = draw(st.sampled_from(Settlement))
        spec = replace(
            _spec(f"O{number}", Kind.OPTION, settlement),
            strike_usd=draw(st.sampled_from([60_000.0, 95_000.0, 100_000.0, 105_000.0, 170_000.0])),
            is_call=draw(st.booleans()),
            expiry_ns=Ns(_NOW + draw(st.sampled_from(_LEFT_NS))),
        )
        amount = draw(st.decimals(min_value=-5, max_value=5, places=1))
        found.append((spec, amount, draw(st.sampled_from(_DOUBTS))))
    return found


def _marked(spec: Instrument, doubt: str) -> OptionMarked:
    return OptionMarked(
        instrument=spec.id,
        received_ns=Ns(_NOW - (60 * NS_PER_S if doubt == "stale" else 0)),
        venue_ns=_NOW,
        bid_native=0.07 if doubt == "crossed" else None,
        ask_native=0.06,
        bid_amount_native=None,
        ask_amount_native=1.0,
        mark_native=0.06,
        iv_mark=None if doubt == "no greeks" else 0.6,
        forward_usd=_FORWARD,
        index_usd=_FORWARD,
        is_open=doubt != "closed",
        delivery_usd=99_900.0,
    )


def _future(spec: Instrument) -> FutureMarked:
    return FutureMarked(
        instrument=spec.id,
        received_ns=_NOW,
        venue_ns=_NOW,
        bid_usd=None,
        ask_usd=None,
        bid_amount_native=None,
        ask_amount_native=None,
        mark_usd=_FORWARD,
        index_usd=_FORWARD,
        price_min_usd=None,
        price_max_usd=None,
        funding_rate_8h=None,
        is_open=True,
    )


def _measure(
    options: list[tuple[Instrument, Decimal, str]],
    futures: dict[Instrument, Decimal],
    outstanding: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0)),
) -> Exposure:
    view = MarketView(_TRUST)
    for spec in (_INVERSE, _LINEAR):
        view.list_instrument(spec)
        view.see_future(_future(spec))
    for spec, _, doubt in options:
        view.list_instrument(spec)
        if doubt != "never seen":
            view.see_option(_marked(spec, doubt))
    held = {spec.id: amount for spec, amount, _ in options} | {spec.id: amount for spec, amount in futures.items()}
    found = measure(
        view,
        arrange(held, view.instruments),
        _NOW,
        Terms(convention=Convention.OPTIONS_ONLY, window=_WINDOW),
        {_INVERSE.id: outstanding},
    )
    assert found is not None, "all of it can be counted"
    return found


_usd = st.integers(min_value=-300_000, max_value=300_000).map(Decimal)


@given(_options(), _usd, st.decimals(min_value=-5, max_value=5, places=4))
def test_the_true_delta_lies_inside_the_interval(
    options: list[tuple[Instrument, Decimal, str]], inverse: Decimal, linear: Decimal
) -> None:
    """The same book with every ticker fresh has a delta the doubtful one had said to be possible."""
    futures = {_INVERSE: inverse, _LINEAR: linear}
    doubtful = _measure(options, futures)
    truth = _measure([(spec, amount, "trusted") for spec, amount, _ in options], futures)

    assert doubtful.delta_coin_low - 1e-9 <= truth.delta_coin_net <= doubtful.delta_coin_high + 1e-9
    assert doubtful.delta_coin_low <= doubtful.delta_coin_net <= doubtful.delta_coin_high
    assert truth.delta_coin_low == truth.delta_coin_net == truth.delta_coin_high
    assert set(doubtful.doubtful) == {spec.id for spec, _, doubt in options if doubt != "trusted"}


@given(_options(), _usd)
def test_doubt_is_as_wide_as_what_is_doubtful(options: list[tuple[Instrument, Decimal, str]], inverse: Decimal) -> None:
    """One coin of delta per coin of doubtful option, of what is open of it; calls and puts, long and short."""
    found = _measure(options, {_INVERSE: inverse})
    unsure = sum(
        float(abs(amount)) * share_of(_WINDOW, (spec.expiry_ns or _NOW) - _NOW)
        for spec, amount, doubt in options
        if doubt != "trusted"
    )

    assert found.delta_coin_high - found.delta_coin_low == pytest.approx(unsure, abs=1e-9)


@given(_options(), st.integers(min_value=-50_000, max_value=0), st.integers(min_value=0, max_value=50_000))
def test_orders_outstanding_widen_it_by_what_they_may_add(
    options: list[tuple[Instrument, Decimal, str]], less: int, more: int
) -> None:
    """Each end moves by its side of the orders; the best estimate does not move at all."""
    quiet = _measure(options, {})
    busy = _measure(options, {}, (Decimal(less), Decimal(more)))

    assert busy.delta_coin_net == quiet.delta_coin_net
    assert busy.delta_coin_low == pytest.approx(quiet.delta_coin_low + less / _FORWARD, abs=1e-12)
    assert busy.delta_coin_high == pytest.approx(quiet.delta_coin_high + more / _FORWARD, abs=1e-12)


@given(_usd, st.decimals(min_value=-5, max_value=5, places=4))
def test_futures_count_in_coins(inverse: Decimal, linear: Decimal) -> None:
    """USD over the mark, plus coins."""
    found = _measure([], {_INVERSE: inverse, _LINEAR: linear})

    assert found.delta_coin_net == pytest.approx(float(inverse) / _FORWARD + float(linear), abs=1e-12)
