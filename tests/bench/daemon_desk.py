"""The daemon's own driver for benches, with tape, ledger, log and the profit taken apart, fed frame by frame.

Its venue says nothing by itself and the clock is the bench's: each frame comes a millisecond after the one before.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bench_engine import PERPETUAL, START_NS, book, future_marked, instrument
from bench_tick_to_order import StubGateway

from bot.app.attributing import Attributing
from bot.app.live import Live
from bot.app.lookout import Lookout
from bot.app.witness import RunWitness
from bot.domain import events as ev
from bot.domain.ids import DERIBIT, InstrumentId
from bot.domain.seen import PositionSeen
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.engine import Engine
from bot.journal.ledger import Ledger
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.observe.board import Board
from bot.observe.logs import open_log
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.observe.tail import Tail
from bot.observe.tally import Tally
from bot.venues import deribit
from bot.venues.contract import Edge, Sink


class _Account(StubGateway):
    """Holds one coin of each option."""

    def __init__(self, names: Sequence[InstrumentId], clock: "DaemonDesk") -> None:
        self._names = names
        self._clock = clock
        self.account_id = ""
        self.cancels_on_disconnect = True

    async def snapshot(self) -> Sequence[ev.Event]:
        amount = instrument(PERPETUAL).lot_native / 10
        seen = tuple(PositionSeen(instrument=name, amount_native=amount) for name in self._names)
        now_ns = self._clock.now_ns
        return (
            ev.SnapshotTaken(positions=seen, open_orders=(), fills=(), requested_ns=now_ns, received_ns=now_ns),
            future_marked(now_ns, 0),
        )


class _Feed:
    """Both streams are up; what comes over them is the bench's."""

    def __init__(self, clock: "DaemonDesk") -> None:
        self._clock = clock

    async def run(self, sink: Sink) -> None:
        sink([ev.StreamRestored(stream=stream, received_ns=self._clock.now_ns) for stream in ev.StreamName])
        await asyncio.Event().wait()

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        pass


class _Uncounted:
    """In the place of metrics where a daemon has none; a call of nothing is what its share is too small by."""

    def passed(self, stretch: object) -> None:
        pass

    def applied(self, book_name: str, event: object, outcome: object) -> None:
        pass


class DaemonDesk:
    """One daemon of a book with `names` as its options."""

    def __init__(self, folder: Path, names: Sequence[InstrumentId], *, is_watched: bool) -> None:
        """`is_watched`: metrics and dashboard are told."""
        folder.mkdir()
        self.now_ns = START_NS
        self._names = names
        self._engine = Engine(book())
        self._log = (folder / "log").open("w")
        log = open_log(now_ns=self._clock, style="json", stream=self._log, tail=Tail())
        tallies = {"BTC": Tally(trade_coin_min=0.005, sample_every_ns=Ns(NS_PER_S))}
        metrics = Metrics(["BTC"], now_ns=self._clock) if is_watched else _Uncounted()
        board = Board(run_id="bench", mode="testnet", books=["BTC"])
        lookout = Lookout(board, [book()]) if is_watched else None
        witness = RunWitness(Narrator(log, run_id="bench", venue=DERIBIT), metrics, tallies, None, lookout)  # type: ignore[arg-type]
        about = {"run_id": "bench", "started_ns": START_NS, "mode": "testnet", "version": "bench"}
        self._ledger = Ledger.open(f"sqlite:///{folder}/l.db", config_hash="bench", **about)  # type: ignore[arg-type]
        run = Manifest.of_this_process(config_digest="bench", books=(book(),), **about)  # type: ignore[arg-type]
        self._tape = Tape.open(folder / "run", run)
        edge = Edge(venue=DERIBIT, gateway=_Account(names, self), feeds=(_Feed(self),))
        engines = {"BTC": self._engine}
        self._live = Live(engines, (edge,), self._ledger, witness, now_ns=self._clock, tick_interval_s=3_600.0)
        self._live.tape_on(self._tape)
        self._live.attribute_on(Attributing([book()], witness.alarmed))
        witness.follow(self._live)
        witness.look_at(engines)

    def _clock(self) -> Ns:
        return self.now_ns

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Agrees with its venue, until the block ends."""
        specs = [instrument(name, strike_usd=float(name.split("-")[2])) for name in self._names]
        listed = [
            ev.InstrumentListed(instrument=spec, received_ns=START_NS) for spec in (instrument(PERPETUAL), *specs)
        ]
        task = asyncio.create_task(self._live.run(listed))
        try:
            while not self._engine.status().is_reconciled:
                await asyncio.sleep(0.01)
                self.now_ns = Ns(self.now_ns + NS_PER_MS)
                self._live.sink(())
            yield
        finally:
            self._live.request_stop("measured")
            await task
            self._tape.close()
            self._ledger.close(self.now_ns)
            self._log.close()

    async def take(self, frame: bytes) -> None:
        """As it comes off a socket: decoded, applied, decided on; the loop turns until all is written and told."""
        self.now_ns = Ns(self.now_ns + NS_PER_MS)
        events = deribit.decode(frame, self.now_ns)
        assert isinstance(events, tuple), "a ticker is events"
        self._live.sink(events)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
