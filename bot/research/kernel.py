"""Band policies on a strip with ideal fills, compiled: millions of looks a second, and the same hedges as the engine's.

The policies' widths are written here a second time, over whole columns; tests/unit/research/test_kernel.py holds them,
and every hedge and cent, against `ideal`. Needs the extra `research` (numba).
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar, cast

import numba
import numpy as np
from msgspec import Struct

from bot.book import BookParams
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.hedging.band import WIDEST_COIN, BandInputs, TradeTo, around
from bot.hedging.bands import (
    delta_percent,
    fixed,
    gamma_scaled,
    price_move,
    time_based,
    variance_budget,
    whalley_wilmott,
)
from bot.hedging.modifiers import HARD_WIDTHS, shaped
from bot.hedging.policies import entry_of
from bot.research.ideal import Hedge, Money
from bot.research.strip import Facts, FloatArray, IntArray, Strip

_Pair = tuple[float, float]
_Moment = tuple[int, float, float, float, float]
"""When, price, deviation of the delta in a year (NaN without a volatility), doubt below and above."""
_Standing = tuple[float, int, float, bool]
"""Net delta; of the last hedge when (-1: never), price, whether it bought."""
_Function = TypeVar("_Function", bound=Callable[..., object])


def _compiled(function: _Function) -> _Function:
    """Machine code at the first call, kept beside this file."""
    return cast("_Function", numba.njit(cache=True)(function))


_EIGHT_HOURS_NS: Final = 8 * 3600 * NS_PER_S
_POINT_COIN: Final = 1e-9
_NUDGE: Final = 1.0 + 1e-12
"""As `amount_from_coin_toward_zero` has it."""
_REVERSAL_NS_MAX: Final = 60 * NS_PER_S
"""As `reverses_too_soon` has it."""
_RISK_EVERY_NS: Final = 10 * NS_PER_S
"""As `OpenRisk` has it."""
_AIM_SHARES: Final = {TradeTo.EDGE: 1.0, TradeTo.INNER: 0.5, TradeTo.TARGET: 0.0}


class Terms(NamedTuple):
    """Of a policy, what does not change from look to look."""

    wait_ns: float
    """After a hedge, before the next; 0: none."""
    move_fraction: float
    """Of the price since the last hedge, before the next; 0: none."""
    aim_share: float
    """Of the way from zero to the edge that was left: where a hedge lands."""
    trade_coin_min: float


class Rule(NamedTuple):
    """A policy on a strip: a band for each look around zero, or a wait until all is hedged."""

    low_coin: FloatArray
    high_coin: FloatArray
    terms: Terms


# --- policies over columns -------------------------------------------------------------------------------


def _cost(strip: Strip, facts: Facts) -> FloatArray:
    half_spread_usd = np.maximum(0.5 * (strip.ask_usd - strip.bid_usd), 0.0)
    return np.maximum(facts.fee_rate + half_spread_usd / strip.price_usd, 0.0)


def _fixed(params: fixed.Params, strip: Strip, facts: Facts) -> tuple[FloatArray, FloatArray]:
    del facts
    low = params.low_coin + params.low_coin_per_option_coin * strip.gross_coin
    return low, params.high_coin + params.high_coin_per_option_coin * strip.gross_coin


def _delta_percent(params: delta_percent.Params, strip: Strip, facts: Facts) -> FloatArray:
    del facts
    return np.maximum(np.abs(strip.delta_coin) * params.percent / 100.0, params.half_coin_min)


def _gamma_scaled(params: gamma_scaled.Params, strip: Strip, facts: Facts) -> FloatArray:
    del facts
    half = np.abs(strip.gamma_coin_per_usd) * strip.price_usd * params.move_fraction
    return np.maximum(half, params.half_coin_min)


def _variance_budget(params: variance_budget.Params, strip: Strip, facts: Facts) -> FloatArray:
    del facts
    root = math.sqrt(params.horizon_hours / (365.0 * 24.0))
    half: FloatArray = np.where(strip.iv > 0.0, params.budget_usd / (strip.price_usd * strip.iv * root), 0.0)
    return half


def _whalley_wilmott(params: whalley_wilmott.Params, strip: Strip, facts: Facts) -> FloatArray:
    if params.residual_usd_per_day is not None:
        half = math.sqrt(3.0 * 365.0) * params.residual_usd_per_day / (strip.price_usd * strip.iv)
        return np.where(strip.iv > 0.0, half, 0.0)
    worth_usd = strip.gross_coin * strip.price_usd
    aversion = params.risk_aversion_per_usd or params.risk_aversion_relative / worth_usd
    cost = _cost(strip, facts)
    half = np.cbrt(1.5 * cost * strip.price_usd * np.square(strip.gamma_coin_per_usd) / aversion)
    if not params.is_plain:
        risk = aversion * strip.price_usd * strip.iv * strip.iv * strip.tau_years
        dead = np.where(risk > 0.0, cost / risk, np.where(cost == 0.0, 0.0, WIDEST_COIN))
        half = np.where(np.isnan(strip.iv), half, np.hypot(half, dead))
    return half if params.risk_aversion_per_usd is not None else np.where(worth_usd > 0.0, half, 0.0)


_HALVES: Final[dict[type[Struct], Callable[..., FloatArray]]] = {
    delta_percent.Params: _delta_percent,
    gamma_scaled.Params: _gamma_scaled,
    variance_budget.Params: _variance_budget,
    whalley_wilmott.Params: _whalley_wilmott,
}


def rule_of(book: BookParams, strip: Strip, facts: Facts) -> Rule:
    """The book's policy on these looks; ConfigError for one that is not vectorised."""
    params, wait_ns, move_fraction = book.band, 0.0, 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if isinstance(params, fixed.Params):
            low, high = _fixed(params, strip, facts)
        elif isinstance(params, time_based.Params | price_move.Params):
            low = high = np.zeros(strip.now_ns.size)
            if isinstance(params, time_based.Params):
                wait_ns = params.interval_s * NS_PER_S
            else:
                move_fraction = params.move_fraction
        elif type(params) in _HALVES:
            high = np.minimum(_HALVES[type(params)](params, strip, facts), WIDEST_COIN)
            high = _trigger_ratio(book) * high
            low = -high
        else:
            names = [str(kind.__struct_config__.tag) for kind in (fixed.Params, time_based.Params, price_move.Params)]
            names += [str(kind.__struct_config__.tag) for kind in _HALVES]
            raise ConfigError(
                f"books.{book.book.lower()}.band.policy: the kernel has {', '.join(sorted(names))}; "
                'for others use fills = "ideal"'
            )
    terms = Terms(wait_ns, move_fraction, _AIM_SHARES[book.modifiers.trade_to], book.trade_coin_min)
    return Rule(low, high, terms)


