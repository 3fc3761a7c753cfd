"""Gathers what a report shows of one book's run: scalping, profit and costs with their course, and the book at its end.

Fed by whoever drives an engine.
"""

import math
from collections import deque
from typing import Final

from msgspec import structs

from bot.book import BookParams
from bot.domain.decided import Decided, FillBooked, Outcome
from bot.domain.events import Event
from bot.domain.ids import InstrumentId
from bot.domain.ladder import LadderStep
from bot.domain.reasons import Action
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.drive.profit_audit import STEP_NS, StepMade
from bot.drive.scalping_audit import ScalpingAudit
from bot.engine import Engine
from bot.observe.charts import HedgeMark
from bot.observe.costs import CostReport
from bot.observe.reported import Components, DeltaSeen, Point, Report, SmileCurve, SmilePoint
from bot.pricing.svi import Svi
from bot.risk import gap
from bot.risk.gap import GapParams, GapWatch
from bot.risk.ladder import LadderLimits
from bot.risk.scalping import Gamma, Step, iv_of

_WINDOW_NS: Final = Ns(3_600 * NS_PER_S)
"""Over which realised and implied volatility are drawn."""
_WINDOW_STEPS_MIN: Final = 30
_POINTS_MAX: Final = 4_000
"""Then every second one goes, and from there on they are half as dense."""
_CURVE_K: Final = tuple(0.01 * place for place in range(-30, 31))
_NOTHING: Final = Components(
    carry_usd=0.0, left_usd=0.0, volatility_usd=0.0, basis_usd=0.0, costs_usd=0.0, funding_usd=0.0, other_usd=0.0
)


class ReportAudit:
    """Of one book; fed with every event after the engine took it."""

    def __init__(self, params: BookParams) -> None:
        """Nothing seen."""
        self._params = params
        self._scalping = ScalpingAudit(params)
        self._made = _NOTHING
        self._held_usd = 0.0
        self._points: list[Point] = []
        self._every = self._steps = 0
        self._recent: deque[Step] = deque()
        self._decided: Decided | None = None
        self._first_ns: Ns | None = None
        self._refused_ns = 0
        self._deltas: list[DeltaSeen] = []
        self._delta_every_ns = STEP_NS
        self._has_filled = False

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        if outcome.decided is not None:
            self._decide(outcome.decided)
            self._look_at_delta(outcome.decided)
        self._has_filled |= any(isinstance(note, FillBooked) for note in outcome.notes)
        made = self._scalping.see(engine, event, outcome)
        if made is not None:
            self._step(made, self._scalping.steps[-1])

    def _decide(self, decided: Decided) -> None:
        before, self._decided = self._decided, decided
        self._first_ns = decided.now_ns if self._first_ns is None else self._first_ns
        if before is not None and before.action is Action.REFUSE:
            self._refused_ns += decided.now_ns - before.now_ns

    def _look_at_delta(self, decided: Decided) -> None:
        net, low, high = decided.delta_coin_net, decided.band_low_coin, decided.band_high_coin
        if net is None or low is None or high is None:
            return
        is_due = not self._deltas or decided.now_ns - self._deltas[-1].at_ns >= self._delta_every_ns
        if is_due or self._has_filled or decided.action is Action.HEDGE:
            self._has_filled = False
            seen = DeltaSeen(at_ns=decided.now_ns, delta_coin_net=net, band_low_coin=low, band_high_coin=high)
            self._deltas.append(seen)
            if len(self._deltas) > _POINTS_MAX:
                del self._deltas[1::2]
                self._delta_every_ns = Ns(2 * self._delta_every_ns)

    def _step(self, made: StepMade, step: Step) -> None:
        parts, both = made.parts, step.all
        counted_usd = step.left_usd + both.gained_usd + both.paid_usd
        counted_usd -= parts.delta + parts.gamma + parts.theta + parts.hedge
        self._held_usd += parts.collateral - counted_usd
        more = Components(
            carry_usd=both.gained_usd + both.paid_usd,
            left_usd=step.left_usd,
            volatility_usd=parts.vega + parts.vanna + parts.volga,
            basis_usd=parts.basis,
            costs_usd=step.cost_usd,
            funding_usd=parts.funding,
            other_usd=parts.residual + parts.mark_rounding + parts.settlement,
        )
        sums = map(sum, zip(structs.astuple(self._made), structs.astuple(more), strict=True))
        self._made = Components(**dict(zip((field.name for field in structs.fields(Components)), sums, strict=True)))
        self._recent.append(step)
        while step.end_ns - self._recent[0].start_ns > _WINDOW_NS:
            self._recent.popleft()
        self._steps += 1
        if self._steps % (1 << self._every) == 0:
            self._keep(made)

    def _keep(self, made: StepMade) -> None:
        years = math.fsum(step.years for step in self._recent)
        variance = math.fsum(step.move_share**2 for step in self._recent) / years if years else 0.0
        is_long_enough = len(self._recent) >= _WINDOW_STEPS_MIN
        self._points.append(
            Point(
                at_ns=made.end_ns,
                index_usd=made.index_usd,
                made=self._made,
                realised_fraction=math.sqrt(variance) if is_long_enough else None,
                iv_fraction=iv_of(
                    Gamma.of([step.bought for step in self._recent]), Gamma.of([step.sold for step in self._recent])
                ),
            )
        )
        if len(self._points) > _POINTS_MAX:
            del self._points[1::2]
            self._every += 1

    def report(self, engine: Engine, of_run: tuple[str, str], compared: str) -> Report:
        """Everything up to now."""
        last = self._scalping.finish(engine)
        if last is not None:
            self._step(last, self._scalping.steps[-1])
        profit = self._scalping.profit.report(engine, of_run)
        costs = self._scalping.costs.report(engine, of_run, compared)
        scalping = self._scalping.beside(profit, costs)
        decided, first_ns = self._decided, self._first_ns
        span_ns = 0 if decided is None or first_ns is None else decided.now_ns - first_ns
        return Report(
            run_id=of_run[0],
            mode=of_run[1],
            book=self._params.book,
            convention=self._params.convention.value,
            start_ns=scalping.start_ns,
            end_ns=scalping.end_ns,
            points=tuple(self._points),
            deltas=tuple(self._deltas),
            hedges=_marks(costs),
            smile=_smile(engine),
            curves=_curves(engine),
            ladder=_ladder(engine, self._params, scalping.end_ns),
            held_usd=self._held_usd,
            refused_fraction=self._refused_ns / span_ns if span_ns else None,
            profit=profit,
            costs=costs,
            scalping=scalping,
        )


