"""What is worth waking somebody for, and how often: severity, cool-down, the daily summary.

Fed after the orders have left, as metrics are; knows words and times, sends nothing. What is suppressed is counted
and told with the next one.
"""

import enum
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from bot.domain import events as ev
from bot.domain.decided import (
    NOTHING,
    AlarmRaised,
    FigureCompared,
    Note,
    Outcome,
    PhaseChanged,
    PositionMismatched,
    StopLatched,
    StopLifted,
    TrustChanged,
)
from bot.domain.reasons import DistrustCause, Phase, RefusalKind
from bot.domain.status import BookStatus
from bot.domain.stops import StopKind
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns, iso_utc
from bot.observe.logs import redact

_KEYS_MAX: Final = 1_000
"""Kinds of alerts remembered for their cool-down; the oldest are forgotten first."""
_GRAVE: Final = {RefusalKind.NO_FUNDS, RefusalKind.OUR_BUG, RefusalKind.CONFIG, RefusalKind.LIMITED}
"""Refusals that trying again does not mend."""
_NS_PER_HOUR: Final = 3_600 * NS_PER_S


class Severity(enum.IntEnum):
    """How soon a human should look."""

    INFO = 1
    """With the next coffee."""
    WARNING = 2
    """Today."""
    CRITICAL = 3
    """Now: nobody hedges, or what is believed may be wrong."""


class Picture(Struct, frozen=True, kw_only=True):
    """A chart that is drawn when it is sent, beside the loop."""

    name: str
    """Of its file, without its kind."""
    draw: Callable[[], str | None]
    """Its SVG; None where there is too little to draw."""


class Alert(Struct, frozen=True, kw_only=True):
    """One thing to tell."""

    severity: Severity
    text: str
    """One line, without secrets."""
    picture: Picture | None = None
    """What goes with it where a channel takes files."""


class AlertTerms(Struct, frozen=True, kw_only=True):
    """What is told and how often."""

    severity_min: Severity
    cooldown_ns: Ns
    """The same thing again is told after so long at the earliest."""
    margin_ratio_max: float
    """Maintenance margin over equity."""
    summary_utc_hours: int | None
    """Hour of the daily summary; None: no summary."""


class _Told(Struct):
    at_ns: Ns
    held_back_count: int = 0


_Found = tuple[tuple[str, ...], Severity, str]
"""Key of the cool-down, severity, text."""


