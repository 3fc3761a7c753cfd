"""The volatility an option's greeks are computed with: the venue's mark, the middle of its quotes, or the surface.

Knows one ticker and fitted curves; must not know positions. Where the chosen one is not to be had the mark stands in,
and says why. Whether a ticker is trusted at all is decided before, on its mark.
"""

import enum
from typing import Final, NamedTuple

from bot.domain.events import OptionMarked

SPREAD_IV_MAX: Final = 0.30
"""A quote wider than 30 points of volatility says nothing (theory 3.1, recipe 2)."""


class VolatilitySource(enum.StrEnum):
    """Which volatility is used."""

    MARK = "mark"
    MID = "mid"
    """Middle of the volatilities of bid and ask."""


class Volatility(NamedTuple):
    """A volatility, fraction per sqrt(year), where it is from, and why it is not the chosen one."""

    iv: float
    source: VolatilitySource
    because: str = ""


def of(marked: OptionMarked, source: VolatilitySource) -> Volatility | None:
    """By the chosen source, else by the mark; None for a ticker without a mark volatility."""
    if marked.iv_mark is None or source is VolatilitySource.MID:
        return mid(marked)
    return Volatility(marked.iv_mark, VolatilitySource.MARK)


def mid(marked: OptionMarked) -> Volatility | None:
    """By the middle of bid and ask, else by the mark; None for a ticker without a mark volatility."""
    if marked.iv_mark is None:
        return None
    bid, ask = marked.iv_bid, marked.iv_ask
    if bid is None or ask is None:
        return Volatility(marked.iv_mark, VolatilitySource.MARK, "one_sided")
    if bid > ask:
        return Volatility(marked.iv_mark, VolatilitySource.MARK, "crossed")
    if ask - bid > SPREAD_IV_MAX:
        return Volatility(marked.iv_mark, VolatilitySource.MARK, "too_wide")
    return Volatility(0.5 * (bid + ask), VolatilitySource.MID)
