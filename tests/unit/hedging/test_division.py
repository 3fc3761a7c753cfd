"""A hedge divided over instruments: one order each, all one way, every one within what one order may be."""

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import coin_from_amount
from bot.hedging.band import Band, TradeTo
from bot.hedging.decide import Situation, Verdict, decide
from bot.hedging.division import Division, divide, gross_after_usd, of_resting, whole
from bot.hedging.hedge_set import Among, Bar
from bot.hedging.target import HedgeLeg, HedgeSide, SplitTerms
from bot.risk.exposure import Exposure
from bot.risk.limits import Limits

_PRICE = 100_000.0
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
    fee_rate_maker=Decimal("0.00015"),
    fee_rate_taker=Decimal("0.00035"),
)
_DATED = replace(_INVERSE, id=InstrumentId("BTC-25DEC26"), kind=Kind.FUTURE, expiry_ns=Ns(2 * 10**18))
_LINEAR = replace(
    _INVERSE,
    id=InstrumentId("BTC_USDC-PERPETUAL"),
    settlement=Settlement.USD,
    settlement_currency="USDC",
    lot_native=Decimal("0.0001"),
)
_LIMITS = Limits(
    order_usd_max=200_000.0,
    hedge_position_usd_max=1_000_000.0,
    delta_coin_worst_max=50.0,
    orders_per_minute_max=6,
    refusals_in_a_row_max=3,
    unresolved_ns_max=30 * NS_PER_S,
)


def _leg(spec: Instrument, **change: Any) -> HedgeLeg:
    fields = {
        "spec": spec,
        "position_coin": 0.0,
        "price_usd": _PRICE,
        "fee_rate_taker": 0.00035,
        "half_spread_usd": 0.5,
        "depth_coin": 100.0,
        "headroom_coin": 10.0,
        "is_usable": True,
    }
    return HedgeLeg(**(fields | change))


def _among(*legs: HedgeLeg, **change: Any) -> Among:
    fields = {
        "legs": legs,
        "bars": {},
        "terms": SplitTerms(risk_aversion_per_usd=0.0, horizon_ns=Ns(0)),
        "fees_maker": {},
        "opened": tuple(leg.spec.id for leg in legs),
    }
    return Among(**(fields | change))


def _now(net_coin: float, **change: Any) -> Situation:
    """Traded to zero, whatever the net delta."""
    exposure = Exposure(
        delta_coin_net=net_coin,
        delta_coin_low=net_coin,
        delta_coin_high=net_coin,
        delta_coin_options=net_coin,
        delta_coin_futures=0.0,
        delta_coin_collateral=0.0,
        delta_coin_expiring=0.0,
        gamma_coin_per_usd=1e-5,
        option_coin_gross=2.0,
        iv_mark=0.5,
        tau_years=0.1,
        option_age_ns_max=None,
        doubtful=(),
    )
    fields = {
        "blocked": None,
        "blocked_detail": "",
        "hedge": _INVERSE,
        "hedge_cause": None,
        "bid_usd": _PRICE - 0.5,
        "ask_usd": _PRICE + 0.5,
        "spread_bps_max": 5.0,
        "price_usd": _PRICE,
        "hedge_native": Decimal(0),
        "is_divided": True,
        "exposure": exposure,
        "band": Band(low_coin=-0.001, high_coin=0.001, target_coin=0.0),
        "hard_width_multiple": math.inf,
        "trade_to": TradeTo.TARGET,
        "held_back": None,
        "held_back_detail": "",
        "trade_coin_min": 0.0,
        "has_pending": False,
        "is_backing_off": False,
        "orders_last_minute": 0,
        "limits": _LIMITS,
    }
    return Situation(**(fields | change))


def _divided(net_coin: float, among: Among, **change: Any) -> Division:
    now = _now(net_coin, **change)
    return divide(now, decide(now), among)


def _coins(division: Division) -> dict[str, float]:
    return {part.instrument.id: part.trade_coin for part in division.parts}


