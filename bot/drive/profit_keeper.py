"""Takes the profit of one book apart beside a run: looks are kept at once, and worked out when there is time.

From a tape the same looks give the same rows, to the bit. Knows when a row is due and when an alarm; writes nothing.
"""

from collections import deque
from typing import Final, NamedTuple

from msgspec import structs

from bot.book import BookParams
from bot.domain.decided import AlarmRaised, Outcome
from bot.domain.events import Event
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S, Ns
from bot.drive.profit_audit import ProfitAudit
from bot.drive.profit_look import Look
from bot.engine import Engine
from bot.journal.profit_rows import ProfitRow
from bot.observe.profits import LegProfit, Parts

ROWS_NS: Final = Ns(600 * NS_PER_S)
"""Between two rows of a leg; what was made since the last of them before a kill is still on the tape."""
COLLATERAL: Final = "collateral"
UNEXPLAINED: Final = "profit_unexplained"
"""The alarm."""
_BLOCK_STEPS: Final = 1_000
_BLOCK_UNEXPLAINED_MAX: Final = 10
"""One in a hundred: the share of steps the greeks may leave unexplained (theory 5.2)."""


class Kept(NamedTuple):
    """What has come of the looks so far."""

    rows: list[ProfitRow]
    alarms: list[AlarmRaised]


class ProfitKeeper:
    """Of one book."""

    def __init__(self, params: BookParams) -> None:
        """Nothing seen."""
        self._book = params.book
        self._audit = ProfitAudit(params)
        self._looks: deque[Look] = deque()
        self._told_ns: Ns | None = None
        self._told: dict[InstrumentId, LegProfit] = {}
        self._blocks: dict[InstrumentId, tuple[int, int]] = {}
        """Steps and unexplained ones of each leg when its block began."""

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it: a comparison or two, and once a minute a look is kept."""
        look = self._audit.watch.see(engine, event, outcome)
        if look is not None:
            self._looks.append(look)

    def work(self) -> Kept:
        """Off the tick path: everything that was kept."""
        kept = Kept([], [])
        while self._looks:
            look = self._looks.popleft()
            if self._audit.take(look) is None:
                continue
            kept.alarms.extend(self._judged())
            if look.is_tick and (self._told_ns is None or look.at_ns - self._told_ns >= ROWS_NS):
                kept.rows.extend(self._rows(look.at_ns))
        return kept

    def finish(self, engine: Engine) -> Kept:
        """At the end of a run: the last step too, and a row of every leg."""
        kept = self.work()
        made = self._audit.finish(engine)
        if made is not None:
            kept.rows.extend(self._rows(made.end_ns))
        return kept

    def _judged(self) -> list[AlarmRaised]:
        """Of legs with more unexplained steps than their block may have; a new block begins then, or after so many."""
        alarms: list[AlarmRaised] = []
        for name, (steps, unexplained) in self._audit.counts().items():
            first, missed = self._blocks.setdefault(name, (steps, unexplained))
            made, lost = steps - first, unexplained - missed
            if lost > _BLOCK_UNEXPLAINED_MAX:
                text = f"{name}: greeks leave {lost} of {made} steps unexplained; see `hedgebot pnl`"
                alarms.append(AlarmRaised(name=UNEXPLAINED, detail=text, deadline_ns=None))
            if lost > _BLOCK_UNEXPLAINED_MAX or made >= _BLOCK_STEPS:
                self._blocks[name] = steps, unexplained
        return alarms

    def _rows(self, at_ns: Ns) -> list[ProfitRow]:
        """Of every leg that has made something since it was told last."""
        self._told_ns = at_ns
        legs = {leg.instrument: leg for leg in self._audit.legs()}
        changed = [leg for name, leg in legs.items() if self._told.get(name) != leg]
        self._told.update(legs)
        rows = [
            self._row(
                at_ns,
                (leg.instrument, leg.currency),
                (leg.native, leg.usd),
                (leg.steps_count, leg.unexplained_count),
            )
            for leg in changed
        ]
        collateral = Parts(collateral=self._audit.collateral_usd)
        return [*rows, self._row(at_ns, (COLLATERAL, "USD"), (collateral, collateral), (0, 0))]

    def _row(self, at_ns: Ns, what: tuple[str, str], made: tuple[Parts, Parts], counts: tuple[int, int]) -> ProfitRow:
        native, usd = made
        return ProfitRow(
            book=self._book,
            leg=what[0],
            at_ns=at_ns,
            since_ns=self._audit.since_ns,
            currency=what[1],
            total_native=native.total,
            total_usd=usd.total,
            parts_native={name: part for name, part in structs.asdict(native).items() if part},
            parts_usd={name: part for name, part in structs.asdict(usd).items() if part},
            steps_count=counts[0],
            unexplained_count=counts[1],
        )
