"""The asyncio shell around the engines: carries events in and commands out, in the order safety needs.

Intent durable, then order, then everything else. Translates and carries; decides nothing.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, assert_never

from msgspec import structs

from bot.app.keepers import Applied, Journal, Profits, Tape, Witness
from bot.app.untold import Untold
from bot.domain.commands import CancelOrder, Command, LookUpOrder, MeasureLadder, PlaceOrder, TakeSnapshot, Watch
from bot.domain.decided import Decided, Outcome, StopLatched, StopLifted
from bot.domain.errors import ConfigError, JournalError, LeaseLost, MalformedMessage, VenueError
from bot.domain.events import Event, HaltRequested, InstrumentListed, OrderRefused, StopRequested, Ticked
from bot.domain.ids import InstrumentId, base_of, venue_of
from bot.domain.reasons import HaltCause, Phase, RefusalKind
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_S, Ns
from bot.drive.inbox import Inbox, InboxOverflowed
from bot.engine import Engine
from bot.journal.profit_rows import ProfitRow
from bot.journal.stop_rows import of_stops
from bot.risk import gap
from bot.risk.smile_study import SmileStudy
from bot.venues.contract import Edge, Gateway

_STOP_S_MAX: Final = 5.0
"""Longest wait for answers about open orders at an orderly end."""
_STALL_LOG_S: Final = 0.050
_STALL_HALT_S: Final = 2.0
"""A ledger this slow no longer protects: the intent would be older than the order's validity."""
_DRAIN_ROUNDS_MAX: Final = 100
_LISTING_PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
_NOT_SENT: Final = 0


