"""The virtual-clock driver: engine, simulated venue and a heap. Same seed, same run, to the byte.

Knows no socket and no wall clock; how fast it went is for the caller to measure.
"""

import itertools
import statistics
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from bot.book import BookParams, hedges_of
from bot.domain.events import Event, InstrumentListed, OperatorActed
from bot.domain.ids import DERIBIT, InstrumentId, venue_of
from bot.domain.instruments import Instrument
from bot.domain.portfolio import Holding, PortfolioSpec, resolve
from bot.domain.status import BookStatus
from bot.domain.stops import Act
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.drive import collector
from bot.drive.checks import Checks
from bot.drive.cost_audit import CostAudit
from bot.drive.fault_wire import FaultyWire
from bot.drive.hands import RIVAL
from bot.drive.line import Cut
from bot.drive.mishaps import Mishaps, cuts_of
from bot.drive.sim_process import Audit, Machine, Records, SimProcess, Tear
from bot.drive.sim_venue import ACCOUNT, Latency, Schedule
from bot.drive.sim_venues import SimVenues
from bot.drive.tradable import Tradable
from bot.engine import Engine
from bot.journal.ledger import Ledger
from bot.journal.tape import Tape
from bot.observe.costs import CostReport
from bot.observe.tally import RunResult, Tally
from bot.risk.smile_study import SmileStudy
from bot.sim.exchange import Exchange
from bot.sim.faults import Faults
from bot.sim.history import RecordedMarket

FUNDS: Final = {"BTC": Decimal(100), "ETH": Decimal(1000), "USDC": Decimal(5_000_000)}
"""Collateral of the simulated account: enough that margin is never the story."""
_SAMPLE_AFTER_NS: Final = 200 * NS_PER_MS
"""A sample is taken this long after the last row: an order and its answers have passed by then."""
_ROUND_PAUSE_NS: Final = 30 * NS_PER_S
_ROUND_NS_MAX: Final = 600 * NS_PER_S
"""The first round of a recorded day ends at the first pause, after ten minutes at most."""
_IDLE_EVERY_NS: Final = 60 * NS_PER_S
"""Between looks at the clock in a hole of a recorded day."""
_SETTLE_NS: Final = 5 * NS_PER_S
"""After the end: answers still under way may arrive, nothing new is decided on fresh prices."""


class SimulateParams(Struct, frozen=True, kw_only=True):
    """One simulated run of one book."""

    book: BookParams
    portfolio: PortfolioSpec
    span_ns: Ns
    step_ns: Ns
    sample_every_ns: Ns
    latency: Latency = Latency()
    has_opened: bool = False
    """A recorded day has shown its chain already; otherwise its first round is waited for."""
    cuts: tuple[Cut, ...] = ()
    """When which venue is out of reach."""
    acts: tuple[tuple[Ns, Act], ...] = ()
    """What an operator asks for, and how long after the start."""


class StepSample(Struct, frozen=True, kw_only=True):
    """One sample of the comparison hedged against unhedged; profits cumulative, USD."""

    total_usd: float
    options_usd: float
    index_usd: float
    delta_coin_net: float
    delta_coin_options: float


def seed_positions(exchange: Exchange, account: str, holdings: Sequence[Holding]) -> None:
    """Give an account a portfolio, at the venue's marks and without fees."""
    for held in holdings:
        price = exchange.ticker(held.instrument.id).mark_native
        exchange.seed_position(account, held.instrument.id, held.amount_native(price))


class Storm(Struct, frozen=True, kw_only=True):
    """A run in which things go wrong, on a machine where the process can be killed and started again."""

    faults: Faults
    open_ledger: Callable[[str, Ns], Ledger]
    """The same file each time, for a run of this name that starts then."""
    tear_ledger: Tear


