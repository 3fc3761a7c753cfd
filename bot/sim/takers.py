"""Strangers who take: when, how much, which way. Fitted to recorded trades (docs/explanation/fills.md).

Knows dice and laws; no book. Takers come in bursts: orders of one side within a tenth of a second, together.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns

BURSTS_PER_S: Final = 0.2
"""Of a perpetual: what Deribit's BTC-PERPETUAL trades a day over the mean burst."""
BURST_USD_MEDIAN: Final = 2_000.0
BURST_LOG_SD: Final = 2.2
"""Spread of the log of a burst's size."""
INFORMED: Final = 0.80
"""Bursts on the side to which the mid moves in the second after them, where it moves."""
OPTION_BURSTS_PER_S: Final = 0.01
OPTION_TOUCH_SHARE_MEDIAN: Final = 0.15
"""Of what rests at the touch. Options: invented, nothing recorded to fit."""
OPTION_LOG_SD: Final = 1.2
USD_PER_DAY: Final = NS_PER_DAY / NS_PER_S * BURSTS_PER_S * BURST_USD_MEDIAN * math.exp(0.5 * BURST_LOG_SD**2)
"""What they take of a perpetual or future in a day, mean."""
_PER_STEP_MAX: Final = 20
"""A long step does not replay every stranger it skipped."""


@dataclass(slots=True, eq=False)
class Takers:
    """Those of one instrument; `rate_scale` times as many as fitted."""

    dice: random.Random
    rate_scale: float
    is_option: bool
    _next_ns: int | None = None
    _mark_native: float | None = None

    def arrivals(self, now_ns: Ns) -> Iterator[None]:
        """One for each burst since the last call."""
        rate = self.rate_scale * (OPTION_BURSTS_PER_S if self.is_option else BURSTS_PER_S)
        if rate <= 0.0:
            return
        if self._next_ns is None:
            self._next_ns = now_ns + self._gap_ns(rate)
        for _ in range(_PER_STEP_MAX):
            if self._next_ns > now_ns:
                return
            yield
            self._next_ns += self._gap_ns(rate)
        self._next_ns = max(self._next_ns, now_ns)

    def _gap_ns(self, rate: float) -> int:
        return round(self.dice.expovariate(rate) * NS_PER_S)

    def moved(self, mark_native: float) -> float:
        """How far the mark went since the last call; nothing at the first."""
        before, self._mark_native = self._mark_native, mark_native
        return 0.0 if before is None else mark_native - before

    def is_buy(self, move_native: float) -> bool:
        """Side of a burst before the mark moves so: most know where it goes, and take what is about to be cheap."""
        if move_native == 0.0:
            return self.dice.random() < 0.5
        return (self.dice.random() < INFORMED) == (move_native > 0.0)

    def lots(self, touch_count: int, usd_per_lot: float) -> int:
        """Size of a burst where so many lots are at the touch, at least one."""
        if self.is_option:
            return max(1, int(touch_count * OPTION_TOUCH_SHARE_MEDIAN * self.dice.lognormvariate(0.0, OPTION_LOG_SD)))
        return max(1, int(BURST_USD_MEDIAN / usd_per_lot * self.dice.lognormvariate(0.0, BURST_LOG_SD)))

    def meet(self, since_ns: int) -> bool:
        """Whether somebody has come to trade with an order that the price has passed.

        At once at full intensity; below it, that share of such orders is met within a second, and of those left again.
        """
        return self.rate_scale >= 1.0 or self.dice.random() >= (1.0 - self.rate_scale) ** (since_ns / NS_PER_S)
