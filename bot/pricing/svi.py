"""One expiry's smile as a curve of total variance, and the family of all expiries it starts from.

Knows SVI (raw) and SSVI (Gatheral-Jacquier 2014) and when they admit no arbitrage; must not know quotes or fits.

Words. k = ln(K/F). w(k) = σ(k)^2 T: total variance. Raw: w = a + b (ρ (k - m) + sqrt((k - m)^2 + s^2)). SSVI:
w = θ/2 (1 + ρ φ k + sqrt((φ k + ρ)^2 + 1 - ρ^2)) with φ = η / (θ^γ (1 + θ)^(1 - γ)); θ is w at the money.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from bot.pricing.normal_tail import FloatArray

WING_MAX: Final = 2.0
"""Lee: total variance grows at most by 2 per unit of k."""


class Svi(NamedTuple):
    """A raw SVI slice. `sigma` is s above: the width of the bend in k, no volatility."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    @property
    def min_w(self) -> float:
        """Least total variance."""
        return self.a + self.b * self.sigma * math.sqrt(1.0 - self.rho * self.rho)

    @property
    def lee_wing(self) -> float:
        """Slope of the steeper wing."""
        return self.b * (1.0 + abs(self.rho))

    def w(self, k: float) -> float:
        """Total variance at one k."""
        x = k - self.m
        return self.a + self.b * (self.rho * x + math.hypot(x, self.sigma))

    def w_slope(self, k: float) -> float:
        """dw/dk at one k."""
        x = k - self.m
        return self.b * (self.rho + x / math.hypot(x, self.sigma))

    def w_chain(self, k: FloatArray) -> FloatArray:
        """Total variance of many k; `w` is the same for one."""
        x = k - self.m
        return self.a + self.b * (self.rho * x + np.hypot(x, self.sigma))

    def rescaled(self, factor: float, shift: float = 0.0) -> "Svi":
        """The slice with total variance times `factor`, and at k what was at k + `shift`."""
        return Svi(factor * self.a, factor * self.b, self.rho, self.m - shift, self.sigma)


class Ssvi(NamedTuple):
    """The part of SSVI that all expiries share. Without arbitrage for |ρ| < 1, η (1 + |ρ|) <= 2, 0 < γ <= 1/2."""

    rho: float
    eta: float
    gamma: float

    def slice(self, theta: float) -> Svi:
        """The smile of the expiry with total variance `theta` > 0 at the money, as a raw slice."""
        phi = self.eta / (theta**self.gamma * (1.0 + theta) ** (1.0 - self.gamma))
        return natural(theta, self.rho, phi)


class Check(NamedTuple):
    """What arbitrage a slice admits over a grid."""

    min_w: float
    lee_wing: float
    g_min: float
    """Least of Durrleman's function: negative where a butterfly costs less than nothing."""
    k_at_g_min: float
    butterfly_free: bool


def natural(theta: float, rho: float, phi: float) -> Svi:
    """The raw slice with level θ, skew ρ and curvature φ (SSVI's shape for one expiry)."""
    flat = 1.0 - rho * rho
    return Svi(0.5 * theta * flat, 0.5 * theta * phi, rho, -rho / phi, math.sqrt(flat) / phi)


def durrleman(svi: Svi, k: FloatArray) -> FloatArray:
    """g(k) = (1 - k w'/2w)^2 - (w'^2/4)(1/w + 1/4) + w''/2: the density of the forward, but for a positive factor."""
    x = k - svi.m
    root = np.hypot(x, svi.sigma)
    w = svi.a + svi.b * (svi.rho * x + root)
    slope = svi.b * (svi.rho + x / root)
    curvature = svi.b * svi.sigma * svi.sigma / root**3
    g: FloatArray = np.square(1.0 - 0.5 * k * slope / w) - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * curvature
    return g


def check(svi: Svi, k: FloatArray) -> Check:
    """Butterfly arbitrage over the grid `k`; the wings' slope is checked beyond it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where w crosses 0 the squared term rules: g is +infinity there, and `min_w` tells of the crossing.
        g = np.nan_to_num(durrleman(svi, k), nan=math.inf, posinf=math.inf)
    lowest = int(np.argmin(g))
    g_min = float(g[lowest])
    is_free = g_min >= 0.0 and svi.min_w > 0.0 and svi.lee_wing <= WING_MAX
    return Check(svi.min_w, svi.lee_wing, g_min, float(k[lowest]), is_free)


def calendar_gap(earlier: Svi, later: Svi, k: FloatArray) -> float:
    """Least of w(later) - w(earlier) over the grid: negative where a calendar spread costs less than nothing."""
    return float((later.w_chain(k) - earlier.w_chain(k)).min())
