"""The synchronous state machine in the middle: events in, commands out. Dispatch only.

No IO, no clock, no randomness, no logger. Events update state; only `Ticked` decides (architecture, rule 5).
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct, structs

from bot.domain import events as ev
from bot.domain.commands import Command, PlaceOrder, TakeSnapshot, Watch
from bot.domain.decided import NOTHING, Decided, FillBooked, Note, Outcome
from bot.domain.ids import InstrumentId, make_label
from bot.domain.reasons import Action, HaltCause, Phase, Reason
from bot.domain.status import BookStatus
from bot.domain.time import Ns
from bot.domain.units import float_from_decimal
from bot.execution.lifecycle import OrderState, Signal
from bot.execution.reconcile import Conclusion, Reconciler, is_of_book
from bot.execution.standing import Standing
from bot.execution.tactics import cross
from bot.execution.working import WorkingOrders
from bot.hedging.band import TradeTo
from bot.hedging.bands import fixed
from bot.hedging.hedger import Desk, HedgeParams, Hedger
from bot.hedging.situation import Frame, Hedge
from bot.market.quality import TrustLimits
from bot.market.view import MarketView
from bot.risk.limits import Limits
from bot.risk.positions import Positions
from bot.risk.profit import Profit


class BookParams(Struct, frozen=True, kw_only=True):
    """Everything that decides how one book is hedged; part of what makes a run replayable."""

    book: str
    """Currency of the book: `BTC`."""
    convention: str
    """Which delta is hedged: `options_only`."""
    hedge_instrument: InstrumentId
    label_prefix: str
    run_tag: str
    """Unique per run; with the prefix and a counter it makes labels unique."""
    band: fixed.Params
    trade_to: TradeTo
    trade_coin_min: float
    tactic: cross.Params
    trust: TrustLimits
    limits: Limits
    reconcile_interval_ns: Ns
    adopts_positions: bool
    """Take the venue's positions at the start even where the ledger says otherwise."""


