"""The newest fitted surface of a book, while it is fresh: what smile-aware deltas and its volatilities are read from.

Knows the event and its age; must not know how it was fitted. One that is old, or that never came, is no surface: then
each option keeps its own volatility and is hedged as if its strike kept it (sticky strike), and an alarm says why.
"""

import functools
import math
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, structs

from bot.domain.decided import AlarmRaised, Note
from bot.domain.events import SurfaceFitted
from bot.domain.soundness import PRICE_MAX, PRICE_MIN
from bot.domain.surface import SmileSlice
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns, iso_utc
from bot.market.forwards import Expiry
from bot.pricing.smile import SSR_MAX, SSR_MIN, MvBook, MvCoefficients, SmileDelta
from bot.pricing.svi import WING_MAX, Svi
from bot.risk.sources import Sources
from bot.risk.volatility import VolatilitySource

_FITS_MISSED: Final = 4
"""A surface this many intervals old is no surface."""
_STRIKES_MAX: Final = 1_000
_ROUNDING: Final = 1e-2
"""Between figures of one fit, as a share: they are of the same numbers."""
_MV_MAX: Final = 10.0
"""Of a coefficient of Hull and White: twenty times the largest ever fitted (theory 2.1)."""


class Curve:
    """One expiry's smile as it was fitted; between two fits each strike keeps its volatility and its skew."""

    def __init__(self, svi: Svi, tau_years: float, forward_usd: float) -> None:
        """Of the moment of the fit."""
        self.svi = svi
        self.tau_years = tau_years
        self.forward_usd = forward_usd
        self.skew_of = functools.lru_cache(maxsize=_STRIKES_MAX)(self.skew)
        """`skew`, remembered: it is asked for in the innermost loop of a decision."""

    def iv(self, strike_usd: float) -> float:
        """Volatility, fraction per sqrt(year); NaN where the curve has none."""
        w = self.svi.w(math.log(strike_usd / self.forward_usd))
        return math.sqrt(w / self.tau_years) if w > 0.0 else math.nan

    def skew(self, strike_usd: float) -> float:
        """dσ/dk at the strike's own k."""
        iv = self.iv(strike_usd)
        k = math.log(strike_usd / self.forward_usd)
        return self.svi.w_slope(k) / (2.0 * iv * self.tau_years)


class Smiles(Struct, frozen=True, kw_only=True):
    """All that smile-aware deltas and fitted volatilities need of one surface."""

    rule: SmileDelta
    curves: Mapping[Expiry, Curve]
    ssr_ratio: float
    fitted: MvBook


class FittedSurface:
    """Mutable private state of one engine."""

    def __init__(self, sources: Sources) -> None:
        """No surface yet."""
        self._sources = sources
        self._is_used = sources.smile is not SmileDelta.STICKY_STRIKE or sources.volatility is VolatilitySource.SURFACE
        self.newest: SurfaceFitted | None = None
        self._smiles: Smiles | None = None
        self._missed_since_ns: Ns | None = None
        self._has_alarmed = False

    def see(self, event: SurfaceFitted) -> str:
        """Take a fit; an older one changes nothing. What is wrong with one that says nothing is; empty otherwise."""
        if self.newest is not None and event.as_of_ns < self.newest.as_of_ns:
            return ""
        defect = event.defect or _defect_of(event)
        self.newest = event if defect == event.defect else structs.replace(event, slices=(), defect=defect)
        self._smiles = None
        if not defect:
            self._smiles = Smiles(
                rule=self._sources.smile,
                curves={
                    (item.index_name, item.expiry_ns): Curve(Svi(*item.svi), item.tau_years, item.forward_usd)
                    for item in event.slices
                },
                ssr_ratio=event.ssr_ratio,
                fitted=MvBook(calls=MvCoefficients(*event.mv_calls), puts=MvCoefficients(*event.mv_puts)),
            )
        return "" if event.defect else defect

    def at(self, now_ns: Ns) -> Smiles | None:
        """The surface decisions may use now; None where none is chosen or none is fresh."""
        if (
            not self._is_used
            or self._smiles is None
            or self.newest is None
            or self._is_old(self.newest.as_of_ns, now_ns)
        ):
            return None
        return self._smiles

    def _is_old(self, since_ns: Ns, now_ns: Ns) -> bool:
        return now_ns - since_ns > _FITS_MISSED * self._sources.fit_every_ns

    def because(self, now_ns: Ns) -> str:
        """Why there is no surface to be used now; empty where there is one, or none is wanted."""
        if not self._is_used or self.at(now_ns) is not None:
            return ""
        if self.newest is None:
            return "no surface yet"
        return self.newest.defect or f"the surface is {(now_ns - self.newest.as_of_ns) / NS_PER_S:.0f} s old"

    def notes(self, now_ns: Ns) -> list[Note]:
        """The alarm of a chosen surface that is lastingly not there; once, until it is."""
        why = self.because(now_ns)
        if not why:
            self._missed_since_ns, self._has_alarmed = None, False
            return []
        if self._missed_since_ns is None:
            self._missed_since_ns = now_ns
        if self._has_alarmed or not self._is_old(self._missed_since_ns, now_ns):
            return []
        self._has_alarmed = True
        text = f"{why}: hedged as {SmileDelta.STICKY_STRIKE.value} at the venue's mark volatility until there is one"
        return [AlarmRaised(name="surface_missing", detail=text, deadline_ns=None)]


def _defect_of(event: SurfaceFitted) -> str:
    """Why a fit that says it is one cannot be: its numbers leave what a smile or a rule can have. Empty without."""
    if not SSR_MIN <= event.ssr_ratio <= SSR_MAX:
        return f"a skew-stickiness of {event.ssr_ratio:g}"
    if any(abs(coefficient) > _MV_MAX for coefficient in (*event.mv_calls, *event.mv_puts)):
        return "a minimum-variance coefficient without measure"
    bad = next((item for item in event.slices if not _is_curve(item, event.as_of_ns)), None)
    return "" if bad is None else f"no curve of {bad.index_name} for {iso_utc(bad.expiry_ns)}"


def _is_curve(item: SmileSlice, as_of_ns: Ns) -> bool:
    """Whether a slice is a smile, and its figures are of each other: life left, level and slope at the money."""
    svi, left_years = Svi(*item.svi), (item.expiry_ns - as_of_ns) / NS_PER_YEAR
    if not (svi.b >= 0.0 and abs(svi.rho) < 1.0 and svi.sigma > 0.0 and svi.lee_wing <= WING_MAX + 1e-9):
        return False
    if not (left_years > 0.0 and PRICE_MIN <= item.forward_usd <= PRICE_MAX):
        return False
    w, slope = item.iv_atm * item.iv_atm * left_years, 2.0 * item.iv_atm * left_years * item.skew_iv_per_k
    return (
        abs(item.tau_years - left_years) <= _ROUNDING * left_years
        and abs(svi.w(0.0) - w) <= _ROUNDING * w
        and abs(svi.w_slope(0.0) - slope) <= _ROUNDING * (abs(slope) + w)
    )
