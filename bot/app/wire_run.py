"""One run at wire depth: the daemon with its real feeds, gateway, ledger and sockets against the local exchange.

All of it on one loop of virtual time, from one seed. Knows the order of things in a run; what goes wrong is
`wire_faults`'.
"""

import asyncio
import itertools
import os
from collections.abc import Collection, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO

from msgspec import Struct, structs

from bot.app import arming
from bot.app.config import Config
from bot.app.simulated import (
    STORM_VOL_SCALE,
    SimulateOptions,
    drawn_exchange,
    elsewhere_of,
    refuse_unlisted,
    span_ns_of,
)
from bot.app.wire_faults import FoulVenue, FoulWeather
from bot.app.wire_loop import WireLoop
from bot.app.wire_mishaps import WireMishaps
from bot.app.wire_process import Killed, Records, WireProcess, open_ledger
from bot.app.wire_world import WireWorld
from bot.domain.commands import PlaceOrder
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId, Label, expiry_in_name
from bot.domain.portfolio import PortfolioSpec
from bot.domain.time import NS_PER_S, Ns
from bot.drive.checks import Checks
from bot.drive.hands import RIVAL, Hands
from bot.drive.sim_venue import ACCOUNT
from bot.drive.simulate import FUNDS
from bot.journal.ledger import Ledger
from bot.journal.rows import FillRow
from bot.observe.tally import RunResult, Tally
from bot.sim.exchange import Exchange
from bot.sim.faults import WIRE_KINDS, Fault, FaultLevel, Faults
from bot.venues.settings import CCXT, DERIBIT_WS

_SAMPLE_EVERY_S: Final = 10.0
_EQUITY_COIN_MAX: Final = Decimal("0.002")
"""What the value of the portfolios here moves in some seconds, and more."""
_TOLD_WITHIN_NS: Final = Ns(2 * NS_PER_S)
"""Messages of one moment come one by one here, up to one and a half seconds late: a jump is not known at once."""
_WAYS: Final = (CCXT, DERIBIT_WS)
"""Ways for orders, by turns of the seed."""


def wire_run_of(config: Config, options: SimulateOptions, faults: Sequence[Fault], folder: Path) -> "WireRun":
    """A run at wire depth that has not begun; the ledger is kept in the folder. ConfigError as for any simulation."""
    arming.refuse_flat(config)
    assert config.portfolio is not None, "refused otherwise"
    book = config.book(options.currency)
    elsewhere = elsewhere_of(book)
    if elsewhere:
        raise ConfigError(
            f"books.{book.book.lower()}.hedge_instrument: {elsewhere[0]} is at another venue; wire depth has one"
        )
    vol_scale = STORM_VOL_SCALE if options.faults is not FaultLevel.NONE else 1.0
    params = WireParams(
        config=structs.replace(config, books=(book,)),
        portfolio=config.portfolio,
        seed=options.seed,
        span_ns=span_ns_of(options),
        step_s=options.step_ms / 1_000.0,
        folder=folder,
    )
    exchange = drawn_exchange(options, (), book.book, vol_scale)
    refuse_unlisted(book, exchange)
    return WireRun(params, exchange, Faults(faults))


class WireParams(Struct, frozen=True, kw_only=True):
    """One run of one book."""

    config: Config
    """With the one book."""
    portfolio: PortfolioSpec
    seed: int
    span_ns: Ns
    step_s: float
    """Virtual time between market messages."""
    folder: Path
    """For the ledger."""


