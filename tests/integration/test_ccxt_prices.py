"""Prices over real sockets: ccxt.pro itself against a local fake of each venue's websocket."""

import asyncio
import gzip
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bot.domain.events import Event, QuoteDistrusted, StreamLost, StreamRestored
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.market_events import DepthSeen, FutureMarked, Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.venues import bybit, hyperliquid
from bot.venues.ccxt_feed import CcxtFeed, Prices
from bot.venues.link import Link
from bot.venues.settings import VenueSettings

Json = dict[str, Any]


class _Venue:
    """Takes subscriptions, sends what the test wants, cuts connections."""

    def __init__(self, greet: Callable[[Json], list[Json]]) -> None:
        self.asked: list[Json] = []
        self.other_paths: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.greet = greet
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, or something nobody should have asked for."""
        if request.path != "/ws":
            self.other_paths.append(request.path)
            return web.Response(status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            asked = json.loads(message.data)
            self.asked.append(asked)
            for told in self.greet(asked):
                await socket.send_json(told)
        return socket

    async def tell(self, told: Json) -> None:
        """On the newest connection."""
        await self.sockets[-1].send_json(told)


def _ms() -> int:
    return time.time_ns() // 1_000_000


def _bybit_book(kind: str, bids: list[list[str]], asks: list[list[str]]) -> Json:
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": 7, "seq": 8}
    return {"topic": "orderbook.1.BTCUSDT", "type": kind, "ts": _ms(), "data": data}


def _bybit_greet(asked: Json) -> list[Json]:
    if asked.get("op") != "subscribe":
        return []
    told: list[Json] = [{"success": True, "ret_msg": "", "conn_id": "c", "req_id": asked["req_id"], "op": "subscribe"}]
    for topic in asked["args"]:
        if topic == "orderbook.1.BTCUSDT":
            told.append(_bybit_book("snapshot", [["64000.10", "1.5"]], [["64000.20", "2"]]))
        elif topic == "tickers.BTCUSDT":
            data = {"symbol": "BTCUSDT", "markPrice": "64000.15", "indexPrice": "64010", "fundingRate": "0.0001"}
            whole = {**data, "fundingIntervalHour": "8", "bid1Price": "64000.10", "nextFundingTime": "1"}
            told.append({"topic": topic, "type": "snapshot", "ts": _ms(), "cs": 1, "data": whole})
            part = {"symbol": "BTCUSDT", "markPrice": "64000.25"}
            told.append({"topic": topic, "type": "delta", "ts": _ms(), "cs": 2, "data": part})
    return told


def _hyperliquid_greet(asked: Json) -> list[Json]:
    wanted = asked.get("subscription", {})
    told: list[Json] = [{"channel": "subscriptionResponse", "data": asked}]
    if wanted.get("type") == "l2Book":
        sides = [[{"px": "63999.0", "sz": "0.5", "n": 2}, {"px": "63998.0", "sz": "9", "n": 1}]]
        sides.append([{"px": "64001.0", "sz": "0.25", "n": 1}])
        told.append({"channel": "l2Book", "data": {"coin": wanted["coin"], "time": _ms(), "levels": sides}})
    elif wanted.get("type") == "activeAssetCtx":
        ctx = {"funding": "0.0000125", "markPx": "64000.0", "oraclePx": "64010.0", "midPx": "64000.0"}
        told.append({"channel": "activeAssetCtx", "data": {"coin": wanted["coin"], "ctx": ctx}})
    return told


_CASES: dict[str, tuple[Prices, InstrumentId, Callable[[Json], list[Json]]]] = {
    "bybit": (bybit.PRICES, InstrumentId("BYBIT:BTCUSDT"), _bybit_greet),
    "hyperliquid": (hyperliquid.PRICES, InstrumentId("HYPERLIQUID:BTC"), _hyperliquid_greet),
}


_FIRST_BOOK = ("orderbook.1.BTCUSDT", "snapshot")


class _Run:
    """A venue and the feed that listens to it."""

    def __init__(self, venue: _Venue, prices: Prices, name: InstrumentId) -> None:
        self.venue = venue
        self.prices = prices
        self.events: list[Event] = []
        settings = VenueSettings(
            venue=VenueId(prices.exchange), ws_url=venue.url, rest_url=venue.url, is_testnet=None, credentials=None
        )
        self.stopped_ns: Ns | None = None
        link = Link(settings=settings, now_ns=self._now_ns, rng=random.Random(1))
        self.task = asyncio.create_task(CcxtFeed(link, prices, [name]).run(self.events.extend))

    def _now_ns(self) -> Ns:
        return Ns(time.time_ns()) if self.stopped_ns is None else self.stopped_ns

    async def until(self, is_there: Callable[[list[Event]], bool]) -> None:
        """Wait for it, bounded."""
        async with asyncio.timeout(60.0):
            while not is_there(self.events):
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.01)

    async def next_mark(self, mark_usd: float = 64_000.0) -> FutureMarked:
        """With the mark: it comes with a touch, a tenth of a second after the one before at the soonest."""
        subscriptions = [asked for asked in self.venue.asked if "ook" in json.dumps(asked)]
        async with asyncio.timeout(60.0):
            while not (found := [event for event in self.of(FutureMarked) if event.mark_usd == mark_usd]):
                for told in self.venue.greet(subscriptions[-1]):
                    await self.venue.tell(told)
                await asyncio.sleep(0.05)
        marked: FutureMarked = found[-1]
        return marked

    def of(self, kind: type) -> list[Any]:
        """Events of a kind."""
        return [event for event in self.events if type(event) is kind]


@pytest_asyncio.fixture(params=_CASES)
async def run(request: pytest.FixtureRequest) -> AsyncIterator[_Run]:
    """Each venue in turn."""
    prices, name, greet = _CASES[request.param]
    venue = _Venue(greet)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", venue.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    venue.url = f"ws://127.0.0.1:{port}/ws"
    made = _Run(venue, prices, name)
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)
    await runner.cleanup()


@pytest.mark.asyncio
async def test_touch_mark_index_and_funding_arrive_and_a_cut_starts_anew(run: _Run) -> None:
    """Nothing but the two subscriptions is ever asked; after a cut they are asked again, on a new connection."""
    await run.until(lambda events: any(isinstance(event, StreamRestored) for event in events))

    marked = await run.next_mark(64000.25 if run.prices is bybit.PRICES else 64_000.0)
    quoted = run.of(Quoted)[0]
    assert quoted.bid_native < quoted.ask_native
    assert marked.index_usd == 64010.0
    # Of a book that comes whole, what stands behind the touch as well.
    assert bool(run.of(DepthSeen)) == (run.prices is hyperliquid.PRICES)
    assert all(event.bids[0][0] == quoted.bid_native for event in run.of(DepthSeen))
    assert marked.funding_rate_8h == pytest.approx(0.0001)
    wanted = [asked for asked in run.venue.asked if asked.get("op") != "ping" and asked.get("method") != "ping"]
    assert len(wanted) == 2

    await run.venue.sockets[0].close()
    await run.until(lambda events: sum(isinstance(event, StreamRestored) for event in events) == 2)
    assert len(run.of(StreamLost)) == 1
    assert len(run.venue.sockets) == 2
    assert run.venue.other_paths == []


@pytest.mark.asyncio
@pytest.mark.parametrize("run", ["bybit"], indirect=True)
async def test_bybit_levels_that_are_gone_do_not_stay(run: _Run) -> None:
    """A change that came without the one before it leaves two bids: distrusted, and a new connection's book counts."""
    await run.until(lambda events: any(isinstance(event, StreamRestored) for event in events))
    await run.next_mark(64000.25)  # ccxt merges a delta into the ticker

    await run.venue.tell(_bybit_book("delta", [["64000.10", "0"], ["63990.00", "1"]], []))
    await run.until(lambda _: run.of(Quoted)[-1].bid_native == 63990.0)
    await run.venue.tell(_bybit_book("delta", [["63980.00", "1"]], []))
    await run.until(lambda _: len(run.of(StreamRestored)) == 2)

    assert [event.cause for event in run.of(QuoteDistrusted)] == [DistrustCause.BOOK_GAP]
    assert run.of(Quoted)[-1].bid_native == 64000.1


