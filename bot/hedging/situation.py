"""Gathers what a decision looks at, and writes down what it came to.

Knows the market view and the exposure; decides nothing itself.
"""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.domain.decided import Decided, Features, LegSplit
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.market_events import DepthSeen
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.domain.units import ZERO, coin_from_amount, float_from_decimal
from bot.hedging.band import Band, BandInputs, beyond_touch_usd
from bot.hedging.decide import Situation, Verdict
from bot.market.depth import levels_met
from bot.market.quality import Touch
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk.conventions import Collateral
from bot.risk.exposure import Exposure
from bot.risk.legs import Legs

_ROOT_HOUR: Final = math.sqrt(3600 * NS_PER_S / NS_PER_YEAR)
_AHEAD_NS_MAX: Final = 60 * NS_PER_S
"""Of a fill's time from our clock: twice what a start lets the venue's and ours be apart."""
_FILTERS: Final = frozenset(
    {
        *(Reason.TOO_SOON, Reason.PRICE_HARDLY_MOVED, Reason.REVERSES_TOO_SOON),
        *(Reason.LOOP_GAIN, Reason.PARTICIPATION),
    }
)
"""What may hold a hedge back before it begins, and nothing that is under way."""


class Hedge(Struct, frozen=True, kw_only=True):
    """The hedge instrument as it stands; `price_usd` counts its coins (mark, else mid)."""

    spec: Instrument
    price_usd: float
    touch: Touch | None
    index_usd: float | None
    funding_rate_8h: float
    age_ns: Ns | None
    volume_usd_per_day: float | None = None
    """Of everybody, as the venue tells it; None: not told."""
    depth: DepthSeen | None = None
    """What stands behind the touch; None: not told lately."""


def hedge_seen(view: MarketView, name: InstrumentId, now_ns: Ns) -> Hedge | None:
    """The hedge instrument with a price, or None while it has none."""
    spec = view.instruments.get(name)
    marked = view.futures.get(name)
    touch = view.touch(name)
    price = marked.mark_usd if marked is not None else None
    if price is None and touch is not None and touch.bid_native is not None and touch.ask_native is not None:
        price = 0.5 * (touch.bid_native + touch.ask_native)
    if spec is None or price is None:
        return None
    return Hedge(
        spec=spec,
        price_usd=price,
        touch=touch,
        index_usd=None if marked is None else marked.index_usd,
        funding_rate_8h=0.0 if marked is None or marked.funding_rate_8h is None else marked.funding_rate_8h,
        age_ns=None if touch is None else Ns(now_ns - touch.received_ns),
        volume_usd_per_day=None if marked is None else marked.volume_usd_per_day,
        depth=view.depth(name, now_ns),
    )


def hedge_cause(view: MarketView, name: InstrumentId, window: Window, now_ns: Ns) -> DistrustCause | None:
    """Why no hedge may be made in an instrument now; None: it may.

    A future inside its own settlement window moves with the open part of its average only: coins of it are less and
    less delta, so that hedging with them would have no end.
    """
    spec = view.instruments.get(name)
    if spec is not None and spec.expiry_ns is not None and spec.expiry_ns - now_ns < window.length_ns:
        return DistrustCause.EXPIRED
    return view.hedge_verdict(name, now_ns)


def held_usd(
    view: MarketView, held: Mapping[InstrumentId, Decimal], names: Iterable[InstrumentId], price_usd: float
) -> float:
    """What is held of instruments, unsigned, their coins counted at this price, none setting another off.

    What is held and not listed cannot be counted at all: no decision comes so far.
    """
    listed = (spec for name in names if (spec := view.instruments.get(name)) is not None)
    return sum(abs(coin_from_amount(spec, held.get(spec.id, ZERO), price_usd)) * price_usd for spec in listed)


def resting_coin(view: MarketView, resting: Mapping[InstrumentId, Decimal], price_usd: float) -> tuple[float, float]:
    """What orders at rest may still sell and buy, coins: (<= 0, >= 0)."""
    coins = [coin_from_amount(view.instruments[name], left, price_usd) for name, left in resting.items()]
    return sum(min(coin, 0.0) for coin in coins), sum(max(coin, 0.0) for coin in coins)


def inputs_of(
    exposure: Exposure, hedge: Hedge, last: tuple[Ns, float] | None, now_ns: Ns, *, vanna_coin_per_vol: float
) -> BandInputs:
    """What a policy is asked with, live costs of the hedge instrument among it; `last` hedge fill: time and price."""
    touch = hedge.touch
    half_spread = 0.0
    if touch is not None and touch.bid_native is not None and touch.ask_native is not None:
        half_spread = max(0.5 * (touch.ask_native - touch.bid_native), 0.0)
    return BandInputs(
        delta_coin_net=exposure.delta_coin_net,
        delta_coin_options=exposure.delta_coin_options,
        gamma_coin_per_usd=exposure.gamma_coin_per_usd,
        vanna_coin_per_vol=vanna_coin_per_vol,
        option_coin_gross=exposure.option_coin_gross,
        price_usd=hedge.price_usd,
        iv_mark=exposure.iv_mark,
        tau_years=exposure.tau_years,
        fee_rate_taker=float_from_decimal(hedge.spec.fee_rate_taker),
        half_spread_usd=half_spread,
        funding_rate_8h=hedge.funding_rate_8h,
        since_hedge_ns=None if last is None else _since(last[0], now_ns),
        price_at_hedge_usd=None if last is None else last[1],
        now_ns=now_ns,
    )


def _since(hedged_ns: Ns, now_ns: Ns) -> Ns | None:
    """How long ago the last hedge was; None where the clock was set back since, which leaves that unknown."""
    return None if hedged_ns - now_ns > _AHEAD_NS_MAX else Ns(now_ns - hedged_ns)


