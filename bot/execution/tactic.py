"""What a tactic is given and gives, and the prices tactics share. Tactics import only this file.

Pure. Amounts native and signed (+ buy), prices native; knows nothing of why a hedge is due.
"""

import math
from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from bot.domain.instruments import Instrument
from bot.domain.market_events import DepthSeen
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO, Rounding, float_from_decimal, price_to_tick, tick_at
from bot.market.depth import levels_met, near_native
from bot.market.quality import least_volume_usd

_BPS = 1e-4


class Crossing(Struct, frozen=True, kw_only=True):
    """How far an immediate order may go, and how long it may be on its way."""

    slippage_bps_max: float = 10.0
    """Limit beyond the touch, basis points of it."""
    valid_for_ns: Ns = Ns(2 * NS_PER_S)
    """The venue must start the order within this time (`valid_until`)."""


class Due(Struct, frozen=True, kw_only=True):
    """What the decision wants traded now, as if nothing rested."""

    amount_native: Decimal
    """To where the band policy aims; on the lot, not zero."""
    amount_max_native: Decimal
    """To the target itself: the most that the delta explains. Same sign, at least as large."""
    taker_native: Decimal
    """Part that must not wait: from beyond the taker band back to it. Zero inside, or without one."""
    is_urgent: bool
    """Beyond the hard band: all of it at once."""


class Resting(Struct, frozen=True, kw_only=True):
    """Our order in the book."""

    price_native: Decimal
    left_native: Decimal
    placed_ns: Ns


class Situation(Struct, frozen=True, kw_only=True):
    """All a tactic may look at."""

    now_ns: Ns
    instrument: Instrument
    due: Due
    bid_native: float
    ask_native: float
    bid_amount_native: float | None
    ask_amount_native: float | None
    """Displayed at the touch; None: not told."""
    since_ns: Ns
    """When this hedge became due."""
    mid_at_start_native: float
    amount_at_start_native: Decimal
    last_sent: "Sent | None" = None
    """The last order of this hedge."""
    volume_usd_per_day: float | None = None
    """Of the instrument, as the venue tells it; None: not told."""
    depth: DepthSeen | None = None
    """What stands behind the touch; None: not told lately."""
    may_replace: bool = True
    """Whether the order rate leaves room for an order that only improves a price."""
    resting: Resting | None = None

    @property
    def is_buy(self) -> bool:
        """Whether the hedge buys."""
        return self.due.amount_native > ZERO

    @property
    def elapsed_ns(self) -> int:
        """Since the hedge became due."""
        return self.now_ns - self.since_ns

    def since_sent_ns(self, longest_ns: int) -> int:
        """Since the last order of this hedge, at most `longest_ns`, which it is before the first."""
        return longest_ns if self.last_sent is None else min(self.now_ns - self.last_sent.at_ns, longest_ns)

    def volume_usd(self, most_usd: float) -> float:
        """The market's volume a day, at most what is configured."""
        return least_volume_usd(most_usd, self.volume_usd_per_day)

    def displayed_native(self, away_share: float) -> float | None:
        """What stands to be taken at most this share of the touch beyond it, unsigned; None: not told."""
        best, amount = self.bid_native, self.bid_amount_native
        if self.is_buy:
            best, amount = self.ask_native, self.ask_amount_native
        levels = levels_met(best, amount, self.depth, is_buy=self.is_buy)
        return near_native(levels, away_share) if levels else None


class Sent(Struct, frozen=True, kw_only=True):
    """An order that left."""

    at_ns: Ns
    amount_native: Decimal


class Place(Struct, frozen=True, kw_only=True):
    """Send an order; only while nothing works."""

    amount_native: Decimal
    price_native: Decimal
    valid_for_ns: Ns
    rest_ns: Ns | None
    """How long it may rest, post-only; None: immediate-or-cancel."""


class TakeBack(Struct, frozen=True, kw_only=True):
    """Cancel what rests; the next order only once that is confirmed."""

    cause: str


class Wait(Struct, frozen=True, kw_only=True):
    """Nothing now."""

    detail: str


Step = Place | TakeBack | Wait

Tactic = Callable[[Situation], Step]
"""Pure: the same situation gives the same step. Asked again at every tick until nothing is due."""


def crossing(now: Situation, amount_native: Decimal, how: Crossing, cause: str) -> Step:
    """Take `amount_native` at once; what rests has to go first."""
    if now.resting is not None:
        return TakeBack(cause=cause)
    price = limit_price(
        now.instrument, amount_native=amount_native, bid_usd=now.bid_native, ask_usd=now.ask_native, how=how
    )
    return Place(amount_native=amount_native, price_native=price, valid_for_ns=how.valid_for_ns, rest_ns=None)


class Pegging(Struct, frozen=True, kw_only=True):
    """How an order rests at the touch and follows it."""

    inside_ticks: int
    """So many ticks better than the touch where the spread leaves room."""
    behind_ticks_max: int
    """Followed only once the touch is further away than this."""
    replace_ns_min: Ns
    """No sooner after it was placed."""