def _recorded(run: _Run, shared_data: Path) -> tuple[Json, str, str]:
    """A book a venue really sent, with its best prices."""
    folder = shared_data / "messages" / run.prices.exchange
    if run.prices is bybit.PRICES:
        lines = map(json.loads, (folder / "tardis_node/bybit.jsonl").read_text().splitlines())
        frame = next(line for line in lines if (line.get("topic"), line.get("type")) == _FIRST_BOOK)
        return frame, frame["data"]["b"][0][0], frame["data"]["a"][0][0]
    with gzip.open(folder / "hftbacktest/btcusd_20250126.gz", "rt") as file:
        frame = next(told for told in (json.loads(line.partition(" ")[2]) for line in file) if "levels" in told["data"])
    return frame, frame["data"]["levels"][0][0]["px"], frame["data"]["levels"][1][0]["px"]


@pytest.mark.asyncio
@pytest.mark.realdata
async def test_a_recorded_book_comes_out_as_it_was_told_at_its_time_and_is_late_today(
    run: _Run, shared_data: Path
) -> None:
    """Of 2023 and 2025; with the clock of today none of it is believed."""
    frame, bid, ask = _recorded(run, shared_data)
    told_ms = frame.get("ts") or frame["data"]["time"]
    run.venue.greet = lambda asked: [frame] if "ook" in json.dumps(asked) else []

    await run.until(lambda _: bool(run.of(QuoteDistrusted)))
    assert {event.cause for event in run.of(QuoteDistrusted)} == {DistrustCause.STALE}
    run.stopped_ns = Ns((told_ms + 5) * 1_000_000)
    await run.venue.tell(frame)
    await run.until(lambda _: bool(run.of(Quoted)))

    (quoted,) = run.of(Quoted)
    assert (quoted.bid_native, quoted.ask_native) == (float(bid), float(ask))
    assert quoted.venue_ns == told_ms * 1_000_000
