"""The feeds of a paper account: the market overheard, the account's stream, and who looks after deliveries."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

from bot.domain.events import Event, Filled, StreamName, StreamRestored
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S
from bot.venues.contract import Sink
from bot.venues.paper.feeds import PaperMarketFeed
from bot.venues.paper.venue import ACCOUNT

PERP = InstrumentId("BTC-PERPETUAL")
Virtual = Callable[[Coroutine[object, object, None]], None]


class _Market:
    """A market feed that tells one thing."""

    def __init__(self, *events: Event) -> None:
        self.events = events
        self.watched: list[InstrumentId] = []

    async def run(self, sink: Sink) -> None:
        """Once."""
        sink(self.events)

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Remember."""
        self.watched += instruments


def test_the_paper_venue_hears_before_the_bot(paper: Any, virtual: Virtual) -> None:
    """A decision made on a frame finds the paper venue at that frame."""

    async def scene() -> None:
        await paper.open()
        market = _Market(paper.make.future_marked(mark_usd=99_000.0))
        feed = PaperMarketFeed(market, paper.venue)
        marks: list[float] = []
        await asyncio.sleep(1.0)
        await feed.run(lambda events: (paper.sink(events), marks.append(paper.venue.exchange.mark(PERP)[0])))
        feed.watch([PERP])

        assert (paper.events, marks, market.watched) == ([*market.events], [99_000.0], [PERP])

    virtual(scene())


def test_the_account_stream_comes_up_and_tells_fills(paper: Any, virtual: Virtual) -> None:
    """Restored at once, so that the bot reconciles; then what happens on the account."""

    async def scene() -> None:
        await paper.open()
        paper.account_feed.watch([PERP])
        task = asyncio.create_task(paper.account_feed.run(paper.sink))
        await asyncio.sleep(0.1)
        assert paper.events == [StreamRestored(stream=StreamName.ACCOUNT, received_ns=paper.now_ns() - 100_000_000)]
        await paper.gateway.place(paper.order())
        assert [type(event) for event in paper.events].count(Filled) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    virtual(scene())


def test_deliveries_are_asked_for_until_they_are_published(paper: Any, virtual: Virtual) -> None:
    """After an expiry, every fifteen seconds, also through a time when the venue does not answer."""

    async def scene() -> None:
        await paper.open()
        spec = paper.make.option()
        paper.skipped_ns += spec.expiry_ns - paper.now_ns() - 2 * NS_PER_S
        task = asyncio.create_task(paper.account_feed.run(paper.sink))
        await asyncio.sleep(1.5)
        assert "delivery btc_usd" not in paper.reader.asked
        paper.reader.is_reachable = False
        await asyncio.sleep(31.0)
        assert paper.reader.asked.count("delivery btc_usd") == 3
        paper.reader.is_reachable = True
        await asyncio.sleep(15.0)
        assert paper.venue.undelivered() != set()
        paper.reader.deliveries[spec.index_name, spec.expiry_ns] = 125_000.0
        await asyncio.sleep(15.0)
        assert paper.venue.undelivered() == set()
        assert paper.venue.exchange.balance_native(ACCOUNT, "BTC") == Decimal(10) + 2 * Decimal("0.2")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    virtual(scene())