def test_each_instrument_gets_an_order_in_its_own_unit() -> None:
    """The cheaper inverse perpetual has room for 0.4 coins: 40 000 USD; the rest is coins of the linear one."""
    division = _divided(-1.0, _among(_leg(_LINEAR, fee_rate_taker=0.0005), _leg(_INVERSE, headroom_coin=0.4)))

    assert [(part.instrument.id, part.amount_native) for part in division.parts] == [
        ("BTC-PERPETUAL", Decimal(40_000)),
        ("BTC_USDC-PERPETUAL", Decimal("0.6")),
    ]
    assert (division.verdict.action, division.verdict.trade_coin) == (Action.HEDGE, pytest.approx(1.0))
    assert [(leg.instrument, leg.why, round(leg.trade_coin, 6)) for leg in division.told] == [
        ("BTC-PERPETUAL", "cheapest", 0.4),
        ("BTC_USDC-PERPETUAL", "shares", 0.6),
    ]


def test_a_position_the_other_way_is_unwound_first() -> None:
    """Nothing is opened while closing suffices, and nothing is sold to be bought elsewhere."""
    among = _among(_leg(_INVERSE, position_coin=-0.3), _leg(_LINEAR, fee_rate_taker=0.0001))

    assert _coins(_divided(-0.3, among)) == pytest.approx({"BTC-PERPETUAL": 0.3})
    assert _coins(_divided(-0.5, among)) == pytest.approx({"BTC-PERPETUAL": 0.3, "BTC_USDC-PERPETUAL": 0.2})
    assert _coins(_divided(0.5, among)) == pytest.approx({"BTC_USDC-PERPETUAL": -0.5})


def test_a_dearer_holding_is_kept_where_nothing_is_due_against_it() -> None:
    """No churning: only the change is split, whatever has become cheaper meanwhile."""
    among = _among(_leg(_INVERSE, position_coin=-2.0, fee_rate_taker=0.002), _leg(_LINEAR, fee_rate_taker=0.0))

    assert _coins(_divided(0.001001, among)) == pytest.approx({"BTC_USDC-PERPETUAL": -0.001}, abs=1e-4)


def test_no_part_is_larger_than_one_order_may_be() -> None:
    """By its own price: a future 5 % above is counted dearer than the perpetual the decision was made at."""
    dated = _leg(_DATED, price_usd=105_000.0, fee_rate_taker=0.0)
    linear = _leg(_LINEAR, price_usd=105_000.0, fee_rate_taker=0.0)

    assert _divided(-9.0, _among(dated)).parts[0].amount_native == Decimal(200_000)
    (part,) = _divided(-9.0, _among(linear)).parts
    assert part.amount_native == Decimal("1.9047")


def test_what_must_not_wait_and_what_is_explained_are_shared_alike() -> None:
    """Due 1.0 to the edge, 0.5 of it beyond the taker band, 2.0 to the target; two thirds and a third."""
    verdict = Verdict(
        action=Action.HEDGE,
        reason=Reason.OUTSIDE_BAND,
        amount_native=Decimal(-90_000),
        amount_max_native=Decimal(-180_000),
        taker_native=Decimal(-45_000),
        trade_coin=-0.9,
    )
    division = divide(_now(1.9), verdict, _among(_leg(_INVERSE, headroom_coin=0.6), _leg(_LINEAR, half_spread_usd=9.0)))

    assert [(part.amount_native, part.amount_max_native, part.taker_native) for part in division.parts] == [
        (Decimal(-60_000), Decimal(-120_000), Decimal(-30_000)),
        (Decimal("-0.3"), Decimal("-0.6"), Decimal("-0.15")),
    ]
    all_of_it = divide(_now(1.9), replace(verdict, taker_native=Decimal(-90_000)), _among(_leg(_LINEAR)))
    assert all_of_it.parts[0].taker_native == all_of_it.parts[0].amount_native


def test_where_a_hedge_waits_the_makers_fee_decides() -> None:
    """Dearer to take and cheaper to quote; what is urgent is taken."""
    legs = _leg(_INVERSE, fee_rate_taker=0.0003), _leg(_LINEAR, fee_rate_taker=0.0006)
    among = _among(*legs, fees_maker={_INVERSE.id: 0.0002, _LINEAR.id: 0.0001})

    assert list(_coins(_divided(-0.5, among))) == ["BTC_USDC-PERPETUAL"]
    assert list(_coins(_divided(-0.5, among, at_once="the price jumped"))) == ["BTC-PERPETUAL"]


