"""What reached the engine, as log lines: orders, streams, the account, the shell.

Knows which words of the catalogue say which event; what a decision led to is `narrate`'s.
"""

from typing import Final

from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.decided import TOLD_AGAIN_AFTER_NS
from bot.domain.ids import DERIBIT, InstrumentId, Label, VenueId, venue_of
from bot.domain.market_events import MarketEvent
from bot.domain.time import Ns
from bot.observe.logs import Log
from bot.observe.stop_words import tell_event
from bot.observe.surfaces import Surfaces

_MALFORMED_KINDS_MAX: Final = 200
"""Different causes remembered at most; a venue gone mad must not fill the memory."""

_ELSEWHERE_MAX: Final = 1000
"""Orders at other venues remembered at most, the newest: answers come within a minute, orders a few a minute."""

_SILENT: Final = (ev.Ticked, *MarketEvent.__args__)
"""Thousands a second: seen in metrics, never in logs."""
_ORDER_EVENTS: Final = (
    *(ev.OrderAcked, ev.OrderRefused, ev.OrderUnknown, ev.OrderUpdated),
    *(ev.OrderAbsent, ev.LookUpFailed, ev.Filled, ev.IntentRestored),
)
_ACCOUNT_EVENTS: Final = (ev.AccountSeen, ev.SnapshotTaken, ev.SnapshotFailed, ev.Settled, ev.LedgerRestored)


