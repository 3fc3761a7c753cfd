"""Outcomes and orders as log lines, events through their own teller. Told after the order has left.

Knows which words of the catalogue say what; takes no decision and keeps only what was told last.
"""

from typing import Final

from msgspec import structs

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, LookUpOrder, MeasureLadder, PlaceOrder, TakeSnapshot, Watch
from bot.domain.decided import (
    AlarmRaised,
    Decided,
    FigureCompared,
    FillBooked,
    GuardMoved,
    LossesCounted,
    Note,
    OrderMoved,
    Outcome,
    PhaseChanged,
    PositionMismatched,
    PriceJumped,
    RegimeChanged,
    StopLatched,
    StopLifted,
    StrangerSeen,
    TrustChanged,
    VenueAgreed,
    is_repeat,
)
from bot.domain.ids import VenueId
from bot.domain.reasons import Action, Phase, Reason
from bot.domain.seen import VenueOrderState
from bot.domain.time import Ns
from bot.observe.event_words import EventTeller
from bot.observe.forward_words import forward_words
from bot.observe.gap_words import GapTeller
from bot.observe.logs import Log
from bot.observe.split_words import split_words
from bot.observe.stop_words import tell_note

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


class Narrator:
    """Tells one run."""

    def __init__(self, log: Log, *, run_id: str, venue: VenueId) -> None:
        """Every line carries the run and the venue."""
        self._log = log.bind(run_id=run_id, venue=venue)
        self._gap = GapTeller(self._log)
        self._events = EventTeller(self._log)
        self._event: ev.Event | None = None
        self._told: dict[str, Decided] = {}
        self._repeats: dict[str, int] = {}

    def started(self, **words: object) -> None:
        """The process begins; words of `run.started`."""
        self._log.tell("run.started", **words)

    def cleaned(self, runs_count: int, bytes_count: int) -> None:
        """Tapes of old runs were removed."""
        self._log.tell("runs.removed", runs=runs_count, bytes_freed=bytes_count)

    def kept(self, cause: str) -> None:
        """Tapes of old runs could not be removed."""
        self._log.tell("runs.kept", cause=cause)

    def listening(self, host: str, port: int) -> None:
        """The health pages answer there."""
        self._log.tell("health.listening", host=host, port=port)

    def recalled(self, book: str, decisions_count: int, samples_count: int) -> None:
        """The page has the day of a book from before this run."""
        self._log.tell("day.recalled", book=book, decisions=decisions_count, samples=samples_count)

    def unrecalled(self, cause: str) -> None:
        """The page has nothing from before this run."""
        self._log.tell("day.missed", cause=cause)

    def turned_away(self, cause: str, repeats_count: int) -> None:
        """The pages refused somebody, so often since this was told last."""
        self._log.tell("request.refused", cause=cause, repeats=repeats_count)

    def ended(self, seconds: float, **words: object) -> None:
        """The process ends by itself; words of `run.ended`."""
        self._log.tell("run.ended", elapsed_s=round(seconds, 3), **words)

    def event(self, seq: int, event: ev.Event) -> None:
        """One event; handed over once per book, told once."""
        if event is self._event:
            return
        self._event = event
        if isinstance(event, ev.LadderMeasured):
            self._gap.measured(seq, event)
        else:
            self._events.tell(seq, event)

    def sent(self, seq: int, order: PlaceOrder) -> None:
        """An order left."""
        self._events.sent(order)
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
            if isinstance(note, StopLatched | StopLifted | LossesCounted):
                tell_note(self._log, book, seq, note)
            else:
                self._note(book, seq, note)

    def waited(self, cause: str, pause_s: float) -> None:
        """The venue gave no answer at the start."""
        self._log.tell("venue.waited", cause=cause, retry_s=pause_s)

    def stalled(self, seconds: float) -> None:
        """The ledger took long to make an intent durable."""
        self._log.tell("journal.stalled", elapsed_ms=round(seconds * 1000.0, 3))

    def alerted(self, word: str, channel: str, count: int) -> None:
        """What came of alerts, told from beside the loop: a word of the catalogue."""
        self._log.tell(word, channel=channel, count=count)

    def lease_waited(self, holder: str, until_ns: Ns) -> None:
        """Another process trades this account; this one stands by."""
        self._log.tell("lease.waited", holder=holder, until_ns=until_ns)

    def lease_taken(self, lease_id: int) -> None:
        """This process may trade from now on."""
        self._log.tell("lease.taken", lease_id=lease_id)

    def lease_doubted(self, cause: str) -> None:
        """The lease could not be renewed; it is tried again until it ends."""
        self._log.tell("lease.doubted", cause=cause)

    def lease_lost(self, cause: str) -> None:
        """Another process has taken over."""
        self._log.tell("lease.lost", cause=cause)

    # --- decisions -------------------------------------------------------------------------------------

    def repeated(self, book: str) -> None:
        """A decision repeats the one told last: the next one that is told says how many did."""
        self._repeats[book] = self._repeats.get(book, 0) + 1

    def _decided(self, book: str, decided: Decided) -> None:
        if is_repeat(decided, self._told.get(book)):
            self.repeated(book)
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
            forwards=[forward_words(used) for used in decided.forwards],
            **({} if decided.features is None else structs.asdict(decided.features)),
            **({"split": [split_words(each) for each in decided.split]} if decided.split else {}),
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
            case TakeSnapshot(cause=cause, venue=venue):
                self._log.tell("snapshot.requested", book=book, seq=seq, venue=venue, cause=cause)
            case Watch(instruments=instruments):
                self._log.tell("market.watched", book=book, seq=seq, instruments=instruments)
            case _:
                assert isinstance(command, PlaceOrder | MeasureLadder), f"{command} has no words"

    # --- notes -----------------------------------------------------------------------------------------

    def _note(self, book: str, seq: int, note: Note) -> None:
        tell = self._log.tell
        match note:
            case TrustChanged(instrument=instrument, cause=cause):
                word, why = ("market.trusted", {}) if cause is None else ("market.distrusted", {"cause": cause})
                tell(word, book=book, seq=seq, instrument=instrument, **why)
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
            case VenueAgreed(venue=venue):
                tell("venue.agreed", book=book, seq=seq, venue=venue)
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
            case AlarmRaised() | GuardMoved() | RegimeChanged() | PriceJumped():
                self._called(book, seq, note)

    def _called(self, book: str, seq: int, note: AlarmRaised | GuardMoved | RegimeChanged | PriceJumped) -> None:
        if isinstance(note, AlarmRaised):
            words = {"name": note.name, "detail": note.detail, "deadline_ns": note.deadline_ns}
            self._log.tell("alarm.raised", book=book, seq=seq, **words)
            self._gap.alarm(book, seq, note)
        elif isinstance(note, RegimeChanged):
            self._log.tell("regime.changed", book=book, seq=seq, **structs.asdict(note))
        elif isinstance(note, PriceJumped):
            self._log.tell("price.jumped", book=book, seq=seq, detail=note.detail)
        elif note.detail:
            words = {"guard": note.guard, "detail": note.detail, "until_ns": note.until_ns}
            self._log.tell("guard.raised", book=book, seq=seq, **words)
        else:
            self._log.tell("guard.lifted", book=book, seq=seq, guard=note.guard)

    def _moved(self, book: str, seq: int, note: OrderMoved) -> None:
        self._log.tell(
            "order.cancelled" if note.state_after == VenueOrderState.CANCELLED else "order.moved",
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
