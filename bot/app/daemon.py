"""One run on the real clock: opens what it needs, lives, closes everything, says how it went.

Knows order of opening and closing; which parts there are is `compose`'s word.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from msgspec import Struct

from bot.app import arming
from bot.app.attributing import Attributing
from bot.app.keepers import Tape
from bot.app.live import Live
from bot.app.reload import Reloads
from bot.app.tenancy import Tenancy
from bot.app.witness import RunWitness
from bot.book import BookParams, hedges_of
from bot.domain.errors import LeaseLost, VenueOutcomeUnknown, VenueUnreachable
from bot.domain.events import Event, InstrumentListed, SnapshotTaken
from bot.domain.ids import InstrumentId, base_of, expiry_in_name, venue_of
from bot.domain.instruments import Instrument
from bot.domain.reasons import Phase
from bot.domain.status import BookStatus
from bot.domain.time import Ns, ns_from_s
from bot.domain.units import ZERO
from bot.engine import Engine
from bot.journal.ledger import Ledger
from bot.observe.tally import RunResult, Tally
from bot.venues.contract import Edge, Gateway
from bot.web.server import HealthServer

_OPEN_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0)
_SAMPLE_EVERY_S: Final = 1.0
_LAST_LOOK_S_MAX: Final = 3.0


_Answer = TypeVar("_Answer")


class Parts(Struct, frozen=True, kw_only=True):
    """What a run consists of."""

    mode: str
    books: tuple[BookParams, ...]
    edges: tuple[Edge, ...]
    ledger: Ledger
    now_ns: Callable[[], Ns]
    tick_interval_s: float
    tape: Tape | None = None
    """Closed by whoever opened it."""
    tenancy: Tenancy | None = None
    """The lease, taken already and ended by whoever took it; None: nobody else can reach this ledger."""
    reloads: Reloads | None = None
    """None: another configuration takes another start."""


def tallies_of(books: Sequence[BookParams]) -> dict[str, Tally]:
    """A tally per book."""
    every = ns_from_s(_SAMPLE_EVERY_S)
    return {book.book: Tally(trade_coin_min=book.trade_coin_min, sample_every_ns=every) for book in books}


def _silently(cause: str, pause_s: float) -> None:
    del cause, pause_s


async def reached(
    attempt: Callable[[], Awaitable[_Answer]], waits: Callable[[str, float], None] = _silently
) -> _Answer:
    """Ask the venue a few times, each wait told; the last VenueError is raised. For questions only.

    A question without an answer may be put again: it changes nothing at the venue.
    """
    for pause_s in _OPEN_PAUSES_S:
        try:
            return await attempt()
        except (VenueUnreachable, VenueOutcomeUnknown) as error:
            waits(str(error), pause_s)
            await asyncio.sleep(pause_s)
    return await attempt()


async def run(
    parts: Parts, witness: RunWitness, tallies: dict[str, Tally], *, health: HealthServer | None, seconds: float | None
) -> list[RunResult]:
    """Live until a signal (or `seconds`) says stop; one result per book. Everything is closed on the way out.

    ConfigError, VenueError or JournalError at the start pass through, LeaseLost at any time.
    """
    engines = {book.book: Engine(book) for book in parts.books}
    live = Live(
        engines,
        parts.edges,
        parts.ledger,
        witness,
        now_ns=parts.now_ns,
        tick_interval_s=parts.tick_interval_s,
    )
    witness.follow(live)
    witness.look_at(engines)
    if parts.tape is not None:
        live.tape_on(parts.tape)
    live.attribute_on(Attributing(parts.books, witness.alarmed))
    is_ours = True
    # Around the closing too: a second signal must not cut short what the first one asked for.
    with signals(partial(_end, live, parts.reloads)):
        try:
            first = await _unless_stopped(live, _first_events(parts, witness.waited))
            if first is None:
                return _results(parts, live.statuses(), tallies, answer=())
            if parts.reloads is not None:
                parts.reloads.follow(live, parts.ledger, parts.now_ns)
            if health is not None:
                health.follow(live.statuses, live.heed)
                witness.listening(health.host, await health.start())
            # What is here now stays for the whole run: the collector need not look at it between tick and order.
            gc.collect()
            gc.freeze()
            if parts.tenancy is not None:
                first.insert(0, parts.tenancy.follow(live))
            await _lived(live, first, seconds)
            results = _results(parts, live.statuses(), tallies, answer=await _last_looks(parts.edges))
        except LeaseLost:
            is_ours = False
            raise
        finally:
            if health is not None:
                await health.stop()
            for edge in parts.edges:
                await edge.gateway.close()
            # What another process writes into by now is left as it is.
            parts.ledger.close(parts.now_ns()) if is_ours else parts.ledger.abandon()
    if parts.tenancy is not None and not any(status.orders_live for status in live.statuses()):
        await parts.tenancy.end(is_clear=True)
    return results


def _end(live: Live, reloads: Reloads | None, cause: str) -> None:
    """A signal is meant for the process, not for this run alone."""
    if reloads is not None:
        reloads.forget()
    live.request_stop(cause)


async def _unless_stopped(live: Live, start: Awaitable[list[Event]]) -> list[Event] | None:
    """What is known at the start; None when a stop was asked for before the venue had told it."""
    starting, stopping = asyncio.ensure_future(start), asyncio.ensure_future(live.stopping())
    try:
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        return starting.result() if starting.done() else None
    finally:
        starting.cancel()
        stopping.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)


async def _lived(live: Live, first: Sequence[Event], seconds: float | None) -> None:
    loop = asyncio.get_running_loop()
    timer = None if seconds is None else loop.call_later(seconds, live.request_stop, "the time given is over")
    try:
        await live.run(first)
    finally:
        if timer is not None:
            timer.cancel()


async def _first_events(parts: Parts, waits: Callable[[str, float], None] = _silently) -> list[Event]:
    """Specifications, then what the ledger remembers."""
    for edge in parts.edges:
        await reached(edge.gateway.open, waits)
        if not edge.gateway.cancels_on_disconnect:
            arming.refuse_rest(book for book in parts.books if edge.venue in map(venue_of, hedges_of(book)))
        if edge.gateway.account_id:
            parts.ledger.bind(edge.gateway.account_id, edge.venue)
    events: list[Event] = []
    for book in parts.books:
        for edge in parts.edges:
            listed = await _listed(edge, book, waits)
            events += [InstrumentListed(instrument=spec, received_ns=parts.now_ns()) for spec in listed]
        events += parts.ledger.remembered(book.book)
    return events


async def _listed(
    edge: Edge, book: BookParams, waits: Callable[[str, float], None] = _silently
) -> tuple[Instrument, ...]:
    """What the book's coin has at a venue, with its hedge instrument where that is there.

    A venue in settlement lists it again soon.
    """
    key = f"books.{book.book.lower()}.hedge_instrument"

    async def attempt() -> tuple[Instrument, ...]:
        listed = await edge.gateway.instruments(book.book)
        known = {spec.id for spec in listed}
        for name in hedges_of(book):
            if venue_of(name) == edge.venue and name not in known:
                raise VenueUnreachable(f"{name} is not open at the venue; wait, or check {key}")
        return listed

    found = await reached(attempt, waits)
    arming.refuse_uncounted(book, found)
    return found


async def _last_looks(edges: Sequence[Edge]) -> Sequence[Event]:
    """The accounts once more, all at once and bounded: an orderly end must not wait for a venue that is gone."""
    answers = await asyncio.gather(*(_last_look(edge.gateway) for edge in edges))
    return [event for answer in answers for event in answer]


async def _last_look(gateway: Gateway) -> Sequence[Event]:
    try:
        async with asyncio.timeout(_LAST_LOOK_S_MAX):
            return await gateway.snapshot()
    except TimeoutError:
        return ()


def _results(
    parts: Parts, statuses: Sequence[BookStatus], tallies: dict[str, Tally], *, answer: Sequence[Event]
) -> list[RunResult]:
    """Compare with what the venue answered when asked for its positions once more; no answer is not agreement."""
    taken = [event for event in answer if isinstance(event, SnapshotTaken)]
    venue: dict[InstrumentId, Decimal] = {
        item.instrument: item.amount_native for event in taken for item in event.positions if item.amount_native != ZERO
    }
    results = []
    now_ns = parts.now_ns()
    theirs_alive = _alive(venue, now_ns)
    silent = {edge.venue for edge in parts.edges} - {event.venue for event in taken}
    for status in statuses:
        theirs = {name: amount for name, amount in theirs_alive.items() if base_of(name) == status.book}
        results.append(
            tallies[status.book].result(
                mode=parts.mode,
                status=status,
                positions_match=None if silent else theirs == _alive(status.positions_native, now_ns),
                violations=[],
                trace_hash=None,
            )
        )
    return results


def _alive(amounts: Mapping[InstrumentId, Decimal], now_ns: Ns) -> dict[InstrumentId, Decimal]:
    """Positions without expired instruments: the venue and we drop them at moments of our own."""
    return {
        name: amount
        for name, amount in amounts.items()
        if (expiry_ns := expiry_in_name(name)) is None or expiry_ns > now_ns
    }


def needs_a_human(results: Sequence[RunResult]) -> bool:
    """Whether any book ended halted, or with an order whose fate is not known."""
    return any(result.phase == Phase.HALTED.value or result.unknown_open for result in results)


@contextlib.contextmanager
def signals(stop: Callable[[str], None]) -> Iterator[None]:
    """SIGTERM and SIGINT ask for an orderly end; afterwards they mean what they meant before."""
    loop = asyncio.get_running_loop()
    names = (signal.SIGTERM, signal.SIGINT)
    before = {name: signal.getsignal(name) for name in names}
    for name in names:
        loop.add_signal_handler(name, stop, name.name)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)
            signal.signal(name, before[name])
