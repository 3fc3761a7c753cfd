"""The market now, from a venue's public data: no key, no order, closed again after a look.

Knows how to ask; what is computed from the answers is in `sheet`.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bot.app.greeks.snapshot import Quote, Snapshot
from bot.domain.errors import ConfigError, VenueUnreachable
from bot.domain.events import Event
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.venues.link import Link
from bot.venues.registry import Venue

_CHAIN_COUNT_MAX: Final = 400


class Patience(NamedTuple):
    """How long to wait."""

    answer_s: float = 15.0
    """For the wanted instruments."""
    chain_s: float = 1.5
    """After them, for the rest of their chains, which shapes the smile."""


Choose = Callable[[Snapshot], Sequence[InstrumentId]]
"""Which instruments are wanted, once listing and index are known."""


class _Market:
    """Collects what a feed delivers."""

    def __init__(self, listed: Sequence[Instrument]) -> None:
        self.listed = {item.id: item for item in listed}
        self.quotes: dict[InstrumentId, Quote] = {}
        self.changed = asyncio.Event()

    def take(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, OptionMarked):
                self.quotes[event.instrument] = Quote(
                    *(event.venue_ns, event.forward_usd, event.index_usd, event.iv_mark),
                    *(event.bid_native, event.ask_native, event.delivery_usd),
                )
            elif isinstance(event, FutureMarked):
                self.quotes[event.instrument] = Quote(
                    event.venue_ns, event.mark_usd, event.index_usd, None, event.bid_usd, event.ask_usd
                )
        self.changed.set()

    async def until(self, names: Sequence[InstrumentId], running: asyncio.Task[None], answer_s: float) -> bool:
        """Whether all of these were seen in time; whatever ends the feed is raised."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + answer_s
        while not all(name in self.quotes for name in names):
            self.changed.clear()
            news = loop.create_task(self.changed.wait())
            await asyncio.wait({news, running}, timeout=deadline_s - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            if running.done():
                running.result()
            if loop.time() >= deadline_s:
                return False
        return True


async def look(venue: Venue, link: Link, base: str, choose: Choose, patience: Patience | None = None) -> Snapshot:
    """Listing, index, the chosen instruments and their expiries' chains; VenueError when the venue does not answer.

    A chosen instrument that stays silent is not in the snapshot.
    """
    answer_s, chain_s = patience or Patience()
    inspector = venue.inspector(link)
    try:
        await inspector.reach()
        listed = await inspector.instruments(base)
    finally:
        await inspector.close()
    perpetuals = [item.id for item in listed if item.kind is Kind.PERPETUAL and item.is_inverse]
    if not perpetuals:
        raise ConfigError(f"--currency: the venue lists no perpetual on {base}, from which its index would be read")
    market = _Market(listed)
    feed = venue.market_feed(link, (), perpetuals)
    running = asyncio.get_running_loop().create_task(feed.run(market.take))
    try:
        if not await market.until(perpetuals, running, answer_s):
            raise VenueUnreachable(f"no ticker of {perpetuals[0]} within {answer_s:g} s")
        wanted = [name for name in choose(_snapshot(link, market)) if name in market.listed]
        feed.watch([*wanted, *_chains(market, wanted)])
        await market.until(wanted, running, answer_s)
        await asyncio.sleep(chain_s)
    finally:
        running.cancel()
        await asyncio.wait({running})
    return _snapshot(link, market)


def _snapshot(link: Link, market: _Market) -> Snapshot:
    return Snapshot(source=link.settings.ws_url, now_ns=link.now_ns(), listed=market.listed, quotes=dict(market.quotes))


def _chains(market: _Market, wanted: Sequence[InstrumentId]) -> list[InstrumentId]:
    """Options that share an expiry and a settlement with a wanted one."""
    keys = {(spec.expiry_ns, spec.settlement) for name in wanted if (spec := market.listed[name]).is_option}
    chain = [
        item.id
        for item in market.listed.values()
        if item.is_option and (item.expiry_ns, item.settlement) in keys and item.id not in wanted
    ]
    return chain[:_CHAIN_COUNT_MAX]
