"""The venue's clock as one's own: for a recorded venue on this machine, which lives at the time of its tape.

Expiries are absolute, so a run against `hedgebot exchange --tape` has to live then as well. Refused anywhere but on
loopback: against a real venue a wrong clock is to be mended, not followed.
"""

from collections.abc import Callable
from typing import Final

from bot.app import clock
from bot.domain.errors import ConfigError, MalformedMessage, VenueError
from bot.domain.time import NS_PER_MS, Ns
from bot.venues.ccxt_client import CcxtClient
from bot.venues.settings import VenueSettings

_FOLLOWED_NS_MIN: Final = 1_000 * NS_PER_MS
"""A venue nearer than this lives now: nothing to follow."""


def shifted(now_ns: Callable[[], Ns], offset_ns: int) -> Callable[[], Ns]:
    """That clock, so much later."""
    return lambda: Ns(now_ns() + offset_ns)


async def measured(settings: VenueSettings) -> Callable[[], Ns]:
    """A clock that shows the venue's time from now on, at the pace of this machine; ConfigError without an answer."""
    client = CcxtClient(settings)
    client.open()
    try:
        venue_ms = await client.call("public/get_time", {})
    except (VenueError, MalformedMessage) as error:
        raise ConfigError(f"venue.follow_clock: {error}; start the exchange first") from None
    finally:
        await client.close()
    if not isinstance(venue_ms, int):
        raise ConfigError("venue.follow_clock: the venue tells no time; check venue.rest_url")
    offset_ns = venue_ms * NS_PER_MS - clock.now_ns()
    return shifted(clock.now_ns, offset_ns) if abs(offset_ns) >= _FOLLOWED_NS_MIN else clock.now_ns
