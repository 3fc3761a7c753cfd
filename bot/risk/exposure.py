"""Positions and market to net delta: a best estimate and the interval it can lie in.

What a leg and the collateral count for is the convention's word (`risk/conventions.py`). Inside the venue's settlement
window an option is one on the average and a future has only what is open of it (theory 1.5): what is fixed is money, so
the hedge is unwound along the average. Outside it the venue's volatility makes Black-76 with the full time its mark.
Doubt widens the interval and is never a zero: a leg without usable greeks can have any delta its kind allows, or, where
its data is merely old, any that its last greeks and the move of the index since leave possible (`risk/doubt.py`).
"""

import math
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from bot.domain.decided import ForwardUsed
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.market_events import OptionMarked
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.domain.units import coin_from_amount
from bot.market.quality import judge_greeks
from bot.market.view import MarketView
from bot.pricing import settlement_window
from bot.risk import conventions, doubt
from bot.risk.conventions import Convention
from bot.risk.doubt import Known
from bot.risk.expiry_market import ExpiryMarket, Terms, market_of
from bot.risk.legs import Legs, OptionLeg

_NOTHING_NARROWS = frozenset({DistrustCause.FROM_THE_FUTURE, DistrustCause.FORWARD_JUMPED})
"""A wrong clock or a wrong forward says nothing about how far the market may have moved."""


class Exposure(Struct, frozen=True, kw_only=True):
    """Net delta of a book in coins; gamma in coins per USD."""

    delta_coin_net: float
    """Best estimate: doubtful legs at their last known greeks, or the middle of what they can be."""
    delta_coin_low: float
    delta_coin_high: float
    delta_coin_options: float
    delta_coin_futures: float
    delta_coin_collateral: float
    """Of the account, where the convention counts it."""
    delta_coin_expiring: float
    """Part of the net delta inside its settlement window: options and futures."""
    delta_coin_delivered: float = 0.0
    """Coins of deliveries, where a book keeps its hedge against them."""
    gamma_coin_per_usd: float
    option_coin_gross: float
    """Coins of option, long or short: calls and puts summed apart, the larger sum (a straddle on one coin is 1). Inside
    a settlement window only what is open counts."""
    iv_mark: float | None
    """Gamma-weighted, fraction."""
    tau_years: float | None
    """Gamma-weighted."""
    option_age_ns_max: Ns | None
    doubtful: tuple[InstrumentId, ...]
    because: str = ""
    """What else is in doubt, in words: figures of the account."""
    forwards: tuple[ForwardUsed, ...] = ()
    """Of the expiries held."""


class _Sum:
    """Accumulates legs; private to `measure`."""

    __slots__ = (
        "age_ns",
        "calls",
        "doubtful",
        "expiring",
        "forwards",
        "futures",
        "gamma",
        "high",
        "low",
        "options",
        "puts",
        "w",
        "w_iv",
        "w_tau",
    )

    def __init__(self) -> None:
        self.low = self.high = self.options = self.futures = self.gamma = self.calls = self.puts = 0.0
        self.w = self.w_iv = self.w_tau = self.expiring = 0.0
        self.age_ns: int | None = None
        self.doubtful: list[InstrumentId] = []
        self.forwards: list[ForwardUsed] = []


def measure(
    view: MarketView,
    legs: Legs,
    now_ns: Ns,
    terms: Terms,
    outstanding: Mapping[InstrumentId, tuple[Decimal, Decimal]],
) -> Exposure | None:
    """Exposure of what is held, or None when a position cannot be counted in coins at all.

    `outstanding` gives per instrument how much (<= 0, >= 0, native) orders in flight, open or unknown may still add.
    """
    if legs.unlisted or (terms.price_usd is None and terms.convention is not Convention.OPTIONS_ONLY):
        return None
    total = _Sum()
    for expiry in legs.expiries:
        market = market_of(view, expiry, now_ns, terms)
        if market is not None:
            total.forwards.append(market.forward)
            _add_options(total, view, expiry.options, market)
    if not _add_futures(total, view, legs.futures, terms, now_ns):
        return None
    for name, (less, more) in outstanding.items():
        instrument = view.instruments.get(name)
        price = _future_price(view, name, terms.price_usd)
        if instrument is None or price is None:
            return None
        total.low += coin_from_amount(instrument, less, price)
        total.high += coin_from_amount(instrument, more, price)
    collateral = terms.collateral
    net = total.options + total.futures + collateral.coin
    return Exposure(
        delta_coin_net=net,
        delta_coin_low=net + total.low - collateral.doubt_coin,
        delta_coin_high=net + total.high + collateral.doubt_coin,
        delta_coin_options=total.options,
        delta_coin_futures=total.futures,
        delta_coin_collateral=collateral.coin,
        delta_coin_expiring=total.expiring,
        gamma_coin_per_usd=total.gamma,
        option_coin_gross=max(total.calls, total.puts),
        iv_mark=total.w_iv / total.w if total.w > 0.0 else None,
        tau_years=total.w_tau / total.w if total.w > 0.0 else None,
        option_age_ns_max=None if total.age_ns is None else Ns(total.age_ns),
        doubtful=tuple(total.doubtful),
        because=collateral.because,
        forwards=tuple(total.forwards),
    )


