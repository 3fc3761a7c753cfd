"""Counters and gauges for Prometheus, in a registry of their own.

Knows names and labels; fed after the orders have left. Labels are looked up once, not on every event.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.decided import NOTHING, Decided, FigureCompared, FillBooked, Note, OrderMoved, Outcome, PhaseChanged
from bot.domain.market_events import MarketEvent
from bot.domain.reasons import Action, Phase, Reason
from bot.domain.time import NS_PER_S

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_ORDER_OUTCOMES: Final = {
    ev.OrderAcked: "acked",
    ev.OrderRefused: "refused",
    ev.OrderUnknown: "unknown",
    ev.OrderAbsent: "absent",
}
_LATENCY_BUCKETS_S: Final = (50e-6, 100e-6, 200e-6, 350e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 0.25)
"""Around the budget of a tick: 120 us at the median, 350 us at the 99th percentile (platform facts 3)."""


class Metrics:
    """All figures of one process."""

    def __init__(self, books: Iterable[str] = ()) -> None:
        """Series of `books` exist from the start, of others from their first outcome."""
        self._registry = registry = CollectorRegistry()
        events = Counter("hedgebot_events", "Events applied.", ["kind"], registry=registry)
        self._events = {kind: events.labels(kind.__name__) for kind in _EVENT_KINDS}
        orders = Counter("hedgebot_orders", "Orders by what was heard of them.", ["outcome"], registry=registry)
        self._orders = {name: orders.labels(name) for name in ("sent", *_ORDER_OUTCOMES.values())}
        self._malformed = Counter("hedgebot_messages_malformed", "Messages refused by a decoder.", registry=registry)
        self._stalls = Counter("hedgebot_ledger_stalls", "Slow commits of the ledger.", registry=registry)
        self._latency = Histogram(
            "hedgebot_event_to_decision_seconds",
            "From the receipt of the newest event to the decision on it.",
            buckets=_LATENCY_BUCKETS_S,
            registry=registry,
        )
        self._all_decisions = Counter(
            "hedgebot_decisions", "Decisions by what they came to.", ["book", "action", "reason"], registry=registry
        )
        self._all_fills = Counter("hedgebot_fills", "Fills booked.", ["book"], registry=registry)
        self._all_gauges = {
            name: Gauge(f"hedgebot_{name}", text, ["book"], registry=registry)
            for name, text in (_FIGURES | _STATES).items()
        }
        self._books: dict[str, _BookSeries] = {}
        self._event: ev.Event | None = None
        for book in books:
            self._series(book)

    def applied(self, book: str, event: ev.Event, outcome: Outcome) -> None:
        """One event and what it led to in one book; an event handed over once per book counts once."""
        if event is not self._event:
            self._event = event
            self._seen(event)
        if outcome is not NOTHING:
            series = self._books.get(book) or self._series(book)
            if outcome.decided is not None:
                series.decided(outcome.decided)
            self._orders["sent"].inc(sum(isinstance(command, PlaceOrder) for command in outcome.commands))
            for note in outcome.notes:
                series.noted(note)

    def _seen(self, event: ev.Event) -> None:
        kind = event.__class__
        self._events[kind].inc()
        if kind in _ORDER_OUTCOMES:
            self._orders[_ORDER_OUTCOMES[kind]].inc()
        elif kind is ev.MessageMalformed:
            self._malformed.inc()

    def _series(self, book: str) -> "_BookSeries":
        gauges = {name: gauge.labels(book) for name, gauge in self._all_gauges.items()}
        self._books[book] = _BookSeries(book, self._all_decisions, self._all_fills.labels(book), gauges)
        return self._books[book]

    def stalled(self) -> None:
        """The ledger took long."""
        self._stalls.inc()

    def event_to_decision(self, elapsed_ns: int) -> None:
        """Time from the receipt of an event to the decision on it."""
        self._latency.observe(elapsed_ns / NS_PER_S)

    def text(self) -> bytes:
        """Everything in Prometheus' text format (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)


class _BookSeries:
    """Series of one book, their labels looked up once."""

    def __init__(self, book: str, decisions: Counter, fills: Counter, gauges: dict[str, Gauge]) -> None:
        self._book = book
        self._all_decisions = decisions
        self._decisions: dict[tuple[Action, Reason], Counter] = {}
        self._fills = fills
        self._gauges = gauges

    def decided(self, decided: Decided) -> None:
        key = (decided.action, decided.reason)
        if key not in self._decisions:
            self._decisions[key] = self._all_decisions.labels(self._book, *(word.value for word in key))
        self._decisions[key].inc()
        for name in _FIGURES:
            value = getattr(decided, name)
            self._gauges[name].set(_ABSENT if value is None else value)

    def noted(self, note: Note) -> None:
        if isinstance(note, FillBooked):
            self._fills.inc()
        elif isinstance(note, PhaseChanged):
            self._gauges["is_halted"].set(note.phase_after is Phase.HALTED)
            self._gauges["is_running"].set(note.phase_after is Phase.RUNNING)
        elif isinstance(note, FigureCompared):
            self._gauges["figures_apart"].inc(1 if note.is_apart else -1)
        elif isinstance(note, OrderMoved):
            change = (note.state_after == _UNKNOWN) - (note.state_before == _UNKNOWN)
            self._gauges["orders_unknown"].inc(change)


_UNKNOWN: Final = "unknown"
_ABSENT: Final = float("nan")
"""Prometheus' own word for a figure that is not known; never 0."""

_FIGURES: Final = {
    "delta_coin_net": "Net delta in coins, in the book's convention.",
    "delta_coin_low": "Low end of possible net deltas.",
    "delta_coin_high": "High end of possible net deltas.",
    "band_low_coin": "Low edge of the band in coins.",
    "band_high_coin": "High edge of the band in coins.",
    "gamma_coin_per_usd": "Gamma of the book, coins per USD.",
    "index_usd": "Index price in USD.",
}
"""Field of a decision and its help text."""

_STATES: Final = {
    "orders_unknown": "Orders whose fate is not known.",
    "figures_apart": "Figures of the account that lastingly differ from the venue's.",
    "is_halted": "1 while trading is halted.",
    "is_running": "1 while the book agrees with the venue and may trade.",
}
"""Gauge and its help text."""

_EVENT_KINDS: Final[tuple[type[ev.Event], ...]] = (*MarketEvent.__args__, *ev.AccountEvent.__args__, ev.Ticked)
