"""What a book does near its expiries: whether its hedge is unwound, and how it takes a strike that the price sits on.

Pure. What expires is paid by an average, so its hedge is unwound along that average (`unwind`). A book whose owner
takes or gives the coins himself keeps it (`keep`): there what expires counts in full until the end, and afterwards as
the coins a physical delivery would have brought, so that the hedge against them stays.

Near expiry the delta of such an option swings between nothing and everything with every move across the strike;
hedging each swing pays the spread for nothing that lasts. What to do about it is a matter of taste, hence of
configuration: trade at intervals, in a wider band, or not at all. The hard delta limit overrules all three.
"""

import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, structs

from bot.domain.ids import InstrumentId
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import coin_from_amount
from bot.hedging.band import Band, stretched
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window, share_of
from bot.risk.delivery import delivered_coin
from bot.risk.exposure import Exposure
from bot.risk.legs import Legs


class HedgeAtExpiry(enum.StrEnum):
    """What becomes of the hedge of what expires."""

    UNWIND = "unwind"
    """It goes as the average is fixed."""
    KEEP = "keep"
    """It stays, against coins delivered outside the bot."""


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

    hedge: HedgeAtExpiry = HedgeAtExpiry.UNWIND
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
    return stretched(band, params.pin_width_ratio) if params.pin is PinRule.WIDEN else band


def pin_held_back(params: ExpiryParams, since_hedge_ns: Ns | None) -> Reason | None:
    """Why a hedge of a pinned book is not made now; None where it is."""
    if params.pin is PinRule.STOP:
        return Reason.PIN_STOP
    if params.pin is PinRule.CAP and since_hedge_ns is not None and since_hedge_ns < params.pin_interval_ns:
        return Reason.PIN_WAIT
    return None


class Delivered(NamedTuple):
    """Coins that deliveries would have brought, had they been physical; signed, and how much of it is not known."""

    coin: float
    doubt_coin: float


def kept(params: ExpiryParams, exposure: Exposure, share: float, delivered: Delivered) -> Exposure:
    """The exposure of a book that keeps its hedges; as it is under `unwind`.

    `share` of the averages that run is still open: what expires counts as if all of it were. Doubt grows with what is
    counted; all of it, as it is not known whose it is.
    """
    if params.hedge is HedgeAtExpiry.UNWIND:
        return exposure
    expiring = exposure.delta_coin_expiring / share
    net = exposure.delta_coin_net + expiring - exposure.delta_coin_expiring + delivered.coin
    wider = 1.0 / share if exposure.doubtful else 1.0
    return structs.replace(
        exposure,
        delta_coin_net=net,
        delta_coin_low=net - wider * (exposure.delta_coin_net - exposure.delta_coin_low) - delivered.doubt_coin,
        delta_coin_high=net + wider * (exposure.delta_coin_high - exposure.delta_coin_net) + delivered.doubt_coin,
        delta_coin_expiring=expiring,
        delta_coin_delivered=delivered.coin,
    )


def open_share(view: MarketView, held: Iterable[InstrumentId], window: Window, now_ns: Ns) -> float:
    """Part still open of the averages that run, the least of them; 1 where none does."""
    expiries = {spec.expiry_ns for name in held if (spec := view.instruments.get(name)) is not None}
    shares = (share_of(window, expiry_ns - now_ns) for expiry_ns in expiries if expiry_ns is not None)
    return min((share for share in shares if share > 0.0), default=1.0)


def expired(view: MarketView, held: Mapping[InstrumentId, Decimal], now_ns: Ns, price_usd: float) -> Delivered:
    """What has expired and is still listed as held, at the delivery price expected last; without one it is doubt."""
    coin = doubt_coin = 0.0
    for name, amount in held.items():
        spec = view.instruments.get(name)
        if spec is None or spec.expiry_ns is None or spec.expiry_ns > now_ns:
            continue
        delivery_usd = view.delivery_usd(spec)
        if delivery_usd is None:
            doubt_coin += abs(coin_from_amount(spec, amount, price_usd))
        else:
            coin += delivered_coin(spec, amount, delivery_usd)
    return Delivered(coin, doubt_coin)
