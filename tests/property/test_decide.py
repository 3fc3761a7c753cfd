"""The decision: whatever the situation, an order brings the book nearer to its band and breaks no limit."""

import math
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.units import coin_from_amount
from bot.hedging.band import Band, TradeTo
from bot.hedging.decide import Situation, Verdict, decide
from bot.risk.exposure import Exposure
from bot.risk.limits import Limits

_NOISE_COIN = 1e-8
_INVERSE = Instrument(
    id=InstrumentId("BTC-PERPETUAL"),
    venue=VenueId("deribit"),
    kind=Kind.PERPETUAL,
    base="BTC",
    settlement=Settlement.COIN,
    settlement_currency="BTC",
    index_name="btc_usd",
    contract_size_native=Decimal(10),
    lot_native=Decimal(10),
    tick_native=Decimal("0.5"),
    fee_rate_maker=Decimal(0),
    fee_rate_taker=Decimal(0),
)
_LINEAR = replace(
    _INVERSE, id=InstrumentId("BTC_USDC-PERPETUAL"), settlement=Settlement.USD, lot_native=Decimal("0.0001")
)
_coins = st.floats(min_value=-20.0, max_value=20.0)
_widths = st.floats(min_value=0.0, max_value=5.0)


@st.composite
def _situations(draw: st.DrawFn, *, is_sure: bool = False) -> Situation:
    low = draw(_coins)
    high = low if is_sure else low + draw(st.one_of(st.just(0.0), _widths))
    net = low + draw(st.floats(min_value=0.0, max_value=1.0)) * (high - low)
    target = draw(st.floats(min_value=-5.0, max_value=5.0))
    price = draw(st.floats(min_value=1_000.0, max_value=200_000.0))
    hedge = draw(st.sampled_from([_INVERSE, _LINEAR]))
    lots = draw(st.integers(min_value=-30_000, max_value=30_000))
    return Situation(
        blocked=draw(st.sampled_from([None, None, None, Reason.HALTED])),
        blocked_detail="",
        hedge=hedge,
        hedge_cause=draw(st.sampled_from([None, None, None, DistrustCause.STALE])),
        bid_usd=price * 0.9999,
        ask_usd=price * draw(st.floats(min_value=1.0, max_value=1.002)),
        spread_bps_max=10.0,
        price_usd=price,
        hedge_native=lots * hedge.lot_native,
        exposure=Exposure(
            delta_coin_net=net,
            delta_coin_low=low,
            delta_coin_high=high,
            delta_coin_options=net,
            delta_coin_futures=0.0,
            delta_coin_collateral=0.0,
            delta_coin_expiring=0.0,
            gamma_coin_per_usd=0.0,
            option_coin_gross=1.0,
            iv_mark=0.6,
            tau_years=0.1,
            option_age_ns_max=None,
            doubtful=(),
        ),
        band=Band(low_coin=target - draw(_widths), high_coin=target + draw(_widths), target_coin=target),
        hard_width_multiple=draw(st.floats(min_value=1.0, max_value=3.0)),
        trade_to=draw(st.sampled_from(TradeTo)),
        held_back=draw(st.sampled_from([None, None, Reason.TOO_SOON])),
        held_back_detail="",
        trade_coin_min=draw(st.floats(min_value=0.0, max_value=0.1)),
        has_pending=draw(st.booleans()),
        is_backing_off=draw(st.sampled_from([False, False, True])),
        orders_last_minute=draw(st.integers(min_value=0, max_value=6)),
        limits=Limits(
            order_usd_max=draw(st.floats(min_value=1.0, max_value=1e6)),
            hedge_position_usd_max=draw(st.floats(min_value=1_000.0, max_value=1e6)),
            delta_coin_worst_max=draw(st.floats(min_value=0.1, max_value=20.0)),
            orders_per_minute_max=6,
            refusals_in_a_row_max=5,
            unresolved_ns_max=1,
        ),
    )


def _distance(band: Band, delta: float) -> float:
    return max(band.low_coin - delta, delta - band.high_coin, 0.0)


def _trade(now: Situation, verdict: Verdict) -> float:
    return coin_from_amount(now.hedge, verdict.amount_native, now.price_usd)