@pytest.mark.parametrize(
    ("among", "change", "action", "reason", "detail"),
    [
        (
            _among(
                _leg(_INVERSE, is_usable=False),
                _leg(_LINEAR, is_usable=False),
                bars={
                    _INVERSE.id: Bar(reason=Reason.SPREAD_TOO_WIDE, detail="BTC-PERPETUAL: wide"),
                    _LINEAR.id: Bar(reason=Reason.HEDGE_QUOTE_DISTRUSTED, detail="BTC_USDC-PERPETUAL: stale"),
                },
            ),
            {},
            Action.REFUSE,
            Reason.SPREAD_TOO_WIDE,
            "BTC-PERPETUAL: wide; BTC_USDC-PERPETUAL: stale",
        ),
        (  # what is wrong with the other side's instrument is no reason on this one
            _among(
                _leg(_INVERSE, is_usable=False, side=HedgeSide.LONG),
                _leg(_LINEAR, headroom_coin=0.0),
                bars={_INVERSE.id: Bar(reason=Reason.SPREAD_TOO_WIDE, detail="BTC-PERPETUAL: wide")},
                opened=(_LINEAR.id,),
            ),
            {},
            Action.REFUSE,
            Reason.NO_HEADROOM,
            "no headroom: BTC_USDC-PERPETUAL",
        ),
        (
            _among(_leg(_INVERSE, headroom_coin=0.0, position_coin=-10.0)),
            {},
            Action.REFUSE,
            Reason.LIMIT_POSITION_USD,
            "hedge positions of 1000000 USD, limit 1000000 USD",
        ),
        (
            _among(_leg(_INVERSE, depth_coin=0.0)),
            {},
            Action.REFUSE,
            Reason.HEDGE_QUOTE_DISTRUSTED,
            "no depth: BTC-PERPETUAL",
        ),
        (
            _among(_leg(_INVERSE, price_usd=math.nan)),
            {},
            Action.REFUSE,
            Reason.HEDGE_QUOTE_DISTRUSTED,
            "bad figures: BTC-PERPETUAL",
        ),
        (_among(_leg(_INVERSE, order_coin_min=2.0)), {}, Action.SKIP, Reason.BELOW_TRADE_MIN, ""),
        (
            _among(_leg(_INVERSE, headroom_coin=1.0, position_coin=-9.9)),
            {},
            Action.REFUSE,
            Reason.LIMIT_POSITION_USD,
            "hedge positions of 990000 USD, limit 1000000 USD",
        ),
    ],
    ids=["barred", "no room", "limit", "no depth", "bad", "small", "over the limit"],
)
def test_what_cannot_be_traded_anywhere_says_why(
    among: Among, change: dict[str, Any], action: Action, reason: Reason, detail: str
) -> None:
    """No part, and a record of what stood in the way of each."""
    division = _divided(1.0, among, **change)
    verdict = division.verdict

    assert (verdict.action, verdict.reason, verdict.detail, division.parts) == (action, reason, detail, ())
    assert {leg.trade_coin for leg in division.told} <= {0.0}


def test_the_dearest_parts_stay_behind_where_the_limits_end() -> None:
    """0.6 more may be held and each has room for that; one more order may be sent this minute."""
    legs = [_leg(_INVERSE, headroom_coin=0.6), _leg(_LINEAR, headroom_coin=0.6, fee_rate_taker=0.001)]
    limits = replace(_LIMITS, hedge_position_usd_max=60_000.0)
    by_position = _divided(1.0, _among(*legs), limits=limits)
    by_rate = _divided(1.0, _among(*legs), orders_last_minute=5)

    assert _coins(by_position) == _coins(by_rate) == pytest.approx({"BTC-PERPETUAL": -0.6})
    assert by_rate.verdict.trade_coin == pytest.approx(-0.6)
    assert [leg.trade_coin for leg in by_rate.told] == [pytest.approx(-0.6), 0.0]


def test_what_rests_answers_for_its_share_and_nothing_is_opened_beside_it() -> None:
    """A quarter and three quarters rest; the hedge has grown by half."""
    verdict = decide(_now(1.5))
    resting = {_INVERSE.id: Decimal(-25_000), _LINEAR.id: Decimal("-0.75")}
    among = _among(_leg(_INVERSE), _leg(_LINEAR), _leg(_DATED, fee_rate_taker=0.0))
    division = of_resting(verdict, resting, among)

    assert [(part.instrument.id, part.amount_native) for part in division.parts] == [
        ("BTC-PERPETUAL", Decimal(-37_500)),
        ("BTC_USDC-PERPETUAL", Decimal("-1.125")),
    ]