def _trigger_ratio(book: BookParams) -> float:
    """Times the width of a policy that is best traded to the edge, where trades aim further in."""
    unit = shaped(lambda _: around(0.0, 1.0), entry_of(book.band).laws, book.modifiers)
    nothing = BandInputs(
        delta_coin_net=0.0,
        delta_coin_options=0.0,
        gamma_coin_per_usd=0.0,
        vanna_coin_per_vol=0.0,
        option_coin_gross=0.0,
        price_usd=1.0,
        iv_mark=None,
        tau_years=None,
        fee_rate_taker=0.0,
        half_spread_usd=0.0,
        funding_rate_8h=0.0,
        since_hedge_ns=None,
        price_at_hedge_usd=None,
        now_ns=Ns(0),
    )
    return unit(nothing).high_coin


# --- looks one after the other ---------------------------------------------------------------------------


@_compiled
def _move_usd(is_inverse: bool, amount_native: float, from_usd: float, to_usd: float) -> float:
    """As `profit.move_usd`."""
    return amount_native * (to_usd / from_usd - 1.0) if is_inverse else amount_native * (to_usd - from_usd)


@_compiled
def _aimed(band: _Pair, aim_share: float, net: float, below: float, above: float) -> _Pair:
    """(net delta to trade from, to trade to), as `decide` has it; NaN where nothing is wanted."""
    low, high = band
    if above - below <= _POINT_COIN:
        if low <= net <= high:
            return math.nan, math.nan
        return net, aim_share * (high if net > high else low)
    if net + below > high:
        return net + below, high
    if net + above < low:
        return net + above, low
    return math.nan, math.nan


@_compiled
def _reverses(low: float, high: float, net: float, since_ns: float, sd_coin_per_root_year: float) -> bool:
    """As `reverses_too_soon`, of a hedge against the last one."""
    if net > HARD_WIDTHS * high or net < HARD_WIDTHS * low:
        return False
    half, variance, wait_ns = 0.5 * (high - low), sd_coin_per_root_year**2, float(_REVERSAL_NS_MAX)
    if variance > 0.0:
        wait_ns = min(wait_ns, 0.25 * half**2 / variance * NS_PER_YEAR)
    return since_ns < wait_ns


