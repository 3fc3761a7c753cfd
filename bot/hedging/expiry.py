"""What a book does near its expiries: how it takes a strike that the price sits on.

Pure. Near expiry the delta of such an option swings between nothing and everything with every move across the strike;
hedging each swing pays the spread for nothing that lasts. What to do about it is a matter of taste, hence of
configuration: trade at intervals, in a wider band, or not at all. The hard delta limit overrules all three.
"""

import enum

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.band import Band
from bot.market.view import MarketView
from bot.risk.legs import Legs


class PinRule(enum.StrEnum):
    """What to do while the price sits on a strike that expires soon."""

    NONE = "none"
    """Hedge as ever."""
    CAP = "cap"
    """One hedge in so long."""
    WIDEN = "widen"
    """In a wider band."""
    STOP = "stop"
    """Not at all, with an alarm."""


class ExpiryParams(Struct, frozen=True, kw_only=True):
    """Parameters of a book; the defaults change nothing."""

    pin: PinRule = PinRule.NONE
    pin_from_ns: Ns = Ns(3600 * NS_PER_S)
    """Looked for so long before expiry."""
    pin_distance_fraction: float = 0.005
    """The price sits on a strike that is no further away, as a fraction of it."""
    pin_interval_ns: Ns = Ns(300 * NS_PER_S)
    """Of `cap`: between hedges."""
    pin_width_ratio: float = 2.0
    """Of `widen`: times the width."""


def pinned(params: ExpiryParams, view: MarketView, legs: Legs, now_ns: Ns) -> InstrumentId | None:
    """A held option on whose strike the price sits shortly before its expiry; None without one, or without a rule.

    The price is the delivery price expected now, where the venue tells it, else the forward.
    """
    if params.pin is PinRule.NONE:
        return None
    for index_name, expiry_ns, _, options in legs.expiries:
        newest = view.newest_of(index_name, expiry_ns) if 0 < expiry_ns - now_ns <= params.pin_from_ns else None
        price_usd = None if newest is None else newest.delivery_usd or newest.forward_usd
        if price_usd is None:
            continue
        for leg in options:
            if abs(price_usd - leg.strike_usd) <= params.pin_distance_fraction * leg.strike_usd:
                return leg.name
    return None


def widened(params: ExpiryParams, band: Band) -> Band:
    """The band of a pinned book: its distances from the target times `pin_width_ratio` under `widen`, else as it is."""
    if params.pin is not PinRule.WIDEN:
        return band
    target, ratio = band.target_coin, params.pin_width_ratio
    return Band(
        low_coin=target + ratio * (band.low_coin - target),
        high_coin=target + ratio * (band.high_coin - target),
        target_coin=target,
        inner_low_coin=None if band.inner_low_coin is None else target + ratio * (band.inner_low_coin - target),
        inner_high_coin=None if band.inner_high_coin is None else target + ratio * (band.inner_high_coin - target),
    )


def pin_held_back(params: ExpiryParams, since_hedge_ns: Ns | None) -> Reason | None:
    """Why a hedge of a pinned book is not made now; None where it is."""
    if params.pin is PinRule.STOP:
        return Reason.PIN_STOP
    if params.pin is PinRule.CAP and since_hedge_ns is not None and since_hedge_ns < params.pin_interval_ns:
        return Reason.PIN_WAIT
    return None