def _add_options(total: _Sum, view: MarketView, options: tuple[OptionLeg, ...], market: ExpiryMarket) -> None:
    """Options of one expiry: the innermost loop of a decision, so locals."""
    now_ns, forward, tau, share, delta_gamma = (
        market.now_ns,
        market.forward_usd,
        market.tau_years,
        market.share,
        market.delta_gamma,
    )
    seen, before, iv_of = view.options, total.options, market.iv_of
    since_ns, until_ns = view.fresh(now_ns)
    sure = gamma_net = calls = puts = weights = weighted_iv = 0.0
    oldest_ns: int = now_ns if total.age_ns is None else now_ns - total.age_ns
    has_seen = total.age_ns is not None
    for leg in options:
        name, qty, strike, is_call = leg
        size = abs(qty)
        if is_call:
            calls += size
        else:
            puts += size
        marked = seen.get(name)
        iv = None if marked is None else marked.iv_mark if iv_of is None else iv_of(marked, strike)
        if marked is None or iv is None or forward is None:
            _doubt(total, leg, market, view.last_greeks(name))
            continue
        has_seen = True
        if marked.received_ns < oldest_ns:  # noqa: PLR1730 - min() costs twice as much here
            oldest_ns = marked.received_ns
        delta, gamma = delta_gamma(forward, strike, tau, iv, is_call)
        if delta != delta:  # NaN: what the ticker gave is no ground for a formula  # noqa: PLR0124
            _doubt(total, leg, market, None)
            continue
        weight = size * gamma
        gamma_net += qty * gamma
        weights += weight
        weighted_iv += weight * iv
        is_fresh = since_ns <= marked.received_ns <= until_ns
        cause = judge_greeks(marked) if is_fresh else view.option_verdict(marked, now_ns)
        if cause is None:
            sure += qty * delta
        else:
            last = None if cause in _NOTHING_NARROWS else view.last_greeks(name)
            _doubt(total, leg, market, last, delta / share)
    total.options += market.how.delta_scale * sure
    total.gamma += market.how.gamma_scale * gamma_net
    total.calls += share * calls
    total.puts += share * puts
    total.w += weights
    total.w_iv += weighted_iv
    total.w_tau += weights * tau
    total.age_ns = now_ns - oldest_ns if has_seen else None
    if market.is_expiring:
        total.expiring += total.options - before


def _doubt(
    total: _Sum, leg: OptionLeg, market: ExpiryMarket, last: OptionMarked | None, estimate: float | None = None
) -> None:
    """A leg of which only an interval is known; counted at `estimate`, per coin, or in the middle.

    `last`: what may narrow it. The estimate is used where nothing narrows it: it is of its own old moment.
    """
    how, is_call = market.how, leg.is_call
    forward = market.forward_now_usd
    if forward is not None and last is not None and last.iv_mark is not None and last.index_usd is not None:
        assert market.index_usd is not None, "a forward was moved without an index"
        move = abs(math.log(market.index_usd / last.index_usd))
        known = Known(forward, last.iv_mark, move, market.now_ns - last.received_ns)
        low, high = doubt.narrowed(
            known, leg.strike_usd, market.tau_years, is_call=is_call, is_premium_adjusted=how.is_premium_adjusted
        )
        estimate = market.delta_gamma(forward, leg.strike_usd, market.tau_years, last.iv_mark, is_call)[0]
    else:
        price = market.forward_usd or market.price_usd
        ratio = leg.strike_usd / price if price else 1.0
        low, high = doubt.widest(is_call=is_call, is_premium_adjusted=how.is_premium_adjusted, strike_ratio=ratio)
    delta = 0.5 * (low + high) if estimate is None else min(max(estimate, low), high)
    qty = leg.qty_coin * market.share * how.delta_scale
    ends = sorted((qty * low, qty * high))
    total.options += qty * delta
    total.low += ends[0] - qty * delta
    total.high += ends[1] - qty * delta
    total.doubtful.append(leg.name)


def _add_futures(
    total: _Sum, view: MarketView, futures: tuple[tuple[Instrument, Decimal], ...], terms: Terms, now_ns: Ns
) -> bool:
    """Futures and perpetuals; False when one cannot be counted.

    A mark too old to trade on still counts coins well enough: it is the hedge verdict that stops trading then.
    """
    prices, is_stale = terms.collateral.prices_usd, terms.collateral.is_stale
    for spec, amount in futures:
        share = 1.0
        if spec.expiry_ns is not None:
            share = settlement_window.share_of(terms.window, spec.expiry_ns - now_ns)
        price = _future_price(view, spec.id, terms.price_usd)
        if price is None and spec.amount_is_in_usd and share:
            return False
        at_usd = prices.get(spec.id) or price or 1.0
        coin = share * coin_from_amount(spec, amount, at_usd) * _future_scale(view, spec, terms)
        total.futures += coin
        total.expiring += coin if share < 1.0 else 0.0
        if is_stale and price is not None:
            other = share * coin_from_amount(spec, amount, price) - coin
            total.low += min(other, 0.0)
            total.high += max(other, 0.0)
    return True


def _future_scale(view: MarketView, spec: Instrument, terms: Terms) -> float:
    """Mark over index of a linear future, where the convention counts by the spot; 1 where either is not known."""
    marked = view.futures.get(spec.id)
    if spec.is_inverse or marked is None or marked.mark_usd is None or marked.index_usd is None:
        return 1.0
    ratio = marked.mark_usd / marked.index_usd
    return conventions.future_scale(terms.convention, basis_ratio=ratio)


def _future_price(view: MarketView, name: InstrumentId, price_usd: float | None) -> float | None:
    marked = view.futures.get(name)
    return marked.mark_usd if marked is not None and marked.mark_usd is not None else price_usd
