"""Feeds, gateway, driver and ledger in this process against an exchange whose wire misbehaves on purpose."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.app.config import load
from bot.app.daemon import reached
from bot.app.live import Live
from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.decided import NOTHING, OrderMoved, Outcome, PhaseChanged
from bot.domain.ids import DERIBIT
from bot.domain.market_events import Quoted
from bot.domain.reasons import DistrustCause, Phase
from bot.domain.status import BookStatus
from bot.domain.time import Ns
from bot.engine import Engine
from bot.journal.ledger import Ledger
from bot.venues import stream
from bot.venues.budget import OrderRate
from bot.venues.contract import Edge
from bot.venues.deribit_feed import AccountFeed, MarketFeed
from bot.venues.link import Link
from bot.venues.registry import venue_named
from bot.venues.settings import CCXT, DERIBIT_WS

pytestmark = pytest.mark.virtual

_WAIT_S, _PERPETUAL = 60.0, "BTC-PERPETUAL"

Tamper = Callable[[bytes], list[bytes]]
"""What becomes of a frame on its way to the bot."""


def _is_notification(frame: bytes, channel: bytes = b"") -> bool:
    return b'"subscription"' in frame[:80] and b'"channel":"' + channel in frame


class _TamperedConnection:
    """A connection on which somebody sits."""

    def __init__(self, connection: stream.Connection, tamper: Tamper) -> None:
        self._connection, self._tamper = connection, tamper

    async def read(self, take: stream.Take) -> None:
        def take_tampered(frame: bytes) -> None:
            for left in self._tamper(frame):
                take(left)

        await self._connection.read(take_tampered)

    def write(self, frame: bytes) -> None:
        self._connection.write(frame)

    async def close(self) -> None:
        await self._connection.close()


class _Watcher:
    """The witness: keeps everything."""

    def __init__(self) -> None:
        self.told: list[tuple[ev.Event, Outcome]] = []

    def applied(self, _book: str, _seq: int, event: ev.Event, outcome: Outcome) -> None:
        self.told.append((event, outcome))

    def passed(self, stretch: Any) -> None:
        self.told += [each[2:] if isinstance(each, tuple) else (each.newest, NOTHING) for each in stretch]

    def stalled(self, seconds: float) -> None:
        del seconds

    def events(self, *kinds: type) -> list[Any]:
        return [event for event, _ in self.told if isinstance(event, kinds)]

    def notes(self, kind: type) -> list[Any]:
        return [note for _, outcome in self.told for note in outcome.notes if isinstance(note, kind)]

    def orders(self) -> list[PlaceOrder]:
        return [c for _, outcome in self.told for c in outcome.commands if isinstance(c, PlaceOrder)]


class _Run:
    """One driver with everything real but the clock's process."""

    def __init__(self, live: Live, watcher: _Watcher, ledger: Ledger, task: asyncio.Task[None]) -> None:
        self.live, self.watcher, self.ledger, self.task = live, watcher, ledger, task

    def status(self) -> BookStatus:
        return self.live.statuses()[0]

    def moves(self, label: str) -> list[str]:
        """States an order went through."""
        return [note.state_after for note in self.watcher.notes(OrderMoved) if note.label == label]

    def is_hedged(self) -> bool:
        """Running, nothing open, net delta in the band."""
        status = self.status()
        seen = status.decided
        if status.phase is not Phase.RUNNING or status.orders_live or seen is None:
            return False
        return _PERPETUAL in status.positions_native and seen.reason in {"inside_band", "below_trade_min"}

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + _WAIT_S
        while not holds():
            assert not self.task.done(), self.task
            kinds = Counter(type(event).__name__ for event, _ in self.watcher.told)
            assert time.monotonic() < deadline_s, f"{what} never came: {self.status()}; {kinds}"
            await asyncio.sleep(0.01)


def _settings(venue: Any, way: str) -> dict[str, object]:
    address = {"ws_url": f"ws://{venue.address}/ws/api/v2", "rest_url": f"http://{venue.address}", "gateway": way}
    return {"venue": {**address, "client_id": "demo", "client_secret": "demo"}, "run": {"reconcile_interval_s": 60.0}}


