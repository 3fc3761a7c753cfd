"""The one decision function: given a situation, then this verdict."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.time import NS_PER_S
from bot.domain.units import coin_from_amount
from bot.hedging import decide as decide_module
from bot.hedging.band import Band, TradeTo
from bot.hedging.decide import Situation, decide
from bot.risk.exposure import Exposure
from bot.risk.limits import Limits

_PERP = Instrument(
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
_LIMITS = Limits(
    order_usd_max=50_000.0,
    hedge_position_usd_max=200_000.0,
    delta_coin_worst_max=3.0,
    orders_per_minute_max=6,
    refusals_in_a_row_max=3,
    unresolved_ns_max=30 * NS_PER_S,
)


def _exposure(net: float, low: float | None = None, high: float | None = None, gross: float = 2.0) -> Exposure:
    return Exposure(
        delta_coin_net=net,
        delta_coin_low=net if low is None else low,
        delta_coin_high=net if high is None else high,
        delta_coin_options=net,
        delta_coin_futures=0.0,
        delta_coin_collateral=0.0,
        delta_coin_expiring=0.0,
        gamma_coin_per_usd=1e-5,
        option_coin_gross=gross,
        iv_mark=0.5,
        tau_years=0.1,
        option_age_ns_max=None,
        doubtful=(),
    )


_NARROW = Band(low_coin=-0.05, high_coin=0.05, target_coin=0.0)
_NOW = Situation(
    blocked=None,
    blocked_detail="",
    hedge=_PERP,
    hedge_cause=None,
    bid_usd=99_999.5,
    ask_usd=100_000.5,
    spread_bps_max=5.0,
    price_usd=100_000.0,
    hedge_native=Decimal(0),
    exposure=_exposure(0.0),
    band=Band(low_coin=-0.1, high_coin=0.1, target_coin=0.0),
    hard_width_multiple=1.5,
    trade_to=TradeTo.EDGE,
    held_back=None,
    held_back_detail="",
    trade_coin_min=0.001,
    has_pending=False,
    is_backing_off=False,
    orders_last_minute=0,
    limits=_LIMITS,
)


@pytest.mark.parametrize(
    ("change", "action", "reason", "amount"),
    [
        # the band
        ({"exposure": _exposure(0.1)}, Action.SKIP, Reason.INSIDE_BAND, 0),
        ({"exposure": _exposure(0.3)}, Action.HEDGE, Reason.OUTSIDE_BAND, -20_000),
        ({"exposure": _exposure(-0.3)}, Action.HEDGE, Reason.OUTSIDE_BAND, 20_000),
        ({"exposure": _exposure(0.3), "trade_to": TradeTo.TARGET}, Action.HEDGE, Reason.OUTSIDE_BAND, -30_000),
        ({"exposure": _exposure(0.1005)}, Action.SKIP, Reason.BELOW_TRADE_MIN, 0),
        ({"exposure": _exposure(0.10005), "trade_coin_min": 0.0}, Action.SKIP, Reason.BELOW_TRADE_MIN, 0),
        ({"exposure": _exposure(0.0, gross=0.0)}, Action.SKIP, Reason.NO_OPTIONS, 0),
        # the owner's filters: they hold back what is due, and are no reason inside the band
        ({"exposure": _exposure(0.3), "held_back": Reason.TOO_SOON}, Action.SKIP, Reason.TOO_SOON, 0),
        ({"exposure": _exposure(0.1), "held_back": Reason.TOO_SOON}, Action.SKIP, Reason.INSIDE_BAND, 0),
        ({"exposure": _exposure(0.3), "held_back": Reason.PIN_WAIT}, Action.SKIP, Reason.PIN_WAIT, 0),
        ({"exposure": _exposure(0.3), "held_back": Reason.PIN_STOP}, Action.REFUSE, Reason.PIN_STOP, 0),
        ({"exposure": _exposure(0.1), "held_back": Reason.PIN_STOP}, Action.SKIP, Reason.INSIDE_BAND, 0),
        # a jump or a wild market: the same trade, at once
        ({"exposure": _exposure(0.11), "at_once": "the price jumped"}, Action.HEDGE, Reason.OUTSIDE_BAND, -1_000),
        ({"exposure": _exposure(0.09), "at_once": "the price jumped"}, Action.SKIP, Reason.INSIDE_BAND, 0),
        # our own impact: smaller, later, wider
        ({"exposure": _exposure(0.3), "held_back": Reason.RUNAWAY}, Action.REFUSE, Reason.RUNAWAY, 0),
        ({"exposure": _exposure(0.3), "held_back": Reason.LOOP_GAIN}, Action.SKIP, Reason.LOOP_GAIN, 0),
        ({"exposure": _exposure(0.3), "share": 0.25}, Action.HEDGE, Reason.OUTSIDE_BAND, -5_000),
        ({"exposure": _exposure(0.3), "share": 1e-9}, Action.HEDGE, Reason.OUTSIDE_BAND, -10),
        ({"exposure": _exposure(0.3), "room_coin": 0.05}, Action.HEDGE, Reason.OUTSIDE_BAND, -5_000),
        ({"exposure": _exposure(-0.3), "room_coin": 0.05}, Action.HEDGE, Reason.OUTSIDE_BAND, 5_000),
        ({"exposure": _exposure(0.3), "room_coin": 0.0}, Action.HEDGE, Reason.OUTSIDE_BAND, -10),
        ({"exposure": _exposure(3.1), "room_coin": 0.05}, Action.HEDGE, Reason.OUTSIDE_BAND, -50_000),
        ({"exposure": _exposure(3.1), "share": 0.01}, Action.HEDGE, Reason.OUTSIDE_BAND, -3_000),
        ({"exposure": _exposure(0.09), "band_narrow": _NARROW}, Action.SKIP, Reason.OSCILLATES, 0),
        ({"exposure": _exposure(0.05), "band_narrow": _NARROW}, Action.SKIP, Reason.INSIDE_BAND, 0),
        ({"exposure": _exposure(0.0, -0.01, 0.06), "band_narrow": _NARROW}, Action.SKIP, Reason.OSCILLATES, 0),
        ({"exposure": _exposure(0.3), "band_narrow": _NARROW}, Action.HEDGE, Reason.OUTSIDE_BAND, -20_000),
        # doubt: only what is certain is traded, from the nearest end to the nearest edge
        ({"exposure": _exposure(0.0, -0.05, 0.05)}, Action.SKIP, Reason.INSIDE_BAND, 0),
        ({"exposure": _exposure(0.5, 0.3, 0.9)}, Action.HEDGE, Reason.OUTSIDE_BAND_SURELY, -20_000),
        ({"exposure": _exposure(-0.5, -0.9, -0.3)}, Action.HEDGE, Reason.OUTSIDE_BAND_SURELY, 20_000),
        ({"exposure": _exposure(0.5, -0.3, 0.9)}, Action.REFUSE, Reason.DELTA_UNCERTAIN, 0),
        ({"exposure": _exposure(0.5, 0.05, 0.9)}, Action.REFUSE, Reason.DELTA_UNCERTAIN, 0),
        ({"exposure": _exposure(float("nan"))}, Action.REFUSE, Reason.DELTA_UNCERTAIN, 0),
        ({"exposure": _exposure(float("inf"))}, Action.REFUSE, Reason.DELTA_UNCERTAIN, 0),
        # an order under way explains the interval
        ({"exposure": _exposure(0.3, 0.1, 0.3), "has_pending": True}, Action.SKIP, Reason.ORDER_PENDING, 0),
        ({"exposure": _exposure(0.3), "has_pending": True}, Action.SKIP, Reason.ORDER_PENDING, 0),
        # the engine's state comes first
        ({"exposure": _exposure(0.3), "blocked": Reason.HALTED}, Action.REFUSE, Reason.HALTED, 0),
        ({"exposure": _exposure(0.3), "blocked": Reason.NOT_RECONCILED}, Action.REFUSE, Reason.NOT_RECONCILED, 0),
        # the market of the hedge
        (
            {"exposure": _exposure(0.3), "hedge_cause": DistrustCause.STALE},
            Action.REFUSE,
            Reason.HEDGE_QUOTE_DISTRUSTED,
            0,
        ),
        ({"exposure": _exposure(0.0), "hedge_cause": DistrustCause.STALE}, Action.SKIP, Reason.INSIDE_BAND, 0),
        ({"exposure": _exposure(0.3), "is_backing_off": True}, Action.REFUSE, Reason.BACKING_OFF, 0),
        ({"exposure": _exposure(0.3), "ask_usd": 100_100.0}, Action.REFUSE, Reason.SPREAD_TOO_WIDE, 0),
        # limits
        ({"exposure": _exposure(1.1)}, Action.HEDGE, Reason.OUTSIDE_BAND, -50_000),
        (
            {"exposure": _exposure(0.3), "hedge_native": Decimal(-190_000)},
            Action.REFUSE,
            Reason.LIMIT_POSITION_USD,
            0,
        ),
        ({"exposure": _exposure(-0.3), "hedge_native": Decimal(-300_000)}, Action.HEDGE, Reason.OUTSIDE_BAND, 20_000),
        # both sides count: 20 000 USD more on top of 85 000 here and 100 000 there
        (
            {"exposure": _exposure(0.3), "hedge_native": Decimal(-85_000), "other_usd": 100_000.0},
            Action.REFUSE,
            Reason.LIMIT_POSITION_USD,
            0,
        ),
        (
            {"exposure": _exposure(0.3), "hedge_native": Decimal(-80_000), "other_usd": 100_000.0},
            Action.HEDGE,
            Reason.OUTSIDE_BAND,
            -20_000,
        ),
        (  # of several instruments the market and the position of one are looked at part by part
            {
                "exposure": _exposure(0.3),
                "hedge_native": Decimal(-190_000),
                "hedge_cause": DistrustCause.STALE,
                "ask_usd": 100_100.0,
                "is_divided": True,
            },
            Action.HEDGE,
            Reason.OUTSIDE_BAND,
            -20_000,
        ),
        ({"exposure": _exposure(0.3), "orders_last_minute": 6}, Action.REFUSE, Reason.LIMIT_ORDER_RATE, 0),
        (
            {"exposure": _exposure(0.3), "limits": replace(_LIMITS, order_usd_max=9.0)},
            Action.REFUSE,
            Reason.LIMIT_ORDER_USD,
            0,
        ),
        (  # the target lies beyond the hard limit: trading to it would add risk
            {"exposure": _exposure(2.9), "band": Band(low_coin=3.1, high_coin=3.3, target_coin=3.2)},
            Action.REFUSE,
            Reason.LIMIT_DELTA_WORST,
            0,
        ),
        (
            {"exposure": _exposure(-2.5, -3.5, -2.5), "limits": replace(_LIMITS, delta_coin_worst_max=1.0)},
            Action.HEDGE,
            Reason.OUTSIDE_BAND_SURELY,
            50_000,
        ),
        ({"exposure": _exposure(4.5)}, Action.HEDGE, Reason.OUTSIDE_BAND, -50_000),
    ],
)
def test_the_verdict(change: dict[str, object], action: Action, reason: Reason, amount: int) -> None:
    """One row per rule: the situation it looks at, and what it comes to."""
    verdict = decide(replace(_NOW, **change))

    assert (verdict.action, verdict.reason, verdict.amount_native) == (action, reason, Decimal(amount))


def test_a_cut_order_says_so() -> None:
    """The canonical line tells why less was traded than wanted."""
    assert decide(replace(_NOW, exposure=_exposure(1.1))).detail == "cut to the largest order allowed"


_coins = st.floats(min_value=-4.0, max_value=4.0)


@given(ends=st.tuples(_coins, _coins), share=st.floats(min_value=0.0, max_value=1.0), lean=_coins)
def test_a_hedge_never_adds_risk(ends: tuple[float, float], share: float, lean: float) -> None:
    """Whatever the true delta in the interval is: a trade brings it nearer to the band and never beyond it."""
    low, high = min(ends), max(ends)
    band = Band(low_coin=lean - 0.1, high_coin=lean + 0.2, target_coin=lean)
    truth = low + share * (high - low)

    verdict = decide(replace(_NOW, exposure=_exposure(truth, low, high), band=band))

    after_low, after_high = (end + coin_from_amount(_PERP, verdict.amount_native, 100_000.0) for end in (low, high))
    if verdict.amount_native > 0:
        assert high < band.low_coin
        assert after_high <= band.low_coin + 1e-9
    elif verdict.amount_native < 0:
        assert low > band.high_coin
        assert after_low >= band.high_coin - 1e-9
    else:
        assert verdict.action is not Action.HEDGE


@pytest.mark.parametrize(
    ("net", "change", "most", "taker", "is_urgent"),
    [
        (0.12, {}, -12_000, 0, False),
        (0.15, {}, -15_000, 0, False),
        (0.1501, {}, -15_010, 0, True),  # beyond one and a half half widths
        (-0.12, {}, 12_000, 0, False),
        (-0.16, {}, 16_000, 0, True),
        (0.16, {"hard_width_multiple": 2.0}, -16_000, 0, False),
        # the taker's band around the one acted on: beyond it back to it, urgent by its width
        (0.16, {"band_taker": Band(low_coin=-0.2, high_coin=0.2, target_coin=0.0)}, -16_000, 0, False),
        (0.25, {"band_taker": Band(low_coin=-0.2, high_coin=0.2, target_coin=0.0)}, -25_000, -5_000, False),
        (-0.31, {"band_taker": Band(low_coin=-0.2, high_coin=0.2, target_coin=0.0)}, 31_000, 11_000, True),
        (0.20005, {"band_taker": Band(low_coin=-0.2, high_coin=0.2, target_coin=0.0)}, -20_000, 0, False),
        # the worst case beyond its limit is urgent, wherever the band ends
        (0.12, {"limits": replace(_LIMITS, delta_coin_worst_max=0.11)}, -12_000, 0, True),
    ],
)
def test_a_hedge_says_what_a_tactic_must_know(
    net: float, change: dict[str, object], most: int, taker: int, is_urgent: bool
) -> None:
    """The most the delta explains, the part that must not wait, and whether any of it may."""
    verdict = decide(replace(_NOW, exposure=_exposure(net), **change))

    assert verdict.action is Action.HEDGE
    told = (verdict.amount_max_native, verdict.taker_native, verdict.is_urgent)
    assert told == (Decimal(most), Decimal(taker), is_urgent)


@pytest.mark.parametrize(("at_once", "is_urgent"), [("", False), ("the price jumped", True)])
def test_a_jump_makes_a_hedge_urgent_and_says_so(at_once: str, is_urgent: bool) -> None:
    """A hair outside the band, which is otherwise left to the tactic."""
    verdict = decide(replace(_NOW, exposure=_exposure(0.11), at_once=at_once))

    assert (verdict.is_urgent, verdict.detail) == (is_urgent, "at once: the price jumped" if at_once else "")


@pytest.mark.parametrize(("factor", "action"), [(1.09, Action.HEDGE), (1.11, Action.REFUSE)])
def test_an_order_larger_than_the_delta_explains_is_never_made(
    monkeypatch: pytest.MonkeyPatch, factor: float, action: Action
) -> None:
    """A conversion gone wrong: counted back from the very amount, over 110 % of the way to the target is refused."""
    right = decide_module.amount_from_coin_toward_zero

    def wrong(hedge: Instrument, coin: float, price_usd: float) -> Decimal:
        return right(hedge, factor * coin, price_usd)

    monkeypatch.setattr(decide_module, "amount_from_coin_toward_zero", wrong)
    verdict = decide(replace(_NOW, exposure=_exposure(0.3), trade_to=TradeTo.TARGET))

    assert verdict.action is action
    if action is Action.REFUSE:
        assert verdict.reason is Reason.LIMIT_EXPLAINED
        assert verdict.detail == "an order of 0.3330 coin, the delta is 0.3000 from its target"
