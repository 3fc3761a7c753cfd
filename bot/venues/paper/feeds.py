"""The two feeds of a paper account: the real venue's market, overheard, and the account's own stream.

Knows when the paper venue has to be looked after; nothing of requests or of how orders are matched.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from bot.domain.errors import MalformedMessage, VenueError
from bot.domain.events import Event, StreamName, StreamRestored
from bot.domain.ids import InstrumentId
from bot.domain.time import Ns
from bot.venues.contract import Feed, NowNs, Reader, Sink
from bot.venues.paper.venue import PaperVenue

_LOOK_EVERY_S: Final = 1.0
_DELIVERY_EVERY_S: Final = 15.0
"""Delivery prices appear minutes after 08:00 UTC; until then the expired position waits, as at the venue."""


class PaperMarketFeed:
    """The real market feed; the paper venue hears each frame before the bot does."""

    def __init__(self, market: Feed, venue: PaperVenue) -> None:
        self._market: Final = market
        self._venue: Final = venue

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled."""

        def overheard(events: Sequence[Event]) -> None:
            self._venue.hear(events)
            sink(events)

        await self._market.run(overheard)

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Add market data of instruments."""
        self._market.watch(instruments)


class PaperAccountFeed:
    """Orders, fills and money of the paper account; looks after funding and deliveries."""

    def __init__(self, venue: PaperVenue, reader: Reader, now_ns: NowNs) -> None:
        self._venue: Final = venue
        self._reader: Final = reader
        self._now_ns: Final = now_ns

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled; this stream is never lost."""
        self._venue.follow(sink)
        sink((StreamRestored(stream=StreamName.ACCOUNT, received_ns=self._now_ns()),))
        clock = asyncio.get_running_loop().time
        ask_due_s = clock()
        while True:
            self._venue.keep_up()
            due = sorted(self._venue.undelivered())
            if due and clock() >= ask_due_s:
                ask_due_s = clock() + _DELIVERY_EVERY_S
                for index_name, expiry_ns in due:
                    await self._deliver(index_name, expiry_ns)
            await asyncio.sleep(_LOOK_EVERY_S)

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Nothing to do: the stream covers the whole account."""

    async def _deliver(self, index_name: str, expiry_ns: Ns) -> None:
        try:
            usd = await self._reader.delivery_usd(index_name, expiry_ns)
        except (VenueError, MalformedMessage):
            return  # asked again soon
        if usd is not None:
            self._venue.deliver(index_name, expiry_ns, usd)