@asynccontextmanager
async def _hedging(
    venue: Any,
    folder: Path,
    root: Path,
    *,
    market: Tamper | None = None,
    account: Tamper | None = None,
    way: str = CCXT,
) -> AsyncIterator[_Run]:
    config = load(root / "config/testnet.toml", _settings(venue, way), run_tag="t1")
    now_ns = lambda: Ns(time.time_ns())  # noqa: E731 - a clock

    def link(tamper: Tamper | None) -> Link:
        async def connect(url: str) -> stream.Connection:
            connection = await stream.connect(url)
            return connection if tamper is None else _TamperedConnection(connection, tamper)

        return Link(settings=config.venue, now_ns=now_ns, rng=random.Random(1), connect=connect)

    begun = {"run_id": "t1", "started_ns": now_ns(), "mode": "testnet", "config_hash": "", "version": "0"}
    ledger = Ledger.open(f"sqlite:///{folder}/faults.db", **begun)
    gateway = venue_named("deribit").gateway(link(None), OrderRate())
    book = config.books[0]
    watcher = _Watcher()
    feeds = (MarketFeed(link(market), hedges=[book.hedge_instrument]), AccountFeed(link(account)))
    edge = Edge(venue=DERIBIT, gateway=gateway, feeds=feeds)
    live = Live({"BTC": Engine(book)}, (edge,), ledger, watcher, now_ns=now_ns, tick_interval_s=0.2)
    await reached(gateway.open)
    first = [ev.InstrumentListed(instrument=spec, received_ns=now_ns()) for spec in await gateway.instruments("BTC")]
    task = asyncio.create_task(live.run(first))
    try:
        yield _Run(live, watcher, ledger, task)
    finally:
        live.request_stop("the test is over")
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), _WAIT_S)
        await gateway.close()
        ledger.close()


async def _assert_agreed(run: _Run, venue: Any) -> None:
    """The venue's positions are ours, and no label stands on two orders."""
    ours = {name: amount.normalize() for name, amount in run.status().positions_native.items()}
    assert await venue.positions() == ours
    by_label: dict[str, set[str]] = {}
    for trade in await venue.trades():
        by_label.setdefault(trade["label"], set()).add(trade["order_id"])
    assert [label for label, orders in by_label.items() if len(orders) != 1] == []


@pytest.mark.asyncio
@pytest.mark.parametrize(("way", "loses_socket"), [(CCXT, False), (DERIBIT_WS, False), (DERIBIT_WS, True)])
async def test_a_lost_reply_is_looked_up_by_label_and_the_order_exists_once(
    local_venue: Callable[..., Any], tmp_path: Path, repo_root: Path, *, way: str, loses_socket: bool
) -> None:
    """Neither reply nor private message: unknown, asked for, found filled, booked once."""

    def swallow_changes(frame: bytes) -> list[bytes]:
        return [] if _is_notification(frame, b"user.changes") else [frame]

    async with local_venue() as (local, venue):
        local.faults.lose_reply("private/sell")
        async with _hedging(venue, tmp_path, repo_root, account=swallow_changes, way=way) as run:
            if loses_socket:
                await run.until(lambda: bool(local._venue.exchange.trades_of("demo")), "a trade at the venue")
                assert local.faults.drop_sockets() == 3
            await run.until(run.is_hedged, "a hedge")

            first = run.watcher.orders()[0].label
            # Its fill may be heard of first, from a look at the account: the order itself is found by its label.
            await run.until(lambda: run.moves(first)[-1] == "filled", "the order found filled")
            assert run.moves(first)[0] == "unknown"
            assert len({t["order_id"] for t in await venue.trades() if t["label"] == first}) == 1
            await _assert_agreed(run, venue)


@pytest.mark.asyncio
async def test_dropped_sockets_come_back_and_the_account_is_looked_at_again(
    local_venue: Callable[..., Any], tmp_path: Path, repo_root: Path
) -> None:
    """Both sockets cut: told, not trading, back, reconciled, in band."""
    async with local_venue() as (local, venue), _hedging(venue, tmp_path, repo_root) as run:
        await run.until(run.is_hedged, "a hedge")
        assert local.faults.drop_sockets() == 2
        await run.until(lambda: len(run.watcher.events(ev.StreamLost)) == 2, "both losses")
        await run.until(lambda: len(run.watcher.events(ev.StreamRestored)) == 4, "both streams back")
        await run.until(run.is_hedged, "being in band again")
        await run.until(lambda: len(run.watcher.notes(PhaseChanged)) == 3, "three phases told")  # told after it is so

        phases = [note.phase_after for note in run.watcher.notes(PhaseChanged)]
        assert phases == [Phase.RUNNING, Phase.RECONCILING, Phase.RUNNING]
        await _assert_agreed(run, venue)


