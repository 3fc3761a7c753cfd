"""Events, outcomes and orders as log lines. Told after the order has left.

Knows which words of the catalogue say what; takes no decision and keeps only what was told last.
"""

from typing import Final

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, LookUpOrder, MeasureLadder, PlaceOrder, TakeSnapshot, Watch
from bot.domain.decided import (
    TOLD_AGAIN_AFTER_NS,
    AlarmRaised,
    Decided,
    FigureCompared,
    FillBooked,
    Note,
    OrderMoved,
    Outcome,
    PhaseChanged,
    PositionMismatched,
    StrangerSeen,
    TrustChanged,
    is_repeat,
)
from bot.domain.ids import VenueId
from bot.domain.reasons import Action, Phase, Reason
from bot.domain.time import Ns
from bot.observe.gap_words import GapTeller
from bot.observe.logs import Log
from bot.observe.surfaces import Surfaces

LIMITS: Final = frozenset(
    {
        *(Reason.LIMIT_ORDER_USD, Reason.LIMIT_POSITION_USD, Reason.LIMIT_DELTA_WORST),
        *(Reason.LIMIT_EXPLAINED, Reason.LIMIT_LADDER, Reason.LIMIT_ORDER_RATE),
    }
)
"""Reasons that name a hard limit of the configuration."""

_DECISIONS: Final = {
    Action.HEDGE: "hedge.decided",
    Action.SKIP: "hedge.skipped",
    Action.REFUSE: "hedge.refused",
}
_PHASES: Final = {
    Phase.RECONCILING: "book.reconciling",
    Phase.RUNNING: "book.reconciled",
    Phase.STOPPING: "trading.stopping",
    Phase.STOPPED: "trading.stopped",
    Phase.HALTED: "trading.halted",
}
_MALFORMED_KINDS_MAX: Final = 200
"""Different causes remembered at most; a venue gone mad must not fill the memory."""

_SILENT: Final = (ev.Ticked, ev.OptionMarked, ev.FutureMarked, ev.Quoted)
"""Thousands a second: seen in metrics, never in logs."""
_ORDER_EVENTS: Final = (
    *(ev.OrderAcked, ev.OrderRefused, ev.OrderUnknown, ev.OrderUpdated),
    *(ev.OrderAbsent, ev.LookUpFailed, ev.Filled, ev.IntentRestored),
)
_ACCOUNT_EVENTS: Final = (ev.AccountSeen, ev.SnapshotTaken, ev.SnapshotFailed, ev.Settled, ev.LedgerRestored)


