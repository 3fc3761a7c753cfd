"""What looking at a bot costs it: metrics and dashboard on the tick path, ten viewers, the page, a day's curves.

Messages are decoded from bytes and decided on, 20 legs, with and without metrics and dashboard, in short turns, by the
processor time of the thread: bare, where decoder and engine are all there is and one decision is for 20 messages; and
in the daemon's own driver with tape, ledger and log, one decision for each message, as they come off a socket. Viewers
read the stream from a process of their own; a decision is late by what the loop had to do for them. A day is answered
from 1,440 samples in memory; at the start they are read out of the ledger, here one of a million decisions
(`ledger_day_s`: read, taken over, rendered). Prints one JSON object; asserts nothing.
"""

import argparse
import asyncio
import contextlib
import gc
import importlib.util
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from aiohttp import ClientSession
from bench_engine import START_NS, book, engine_with, option_marked
from daemon_desk import DaemonDesk
from msgspec import structs
from peer import ticker_frame

from bot.app.keepers import Applied
from bot.app.lookout import Lookout
from bot.app.recalling import recalling
from bot.app.untold import HELD_MAX, Untold
from bot.domain.events import Ticked
from bot.domain.time import NS_PER_DAY, NS_PER_MS, NS_PER_S, Ns
from bot.journal.ledger import Ledger
from bot.journal.rows import decision_row
from bot.journal.schema import decisions
from bot.journal.statements import statements_of
from bot.observe.board import Board
from bot.observe.metrics import Metrics
from bot.observe.passed import Passed, Stretch
from bot.observe.tail import Tail
from bot.venues import deribit
from bot.web.dashboard import Dashboard
from bot.web.server import HealthServer

_LEGS = 20
_HEADER_BYTES = 4
"""Of the websocket frame the peer would send."""
_VIEWERS = 10
_BURST_EVERY_S = 0.005
_DECISIONS = 1_000_000
_PAIRS_PER_TURN = 24
"""Of short pieces, one with and one without: what else the machine does then weighs on both."""
_DECISIONS_PER_PIECE = HELD_MAX
"""What is held is told twice in each piece: a decision and the market events before it are two of what it counts."""


class Desk:
    """An engine that is fed, and who is told of it."""

    def __init__(self) -> None:
        """Nothing decided yet."""
        self.engine, self.names = engine_with(_LEGS)
        for name in self.names:
            self.engine.apply(option_marked(name, START_NS, 0))
        stamp_ms = START_NS // NS_PER_MS
        self.frames = [
            [ticker_frame(name, 65_000.0 + burst, stamp_ms + burst)[_HEADER_BYTES:] for name in self.names]
            for burst in range(100)
        ]
        self._turn = 0
        self._untold = Untold()
        self.now_ns = START_NS
        self.metrics = Metrics(["BTC"], now_ns=lambda: self.now_ns)
        self.metrics.follow(lambda: (self.engine.status(),))
        self.lookout = Lookout(Board(run_id="bench", mode="bench", books=["BTC"]), [book()], later=lambda _: None)
        self.lookout.follow({"BTC": self.engine})

    def burst(self, *, is_told: bool) -> None:
        """A message of each leg, one decision; then metrics and dashboard are told, as after the orders have left."""
        self._turn += 1
        self.now_ns = now_ns = Ns(START_NS + self._turn * NS_PER_MS)
        untold, engine = self._untold, self.engine
        for frame in self.frames[self._turn % len(self.frames)]:
            events = deribit.decode(frame, now_ns)
            assert isinstance(events, tuple), "a ticker is events"
            for event in events:
                untold.add("BTC", engine.seq, event, engine.apply(event))
        tick = Ticked(now_ns=now_ns)
        untold.add("BTC", engine.seq, tick, engine.apply(tick))
        untold.fresh()
        for entry in untold.take():
            if is_told:
                self._tell(entry)

    def _tell(self, entry: Applied | Stretch) -> None:
        """As the witness of a run does."""
        if isinstance(entry, tuple):
            self.metrics.applied(entry[0], *entry[2:])
            self.lookout.ticked("BTC", self.now_ns)
            self.lookout.saw(*entry)
            return
        self.metrics.passed(entry)
        for each in entry:
            if not isinstance(each, Passed) and isinstance(each[2], Ticked):
                self.lookout.ticked(each[0], each[2].now_ns)