def pegged(now: Situation, pegging: Pegging, valid_for_ns: Ns, rest_ns: Ns) -> Step:
    """Rest at the touch, or what has to happen to the order that rests."""
    price, resting = peg_price(now, pegging.inside_ticks), now.resting
    if resting is None:
        amount = now.due.amount_native
        return Place(amount_native=amount, price_native=price, valid_for_ns=valid_for_ns, rest_ns=rest_ns)
    ahead = price - resting.price_native if now.is_buy else resting.price_native - price
    behind = pegging.behind_ticks_max * tick_at(now.instrument, price)
    touch = decimal_touch(now)
    is_at_touch = resting.price_native >= touch if now.is_buy else resting.price_native <= touch
    if is_at_touch or ahead <= behind or now.now_ns - resting.placed_ns < pegging.replace_ns_min:
        return Wait(detail="resting")
    if not now.may_replace:
        return Wait(detail="resting; the order rate leaves no room to follow the touch")
    return TakeBack(cause=f"the touch moved {ahead} away")


def decimal_touch(now: Situation) -> Decimal:
    """The touch on our side, on the tick, never better than it is."""
    if now.is_buy:
        return price_to_tick(now.instrument, now.bid_native, Rounding.DOWN)
    return price_to_tick(now.instrument, now.ask_native, Rounding.UP)


def peg_price(now: Situation, inside_ticks: int) -> Decimal:
    """At the touch or inside it, at least one tick short of the other side."""
    touch = decimal_touch(now)
    tick = tick_at(now.instrument, touch)
    if now.is_buy:
        other = price_to_tick(now.instrument, now.ask_native, Rounding.DOWN)
        last = other - tick if float_from_decimal(other) >= now.ask_native else other
        return price_to_tick(now.instrument, max(touch, min(touch + inside_ticks * tick, last)), Rounding.DOWN)
    other = price_to_tick(now.instrument, now.bid_native, Rounding.UP)
    last = other + tick if float_from_decimal(other) <= now.bid_native else other
    return price_to_tick(now.instrument, min(touch, max(touch - inside_ticks * tick, last)), Rounding.UP)


def drift_bps(now: Situation) -> float:
    """How far the mid has moved against the hedge since it became due; negative: in its favour."""
    mid = 0.5 * (now.bid_native + now.ask_native)
    moved = (mid / now.mid_at_start_native - 1.0) / _BPS
    return moved if now.is_buy else -moved


def has_grown(now: Situation, ratio: float) -> bool:
    """Whether the hedge is so many times what it was when it became due."""
    return abs(now.due.amount_native) >= ratio * abs(float_from_decimal(now.amount_at_start_native))


def limit_price(
    instrument: Instrument, *, amount_native: Decimal, bid_usd: float, ask_usd: float, how: Crossing
) -> Decimal:
    """Worst acceptable price: the opposite touch and the slippage cap, on the tick, never beyond the cap.

    A cap narrower than a tick gives the touch itself.
    """
    if amount_native > 0:
        touch = price_to_tick(instrument, ask_usd, Rounding.UP)
        capped = price_to_tick(instrument, ask_usd * (1.0 + how.slippage_bps_max * _BPS), Rounding.DOWN)
        return max(touch, capped)
    touch = price_to_tick(instrument, bid_usd, Rounding.DOWN)
    capped = price_to_tick(instrument, bid_usd * (1.0 - how.slippage_bps_max * _BPS), Rounding.UP)
    return min(touch, capped)


def within_band(
    now: Situation, price_native: Decimal, price_min_usd: float | None, price_max_usd: float | None
) -> Decimal:
    """The worst price of an order that takes, at the venue's bound where the touch lies within it; else as it is."""
    if now.is_buy and price_max_usd is not None:
        edge = price_to_tick(now.instrument, price_max_usd, Rounding.DOWN)
        return min(price_native, edge) if float_from_decimal(edge) >= now.ask_native else price_native
    if not now.is_buy and price_min_usd is not None:
        edge = price_to_tick(now.instrument, price_min_usd, Rounding.UP)
        return max(price_native, edge) if float_from_decimal(edge) <= now.bid_native else price_native
    return price_native


def outside_band(price_native: Decimal, price_min_usd: float | None, price_max_usd: float | None) -> str | None:
    """Why the venue would not take this price, in words; None inside its band or where it tells none."""
    price = float_from_decimal(price_native)
    if price_min_usd is not None and price < price_min_usd:
        return f"limit {price_native} under the venue's lowest price {price_min_usd:g}"
    if price_max_usd is not None and price > price_max_usd:
        return f"limit {price_native} over the venue's highest price {price_max_usd:g}"
    return None


def left_of_urgency(elapsed_ns: int, tau_ns: int) -> float:
    """Share of a hedge that may still be open: rate x/τ (theory 6.2, rule 3)."""
    return math.exp(-elapsed_ns / tau_ns)
