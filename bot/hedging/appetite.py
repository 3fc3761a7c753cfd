"""How much risk a book may carry, by what is left above a floor: as in constant-proportion portfolio insurance.

Pure. The full appetite is what band and limits say; it is meant for the full cushion. With a share s of the cushion
left, the daily risk budget is s times the full one, so that the risk aversion is 1/s times as large and a
Whalley-Wilmott band s^(1/3) times as wide; every policy is narrowed by that. The hard delta limit is s times as far.
What lets hedges through (largest order, hedge position) stays: less of it would be more risk.
"""

import math
from typing import Final

from msgspec import Struct

from bot.domain.decided import AlarmRaised
from bot.domain.time import NS_PER_S, Ns

SHARE_MIN: Final = 0.1
"""Of the appetite that is always left: band 0.46, hard limit 0.1 times the full ones. Narrower, costs eat the floor."""


_ALARM: Final = "cushion_gone"
_ALARM_AFTER_NS: Final = Ns(10 * NS_PER_S)
"""Long enough for the first account message of a run, and for a price that comes back."""


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


class FloorAlarm:
    """Tells once that the least of the appetite is left, and that it lasts. Mutable private state of one hedger."""

    def __init__(self, params: AppetiteParams | None) -> None:
        """Nothing told."""
        self._params: Final = params
        self._since_ns: Ns | None = None
        self._has_told = False

    def notes(self, share: float, now_ns: Ns) -> list[AlarmRaised]:
        """The alarm, ten seconds after the cushion went; anew once there has been one again."""
        if self._params is None or share > self._params.share_min:
            self._since_ns, self._has_told = None, False
            return []
        self._since_ns = now_ns if self._since_ns is None else self._since_ns
        if self._has_told or now_ns - self._since_ns < _ALARM_AFTER_NS:
            return []
        self._has_told = True
        text = (
            f"equity is near or below {self._params.floor_usd:.0f} USD, or not known: {share:.0%} of the risk is left"
        )
        return [AlarmRaised(name=_ALARM, detail=text, deadline_ns=None)]
