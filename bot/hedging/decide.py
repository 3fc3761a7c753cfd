"""The one decision function: trust, exposure, band, size, limits, in this order. All ifs are here.

Pure. Knows nothing of how an order is priced, sent or followed.
"""

import math
from decimal import Decimal

from msgspec import Struct

from bot.domain.instruments import Instrument
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.units import (
    ZERO,
    Rounding,
    amount_from_coin_toward_zero,
    coin_from_amount,
    decimal_from_wire,
    round_to_step,
)
from bot.hedging.band import Band, TradeTo, aim_coin, is_beyond
from bot.risk.exposure import Exposure
from bot.risk.gap import objection
from bot.risk.ladder import Breach
from bot.risk.limits import Limits

_POINT_COIN = 1e-9
"""An interval narrower than this is a number."""
_REFUSALS = frozenset({Reason.PIN_STOP, Reason.RUNAWAY})
"""What holds a hedge back and is no mere wait: an alarm follows if it lasts."""
_EXPLAINED_MAX = 1.1
"""No order is larger than so many times the distance of the delta from its target."""


class Situation(Struct, frozen=True, kw_only=True):
    """Everything the decision looks at, gathered by the engine."""

    blocked: Reason | None
    """A state of the engine in which nothing is placed: not reconciled, stopping, halted, stream lost."""
    blocked_detail: str
    hedge: Instrument
    hedge_cause: DistrustCause | None
    bid_usd: float
    ask_usd: float
    """Touch of the hedge instrument; meaningful only where `hedge_cause` is None."""
    spread_bps_max: float
    price_usd: float
    """Coins of the hedge are counted at this."""
    hedge_native: Decimal
    """Position in the hedge instrument."""
    other_usd: float = 0.0
    """Unsigned: positions in the book's other hedge instruments."""
    is_divided: bool = False
    """Several instruments share what is due: what each order has to meet by itself is looked at in `division`."""
    exposure: Exposure
    band: Band
    band_taker: Band | None = None
    """Where a maker's cost makes `band`: the one at the taker's, at least as wide."""
    hard_width_multiple: float
    """So many half widths of the outer band from the target a hedge is urgent."""
    trade_to: TradeTo
    at_once: str = ""
    """Why nothing waits for a counterparty now: a jump, a wild market; empty where it may."""
    held_back: Reason | None
    """Why a hedge that is due has to wait by the owner's own filters."""
    held_back_detail: str
    """In words; may be empty."""
    trade_coin_min: float
    has_pending: bool
    is_backing_off: bool
    orders_last_minute: int
    limits: Limits
    gap: tuple[Breach, ...] = ()
    """Rungs of the gap-risk ladder beyond their limits."""
    band_narrow: Band | None = None
    """The band as it would be, where it is wider because hedges took each other back; else None."""
    share: float = 1.0
    """Of the hedge that is due, by the loop gain of our own hedging."""
    room_coin: float = math.inf
    """Largest trade by our part of the market's volume; not beyond the worst-case limit."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What to do: an amount to trade only where `action` is HEDGE."""

    action: Action
    reason: Reason
    detail: str = ""
    amount_native: Decimal = ZERO
    refused_native: Decimal = ZERO
    """What is due and refused because of the hedge instrument or a limit."""
    trade_coin: float = 0.0
    target_coin: float | None = None
    amount_max_native: Decimal = ZERO
    """To the target: the most that the delta explains."""
    taker_native: Decimal = ZERO
    """Part of the amount that lies beyond the taker band; zero inside it, and without one."""
    is_urgent: bool = False
    """Beyond the hard band, or the worst case beyond its limit."""


class Refusal(Struct, frozen=True, kw_only=True):
    """Why a trade that is wanted is not made."""

    reason: Reason
    detail: str


def decide(now: Situation) -> Verdict:
    """The decision for one moment."""
    if now.blocked is not None:
        return _refuse(now.blocked, now.blocked_detail)
    wanted = _wanted_coin(now)
    if isinstance(wanted, Verdict):
        return wanted
    delta_from, target, reason = wanted
    waiting = _waiting(now)
    if waiting is not None:
        return waiting
    amount = _amount(now, target - delta_from)
    if amount == ZERO:
        return Verdict(action=Action.SKIP, reason=Reason.BELOW_TRADE_MIN)
    largest, detail = largest_native(now.limits, now.hedge, now.price_usd), "cut to the largest order allowed"
    gentle = _gentle_native(now, amount)
    if gentle < largest:
        largest, detail = gentle, "cut: own hedges move the price"
    is_cut = abs(amount) > largest
    amount = max(min(amount, largest), -largest)
    if now.hedge_cause is not None and not now.is_divided:
        return _refuse(Reason.HEDGE_QUOTE_DISTRUSTED, f"{now.hedge.id}: {now.hedge_cause.value}", amount)
    if now.is_backing_off:
        return _refuse(Reason.BACKING_OFF, "the venue refused an order a moment ago")
    refusal = _unexplained(now, amount, delta_from) or _limited_here(now, amount) or _limited(now, amount)
    if refusal is not None:
        return _refuse(refusal.reason, refusal.detail, amount)
    return Verdict(
        amount_max_native=_toward(amount, _in_lots(now, now.band.target_coin - delta_from)),
        taker_native=_beyond_taker(now, delta_from, amount),
        is_urgent=_is_urgent(now, delta_from),
        action=Action.HEDGE,
        reason=reason,
        amount_native=amount,
        trade_coin=coin_from_amount(now.hedge, amount, now.price_usd),
        target_coin=target,
        detail=detail if is_cut else f"at once: {now.at_once}" if now.at_once else "",
    )


