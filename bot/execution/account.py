"""The account side of one book: streams, orders, fills, positions, reconciliation. Decides no trade.

Turns account events into commands and notes; what may be placed, and what is open, is read from here.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from bot.domain import events as ev
from bot.domain.commands import Command, PlaceOrder, TakeSnapshot, Watch
from bot.domain.decided import NOTHING, FillBooked, Note, Outcome, VenueAgreed
from bot.domain.ids import DERIBIT, InstrumentId, VenueId, venue_of
from bot.domain.instruments import Instrument
from bot.domain.reasons import HaltCause, Phase
from bot.domain.status import EquitySeen, VenueSeen
from bot.domain.time import Ns
from bot.domain.units import ZERO, decimal_from_wire, float_from_decimal
from bot.execution.account_params import AccountParams, HedgeFill, reconcilers_of
from bot.execution.agreement import Agreement
from bot.execution.answers import Answers, some, told
from bot.execution.lifecycle import OrderState
from bot.execution.reconcile import Conclusion, has_expired, is_of_book
from bot.execution.standing import Standing
from bot.execution.working import WorkingOrder, WorkingOrders
from bot.market.view import MarketView
from bot.risk.bookkeeping import Bookkeeping
from bot.risk.collateral import AccountFigures
from bot.risk.delivery import delivered_coin
from bot.risk.positions import Positions
from bot.risk.profit import Profit

_MISMATCH_NEXT: Final = (
    "find out who traded; then restart with run.adopt_positions = true and resume, or with a new ledger.url for a new "
    "account"
)
_NOWHERE: Final[Mapping[VenueId, str]] = MappingProxyType({})


class Account:
    """Mutable private state of one engine."""

    def __init__(self, params: AccountParams, view: MarketView) -> None:
        """Start unreconciled. `view` is read for specifications and the index, never changed."""
        self._params = params
        self._view = view
        self._positions = Positions()
        self._working = WorkingOrders()
        self._profit = Profit()
        hedge_venues = tuple(dict.fromkeys(map(venue_of, params.hedges)))
        self._hedge_venues_count = len(hedge_venues)
        venues = tuple(dict.fromkeys((DERIBIT, *hedge_venues)))
        self._books = {venue: Bookkeeping(venue) for venue in venues}
        self._figures = AccountFigures(params.figures)
        self._standing = Standing(params.limits.refusals_in_a_row_max, venues, hedge_venues)
        self._answers = Answers(self._working, self._standing)
        self._agreement = Agreement(hedge_venues, reconcilers_of(params, venues))
        self._watched: dict[InstrumentId, None] = dict.fromkeys(params.hedges)
        self._anew_ns = Ns(0)
        self.last_hedge: HedgeFill | None = None
        self.delivered_coin = 0.0
        """Coins that physical deliveries would have brought since the start, signed."""

    def handlers(self) -> Mapping[type[Any], Callable[[Any], Outcome]]:
        """The events this side takes; the loss of a stream comes through `lose_stream`, ends through `Stops`."""
        return {
            ev.StreamRestored: self._on_stream_restored,
            ev.MessageMalformed: self._on_malformed,
            **self._answers.handlers(),
            ev.Filled: self._on_filled,
            ev.AccountSeen: self._on_account,
            ev.SnapshotTaken: self._on_snapshot,
            ev.SnapshotFailed: self._on_snapshot_failed,
            ev.Settled: self._on_settled,
            ev.IntentRestored: self._on_intent,
            ev.LedgerRestored: self._on_ledger,
            ev.LeaseHeld: self._standing.tenure.see,
        }

    # --- read by the engine ----------------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        """Whether anything may be placed."""
        return self._standing

    @property
    def working(self) -> WorkingOrders:
        """What is open."""
        return self._working

    @property
    def profit(self) -> Profit:
        """Fed with marks by the engine."""
        return self._profit

    def equity(self) -> tuple[EquitySeen, ...]:
        """Of each currency, by our books and by the venue's."""
        return tuple(seen for books in self._books.values() for seen in books.equity(self._view))

    def equity_usd(self, index_usd: float | None, now_ns: Ns) -> float | None:
        """Of all accounts the book is in; None where one is not told, or told too long ago."""
        elsewhere = [tuple(books.told()) for venue, books in self._books.items() if venue != DERIBIT]
        return self._figures.equity_usd(index_usd, now_ns, elsewhere)

    def funded(self) -> dict[InstrumentId, Decimal]:
        """Funding booked since the start on each position, settlement currency."""
        return {name: total for books in self._books.values() for name, total in books.funded.items()}

    @property
    def figures(self) -> AccountFigures:
        """The account's word on its money."""
        return self._figures

    @property
    def is_reconciled(self) -> bool:
        """Whether every venue has agreed and the book is running."""
        return self._agreement.is_whole and self._standing.phase is Phase.RUNNING

    @property
    def orders_unknown_count(self) -> int:
        """Orders whose fate is not known."""
        return sum(order.state is OrderState.UNKNOWN for order in self._working.live())

    def venues(self) -> tuple[VenueSeen, ...]:
        """How the book stands with each of its venues."""
        up, market, account = self._standing.is_up, ev.StreamName.MARKET, ev.StreamName.ACCOUNT
        return tuple(
            VenueSeen(
                venue=venue,
                is_market_up=up(market, venue),
                is_account_up=up(account, venue),
                is_awaited=self._agreement.awaits(venue),
            )
            for venue in self._agreement.reconcilers
        )

    def held(self) -> dict[InstrumentId, Decimal]:
        """Non-zero positions, native amounts; the same object until something changes."""
        return self._positions.held()

    def away(self) -> Mapping[VenueId, str]:
        """Of several venues hedges are made at, those at which none can be made now: what is missing, in words."""
        if self._hedge_venues_count == 1:
            return _NOWHERE
        unheard = {venue: f"{venue} not heard yet" for venue in self._agreement.unheard()}
        return unheard | self._standing.down()

    def at_rest(self, away: Collection[VenueId] = ()) -> list[WorkingOrder]:
        """The orders that work, when all of them rest and nothing about them is in doubt; else none.

        Those at venues that are `away` are left out: what became of them nobody knows.
        """
        live = self._working.live()
        if away:
            live = [order for order in live if venue_of(order.instrument) not in away]
        return live if live and all(order.is_at_rest for order in live) else []

    def recall(self, now_ns: Ns, only: InstrumentId | None = None) -> list[Command]:
        """Take back what rests: all of it, or in one instrument."""
        return self._working.recall(now_ns, only)

    def available(self) -> dict[tuple[VenueId, str], float]:
        """Funds free for margin, by venue and currency, as last told."""
        return {
            (venue, seen.currency): seen.available_native
            for venue, books in self._books.items()
            for seen in books.told()
        }

    def words(self) -> list[ev.AccountSeen]:
        """The newest word on each currency, of all venues."""
        return [seen for books in self._books.values() for seen in books.told()]

    def sent(self, order: PlaceOrder, now_ns: Ns) -> None:
        """An order is about to leave: in flight from now on."""
        self._working.sent(order, now_ns)
        self._standing.order_sent(now_ns)

    def tick(self, now_ns: Ns) -> tuple[list[Command], list[Note]]:
        """What time alone makes due: questions about orders, a look at the account, the end of an orderly end."""
        commands, moves = self._working.due(now_ns)
        notes: list[Note] = [*moves, *self._overdue(now_ns)]
        for venue, reconciler in self._agreement.reconcilers.items():
            if self._standing.is_up(ev.StreamName.ACCOUNT, venue) and reconciler.is_due(now_ns):
                commands.append(TakeSnapshot(cause=self._standing.cause, venue=venue))
        if self._standing.phase is Phase.STOPPING and not self._working.live():
            notes += some(self._standing.enter(Phase.STOPPED, "nothing is open"))
        return commands, notes

    def _overdue(self, now_ns: Ns) -> list[Note]:
        since_ns = self._working.doubt_since_ns(self._agreement.answering)
        if since_ns is None or now_ns - max(since_ns, self._anew_ns) <= self._params.limits.unresolved_ns_max:
            return []
        text = "an order has no answer: look for it at the venue, then resume"
        return some(self._standing.enter(Phase.HALTED, HaltCause.ORDER_UNRESOLVED, text))

    # --- streams and account -------------------------------------------------------------------------

    def lose_stream(self, event: ev.StreamLost) -> Outcome:
        """A socket is down; the engine has told the view already."""
        return self._moved(event, is_up=False, cause=f"{event.stream} stream lost")

    def _on_stream_restored(self, event: ev.StreamRestored) -> Outcome:
        return self._moved(event, is_up=True, cause=f"{event.stream} stream restored")

    def _moved(self, event: ev.StreamLost | ev.StreamRestored, *, is_up: bool, cause: str) -> Outcome:
        """A socket came or went: what happened unseen on it is asked for."""
        if event.venue not in self._agreement.reconcilers:
            return NOTHING  # of another book
        self._standing.set_stream(event.stream, is_up=is_up, venue=event.venue)
        is_gone = not self._standing.is_up(ev.StreamName.ACCOUNT, event.venue)
        has_quotes = self._standing.is_up(ev.StreamName.MARKET, event.venue)
        self._agreement.sight(event.venue, is_gone=is_gone, has_quotes=has_quotes)
        if event.stream is ev.StreamName.MARKET and not (is_gone and self._agreement.outlives(event.venue)):
            return NOTHING
        self._agreement.doubt(event.venue, event.received_ns, is_gone=is_gone, has_quotes=has_quotes)
        if self._agreement.is_whole:
            return told(self._standing.enter(Phase.RUNNING, f"{event.venue} {cause}, positions there as last agreed"))
        return told(self._standing.enter(Phase.RECONCILING, cause))

    def recheck(self, venue: VenueId, now_ns: Ns, cause: str) -> Outcome:
        """What we hold at a venue may be wrong: nothing is placed until it has been asked."""
        if venue not in self._agreement.reconcilers:
            return NOTHING  # of another book
        self._agreement.object(venue)
        self._agreement.reconcilers[venue].demand(now_ns)
        return told(self._standing.enter(Phase.RECONCILING, cause))

    def begin_anew(self, now_ns: Ns, cause: str) -> list[Note]:
        """After a halt: every venue is asked as at a start, and doubt about orders gets its whole time once more."""
        self._anew_ns = now_ns
        self._standing.order_accepted()
        for venue, reconciler in self._agreement.reconcilers.items():
            self._agreement.object(venue)
            reconciler.begin_anew(now_ns)
        return some(self._standing.unhalt(cause))

    def _on_malformed(self, event: ev.MessageMalformed) -> Outcome:
        del event  # counted and told by the shell; there is nothing to believe in it
        return NOTHING

    def _on_account(self, event: ev.AccountSeen) -> Outcome:
        if event.venue in self._books:
            self._books[event.venue].see_account(event)
        if event.venue == DERIBIT:
            self._figures.see(event)
        return NOTHING

    def _on_settled(self, event: ev.Settled) -> Outcome:
        spec = self._view.instruments.get(event.instrument)
        if spec is None or not self._is_mine(spec.id):
            return NOTHING
        self._books[venue_of(spec.id)].end_session(spec, event.funding_native, event.venue_ns)
        if event.delivery_usd is not None:
            self._deliver(spec, event.delivery_usd)
        return NOTHING

    def _deliver(self, spec: Instrument, delivery_usd: Decimal, *, is_expected: bool = False) -> None:
        """A position has become money: what it was worth last is its settlement value."""
        self.delivered_coin += delivered_coin(spec, self._positions.amount(spec.id), float_from_decimal(delivery_usd))
        self._positions.drop(spec.id)
        self._profit.deliver(spec, delivery_usd, self._index_usd())
        self._books[venue_of(spec.id)].deliver(spec, delivery_usd, is_expected=is_expected)
        self._figures.deliver(spec)

    def _deliver_expired(self, venue: VenueId, now_ns: Ns) -> None:
        """What nobody has told the delivery of yet: at the price the venue expected last."""
        for name in self._positions.held():
            spec = self._view.instruments.get(name)
            if spec is not None and venue_of(name) == venue and has_expired(name, spec, now_ns):
                expected_usd = self._view.delivery_usd(spec)
                if expected_usd is not None:
                    self._deliver(spec, decimal_from_wire(expected_usd), is_expected=True)

    def _on_ledger(self, event: ev.LedgerRestored) -> Outcome:
        for reconciler in self._agreement.reconcilers.values():
            reconciler.restore(event, self._positions, self._view.instruments)
        return NOTHING

    def _on_intent(self, event: ev.IntentRestored) -> Outcome:
        self._working.restore(event)
        return NOTHING

    def _on_snapshot(self, event: ev.SnapshotTaken) -> Outcome:
        reconciler = self._agreement.reconcilers.get(event.venue)
        if reconciler is None:
            return NOTHING  # of another book
        if self._standing.tenure.is_over(event.received_ns):  # what it shows may be the next trader's
            return self._on_snapshot_failed(event)
        instruments = self._view.instruments
        notes: list[Note] = []
        for fill in reconciler.news(event, self._positions, instruments):
            notes += self._book(fill)
        self._deliver_expired(event.venue, event.received_ns)
        ours, strange = reconciler.orders(event, self._working, instruments)
        notes += strange
        for label, seen in ours:
            take = self._working.adopt if self._working.find(label) is None else self._working.reopen
            notes.append(take(label, seen, event.received_ns))
        shown = {order.label for order in event.open_orders if order.label is not None}
        notes += self._working.miss(shown, event.requested_ns, event.received_ns, event.venue)
        is_busy = any(
            not order.is_at_rest and venue_of(order.instrument) == event.venue for order in self._working.live()
        )
        conclusion, differences = reconciler.conclude(event, self._positions, instruments, has_live_orders=is_busy)
        notes += differences
        return self._concluded(event, conclusion, notes, is_different=bool(differences))

    def _concluded(
        self, event: ev.SnapshotTaken, conclusion: Conclusion, notes: list[Note], *, is_different: bool
    ) -> Outcome:
        """What a snapshot came to, for the whole book."""
        if conclusion is Conclusion.MISMATCHED:
            notes += some(self._standing.enter(Phase.HALTED, HaltCause.POSITION_MISMATCHED, _MISMATCH_NEXT))
        elif is_different:
            self._agreement.object(event.venue)
            notes += some(self._standing.enter(Phase.RECONCILING, "position mismatch"))
        if conclusion is not Conclusion.AGREED:
            return Outcome(notes=tuple(notes))
        instruments, held = self._view.instruments, self._positions.held()
        is_first = self._agreement.agree(event.venue)
        if self._agreement.is_whole:
            notes += some(self._standing.enter(Phase.RUNNING, "reconciled"))
        elif is_first:
            notes.append(VenueAgreed(venue=event.venue))
        for name, amount in held.items():
            if is_first and venue_of(name) == event.venue:
                self._profit.adopt(name, amount)
            if name not in instruments:  # its description could not be had so far: ask again
                self._watched.pop(name, None)
        self._books[event.venue].see_positions(event.positions, instruments, event.received_ns)
        return Outcome(commands=tuple(self.watch(list(held))), notes=tuple(notes))

    def _on_snapshot_failed(self, event: ev.SnapshotFailed | ev.SnapshotTaken) -> Outcome:
        if event.venue not in self._agreement.reconcilers:
            return NOTHING  # of another book
        cause = event.cause if isinstance(event, ev.SnapshotFailed) else "the lease has run out"
        return Outcome(notes=tuple(self._agreement.reconcilers[event.venue].failed(event.received_ns, cause)))

    # --- fills ---------------------------------------------------------------------------------------

    def _on_filled(self, event: ev.Filled) -> Outcome:
        if not self._is_mine(event.instrument):
            return NOTHING
        notes = self._book(event)
        return Outcome(commands=tuple(self.watch([event.instrument])), notes=tuple(notes))

    def _book(self, fill: ev.Filled) -> list[Note]:
        is_new = self._positions.book(fill)
        order, moved = self._working.booked(fill, is_new=is_new)
        if not is_new:
            return some(moved)
        venue = venue_of(fill.instrument)
        self._agreement.reconcilers[venue].filled(fill.received_ns)
        mid = None if order is None else order.arrival_mid_native
        spec = self._view.instruments.get(fill.instrument)
        slippage = 0.0
        if spec is not None:
            slippage = self._profit.book(spec, fill, mid, self._index_usd())
            self._books[venue].book(spec, fill)
            if venue == DERIBIT:
                self._figures.book(spec, fill)
        if fill.instrument in self._params.hedges:
            self._standing.order_filled()
            self.last_hedge = HedgeFill(
                fill.received_ns, float_from_decimal(fill.price_native), fill.amount_native > ZERO
            )
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
            return [told, *some(moved), *some(self._standing.enter(Phase.HALTED, HaltCause.FILL_UNEXPLAINED, text))]
        return [told, *some(moved)]

    def _is_mine(self, name: InstrumentId) -> bool:
        """Whether an instrument is of this book's coin, at one of its venues."""
        return venue_of(name) in self._books and is_of_book(name, self._view.instruments, self._params.book)

    def _index_usd(self) -> float | None:
        marked = self._view.futures.get(self._params.hedges[0])
        return None if marked is None else marked.index_usd or marked.mark_usd

    def watch(self, names: list[InstrumentId]) -> list[Command]:
        """Ask for the market data of these, of each once."""
        if not names:
            return []
        fresh = [name for name in names if name not in self._watched]
        self._watched.update(dict.fromkeys(fresh))
        return [Watch(instruments=tuple(fresh))] if fresh else []