class WireRun:
    """One run; call `run` once."""

    def __init__(self, params: WireParams, exchange: Exchange, faults: Faults) -> None:
        """`faults` are what goes wrong; none planned: nothing does."""
        self._params = params
        self._faults = faults
        self._book = params.config.books[0]
        loop = self._loop = WireLoop(params.seed, exchange.now_ns)
        self._world = WireWorld(exchange, params.portfolio, self._book.book)
        self._hands = Hands(exchange, self._book.hedge_instrument)
        loop.network.weather = FoulWeather(faults, loop.now_ns)
        self.tally = Tally(
            trade_coin_min=self._book.trade_coin_min, sample_every_ns=Ns(round(_SAMPLE_EVERY_S * NS_PER_S))
        )
        self._checks = Checks(self._book, exchange, self._world, faults, told_within_ns=_TOLD_WITHIN_NS)
        self._errors: list[str] = []
        self._left: list[tuple[Label, Ns]] = []
        """Orders whose intent was durable, and when they left."""

    def run(self, mode: str) -> RunResult:
        """Play to the end and give the result."""
        self._loop.set_exception_handler(self._object)
        with Path(os.devnull).open("w") as log, asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            return runner.run(self._play(mode, log))

    async def _play(self, mode: str, log: TextIO) -> RunResult:
        params, loop = self._params, self._loop
        await self._world.serve(loop.now_ns, params.step_s)
        settings = self._world.settings(_WAYS[params.seed % len(_WAYS)])
        config = structs.replace(params.config, venue=settings)
        records = Records(tally=self.tally, checks=self._checks, faults=self._faults, left=self._note_left, log=log)
        process = WireProcess(loop, config, records, params.folder, seed=params.seed)
        if self._faults.planned:
            self._world.exchange.open_account(RIVAL, FUNDS)
            hedge = self._book.hedge_instrument
            WireMishaps(self._faults, loop, self._world, self._hands, hedge).plan(process)
            self._world.server.faults.mischief = FoulVenue(self._faults, self._hands, loop.now_ns)
        process.start()
        try:
            # Between two steps of the market: what the last one told has arrived, and both sides speak of one moment.
            await asyncio.sleep(params.span_ns / NS_PER_S + 0.5 * params.step_s)
            before = process.status()
            results = await process.end()
        finally:
            await self._world.stop()
        theirs = _alive(self._world.amounts(), loop.now_ns())
        found = [*self._world.violations(), *process.failures, *self._errors]
        result = self.tally.result(
            mode=mode,
            status=before,
            positions_match=bool(results) and _alive(process.status().positions_native, loop.now_ns()) == theirs,
            violations=found,
            trace_hash=process.trace_hash(),
        )
        result = structs.replace(result, starts=process.starts_count)
        return self._weathered(result, found, before.orders_live, config) if self._faults.planned else result

    def _weathered(self, result: RunResult, found: list[str], orders_live: int, config: Config) -> RunResult:
        """Halts that had to be are no violations, and what came of the faults is told."""
        # The books were opened on marks some seconds older than the account's figures: equal to the digit they are not.
        bare = structs.replace(result, equity_coin_bot=None, equity_usdc_bot=None)
        return structs.replace(
            result,
            violations=(
                *found,
                *self._overtaken(),
                *_equity(result),
                *self._checks.ended(bare, *self._written(config), orders_live),
            ),
            faults={kind.value: count for kind, count in self._faults.counts.items() if kind in WIRE_KINDS},
            halts=dict(sorted(self._checks.halts.items())),
        )

    def _note_left(self, order: PlaceOrder) -> None:
        self._left.append((order.label, self._loop.now_ns()))

    def _overtaken(self) -> list[str]:
        """Orders that arrived, and could trade, after a later one had left: both could have hedged the same delta."""
        arrived_ns = {order.label: order.created_ns for order in self._world.exchange.orders_all(ACCOUNT)}
        return [
            f"{earlier} arrived after {later} had left"
            for (earlier, _), (later, left_ns) in itertools.pairwise(self._left)
            if arrived_ns.get(earlier, left_ns) > left_ns
        ]

    def _written(self, config: Config) -> tuple[Sequence[FillRow], Collection[Label]]:
        """Fills and intents in the ledger, of all processes, read as another one would."""
        ledger = open_ledger(Ledger, self._params.folder, config, "after", self._loop.now_ns())
        try:
            return ledger.fills(), ledger.labels_used(self._book.label_prefix)
        finally:
            ledger.close()

    def _object(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        del loop
        if not isinstance(context.get("exception"), Killed):
            self._errors.append(f"{context.get('message')}: {context.get('exception')!r}")


def _alive(amounts: dict[InstrumentId, Decimal], now_ns: Ns) -> dict[InstrumentId, Decimal]:
    """Without expired instruments, which both sides drop at moments of their own."""
    return {
        name: amount
        for name, amount in amounts.items()
        if (expiry_ns := expiry_in_name(name)) is None or expiry_ns > now_ns
    }


def _equity(result: RunResult) -> list[str]:
    """Profits that differ by more than marks move in some seconds."""
    ours, theirs = result.equity_coin_bot, result.equity_coin_venue
    if ours is None or theirs is None or abs(ours - theirs) <= _EQUITY_COIN_MAX:
        return []
    return [f"the equity is {ours} by our books, {theirs} by the venue's"]
