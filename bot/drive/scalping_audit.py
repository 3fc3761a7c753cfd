"""Gathers what gamma scalping came to from one book's run: steps of `profit_audit`, costs of `cost_audit`, decisions.

Fed by whoever drives an engine. The maths is in `risk/scalping.py`.
"""

from typing import Final

from bot.book import BookParams
from bot.domain.decided import Decided, FillBooked, Outcome
from bot.domain.events import Event
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.drive.cost_audit import CostAudit
from bot.drive.profit_audit import ProfitAudit, StepMade
from bot.engine import Engine
from bot.observe.costs import CostReport
from bot.observe.profits import ProfitReport
from bot.observe.scalps import ScalpingReport
from bot.risk.conventions import Convention
from bot.risk.scalping import Step, scalping, spans

_HOUR_NS: Final = Ns(3_600 * NS_PER_S)


class ScalpingAudit:
    """Of one book; fed with every event after the engine took it."""

    def __init__(self, params: BookParams) -> None:
        """Nothing seen."""
        self._params = params
        self.profit = ProfitAudit(params)
        self.costs = CostAudit(params)
        self.steps: list[Step] = []
        self._hedged_ns: dict[str, Ns] = {}
        """Last fill of each hedge."""
        self._decided: Decided | None = None
        self._open_usd2_years = 0.0
        """Of the step under way: the delta left open, squared, times time."""
        self._half_band_usd: float | None = None

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> StepMade | None:
        """One event and what the engine made of it; the step that ends with it."""
        self.costs.see(engine, event, outcome)
        made = self.profit.see(engine, event, outcome)
        if outcome.decided is not None:
            self._expose(outcome.decided)
        if made is None:
            return None
        self._step(made)
        for note in outcome.notes:
            if isinstance(note, FillBooked) and note.label is not None:
                self._hedged_ns[note.label] = made.end_ns
        return made

    def _expose(self, decided: Decided) -> None:
        """What was open since the decision before."""
        before, self._decided = self._decided, decided
        if before is not None and before.delta_coin_net is not None and before.price_usd is not None:
            years = (decided.now_ns - before.now_ns) / NS_PER_YEAR
            self._open_usd2_years += (before.delta_coin_net * before.price_usd) ** 2 * years

    def _step(self, made: StepMade) -> None:
        parts, counted_coin = made.parts, self._counted_coin(made)
        gained = made.bought.gained_usd + made.sold.gained_usd
        paid = made.bought.paid_usd + made.sold.paid_usd
        moved_usd = made.index_usd - made.index_before_usd
        self.steps.append(
            Step(
                start_ns=made.start_ns,
                end_ns=made.end_ns,
                move_share=moved_usd / made.index_before_usd,
                bought=made.bought,
                sold=made.sold,
                left_usd=parts.delta
                + parts.gamma
                + parts.theta
                + parts.hedge
                + counted_coin * moved_usd
                - gained
                - paid,
                left_usd2_years=self._open_usd2_years,
                cost_usd=parts.slippage + parts.fee,
                half_band_usd=self._half_band_usd,
            )
        )
        self._open_usd2_years = 0.0
        self._half_band_usd = None if self._decided is None else _half_band_usd(self._decided)

    def _counted_coin(self, made: StepMade) -> float:
        """Coins whose price the book's delta has in it: an option's plain delta counts its premium, which is coins."""
        match self._params.convention:
            case Convention.COIN:
                return 0.0
            case Convention.USD:
                return made.equity_coin - self._params.treasury_coin
            case Convention.OPTIONS_ONLY | Convention.LINEAR_USD:
                return made.options_coin

    def report(self, engine: Engine, of_run: tuple[str, str], compared: str) -> ScalpingReport:
        """Everything up to now, beside the profit it is a part of."""
        self.finish(engine)
        profit, costs = self.profit.report(engine, of_run), self.costs.report(engine, of_run, compared)
        return self.beside(profit, costs)

    def finish(self, engine: Engine) -> StepMade | None:
        """The step since the last look; None where no time has passed."""
        last = self.profit.finish(engine)
        if last is None or last.end_ns <= last.start_ns:
            return None
        self._step(last)
        return last

    def beside(self, profit: ProfitReport, costs: CostReport) -> ScalpingReport:
        """What has come of the steps, beside profit and costs of the same run."""
        found = scalping(self.steps, costs.totals.traded_usd)
        made_usd = sum(step.left_usd + step.cost_usd + step.all.gained_usd + step.all.paid_usd for step in self.steps)
        first_ns, last_ns = profit.start_ns, self.steps[-1].end_ns if self.steps else profit.start_ns
        hours = [Ns(at) for at in range((first_ns // _HOUR_NS + 1) * _HOUR_NS, last_ns, _HOUR_NS)]
        return ScalpingReport(
            run_id=profit.run_id,
            mode=profit.mode,
            book=self._params.book,
            start_ns=first_ns,
            end_ns=last_ns,
            steps_count=len(self.steps),
            scalping=found,
            maker_share=costs.totals.maker_share,
            hedges_count=sum(hedge.costs.traded_usd > 0.0 for hedge in costs.hedges),
            traded_usd=costs.totals.traded_usd,
            hours=spans(self.steps, hours),
            hedges=spans(self.steps, sorted(set(self._hedged_ns.values()))),
            beside_usd=profit.usd.total - made_usd,
            total_usd=profit.usd.total,
            problem=profit.problem or costs.problem or ("" if found else "there was no step to look at"),
        )


def _half_band_usd(decided: Decided) -> float | None:
    low, high, price = decided.band_low_coin, decided.band_high_coin, decided.price_usd
    return None if low is None or high is None or price is None else 0.5 * (high - low) * price