@_compiled
def _due_lots(facts: Facts, terms: Terms, band: _Pair, moment: _Moment, standing: _Standing) -> int:
    """What is traded at a look, signed.

    Numbers alone go in: numba counts references of every array that is handed over, a dozen times the work.
    """
    now_ns, price, sd_coin, below, above = moment
    net, last_ns, last_usd, was_buy = standing
    since_ns = now_ns - last_ns
    if last_ns >= 0 and (since_ns < terms.wait_ns or abs(price - last_usd) < terms.move_fraction * last_usd):
        return 0
    start, end = _aimed(band, terms.aim_share, net, below, above)
    if math.isnan(start):
        return 0
    turns = last_ns >= 0 and not math.isnan(sd_coin) and (net < band[0]) != was_buy
    if turns and _reverses(band[0], band[1], net, since_ns, sd_coin):
        return 0
    if abs(end - start) < terms.trade_coin_min:
        return 0
    native = (end - start) * price if facts.is_inverse else end - start
    return int(native * _NUDGE / facts.lot_native)


@_compiled
def _played(strip: Strip, facts: Facts, rule: Rule, hedged_at: IntArray, hedged_lots: IntArray) -> tuple[float, ...]:
    lots, mark, funded_ns, last_ns, last_usd, was_buy = 0, math.nan, -1, -1, math.nan, False
    hedge = slippage = fees = funding = traded = squared = unhedged = 0.0
    risk_ns, risk_net, risk_options, risk_index, net, count = -1, 0.0, 0.0, 0.0, math.nan, 0
    for at in range(strip.now_ns.size):
        price, index, held = strip.price_usd[at], strip.index_usd[at], lots * facts.lot_native
        if strip.is_marked[at] and not math.isnan(mark):
            hedge += _move_usd(facts.is_inverse, held, mark, price)
            mark, rate = price, strip.funding_rate_8h[at]
            if funded_ns >= 0 and not math.isnan(rate * index):
                notional = held if facts.is_inverse else held * index
                funding -= notional * rate * ((strip.mark_ns[at] - funded_ns) / _EIGHT_HOURS_NS)
            funded_ns = strip.mark_ns[at]
        if not strip.is_seen[at]:
            net = math.nan
            continue
        net = strip.delta_coin[at] + (held / price if facts.is_inverse else held)
        now = strip.now_ns[at]
        if not math.isnan(index) and (risk_ns < 0 or now - risk_ns >= _RISK_EVERY_NS):
            if risk_ns >= 0:
                squared += (risk_net * (index - risk_index)) ** 2
                unhedged += (risk_options * (index - risk_index)) ** 2
            risk_ns, risk_net, risk_options, risk_index = now, net, strip.delta_coin[at], index
        due = 0
        if strip.is_open[at]:
            sd_coin = strip.gamma_coin_per_usd[at] * strip.iv[at] * price
            moment = (now, price, sd_coin, strip.below_coin[at], strip.above_coin[at])
            band = (rule.low_coin[at], rule.high_coin[at])
            due = _due_lots(facts, rule.terms, band, moment, (net, last_ns, last_usd, was_buy))
        if due == 0:
            continue
        amount = due * facts.lot_native
        fill = strip.ask_usd[at] if due > 0 else strip.bid_usd[at]
        middle = 0.5 * (strip.bid_usd[at] + strip.ask_usd[at])
        mark = fill if math.isnan(mark) else mark
        slippage += _move_usd(facts.is_inverse, amount, fill, middle)
        hedge += _move_usd(facts.is_inverse, amount, middle, mark)
        fees += abs(amount) * facts.fee_rate * (index / fill if facts.is_inverse else fill)
        traded += abs(amount) * (1.0 if facts.is_inverse else fill)
        lots, last_ns, last_usd, was_buy = lots + due, now, fill, due > 0
        hedged_at[count], hedged_lots[count] = at, due
        count += 1
    return hedge, slippage, fees, funding, traded, squared, unhedged, net, float(count)


def played(strip: Strip, facts: Facts, book: BookParams) -> Money:
    """What the book's policy comes to; ConfigError for one the kernel does not have."""
    rule = rule_of(book, strip, facts)
    hedged_at, hedged_lots = np.zeros((2, strip.now_ns.size), np.int64)
    hedge, slippage, fees, funding, traded, squared, unhedged, net, count = _played(
        strip, facts, rule, hedged_at, hedged_lots
    )
    kept = slice(round(count))
    return Money(
        options_usd=facts.options_usd,
        hedge_usd=hedge,
        slippage_usd=slippage,
        fees_usd=fees,
        funding_usd=funding,
        traded_usd=traded,
        squared_usd=squared,
        unhedged_squared_usd=unhedged,
        net_coin=None if math.isnan(net) else net,
        hedges=list(map(Hedge, hedged_at[kept].tolist(), hedged_lots[kept].tolist())),
    )