def _marks(costs: CostReport) -> tuple[HedgeMark, ...]:
    return tuple(
        HedgeMark(
            time_ns=hedge.decided_ns,
            price_usd=hedge.price_usd,
            trade_coin=math.copysign(hedge.costs.traded_usd / hedge.price_usd, hedge.filled_native),
        )
        for hedge in costs.hedges
        if hedge.price_usd is not None
    )


def _smile(engine: Engine) -> tuple[SmilePoint, ...]:
    """Options with a volatility, as last seen, that have not expired."""
    view, held, now_ns = engine.view, engine.account.held(), engine.status().now_ns
    found: dict[InstrumentId, SmilePoint] = {}
    for name, marked in view.options.items():
        spec = view.instruments.get(name)
        if spec is None or spec.strike_usd is None or spec.expiry_ns is None or marked.iv_mark is None:
            continue
        if spec.expiry_ns > now_ns:
            found[name] = SmilePoint(
                instrument=name,
                expiry_ns=spec.expiry_ns,
                strike_usd=spec.strike_usd,
                iv=marked.iv_mark,
                held_coin=float_from_decimal(held[name]) if name in held else 0.0,
            )
    return tuple(sorted(found.values(), key=lambda one: (one.expiry_ns, one.strike_usd, one.instrument)))


def _curves(engine: Engine) -> tuple[SmileCurve, ...]:
    """Of the newest fit of the surface; none where no fit was asked for."""
    fitted = engine.status().surface
    return tuple(
        SmileCurve(
            expiry_ns=one.expiry_ns,
            strikes_usd=tuple(one.forward_usd * math.exp(k) for k in _CURVE_K),
            ivs=tuple(math.sqrt(max(Svi(*one.svi).w(k), 0.0) / one.tau_years) for k in _CURVE_K),
        )
        for one in (() if fitted is None else fitted.slices)
        if one.tau_years > 0.0
    )


def _ladder(engine: Engine, params: BookParams, now_ns: Ns) -> tuple[LadderStep, ...]:
    """Of what is held now."""
    watch = GapWatch(GapParams(interval_ns=Ns(1), limits=LadderLimits()), engine.view, params.window)
    figures = engine.account.figures
    questions, _ = watch.tick(params.hedge_instrument, engine.account.held(), figures.equity_coin, now_ns)
    return gap.measure(questions[0], now_ns).steps if questions else ()
