"""How much risk a book may carry, by what is left above a floor: as in constant-proportion portfolio insurance.

Pure. The full appetite is what band and limits say; it is meant for the full cushion. With a share s of the cushion
left, the daily risk budget is s times the full one, so that the risk aversion is 1/s times as large and a
Whalley-Wilmott band s^(1/3) times as wide; every policy is narrowed by that. The hard delta limit is s times as far.
What lets hedges through (largest order, hedge position) stays: less of it would be more risk.
"""

import math
from typing import Final

from msgspec import Struct

SHARE_MIN: Final = 0.1
"""Of the appetite that is always left: band 0.46, hard limit 0.1 times the full ones. Narrower, costs eat the floor."""


class AppetiteParams(Struct, frozen=True, kw_only=True):
    """What is to be kept, and what is to lose; the equity is that of the accounts the venue tells."""

    floor_usd: float
    full_cushion_usd: float
    """Equity above the floor at which band and limits are as configured; more changes nothing."""
    share_min: float = SHARE_MIN


def share_of(params: AppetiteParams | None, equity_usd: float | None) -> float:
    """Share of the appetite, `share_min` to 1. An equity that is not known leaves the least; no parameters, all."""
    if params is None:
        return 1.0
    if equity_usd is None or not math.isfinite(equity_usd):
        return params.share_min
    return min(max((equity_usd - params.floor_usd) / params.full_cushion_usd, params.share_min), 1.0)


def width_ratio(share: float) -> float:
    """Times the width of the full appetite's band."""
    return math.cbrt(share)
