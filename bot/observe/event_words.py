"""What reached the engine, as log lines: orders, streams, the account, the shell.

Knows which words of the catalogue say which event; what a decision led to is `narrate`'s.
"""

from typing import Final

from bot.domain import events as ev
from bot.domain.decided import TOLD_AGAIN_AFTER_NS
from bot.domain.market_events import FutureMarked, OptionMarked, Quoted
from bot.domain.time import Ns
from bot.observe.logs import Log
from bot.observe.surfaces import Surfaces

_MALFORMED_KINDS_MAX: Final = 200
"""Different causes remembered at most; a venue gone mad must not fill the memory."""

_SILENT: Final = (ev.Ticked, OptionMarked, FutureMarked, Quoted)
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

    def tell(self, seq: int, event: ev.Event) -> None:
        """One event; ticks and market data pass in silence."""
        if isinstance(event, _SILENT):
            return
        if isinstance(event, _ORDER_EVENTS):
            self._order_event(seq, event)
        elif isinstance(event, _ACCOUNT_EVENTS):
            self._account_event(seq, event)
        else:
            self._shell_event(seq, event)

    def _order_event(self, seq: int, event: ev.Event) -> None:
        tell = self._log.tell
        match event:
            case ev.OrderAcked(label=label, order_id=order_id):
                tell("order.acked", seq=seq, label=label, order_id=order_id)
            case ev.OrderRefused(label=label, code=code, name=name, kind=kind):
                tell("order.refused", seq=seq, label=label, code=code, name=name, kind=kind)
            case ev.OrderUnknown(label=label, cause=cause):
                tell("order.unknown", seq=seq, label=label, cause=cause)
            case ev.OrderAbsent(label=label):
                tell("order.absent", seq=seq, label=label)
            case ev.LookUpFailed(label=label, cause=cause):
                tell("order.lookup_failed", seq=seq, label=label, cause=cause)
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
                tell(
                    "intent.restored",
                    seq=seq,
                    instrument=event.instrument,
                    label=event.label,
                    amount_native=event.amount_native,
                    price_native=event.price_native,
                    valid_until_ns=event.valid_until_ns,
                )

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
