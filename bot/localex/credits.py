"""Credits: how many requests an account may make, by class of method (exchange facts 3.4).

A bucket per account and class that refills at a steady rate; what finds it empty is 10028, and the session ends.
Knows names of methods and a clock; no socket.
"""

from dataclasses import dataclass
from typing import Final

from bot.domain.time import NS_PER_S, Ns

_CREDITS_PER_REQUEST: Final = 500
_CREDITS_PER_SUBSCRIBE: Final = 3_000
_MATCHING: Final = frozenset(
    f"private/{name}"
    for name in ("buy", "sell", "edit", "edit_by_label", "close_position", "cancel", "cancel_by_label")
) | {"private/cancel_all_by_currency", "private/cancel_all_by_instrument"}
_CANCEL_ALL: Final = "private/cancel_all"
_SUBSCRIBE: Final = frozenset({"public/subscribe", "private/subscribe"})
_ANYBODY: Final = ""
"""Callers without an account share one bucket of each class."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A bucket: requests at once, and requests a second in the long run."""

    burst_count: float
    per_s_count: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Pools of the classes. The defaults are ten times the venue's, because strangers' test suites are hasty."""

    other: Pool = Pool(burst_count=1_000, per_s_count=200)
    matching: Pool = Pool(burst_count=200, per_s_count=50)
    cancel_all: Pool = Pool(burst_count=200, per_s_count=50)
    subscribe: Pool = Pool(burst_count=100, per_s_count=100 / 3)

    def wire(self) -> dict[str, object]:
        """As an account summary shows them; classes of requests that do not exist here are left out."""
        return {
            "limits_per_currency": False,
            "non_matching_engine": _shown(self.other),
            "matching_engine": {
                "trading": {"total": _shown(self.matching)},
                "cancel_all": _shown(self.cancel_all),
            },
        }


VENUE_LIMITS: Final = Limits(
    other=Pool(burst_count=50_000 / _CREDITS_PER_REQUEST, per_s_count=10_000 / _CREDITS_PER_REQUEST),
    matching=Pool(burst_count=20, per_s_count=5),
    cancel_all=Pool(burst_count=20, per_s_count=5),
    subscribe=Pool(burst_count=30_000 / _CREDITS_PER_SUBSCRIBE, per_s_count=10_000 / _CREDITS_PER_SUBSCRIBE),
)
"""What a new account has at the venue: the lowest tier (exchange facts 1.4, 3.4)."""


def _shown(pool: Pool) -> dict[str, object]:
    return {"burst": round(pool.burst_count), "rate": round(pool.per_s_count)}


class Credits:
    """What is left to each account."""

    def __init__(self, limits: Limits = Limits()) -> None:
        """All buckets are full."""
        self.limits = limits
        self._left: dict[tuple[str, str], tuple[float, Ns]] = {}

    def take(self, account: str | None, method: str, now_ns: Ns) -> bool:
        """Pay for a request; False when there is too little left, which costs nothing."""
        sort, pool = self._pool(method)
        key = account or _ANYBODY, sort
        left, since_ns = self._left.get(key, (pool.burst_count, now_ns))
        left = min(pool.burst_count, left + max(0, now_ns - since_ns) / NS_PER_S * pool.per_s_count)
        is_paid = left >= 1.0
        self._left[key] = (left - 1.0 if is_paid else left), now_ns
        return is_paid

    def _pool(self, method: str) -> tuple[str, Pool]:
        if method in _SUBSCRIBE:
            return "subscribe", self.limits.subscribe
        if method == _CANCEL_ALL:
            return "cancel_all", self.limits.cancel_all
        return ("matching", self.limits.matching) if method in _MATCHING else ("other", self.limits.other)
