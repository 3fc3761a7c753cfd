"""Until when this process may trade: the lease as it was told last, and what it bounds.

Pure. Knows no database; a run that was never told of a lease (a simulation) is bounded by none.
"""

from typing import Final

from bot.domain.decided import NOTHING, Outcome
from bot.domain.events import LeaseHeld
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns

LEFT_NS_MIN: Final = Ns(NS_PER_S)
"""A lease with less left gives no order: half the usual `valid_until`, ample for the way to any venue."""


class Tenure:
    """Mutable private state of one engine."""

    def __init__(self) -> None:
        """No lease told."""
        self.until_ns: Ns | None = None
        """None: bounded by nothing."""

    def see(self, event: LeaseHeld) -> Outcome:
        """A renewal; the newest word holds, also where it is shorter."""
        self.until_ns = event.until_ns
        return NOTHING

    def is_over(self, now_ns: Ns) -> bool:
        """Whether another process may be trading by now: what the account shows may be its doing."""
        return self.until_ns is not None and now_ns >= self.until_ns

    def blocked(self, now_ns: Ns) -> tuple[Reason, str] | None:
        """Why nothing is placed, if it is for the lease."""
        if self.until_ns is None or self.until_ns - now_ns >= LEFT_NS_MIN:
            return None
        left_ms = max(self.until_ns - now_ns, 0) // NS_PER_MS
        return Reason.NO_LEASE, f"it was not renewed: {left_ms} ms left; does the ledger's database answer?"


def bounded(valid_until_ns: Ns, lease_until_ns: Ns | None) -> Ns:
    """An order's deadline, never beyond the lease: that bound is the lease's own, whatever is believed of now."""
    return valid_until_ns if lease_until_ns is None else min(valid_until_ns, lease_until_ns)