def _gentle_native(now: Situation, amount: Decimal) -> Decimal:
    """The largest order by our own impact on the market, unsigned, one lot at least: slow, never nothing."""
    room = math.inf if is_over_limit(now) else now.room_coin
    if now.share >= 1.0 and room == math.inf:
        return abs(amount)
    most = min(abs(coin_from_amount(now.hedge, amount, now.price_usd)) * now.share, room)
    return max(_in_lots(now, most), now.hedge.lot_native)


def is_over_limit(now: Situation) -> bool:
    """Whether the worst case is beyond its hard limit already."""
    return worst_coin(now, 0.0) > now.limits.delta_coin_worst_max


def _is_urgent(now: Situation, delta_from: float) -> bool:
    outer = now.band if now.band_taker is None else now.band_taker
    return bool(now.at_once) or is_over_limit(now) or is_beyond(outer, delta_from, now.hard_width_multiple)


def _beyond_taker(now: Situation, delta_from: float, amount: Decimal) -> Decimal:
    """What brings the delta back to the taker band; zero inside it."""
    outer = now.band_taker
    if outer is None or outer.low_coin <= delta_from <= outer.high_coin:
        return ZERO
    edge = outer.high_coin if delta_from > outer.high_coin else outer.low_coin
    back = _in_lots(now, edge - delta_from)
    return max(min(back, amount), ZERO) if amount > ZERO else min(max(back, amount), ZERO)


def _toward(amount: Decimal, most: Decimal) -> Decimal:
    """The larger of two amounts of one sign."""
    return max(amount, most) if amount > ZERO else min(amount, most)


def _in_lots(now: Situation, coin: float) -> Decimal:
    return amount_from_coin_toward_zero(now.hedge, coin, now.price_usd)


def _unexplained(now: Situation, amount: Decimal, delta_from: float) -> Refusal | None:
    """An order larger than the delta explains is a mistake of ours: counted back from the very amount to be sent."""
    asked = abs(coin_from_amount(now.hedge, amount, now.price_usd))
    return explained(asked, abs(now.band.target_coin - delta_from))


def explained(asked_coin: float, explained_coin: float) -> Refusal | None:
    """The objection to orders of so many coins, unsigned, where the delta is so far from its target."""
    if asked_coin <= _EXPLAINED_MAX * explained_coin:
        return None
    text = f"an order of {asked_coin:.4f} coin, the delta is {explained_coin:.4f} from its target"
    return Refusal(reason=Reason.LIMIT_EXPLAINED, detail=text)


def _refuse(reason: Reason, detail: str, refused: Decimal = ZERO) -> Verdict:
    return Verdict(action=Action.REFUSE, reason=reason, detail=detail, refused_native=refused)


def _waiting(now: Situation) -> Verdict | None:
    """Why what is due is not done now: an order is on its way, or the owner wants it to wait."""
    if now.has_pending:
        return Verdict(action=Action.SKIP, reason=Reason.ORDER_PENDING)
    if now.held_back is None:
        return None
    if now.held_back in _REFUSALS:
        return _refuse(now.held_back, now.held_back_detail)
    return Verdict(action=Action.SKIP, reason=now.held_back, detail=now.held_back_detail)


def _wanted_coin(now: Situation) -> Verdict | tuple[float, float, Reason]:
    """(net delta to trade from, net delta to trade to, reason), or why nothing is wanted."""
    exposure, band = now.exposure, now.band
    low, high = exposure.delta_coin_low, exposure.delta_coin_high
    if not math.isfinite(low + high + exposure.delta_coin_net):
        return _refuse(Reason.DELTA_UNCERTAIN, f"net delta {exposure.delta_coin_net} between {low} and {high}")
    if high - low <= _POINT_COIN:
        net = exposure.delta_coin_net
        if band.low_coin <= net <= band.high_coin:
            nothing = exposure.option_coin_gross == 0.0 and exposure.delta_coin_futures == 0.0
            return Verdict(action=Action.SKIP, reason=Reason.NO_OPTIONS if nothing else _inside(now))
        return net, aim_coin(band, net, now.trade_to), Reason.OUTSIDE_BAND
    if band.low_coin <= low and high <= band.high_coin:
        return Verdict(action=Action.SKIP, reason=_inside(now))
    # Only what is certain is traded: from the nearest end of the interval to the nearest edge of the band.
    if low > band.high_coin:
        return low, band.high_coin, Reason.OUTSIDE_BAND_SURELY
    if high < band.low_coin:
        return high, band.low_coin, Reason.OUTSIDE_BAND_SURELY
    if now.has_pending:
        return Verdict(action=Action.SKIP, reason=Reason.ORDER_PENDING)
    text = f"net delta between {low:+.4f} and {high:+.4f}, band {band.low_coin:+.4f} to {band.high_coin:+.4f}"
    if exposure.because:
        text += f": {exposure.because}"
    return _refuse(Reason.DELTA_UNCERTAIN, text)


