"""Living at the time of a venue on this machine."""

import asyncio

import pytest

from bot.app import clock
from bot.app.venue_clock import measured, shifted
from bot.domain.errors import ConfigError
from bot.domain.ids import VenueId
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.localex.server import LocalExchange, Rules
from bot.sim.world import build_exchange
from bot.venues.settings import VenueSettings

_PAST_NS = Ns(20_000 * NS_PER_DAY)


def _settings(port: int) -> VenueSettings:
    return VenueSettings(
        venue=VenueId("deribit"),
        ws_url=f"ws://127.0.0.1:{port}/ws/api/v2",
        rest_url=f"http://127.0.0.1:{port}",
        is_testnet=True,
    )


def test_a_shifted_clock_is_later_by_the_offset() -> None:
    """Earlier for a negative one."""
    assert shifted(lambda: Ns(100), -30)() == 70


async def _followed(lives_ns: Ns | None) -> int:
    began_ns = clock.now_ns()

    def venue_ns() -> Ns:
        return clock.now_ns() if lives_ns is None else Ns(lives_ns + clock.now_ns() - began_ns)

    server = LocalExchange(
        build_exchange(1, venue_ns()), keys=[], now_ns=venue_ns, rules=Rules(wall_ns=clock.now_ns), step_s=None
    )
    port = await server.start()
    try:
        now_ns = await measured(_settings(port))
        return now_ns() - venue_ns()
    finally:
        await server.stop()


@pytest.mark.parametrize("lives_ns", [_PAST_NS, None])
def test_the_venues_time_is_shown_from_then_on(lives_ns: Ns | None) -> None:
    """A recorded day long past, within the time of a question; and a venue of today, left alone."""
    assert abs(asyncio.run(_followed(lives_ns))) < 30 * NS_PER_S


def test_a_venue_that_is_not_there_is_one_line() -> None:
    """With the next step."""
    with pytest.raises(ConfigError, match=r"^venue.follow_clock: .*; start the exchange first$"):
        asyncio.run(measured(_settings(9)))
