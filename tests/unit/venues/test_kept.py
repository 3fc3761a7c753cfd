"""A stream through its connections: waits, what is told of it, how much nonsense is borne. Virtual time."""

import asyncio
import random
from collections.abc import Callable, Coroutine

import pytest

from bot.domain.errors import BotError, ConfigError, VenueRefused, VenueUnreachable
from bot.domain.events import Event, MessageMalformed, StreamLost, StreamName, StreamRestored
from bot.domain.ids import VenueId
from bot.domain.time import Ns
from bot.venues.kept import Backoff, Kept
from bot.venues.link import Link
from bot.venues.settings import VenueSettings

Virtual = Callable[[Coroutine[object, object, None]], None]
LINK = Link(
    settings=VenueSettings(venue=VenueId("okx"), ws_url="", rest_url="", is_testnet=None),
    now_ns=lambda: Ns(5),
    rng=random.Random(1),
)


def test_back_off_ends_with_a_calm_connection() -> None:
    """Reset starts over; `at_least` only lengthens; no wait is beyond 30 s."""
    backoff = Backoff(random.Random(1))
    first = [backoff.next_s() for _ in range(20)]
    assert max(first) <= 30.0
    backoff.reset()
    assert backoff.next_s() <= 0.5
    backoff.at_least(3)
    assert backoff.next_s() >= 2.0


def test_loss_is_told_once_with_the_venue(virtual: Virtual) -> None:
    """However often it is tried in vain; the next cause and the return are told."""

    async def scene() -> None:
        events: list[Event] = []
        kept = Kept(StreamName.MARKET, LINK, events.extend, malformed_max=2)
        tries = 0

        async def connection() -> None:
            nonlocal tries
            tries += 1
            if tries == 4:
                kept.up(())
                await asyncio.sleep(60.0)
            raise VenueUnreachable("refused" if tries < 4 else "cut")

        running = asyncio.ensure_future(kept.keep(connection))
        await asyncio.sleep(70.0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        told = [event.cause if isinstance(event, StreamLost) else type(event) for event in events]
        assert told == ["refused", StreamRestored, "cut"]
        assert {event.venue for event in events if isinstance(event, StreamLost | StreamRestored)} == {"okx"}

    virtual(scene())


def test_some_errors_wait_longer_and_one_is_not_survived(virtual: Virtual) -> None:
    """As its user says; a wrong configuration ends it."""

    async def scene() -> None:
        errors: list[BotError] = [VenueRefused(10028, "slow down"), ConfigError("venue.ws_url: wrong")]

        async def connection() -> None:
            raise errors.pop(0)

        kept = Kept(StreamName.MARKET, LINK, lambda _: None, malformed_max=2)
        with pytest.raises(ConfigError):
            await kept.keep(connection, lambda error: 3 if isinstance(error, VenueRefused) else 0)
        assert asyncio.get_running_loop().time() >= 2.0

    virtual(scene())


def test_what_has_to_wait_longer_does_so_after_a_calm_connection_too(virtual: Virtual) -> None:
    """Thrown out for asking too much after an hour: the credits have to come back first."""
    began: list[float] = []

    async def scene() -> None:
        kept = Kept(StreamName.MARKET, LINK, lambda _: None, malformed_max=2)
        clock = asyncio.get_running_loop().time

        async def connection() -> None:
            began.append(clock())
            if len(began) == 2:
                raise ConfigError("seen enough")
            kept.up(())
            await asyncio.sleep(3600.0)
            raise VenueRefused(10028, "slow down")

        with pytest.raises(ConfigError):
            await kept.keep(connection, lambda error: 3 if isinstance(error, VenueRefused) else 0)

    virtual(scene())
    assert began[1] - began[0] - 3600.0 >= 2.0


def test_nonsense_is_told_and_borne_for_a_while() -> None:
    """Without secrets; the last straw ends the connection."""
    events: list[Event] = []
    kept = Kept(StreamName.MARKET, LINK, events.extend, malformed_max=2)
    kept.refuse(b'{"access_token":"x"}', Ns(7), "why", 1)
    with pytest.raises(VenueUnreachable, match="2 malformed messages in a row, the last: why"):
        kept.refuse(b"\xff" * 500, Ns(7), "why", 2)
    first, second = events
    assert isinstance(first, MessageMalformed)
    assert isinstance(second, MessageMalformed)
    assert (first.sample, first.venue, len(second.sample)) == ("withheld", "okx", 160)