def at_depth(inputs: BandInputs, hedge: Hedge, trade_coin: float) -> BandInputs:
    """The inputs at the cost of a trade of this size, signed coins; the very same where the touch has room for it."""
    touch = hedge.touch
    if touch is None or inputs.half_spread_usd == 0.0 or trade_coin == 0.0:
        return inputs
    is_buy = trade_coin > 0.0
    best = touch.ask_native if is_buy else touch.bid_native
    amount = touch.ask_amount_native if is_buy else touch.bid_amount_native
    coins_each = 1.0 / hedge.price_usd if hedge.spec.amount_is_in_usd else 1.0
    more = beyond_touch_usd(
        half_spread_usd=inputs.half_spread_usd,
        trade_coin=trade_coin,
        levels=[(price, coins_each * size) for price, size in levels_met(best, amount, hedge.depth, is_buy=is_buy)],
    )
    return structs.replace(inputs, beyond_touch_usd=more) if more > 0.0 else inputs


class Bands(Struct, frozen=True):
    """Bands of one moment."""

    acted_on: Band
    taker: Band | None
    """At the taker's cost, where the first is at a maker's."""
    narrow: Band | None = None
    """The first as it would be, where a guard has made it wider."""


def without_resting(now: Situation, left_coin: tuple[float, float]) -> Situation:
    """The situation if what rests were not there: the hedge it is part of has passed its filters already."""
    exposure = structs.replace(
        now.exposure,
        delta_coin_low=now.exposure.delta_coin_low - left_coin[0],
        delta_coin_high=now.exposure.delta_coin_high - left_coin[1],
    )
    return structs.replace(
        now,
        exposure=exposure,
        has_pending=False,
        is_backing_off=False,
        orders_last_minute=0,
        held_back=None if now.held_back in _FILTERS else now.held_back,
        trade_coin_min=0.0,
    )


class Frame(Struct, frozen=True, kw_only=True):
    """What every decision record carries, whatever came of it."""

    seq: int
    now_ns: Ns
    book: str
    convention: str
    hedge_instrument: InstrumentId


def write_down(
    frame: Frame,
    verdict: Verdict,
    *,
    exposure: Exposure | None,
    bands: Bands | None,
    hedge: Hedge | None,
    features: Features | None = None,
    split: tuple[LegSplit, ...] = (),
) -> Decided:
    """The canonical record of a verdict with the inputs that mattered."""
    band, taker = (None, None) if bands is None else (bands.acted_on, bands.taker)
    return Decided(
        seq=frame.seq,
        now_ns=frame.now_ns,
        book=frame.book,
        convention=frame.convention,
        action=verdict.action,
        reason=verdict.reason,
        delta_coin_net=None if exposure is None else exposure.delta_coin_net,
        delta_coin_low=None if exposure is None else exposure.delta_coin_low,
        delta_coin_high=None if exposure is None else exposure.delta_coin_high,
        delta_coin_options=None if exposure is None else exposure.delta_coin_options,
        delta_coin_futures=None if exposure is None else exposure.delta_coin_futures,
        delta_coin_collateral=None if exposure is None else exposure.delta_coin_collateral,
        delta_coin_expiring=None if exposure is None else exposure.delta_coin_expiring,
        delta_coin_delivered=None if exposure is None else exposure.delta_coin_delivered,
        delta_coin_surviving=None if exposure is None else exposure.delta_coin_net - exposure.delta_coin_expiring,
        gamma_coin_per_usd=None if exposure is None else exposure.gamma_coin_per_usd,
        gamma_coin_per_hour=None if exposure is None or hedge is None else _per_hour(exposure, hedge.price_usd),
        band_low_coin=None if band is None else band.low_coin,
        band_high_coin=None if band is None else band.high_coin,
        band_taker_low_coin=None if taker is None else taker.low_coin,
        band_taker_high_coin=None if taker is None else taker.high_coin,
        target_coin=verdict.target_coin,
        trade_coin=verdict.trade_coin,
        price_usd=None if hedge is None else hedge.price_usd,
        index_usd=None if hedge is None else hedge.index_usd,
        hedge_instrument=frame.hedge_instrument,
        hedge_age_ns=None if hedge is None else hedge.age_ns,
        option_age_ns_max=None if exposure is None else exposure.option_age_ns_max,
        doubtful=() if exposure is None else exposure.doubtful,
        detail=verdict.detail,
        forwards=() if exposure is None else exposure.forwards,
        features=features,
        volume_usd_per_day=None if hedge is None else hedge.volume_usd_per_day,
        split=split,
    )


def _per_hour(exposure: Exposure, price_usd: float) -> float:
    """Coins of delta that gamma brings in an hour: one standard deviation of it, signed like gamma."""
    return exposure.gamma_coin_per_usd * price_usd * (exposure.iv_mark or 0.0) * _ROOT_HOUR


def missing(hedge: Hedge | None, legs: Legs, collateral: Collateral | str) -> Verdict:
    """The refusal where a decision has no ground: no hedge price, no equity, or a position that cannot be counted."""
    if hedge is None:
        return Verdict(action=Action.REFUSE, reason=Reason.HEDGE_QUOTE_DISTRUSTED, detail="no price seen yet")
    if isinstance(collateral, str):
        return Verdict(action=Action.REFUSE, reason=Reason.EQUITY_UNKNOWN, detail=collateral)
    names = ", ".join(legs.unlisted) or "a futures position without a mark"
    return Verdict(action=Action.REFUSE, reason=Reason.DELTA_UNCERTAIN, detail=f"cannot be counted: {names}")