@pytest.mark.asyncio
async def test_a_gap_in_the_book_is_distrusted_until_it_is_read_anew(
    local_venue: Callable[..., Any], tmp_path: Path, repo_root: Path
) -> None:
    """A change that does not follow the last one: no touch until a new snapshot."""
    async with local_venue() as (local, venue), _hedging(venue, tmp_path, repo_root) as run:
        await run.until(run.is_hedged, "a hedge")
        local.faults.gap_book(_PERPETUAL)
        await run.until(lambda: bool(run.watcher.events(ev.QuoteDistrusted)), "distrust")
        place = len(run.watcher.told)
        await run.until(lambda: any(isinstance(e, Quoted) for e, _ in run.watcher.told[place:]), "a new touch")

        told = {(event.instrument, event.cause) for event in run.watcher.events(ev.QuoteDistrusted)}
        assert told == {(_PERPETUAL, DistrustCause.BOOK_GAP)}
        assert run.watcher.events(ev.StreamLost) == []
        await run.until(run.is_hedged, "being in band again")


@pytest.mark.asyncio
async def test_a_hedge_book_the_venue_does_not_subscribe_is_loud_and_nothing_is_traded(
    local_venue: Callable[..., Any], tmp_path: Path, repo_root: Path
) -> None:
    """Left out of the acknowledgement in silence: told as a lost stream that names it; traded once it is there."""
    async with local_venue() as (local, venue):
        local.faults.mute_channel(f"book.{_PERPETUAL}.raw")
        async with _hedging(venue, tmp_path, repo_root) as run:
            await run.until(lambda: bool(run.watcher.events(ev.StreamLost)), "a lost stream")
            told = [(lost.stream, lost.cause) for lost in run.watcher.events(ev.StreamLost)]
            assert told[0] == (ev.StreamName.MARKET, f"not subscribed to book.{_PERPETUAL}.raw")
            assert run.watcher.orders() == []

            local.faults.unmute_channel(f"book.{_PERPETUAL}.raw")
            await run.until(run.is_hedged, "a hedge")


@pytest.mark.asyncio
async def test_an_option_the_venue_does_not_subscribe_is_distrusted_and_not_guessed(
    local_venue: Callable[..., Any], tmp_path: Path, repo_root: Path
) -> None:
    """A leg without data leaves the delta an interval: refused, until the channel is there."""
    async with local_venue() as (local, venue):
        name = next(name for name in await venue.positions() if name.endswith("-C"))
        channel = f"ticker.{name}.100ms"
        local.faults.mute_channel(channel)
        async with _hedging(venue, tmp_path, repo_root) as run:
            await run.until(lambda: bool(run.watcher.events(ev.QuoteDistrusted)), "distrust")
            distrusted = run.watcher.events(ev.QuoteDistrusted)[0]
            assert (distrusted.instrument, distrusted.cause) == (name, DistrustCause.NOT_SUBSCRIBED)
            decided = run.status().decided
            assert decided is not None
            assert (decided.action, decided.reason, run.watcher.orders()) == ("refuse", "delta_uncertain", [])

            local.faults.unmute_channel(channel)
            await run.until(run.is_hedged, "a hedge")


@pytest.mark.asyncio
@pytest.mark.parametrize("way", [CCXT, DERIBIT_WS])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(10028, "too_many_requests", id="back off"),
        pytest.param(13888, "timed_out", id="not executed"),
        pytest.param(10007, "price_too_high", id="quote again"),
        pytest.param(13028, "temporarily_unavailable", id="unknown, looked up"),
    ],
)
async def test_after_a_refusal_that_passes_the_hedge_is_made_under_a_new_label(
    local_venue: Callable[..., Any], tmp_path: Path, repo_root: Path, *, code: int, message: str, way: str
) -> None:
    """Waited or looked up, decided anew; the refused order never comes to exist."""
    async with local_venue() as (local, venue):
        local.faults.refuse("private/sell", code, message)
        async with _hedging(venue, tmp_path, repo_root, way=way) as run:
            await run.until(run.is_hedged, "a hedge")

            first = run.watcher.orders()[0].label
            assert first not in {trade["label"] for trade in await venue.trades()}
            await _assert_agreed(run, venue)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "message", "phase"),
    [
        pytest.param(-32602, "Invalid params", Phase.HALTED, id="our bug"),
        pytest.param(13021, "forbidden", Phase.HALTED, id="key"),
        pytest.param(10038, "position_limit", Phase.HALTED, id="venue's limit"),
        pytest.param(10009, "not_enough_funds", Phase.RUNNING, id="no funds: waits"),
    ],
)
async def test_after_a_refusal_that_lasts_nothing_more_is_sent(
    local_venue: Callable[..., Any], tmp_path: Path, repo_root: Path, *, code: int, message: str, phase: Phase
) -> None:
    """Trying again cannot help: halted, or waiting for money; one order was sent."""
    async with local_venue() as (local, venue):
        local.faults.refuse("private/sell", code, message, times=100)
        async with _hedging(venue, tmp_path, repo_root) as run:
            await run.until(lambda: bool(run.watcher.events(ev.OrderRefused)), "a refusal")
            refused_ns = run.status().now_ns
            await run.until(lambda: run.status().now_ns > refused_ns + 600_000_000, "some more decisions")

            assert run.status().phase is phase
            assert len(run.watcher.orders()) == 1
            assert await venue.trades() == []


