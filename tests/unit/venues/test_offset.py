"""The venue's clock, measured at the middle of a request."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from bot.domain.errors import ConfigError, VenueUnreachable
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.venues.offset import ClockOffset

Virtual = Callable[[Coroutine[object, object, None]], None]
_AHEAD_MS = 500


def now_ns() -> Ns:
    """Virtual time since the epoch."""
    return Ns(round(asyncio.get_running_loop().time() * NS_PER_S))


async def no_wait() -> None:
    """It is our turn."""


def venue(way_s: float) -> Callable[[], Coroutine[object, object, int]]:
    """A clock that is ahead; half the way there, half back."""

    async def venue_ms() -> int:
        await asyncio.sleep(way_s / 2)
        told = now_ns() // NS_PER_MS + _AHEAD_MS
        await asyncio.sleep(way_s / 2)
        return told

    return venue_ms


def test_the_middle_of_the_request_counts(virtual: Virtual) -> None:
    """The way there and back does not look like a difference of clocks; waiting for a turn is not counted."""

    async def scene() -> None:
        offset = ClockOffset(venue(0.8), lambda: asyncio.sleep(5.0), now_ns)
        assert offset.ms == 0
        await offset.measure()
        assert offset.check() == _AHEAD_MS

    virtual(scene())


def test_a_slow_answer_says_nothing(virtual: Virtual) -> None:
    """The first measurement must be good; later the last one stands."""

    async def scene() -> None:
        slow = ClockOffset(venue(1.2), no_wait, now_ns)
        with pytest.raises(VenueUnreachable, match=r"took 1\.2 s"):
            await slow.measure()
        slow._venue_ms = venue(0.2)  # type: ignore[misc]
        await slow.measure()
        slow._venue_ms = venue(4.0)  # type: ignore[misc]
        await slow.measure()
        assert slow.ms == _AHEAD_MS

    virtual(scene())


def test_a_wrong_clock_is_a_matter_of_configuration() -> None:
    """Either of the two, so a human looks."""
    offset = ClockOffset(venue(0.1), no_wait, now_ns)
    offset.ms = 30_001
    with pytest.raises(ConfigError, match="30001 ms away"):
        offset.check()
