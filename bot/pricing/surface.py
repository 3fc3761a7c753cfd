"""The volatility of every expiry and strike at one moment: what a fit found, and how to read it.

Knows fitted slices and how to go between them; must not know quotes or how the slices were found (`surface_fit`).
Between two expiries total variance is linear in time at the same k, so that what is free of calendar arbitrage at the
expiries is free of it between them; before the first and after the last the volatility at each k stays as it is there.
"""

import bisect
import enum
import math
from collections.abc import Callable
from typing import NamedTuple

from bot.pricing.svi import Ssvi, Svi


class FitKind(enum.StrEnum):
    """How much the quotes of an expiry could say, most first."""

    SVI = "svi"
    """All five parameters."""
    THREE = "three"
    """Level, skew and curvature: less than a day left, or few quotes."""
    LEVEL = "level"
    """The prior's shape at the height of the quotes: one or two of them."""
    LAST = "last"
    """Less than two hours left: the last surface's volatility per strike, at the height of the quotes."""
    PRIOR = "prior"
    """The shape of all expiries together: no quote of its own, or its own fit admitted arbitrage."""


class ExpiryFit(NamedTuple):
    """One expiry: the curve, and what to think of it."""

    expiry: str
    tau_years: float
    forward: float
    """USD per coin."""
    svi: Svi
    kind: FitKind
    quotes_count: int
    """Quotes the curve was drawn through."""
    dropped: dict[str, int]
    """Quotes left out, by reason."""
    rmse_iv: float
    """Root of the mean squared distance from the middle of bid and ask, volatility as a fraction; 0 without quotes."""
    inside_share: float
    """Share of the quotes between whose bid and ask the curve passes; 1 without quotes."""
    g_min: float
    """Least of Durrleman's function within 4 standard deviations: not negative (no butterfly arbitrage)."""
    calendar_min: float
    """Least total variance above the expiry before: not negative (no calendar arbitrage); of the first its least."""


class Surface(NamedTuple):
    """Slices in order of time, one at least, and the prior they lean on."""

    prior: Ssvi
    expiries: tuple[ExpiryFit, ...]

    def total_variance(self, k: float, tau_years: float) -> float:
        """σ^2 T at k = ln(K/F) and a time; NaN for a k or a time that is none."""
        return self._between(tau_years, k, Svi.w) if math.isfinite(k) else math.nan

    def iv(self, k: float, tau_years: float) -> float:
        """Volatility per sqrt(year) at k = ln(K/F) and a time; NaN for a k or a time that is none."""
        w = self.total_variance(k, tau_years)
        return math.sqrt(w / tau_years) if w > 0.0 else math.nan

    def skew(self, k: float, tau_years: float) -> float:
        """dσ/dk at a fixed time: per 1.00 of k, negative where puts are dearer; NaN for a k or a time that is none."""
        iv = self.iv(k, tau_years)
        return self._between(tau_years, k, Svi.w_slope) / (2.0 * iv * tau_years) if iv > 0.0 else math.nan

    def _between(self, tau_years: float, k: float, taken: Callable[[Svi, float], float]) -> float:
        """Something linear in total variance, at a time between, before or after the expiries."""
        if not 0.0 < tau_years < math.inf:
            return math.nan
        times = [item.tau_years for item in self.expiries]
        after = bisect.bisect_right(times, tau_years)
        if after in {0, len(times)}:
            end = self.expiries[min(after, len(times) - 1)]
            return taken(end.svi, k) * (tau_years / end.tau_years)
        left, right = self.expiries[after - 1], self.expiries[after]
        share = (tau_years - left.tau_years) / (right.tau_years - left.tau_years)
        return (1.0 - share) * taken(left.svi, k) + share * taken(right.svi, k)