def _inside(now: Situation) -> Reason:
    """Inside the band, or only because it is wider for a while."""
    narrow, exposure = now.band_narrow, now.exposure
    if narrow is None or (narrow.low_coin <= exposure.delta_coin_low and exposure.delta_coin_high <= narrow.high_coin):
        return Reason.INSIDE_BAND
    return Reason.OSCILLATES


def _amount(now: Situation, want_coin: float) -> Decimal:
    """Native amount on the lot, toward zero; zero below the smallest trade."""
    if abs(want_coin) < now.trade_coin_min:
        return ZERO
    return _in_lots(now, want_coin)


def largest_native(limits: Limits, hedge: Instrument, price_usd: float) -> Decimal:
    """The largest order allowed, on the lot."""
    per_native_usd = 1.0 if hedge.amount_is_in_usd else price_usd
    lots = decimal_from_wire(limits.order_usd_max / per_native_usd)
    return round_to_step(lots, hedge.lot_native, Rounding.TOWARD_ZERO)


def spread_bps(now: Situation) -> float:
    """Touch of the hedge instrument, basis points of its price."""
    return (now.ask_usd - now.bid_usd) / now.price_usd * 1e4


def position_usd(now: Situation, amount_native: Decimal) -> float:
    """Hedge position after an order of this native amount, signed; of the hedge instrument alone."""
    return coin_from_amount(now.hedge, now.hedge_native + amount_native, now.price_usd) * now.price_usd


def gross_usd(now: Situation, amount_native: Decimal) -> float:
    """Hedge positions of all instruments after an order of this native amount, unsigned: none sets another off."""
    return abs(position_usd(now, amount_native)) + now.other_usd


def worst_coin(now: Situation, trade_coin: float) -> float:
    """The largest net delta that is possible after a trade of this size, whether it fills or not; unsigned."""
    exposure = now.exposure
    return max(
        abs(exposure.delta_coin_low + min(trade_coin, 0.0)), abs(exposure.delta_coin_high + max(trade_coin, 0.0))
    )


def _limited_here(now: Situation, amount: Decimal) -> Refusal | None:
    """The first limit of the hedge instrument that a trade would break."""
    if amount == ZERO:
        text = f"one lot of {now.hedge.lot_native} is over the largest order of {now.limits.order_usd_max:g} USD"
        return Refusal(reason=Reason.LIMIT_ORDER_USD, detail=text)
    if now.is_divided:
        return None
    wide_bps = spread_bps(now)
    if wide_bps > now.spread_bps_max:
        return Refusal(
            reason=Reason.SPREAD_TOO_WIDE, detail=f"spread {wide_bps:.1f} bps over {now.spread_bps_max:g} bps"
        )
    after_usd, most_usd = gross_usd(now, amount), now.limits.hedge_position_usd_max
    if after_usd > most_usd and after_usd > gross_usd(now, ZERO):
        text = f"hedge position would be {position_usd(now, amount):+.0f} USD, limit {most_usd:.0f} USD"
        return Refusal(reason=Reason.LIMIT_POSITION_USD, detail=text)
    return None


def _limited(now: Situation, amount: Decimal) -> Refusal | None:
    """The first limit of the whole book that a trade would break."""
    trade_coin = coin_from_amount(now.hedge, amount, now.price_usd)
    worst_after, worst_before = worst_coin(now, trade_coin), worst_coin(now, 0.0)
    if worst_after > now.limits.delta_coin_worst_max and worst_after > worst_before:
        text = f"worst-case delta would be {worst_after:.4f}, limit {now.limits.delta_coin_worst_max:.4f}"
        return Refusal(reason=Reason.LIMIT_DELTA_WORST, detail=text)
    worse = objection(now.gap, trade_coin)
    if worse is not None:
        return Refusal(reason=Reason.LIMIT_LADDER, detail=worse)
    if now.orders_last_minute >= now.limits.orders_per_minute_max:
        text = f"{now.orders_last_minute} orders in the last minute, limit {now.limits.orders_per_minute_max}"
        return Refusal(reason=Reason.LIMIT_ORDER_RATE, detail=text)
    return None
