"""The command as a function, and fakes of all the live driver touches: venue, feeds, journal, witness, one diary."""

import asyncio
import gzip
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.app import cli
from bot.app.config import Config, load
from bot.app.live import Live
from bot.domain import events as ev
from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.decided import Decided, Outcome
from bot.domain.errors import JournalError
from bot.domain.ids import DERIBIT, InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.status import BookStatus
from bot.domain.time import Ns, ns_from_iso
from bot.engine import Engine
from bot.observe.passed import Passed, Stretch
from bot.venues.contract import Edge, Sink

NOW = ns_from_iso("2026-03-01T10:00:00Z")
CALL = InstrumentId("BTC-27MAR26-100000-C")
_TURNS_MAX = 30_000


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, repo_root: Path) -> Callable[..., int]:
    """Run the `hedgebot` command in the checkout; its exit code."""
    monkeypatch.chdir(repo_root)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["hedgebot", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return 0 if ended.value.code is None else int(ended.value.code)

    return run


class FakeGateway:
    """A venue that fills every order at once; `answers` decides otherwise."""

    def __init__(self, make: Any, diary: list[str]) -> None:
        self._make = make
        self._diary = diary
        self.positions: dict[str, Decimal] = {CALL: Decimal(1)}
        self.placed: list[PlaceOrder] = []
        self.answer: Callable[[PlaceOrder], Sequence[ev.Event]] | None = None
        self.silence: asyncio.Event | None = None
        """While set and not `set()`, no order is answered."""
        self.listed: list[Sequence[Instrument] | Exception] = []
        """Answers to the next requests for instruments; then the usual list."""
        self.opened: list[Exception] = []
        """What the next attempts to open fail with."""
        self.listings_count = 0
        self.is_closed = False
        self.account_id = "7"
        self.cancels_on_disconnect = True

    async def open(self) -> None:
        """Fail as planned, then be open."""
        if self.opened:
            raise self.opened.pop(0)

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """The planned answer, or the call and the perpetual."""
        assert base == "BTC"
        self.listings_count += 1
        if self.listed:
            planned = self.listed.pop(0)
            if isinstance(planned, Exception):
                raise planned
            return tuple(planned)
        return (self._make.perpetual(), self._make.option())

    async def index_usd(self, index_name: str) -> float:
        """Always the same."""
        del index_name
        return 100_000.0

    async def place(self, command: PlaceOrder) -> Sequence[ev.Event]:
        """Fill it, unless told otherwise."""
        self._diary.append(f"place {command.label}")
        self.placed.append(command)
        if self.silence is not None:
            await self.silence.wait()
        return self.filled(command) if self.answer is None else self.answer(command)

    def filled(self, command: PlaceOrder) -> Sequence[ev.Event]:
        """The whole order, at its limit."""
        name, amount, number = command.instrument, command.amount_native, len(self.placed)
        self.positions[name] = self.positions.get(name, Decimal(0)) + amount
        order_id = f"V-{number}"
        return (
            ev.OrderAcked(label=command.label, order_id=order_id, received_ns=NOW),
            self._make.fill(f"T-{number}", str(amount), command.label, order_id=order_id),
            self._make.updated(command.label, "filled", str(abs(amount)), order_id=order_id),
        )

    async def cancel(self, command: CancelOrder) -> Sequence[ev.Event]:
        """Done."""
        self._diary.append(f"cancel {command.label}")
        return (self._make.updated(command.label, "cancelled", order_id=command.order_id),)

    async def look_up(self, command: LookUpOrder) -> Sequence[ev.Event]:
        """It was never there."""
        self._diary.append(f"look up {command.label}")
        return (ev.OrderAbsent(label=command.label, received_ns=NOW),)

    async def snapshot(self) -> Sequence[ev.Event]:
        """The positions as they are."""
        self._diary.append("snapshot")
        return (self._make.snapshot({name: str(amount) for name, amount in self.positions.items()}),)

    async def close(self) -> None:
        """Closed."""
        self.is_closed = True


class FakeFeed:
    """Delivers what it is given, then stays up; `error` ends it."""

    def __init__(self, events: Sequence[ev.Event] = (), error: Exception | None = None) -> None:
        self.events = events
        self.error = error
        self.watched: list[InstrumentId] = []

    async def run(self, sink: Sink) -> None:
        """Deliver, then fail or wait."""
        sink(self.events)
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Remember."""
        self.watched += instruments


class FakeJournal:
    """A ledger in memory that can fail."""

    def __init__(self, diary: list[str]) -> None:
        self._diary = diary
        self.refuses_intents = False
        self.refuses_records = False
        self.refuses_stops = False
        self.on_commit: Callable[[], None] = lambda: None
        self.recorded: list[tuple[str, ev.Event | None, Outcome]] = []
        self.flushes_count = 0

    def commit_intents(self, orders: Sequence[PlaceOrder], decided: Decided) -> None:
        """Durable, or not."""
        assert decided.action == "hedge"
        self.on_commit()
        if self.refuses_intents:
            raise JournalError("the disk is full")
        self._diary.extend(f"commit {order.label}" for order in orders)

    def commit_stops(self, book: str, notes: Sequence[object]) -> None:
        """Durable, or not."""
        if self.refuses_stops:
            raise JournalError("the disk is full")
        self._diary.extend(f"{type(note).__name__} {book}" for note in notes)

    def record(self, book: str, event: ev.Event | None, outcome: Outcome) -> None:
        """Remember, or fail."""
        if self.refuses_records:
            raise JournalError("the disk is full")
        self.recorded.append((book, event, outcome))

    def flush(self) -> None:
        """Count."""
        self.flushes_count += 1


class FakeWitness:
    """Remembers what it is told, in the diary too."""

    def __init__(self, diary: list[str]) -> None:
        self._diary = diary
        self.told: list[tuple[str, int, ev.Event, Outcome]] = []
        self.kinds: list[type[ev.Event]] = []
        """Of everything, what has passed too."""
        self.stalls_s: list[float] = []

    def passed(self, stretch: Stretch) -> None:
        """Remember."""
        for each in stretch:
            if isinstance(each, Passed):
                self.kinds += each.kinds
            else:
                self.applied(*each)

    def applied(self, book: str, seq: int, event: ev.Event, outcome: Outcome) -> None:
        """Remember."""
        self.kinds.append(type(event))
        self.told.append((book, seq, event, outcome))
        self._diary.extend(f"tell {c.label}" for c in outcome.commands if isinstance(c, PlaceOrder))

    def stalled(self, seconds: float) -> None:
        """Remember."""
        self.stalls_s.append(seconds)


class Shell:
    """A live driver of one BTC book long one call, over fakes; its market is fresh."""

    def __init__(self, make: Any, **change: object) -> None:
        self.make = make
        self.diary: list[str] = []
        self.gateway = FakeGateway(make, self.diary)
        self.journal = FakeJournal(self.diary)
        self.witness = FakeWitness(self.diary)
        self.market = FakeFeed(self.market_events())
        self.account = FakeFeed((ev.StreamRestored(stream=ev.StreamName.ACCOUNT, received_ns=NOW),))
        self.engines = {"BTC": Engine(make.book(**change))}
        self.live = self.driver()

    def driver(self) -> Live:
        """The driver; make it again after changing `engines`."""
        return Live(
            self.engines,
            self.edges(),
            self.journal,
            self.witness,
            now_ns=lambda: NOW,
            tick_interval_s=0.001,
        )

    def edges(self) -> tuple[Edge, ...]:
        """The one venue."""
        return (Edge(venue=DERIBIT, gateway=self.gateway, feeds=(self.market, self.account)),)

    def first(self) -> list[ev.Event]:
        """Specifications, as the daemon reads them before anything else."""
        specs = (self.make.perpetual(), self.make.option())
        return [ev.InstrumentListed(instrument=spec, received_ns=NOW) for spec in specs]

    def market_events(self) -> list[ev.Event]:
        """The market socket comes up and both instruments tick."""
        restored = ev.StreamRestored(stream=ev.StreamName.MARKET, received_ns=NOW)
        return [restored, self.make.option_marked(), self.make.future_marked()]

    def status(self) -> BookStatus:
        """Of the BTC book."""
        return next(status for status in self.live.statuses() if status.book == "BTC")

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the loop turn until something holds; bounded."""
        for _ in range(_TURNS_MAX):
            if holds():
                return
            await asyncio.sleep(0.001)
        message = f"never happened; status {self.status()}; diary {self.diary[-20:]}"
        raise AssertionError(message)

    @asynccontextmanager
    async def running(self, first: Sequence[ev.Event] | None = None) -> AsyncIterator[asyncio.Task[None]]:
        """The driver as a task; stopped in the end."""
        task = asyncio.create_task(self.live.run(self.first() if first is None else first))
        try:
            yield task
        finally:
            self.live.request_stop("the test is over")
            async with asyncio.timeout(60.0):
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def shell(make: Any) -> Shell:
    """A driver that hedges a call."""
    return Shell(make)


@pytest.fixture
def shell_with(make: Any) -> Callable[..., Shell]:
    """A driver with changed book parameters."""
    return lambda **change: Shell(make, **change)


@pytest.fixture
def config(repo_root: Path, tmp_path: Path) -> Config:
    """Of a test account; all of this machine in a folder of its own."""
    change = {
        "venue": {"client_id": "me", "client_secret": "s"},
        "ledger": {"url": f"sqlite:///{tmp_path}/var/l.db"},
        "tape": {"folder": tmp_path / "runs"},
        "health": {"port": 0},
    }
    return load(repo_root / "config/testnet.toml", change, run_tag="t")


@pytest.fixture
def now_ns() -> Ns:
    """The moment the fakes live in."""
    return NOW


_RECORDED_MS = 1_681_300_000_000


def _write_history(folder: Path, *moments: tuple[str, int, float], bid: float = 0.0135) -> Path:
    """Rows of a coin at (instrument, seconds after the start, index)."""
    with gzip.open(folder / f"{moments[0][0][:3].lower()}_get_order_book_5min.jsonl.gz", "wt") as file:
        for name, seconds, index_usd in moments:
            row = {
                "instrument_name": name,
                "timestamp": _RECORDED_MS + seconds * 1000,
                "underlying_price": index_usd + 10.0,
                "underlying_index": "BTC-14APR23",
                "index_price": index_usd,
                "mark_price": 0.0142,
                "mark_iv": 52.5,
                "bid_iv": 50.0,
                "ask_iv": 55.0,
                "best_bid_price": bid,
                "best_bid_amount": 5.0,
                "best_ask_price": 0.0145,
                "best_ask_amount": 3.2,
                "greeks": {"delta": 0.5},
                "open_interest": 3.5,
                "min_price": 0.0005,
                "max_price": 0.05,
            }
            file.write(json.dumps({"result": row}) + "\n")
    return folder


@pytest.fixture
def write_history() -> Callable[..., Path]:
    """Writes a recorded day: a folder, then (instrument, seconds after 2023-04-12 11:46:40, index) for each row."""
    return _write_history