@given(_situations())
def test_an_order_is_on_the_lot_and_within_every_limit(now: Situation) -> None:
    """Size, position, rate, state, trust: an order that breaks one of them never leaves."""
    verdict = decide(now)
    if verdict.action is not Action.HEDGE:
        assert verdict.amount_native == 0
        assert verdict.trade_coin == 0.0
        return
    trade_usd = abs(_trade(now, verdict)) * now.price_usd
    before_usd, after_usd = (
        abs(coin_from_amount(now.hedge, amount, now.price_usd)) * now.price_usd
        for amount in (now.hedge_native, now.hedge_native + verdict.amount_native)
    )

    assert verdict.amount_native != 0
    assert verdict.amount_native % now.hedge.lot_native == 0
    assert trade_usd <= now.limits.order_usd_max * (1.0 + 1e-9)
    assert after_usd <= max(now.limits.hedge_position_usd_max, before_usd) * (1.0 + 1e-9)
    assert now.orders_last_minute < now.limits.orders_per_minute_max
    assert (now.blocked, now.hedge_cause, now.has_pending, now.is_backing_off) == (None, None, False, False)
    assert (now.ask_usd - now.bid_usd) / now.price_usd * 1e4 <= now.spread_bps_max


def _set_free(now: Situation) -> Situation:
    """Nothing in the way of an order but its size."""
    limits = replace(now.limits, hedge_position_usd_max=1e9, delta_coin_worst_max=1e3, order_usd_max=1e6)
    return replace(
        now,
        blocked=None,
        hedge_cause=None,
        has_pending=False,
        held_back=None,
        held_back_detail="",
        is_backing_off=False,
        orders_last_minute=0,
        ask_usd=now.price_usd,
        limits=limits,
    )


@given(_situations().map(_set_free))
def test_wherever_the_true_delta_is_an_order_brings_it_nearer(now: Situation) -> None:
    """Both ends of the interval, filled whole or in part: nearer to the band, and never out at its other side."""
    verdict = decide(now)
    assume(verdict.action is Action.HEDGE)
    for delta in (now.exposure.delta_coin_low, now.exposure.delta_coin_high):
        for share in (0.25, 1.0):
            after = delta + share * _trade(now, verdict)
            assert _distance(now.band, after) < _distance(now.band, delta)
            if delta > now.band.high_coin:
                assert after >= now.band.low_coin - _NOISE_COIN
            else:
                assert after <= now.band.high_coin + _NOISE_COIN


@given(_situations(is_sure=True).map(_set_free))
def test_an_order_never_goes_past_what_it_aims_at(now: Situation) -> None:
    """Rounded toward zero and cut to the limit: on the near side of the target or edge, within a lot unless cut."""
    verdict = decide(now)
    assume(verdict.action is Action.HEDGE)
    assert verdict.target_coin is not None
    delta = now.exposure.delta_coin_net
    missed = (verdict.target_coin - (delta + _trade(now, verdict))) * math.copysign(1.0, verdict.target_coin - delta)
    lot_coin = coin_from_amount(now.hedge, now.hedge.lot_native, now.price_usd)

    assert missed >= -_NOISE_COIN
    assert missed <= lot_coin + _NOISE_COIN or verdict.detail != ""


@given(_situations())
def test_the_worst_case_grows_only_within_its_limit(now: Situation) -> None:
    """The largest possible delta after the order, filled or not, is inside the limit or not larger than before."""
    verdict = decide(now)
    trade, exposure = _trade(now, verdict), now.exposure
    before = max(abs(exposure.delta_coin_low), abs(exposure.delta_coin_high))
    after = max(abs(exposure.delta_coin_low + min(trade, 0.0)), abs(exposure.delta_coin_high + max(trade, 0.0)))

    assert after <= max(before, now.limits.delta_coin_worst_max) + _NOISE_COIN


@given(
    _situations(),
    st.sampled_from(["delta_coin_net", "delta_coin_low", "delta_coin_high"]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_a_delta_that_is_no_number_is_never_traded(now: Situation, name: str, value: float) -> None:
    """NaN compares false with everything and infinity is outside every band: both are refused, neither crashes."""
    verdict = decide(replace(now, exposure=replace(now.exposure, **{name: value})))

    assert verdict.action is Action.REFUSE
