"""The venue's daily clock: 07:30 and 08:00 UTC, and the index average delivery prices come from.

Delivery price = time average of the index over the last 30 minutes before 08:00 UTC (exchange facts 2.5).
Knows no instrument.
"""

from typing import Final

from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns

SETTLEMENT_OF_DAY_NS: Final = 8 * 3600 * NS_PER_S
WINDOW_NS: Final = 1800 * NS_PER_S
_STEP_IN_WINDOW_NS: Final = 60 * NS_PER_S
"""Longest step inside the window, so that a coarse driver still averages over thirty points."""


def next_stop_ns(now_ns: Ns, until_ns: Ns) -> Ns:
    """Where a step from now toward `until_ns` has to end: window start, settlement, or a minute inside it."""
    of_day = now_ns % NS_PER_DAY
    midnight = now_ns - of_day
    opens = SETTLEMENT_OF_DAY_NS - WINDOW_NS
    if of_day < opens:
        return Ns(min(until_ns, midnight + opens))
    if of_day < SETTLEMENT_OF_DAY_NS:
        return Ns(min(until_ns, midnight + SETTLEMENT_OF_DAY_NS, now_ns + _STEP_IN_WINDOW_NS))
    return Ns(min(until_ns, midnight + NS_PER_DAY + opens))


def settlement_after_ns(now_ns: Ns) -> Ns:
    """The next 08:00 UTC strictly after now."""
    of_day = now_ns % NS_PER_DAY
    days_on = 0 if of_day < SETTLEMENT_OF_DAY_NS else 1
    return Ns(now_ns - of_day + days_on * NS_PER_DAY + SETTLEMENT_OF_DAY_NS)


def is_settlement(now_ns: Ns) -> bool:
    """Whether this very moment is 08:00 UTC."""
    return now_ns % NS_PER_DAY == SETTLEMENT_OF_DAY_NS


def is_in_window(now_ns: Ns) -> bool:
    """Whether now lies in (07:30, 08:00]: a step that ends here counts in the average."""
    of_day = now_ns % NS_PER_DAY
    return SETTLEMENT_OF_DAY_NS - WINDOW_NS < of_day <= SETTLEMENT_OF_DAY_NS


class DeliveryAverage:
    """Running time average of each index in today's window."""

    def __init__(self) -> None:
        """Nothing observed."""
        self._sum_usd_ns: dict[str, float] = {}
        self._seen_ns: dict[str, int] = {}

    def observe(self, index_name: str, before_usd: float, after_usd: float, dt_ns: int) -> None:
        """Add a step that lies wholly inside the window, the index moving in a line."""
        self._sum_usd_ns[index_name] = self._sum_usd_ns.get(index_name, 0.0) + 0.5 * (before_usd + after_usd) * dt_ns
        self._seen_ns[index_name] = self._seen_ns.get(index_name, 0) + dt_ns

    def reset(self) -> None:
        """Forget the window."""
        self._sum_usd_ns.clear()
        self._seen_ns.clear()

    def delivery_usd(self, index_name: str, index_usd: float) -> float:
        """Average so far; the index itself when nothing was observed."""
        seen_ns = self._seen_ns.get(index_name, 0)
        return self._sum_usd_ns[index_name] / seen_ns if seen_ns else index_usd

    def estimate_usd(self, index_name: str, index_usd: float, left_ns: int) -> float:
        """Delivery price expected now: average of what is seen, the index for what is left (theory 1.5)."""
        if left_ns >= WINDOW_NS:
            return index_usd
        share = left_ns / WINDOW_NS
        return (1.0 - share) * self.delivery_usd(index_name, index_usd) + share * index_usd