class Engine:
    """One book. Feed events in order; carry out the commands of each outcome."""

    def __init__(self, params: BookParams) -> None:
        """Start blind and unreconciled."""
        self._params = params
        self._view = MarketView(params.trust)
        self._positions = Positions()
        self._working = WorkingOrders()
        self._profit = Profit()
        self._standing = Standing(params.limits.refusals_in_a_row_max)
        self._reconciler = Reconciler(
            base=params.book,
            label_prefix=params.label_prefix,
            interval_ns=params.reconcile_interval_ns,
            adopts_positions=params.adopts_positions,
        )
        hedging = HedgeParams(
            hedge_instrument=params.hedge_instrument,
            trade_to=params.trade_to,
            trade_coin_min=params.trade_coin_min,
            spread_bps_max=params.trust.spread_bps_max,
            limits=params.limits,
        )
        self._hedger = Hedger(hedging, fixed.policy(params.band))
        self._seq = 0
        self._orders_count = 0
        self._decided: Decided | None = None
        self._was_reconciled = False
        self._watched: dict[InstrumentId, None] = {params.hedge_instrument: None}
        self._handlers: dict[type[Any], Callable[[Any], Outcome]] = {
            ev.OptionMarked: self._on_option,
            ev.FutureMarked: self._on_future,
            ev.Quoted: self._on_quote,
            ev.QuoteDistrusted: self._on_distrust,
            ev.InstrumentListed: self._on_listed,
            ev.StreamLost: self._on_stream_lost,
            ev.StreamRestored: self._on_stream_restored,
            ev.MessageMalformed: self._on_malformed,
            ev.OrderAcked: self._on_acked,
            ev.OrderRefused: self._on_refused,
            ev.OrderUnknown: self._on_unknown,
            ev.OrderUpdated: self._on_updated,
            ev.OrderAbsent: self._on_absent,
            ev.LookUpFailed: self._on_look_up_failed,
            ev.Filled: self._on_filled,
            ev.AccountSeen: self._on_account,
            ev.SnapshotTaken: self._on_snapshot,
            ev.SnapshotFailed: self._on_snapshot_failed,
            ev.IntentRestored: self._on_intent,
            ev.LedgerRestored: self._on_ledger,
            ev.StopRequested: self._on_stop,
            ev.HaltRequested: self._on_halt,
            ev.Ticked: self._on_tick,
        }

    @property
    def seq(self) -> int:
        """Number of events applied."""
        return self._seq

    def apply(self, event: ev.Event) -> Outcome:
        """Take one event; the outcome's commands are already counted as in flight."""
        self._seq += 1
        return self._handlers[type(event)](event)

    # --- market ------------------------------------------------------------------------------------

    def _on_option(self, event: ev.OptionMarked) -> Outcome:
        self._view.see_option(event)
        if self._profit.holds(event.instrument) and (spec := self._view.instruments.get(event.instrument)) is not None:
            self._profit.see_option(spec, event)
        return NOTHING

    def _on_future(self, event: ev.FutureMarked) -> Outcome:
        self._view.see_future(event)
        if self._profit.holds(event.instrument) and (spec := self._view.instruments.get(event.instrument)) is not None:
            self._profit.see_future(spec, event)
        return NOTHING

    def _on_quote(self, event: ev.Quoted) -> Outcome:
        self._view.see_quote(event)
        return NOTHING

    def _on_distrust(self, event: ev.QuoteDistrusted) -> Outcome:
        self._view.distrust(event)
        return NOTHING

    def _on_listed(self, event: ev.InstrumentListed) -> Outcome:
        self._view.list_instrument(event.instrument)
        return NOTHING

    # --- streams and account -------------------------------------------------------------------------

    def _on_stream_lost(self, event: ev.StreamLost) -> Outcome:
        self._standing.set_stream(event.stream, is_up=False)
        if event.stream is ev.StreamName.MARKET:
            self._view.lose_stream(event.received_ns)
        return self._unreconciled(event, "account stream lost")

    def _on_stream_restored(self, event: ev.StreamRestored) -> Outcome:
        self._standing.set_stream(event.stream, is_up=True)
        return self._unreconciled(event, "account stream restored")

    def _unreconciled(self, event: ev.StreamLost | ev.StreamRestored, cause: str) -> Outcome:
        if event.stream is ev.StreamName.MARKET:
            return NOTHING
        self._reconciler.demand(event.received_ns)
        return _told(self._standing.enter(Phase.RECONCILING, cause))

    def _on_malformed(self, event: ev.MessageMalformed) -> Outcome:
        del event  # counted and told by the shell; there is nothing to believe in it
        return NOTHING

    def _on_account(self, event: ev.AccountSeen) -> Outcome:
        del event  # kept by the ledger; no decision of `options_only` looks at equity
        return NOTHING

    def _on_ledger(self, event: ev.LedgerRestored) -> Outcome:
        self._reconciler.restore(event, self._positions, self._view.instruments)
        return NOTHING

    def _on_intent(self, event: ev.IntentRestored) -> Outcome:
        self._working.restore(event)
        return NOTHING

    def _on_snapshot(self, event: ev.SnapshotTaken) -> Outcome:
        instruments = self._view.instruments
        notes: list[Note] = []
        for fill in self._reconciler.news(event, self._positions, instruments):
            notes += self._book(fill)
        ours, strange = self._reconciler.orders(event, self._working, instruments)
        notes += strange
        notes += [self._working.adopt(label, seen, event.received_ns) for label, seen in ours]
        conclusion, differences = self._reconciler.conclude(
            event, self._positions, instruments, has_live_orders=bool(self._working.live())
        )
        notes += differences
        commands: list[Command] = []
        if conclusion is Conclusion.AGREED:
            notes += _some(self._standing.enter(Phase.RUNNING, "reconciled"))
            self._adopt_profit()
            commands = self._watch(list(self._positions.held()))
        elif conclusion is Conclusion.MISMATCHED:
            notes += _some(self._standing.enter(Phase.HALTED, HaltCause.POSITION_MISMATCHED))
        elif differences:
            notes += _some(self._standing.enter(Phase.RECONCILING, "position mismatch"))
        return Outcome(commands=tuple(commands), notes=tuple(notes))

    def _adopt_profit(self) -> None:
        if not self._was_reconciled:
            for name, amount in self._positions.held().items():
                self._profit.adopt(name, amount)
        self._was_reconciled = True

    def _on_snapshot_failed(self, event: ev.SnapshotFailed) -> Outcome:
        self._reconciler.failed(event.received_ns)
        return NOTHING

    # --- orders --------------------------------------------------------------------------------------

    def _on_acked(self, event: ev.OrderAcked) -> Outcome:
        if self._working.find(event.label) is not None:
            self._standing.order_accepted()
        return _told(self._working.acked(event.label, event.order_id, event.received_ns))

    def _on_refused(self, event: ev.OrderRefused) -> Outcome:
        if self._working.find(event.label) is None:
            return NOTHING  # of another book
        cause = f"{event.code} {event.name}"
        notes = _some(self._working.hear(event.label, Signal.REFUSED, event.received_ns, cause))
        notes += _some(self._standing.order_refused(event.kind, event.received_ns, cause))
        return Outcome(notes=tuple(notes))

    def _on_unknown(self, event: ev.OrderUnknown) -> Outcome:
        return _told(self._working.hear(event.label, Signal.LOST, event.received_ns, event.cause))

    def _on_updated(self, event: ev.OrderUpdated) -> Outcome:
        return _told(self._working.updated(event))

    def _on_absent(self, event: ev.OrderAbsent) -> Outcome:
        return _told(self._working.hear(event.label, Signal.ABSENT, event.received_ns, "absent at the venue"))

    def _on_look_up_failed(self, event: ev.LookUpFailed) -> Outcome:
        self._working.asked_in_vain(event.label, event.received_ns)
        return NOTHING

    def _on_filled(self, event: ev.Filled) -> Outcome:
        if not is_of_book(event.instrument, self._view.instruments, self._params.book):
            return NOTHING
        notes = self._book(event)
        return Outcome(commands=tuple(self._watch([event.instrument])), notes=tuple(notes))

    def _book(self, fill: ev.Filled) -> list[Note]:
        is_new = self._positions.book(fill)
        order, moved = self._working.booked(fill, is_new=is_new)
        if not is_new:
            return _some(moved)
        self._reconciler.filled(fill.received_ns)
        mid = None if order is None else order.arrival_mid_native
        spec = self._view.instruments.get(fill.instrument)
        slippage = 0.0 if spec is None else self._profit.book(spec, fill, mid, self._index_usd())
        if fill.instrument == self._params.hedge_instrument:
            self._hedger.hedged(fill.received_ns, float_from_decimal(fill.price_native))
        told: Note = FillBooked(
            fill_id=fill.fill_id,
            label=fill.label,
            instrument=fill.instrument,
            amount_native=fill.amount_native,
            price_native=fill.price_native,
            fee_native=fill.fee_native,
            fee_currency=fill.fee_currency,
            position_native=self._positions.amount(fill.instrument),
            slippage_usd=slippage,
        )
        if order is not None and order.booked_native > abs(order.amount_native):
            text = f"{order.label}: {order.booked_native} filled of {order.amount_native}"
            return [told, *_some(moved), *_some(self._standing.enter(Phase.HALTED, HaltCause.FILL_UNEXPLAINED, text))]
        return [told, *_some(moved)]

    def _index_usd(self) -> float | None:
        marked = self._view.futures.get(self._params.hedge_instrument)
        return None if marked is None else marked.index_usd or marked.mark_usd

    def _watch(self, names: list[InstrumentId]) -> list[Command]:
        fresh = [name for name in names if name not in self._watched]
        self._watched.update(dict.fromkeys(fresh))
        return [Watch(instruments=tuple(fresh))] if fresh else []

    # --- ends ----------------------------------------------------------------------------------------

    def _on_stop(self, event: ev.StopRequested) -> Outcome:
        notes = _some(self._standing.enter(Phase.STOPPING, event.cause))
        return Outcome(commands=tuple(self._working.cancel_all()), notes=tuple(notes))

    def _on_halt(self, event: ev.HaltRequested) -> Outcome:
        notes = _some(self._standing.enter(Phase.HALTED, event.cause, event.detail))
        return Outcome(commands=tuple(self._working.cancel_all()), notes=tuple(notes))

    # --- the one event that decides --------------------------------------------------------------------

    def _on_tick(self, event: ev.Ticked) -> Outcome:
        now_ns = event.now_ns
        commands, moves = self._working.due(now_ns)
        notes: list[Note] = [*moves, *self._overdue(now_ns)]
        if self._standing.is_up(ev.StreamName.ACCOUNT) and self._reconciler.is_due(now_ns):
            commands.append(TakeSnapshot(cause=self._standing.cause))
        if self._standing.phase is Phase.STOPPING and not self._working.live():
            notes += _some(self._standing.enter(Phase.STOPPED, "nothing is open"))
        decided, order = self._decide(now_ns)
        notes += self._hedger.notes(self._view, decided)
        if order is not None:
            commands.append(order)
        self._decided = decided
        return Outcome(commands=tuple(commands), decided=decided, notes=tuple(notes))

    def _overdue(self, now_ns: Ns) -> list[Note]:
        since_ns = self._working.doubt_since_ns()
        if since_ns is None or now_ns - since_ns <= self._params.limits.unresolved_ns_max:
            return []
        text = "an order has no answer: look at the venue, then restart"
        return _some(self._standing.enter(Phase.HALTED, HaltCause.ORDER_UNRESOLVED, text))

    def _decide(self, now_ns: Ns) -> tuple[Decided, PlaceOrder | None]:
        params = self._params
        desk = Desk(
            blocked=self._standing.blocked(),
            outstanding=self._working.outstanding(),
            has_pending=self._working.has_live(params.hedge_instrument),
            is_backing_off=self._standing.is_backing_off(now_ns),
            orders_last_minute=self._standing.orders_last_minute(now_ns),
        )
        frame = Frame(
            seq=self._seq,
            now_ns=now_ns,
            book=params.book,
            convention=params.convention,
            hedge_instrument=params.hedge_instrument,
        )
        decided, verdict, hedge = self._hedger.decide(self._view, self._positions.held(), desk, frame)
        if verdict.action is not Action.HEDGE or hedge is None:
            return decided, None
        order = self._order(hedge, decided, verdict.amount_native)
        if isinstance(order, str):
            refused = structs.replace(
                decided, action=Action.REFUSE, reason=Reason.PRICE_BAND, detail=order, trade_coin=0.0
            )
            return refused, None
        self._working.sent(order, now_ns)
        self._standing.order_sent(now_ns)
        return decided, order

    def _order(self, hedge: Hedge, decided: Decided, amount_native: Decimal) -> PlaceOrder | str:
        """The order of a decision, or why no price for it is acceptable."""
        touch = hedge.touch
        assert touch is not None, "decided on an instrument without a touch"
        assert touch.bid_native is not None, "decided on a one-sided touch"
        assert touch.ask_native is not None, "decided on a one-sided touch"
        tactic = self._params.tactic
        price = cross.limit_price(
            hedge.spec,
            amount_native=amount_native,
            bid_usd=touch.bid_native,
            ask_usd=touch.ask_native,
            params=tactic,
        )
        marked = self._view.futures[hedge.spec.id]
        objection = cross.outside_band(price, marked.price_min_usd, marked.price_max_usd)
        if objection is not None:
            return objection
        self._orders_count += 1
        return PlaceOrder(
            label=make_label(self._params.label_prefix, self._params.run_tag, self._orders_count),
            instrument=hedge.spec.id,
            amount_native=amount_native,
            price_native=price,
            arrival_mid_native=0.5 * (touch.bid_native + touch.ask_native),
            valid_until_ns=Ns(decided.now_ns + tactic.valid_for_ns),
            decided_seq=decided.seq,
        )

    def status(self) -> BookStatus:
        """A frozen picture of the book."""
        return BookStatus(
            book=self._params.book,
            phase=self._standing.phase,
            phase_cause=self._standing.cause,
            is_reconciled=self._was_reconciled and self._standing.phase is Phase.RUNNING,
            now_ns=Ns(0) if self._decided is None else self._decided.now_ns,
            decided=self._decided,
            positions_native=self._positions.held(),
            orders_unknown=sum(order.state is OrderState.UNKNOWN for order in self._working.live()),
            orders_live=len(self._working.live()),
            profit_usd=self._profit.usd(),
        )


def _some(note: Note | None) -> list[Note]:
    return [] if note is None else [note]


def _told(note: Note | None) -> Outcome:
    return NOTHING if note is None else Outcome(notes=(note,))