_NUMBERS = b'"best_bid_price":', b'"best_ask_price":', b'"mark_iv":', b'"mark_price":', b'"underlying_price":'


def _replace_numbers(value: bytes) -> Tamper:
    def tamper(frame: bytes) -> list[bytes]:
        for key in _NUMBERS:
            head, found, rest = frame.partition(key)
            if found:
                end = min(place for place in (rest.find(b","), rest.find(b"}")) if place >= 0)
                frame = head + found + value + rest[end:]
        return [frame]

    return tamper


_RUBBISH: dict[str, Tamper] = {
    "truncated": lambda frame: [frame[: len(frame) // 2]],
    "NaN": _replace_numbers(b"NaN"),
    "off the scale": _replace_numbers(b"1e999"),
    "null": _replace_numbers(b"null"),
    "string for number": _replace_numbers(b'"65000"'),
    "negative": _replace_numbers(b"-1.0"),
    "unknown instrument": lambda frame: [frame.replace(b"BTC-", b"XYZ-")],
    "not JSON": lambda _: [b"\x00\xff{{{"],
    "empty": lambda _: [b""],
    "another shape": lambda _: [b"[]", b"1", b"null", b'{"method":"subscription"}'],
}


@pytest.mark.asyncio
async def test_rubbish_for_market_data_is_never_traded_on(
    local_venue: Callable[..., Any], tmp_path: Path, repo_root: Path
) -> None:
    """Every market message is spoilt, each way: counted or ignored, no order, no crash, no halt by a failed task."""

    async def bear(kind: str, venue: Any) -> None:
        def tamper(frame: bytes) -> list[bytes]:
            return _RUBBISH[kind](frame) if _is_notification(frame) else [frame]

        folder = tmp_path / kind
        folder.mkdir()
        async with _hedging(venue, folder, repo_root, market=tamper) as run:
            await run.until(lambda: run.status().phase is Phase.RUNNING, f"{kind}: a reconciled account")
            began_ns = run.status().now_ns
            await run.until(lambda: run.status().now_ns > began_ns + 1_000_000_000, "some more decisions")
            assert (kind, run.watcher.orders(), run.status().phase) == (kind, [], Phase.RUNNING)

    async with local_venue() as (_, venue):
        await asyncio.gather(*(bear(kind, venue) for kind in _RUBBISH))
        assert await venue.trades() == []


@pytest.mark.asyncio
async def test_a_spoilt_account_message_starts_the_socket_anew_and_loses_no_fill(
    local_venue: Callable[..., Any], tmp_path: Path, repo_root: Path
) -> None:
    """It may have been a fill: reconnect, look at the account, agree with the venue."""
    spoilt: list[bytes] = []

    def spoil_first_change(frame: bytes) -> list[bytes]:
        if _is_notification(frame, b"user.changes") and not spoilt:
            spoilt.append(frame)
            return [frame[:-20]]
        return [frame]

    async with local_venue() as (_, venue), _hedging(venue, tmp_path, repo_root, account=spoil_first_change) as run:
        await run.until(lambda: bool(run.watcher.events(ev.MessageMalformed)), "a malformed message")
        lost = lambda: [e for e in run.watcher.events(ev.StreamLost) if e.stream is ev.StreamName.ACCOUNT]  # noqa: E731
        await run.until(lambda: bool(lost()), "a new start")
        await run.until(run.is_hedged, "being in band")

        await _assert_agreed(run, venue)
        assert len({fill.fill_id for fill in run.ledger.fills()}) == len(await venue.trades())
