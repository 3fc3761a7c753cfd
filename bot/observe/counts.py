"""What happened, counted in plain numbers after the orders have left: a few hundred nanoseconds an event.

Knows events, outcomes and the names of their counters; labels are values of enumerations or names the venue has
listed, so that the number of series is bounded. Renders nothing.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct

from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.decided import (
    NOTHING,
    AlarmRaised,
    Decided,
    FigureCompared,
    FillBooked,
    Note,
    OrderMoved,
    Outcome,
    PhaseChanged,
    PositionMismatched,
)
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument
from bot.domain.market_events import MarketEvent
from bot.domain.reasons import Action, DistrustCause, HaltCause, Phase, Reason, RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.observe.metric_names import METRICS
from bot.observe.passed import Passed, Stretch

EVENT_KINDS: Final[tuple[type[ev.Event], ...]] = (*MarketEvent.__args__, *ev.AccountEvent.__args__, ev.Ticked)

_ORDER_OUTCOMES: Final[Mapping[type[ev.Event], str]] = {
    ev.OrderAcked: "acked",
    ev.OrderRefused: "refused",
    ev.OrderUnknown: "unknown",
    ev.OrderAbsent: "absent",
}
_TOLD_APART: Final = {
    *_ORDER_OUTCOMES,
    *(ev.MessageMalformed, ev.StreamLost, ev.StreamRestored, ev.QuoteDistrusted, ev.SnapshotFailed, ev.AccountSeen),
    *(ev.InstrumentListed, ev.LeaseHeld),
}
"""Kinds that are more than a number; a quote is none of them."""
_ENDS: Final = {VenueOrderState.FILLED.value, VenueOrderState.CANCELLED.value}

_Labels = tuple[str, ...]


class Spread(Struct):
    """A histogram: how many values up to each upper end, the last of all, and their sum."""

    buckets: tuple[float, ...]
    counts: list[int]
    total: float = 0.0

    def take(self, value: float) -> None:
        """One more."""
        self.counts[bisect_left(self.buckets, value)] += 1
        self.total += value


def _spread(name: str) -> Spread:
    buckets = METRICS[name].buckets
    return Spread(buckets=buckets, counts=[0] * (len(buckets) + 1))


class _Cell(Struct):
    """How many decisions of a book came to this."""

    action: Action
    reason: Reason
    count: int = 0


class Counts:
    """Counters and histograms of one process."""

    def __init__(self, books: Iterable[str], now_ns: Callable[[], Ns]) -> None:
        """Series of `books` that an alert may ask for exist from the start: a rate of nothing is no rate."""
        self._now_ns: Final = now_ns
        self.counters: Final[dict[str, dict[_Labels, float]]] = defaultdict(lambda: defaultdict(float))
        """By name, then by the values of its labels."""
        self.spreads: Final = {name: _spread(name) for name, metric in METRICS.items() if metric.buckets}
        self.figures_apart: Final[dict[str, int]] = dict.fromkeys(books, 0)
        self.accounts: Final[dict[tuple[VenueId, str], ev.AccountSeen]] = {}
        """The newest figures by venue and currency."""
        self.lease_until_ns: Ns | None = None
        self._kinds: Final = dict.fromkeys(EVENT_KINDS, 0)
        self._decisions: Final[dict[tuple[str, Action, Reason], _Cell]] = {}
        self._last: Final[dict[str, _Cell]] = {}
        self._listed: Final[dict[InstrumentId, Instrument]] = {}
        self._lost: set[tuple[VenueId, ev.StreamName]] = set()
        self._event: ev.Event | None = None
        self._waiting = 0
        self._received_ns: Ns | None = None
        self._latency: Final = self.spreads["hedgebot_event_to_decision_seconds"]
        self._lag: Final = self.spreads["hedgebot_ledger_lag_seconds"]
        self._depth: Final = self.spreads["hedgebot_inbox_depth_events"]
        self._begin(self.figures_apart)

    def _begin(self, books: Iterable[str]) -> None:
        zero: dict[str, Iterable[_Labels]] = {
            "hedgebot_ledger_stalls_total": [()],
            "hedgebot_orders_total": [(word,) for word in ("sent", *_ORDER_OUTCOMES.values(), *sorted(_ENDS))],
            "hedgebot_orders_refused_total": [(kind.value,) for kind in RefusalKind],
            "hedgebot_quotes_distrusted_total": [(cause.value,) for cause in DistrustCause],
            "hedgebot_halts_total": [(book, cause.value) for book in books for cause in HaltCause],
            "hedgebot_position_mismatches_total": [(book,) for book in books],
            "hedgebot_hedges_total": [(book, side) for book in books for side in ("buy", "sell")],
            "hedgebot_fills_total": [(book, word) for book in books for word in ("maker", "taker")],
            "hedgebot_traded_usd_total": [(book, word) for book in books for word in ("maker", "taker")],
            "hedgebot_slippage_usd_total": [(book, sign) for book in books for sign in ("cost", "gain")],
        }
        for name, series in zero.items():
            self.counters[name].update(dict.fromkeys(series, 0.0))

    # --- counting ----------------------------------------------------------------------------------------

    def applied(self, book: str, event: ev.Event, outcome: Outcome) -> None:
        """One event and what it led to in one book; an event handed over once per book counts once."""
        if event is not self._event:
            self._event = event
            if isinstance(event, ev.Ticked):
                self._ticked(event)
            else:
                self._seen(event)
        if outcome is NOTHING:
            return
        if outcome.decided is not None:
            self._lag.take((self._now_ns() - outcome.decided.now_ns) / NS_PER_S)
            self._decided(book, outcome.decided)
        for command in outcome.commands:
            if isinstance(command, PlaceOrder):
                self._add("hedgebot_orders_total", "sent")
        for note in outcome.notes:
            self._noted(book, event, note)

    def passed(self, stretch: Stretch) -> None:
        """What says nothing new: as each of it `applied`, but nothing was written for it, so that it has no lag."""
        for each in stretch:
            if isinstance(each, Passed):
                kinds = each.kinds
                for kind in set(kinds):
                    self._kinds[kind] += kinds.count(kind)
                self._waiting += len(kinds)
                self._received_ns = each.newest.received_ns
                continue
            book, _, event, outcome = each
            if event is not self._event and isinstance(event, ev.Ticked):
                self._event = event
                self._ticked(event)
            if outcome.decided is not None:
                self._decided(book, outcome.decided)

    def alarmed(self, book: str, alarm: AlarmRaised) -> None:
        """Somebody else than an engine raised one."""
        self._add("hedgebot_alarms_total", book, alarm.name)

    def stalled(self) -> None:
        """The ledger took long."""
        self._add("hedgebot_ledger_stalls_total")

    def read(self) -> dict[str, dict[_Labels, float]]:
        """All counters as they are now."""
        kinds: dict[_Labels, float] = {(kind.__name__,): count for kind, count in self._kinds.items()}
        decisions: dict[_Labels, float] = {
            (book, *map(str, words)): cell.count for (book, *words), cell in self._decisions.items()
        }
        return {**self.counters, "hedgebot_events_total": kinds, "hedgebot_decisions_total": decisions}

    def _add(self, name: str, *labels: str, by: float = 1.0) -> None:
        self.counters[name][labels] += by

    # --- events ------------------------------------------------------------------------------------------

    def _ticked(self, event: ev.Ticked) -> None:
        if self._received_ns is not None:
            self._latency.take((event.now_ns - self._received_ns) / NS_PER_S)
        self._depth.take(self._waiting)
        self._kinds[ev.Ticked] += 1
        self._waiting, self._received_ns = 0, None

    def _seen(self, event: MarketEvent | ev.AccountEvent) -> None:
        self._kinds[event.__class__] += 1
        self._waiting += 1
        self._received_ns = event.received_ns
        if event.__class__ in _TOLD_APART:
            self._told(event)

    def _told(self, event: ev.Event) -> None:
        if event.__class__ in _ORDER_OUTCOMES:
            self._add("hedgebot_orders_total", _ORDER_OUTCOMES[event.__class__])
        match event:
            case ev.OrderRefused(kind=kind):
                self._add("hedgebot_orders_refused_total", kind.value)
            case ev.MessageMalformed(venue=venue, stream=stream):
                self._add("hedgebot_messages_malformed_total", venue, stream.value)
            case ev.StreamLost() | ev.StreamRestored():
                self._stream_moved(event)
            case ev.QuoteDistrusted(cause=cause):
                self._add("hedgebot_quotes_distrusted_total", cause.value)
            case ev.SnapshotFailed(venue=venue):
                self._add("hedgebot_snapshots_failed_total", venue)
            case ev.AccountSeen():
                self.accounts[event.venue, event.currency] = event
            case ev.InstrumentListed(instrument=instrument):
                self._listed[instrument.id] = instrument
            case ev.LeaseHeld(until_ns=until_ns):
                self.lease_until_ns = until_ns

    def _stream_moved(self, event: ev.StreamLost | ev.StreamRestored) -> None:
        """The first connection is none that came back; from then on both series are there."""
        key, is_lost = (event.venue, event.stream), isinstance(event, ev.StreamLost)
        is_back = not is_lost and key in self._lost
        self._lost = self._lost | {key} if is_lost else self._lost - {key}
        self._add("hedgebot_stream_losses_total", event.venue, event.stream.value, by=float(is_lost))
        self._add("hedgebot_stream_reconnects_total", event.venue, event.stream.value, by=float(is_back))

    # --- outcomes ----------------------------------------------------------------------------------------

    def _decided(self, book: str, decided: Decided) -> None:
        cell = self._last.get(book)
        # Most decisions are like the one before: comparing is a tenth of hashing two words.
        if cell is None or cell.reason is not decided.reason or cell.action is not decided.action:
            made = _Cell(action=decided.action, reason=decided.reason)
            cell = self._last[book] = self._decisions.setdefault((book, made.action, made.reason), made)
        cell.count += 1
        if decided.action is Action.HEDGE:
            self._add("hedgebot_hedges_total", book, "buy" if decided.trade_coin > 0.0 else "sell")

    def _noted(self, book: str, event: ev.Event, note: Note) -> None:
        if isinstance(note, FillBooked):
            self._filled(book, event, note)
        elif isinstance(note, PhaseChanged):
            if note.phase_after is Phase.HALTED:
                self._add("hedgebot_halts_total", book, str(note.cause))
        elif isinstance(note, FigureCompared):
            self.figures_apart[book] = max(0, self.figures_apart.get(book, 0) + (1 if note.is_apart else -1))
        elif isinstance(note, OrderMoved):
            if note.state_after in _ENDS:
                self._add("hedgebot_orders_total", note.state_after)
        elif isinstance(note, PositionMismatched):
            self._add("hedgebot_position_mismatches_total", book)
        elif isinstance(note, AlarmRaised):
            self.alarmed(book, note)

    def _filled(self, book: str, event: ev.Event, note: FillBooked) -> None:
        """Who took is told by the fill's own message; a fill that a snapshot brought is in there."""
        fills = (event,) if isinstance(event, ev.Filled) else event.fills if isinstance(event, ev.SnapshotTaken) else ()
        liquidity = "maker" if any(fill.fill_id == note.fill_id and fill.is_maker for fill in fills) else "taker"
        self._add("hedgebot_fills_total", book, liquidity)
        if note.label is None:
            return
        sign = "cost" if note.slippage_usd < 0.0 else "gain"
        self._add("hedgebot_slippage_usd_total", book, sign, by=abs(note.slippage_usd))
        spec = self._listed.get(note.instrument)
        if spec is not None and not spec.is_option:
            amount = abs(float_from_decimal(note.amount_native))
            price_usd = 1.0 if spec.amount_is_in_usd else float_from_decimal(note.price_native)
            self._add("hedgebot_traded_usd_total", book, liquidity, by=amount * price_usd)
