"""How far a venue's clock is from ours: signatures and deadlines are written in the venue's time.

Knows how a clock is measured over a request; must not know the request.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from bot.domain.errors import ConfigError, VenueUnreachable
from bot.domain.time import NS_PER_MS, NS_PER_S
from bot.venues.contract import NowNs

_OFFSET_MS_MAX: Final = 30_000
"""Deribit refuses signatures 60 s off, OKX 30 s: half of the first means that a clock is wrong."""
_JOURNEY_NS_MAX: Final = 1 * NS_PER_S
"""Half of it may be wrong in the offset: less than the grace after a deadline before absence is believed."""


class ClockOffset:
    """Venue time minus ours, measured from time to time."""

    def __init__(
        self, venue_ms: Callable[[], Awaitable[int]], wait_turn: Callable[[], Awaitable[None]], now_ns: NowNs
    ) -> None:
        """`venue_ms` asks the venue for its time, at once; waiting for our own turn comes before it."""
        self._venue_ms: Final = venue_ms
        self._wait_turn: Final = wait_turn
        self._now_ns: Final = now_ns
        self._is_measured = False
        self.ms = 0
        """Venue time minus ours; 0 before the first measurement."""

    async def measure(self) -> None:
        """At the middle of the request.

        Every order's deadline rests on it: a journey whose middle may be far from the venue's moment says nothing, and
        the last measurement stands. VenueUnreachable without one.
        """
        await self._wait_turn()
        sent_ns = self._now_ns()
        venue_ms = await self._venue_ms()
        took_ns = self._now_ns() - sent_ns
        if 0 <= took_ns <= _JOURNEY_NS_MAX:
            self.ms = venue_ms - (sent_ns + took_ns // 2) // NS_PER_MS
            self._is_measured = True
        elif not self._is_measured:
            raise VenueUnreachable(
                f"asking for the time took {took_ns / NS_PER_S:.1f} s: too slow to measure the clock"
            )

    def check(self) -> int:
        """The offset; ConfigError when one of the two clocks is wrong."""
        if abs(self.ms) > _OFFSET_MS_MAX:
            raise ConfigError(f"clock: this host is {self.ms} ms away from the venue; synchronise it")
        return self.ms
