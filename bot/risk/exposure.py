"""Positions and market to net delta: a best estimate and the interval it can lie in.

Convention `options_only`: sum of Black-76 deltas on each expiry's forward, plus futures in coins at
their mark; the premium and the collateral are apart (exchange facts 2.4, row C). Doubt widens the
interval and is never a zero: a leg without usable greeks can have any delta its kind allows.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import Ns, tau_years
from bot.domain.units import coin_from_amount, float_from_decimal
from bot.market.view import MarketView
from bot.pricing import black76


class Exposure(Struct, frozen=True, kw_only=True):
    """Net delta of a book in coins; gamma in coins per USD."""

    delta_coin_net: float
    """Best estimate: doubtful legs at their last known greeks, or the middle of what they can be."""
    delta_coin_low: float
    delta_coin_high: float
    delta_coin_options: float
    delta_coin_futures: float
    gamma_coin_per_usd: float
    option_coin_gross: float
    iv_mark: float | None
    """Gamma-weighted, fraction."""
    tau_years: float | None
    """Gamma-weighted."""
    option_age_ns_max: Ns | None
    doubtful: tuple[InstrumentId, ...]


class _Sum:
    """Accumulates legs; private to `measure`."""

    __slots__ = ("age_ns", "doubtful", "futures", "gamma", "gross", "high", "low", "options", "w", "w_iv", "w_tau")

    def __init__(self) -> None:
        self.low = self.high = self.options = self.futures = self.gamma = self.gross = 0.0
        self.w = self.w_iv = self.w_tau = 0.0
        self.age_ns: Ns | None = None
        self.doubtful: list[InstrumentId] = []


def measure(
    view: MarketView,
    held: Mapping[InstrumentId, Decimal],
    now_ns: Ns,
    *,
    price_usd: float | None,
    outstanding: Mapping[InstrumentId, tuple[Decimal, Decimal]],
) -> Exposure | None:
    """Exposure of what is held, or None when a futures position cannot be counted in coins at all.

    `price_usd` counts inverse futures whose own mark is not here. `outstanding` gives per instrument
    how much (<= 0, >= 0, native) orders in flight, open or unknown may still add.
    """
    total = _Sum()
    for name, amount in held.items():
        instrument = view.instruments.get(name)
        if instrument is None:
            return None
        if instrument.expiry_ns is not None and instrument.expiry_ns <= now_ns:
            continue  # expired: what it paid is money, not delta
        if instrument.is_option:
            _add_option(total, view, instrument, amount, now_ns)
        elif not _add_future(total, view, instrument, amount, price_usd):
            return None
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
        gamma_coin_per_usd=total.gamma,
        option_coin_gross=total.gross,
        iv_mark=total.w_iv / total.w if total.w > 0.0 else None,
        tau_years=total.w_tau / total.w if total.w > 0.0 else None,
        option_age_ns_max=total.age_ns,
        doubtful=tuple(total.doubtful),
    )


def _add_option(total: _Sum, view: MarketView, instrument: Instrument, amount: Decimal, now_ns: Ns) -> None:
    assert instrument.expiry_ns is not None, f"option {instrument.id} has no expiry"
    assert instrument.strike_usd is not None, f"option {instrument.id} has no strike"
    tau = tau_years(now_ns, instrument.expiry_ns)
    qty = float_from_decimal(amount)
    is_call = instrument.is_call is True
    total.gross += abs(qty)
    marked = view.options.get(instrument.id)
    cause = view.option_verdict(instrument.id, now_ns)
    forward = view.forward_usd(instrument)
    if marked is not None:
        age = Ns(now_ns - marked.received_ns)
        total.age_ns = age if total.age_ns is None or age > total.age_ns else total.age_ns
    if marked is None or marked.iv_mark is None or forward is None:
        bounds = _delta_bounds(is_call)
        middle = 0.5 * (bounds[0] + bounds[1])
        _doubt(total, instrument.id, qty, middle, bounds)
        return
    delta, gamma = black76.delta_gamma(forward, instrument.strike_usd, tau, marked.iv_mark, is_call)
    total.gamma += qty * gamma
    weight = abs(qty) * gamma
    total.w += weight
    total.w_iv += weight * marked.iv_mark
    total.w_tau += weight * tau
    if cause is None:
        total.options += qty * delta
    else:
        _doubt(total, instrument.id, qty, delta, _delta_bounds(is_call))


def _delta_bounds(is_call: bool) -> tuple[float, float]:
    return (0.0, 1.0) if is_call else (-1.0, 0.0)


def _doubt(total: _Sum, name: InstrumentId, qty: float, estimate: float, bounds: tuple[float, float]) -> None:
    ends = sorted((qty * bounds[0], qty * bounds[1]))
    total.options += qty * estimate
    total.low += ends[0] - qty * estimate
    total.high += ends[1] - qty * estimate
    total.doubtful.append(name)


def _future_price(view: MarketView, name: InstrumentId, price_usd: float | None) -> float | None:
    marked = view.futures.get(name)
    return marked.mark_usd if marked is not None and marked.mark_usd is not None else price_usd


def _add_future(
    total: _Sum, view: MarketView, instrument: Instrument, amount: Decimal, price_usd: float | None
) -> bool:
    # A mark too old to trade on still counts coins well enough: it is the hedge verdict that stops trading then.
    price = _future_price(view, instrument.id, price_usd)
    if price is None and instrument.amount_is_in_usd:
        return False
    total.futures += coin_from_amount(instrument, amount, price or 1.0)
    return True