def share_of(pairs: Sequence[tuple[float, float]]) -> float:
    """How much of the throughput is lost, from seconds without and with: the median of all pairs."""
    return round(statistics.median(1.0 - without_s / with_s for without_s, with_s in pairs), 4)


def bare_pairs(desk: Desk, turns: int) -> list[tuple[float, float]]:
    """Decoder and engine alone: seconds of so many bursts without, and with."""

    def took_s(*, is_told: bool) -> float:
        began_s = time.thread_time()
        for _ in range(_DECISIONS_PER_PIECE):
            desk.burst(is_told=is_told)
        return time.thread_time() - began_s

    return [(took_s(is_told=False), took_s(is_told=True)) for _ in range(turns * _PAIRS_PER_TURN)]


async def daemon_pairs(desk: Desk, turns: int) -> list[tuple[float, float]]:
    """The daemon's own path: seconds of so many messages without, and with."""
    frames = list(chain.from_iterable(desk.frames))[:_DECISIONS_PER_PIECE]

    async def took_s(daemon: DaemonDesk) -> float:
        began_s = time.thread_time()
        for frame in frames:
            await daemon.take(frame)
        return time.thread_time() - began_s

    with tempfile.TemporaryDirectory() as folder:
        blind = DaemonDesk(Path(folder) / "blind", desk.names, is_watched=False)
        watched = DaemonDesk(Path(folder) / "watched", desk.names, is_watched=True)
        async with blind.running(), watched.running():
            return [(await took_s(blind), await took_s(watched)) for _ in range(turns * _PAIRS_PER_TURN)]


# --- viewers -------------------------------------------------------------------------------------------


