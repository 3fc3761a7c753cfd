"""Prices and account of local venues over real sockets, as the table of venues makes them."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.events import AccountSeen, Event, Filled, StreamLost, StreamName, StreamRestored
from bot.domain.market_events import DepthSeen, FutureMarked, Quoted
from bot.venues import rest_account
from bot.venues.registry import venue_named


async def until(is_true: Callable[[], object]) -> None:
    """Wait for a condition, generously."""
    async with asyncio.timeout(60.0):
        while not is_true():  # noqa: ASYNC110 - the condition is in another task's data
            await asyncio.sleep(0.02)


def _is_whole(told: FutureMarked) -> bool:
    """Every channel has come."""
    return None not in (told.mark_usd, told.index_usd, told.funding_rate_8h, told.volume_usd_per_day)


@pytest.mark.asyncio
@pytest.mark.parametrize("at", ["okx", "binance"], indirect=True)
async def test_prices_and_account_through_a_loss(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices in our units; both streams are lost and restored with the venue's name; a fill is heard of by looking."""
    monkeypatch.setattr(rest_account, "_LOOK_S", 0.1)
    monkeypatch.setattr(rest_account, "_SILENCE_S_MAX", 0.5)
    events = list[Event]()
    venue, link = venue_named(at.name), at.link(is_testnet=None)
    feeds = (venue.market_feed(link, (at.instrument,), ()), venue.account_feed(link))
    tasks = [asyncio.ensure_future(feed.run(events.extend)) for feed in feeds]

    def of(kind: type[Any], stream: StreamName | None = None) -> list[Any]:
        found = [event for event in events if isinstance(event, kind)]
        return found if stream is None else [event for event in found if event.stream is stream]

    await until(lambda: any(_is_whole(item) for item in of(FutureMarked)))
    await until(lambda: of(AccountSeen) and of(DepthSeen))
    marked = next(item for item in reversed(of(FutureMarked)) if _is_whole(item))
    assert (marked.instrument, marked.bid_usd, marked.ask_usd) == (at.instrument, 63_999.5, 64_000.5)
    assert (marked.mark_usd, marked.index_usd, marked.ask_amount_native) == (64_000.0, 64_000.0, 10.0)
    depth = of(DepthSeen)[0]
    assert (depth.bids, depth.asks) == (((63_999.5, 10.0),), ((64_000.5, 10.0), (64_001.5, 10.0)))
    assert (marked.funding_rate_8h, marked.is_open, marked.volume_usd_per_day) == (0.0001, True, 3.2e9)
    at.venue.mid_usd = lambda: 63_000.0
    await until(lambda: of(Quoted)[-1].bid_native == 62_999.5)

    await at.gateway.place(at.order("-0.01", price_native=Decimal(62_900)))
    await until(lambda: of(Filled))
    assert (of(Filled)[0].label, of(Filled)[0].amount_native) == (at.order().label, Decimal("-0.01"))

    at.venue.drop()
    await until(lambda: of(StreamLost, StreamName.MARKET) and of(StreamLost, StreamName.ACCOUNT))
    at.venue.restore()
    await until(lambda: all(len(of(StreamRestored, name)) == 2 for name in StreamName))
    assert {event.venue for event in (*of(StreamLost), *of(StreamRestored), *of(AccountSeen))} == {at.name}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
