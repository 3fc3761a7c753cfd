"""Marks of every instrument, computed when asked and kept for the moment; funding of perpetuals.

Rules of the venue (exchange facts 2.3, 2.5, 2.6): option mark = Black-76 on the forward of its expiry, divided
by that forward for inverse options; in the last half hour the delivery estimate takes the forward's place and
deltas of what expires decay linearly, volatility stands still.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

from bot.domain.instruments import Instrument, Kind
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.sim.delivery import WINDOW_NS, DeliveryAverage
from bot.sim.facts import Told
from bot.sim.history import HistoryRow
from bot.sim.market import Market
from bot.sim.pit import Mark, Pit
from bot.sim.valuation import value_and_delta

_HOUR_NS: Final = 3600 * NS_PER_S
_HOURS_KEPT: Final = 1_000
_FUNDING_PERIOD_NS: Final = 8 * 3600 * NS_PER_S
_DAMPER: Final = 0.00025
_FUNDING_CAP: Final = {"BTC-PERPETUAL": 0.005, "ETH-PERPETUAL": 0.01}
_FUNDING_CAP_LINEAR: Final = 0.05
_MARK_DIGITS_COIN: Final = 6
_MARK_DIGITS_USD: Final = 2
_MARK_DIGITS_USD_OPTION: Final = 4


def funding_rate_8h(instrument: Instrument, premium: float) -> float:
    """Fraction per 8 hours, positive: long pays. Zero inside the damper, capped outside (exchange facts 2.6)."""
    cap = _FUNDING_CAP.get(instrument.id, _FUNDING_CAP_LINEAR)
    if premium > _DAMPER:
        return min(premium - _DAMPER, cap)
    if premium < -_DAMPER:
        return max(premium + _DAMPER, -cap)
    return 0.0


class Funding:
    """Funding of one perpetual: the rate now, and what one unit held since the start has paid."""

    __slots__ = ("_hours", "instrument", "interest_total", "paid_per_native", "rate_8h", "rate_8h_trailing")

    def __init__(self, instrument: Instrument) -> None:
        """Nothing accrued."""
        self.instrument = instrument
        self.rate_8h = 0.0
        self.rate_8h_trailing = 0.0
        self.interest_total = 0.0
        """Rates added up over time since the start, fraction."""
        self._hours: deque[tuple[int, float]] = deque(maxlen=_HOURS_KEPT)
        self.paid_per_native = 0.0
        """Settlement currency per native unit held long: coins per USD, or USDC per coin."""

    def accrue(self, premium: float, index_usd: float, dt_ns: int, told_rate_8h: float | None = None) -> None:
        """Add a step at the rate of its end: what a real venue tells, else by the formula from the premium."""
        rate = funding_rate_8h(self.instrument, premium) if told_rate_8h is None else told_rate_8h
        self.rate_8h = rate
        share = dt_ns / _FUNDING_PERIOD_NS
        self.interest_total += rate * share
        if rate:
            self.paid_per_native += rate * share / index_usd if self.instrument.is_inverse else rate * share * index_usd
        # A moving average with the memory of the window stands for the exact trailing sum.
        self.rate_8h_trailing += (rate - self.rate_8h_trailing) * min(1.0, share)

    def note(self, now_ns: Ns) -> None:
        """Remember the sum about once an hour."""
        if not self._hours or now_ns - self._hours[-1][0] >= _HOUR_NS:
            self._hours.append((now_ns, self.interest_total))

    def interest(self, start_ns: Ns, end_ns: Ns, now_ns: Ns) -> float:
        """Funding a long has paid between two moments, fraction; nothing before what is remembered or after now."""
        points = [*self._hours, (now_ns, self.interest_total)]
        return _at(points, end_ns) - _at(points, start_ns)


def _at(points: Sequence[tuple[int, float]], at_ns: Ns) -> float:
    """Sum at a moment, in a line between what is remembered."""
    before_ns, before = points[0]
    for point_ns, total in points:
        if point_ns >= at_ns:
            width_ns = point_ns - before_ns
            return before + (total - before) * max(0, at_ns - before_ns) / width_ns if width_ns else total
        before_ns, before = point_ns, total
    return before


class Marks:
    """Values instruments on one market."""

    def __init__(self, market: Market, listed: Sequence[Instrument], start_ns: Ns) -> None:
        """Prepare funding of the listed perpetuals."""
        self._market = market
        self._now_ns = start_ns
        self.average = DeliveryAverage()
        self.funding = {item.id: Funding(item) for item in listed if item.kind is Kind.PERPETUAL}

    def move_to(self, now_ns: Ns) -> None:
        """Take the moment the market was advanced to, and accrue funding up to it."""
        dt_ns = now_ns - self._now_ns
        self._now_ns = now_ns
        market = self._market
        for funding in self.funding.values():
            item = funding.instrument
            told = market.told(item)
            rate_8h = None if told is None else told.funding_rate_8h
            funding.accrue(market.perp_premium(item), market.index_usd(item.index_name), dt_ns, rate_8h)
            funding.note(now_ns)

    def press(self, item: Instrument, coin: float) -> None:
        """A client took so many coins, + bought; felt from the next moment on."""
        if not item.is_option:
            self._market.press(item.base, coin)

    def delivery_usd(self, item: Instrument, index_usd: float) -> float | None:
        """Delivery price of an expired instrument; None while a real venue has not published it."""
        assert item.expiry_ns is not None, f"{item.id} has no expiry"
        average_usd = self.average.delivery_usd(item.index_name, index_usd)
        return self._market.delivery_usd(item.index_name, item.expiry_ns, average_usd)

    def of(self, pit: Pit) -> Mark:
        """The mark of an instrument now."""
        mark = pit.mark
        if mark.at_ns == self._now_ns:
            return mark
        mark.at_ns = self._now_ns
        item = pit.instrument
        mark.index_usd = self._market.index_usd(item.index_name)
        if not pit.is_open:
            return mark
        mark.row = self._market.recorded(item) if self._market.is_recorded else None
        mark.told = self._market.told(item)
        if mark.told is not None:
            self._mark_told(item, mark, mark.told)
        elif item.kind is Kind.PERPETUAL:
            mark.mark_native = round(mark.index_usd * (1.0 + self._market.perp_premium(item)), _MARK_DIGITS_USD)
            mark.forward_usd = mark.mark_native
        else:
            self._mark_dated(item, mark)
        return mark

    def _mark_told(self, item: Instrument, mark: Mark, told: Told) -> None:
        """The venue's own mark and forward; only the delta, which few feeds carry, is computed here."""
        mark.mark_native, mark.forward_usd, mark.iv = told.mark_native, told.forward_usd, told.iv_mark
        if item.expiry_ns is None:
            return
        left_ns = max(0, item.expiry_ns - self._now_ns)
        mark.tau_years = left_ns / NS_PER_YEAR
        mark.moving_share = min(1.0, left_ns / WINDOW_NS)
        if item.strike_usd is not None and item.is_call is not None:
            # Without a volatility the delta is that of what the option is worth now.
            iv, tau = told.iv_mark or 0.0, mark.tau_years
            _, delta = value_and_delta(mark.forward_usd, item.strike_usd, iv, tau, is_call=item.is_call)
            mark.delta_per_unit = delta * mark.moving_share

    def _mark_dated(self, item: Instrument, mark: Mark) -> None:
        assert item.expiry_ns is not None, f"{item.id} has no expiry"
        left_ns = max(0, item.expiry_ns - self._now_ns)
        mark.tau_years = left_ns / NS_PER_YEAR
        if mark.row is not None:
            mark.forward_usd = mark.row.forward_usd
        elif left_ns < WINDOW_NS:
            mark.forward_usd = self.average.estimate_usd(item.index_name, mark.index_usd, left_ns)
        else:
            mark.forward_usd = self._market.forward_usd(item.base, item.expiry_ns)
        mark.moving_share = min(1.0, left_ns / WINDOW_NS)
        if item.kind is Kind.FUTURE:
            mark.mark_native = round(mark.forward_usd, _MARK_DIGITS_USD)
            return
        self._mark_option(item, mark)

    def _mark_option(self, item: Instrument, mark: Mark) -> None:
        assert item.strike_usd is not None, f"{item.id} has no strike"
        assert item.is_call is not None, f"{item.id} has no right"
        row = mark.row
        if row is not None:
            mark.iv = None if row.iv_mark_percent is None else row.iv_mark_percent / 100.0
            mark.mark_native = row.mark_native
            mark.delta_per_unit = self._recorded_delta(item, mark, row)
            return
        if self._market.is_recorded:
            # Listed but not yet seen: no volatility, no mark, as the venue shows it (0.0).
            mark.iv, mark.mark_native, mark.delta_per_unit = None, 0.0, 0.0
            return
        mark.iv = iv = self._market.iv(item)
        assert iv is not None, f"{item.id} has no volatility"
        value_usd, delta = value_and_delta(mark.forward_usd, item.strike_usd, iv, mark.tau_years, is_call=item.is_call)
        mark.delta_per_unit = delta * mark.moving_share
        if item.is_inverse:
            mark.mark_native = round(value_usd / mark.forward_usd, _MARK_DIGITS_COIN)
        else:
            mark.mark_native = round(value_usd, _MARK_DIGITS_USD_OPTION)
        assert math.isfinite(mark.mark_native), f"mark of {item.id} is not finite"

    @staticmethod
    def _recorded_delta(item: Instrument, mark: Mark, row: HistoryRow) -> float:
        """Recorded deltas have decayed already (recorded data notes 4.3); a tape of our own has none."""
        if row.delta is not None or mark.iv is None or item.strike_usd is None:
            return row.delta or 0.0
        is_call = item.is_call is True
        _, delta = value_and_delta(mark.forward_usd, item.strike_usd, mark.iv, mark.tau_years, is_call=is_call)
        return delta * mark.moving_share
