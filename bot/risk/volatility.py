"""The volatility an option's greeks are computed with: the venue's mark, the middle of its quotes, or the surface.

Knows one ticker and fitted curves; must not know positions. Where the chosen one is not to be had the mark stands in,
and says why. Whether a ticker is trusted at all is decided before, on its mark.
"""

import enum
from typing import Final, NamedTuple

from bot.domain.market_events import OptionMarked
from bot.domain.soundness import IV_MAX

SPREAD_IV_MAX: Final = 0.30
"""A quote wider than 30 points of volatility says nothing (theory 3.1, recipe 2)."""

FITTED_OFF_MAX: Final = 2.0
"""A fitted volatility over twice the mark's, or under half of it, is an error of the fit."""


class VolatilitySource(enum.StrEnum):
    """Which volatility is used."""

    MARK = "mark"
    MID = "mid"
    """Middle of the volatilities of bid and ask."""
    SURFACE = "surface"
    """Of the fitted surface at the option's strike."""


class Volatility(NamedTuple):
    """A volatility, fraction per sqrt(year), where it is from, and why it is not the chosen one."""

    iv: float
    source: VolatilitySource
    because: str = ""


def of(marked: OptionMarked, source: VolatilitySource, iv_fitted: float | None = None) -> Volatility | None:
    """By the chosen source, else by the mark; None for a ticker without a mark volatility.

    `iv_fitted` is the fitted surface's at the strike, None where there is none.
    """
    if marked.iv_mark is None:
        return None
    if source is VolatilitySource.MID:
        return _mid(marked, marked.iv_mark)
    if source is VolatilitySource.MARK:
        return Volatility(marked.iv_mark, VolatilitySource.MARK)
    if iv_fitted is None or not 0.0 < iv_fitted < IV_MAX:
        return Volatility(marked.iv_mark, VolatilitySource.MARK, "no_surface")
    if not 1.0 / FITTED_OFF_MAX <= iv_fitted / marked.iv_mark <= FITTED_OFF_MAX:
        return Volatility(marked.iv_mark, VolatilitySource.MARK, "surface_off")
    return Volatility(iv_fitted, VolatilitySource.SURFACE)


def _mid(marked: OptionMarked, iv_mark: float) -> Volatility:
    bid, ask = marked.iv_bid, marked.iv_ask
    if bid is None or ask is None:
        return Volatility(iv_mark, VolatilitySource.MARK, "one_sided")
    if bid > ask:
        return Volatility(iv_mark, VolatilitySource.MARK, "crossed")
    if ask - bid > SPREAD_IV_MAX:
        return Volatility(iv_mark, VolatilitySource.MARK, "too_wide")
    return Volatility(0.5 * (bid + ask), VolatilitySource.MID)
