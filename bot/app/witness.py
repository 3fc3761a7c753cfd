"""Told of everything after the orders have left: narrates, measures, counts. Decides nothing."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from msgspec import structs

from bot.app.live import Live
from bot.app.lookout import Lookout
from bot.domain.commands import PlaceOrder
from bot.domain.decided import AlarmRaised, Outcome
from bot.domain.events import Event, Ticked
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_DAY, iso_utc
from bot.engine import Engine
from bot.observe.alerts import Alerts
from bot.observe.charts import HedgeMark, Sample, render_run
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.observe.passed import Passed, Stretch
from bot.observe.tally import RunResult, Tally


class RunWitness:
    """The witness of a real-clock run."""

    def __init__(
        self,
        narrator: Narrator,
        metrics: Metrics,
        tallies: dict[str, Tally],
        alerts: Alerts | None = None,
        lookout: Lookout | None = None,
    ) -> None:
        """One tally per book; without `alerts` nobody is called, without a `lookout` there is no page to fill."""
        self._alerts = alerts
        self._narrator = narrator
        self._metrics = metrics
        self._tallies = tallies
        self._lookout = lookout
        self._live: Live | None = None
        self._seqs = dict.fromkeys(tallies, 0)
        """Of the event told last, by book: between it and the next one, market events have passed."""

    def follow(self, live: Live) -> None:
        """Sample this driver's books from now on."""
        self._live = live

    def look_at(self, engines: Mapping[str, Engine]) -> None:
        """Show these on the page, where there is one."""
        if self._lookout is not None:
            self._lookout.follow(engines)

    def passed(self, stretch: Stretch) -> None:
        """What says nothing new: counted, and whatever is due at its ticks."""
        self._metrics.passed(stretch)
        for each in stretch:
            if not isinstance(each, Passed):
                book, seq, event, outcome = each
                self._narrator.repeated(book)
                self._counted(book, seq, event, outcome)
                self._at(book, event)

    def applied(self, book: str, seq: int, event: Event, outcome: Outcome) -> None:
        """One event and what it led to."""
        self._narrator.event(seq, event)
        self._narrator.outcome(book, seq, outcome)
        for command in outcome.commands:
            if isinstance(command, PlaceOrder):
                self._narrator.sent(seq, command)
        self._metrics.applied(book, event, outcome)
        self._counted(book, seq, event, outcome)
        if self._alerts is not None:
            self._alerts.applied(book, event, outcome)
        self._at(book, event)
        if self._lookout is not None:
            self._lookout.saw(book, seq, event, outcome)

    def _counted(self, book: str, seq: int, event: Event, outcome: Outcome) -> None:
        tally = self._tallies[book]
        tally.passed(seq - self._seqs[book] - 1)
        self._seqs[book] = seq
        tally.saw(event, outcome)

    def _at(self, book: str, event: Event) -> None:
        """What is done now and then, of a running driver: the summary of the day, samples for pictures and page."""
        if not isinstance(event, Ticked):
            return
        if self._lookout is not None:
            self._lookout.ticked(book, event.now_ns)
        if self._live is None:
            return
        if self._alerts is not None and self._alerts.is_summary_due(event.now_ns):
            for status in self._live.statuses():
                day = self._tallies[status.book]
                draw = partial(_drawn, tuple(day.samples), tuple(day.marks), status)
                self._alerts.sum_up(status, hedges_count=day.hedges, fills_count=day.fills, draw=draw)
        if self._tallies[book].wants_sample(event.now_ns):
            for status in self._live.statuses():
                if status.book == book:
                    self._tallies[book].sample(status)

    def waited(self, cause: str, pause_s: float) -> None:
        """At the start the venue gave no answer; it is asked again after a pause."""
        self._narrator.waited(cause, pause_s)

    def listening(self, host: str, port: int) -> None:
        """The health pages answer there."""
        self._narrator.listening(host, port)

    def stalled(self, seconds: float) -> None:
        """The ledger took long to commit."""
        self._narrator.stalled(seconds)
        self._metrics.stalled()

    def alarmed(self, book: str, seq: int, alarm: AlarmRaised) -> None:
        """An alarm no engine raised."""
        self._narrator.outcome(book, seq, Outcome(notes=(alarm,)))
        self._metrics.alarmed(book, alarm)
        alarms = self._tallies[book].alarms
        alarms[alarm.name] = alarms.get(alarm.name, 0) + 1

    def ended(self, results: Sequence[RunResult]) -> None:
        """How the run went, book by book."""
        for result in results:
            self._narrator.ended(
                result.seconds,
                book=result.book,
                cause=result.phase,
                events=result.events,
                decisions=result.decisions,
                hedges=result.hedges,
                orders=result.orders,
                fills=result.fills,
                refused=result.refused,
                unknown_open=result.unknown_open,
                positions_match=result.positions_match,
                profit_usd=structs.asdict(result.pnl_usd),
            )


def _drawn(samples: Sequence[Sample], marks: Collection[HedgeMark], status: BookStatus) -> str | None:
    """The last day of one book; None where there is too little to draw."""
    since_ns = status.now_ns - NS_PER_DAY
    try:
        return render_run(
            [sample for sample in samples if sample.time_ns >= since_ns],
            [mark for mark in marks if mark.time_ns >= since_ns],
            title=f"{status.book}, the day until {iso_utc(status.now_ns)[:16]}",
            coin=status.book,
        )
    except ValueError:
        return None
