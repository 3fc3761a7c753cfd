"""The command `hedgebot record`: a venue's public market data onto a tape, without an account and without an order.

Knows feeds and the tape. There is no engine here, no key and no gateway: nothing could trade.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Protocol

import msgspec
import typer
import uvloop
from msgspec import Struct, structs

from bot import __version__
from bot.app import clock
from bot.app.config import Config, load
from bot.app.daemon import reached, signals
from bot.domain.decided import NOTHING, Outcome
from bot.domain.errors import ConfigError
from bot.domain.events import Event, InstrumentListed
from bot.domain.ids import InstrumentId, base_of
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, Ns
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.venues.contract import Feed, Reader
from bot.venues.link import Link
from bot.venues.registry import option_side_of, venue_named

_MODE: Final = "record"
_PUSH_EVERY_S: Final = 0.2
_PERCENT: Final = 100.0


class Wanted(Struct, frozen=True, kw_only=True):
    """Which options of a coin."""

    expiries_count: int
    strikes_percent: float
    """To each side of the index."""


class Recorded(Struct, frozen=True, kw_only=True):
    """What came of it."""

    folder: str
    seconds: float
    events_count: int
    instruments_count: int
    by_kind: dict[str, int]


class Keeper(Protocol):
    """What the recorder needs of a tape."""

    def take(self, book: str, seq: int, event: Event, outcome: Outcome | None) -> None:
        """Note an event."""

    def push(self) -> None:
        """Out of the reach of a kill on return, or JournalError."""


def record(
    config: Annotated[Path, typer.Option(help="TOML file: its venue, its books' coins and hedge instruments.")],
    *,
    seconds: Annotated[float | None, typer.Option(min=1.0, help="End by itself after this many seconds.")] = None,
    expiries: Annotated[int, typer.Option(min=0, max=40, help="So many nearest expiries of options.")] = 4,
    strikes: Annotated[
        float, typer.Option(min=0.1, max=1_000.0, help="Strikes up to so many % from the index.")
    ] = 25.0,
    to: Annotated[
        Path | None, typer.Option(help="Folder of the tape; default: one of its own in the tape folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Record a venue's market data without trading, until stopped; `backtest`, `exchange` and `tape` read it."""
    tag = secrets.token_hex(4)
    loaded = load(config, {}, run_tag=tag)
    folder = to or (loaded.tape_folder or Path("runs")) / f"record-{tag}"
    wanted = Wanted(expiries_count=expiries, strikes_percent=strikes)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(_record(loaded, folder, wanted, seconds))
    typer.echo(msgspec.json.encode(result).decode() if as_json else sentence(result))


def sentence(result: Recorded) -> str:
    """The result in one line."""
    kinds = ", ".join(f"{count:,} {name}" for name, count in result.by_kind.items())
    what = f"{result.events_count:,} events of {result.instruments_count} instruments in {result.seconds:.0f} s"
    return f"{result.folder}: {what} ({kinds})"


async def _record(config: Config, folder: Path, wanted: Wanted, seconds: float | None) -> Recorded:
    # A key would only let the feed ask for more than it needs.
    settings = structs.replace(config.venue, credentials=None)
    link = Link(settings=settings, now_ns=clock.now_ns, rng=secrets.SystemRandom())
    reader = option_side_of(settings.venue).reader(link)
    began_ns = clock.now_ns()
    run = Manifest.of_this_process(
        run_id=folder.name,
        mode=_MODE,
        started_ns=began_ns,
        version=__version__,
        config_digest=config.digest,
        books=config.books,
    )
    try:
        listed = await _listed(config, reader, wanted)
        hedges = config.hedges_at(settings.venue)
        options = [spec.id for spec in listed if spec.is_option]
        feed = venue_named(settings.venue).market_feed(link, hedges, options)
        with contextlib.closing(Tape.open(folder, run)) as tape:
            recorder = Recorder(tape, tuple(book.book for book in config.books))
            recorder.take([InstrumentListed(instrument=spec, received_ns=clock.now_ns()) for spec in listed])
            await _until_stopped(feed, recorder, seconds)
    finally:
        await reader.close()
    return Recorded(
        folder=str(folder),
        seconds=(clock.now_ns() - began_ns) / NS_PER_S,
        events_count=sum(recorder.by_kind.values()),
        instruments_count=len(listed),
        by_kind=recorder.by_kind,
    )


async def _listed(config: Config, reader: Reader, wanted: Wanted) -> list[Instrument]:
    """Hedge instruments and the options that are wanted, of every book."""
    await reached(reader.open)
    hedges = set(config.hedges_at(config.venue.venue))
    found: list[Instrument] = []
    for book in config.books:
        base = book.book
        specs = await reached(partial(reader.instruments, base))
        index_usd = await reached(partial(reader.index_usd, f"{base.lower()}_usd"))
        found += [spec for spec in specs if spec.id in hedges]
        found += chosen(specs, wanted, index_usd, clock.now_ns())
    missing = hedges - {spec.id for spec in found}
    if missing:
        raise ConfigError(f"books: {', '.join(sorted(missing))} is not open at the venue; check hedge_instrument")
    return found


def chosen(specs: Sequence[Instrument], wanted: Wanted, index_usd: float, now_ns: Ns) -> list[Instrument]:
    """Options of the nearest expiries ahead, with strikes near the index; in their order."""
    ahead = sorted({spec.expiry_ns for spec in specs if spec.is_option and spec.expiry_ns and spec.expiry_ns > now_ns})
    nearest = set(ahead[: wanted.expiries_count])
    reach_usd = index_usd * wanted.strikes_percent / _PERCENT
    return [
        spec
        for spec in specs
        if spec.is_option
        and spec.expiry_ns in nearest
        and spec.strike_usd is not None
        and abs(spec.strike_usd - index_usd) <= reach_usd
    ]


class Recorder:
    """Puts events on a tape, each with its book's number."""

    def __init__(self, tape: Keeper, books: Sequence[str]) -> None:
        """Nothing was heard."""
        self._tape = tape
        self._seq = dict.fromkeys(books, 0)
        self.by_kind: dict[str, int] = {}

    def take(self, events: Sequence[Event]) -> None:
        """What a feed says, each to the books it is about."""
        for event in events:
            kind = type(event).__name__
            self.by_kind[kind] = self.by_kind.get(kind, 0) + 1
            for book in self._concerned(event):
                self._seq[book] += 1
                self._tape.take(book, self._seq[book], event, NOTHING)

    def _concerned(self, event: Event) -> list[str]:
        name: InstrumentId | None = (
            event.instrument.id if isinstance(event, InstrumentListed) else getattr(event, "instrument", None)
        )
        base = None if name is None else base_of(name)
        return [book for book in self._seq if base in {None, book}]

    def push(self) -> None:
        """Out of the reach of a kill."""
        self._tape.push()


async def _until_stopped(feed: Feed, recorder: Recorder, seconds: float | None) -> None:
    """Run the feed until a signal, the time given, or its own end; what it raises passes through."""
    stop = asyncio.Event()
    running = asyncio.create_task(feed.run(recorder.take))
    stopping = asyncio.create_task(stop.wait())
    pushing = asyncio.create_task(_push(recorder))
    try:
        with signals(lambda _: stop.set()):
            await asyncio.wait((running, stopping, pushing), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (running, pushing):
            if task.done():
                await task
    finally:
        for work in (running, stopping, pushing):
            work.cancel()
        await asyncio.gather(running, stopping, pushing, return_exceptions=True)
        recorder.push()


async def _push(recorder: Recorder) -> None:
    while True:
        await asyncio.sleep(_PUSH_EVERY_S)
        recorder.push()
