"""What a fit of the volatility surface found, in numbers: part of an event, so plain and frozen.

Knows no formula; how the numbers are read is `pricing/svi.py`'s and `risk/fitted_surface.py`'s word.
"""

from msgspec import Struct

from bot.domain.time import Ns


class SmileSlice(Struct, frozen=True, kw_only=True):
    """The smile of one expiry, in k = ln(K/F); volatilities are fractions per sqrt(year)."""

    index_name: str
    expiry_ns: Ns
    tau_years: float
    """Time left at the fit."""
    forward_usd: float
    """F of the fit."""
    iv_atm: float
    """Level: at k = 0."""
    skew_iv_per_k: float
    """Slope at k = 0, per 1.00 of k; negative where puts are dearer."""
    curvature_iv_per_k2: float
    """Second derivative at k = 0."""
    svi: tuple[float, float, float, float, float]
    """Raw SVI of the total variance: a, b, rho, m, sigma."""
    kind: str
    """How much the quotes could say: `svi`, `three`, `level`, `last`, `prior`."""
    quotes_count: int
    rmse_iv: float


class SmileVerdict(Struct, frozen=True, kw_only=True):
    """How hedging by one rule would have done so far, against sticky strike over the same steps."""

    rule: str
    variance_ratio: float | None
    """Mean squared hedging error over that of sticky strike: below 1 is better; None without a step."""
    chance_fraction: float | None
    """Of a ratio this low or lower, were both equal (F-test)."""
    steps_count: int
    is_better: bool
    """Evidence enough to switch: 300 steps, a ratio below 0.95, one chance in a hundred."""
