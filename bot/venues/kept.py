"""A stream kept alive through all its connections, whatever the venue.

Knows reconnecting, waiting, what is told of it, and how much nonsense is borne. Must not know what a connection does.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from bot.domain.errors import BotError, MalformedMessage, VenueError, VenueUnreachable
from bot.domain.events import Event, MessageMalformed, StreamLost, StreamName, StreamRestored
from bot.domain.time import Ns
from bot.venues.contract import Sink
from bot.venues.link import Link

_BACKOFF_S_MIN: Final = 0.5
BACKOFF_S_MAX: Final = 30.0
_BACKOFF_DOUBLINGS_MAX: Final = 6
_CALM_S: Final = 10.0
"""A connection that held so long ends the back-off; a shorter one goes on with it."""
_SAMPLE_CHARS: Final = 160


class Backoff:
    """Bounded exponential waits with jitter from a seeded source."""

    def __init__(self, rng: random.Random, s_max: float = BACKOFF_S_MAX) -> None:
        self._rng: Final = rng
        self._s_max: Final = s_max
        self._doublings = 0

    def reset(self) -> None:
        """Start over."""
        self._doublings = 0

    def at_least(self, doublings: int) -> None:
        """Wait longer than usual next."""
        self._doublings = max(self._doublings, doublings)

    def next_s(self) -> float:
        """Seconds to wait now; half to the whole of a step that doubles up to the longest."""
        step_s = min(self._s_max, _BACKOFF_S_MIN * 2.0**self._doublings)
        self._doublings = min(self._doublings + 1, _BACKOFF_DOUBLINGS_MAX)
        return step_s * (0.5 + 0.5 * self._rng.random())


class Kept:
    """One stream through all its connections."""

    def __init__(
        self, name: StreamName, link: Link, sink: Sink, *, malformed_max: int, backoff_s_max: float = BACKOFF_S_MAX
    ) -> None:
        self._name: Final = name
        self._malformed_max: Final = malformed_max
        self._link: Final = link
        self._sink: Final = sink
        self._backoff: Final = Backoff(link.rng, backoff_s_max)
        self._is_up = False

    async def keep(
        self, one_connection: Callable[[], Awaitable[None]], doublings: Callable[[BotError], int] = lambda _: 0
    ) -> None:
        """Connect, serve, reconnect, until cancelled; ConfigError is not survived.

        `doublings` of an error: how much longer than usual to wait after it at least.
        """
        backoff = self._backoff
        clock = asyncio.get_running_loop().time
        told = ""
        while True:
            began_s, longer = clock(), 0
            try:
                await one_connection()
                cause = "closed"
            except (VenueError, MalformedMessage) as error:
                cause, longer = str(error), doublings(error)
            if self._is_up and clock() - began_s >= _CALM_S:
                backoff.reset()
            backoff.at_least(longer)
            if self._is_up or cause != told:
                told = cause
                self._is_up = False
                self._sink((self._lost(cause),))
            await asyncio.sleep(backoff.next_s())

    def up(self, events: Iterable[Event]) -> None:
        """The connection serves; `events` come with it."""
        link = self._link
        self._is_up = True
        restored = StreamRestored(stream=self._name, received_ns=link.now_ns(), venue=link.settings.venue)
        self._sink((restored, *events))

    def _lost(self, cause: str) -> StreamLost:
        link = self._link
        return StreamLost(stream=self._name, received_ns=link.now_ns(), cause=cause, venue=link.settings.venue)

    def refuse(self, frame: bytes, received_ns: Ns, cause: str, count: int) -> None:
        """Tell of a frame that was not understood, the count-th in a row; VenueUnreachable when that is too many."""
        sample = "withheld" if b"_token" in frame else frame[:_SAMPLE_CHARS].decode(errors="replace")
        told = MessageMalformed(
            stream=self._name, received_ns=received_ns, cause=cause, sample=sample, venue=self._link.settings.venue
        )
        self._sink((told,))
        if count >= self._malformed_max:
            raise VenueUnreachable(f"{count} malformed messages in a row, the last: {cause}")
