"""What a policy came to on a recorded day: hedges, costs, variance left, profit taken apart, and how good the tape was.

Knows a simulation that has run and the history it ran on; words and sums only.
"""

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct, structs

from bot.book import BookParams
from bot.domain.decided import Outcome
from bot.domain.events import Event
from bot.domain.time import NS_PER_S, iso_utc
from bot.drive.profit_audit import ProfitAudit
from bot.drive.simulate import Simulation, StepSample
from bot.engine import Engine
from bot.observe.costs import CostReport
from bot.observe.profits import Parts, ProfitReport
from bot.observe.tally import RunResult
from bot.research.steps import LegSteps, StepLook
from bot.research.tapes.defects import DefectCount, counted
from bot.research.tapes.history import History

_FLOATS: Final = 1e-9
"""Of the largest part: what the account of a profit allows its sums of floats."""


class TapeUsed(Struct, frozen=True, kw_only=True):
    """What was played."""

    files: tuple[str, ...]
    formats: tuple[str, ...]
    rows_count: int
    start: str
    end: str
    holes: tuple[tuple[str, float], ...]
    """(from, seconds): nothing was recorded."""


class CostsUsd(Struct, frozen=True, kw_only=True):
    """What hedging cost; positive is paid. `total` without funding, which is the market's."""

    half_spread: float
    waiting: float
    beyond: float
    fees: float
    total: float
    funding: float
    traded: float


class Variance(Struct, frozen=True, kw_only=True):
    """Of the profit from one look at all options to the next, USD squared. None: too few looks."""

    steps_count: int
    hedged_usd_squared: float | None
    unhedged_usd_squared: float | None
    ratio: float | None
    ratio_delta: float | None
    """Of net delta times index move alone."""


class Backtest(Struct, frozen=True, kw_only=True):
    """One policy on one tape."""

    policy: str
    parameters: dict[str, object]
    book: str
    hedge_instrument: str
    hedges: int
    orders: int
    fills: int
    pnl_usd: float
    costs_usd: CostsUsd
    variance: Variance
    tradable_share: float
    untradable_s: dict[str, float]
    """By reason."""
    closes: bool
    """Whether the parts of the profit add up to the account's, and the run was in order."""
    apart_share: float
    """What belongs to no part, of all parts without their signs; of the worst currency."""
    apart_beyond_rounding_share: float
    """The same beyond what the venue rounds: eight decimals at each booking."""
    steps: tuple[LegSteps, ...]
    """How often the greeks explain an option's step, from one recorded mark to the next."""
    tape: TapeUsed
    defects: tuple[DefectCount, ...]
    run: RunResult
    attribution: ProfitReport
    violations: tuple[str, ...]


class Look:
    """Takes a run's profit apart, and its options' steps."""

    def __init__(self, params: BookParams) -> None:
        """Nothing seen."""
        self.steps = StepLook()
        self._audit = ProfitAudit(params)
        self._engine: Engine | None = None

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        self._engine = engine
        self._audit.see(engine, event, outcome)
        self.steps.see(engine, event, outcome)

    def report(self, run_id: str, mode: str) -> ProfitReport:
        """Of a run that has ended."""
        assert self._engine is not None, "nothing was run"
        return self._audit.report(self._engine, (run_id, mode))


