"""Positions and market to net delta: a best estimate and the interval it can lie in.

Convention `options_only`: sum of Black-76 deltas on each expiry's forward, plus futures in coins at
their mark; the premium and the collateral are apart (exchange facts 2.4, row C). Inside the venue's settlement window
an option is one on the average and a future has only what is open of it (theory 1.5): what is fixed is money, so the
hedge is unwound along the average. Outside it the venue's volatility makes Black-76 with the full time its mark. Doubt
widens the interval and is never a zero: a leg without usable greeks can have any delta its kind allows.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from bot.domain.events import OptionMarked
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_YEAR, Ns
from bot.domain.units import coin_from_amount, float_from_decimal
from bot.market.view import MarketView
from bot.pricing import black76, settlement_window
from bot.pricing.settlement_window import Average, Window

_DeltaGamma = Callable[[float, float, float, float, bool], tuple[float, float]]
"""(forward, strike, tau_years, iv, is_call) to (delta, gamma): `black76.delta_gamma`."""


class Exposure(Struct, frozen=True, kw_only=True):
    """Net delta of a book in coins; gamma in coins per USD."""

    delta_coin_net: float
    """Best estimate: doubtful legs at their last known greeks, or the middle of what they can be."""
    delta_coin_low: float
    delta_coin_high: float
    delta_coin_options: float
    delta_coin_futures: float
    delta_coin_expiring: float
    """Part of the net delta inside its settlement window: options and futures."""
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


class OptionLeg(NamedTuple):
    """One held option, ready for the formula."""

    name: InstrumentId
    qty_coin: float
    strike_usd: float
    is_call: bool


class Legs(Struct, frozen=True, kw_only=True):
    """Positions arranged for measuring; made anew only when positions or specifications change."""

    expiries: tuple[tuple[str, Ns, tuple[OptionLeg, ...]], ...]
    """(index name, expiry, its options)."""
    futures: tuple[tuple[Instrument, Decimal], ...]
    unlisted: tuple[InstrumentId, ...]
    """Held without a specification: cannot be counted."""


def arrange(held: Mapping[InstrumentId, Decimal], instruments: Mapping[InstrumentId, Instrument]) -> Legs:
    """Sort what is held by expiry and kind."""
    options: dict[tuple[str, Ns], list[OptionLeg]] = {}
    futures: list[tuple[Instrument, Decimal]] = []
    for name, amount in held.items():
        spec = instruments.get(name)
        if spec is None:
            continue
        if not spec.is_option:
            futures.append((spec, amount))
            continue
        assert spec.expiry_ns is not None, f"option {name} has no expiry"
        assert spec.strike_usd is not None, f"option {name} has no strike"
        leg = OptionLeg(name, float_from_decimal(amount), spec.strike_usd, spec.is_call is True)
        options.setdefault((spec.index_name, spec.expiry_ns), []).append(leg)
    return Legs(
        expiries=tuple((index, expiry, tuple(legs)) for (index, expiry), legs in options.items()),
        futures=tuple(futures),
        unlisted=tuple(name for name in held if name not in instruments),
    )


class _Sum:
    """Accumulates legs; private to `measure`."""

    __slots__ = (
        "age_ns",
        "calls",
        "doubtful",
        "expiring",
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


def measure(
    view: MarketView,
    legs: Legs,
    now_ns: Ns,
    *,
    window: Window,
    price_usd: float | None,
    outstanding: Mapping[InstrumentId, tuple[Decimal, Decimal]],
) -> Exposure | None:
    """Exposure of what is held, or None when a position cannot be counted in coins at all.

    `price_usd` counts inverse futures whose own mark is not here. `outstanding` gives per instrument
    how much (<= 0, >= 0, native) orders in flight, open or unknown may still add.
    """
    if legs.unlisted:
        return None
    total = _Sum()
    for index_name, expiry_ns, options in legs.expiries:
        left_ns = expiry_ns - now_ns
        if left_ns >= window.length_ns:
            forward = view.forward_usd(index_name, expiry_ns)
            _add_options(total, view, options, (forward, left_ns / NS_PER_YEAR, now_ns, 1.0))
        elif left_ns > 0:  # an expired option has paid: what it was is money, not delta
            _add_expiring(total, view, options, (view.newest_of(index_name, expiry_ns), window, left_ns, now_ns))
    for spec, amount in legs.futures:
        share = 1.0 if spec.expiry_ns is None else settlement_window.share_of(window, spec.expiry_ns - now_ns)
        # A mark too old to trade on still counts coins well enough: it is the hedge verdict that stops trading then.
        price = _future_price(view, spec.id, price_usd)
        if price is None and spec.amount_is_in_usd and share:
            return None
        coin = share * coin_from_amount(spec, amount, price or 1.0)
        total.futures += coin
        total.expiring += coin if share < 1.0 else 0.0
    for name, (less, more) in outstanding.items():
        instrument = view.instruments.get(name)
        price = _future_price(view, name, price_usd)
        if instrument is None or price is None:
            return None
        total.low += coin_from_amount(instrument, less, price)
        total.high += coin_from_amount(instrument, more, price)
    net = total.options + total.futures
    return Exposure(
        delta_coin_net=net,
        delta_coin_low=net + total.low,
        delta_coin_high=net + total.high,
        delta_coin_options=total.options,
        delta_coin_futures=total.futures,
        delta_coin_expiring=total.expiring,
        gamma_coin_per_usd=total.gamma,
        option_coin_gross=max(total.calls, total.puts),
        iv_mark=total.w_iv / total.w if total.w > 0.0 else None,
        tau_years=total.w_tau / total.w if total.w > 0.0 else None,
        option_age_ns_max=None if total.age_ns is None else Ns(total.age_ns),
        doubtful=tuple(total.doubtful),
    )


def _add_expiring(
    total: _Sum, view: MarketView, options: tuple[OptionLeg, ...], at: tuple[OptionMarked | None, Window, int, Ns]
) -> None:
    """Options inside their settlement window at (newest ticker of the expiry, window, nanoseconds left, now).

    Without an expected delivery price the average so far is not known: then each leg can have any delta of what is
    open. Index and expected price come from one message; its age is judged leg by leg like that of a forward.
    """
    newest, window, left_ns, now_ns = at
    left = settlement_window.left_of(window, left_ns)
    index_usd: float | None = None
    delta_gamma: _DeltaGamma = black76.delta_gamma
    if newest is not None and newest.index_usd is not None and newest.delivery_usd is not None:
        index_usd = newest.index_usd
        delta_gamma = _on(settlement_window.average_of(left, index_usd, newest.delivery_usd))
    before = total.options
    _add_options(total, view, options, (index_usd, left_ns / NS_PER_YEAR, now_ns, left.share), delta_gamma)
    total.expiring += total.options - before


def _on(average: Average) -> _DeltaGamma:
    """Greeks of options on one average; it has its own index and times."""

    def delta_gamma(
        index_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool
    ) -> tuple[float, float]:
        del index_usd, tau_years
        found = settlement_window.worth(average, strike_usd, iv, is_call)
        return found.delta, found.gamma

    return delta_gamma


def _add_options(
    total: _Sum,
    view: MarketView,
    options: tuple[OptionLeg, ...],
    at: tuple[float | None, float, Ns, float],
    delta_gamma: _DeltaGamma = black76.delta_gamma,
) -> None:
    """Options of one expiry at (forward, tau, now, share still open): the innermost loop of a decision, so locals."""
    forward, tau, now_ns, share = at
    seen, judge = view.options, view.option_verdict
    sure = gamma_net = calls = puts = weights = weighted_iv = 0.0
    oldest_ns: int = now_ns if total.age_ns is None else now_ns - total.age_ns
    has_seen = total.age_ns is not None
    for name, qty, strike, is_call in options:
        size = abs(qty)
        if is_call:
            calls += size
        else:
            puts += size
        marked = seen.get(name)
        if marked is None or marked.iv_mark is None or forward is None:
            _doubt(total, name, qty * share, None, is_call)
            continue
        has_seen = True
        if marked.received_ns < oldest_ns:  # noqa: PLR1730 - min() costs twice as much here
            oldest_ns = marked.received_ns
        delta, gamma = delta_gamma(forward, strike, tau, marked.iv_mark, is_call)
        if delta != delta:  # NaN: what the ticker gave is no ground for a formula  # noqa: PLR0124
            _doubt(total, name, qty * share, None, is_call)
            continue
        weight = size * gamma
        gamma_net += qty * gamma
        weights += weight
        weighted_iv += weight * marked.iv_mark
        if judge(marked, now_ns) is None:
            sure += qty * delta
        else:
            _doubt(total, name, qty * share, delta / share, is_call)
    total.options += sure
    total.gamma += gamma_net
    total.calls += share * calls
    total.puts += share * puts
    total.w += weights
    total.w_iv += weighted_iv
    total.w_tau += weights * tau
    total.age_ns = now_ns - oldest_ns if has_seen else None


def _doubt(total: _Sum, name: InstrumentId, qty: float, estimate: float | None, is_call: bool) -> None:
    """A leg that can have any delta of its kind; counted at its last greeks, or in the middle."""
    bounds = (0.0, 1.0) if is_call else (-1.0, 0.0)
    delta = 0.5 * (bounds[0] + bounds[1]) if estimate is None else estimate
    ends = sorted((qty * bounds[0], qty * bounds[1]))
    total.options += qty * delta
    total.low += ends[0] - qty * delta
    total.high += ends[1] - qty * delta
    total.doubtful.append(name)


def _future_price(view: MarketView, name: InstrumentId, price_usd: float | None) -> float | None:
    marked = view.futures.get(name)
    return marked.mark_usd if marked is not None and marked.mark_usd is not None else price_usd