def test_what_rests_where_nothing_can_be_traded_any_more_has_no_part() -> None:
    """Its quote is not trusted, or it has no price: it is taken back."""
    bar = Bar(reason=Reason.HEDGE_QUOTE_DISTRUSTED, detail="stale")
    among = _among(_leg(_INVERSE), bars={_INVERSE.id: bar})

    assert of_resting(decide(_now(1.0)), {_INVERSE.id: Decimal(-10), _LINEAR.id: Decimal(-1)}, among).parts == ()


def test_a_share_under_a_lot_still_answers() -> None:
    """Else what rests there would have no reason."""
    verdict = decide(_now(0.002))
    division = of_resting(verdict, {_INVERSE.id: Decimal(-100_000), _LINEAR.id: Decimal("-0.0001")}, _both())

    assert [part.amount_native for part in division.parts] == [Decimal(-190), Decimal("-0.0001")]


def _both() -> Among:
    return _among(_leg(_INVERSE), _leg(_LINEAR))


def test_one_instrument_gets_the_verdict_as_it_is() -> None:
    """Where a book names one."""
    now = _now(1.0, is_divided=False)
    verdict = decide(now)
    part = whole(verdict, now)

    assert (part.instrument, part.amount_native, part.trade_coin) == (_INVERSE, Decimal(-100_000), -1.0)
    assert (part.amount_max_native, part.taker_native, part.price_usd) == (Decimal(-100_000), Decimal(0), _PRICE)


def test_only_a_hedge_is_divided() -> None:
    """Anything else is a mistake of the caller."""
    skipped = Verdict(action=Action.SKIP, reason=Reason.INSIDE_BAND)
    for call in (lambda: divide(_now(0.0), skipped, _both()), lambda: of_resting(skipped, {}, _both())):
        with pytest.raises(AssertionError, match="cannot be divided"):
            call()


_coin = st.floats(-3.0, 3.0)


@st.composite
def _legs(draw: st.DrawFn) -> tuple[HedgeLeg, ...]:
    return tuple(
        _leg(
            spec,
            position_coin=draw(_coin),
            price_usd=draw(st.floats(95_000.0, 105_000.0)),
            fee_rate_taker=draw(st.floats(-0.0002, 0.001)),
            half_spread_usd=draw(st.floats(0.0, 30.0)),
            depth_coin=draw(st.floats(0.01, 10.0)),
            headroom_coin=draw(st.floats(0.0, 3.0)),
            is_usable=draw(st.booleans()),
        )
        for spec in (_INVERSE, _LINEAR, _DATED)
    )


@given(net=_coin, legs=_legs(), limit_usd=st.floats(10_000.0, 1_000_000.0), sent=st.integers(0, 5))
def test_parts_bring_the_delta_nearer_and_no_limit_is_passed(
    net: float, legs: tuple[HedgeLeg, ...], limit_usd: float, sent: int
) -> None:
    """All one way, never past the target, each within its order, its room and the lots of what is wanted."""
    among = _among(*legs)
    limits = replace(_LIMITS, hedge_position_usd_max=limit_usd)
    now = _now(net, limits=limits, orders_last_minute=sent)
    verdict = decide(now)
    if verdict.action is not Action.HEDGE:
        return
    division = divide(now, verdict, among)
    coins = _coins(division)
    total = math.fsum(coins.values())

    assert all(coin * net < 0.0 for coin in coins.values())
    assert abs(total) <= abs(verdict.trade_coin) * (1.0 + 1e-9)
    assert len(division.parts) <= 6 - sent
    after = gross_after_usd(among, division.parts)
    assert after <= max(limit_usd, among.gross_usd) * (1.0 + 1e-6)
    for part, leg in ((part, leg) for part in division.parts for leg in legs if leg.spec is part.instrument):
        way = math.copysign(1.0, part.trade_coin)
        room = max(-way * leg.position_coin, 0.0) + leg.headroom_coin
        assert leg.is_usable
        assert abs(part.trade_coin) <= room * (1.0 + 1e-9)
        assert abs(part.trade_coin) * leg.price_usd <= 200_000.0 * (1.0 + 1e-9)
        assert part.trade_coin == coin_from_amount(leg.spec, part.amount_native, leg.price_usd)
        assert abs(part.taker_native) <= abs(part.amount_native) <= abs(part.amount_max_native)