class Live:
    """One process: its books, and a gateway and feeds per venue."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        edges: Sequence[Edge],
        journal: Journal,
        witness: Witness,
        *,
        now_ns: Callable[[], Ns],
        tick_interval_s: float,
    ) -> None:
        """Nothing runs until `run`."""
        self._engines = dict(engines)
        self._edges = {edge.venue: edge for edge in edges}
        self._journal = journal
        self._witness = witness
        self._tape: Tape | None = None
        self._profits: Profits | None = None
        self._now_ns = now_ns
        self._tick_interval_s = tick_interval_s
        self._inbox = Inbox()
        self._is_draining = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._untold = Untold()
        self._has_news = False
        self._halts_asked: set[HaltCause] = set()
        self._failure: ConfigError | LeaseLost | None = None
        self._stop = asyncio.Event()
        self._is_over = False

    def tape_on(self, tape: Tape) -> None:
        """Put every event on a tape; to be called before `run`."""
        self._tape = tape

    def attribute_on(self, profits: Profits) -> None:
        """Take the profit apart beside it; to be called before `run`."""
        self._profits = profits

    def statuses(self) -> tuple[BookStatus, ...]:
        """Frozen pictures of all books."""
        return tuple(engine.status() for engine in self._engines.values())

    def request_stop(self, cause: str) -> None:
        """Begin an orderly end; safe to call from a signal handler, any number of times."""
        if not self._stop.is_set():
            self._stop.set()
            self.sink((StopRequested(received_ns=self._now_ns(), cause=cause),))

    def give_way(self, error: LeaseLost) -> None:
        """Another process trades the account: halt, take back what is ours, end; `run` raises it."""
        self._failure = self._failure or error
        self._halt_once(HaltCause.LEASE_LOST, str(error))
        self.request_stop(str(error))

    async def stopping(self) -> None:
        """Return once a stop has been asked for."""
        await self._stop.wait()

    async def run(self, first: Sequence[Event]) -> None:
        """Apply what is known at the start, then live until stopped.

        ConfigError when the venue objects for good, LeaseLost when another process has taken over.
        """
        self.sink(first)
        workers = [
            asyncio.create_task(self._keep(partial(feed.run, self.sink), f"{edge.venue} feed"))
            for edge in self._edges.values()
            for feed in edge.feeds
        ]
        workers += [
            asyncio.create_task(self._keep(partial(self._fit, engine), "surface"))
            for engine in self._engines.values()
            if engine.sources.need_surface
        ]
        ticker = asyncio.create_task(self._keep(self._tick, "ticker"))
        try:
            await self._stop.wait()
            await self._wind_down()
        finally:
            for task in (*workers, ticker, *self._tasks):
                task.cancel()
            await asyncio.gather(*workers, ticker, *self._tasks, return_exceptions=True)
            self._tell(is_last=True)
            self._is_over = True
        if self._failure is not None:
            raise self._failure

    async def _wind_down(self) -> None:
        """Wait, bounded, until nothing is open at the venue."""
        deadline_s = asyncio.get_running_loop().time() + _STOP_S_MAX
        over = {Phase.STOPPED, Phase.HALTED}
        while asyncio.get_running_loop().time() < deadline_s:
            self._drain()
            if all(status.phase in over and not status.orders_live for status in self.statuses()):
                return
            await asyncio.sleep(0.05)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._tick_interval_s)
            self._drain()

    async def _fit(self, engine: Engine) -> None:
        """Fit a book's surface again and again, in a thread: it takes longer than an order may wait."""
        study = SmileStudy()
        while True:
            await asyncio.sleep(engine.sources.fit_every_ns / NS_PER_S)
            fitted = await asyncio.to_thread(study.work, engine.pictured(self._now_ns()))
            self.sink((structs.replace(fitted, received_ns=self._now_ns()),))

    async def _keep(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Root of a task: what escapes it halts trading, never just the task.

        The coroutine is made here: a task cancelled before its first step then leaves none behind unawaited.
        """
        try:
            await work()
        except ConfigError as error:
            self._failure = error
            self._halt(HaltCause.TASK_FAILED, str(error))
            self.request_stop(str(error))
        except Exception as error:  # noqa: BLE001 - the root of a task: anything unforeseen must halt
            self._halt(HaltCause.TASK_FAILED, f"{name}: {type(error).__name__} {error}")

    def _halt(self, cause: HaltCause, detail: str) -> None:
        self.sink((HaltRequested(received_ns=self._now_ns(), cause=cause, detail=detail),))

    # --- the hot path ----------------------------------------------------------------------------------

    def sink(self, events: Sequence[Event]) -> None:
        """Take the events of one frame or reply and act on them at once; once `run` has ended, none is taken."""
        if self._is_over:
            return  # the lease is renewed for a moment longer: nobody counts, records or tells any more
        try:
            self._inbox.put(events)
        except InboxOverflowed as error:
            self._inbox.drain()
            self._inbox.put(
                (HaltRequested(received_ns=self._now_ns(), cause=HaltCause.INBOX_OVERFLOWED, detail=str(error)),)
            )
        self._drain()

    def heed(self, events: Sequence[Event]) -> None:
        """As `sink`, for a caller that is no task of this driver: what escapes halts here before it goes there."""
        try:
            self.sink(events)
        except Exception as error:
            self._halt(HaltCause.TASK_FAILED, f"control: {type(error).__name__} {error}")
            raise

    def _drain(self) -> None:
        """Apply all that waits, then decide once; again while applying brought news. Not re-entrant."""
        if self._is_draining:
            return
        self._is_draining = True
        try:
            for _ in range(_DRAIN_ROUNDS_MAX):
                for event in self._inbox.drain():
                    self._apply(event)
                self._apply(Ticked(now_ns=self._now_ns()))
                if not len(self._inbox):
                    break
        finally:
            self._is_draining = False
            # Also when deciding raised: the halt that follows must be told.
            if self._untold.is_fresh and not self._has_news:
                self._has_news = True
                asyncio.get_running_loop().call_soon(self._tell_soon)

    def _apply(self, event: Event) -> None:
        for book, engine in self._concerned(event):
            outcome: Outcome | None = None
            try:
                outcome = engine.apply(event)
            finally:
                # Also what the engine fails on: nothing else would explain the halt that follows.
                if self._tape is not None:
                    self._tape.take(book, engine.seq, event, outcome)
            if outcome.notes and (latched := of_stops(outcome.notes)):
                self._latch(book, latched)
            if outcome.commands:
                self._carry_out(outcome)
            if self._profits is not None:
                self._profits.see(book, engine, event, outcome)
            self._untold.add(book, engine.seq, event, outcome)

    def _latch(self, book: str, notes: Sequence[StopLatched | StopLifted]) -> None:
        """A stop is durable before it acts, a lift before the next order; a lift also arms what halts only once."""
        if any(isinstance(note, StopLifted) for note in notes):
            self._halts_asked.clear()
        try:
            if self._tape is not None:
                self._tape.push()
            self._journal.commit_stops(book, notes)
        except JournalError as error:
            self._halt_once(HaltCause.JOURNAL_FAILED, str(error))

    def _concerned(self, event: Event) -> Iterable[tuple[str, Engine]]:
        """The books an event is about: by its instrument's coin, else all."""
        if len(self._engines) == 1:
            return self._engines.items()
        name = event.instrument.id if isinstance(event, InstrumentListed) else getattr(event, "instrument", None)
        base = None if name is None else base_of(name)
        return [(book, engine) for book, engine in self._engines.items() if base in {None, book}]

    def _carry_out(self, outcome: Outcome) -> None:
        orders = [command for command in outcome.commands if isinstance(command, PlaceOrder)]
        if orders:
            assert outcome.decided is not None, "an order without a decision"
            if not self._commit(orders, outcome.decided):
                return
        for command in outcome.commands:
            self._start(command)

    def _commit(self, orders: list[PlaceOrder], decided: Decided) -> bool:
        """What led to them out of a kill's reach, then intents durable; False means that the orders must not leave."""
        began_s = time.perf_counter()
        try:
            if self._tape is not None:
                self._tape.push()
            self._journal.commit_intents(orders, decided)
        except LeaseLost as error:
            self._give_up(orders, str(error), HaltCause.LEASE_LOST)
            self.give_way(error)
            return False
        except JournalError as error:
            self._give_up(orders, str(error))
            return False
        took_s = time.perf_counter() - began_s
        if took_s > _STALL_LOG_S:
            self._witness.stalled(took_s)
        if took_s > _STALL_HALT_S:
            self._give_up(orders, f"the ledger took {took_s:.1f} s to commit")
            return False
        return True

    def _give_up(self, orders: list[PlaceOrder], detail: str, cause: HaltCause = HaltCause.JOURNAL_FAILED) -> None:
        """Halt, and say of orders that never left that they did not."""
        now_ns = self._now_ns()
        self._inbox.put((HaltRequested(received_ns=now_ns, cause=cause, detail=detail),))
        self._inbox.put(_unsent(order, now_ns) for order in orders)

    def _start(self, command: Command) -> None:
        work: Callable[[], Coroutine[Any, Any, None]]
        match command:
            case PlaceOrder():
                work = partial(self._ask, partial(self._at(command.instrument).place, command))
            case CancelOrder():
                work = partial(self._ask, partial(self._at(command.instrument).cancel, command))
            case LookUpOrder():
                work = partial(self._ask, partial(self._at(command.instrument).look_up, command))
            case TakeSnapshot():
                work = partial(self._ask, self._edges[command.venue].gateway.snapshot)
            case MeasureLadder():
                work = partial(self._measure, command)
            case Watch():
                work = partial(self._watch, command)
            case _:
                assert_never(command)
        task = asyncio.create_task(self._keep(work, type(command).__name__))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _at(self, instrument: InstrumentId) -> Gateway:
        """The gateway of the instrument's venue: no other can be meant."""
        return self._edges[venue_of(instrument)].gateway

    async def _ask(self, question: Callable[[], Coroutine[Any, Any, Sequence[Event]]]) -> None:
        self.sink(await question())

    async def _measure(self, command: MeasureLadder) -> None:
        """In a thread: the loop has ticks to answer."""
        measured = await asyncio.to_thread(gap.measure, command, command.asked_ns)
        self.sink((structs.replace(measured, received_ns=self._now_ns()),))

    async def _watch(self, command: Watch) -> None:
        """Subscribe; the specification of an instrument listed since the start is fetched first."""
        for edge in self._edges.values():
            wanted = [name for name in command.instruments if venue_of(name) == edge.venue]
            if wanted:
                for feed in edge.feeds:
                    feed.watch(wanted)
                await self._describe(edge.gateway, wanted)

    async def _describe(self, gateway: Gateway, names: Sequence[InstrumentId]) -> None:
        """Without its specification the book refuses to trade, says so, and alarms."""
        bases = {base_of(name) for name in names}
        for base in (base for base in self._engines if base in bases):
            for pause_s in _LISTING_PAUSES_S:
                try:
                    listed = await gateway.instruments(base)
                except (VenueError, MalformedMessage):
                    await asyncio.sleep(pause_s)
                    continue
                wanted = [spec for spec in listed if spec.id in names]
                self.sink([InstrumentListed(instrument=spec, received_ns=self._now_ns()) for spec in wanted])
                break

    # --- after the orders have left ----------------------------------------------------------------------

    def _tell_soon(self) -> None:
        """One turn of the loop later: by then the tasks of the sends have run, and the loop has flushed their bytes."""
        asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self, *, is_last: bool = False) -> None:
        """Record what was applied, then narrate and count it: words that fail must not cost the ledger its rows."""
        self._has_news = False
        self._record(self._untold.fresh(), is_last=is_last)
        for entry in self._untold.take(is_last=is_last):
            try:
                if isinstance(entry, tuple):
                    self._witness.applied(*entry)
                else:
                    self._witness.passed(entry)
            except Exception as error:  # noqa: BLE001 - the root of a callback, as of a task
                self._halt_once(HaltCause.TASK_FAILED, f"narration: {type(error).__name__} {error}")

    def _record(self, applied: Sequence[Applied], *, is_last: bool) -> None:
        try:
            if self._tape is not None:
                self._tape.push()
        except JournalError as error:
            self._halt_once(HaltCause.JOURNAL_FAILED, str(error))
        try:
            for book, _, event, outcome in applied:
                self._journal.record(book, event, outcome)
            made = self._attributed(is_last=is_last)
            if made:
                self._journal.keep_profits(made)
            if made or any(outcome.notes for _, _, _, outcome in applied):
                self._journal.flush()
        except LeaseLost as error:
            self.give_way(error)
        except JournalError as error:
            self._halt_once(HaltCause.JOURNAL_FAILED, str(error))

    def _attributed(self, *, is_last: bool) -> list[ProfitRow]:
        if self._profits is None:
            return []
        return self._profits.finish(self._engines) if is_last else self._profits.work()

    def _halt_once(self, cause: HaltCause, detail: str) -> None:
        """A halt is itself told: telling must not ask for it again and again."""
        if cause not in self._halts_asked:
            self._halts_asked.add(cause)
            self._halt(cause, detail)


def _unsent(order: PlaceOrder, now_ns: Ns) -> OrderRefused:
    return OrderRefused(
        label=order.label, received_ns=now_ns, code=_NOT_SENT, name="not_sent: ledger", kind=RefusalKind.BACK_OFF
    )
