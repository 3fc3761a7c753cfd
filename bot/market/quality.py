"""Whether a market datum can be trusted now: one verdict per instrument, None means trusted.

Knows ages, touches and states; nothing of positions or of what the datum is wanted for.
"""

from typing import Final

from msgspec import Struct

from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.reasons import DistrustCause
from bot.domain.soundness import IV_MAX
from bot.domain.time import NS_PER_S, Ns

_APART_SHARE: Final = 0.05
"""Of the touch from the mark: venues refuse orders that far from it, and a mark that lags a gap so far has not come."""

_STAMP_AHEAD_NS_MAX: Final = 60 * NS_PER_S
"""Of a venue's stamp from our clock: twice what a start lets the two clocks be apart."""


class TrustLimits(Struct, frozen=True, kw_only=True):
    """How old and how odd a datum may be."""

    option_age_ns_max: Ns
    hedge_age_ns_max: Ns
    clock_ahead_ns_max: Ns
    """A stamp later than now by more than this means that a clock is wrong."""
    spread_bps_max: float
    """Widest touch of the hedge instrument that is traded on."""
    account_age_ns_max: Ns = Ns(10 * NS_PER_S)
    """Oldest account figures that are taken as they stand."""
    differs_alarm_ns: Ns = Ns(10 * NS_PER_S)
    """A figure of the venue that differs from ours for so long is an alarm."""
    differs_refuse_ns: Ns = Ns(60 * NS_PER_S)
    """One that differs for so long ends placing, until it agrees."""


class Touch(Struct, frozen=True, kw_only=True):
    """Best prices of one instrument, in its native units; None where a side is empty."""

    bid_native: float | None
    ask_native: float | None
    bid_amount_native: float | None
    ask_amount_native: float | None
    received_ns: Ns
    venue_ns: Ns


def least_volume_usd(configured_usd: float, told_usd: float | None) -> float:
    """The market's volume a day that caps count with: the configured one is a ceiling, and stands in for none told.

    Too small a volume makes hedges smaller and slower, too large a one lets them move the price.
    """
    return configured_usd if told_usd is None else min(configured_usd, told_usd)


def _age_verdict(received_ns: Ns, now_ns: Ns, age_ns_max: Ns, ahead_ns_max: Ns) -> DistrustCause | None:
    age_ns = now_ns - received_ns
    if age_ns > age_ns_max:
        return DistrustCause.STALE
    if -age_ns > ahead_ns_max:
        return DistrustCause.FROM_THE_FUTURE
    return None


def is_older(told_ns: Ns, held_ns: Ns, received_ns: Ns) -> bool:
    """Whether a message received now is older than what is held, by the venue's stamps of both.

    A stamp that far ahead of our clock was none: everything after it would be older, for ever.
    """
    return told_ns < held_ns and held_ns - received_ns <= _STAMP_AHEAD_NS_MAX


def judge_touch(touch: Touch | None, now_ns: Ns, limits: TrustLimits) -> DistrustCause | None:
    """Verdict on the touch of a hedge instrument: what would be traded against."""
    if touch is None:
        return DistrustCause.NEVER_SEEN
    late = _age_verdict(touch.received_ns, now_ns, limits.hedge_age_ns_max, limits.clock_ahead_ns_max)
    if late is not None:
        return late
    if touch.bid_native is None or touch.ask_native is None:
        return DistrustCause.ONE_SIDED
    if touch.bid_native >= touch.ask_native:
        return DistrustCause.CROSSED
    return None


def judge_future(marked: FutureMarked | None, now_ns: Ns, limits: TrustLimits) -> DistrustCause | None:
    """Verdict on the ticker of a future or perpetual: its mark values positions, its state allows trading."""
    if marked is None:
        return DistrustCause.NEVER_SEEN
    if not marked.is_open:
        return DistrustCause.NOT_OPEN
    if marked.mark_usd is None or marked.index_usd is None:
        return DistrustCause.NO_GREEKS
    return _age_verdict(marked.received_ns, now_ns, limits.hedge_age_ns_max, limits.clock_ahead_ns_max)


def judge_together(touch: Touch | None, marked: FutureMarked | None) -> DistrustCause | None:
    """Verdict on touch and mark of a hedge instrument, each usable by itself: they are of one price."""
    if touch is None or marked is None or touch.bid_native is None or touch.ask_native is None or not marked.mark_usd:
        return None
    ratio = 0.5 * (touch.bid_native + touch.ask_native) / marked.mark_usd
    return None if 1.0 - _APART_SHARE <= ratio <= 1.0 + _APART_SHARE else DistrustCause.TOUCH_APART


def judge_option(marked: OptionMarked | None, now_ns: Ns, limits: TrustLimits) -> DistrustCause | None:
    """Verdict on the greeks an option ticker gives: mark volatility and forward. Its touch is not traded on.

    A crossed touch casts doubt on the mark computed from it; an empty side is normal for options
    (27 % of recorded BTC rows have no bid).
    """
    if marked is None:
        return DistrustCause.NEVER_SEEN
    age_ns = now_ns - marked.received_ns
    if age_ns > limits.option_age_ns_max or -age_ns > limits.clock_ahead_ns_max:
        return DistrustCause.STALE if age_ns > 0 else DistrustCause.FROM_THE_FUTURE
    return judge_greeks(marked)


def judge_greeks(marked: OptionMarked) -> DistrustCause | None:
    """Verdict on what the ticker says, whenever it said it."""
    if not marked.is_open:
        return DistrustCause.NOT_OPEN
    iv, bid, ask = marked.iv_mark, marked.bid_native, marked.ask_native
    if iv is None or not 0.0 < iv < IV_MAX or marked.forward_usd is None:
        return DistrustCause.NO_GREEKS
    if bid is not None and ask is not None and bid > ask:
        return DistrustCause.CROSSED
    return None
