"""Told of everything after the orders have left: narrates, measures, counts. Decides nothing."""

from typing import Final

from bot.app.live import Live
from bot.domain.commands import PlaceOrder
from bot.domain.decided import Outcome
from bot.domain.events import Event, Ticked
from bot.domain.reasons import Action
from bot.observe.charts import HedgeMark
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.observe.tally import Tally

_HEDGES_KEPT_MAX: Final = 2_000
"""Hedges kept for the picture."""


class RunWitness:
    """The witness of a real-clock run."""

    def __init__(self, narrator: Narrator, metrics: Metrics, tallies: dict[str, Tally]) -> None:
        """One tally per book."""
        self._narrator = narrator
        self._metrics = metrics
        self._tallies = tallies
        self._live: Live | None = None
        self.hedges: list[HedgeMark] = []

    def follow(self, live: Live) -> None:
        """Sample this driver's books from now on."""
        self._live = live

    def applied(self, book: str, seq: int, event: Event, outcome: Outcome) -> None:
        """One event and what it led to."""
        self._narrator.event(seq, event)
        self._narrator.outcome(book, seq, outcome)
        for command in outcome.commands:
            if isinstance(command, PlaceOrder):
                self._narrator.sent(seq, command)
        self._metrics.applied(book, event, outcome)
        seen = outcome.decided
        if seen is not None and seen.action is Action.HEDGE and seen.price_usd is not None:
            mark = HedgeMark(time_ns=seen.now_ns, price_usd=seen.price_usd, trade_coin=seen.trade_coin)
            self.hedges = [*self.hedges[-_HEDGES_KEPT_MAX:], mark]
        tally = self._tallies[book]
        tally.saw(event, outcome)
        if isinstance(event, Ticked) and self._live is not None and tally.wants_sample(event.now_ns):
            for status in self._live.statuses():
                if status.book == book:
                    tally.sample(status)

    def stalled(self, seconds: float) -> None:
        """The ledger took long to commit."""
        self._narrator.stalled(seconds)
        self._metrics.stalled()