async def view(port: int) -> None:
    """Read the streams of all viewers until standard input ends."""

    async def one(session: ClientSession) -> None:
        async with session.get(f"http://127.0.0.1:{port}/stream") as response:
            async for _ in response.content.iter_any():
                pass

    async with ClientSession() as session:
        reading = [asyncio.create_task(one(session)) for _ in range(_VIEWERS)]
        sys.stdout.write("reading\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


@contextlib.contextmanager
def viewers(port: int) -> Iterator[None]:
    """Ten of them, in a process of their own."""
    words = [sys.executable, __file__, "--view", str(port)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.communicate()


async def lateness_us(desk: Desk, bursts: int) -> list[float]:
    """From when a burst was due to its decision."""
    found: list[float] = []
    due_s = time.perf_counter() + _BURST_EVERY_S
    for _ in range(bursts):
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        desk.burst(is_told=False)
        found.append((time.perf_counter() - due_s) * 1e6)
        due_s = max(due_s, time.perf_counter()) + _BURST_EVERY_S
    return found


async def decisions_beside_viewers(desk: Desk, port: int, dashboard: Dashboard, turns: int) -> dict[str, float]:
    """99th percentile of a decision's lateness, alone and beside viewers, in turns."""
    alone, beside = [], []
    for _ in range(turns):
        alone += await lateness_us(desk, 400)
        with viewers(port):
            while dashboard.viewers_count < _VIEWERS:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            beside += await lateness_us(desk, 400)
        while dashboard.viewers_count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    p99 = [sorted(times)[int(len(times) * 0.99)] for times in (alone, beside)]
    return {
        "p99_alone_us": round(p99[0], 1),
        "p99_beside_10_viewers_us": round(p99[1], 1),
        "ratio_p99": round(p99[1] / p99[0], 3),
        "ratio_p50": round(statistics.median(beside) / statistics.median(alone), 3),
    }


# --- the page and the day ------------------------------------------------------------------------------


async def page_ready_s(port: int) -> float | None:
    """From the address to figures that are live, in a browser that is running already; None without a Chromium."""
    path = shutil.which("chromium")
    if path is None:
        return None
    spec = importlib.util.spec_from_file_location("browsing", Path(__file__).parents[1] / "browser/conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ready = "document.querySelectorAll('#figures .figure').length > 0 && performance.now()"
    async with module.browser(path) as page:
        found = []
        for _ in range(5):
            await page.open(f"http://127.0.0.1:{port}/")
            found.append(await page.until(ready))
            await page.ask("Page.navigate", url="about:blank")
    return float(statistics.median(found)) / 1_000.0


def fill_board(desk: Desk) -> None:
    """A day of samples."""
    status = desk.engine.status()
    decided = status.decided
    assert decided is not None
    for minute in range(1_441):
        at_ns = Ns(START_NS + minute * 60 * NS_PER_S)
        desk.lookout.board.sample(structs.replace(status, now_ns=at_ns, decided=structs.replace(decided, now_ns=at_ns)))


async def day_s(port: int) -> float:
    """A day's curves, asked for as the page does; median of ten."""
    found = []
    async with ClientSession() as session:
        for _ in range(10):
            began_s = time.perf_counter()
            async with session.get(f"http://127.0.0.1:{port}/history?book=BTC&span=day") as response:
                assert len((await response.json())["dots"]) >= 1_440
            found.append(time.perf_counter() - began_s)
    return statistics.median(found)


def ledger_day_s() -> float:
    """The last day out of a ledger of a million decisions, all of that day, to the JSON the page draws."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:  # noqa: S108
        url, began_ns = f"sqlite:///{folder}/ledger.db", START_NS
        words = {"mode": "bench", "config_hash": "", "version": ""}
        ledger = Ledger.open(url, run_id="before", started_ns=began_ns, **words)
        desk = Desk()
        desk.burst(is_told=False)
        decided = desk.engine.status().decided
        assert decided is not None
        first = list(decision_row("before", decided))
        seq, now_ns = (list(decisions.c.keys()).index(name) for name in ("seq", "now_ns"))
        step_ns = NS_PER_DAY // _DECISIONS

        def made() -> Iterator[tuple[object, ...]]:
            for number in range(_DECISIONS):
                first[seq], first[now_ns] = 7 * number, began_ns + number * step_ns
                yield tuple(first)

        ledger.abandon()
        raw = sqlite3.connect(f"{folder}/ledger.db")
        with raw:
            raw.executemany(statements_of("sqlite").decision, made())
        raw.close()
        board = Board(run_id="now", mode="bench", books=["BTC"])
        began_s = time.perf_counter()
        asyncio.run(recalled(board, url, Ns(began_ns + NS_PER_DAY)))
        found = msgspec.json.encode((board.history("BTC", "day"), board.told()))
        took_s = time.perf_counter() - began_s
        assert len(json.loads(found)[0]["dots"]) >= 1_400
        return took_s


async def recalled(board: Board, url: str, now_ns: Ns) -> None:
    """As at a start."""
    told = asyncio.Event()

    class Teller:
        """Of the bench."""

        def recalled(self, *_: object) -> None:
            """Found."""
            told.set()

        def unrecalled(self, cause: str) -> None:
            """Not found."""
            raise AssertionError(cause)

    async with recalling(board, url, lambda: now_ns, Teller()):
        await told.wait()


async def measured(turns: int) -> dict[str, object]:
    """Everything, over one server."""
    desk = Desk()
    desk.burst(is_told=True)
    shares = {
        "share_of_throughput": share_of(bare_pairs(desk, turns)),
        "share_of_daemon": share_of(await daemon_pairs(desk, turns)),
    }
    fill_board(desk)
    dashboard = Dashboard(desk.lookout, Tail(), is_live=True, now_ns=lambda: desk.now_ns)
    server = HealthServer(
        host="127.0.0.1", port=0, metrics=desk.metrics, now_ns=lambda: desk.now_ns, dashboard=dashboard
    )
    server.follow(desk.lookout.statuses)
    port = await server.start()
    gc.collect()
    gc.freeze()  # as the daemon does
    try:
        return {
            "bench": "web",
            **shares,
            "decisions": await decisions_beside_viewers(desk, port, dashboard, turns),
            "page_ready_s": await page_ready_s(port),
            "day_s": round(await day_s(port), 4),
            "ledger_day_s": round(await asyncio.to_thread(ledger_day_s), 4),
        }
    finally:
        await server.stop()


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--view", type=int, help=argparse.SUPPRESS)
    options, _ = parser.parse_known_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if options.view is not None:
            runner.run(view(options.view))
            return
        found = runner.run(measured(options.turns))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
