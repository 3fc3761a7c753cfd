"""The hedge instruments' specifications, read again once an hour: least sizes, contracts, and what the account pays.

A venue changes them while a bot runs for weeks: fee tiers daily, the least order in coins with the price. Carries
answers; decides nothing. What cannot be had leaves everything as it was.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from bot.domain.errors import MalformedMessage, VenueError
from bot.domain.events import InstrumentListed
from bot.domain.ids import InstrumentId, base_of
from bot.domain.instruments import Instrument
from bot.venues.contract import Gateway, NowNs, Sink

EVERY_S: Final = 3600.0
"""Tiers are reckoned daily (exchange facts 2.7)."""
RETRY_S: Final = 300.0


class Relisting:
    """`Feed` of one venue's listing."""

    def __init__(self, gateway: Gateway, hedges: Sequence[InstrumentId], now_ns: NowNs) -> None:
        """What was listed at the start is told by whoever starts."""
        self._gateway: Final = gateway
        self._hedges: Final = frozenset(hedges)
        self._now_ns: Final = now_ns
        self._told: Final[dict[InstrumentId, Instrument]] = {}

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Nothing to do: only hedges are sized and costed."""

    async def run(self, sink: Sink) -> None:
        """Deliver what differs from what was told before, until cancelled; ConfigError is not survived."""
        pause_s = EVERY_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                listed = await self._listed()
            except (VenueError, MalformedMessage):
                pause_s = RETRY_S
                continue
            pause_s = EVERY_S
            news = [spec for spec in listed if self._told.get(spec.id) != spec]
            self._told.update((spec.id, spec) for spec in news)
            sink([InstrumentListed(instrument=spec, received_ns=self._now_ns()) for spec in news])

    async def _listed(self) -> list[Instrument]:
        bases = sorted({base for name in self._hedges if (base := base_of(name)) is not None})
        found = [spec for base in bases for spec in await self._gateway.instruments(base)]
        return [spec for spec in found if spec.id in self._hedges]