class Narrator:
    """Tells one run."""

    def __init__(self, log: Log, *, run_id: str, venue: VenueId) -> None:
        """Every line carries the run and the venue."""
        self._log = log.bind(run_id=run_id, venue=venue)
        self._gap = GapTeller(self._log)
        self._event: ev.Event | None = None
        self._told: dict[str, Decided] = {}
        self._repeats: dict[str, int] = {}
        self._surfaces = Surfaces()
        self._malformed: dict[tuple[str, str], tuple[Ns, int]] = {}

    def started(self, **words: object) -> None:
        """The process begins; words of `run.started`."""
        self._log.tell("run.started", **words)

    def ended(self, seconds: float, **words: object) -> None:
        """The process ends by itself; words of `run.ended`."""
        self._log.tell("run.ended", elapsed_s=round(seconds, 3), **words)

    def event(self, seq: int, event: ev.Event) -> None:
        """One event; handed over once per book, told once."""
        if isinstance(event, _SILENT) or event is self._event:
            return
        self._event = event
        if isinstance(event, ev.LadderMeasured):
            self._gap.measured(seq, event)
        elif isinstance(event, _ORDER_EVENTS):
            self._order_event(seq, event)
        elif isinstance(event, _ACCOUNT_EVENTS):
            self._account_event(seq, event)
        else:
            self._shell_event(seq, event)

    def sent(self, seq: int, order: PlaceOrder) -> None:
        """An order left."""
        self._log.tell(
            "order.sent",
            seq=seq,
            instrument=order.instrument,
            label=order.label,
            amount_native=order.amount_native,
            price_native=order.price_native,
            arrival_mid_native=order.arrival_mid_native,
            valid_until_ns=order.valid_until_ns,
            decided_seq=order.decided_seq,
            rest_until_ns=order.rest_until_ns,
        )

    def outcome(self, book: str, seq: int, outcome: Outcome) -> None:
        """What an event led to in one book."""
        if outcome.decided is not None:
            self._decided(book, outcome.decided)
        for command in outcome.commands:
            self._command(book, seq, command)
        for note in outcome.notes:
            self._note(book, seq, note)

    def stalled(self, seconds: float) -> None:
        """The ledger took long to make an intent durable."""
        self._log.tell("journal.stalled", elapsed_ms=round(seconds * 1000.0, 3))

    # --- decisions -------------------------------------------------------------------------------------

    def _decided(self, book: str, decided: Decided) -> None:
        if is_repeat(decided, self._told.get(book)):
            self._repeats[book] = self._repeats.get(book, 0) + 1
            return
        self._told[book] = decided
        self._log.tell(
            _DECISIONS[decided.action],
            book=book,
            seq=decided.seq,
            instrument=decided.hedge_instrument,
            action=decided.action,
            reason=decided.reason,
            detail=decided.detail,
            convention=decided.convention,
            delta_coin_net=decided.delta_coin_net,
            delta_coin_low=decided.delta_coin_low,
            delta_coin_high=decided.delta_coin_high,
            delta_coin_options=decided.delta_coin_options,
            delta_coin_futures=decided.delta_coin_futures,
            delta_coin_collateral=decided.delta_coin_collateral,
            delta_coin_expiring=decided.delta_coin_expiring,
            delta_coin_surviving=decided.delta_coin_surviving,
            delta_coin_delivered=decided.delta_coin_delivered,
            gamma_coin_per_usd=decided.gamma_coin_per_usd,
            gamma_coin_per_hour=decided.gamma_coin_per_hour,
            band_low_coin=decided.band_low_coin,
            band_high_coin=decided.band_high_coin,
            target_coin=decided.target_coin,
            trade_coin=decided.trade_coin,
            price_usd=decided.price_usd,
            index_usd=decided.index_usd,
            hedge_age_ns=decided.hedge_age_ns,
            option_age_ns_max=decided.option_age_ns_max,
            doubtful=decided.doubtful,
            repeats=self._repeats.pop(book, 0),
        )
        if decided.reason in LIMITS:
            self._log.tell(
                "limit.breached",
                book=book,
                seq=decided.seq,
                instrument=decided.hedge_instrument,
                limit=decided.reason,
                detail=decided.detail,
                convention=decided.convention,
                delta_coin_net=decided.delta_coin_net,
            )

    def _command(self, book: str, seq: int, command: object) -> None:
        match command:
            case CancelOrder(label=label, order_id=order_id, instrument=instrument):
                self._log.tell(
                    "order.cancel_sent", book=book, seq=seq, instrument=instrument, label=label, order_id=order_id
                )
            case LookUpOrder():
                self._log.tell(
                    "order.looked_up",
                    book=book,
                    seq=seq,
                    instrument=command.instrument,
                    label=command.label,
                    order_id=command.order_id,
                    not_before_ns=command.not_before_ns,
                    valid_until_ns=command.valid_until_ns,
                )
            case TakeSnapshot(cause=cause):
                self._log.tell("snapshot.requested", book=book, seq=seq, cause=cause)
            case Watch(instruments=instruments):
                self._log.tell("market.watched", book=book, seq=seq, instruments=instruments)
            case _:
                assert isinstance(command, PlaceOrder | MeasureLadder), f"{command} has no words"

    # --- notes -----------------------------------------------------------------------------------------

    def _note(self, book: str, seq: int, note: Note) -> None:
        tell = self._log.tell
        match note:
            case TrustChanged(instrument=instrument, cause=None):
                tell("market.trusted", book=book, seq=seq, instrument=instrument)
            case TrustChanged(instrument=instrument, cause=cause):
                tell("market.distrusted", book=book, seq=seq, instrument=instrument, cause=cause)
            case OrderMoved():
                self._moved(book, seq, note)
            case FillBooked():
                self._filled(book, seq, note)
            case PositionMismatched():
                tell(
                    "position.mismatched",
                    book=book,
                    seq=seq,
                    instrument=note.instrument,
                    ours_native=note.ours_native,
                    venue_native=note.venue_native,
                    is_final=note.is_final,
                )
            case PhaseChanged(phase_after=phase, cause=cause, detail=detail):
                tell(_PHASES[phase], book=book, seq=seq, cause=cause, detail=detail)
            case StrangerSeen(order_id=order_id, label=label, instrument=instrument):
                tell("stranger.seen", book=book, seq=seq, instrument=instrument, order_id=order_id, label=label)
            case FigureCompared():
                tell(
                    "figure.differs" if note.is_apart else "figure.agrees",
                    book=book,
                    seq=seq,
                    instrument=note.instrument,
                    figure=note.figure,
                    ours_native=note.ours_native,
                    venue_native=note.venue_native,
                    tolerance_native=note.tolerance_native,
                )
            case AlarmRaised(name=name, detail=detail, deadline_ns=deadline_ns):
                tell("alarm.raised", book=book, seq=seq, name=name, detail=detail, deadline_ns=deadline_ns)
                self._gap.alarm(book, seq, note)

    def _moved(self, book: str, seq: int, note: OrderMoved) -> None:
        self._log.tell(
            "order.cancelled" if note.state_after == ev.VenueOrderState.CANCELLED else "order.moved",
            book=book,
            seq=seq,
            instrument=note.instrument,
            label=note.label,
            order_id=note.order_id,
            state_before=note.state_before,
            state_after=note.state_after,
            cause=note.cause,
        )

    def _filled(self, book: str, seq: int, note: FillBooked) -> None:
        self._log.tell(
            "order.filled",
            book=book,
            seq=seq,
            instrument=note.instrument,
            fill_id=note.fill_id,
            label=note.label,
            amount_native=note.amount_native,
            price_native=note.price_native,
            fee_native=note.fee_native,
            fee_currency=note.fee_currency,
            position_native=note.position_native,
            slippage_usd=note.slippage_usd,
        )

    # --- events ----------------------------------------------------------------------------------------

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
                tell("stream.lost", seq=seq, stream=stream, cause=cause)
            case ev.StreamRestored(stream=stream):
                tell("stream.restored", seq=seq, stream=stream)
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
                tell("snapshot.taken", seq=seq, positions=len(positions), orders=len(orders), fills=len(fills))
            case ev.SnapshotFailed(cause=cause):
                tell("snapshot.failed", seq=seq, cause=cause)
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
        kind = (event.stream.value, event.cause)
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
            stream=event.stream,
            cause=event.cause,
            sample=event.sample,
            repeats=repeats,
        )
