"""What a user may lay over any band policy: target, share hedged, width by gamma sign and hour, filters.

Pure. A policy says how wide; these say around what, and when a hedge that is due may wait.
"""

import math
from typing import Final

from msgspec import Struct

from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_DAY, NS_PER_S, NS_PER_YEAR, Ns
from bot.hedging.band import WIDEST_COIN, Band, BandInputs, BandPolicy, Law, TradeTo, is_beyond, taker_cost_fraction

_MONITORING: Final = 0.5826
"""-ζ(1/2)/sqrt(2π): how far a path overshoots a band that is looked at in steps (Broadie-Glasserman; theory 4.1)."""
_TRIGGER: Final = {TradeTo.EDGE: 1.0, TradeTo.INNER: 1.2873, TradeTo.TARGET: 4.0 ** (1.0 / 3.0)}
"""Best trigger over the best width for edge trades, by where a trade aims (theory 4.1)."""

HARD_WIDTHS: Final = 1.5
"""Half widths from the target beyond which a hedge is urgent, where `hard_width_multiple` says nothing (theory 6.2)."""
_EIGHT_HOURS_NS: Final = 8 * 3600 * NS_PER_S
_REVERSAL_NS_MAX: Final = 60 * NS_PER_S
"""A book of little gamma has an endless reversal time; its owner may still trade."""


class TargetStep(Struct, frozen=True, kw_only=True):
    """From this time of the UTC day on, until the next step."""

    of_day_ns: int
    coin: float


class QuietHours(Struct, frozen=True, kw_only=True):
    """A span of the UTC day, over midnight where it ends before it begins, with its width as a multiple."""

    from_ns: int
    to_ns: int
    width: float


class Modifiers(Struct, frozen=True, kw_only=True):
    """Everything laid over a policy; the defaults change nothing."""

    target: tuple[TargetStep, ...] = (TargetStep(of_day_ns=0, coin=0.0),)
    """In order of the day; before the first step the last one holds."""
    trade_to: TradeTo = TradeTo.EDGE
    hedge_ratio: float = 1.0
    """Share of the options' delta that is hedged, 0 to 1.5; what is left open moves the target."""
    width_ratio_long_gamma: float = 1.0
    width_ratio_short_gamma: float = 1.0
    quiet: tuple[QuietHours, ...] = ()
    monitoring_ns: Ns = Ns(0)
    """Time between looks: the trigger comes nearer by what a path overshoots in between; 0 looks all the time."""
    interval_ns_min: Ns = Ns(0)
    """No hedge sooner after the last fill."""
    price_move_fraction_min: float = 0.0
    """No hedge before the price has moved so far from the last fill."""
    funding_horizon_ns: Ns = Ns(0)
    """So long funding is expected to stay as it is: the band moves toward the side that receives it; 0: it does not."""
    hard_width_multiple: float | None = None
    """So many half widths from the target the two filters above no longer hold a hedge back; None: they always do."""


def shaped(policy: BandPolicy, laws: tuple[Law, ...], modifiers: Modifiers) -> BandPolicy:
    """The policy with everything laid over it that changes the band."""
    trigger = _TRIGGER[modifiers.trade_to] if Law.BEST_TRADED_TO_EDGE in laws else 1.0

    def band(inputs: BandInputs) -> Band:
        width = trigger * _width(modifiers, inputs)
        target = _target_coin(modifiers, inputs.now_ns)
        target += (1.0 - modifiers.hedge_ratio) * inputs.delta_coin_options
        asked = policy(inputs)
        target += funding_shift_coin(asked, inputs, modifiers.funding_horizon_ns)
        return _moved(asked, width, _overshoot_coin(modifiers.monitoring_ns, inputs), target)

    return band


def held_back(modifiers: Modifiers, inputs: BandInputs, band: Band) -> Reason | None:
    """Why a hedge from outside the band has to wait; None where it need not."""
    if modifiers.hard_width_multiple is not None and is_beyond(
        band, inputs.delta_coin_net, modifiers.hard_width_multiple
    ):
        return None
    since_ns, before = inputs.since_hedge_ns, inputs.price_at_hedge_usd
    if since_ns is not None and since_ns < modifiers.interval_ns_min:
        return Reason.TOO_SOON
    if before is not None and abs(inputs.price_usd - before) < modifiers.price_move_fraction_min * before:
        return Reason.PRICE_HARDLY_MOVED
    return None


