"""Prices and account of a local OKX over real sockets, as the table of venues makes them."""

import asyncio
import random
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.commands import PlaceOrder
from bot.domain.events import AccountSeen, Event, Filled, StreamLost, StreamName, StreamRestored
from bot.domain.ids import InstrumentId, Label, VenueId
from bot.domain.market_events import FutureMarked, Quoted
from bot.domain.time import NS_PER_S, Ns
from bot.venues import rest_account
from bot.venues.budget import OrderRate
from bot.venues.link import Link
from bot.venues.registry import venue_named
from bot.venues.settings import Credentials, VenueSettings

PERP = InstrumentId("OKX:BTC-USDT-SWAP")


async def until(is_true: Callable[[], object]) -> None:
    """Wait for a condition, generously."""
    async with asyncio.timeout(30.0):
        while not is_true():  # noqa: ASYNC110 - the condition is in another task's data
            await asyncio.sleep(0.02)


@pytest.mark.asyncio
async def test_prices_and_account_through_a_loss(okx_venue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices in our units; both streams are lost and restored with the venue's name; a fill is heard of by looking."""
    monkeypatch.setattr(rest_account, "_LOOK_S", 0.1)
    monkeypatch.setattr(rest_account, "_SILENCE_S_MAX", 0.5)
    settings = VenueSettings(
        venue=VenueId("okx"),
        ws_url=okx_venue.ws_url,
        rest_url=okx_venue.rest_url,
        is_testnet=None,
        credentials=Credentials("okx-key", "okx-secret", "okx-passphrase"),
    )
    link = Link(settings=settings, now_ns=lambda: Ns(time.time_ns()), rng=random.Random(1))
    venue, events = venue_named("okx"), list[Event]()
    feeds = (venue.market_feed(link, (PERP,), ()), venue.account_feed(link))
    tasks = [asyncio.ensure_future(feed.run(events.extend)) for feed in feeds]

    def of(kind: type[Any], stream: StreamName | None = None) -> list[Any]:
        found = [event for event in events if isinstance(event, kind)]
        return found if stream is None else [event for event in found if event.stream is stream]

    await until(lambda: any(item.mark_usd and item.index_usd and item.funding_rate_8h for item in of(FutureMarked)))
    await until(lambda: of(AccountSeen))
    marked = of(FutureMarked)[-1]
    assert (marked.instrument, marked.bid_usd, marked.ask_usd, marked.mark_usd) == (PERP, 63_999.5, 64_000.5, 64_000.0)
    assert (marked.ask_amount_native, marked.is_open) == (10.0, True)
    okx_venue.mid_usd = lambda: 63_000.0
    await until(lambda: of(Quoted)[-1].bid_native == 62_999.5)

    gateway = venue.gateway(link, OrderRate())
    await gateway.open()
    await gateway.place(
        PlaceOrder(
            label=Label("hb1"),
            instrument=PERP,
            amount_native=Decimal("-0.01"),
            price_native=Decimal(62_900),
            arrival_mid_native=63_000.0,
            valid_until_ns=Ns(time.time_ns() + 5 * NS_PER_S),
            decided_seq=1,
        )
    )
    await until(lambda: of(Filled))
    assert (of(Filled)[0].label, of(Filled)[0].amount_native) == ("hb1", Decimal("-0.01"))

    okx_venue.drop()
    await until(lambda: of(StreamLost, StreamName.MARKET) and of(StreamLost, StreamName.ACCOUNT))
    okx_venue.restore()
    await until(lambda: all(len(of(StreamRestored, name)) == 2 for name in StreamName))
    assert {event.venue for event in (*of(StreamLost), *of(StreamRestored), *of(AccountSeen))} == {"okx"}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await gateway.close()