class EventTeller:
    """Tells the events of one run."""

    def __init__(self, log: Log) -> None:
        """Bound to the run."""
        self._log = log
        self._surfaces = Surfaces()
        self._malformed: dict[tuple[str, str], tuple[Ns, int]] = {}
        self._elsewhere: dict[Label, VenueId] = {}

    def sent(self, order: PlaceOrder) -> None:
        """Where an order went: answers tell its label and no instrument."""
        self._went(order.label, order.instrument)

    def _went(self, label: Label, instrument: InstrumentId) -> None:
        if (venue := venue_of(instrument)) == DERIBIT:
            return
        self._elsewhere.pop(label, None)
        if len(self._elsewhere) >= _ELSEWHERE_MAX:
            del self._elsewhere[next(iter(self._elsewhere))]
        self._elsewhere[label] = venue

    def tell(self, seq: int, event: ev.Event) -> None:
        """One event; ticks and market data pass in silence."""
        if isinstance(event, _SILENT):
            return
        if isinstance(event, ev.LeaseHeld):
            self._log.tell("lease.held", seq=seq, until_ns=event.until_ns)
        elif isinstance(event, _ORDER_EVENTS):
            self._order_event(seq, event)
        elif isinstance(event, _ACCOUNT_EVENTS):
            self._account_event(seq, event)
        elif isinstance(event, ev.OperatorActed | ev.StopsRestored | ev.LossesRestored):
            tell_event(self._log, seq, event)
        else:
            self._shell_event(seq, event)

    def _order_event(self, seq: int, event: ev.Event) -> None:
        tell = self._log.tell
        match event:
            case ev.OrderAcked(label=label, order_id=order_id):
                tell("order.acked", seq=seq, **self._at(label), label=label, order_id=order_id)
            case ev.OrderRefused(label=label, code=code, name=name, kind=kind):
                tell("order.refused", seq=seq, **self._at(label), label=label, code=code, name=name, kind=kind)
            case ev.OrderUnknown(label=label, cause=cause):
                tell("order.unknown", seq=seq, **self._at(label), label=label, cause=cause)
            case ev.OrderAbsent(label=label):
                tell("order.absent", seq=seq, **self._at(label), label=label)
            case ev.LookUpFailed(label=label, cause=cause):
                tell("order.lookup_failed", seq=seq, **self._at(label), label=label, cause=cause)
            case ev.OrderUpdated():
                tell(
                    "order.updated",
                    seq=seq,
                    instrument=event.instrument,
                    label=event.label,
                    order_id=event.order_id,
                    state=event.state,
                    filled_native=event.filled_native,
                )
            case ev.Filled():
                tell(
                    "fill.seen",
                    seq=seq,
                    instrument=event.instrument,
                    fill_id=event.fill_id,
                    label=event.label,
                    amount_native=event.amount_native,
                    price_native=event.price_native,
                )
            case ev.IntentRestored():
                self._went(event.label, event.instrument)
                tell(
                    "intent.restored",
                    seq=seq,
                    instrument=event.instrument,
                    label=event.label,
                    amount_native=event.amount_native,
                    price_native=event.price_native,
                    valid_until_ns=event.valid_until_ns,
                )

    def _at(self, label: Label) -> dict[str, VenueId]:
        """The venue of an order elsewhere; nothing where the run's own stands on the line already."""
        venue = self._elsewhere.get(label)
        return {} if venue is None else {"venue": venue}

    def _shell_event(self, seq: int, event: ev.Event) -> None:
        tell = self._log.tell
        match event:
            case ev.StreamLost(stream=stream, cause=cause):
                tell("stream.lost", seq=seq, venue=event.venue, stream=stream, cause=cause)
            case ev.StreamRestored(stream=stream):
                tell("stream.restored", seq=seq, venue=event.venue, stream=stream)
            case ev.MessageMalformed():
                self._malformed_message(seq, event)
            case ev.QuoteDistrusted(instrument=instrument, cause=cause):
                tell("quote.distrusted", seq=seq, instrument=instrument, cause=cause)
            case ev.InstrumentListed(instrument=listed):
                words = {"kind": listed.kind, "settlement": listed.settlement, "expiry_ns": listed.expiry_ns}
                tell("instrument.listed", seq=seq, instrument=listed.id, **words)
            case ev.SurfaceFitted():
                if (told := self._surfaces.words(event)) is not None:
                    tell("surface.fitted", seq=seq, **told)
            case ev.StopRequested(cause=cause):
                tell("stop.requested", seq=seq, cause=cause)
            case ev.HaltRequested(cause=cause, detail=detail):
                tell("halt.requested", seq=seq, cause=cause, detail=detail)
            case _:
                raise AssertionError(f"{event} has no words")

    def _account_event(self, seq: int, event: ev.Event) -> None:
        tell = self._log.tell
        match event:
            case ev.AccountSeen():
                self._account(seq, event)
            case ev.SnapshotTaken(positions=positions, open_orders=orders, fills=fills):
                counts = {"positions": len(positions), "orders": len(orders), "fills": len(fills)}
                tell("snapshot.taken", seq=seq, venue=event.venue, **counts)
            case ev.SnapshotFailed(cause=cause):
                tell("snapshot.failed", seq=seq, venue=event.venue, cause=cause)
            case ev.Settled():
                tell(
                    "position.settled",
                    seq=seq,
                    instrument=event.instrument,
                    delivery_usd=event.delivery_usd,
                    funding_native=event.funding_native,
                )
            case ev.LedgerRestored(positions=positions, fill_ids=fill_ids):
                tell("ledger.restored", seq=seq, positions=len(positions), fills=len(fill_ids))

    def _account(self, seq: int, event: ev.AccountSeen) -> None:
        self._log.tell(
            "account.seen",
            seq=seq,
            venue=event.venue,
            currency=event.currency,
            equity_native=event.equity_native,
            balance_native=event.balance_native,
            margin_initial_native=event.margin_initial_native,
            margin_maintenance_native=event.margin_maintenance_native,
            available_native=event.available_native,
            delta_coin_total=event.delta_coin_total,
            delta_coin_options=event.delta_coin_options,
            delta_coin_by_index=event.delta_coin_by_index,
            options_value_native=event.options_value_native,
            gamma_coin_per_usd_options=event.gamma_coin_per_usd_options,
            vega_usd_per_point_options=event.vega_usd_per_point_options,
            theta_usd_per_day_options=event.theta_usd_per_day_options,
        )

    def _malformed_message(self, seq: int, event: ev.MessageMalformed) -> None:
        """The first of a kind at once, its repeats counted and told once a minute."""
        kind = (f"{event.venue} {event.stream.value}", event.cause)
        told_ns, repeats = self._malformed.get(kind, (None, 0))
        if told_ns is not None and event.received_ns - told_ns < TOLD_AGAIN_AFTER_NS:
            self._malformed[kind] = (told_ns, repeats + 1)
            return
        if len(self._malformed) >= _MALFORMED_KINDS_MAX:
            self._malformed.clear()
        self._malformed[kind] = (event.received_ns, 0)
        self._log.tell(
            "message.malformed",
            seq=seq,
            venue=event.venue,
            stream=event.stream,
            cause=event.cause,
            sample=event.sample,
            repeats=repeats,
        )