class Alerts:
    """Decides what is told of one process."""

    def __init__(self, terms: AlertTerms, post: Callable[[Alert], None]) -> None:
        """`post` takes an alert and returns at once."""
        self._terms: Final = terms
        self._post: Final = post
        self._told: Final[dict[tuple[str, ...], _Told]] = {}
        self._event: ev.Event | None = None
        self._now_ns = Ns(0)
        self._day: int | None = None
        self._profit_usd: Final[dict[str, float]] = {}

    def applied(self, book: str, event: ev.Event, outcome: Outcome) -> None:
        """One event and what it led to in one book; an event handed over once per book is told once."""
        if event is not self._event:
            self._event = event
            self._now_ns = event.now_ns if isinstance(event, ev.Ticked) else event.received_ns
            for found in self._of_event(event):
                self._tell(*found)
        if outcome is not NOTHING:
            for note in outcome.notes:
                for found in _of_note(book, note):
                    self._tell(*found)

    def tell(self, now_ns: Ns, key: tuple[str, ...], severity: Severity, text: str) -> None:
        """What no engine knows of; `key` is what its cool-down is counted by."""
        self._now_ns = now_ns
        self._tell(key, severity, text)

    def is_summary_due(self, now_ns: Ns) -> bool:
        """Once a day, when its hour begins; not at the start."""
        if self._terms.summary_utc_hours is None:
            return False
        day, before = (now_ns - self._terms.summary_utc_hours * _NS_PER_HOUR) // NS_PER_DAY, self._day
        self._day = day
        return before is not None and day > before

    def sum_up(
        self, status: BookStatus, *, hedges_count: int, fills_count: int, draw: Callable[[], str | None] | None = None
    ) -> None:
        """The day of one book, with its chart: told whatever the least severity is."""
        profit, before = status.profit_usd, self._profit_usd.get(status.book, 0.0)
        self._profit_usd[status.book] = profit.total
        net = None if status.decided is None else status.decided.delta_coin_net
        stops = ", ".join(latch.kind.value for latch in status.stops) or "none"
        equity = ", ".join(f"{seen.venue_native:.4f} {seen.currency}" for seen in status.equity) or "unknown"
        self._post(
            Alert(
                severity=Severity.INFO,
                picture=None if draw is None else Picture(name=f"hedgebot-{status.book}", draw=draw),
                text=f"{status.book} until {iso_utc(status.now_ns)[:16]}: {status.phase.value}, stops {stops}; profit "
                f"{profit.total - before:+.2f} USD since the last summary, {profit.total:+.2f} since the start "
                f"(options {profit.options:+.2f}, hedge {profit.hedge:+.2f}, slippage {profit.slippage:+.2f}, "
                f"fees {profit.fees:+.2f}, funding {profit.funding:+.2f}); {hedges_count} hedges and {fills_count} "
                f"fills since the start; equity {equity}; net delta "
                f"{'unknown' if net is None else f'{net:+.4f}'} ({status.convention})",
            )
        )

    def _tell(self, key: tuple[str, ...], severity: Severity, text: str) -> None:
        if severity < self._terms.severity_min:
            return
        told = self._told.get(key)
        if told is not None and self._now_ns - told.at_ns < self._terms.cooldown_ns:
            told.held_back_count += 1
            return
        more = "" if told is None or not told.held_back_count else f" (and {told.held_back_count} times since)"
        self._told.pop(key, None)
        if len(self._told) >= _KEYS_MAX:
            del self._told[next(iter(self._told))]
        self._told[key] = _Told(at_ns=self._now_ns)
        self._post(Alert(severity=severity, text=_clean(text + more)))

    def _of_event(self, event: ev.Event) -> Iterator[_Found]:
        match event:
            case ev.StreamLost(venue=venue, stream=stream, cause=cause):
                yield ("stream", venue, stream), Severity.WARNING, f"{venue}: the {stream} stream is lost: {cause}"
            case ev.OrderUnknown(label=label, cause=cause):
                yield ("unknown",), Severity.WARNING, f"order {label} may exist or not: {cause}"
            case ev.OrderRefused(kind=kind, name=name, code=code) if kind in _GRAVE:
                yield ("refused", kind.value), Severity.WARNING, f"the venue refused an order: {name} ({code}, {kind})"
            case ev.AccountSeen(equity_native=equity) if equity > 0.0:
                ratio = event.margin_maintenance_native / equity
                if ratio > self._terms.margin_ratio_max:
                    text = f"{event.venue} {event.currency}: maintenance margin is {ratio:.0%} of equity"
                    yield ("margin", event.venue, event.currency), Severity.CRITICAL, text
            case _:
                pass


def _of_note(book: str, note: Note) -> Iterator[_Found]:
    match note:
        case PhaseChanged(phase_after=Phase.HALTED):
            yield ("halted", book, str(note.cause)), Severity.CRITICAL, f"{book} halted: {note.cause} {note.detail}"
        case PhaseChanged(phase_before=Phase.HALTED, phase_after=Phase.RUNNING):
            yield ("running", book), Severity.INFO, f"{book} trades again"
        case PositionMismatched():
            severity = Severity.CRITICAL if note.is_final else Severity.WARNING
            text = f"{book}: {note.instrument} is {note.ours_native} by our books, {note.venue_native} by the venue's"
            yield ("mismatched", book, note.instrument, severity.name), severity, text
        case FigureCompared(is_apart=True):
            text = (
                f"{book}: {note.figure} is {note.ours_native:.6g} by our books, {note.venue_native:.6g} by the venue's"
            )
            yield ("apart", book, note.figure), Severity.WARNING, text
        case StopLatched(latch=latch) if latch.kind is not StopKind.HALT:
            text = f"{book}: stop {latch.kind}, {latch.cause} by {latch.by}: {latch.detail}"
            yield ("stop", book, latch.cause), Severity.WARNING, text
        case StopLifted(latch=latch):
            text = f"{book}: stop {latch.kind} lifted by {note.by}: {note.reason}"
            yield ("lifted", book, latch.cause), Severity.INFO, text
        case TrustChanged(cause=DistrustCause.STALE):
            yield ("stale", book), Severity.WARNING, f"{book}: the data of {note.instrument} is stale"
        case AlarmRaised():
            yield ("alarm", book, note.name), Severity.CRITICAL, f"{book}: {note.name}: {note.detail}"
        case _:
            pass


def _clean(text: str) -> str:
    """One line, with what looks like a secret taken out as in the log."""
    return " ".join(str(redact(None, "", {"text": text})["text"]).split())