def backtest_of(params: BookParams, simulation: Simulation, look: Look, history: History, mode: str) -> Backtest:
    """Run it, and say what came of it."""
    run = simulation.run(mode)
    costs, profit = simulation.costs(mode), look.report(params.label_prefix + params.run_tag, mode)
    found = [
        *run.violations,
        *([profit.problem] if profit.problem else []),
        *([costs.problem] if costs.problem else []),
    ]
    return Backtest(
        policy=str(params.band.__struct_config__.tag),
        parameters={name: value for name, value in structs.asdict(params.band).items() if value is not None},
        book=params.book,
        hedge_instrument=params.hedge_instrument,
        hedges=run.hedges,
        orders=run.orders,
        fills=run.fills,
        pnl_usd=run.pnl_usd.total,
        costs_usd=_costs(costs, run),
        variance=_variance(simulation.steps, run),
        tradable_share=simulation.tradable.share,
        untradable_s={reason.value: ns / NS_PER_S for reason, ns in simulation.tradable.barred_ns.items()},
        closes=not found,
        apart_share=apart_share(profit),
        apart_beyond_rounding_share=apart_share(profit, is_beyond_rounding=True),
        steps=look.steps.legs(),
        tape=_tape(history),
        defects=counted(history.defects),
        run=run,
        attribution=profit,
        violations=tuple(found),
    )


def _costs(costs: CostReport, run: RunResult) -> CostsUsd:
    totals = costs.totals
    return CostsUsd(
        half_spread=totals.half_spread.usd,
        waiting=totals.waiting.usd,
        beyond=totals.beyond.usd,
        fees=totals.fees.usd,
        total=totals.total.usd,
        funding=-run.pnl_usd.funding,
        traded=totals.traded_usd,
    )


def _variance(steps: Sequence[StepSample], run: RunResult) -> Variance:
    totals, options = [step.total_usd for step in steps], [step.options_usd for step in steps]
    return Variance(
        steps_count=max(len(steps) - 1, 0),
        hedged_usd_squared=_of_moves(totals),
        unhedged_usd_squared=_of_moves(options),
        ratio=run.var_ratio,
        ratio_delta=run.var_ratio_delta,
    )


def _of_moves(levels: Sequence[float]) -> float | None:
    moves = [after - before for before, after in itertools.pairwise(levels)]
    return statistics.variance(moves) if len(moves) > 1 else None


def apart_share(profit: ProfitReport, *, is_beyond_rounding: bool = False) -> float:
    """What belongs to no part, over the sum of all parts without their signs; the largest of the currencies' and USD's.

    `is_beyond_rounding`: less the venue's, which no arithmetic can know: a realised profit is booked to eight decimals.
    """
    shares, rounded_usd = [0.0], 0.0
    for one in profit.currencies:
        legs = [leg.native for leg in profit.legs if leg.currency == one.currency]
        largest = max((abs(part) for parts in legs for part in structs.astuple(parts)), default=0.0)
        rounded = max(one.tolerance_native - _FLOATS * largest, 0.0) if is_beyond_rounding else 0.0
        rounded_usd += rounded * max(_usd_per_native(profit, one.currency), 1.0)
        if gross := _gross(legs):
            shares.append(max(abs(one.apart_native) - rounded, 0.0) / gross)
    if gross := _gross(leg.usd for leg in profit.legs):
        shares.append(max(abs(profit.usd.total - profit.wealth_usd) - rounded_usd, 0.0) / gross)
    return max(shares)


def _usd_per_native(profit: ProfitReport, currency: str) -> float:
    """What a unit of money was worth, by the leg that made most of it."""
    made = [(abs(leg.native.total), abs(leg.usd.total)) for leg in profit.legs if leg.currency == currency]
    native, usd = max(made, default=(0.0, 0.0))
    return usd / native if native else 0.0


def _gross(parts: Iterable[Parts]) -> float:
    return math.fsum(abs(money) for one in parts for money in structs.astuple(one))


def _tape(history: History) -> TapeUsed:
    return TapeUsed(
        files=tuple(file.name for file in history.files),
        formats=tuple(sorted({file.format for file in history.files})),
        rows_count=history.rows_count,
        start=iso_utc(history.start_ns),
        end=iso_utc(history.end_ns),
        holes=tuple((iso_utc(hole.start_ns), (hole.end_ns - hole.start_ns) / NS_PER_S) for hole in history.holes),
    )


_to_json: Final = msgspec.json.Encoder(decimal_format="number").encode


def as_json(result: Backtest) -> str:
    """One line."""
    return _to_json(result).decode()