def reverses_too_soon(inputs: BandInputs, band: Band, *, last_was_buy: bool | None) -> bool:
    """Whether a hedge would take back the last fill within the reversal time, (h/2)^2 / s^2 (theory 6.2, rule 2).

    h is the half width and s^2 the variance rate of the delta: sooner, it is noise that turned it, not the market. Not
    beyond one and a half half widths: there the delta is wrong, whoever made it so.
    """
    if inputs.since_hedge_ns is None or last_was_buy is None or inputs.iv_mark is None:
        return False
    wants_buy = inputs.delta_coin_net < band.low_coin
    if wants_buy == last_was_buy or is_beyond(band, inputs.delta_coin_net, HARD_WIDTHS):
        return False
    half_coin = 0.5 * (band.high_coin - band.low_coin)
    variance_per_year = (inputs.gamma_coin_per_usd * inputs.iv_mark * inputs.price_usd) ** 2
    wait_ns: float = _REVERSAL_NS_MAX
    if variance_per_year > 0.0:
        wait_ns = min(wait_ns, 0.25 * half_coin**2 / variance_per_year * NS_PER_YEAR)
    return inputs.since_hedge_ns < wait_ns


def funding_shift_coin(band: Band, inputs: BandInputs, horizon_ns: Ns) -> float:
    """How far funding moves a band's centre, coins, signed: -2/3 x half width x carry / cost (theory 4.1).

    Carry is what a coin pays while it is held: for the time the delta takes across the half width, half^2 / s^2, for
    the horizon or until expiry, whichever is shortest. For Whalley-Wilmott and a long horizon this is the Merton
    position, -f / (ra σ^2 S); it takes the risk aversion that a width implies, so that it suits any policy with one.
    Never more than the half width: a bet beside the hedge, and it ends at the edge.
    """
    half_coin = 0.5 * (band.high_coin - band.low_coin)
    if horizon_ns <= 0 or inputs.funding_rate_8h == 0.0 or not 0.0 < half_coin < WIDEST_COIN:
        return 0.0
    held_ns: float = horizon_ns
    if inputs.tau_years is not None and inputs.iv_mark is not None:
        held_ns = min(held_ns, inputs.tau_years * NS_PER_YEAR)
        variance_per_year = (inputs.gamma_coin_per_usd * inputs.iv_mark * inputs.price_usd) ** 2
        if variance_per_year > 0.0:
            held_ns = min(held_ns, half_coin**2 / variance_per_year * NS_PER_YEAR)
    carry = inputs.funding_rate_8h * held_ns / _EIGHT_HOURS_NS
    cost = taker_cost_fraction(inputs)
    return -math.copysign(half_coin * min(2.0 / 3.0 * abs(carry) / cost, 1.0) if cost > 0.0 else half_coin, carry)


def _target_coin(modifiers: Modifiers, now_ns: Ns) -> float:
    of_day_ns = now_ns % NS_PER_DAY
    coin = modifiers.target[-1].coin
    for step in modifiers.target:
        if step.of_day_ns > of_day_ns:
            break
        coin = step.coin
    return coin


def _width(modifiers: Modifiers, inputs: BandInputs) -> float:
    width = modifiers.width_ratio_short_gamma if inputs.gamma_coin_per_usd < 0.0 else modifiers.width_ratio_long_gamma
    of_day_ns = inputs.now_ns % NS_PER_DAY
    for hours in modifiers.quiet:
        is_within = hours.from_ns <= of_day_ns < hours.to_ns
        is_over_midnight = hours.to_ns <= hours.from_ns and not hours.to_ns <= of_day_ns < hours.from_ns
        if is_within or is_over_midnight:
            width *= hours.width
    return width


def _overshoot_coin(monitoring_ns: Ns, inputs: BandInputs) -> float:
    if not monitoring_ns or inputs.iv_mark is None:
        return 0.0
    delta_sd_coin = abs(inputs.gamma_coin_per_usd) * inputs.iv_mark * inputs.price_usd
    return _MONITORING * delta_sd_coin * math.sqrt(monitoring_ns / NS_PER_YEAR)


def _moved(band: Band, width: float, overshoot_coin: float, shift_coin: float) -> Band:
    """Each distance from the target times `width`, less the overshoot, and everything shifted."""
    target = band.target_coin
    if target == 0.0 and (width, overshoot_coin, shift_coin) == (1.0, 0.0, 0.0):
        return band

    def placed(coin: float) -> float:
        distance = (coin - target) * width
        nearer = math.copysign(max(abs(distance) - overshoot_coin, 0.0), distance)
        return target + shift_coin + nearer

    def inner(coin: float | None) -> float | None:
        return None if coin is None else placed(coin)

    return Band(
        low_coin=placed(band.low_coin),
        high_coin=placed(band.high_coin),
        target_coin=target + shift_coin,
        inner_low_coin=inner(band.inner_low_coin),
        inner_high_coin=inner(band.inner_high_coin),
    )
