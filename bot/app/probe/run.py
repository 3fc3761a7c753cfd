"""Asks all questions, one after the other, each on a wire of its own, and undoes what they did.

Knows the order of things: check the key, say what would be traded, ask for consent, probe, undo, compare with before.
Which venue this is and that it is a test venue is the caller's word; every reply has to agree.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.app.probe import account_questions, contract_questions, order_questions
from bot.app.probe.orders import PREFIX, Orders, sweep
from bot.app.probe.question import Answer, Bench, Question, Verdict
from bot.app.probe.report import Finding, Report
from bot.app.probe.wire import Road, Wire
from bot.domain.errors import BotError, ConfigError, MalformedMessage, VenueError
from bot.domain.instruments import Instrument
from bot.domain.time import iso_utc
from bot.domain.units import ZERO, float_from_decimal
from bot.venues.contract import NowNs
from bot.venues.deribit_gateway import DeribitGateway
from bot.venues.deribit_rest import Position, position_seen
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import convert

QUESTIONS: Final[tuple[Question, ...]] = (
    *account_questions.QUESTIONS[:1],
    *contract_questions.QUESTIONS,
    *order_questions.QUESTIONS,
    *account_questions.QUESTIONS[1:],
)
"""The one that may wait for 08:00 UTC comes last."""
_QUESTION_S_MAX: Final = 60.0
"""Above the time a question waits on purpose."""

Say = Callable[[str], None]
Consent = Callable[[], None]
"""Returns when trading is agreed to; ConfigError otherwise."""


class ProbeOptions(Struct, frozen=True, kw_only=True):
    """One probe."""

    base: str
    """Coin whose perpetuals are used."""
    tag: str
    """Makes the labels of this probe its own."""
    version: str
    look_s: float
    delivery_wait_s: float


async def run(settings: VenueSettings, now_ns: NowNs, options: ProbeOptions, say: Say, consent: Consent) -> Report:
    """Probe and report. ConfigError or VenueError before anything is sent; afterwards the report says what happened."""
    gateway = DeribitGateway(settings, now_ns, options.tag)
    try:
        await gateway.open()
        listed = await gateway.instruments(options.base)
        scope = gateway.scope
    finally:
        await gateway.close()
    perpetuals = tuple(_perpetual(listed, f"{name}-PERPETUAL") for name in (options.base, f"{options.base}_USDC"))
    orders = Orders(options.tag)
    async with _wire(settings, now_ns, options.tag) as road:
        sizes = await _sizes(road, orders, perpetuals)
    for line in (f"trades on {settings.rest_url} with the key's account", *sizes):
        say(line)
    # A human may think for minutes: no socket waits meanwhile.
    consent()
    async with _wire(settings, now_ns, options.tag) as road:
        if swept := await sweep(road):
            say(f"cancelled {swept} orders an earlier probe had left")
        before = await _positions(road)
    probe = _Probe(settings, now_ns, options, orders, perpetuals)
    with _cancelled_by_sigterm():
        await probe.all_questions(say)
    left = await probe.left(before)
    return Report(
        when=iso_utc(now_ns()),
        version=options.version,
        ws_url=settings.ws_url,
        rest_url=settings.rest_url,
        scope=scope,
        sizes=sizes,
        findings=tuple(probe.findings),
        orders_count=orders.count,
        left=tuple(left),
        interrupted=probe.interrupted,
    )


class _Probe:
    """The questions under way."""

    def __init__(
        self,
        settings: VenueSettings,
        now_ns: NowNs,
        options: ProbeOptions,
        orders: Orders,
        perpetuals: Sequence[Instrument],
    ) -> None:
        self._settings = settings
        self._now_ns = now_ns
        self._options = options
        self._orders = orders
        self._perpetuals = perpetuals
        self.findings: list[Finding] = []
        self.interrupted = ""

    async def all_questions(self, say: Say) -> None:
        """Until the last, a signal, or a reply of another world."""
        for question in QUESTIONS:
            try:
                answer = await self._one(question)
            except asyncio.CancelledError:
                # Control-C or SIGTERM: what was sent is still undone, then the report is written.
                _uncancel()
                self.interrupted = f"a signal came at {question.name}"
                return
            except ConfigError as error:
                self.interrupted = f"{question.name}: {error}"
                return
            self.findings.append(Finding.of(question, answer))
            say(f"{question.name}: {answer.verdict.value}: {answer.observed}")

    async def _one(self, question: Question) -> Answer:
        options = self._options
        assert self._settings.credentials is not None, "the gateway looked at the key"
        try:
            async with _wire(self._settings, self._now_ns, options.tag) as road:
                bench = Bench(
                    road=road,
                    orders=self._orders,
                    credentials=self._settings.credentials,
                    now_ns=self._now_ns,
                    nonce=options.tag,
                    inverse=self._perpetuals[0],
                    linear=self._perpetuals[1],
                    look_s=options.look_s,
                    delivery_wait_s=options.delivery_wait_s,
                )
                async with asyncio.timeout(_QUESTION_S_MAX + options.look_s + options.delivery_wait_s):
                    answer = await question.ask(bench)
                await self._orders.tidy(road)
                return answer
        except (VenueError, MalformedMessage, TimeoutError) as error:
            return Answer(verdict=Verdict.FAILED, observed=f"{type(error).__name__}: {error}")

    async def left(self, before: dict[str, Decimal]) -> list[str]:
        """Undo whatever is still there; what is not as it was."""
        try:
            async with _wire(self._settings, self._now_ns, self._options.tag) as road:
                left = await self._orders.tidy(road)
                after = await _positions(road)
        except BotError as error:
            return [*self._orders.left(), f"the account could not be compared with before: {error}"]
        names = {item.id for item in self._perpetuals}
        changed = [
            f"{name} is {after.get(name, ZERO):f}, was {before.get(name, ZERO):f}"
            for name in sorted(names)
            if after.get(name, ZERO) != before.get(name, ZERO)
        ]
        return left + changed


def _uncancel() -> None:
    """The signal has been heard."""
    if (task := asyncio.current_task()) is not None:
        task.uncancel()


def _perpetual(listed: Sequence[Instrument], name: str) -> Instrument:
    for item in listed:
        if item.id == name:
            return item
    raise ConfigError(f"probe: {name} is not listed; name a book whose coin has an inverse and a linear perpetual")


@contextlib.asynccontextmanager
async def _wire(settings: VenueSettings, now_ns: NowNs, nonce: str) -> AsyncIterator[Road]:
    wire = Wire(settings, now_ns, nonce)
    try:
        await wire.open()
        yield wire
    finally:
        await wire.close()


@contextlib.contextmanager
def _cancelled_by_sigterm() -> Iterator[None]:
    """Control-C and SIGTERM end the questions, not the undoing."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None, "runs in a task"
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _sizes(road: Road, orders: Orders, perpetuals: Sequence[Instrument]) -> tuple[str, ...]:
    """What is going to be sent, for the person who has to agree."""
    lines = []
    for item in perpetuals:
        quote = await orders.quote(road, item.id)
        unit = "USD" if item.amount_is_in_usd else item.base
        about_usd = float_from_decimal(item.lot_native) * (1.0 if item.amount_is_in_usd else quote.mark_price)
        lines.append(f"orders of {item.lot_native:f} {unit} {item.id} (about {about_usd:.0f} USD each)")
    lines.append(f"a few of them, labels {PREFIX}...; all are cancelled or traded back, at the cost of spread and fees")
    return tuple(lines)


async def _positions(road: Road) -> dict[str, Decimal]:
    rows = convert(await road.ask("private/get_positions", {}), list[Position])
    seen = (position_seen(row, None) for row in rows)
    return {item.instrument: item.amount_native for item in seen if item is not None}
