"""The way to a venue's REST interface: ccxt's client, our own turn for what is no order, and the venue's clock.

Shared by the gateway and by the account feed, which each have one of their own. Knows no venue.
"""

from typing import Final

from bot.venues.budget import BackgroundLimit
from bot.venues.ccxt_client import CcxtExchange
from bot.venues.contract import NowNs
from bot.venues.offset import ClockOffset
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import Request, RestLink, VenueFacts, VenueRest


class CcxtRoad:
    """Open late, close once."""

    def __init__(self, facts: VenueFacts, settings: VenueSettings, now_ns: NowNs) -> None:
        self._exchange: Final = CcxtExchange(facts.wiring(settings))
        self._background: Final = BackgroundLimit()
        link = RestLink(ask=self._ask, send=self._send, settings=settings, now_ns=now_ns)
        self.rest: Final[VenueRest] = facts.rest(link)
        self.switch: Final = None if facts.switch is None else facts.switch(link)
        self.offset: Final = ClockOffset(self.rest.venue_ms, self._background.wait_turn, now_ns)

    async def open(self) -> None:
        """Make the client and measure the venue's clock; ConfigError or VenueError when that cannot be."""
        self._exchange.open()
        await self.measure()

    async def measure(self) -> None:
        """The venue's clock once more: signatures follow it."""
        await self.offset.measure()
        self._exchange.set_clock(self.offset.ms)

    async def close(self) -> None:
        """Close connections; never raises."""
        await self._exchange.close()

    async def _ask(self, request: Request) -> object:
        await self._background.wait_turn()
        return await self._send(request)

    async def _send(self, request: Request) -> object:
        return await self._exchange.request(request, request.function)