class Simulation:
    """One run; call `run` once."""

    def __init__(
        self,
        params: SimulateParams,
        exchange: Exchange,
        recorded: RecordedMarket | None = None,
        tape: Tape | None = None,
        storm: Storm | None = None,
        *,
        audits: Sequence[Audit] = (),
    ) -> None:
        """With `recorded`, steps follow a recorded day instead of a fixed grid; the caller closes `tape`.

        `audits` see every event, beside the run's own.
        """
        self._params = params
        self._exchange = exchange
        self._recorded = recorded
        self._audit = CostAudit(params.book)
        self._study = SmileStudy()
        self._schedule = Schedule()
        self.tally = Tally(trade_coin_min=params.book.trade_coin_min, sample_every_ns=params.sample_every_ns)
        self._storm = storm
        self._mishaps: Mishaps | None = None
        wires, cuts = None, params.cuts
        if storm is not None:
            self._mishaps = Mishaps(storm.faults, exchange, self._schedule, params.book.hedge_instrument)
            cuts += cuts_of(storm.faults, params.book.hedge_instrument)
            wires = {
                venue: FaultyWire(storm.faults, self._mishaps.overtake, has_sockets=venue == DERIBIT)
                for venue in (DERIBIT, *map(venue_of, hedges_of(params.book)))
            }
        self._venue = SimVenues(
            exchange,
            self._schedule,
            params.latency,
            self._deliver,
            hedges=hedges_of(params.book),
            cuts=cuts,
            wires=wires,
        )
        self.tradable = Tradable()
        recording = () if recorded is None else (self.tradable,)
        watching = (*recording, *audits) if storm is not None else (self._audit, *recording, *audits)
        self._process = SimProcess(params.book, Records(self.tally, tape, watching), self._venue, self._schedule)
        self._checks: Checks | None = None
        if storm is not None:
            self._checks = Checks(params.book, exchange, self._venue, storm.faults)
            self._process.run_on(Machine(storm.faults, storm.open_ledger, storm.tear_ledger, self._checks))
        self._end_ns = Ns(exchange.now_ns + params.span_ns)
        self.steps: list[StepSample] = []
        """Of a recorded day."""
        self._rows_seen: frozenset[InstrumentId] = frozenset()
        self._held: frozenset[InstrumentId] = frozenset()
        """Options of the portfolio."""
        self._chain: dict[InstrumentId, Instrument] = {}
        """Options of their expiries."""
        self._index_usd = 0.0
        self._hole_end_ns = Ns(0)

    def run(self, mode: str) -> RunResult:
        """Play to the end and give the result."""
        self._await_quotes()
        start_ns = self._exchange.now_ns
        base = self._params.book.book
        listed = [spec for spec in self._exchange.instruments() if spec.base == base]
        index_usd = self._exchange.index_usd(f"{base.lower()}_usd")
        quoted = [spec for spec in listed if self._is_quoted(spec)]
        holdings = resolve(self._params.portfolio, base=base, listed=quoted, index_usd=index_usd, now_ns=start_ns)
        self._venue.open_accounts(FUNDS)
        seed_positions(self._exchange, ACCOUNT, holdings)
        self._held = frozenset(held.instrument.id for held in holdings if held.instrument.is_option)
        expiries = {(held.instrument.index_name, held.instrument.expiry_ns) for held in holdings}
        self._chain = {
            spec.id: spec for spec in listed if spec.is_option and (spec.index_name, spec.expiry_ns) in expiries
        }
        self._exchange.changes()
        self._venue.watch(hedges_of(self._params.book))
        if self._recorded is not None:
            self._venue.watch(list(self._chain))
        if self._mishaps is not None:
            self._exchange.open_account(RIVAL, FUNDS)
            self._mishaps.plan(self._venue, self._process, sorted(self._held))
        known = [InstrumentListed(instrument=spec, received_ns=start_ns) for spec in listed]
        self._venue.begin()
        self._process.start(known, start_ns)
        if self._recorded is not None:
            self._venue.tickers(start_ns)  # a subscription begins with what is known, however old
        self._schedule.at(start_ns, self._step)
        for after_ns, act in self._params.acts:
            self._schedule.at(Ns(start_ns + after_ns), partial(self._act, act))
        if self._params.book.sources.need_surface:
            self._schedule.at(Ns(start_ns + self._params.book.sources.fit_every_ns), self._fit)
        with collector.seldom():
            while (due := self._schedule.pop(Ns(self._end_ns + _SETTLE_NS))) is not None:
                due[1](due[0])
        return self._result(mode, self._ended())

    def _await_quotes(self) -> None:
        """Let a recorded day show its chain once: a collector takes minutes for one round, then pauses."""
        if self._recorded is None or self._params.has_opened:
            return
        first_ns = self._exchange.now_ns
        while (next_ns := self._recorded.next_time_ns()) is not None:
            if next_ns - self._exchange.now_ns > _ROUND_PAUSE_NS or next_ns - first_ns > _ROUND_NS_MAX:
                return
            self._exchange.advance(next_ns)

    def _is_quoted(self, spec: Instrument) -> bool:
        """Whether one could hold it now: on a recorded day, an option not yet seen has no price."""
        return self._recorded is None or not spec.is_option or self._recorded.recorded(spec) is not None

    def _act(self, act: Act, now_ns: Ns) -> None:
        """An operator asks; a process that is down is not reached."""
        self._deliver([OperatorActed(act=act, by="sim", reason="planned", received_ns=now_ns)], now_ns)

    def _step(self, now_ns: Ns) -> None:
        """Let the world move to `now_ns` and send what it shows; plan the next step."""
        self._exchange.advance(now_ns)
        if self._recorded is None:
            self._venue.tickers(now_ns)
            next_ns = Ns(now_ns + self._params.step_ns)
        else:
            next_ns = self._replay_step(now_ns)
        self._venue.private(now_ns)
        if next_ns <= self._end_ns:
            self._schedule.at(next_ns, self._step)

    def _fit(self, now_ns: Ns) -> None:
        """Fit the surface and give it to the engine at once: on this clock a fit takes no time."""
        self._deliver([self._study.work(self._engine.pictured(now_ns))], now_ns)
        next_ns = Ns(now_ns + self._params.book.sources.fit_every_ns)
        if next_ns <= self._end_ns:
            self._schedule.at(next_ns, self._fit)

    def _replay_step(self, now_ns: Ns) -> Ns:
        """Tickers whose row is new among the expiries held (each tells their forward), and the perpetual."""
        assert self._recorded is not None, "only in a recorded world"
        told = self._recorded.rows_at(now_ns)
        fresh = frozenset(name for name in told if name in self._chain)
        index_usd = self._exchange.index_usd(f"{self._params.book.book.lower()}_usd")
        if fresh or index_usd != self._index_usd or any(name in told for name in hedges_of(self._params.book)):
            self._index_usd = index_usd
            self._venue.tickers(now_ns, only=fresh)
        held = frozenset(name for name in self._held if (self._exchange.instrument(name).expiry_ns or 0) > now_ns)
        self._rows_seen |= fresh & held
        if held and self._rows_seen >= held:
            self._rows_seen = frozenset()
            self._schedule.at(Ns(now_ns + _SAMPLE_AFTER_NS), self._sample_step)
        following = self._recorded.next_time_ns()
        if following is None:
            return Ns(self._end_ns + 1)
        self._wait_out(now_ns, following)
        return following

    def _wait_out(self, now_ns: Ns, until_ns: Ns) -> None:
        """Let the bot's clock go on through a hole: by the time its quotes are too old it knows, and refuses."""
        self._hole_end_ns = Ns(min(until_ns, self._end_ns))
        first_ns = Ns(now_ns + self._params.book.trust.hedge_age_ns_max + _IDLE_EVERY_NS)
        if first_ns < self._hole_end_ns:
            self._schedule.at(first_ns, self._idle)

    def _idle(self, now_ns: Ns) -> None:
        """Nothing is shown; what expires or settles meanwhile is told."""
        self._exchange.advance(now_ns)
        self._venue.private(now_ns)
        self._deliver([], now_ns)
        next_ns = Ns(now_ns + _IDLE_EVERY_NS)
        if next_ns < self._hole_end_ns:
            self._schedule.at(next_ns, self._idle)

    def _sample_step(self, now_ns: Ns) -> None:
        """Profit and deltas once every held option has been seen once more and its hedge has come back."""
        del now_ns
        account, seen = self._engine.account, self._engine.decided
        if not account.is_reconciled or seen is None or seen.delta_coin_net is None or seen.delta_coin_options is None:
            return
        profit = account.profit.usd()
        self.steps.append(
            StepSample(
                total_usd=profit.total,
                options_usd=profit.options,
                index_usd=self._index_usd,
                delta_coin_net=seen.delta_coin_net,
                delta_coin_options=seen.delta_coin_options,
            )
        )

    @property
    def _engine(self) -> Engine:
        """Of the process that runs, or ran last."""
        return self._process.engine

    def _deliver(self, events: Sequence[Event], now_ns: Ns) -> None:
        """Events reach the bot."""
        self._process.deliver(events, now_ns)

    def _ended(self) -> BookStatus:
        """The book as it ended, with positions and equity of both sides at one moment: a last look without a decision.

        It is taken after every answer has arrived, and what rested may have been filled until then: a look older than
        the last fill would prove nothing.
        """
        status = self._engine.status()
        self._exchange.advance(Ns(self._end_ns + _SETTLE_NS))
        self._process.look_last(self._venue.last_look(), self._exchange.now_ns)
        last = self._engine.status()
        return msgspec.structs.replace(status, equity=last.equity, positions_native=last.positions_native)

    def costs(self, mode: str) -> CostReport:
        """What hedging has cost so far; unknown in a storm, where profit begins anew with every start."""
        return self._audit.report(self._engine, (self._params.book.book, mode), "the run itself")

    def _result(self, mode: str, status: BookStatus) -> RunResult:
        violations = self._venue.violations()
        result = self.tally.result(
            mode=mode,
            status=status,
            positions_match=_alive(status.positions_native, self._exchange)
            == _alive(self._venue.amounts(), self._exchange),
            violations=violations,
            trace_hash=self._process.trace_hash(),
            is_one_moment=True,
        )
        result = msgspec.structs.replace(result, command_hash=self._process.command_hash())
        if self._storm is not None:
            return self._weathered(result, self._storm.faults, status.orders_live)
        costs = self.costs(mode)
        mark_out = costs.maker_mark_outs["after_10_s"]
        result = msgspec.structs.replace(
            result,
            maker_share=costs.totals.maker_share,
            maker_mark_out_10s_bps=None if mark_out is None else mark_out.bps,
        )
        if self._recorded is None:
            return result
        return msgspec.structs.replace(
            result,
            tradable_share=self.tradable.share,
            samples=len(self.steps),
            var_ratio=_variance_ratio(
                _moves([step.total_usd for step in self.steps]), _moves([step.options_usd for step in self.steps])
            ),
            var_ratio_delta=_variance_ratio(*_delta_profits(self.steps)),
        )

    def _weathered(self, result: RunResult, faults: Faults, orders_live: int) -> RunResult:
        """The result of a run with faults: halts that had to be are no violations, what came of the faults is told."""
        assert self._checks is not None, "a storm is watched"
        ledger = self._process.ledger
        fills, intents = (
            ((), ()) if ledger is None else (ledger.fills(), ledger.labels_used(self._params.book.label_prefix))
        )
        found = self._checks.ended(result, fills, intents, orders_live)
        return msgspec.structs.replace(
            result,
            violations=(*self._venue.violations(), *found),
            faults={kind.value: count for kind, count in faults.counts.items()},
            starts=self._process.starts_count,
            halts=dict(sorted(self._checks.halts.items())),
        )


def _alive(amounts: dict[InstrumentId, Decimal], exchange: Exchange) -> dict[InstrumentId, Decimal]:
    """Positions without expired instruments, which the venue settles at a moment of its own."""
    return {
        name: amount
        for name, amount in amounts.items()
        if (expiry := exchange.instrument(name).expiry_ns) is None or expiry > exchange.now_ns
    }


def _moves(levels: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(levels)]


def _delta_profits(steps: list[StepSample]) -> tuple[list[float], list[float]]:
    """Profit of delta alone: delta at the start of the step times the index move; hedged, unhedged."""
    pairs = list(itertools.pairwise(steps))
    hedged = [before.delta_coin_net * (after.index_usd - before.index_usd) for before, after in pairs]
    unhedged = [before.delta_coin_options * (after.index_usd - before.index_usd) for before, after in pairs]
    return hedged, unhedged


def _variance_ratio(hedged: list[float], unhedged: list[float]) -> float | None:
    """Variance of the first over variance of the second; None without movement."""
    if len(hedged) < 2:
        return None
    below = statistics.variance(unhedged)
    return statistics.variance(hedged) / below if below > 0.0 else None
