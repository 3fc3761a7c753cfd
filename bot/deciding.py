"""One decision: the desk as it is, the hedger's ruling on it, and the tactic's next step.

Where hedging and execution meet. The engine calls it once per `Ticked`, and lets it hear what own trades came to.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec import structs

from bot.book import BookParams, hedge_params_of, hedges_of
from bot.domain.commands import Command
from bot.domain.decided import Decided, FillBooked, Note
from bot.domain.events import Event, Filled, SnapshotTaken
from bot.domain.ids import InstrumentId, VenueId, venue_of
from bot.domain.market_events import FutureMarked
from bot.domain.reasons import Action, Reason
from bot.domain.stops import StopKind
from bot.domain.time import Ns
from bot.domain.units import coin_from_amount, float_from_decimal
from bot.execution.account import Account
from bot.execution.audit import Audit
from bot.execution.stops import Stops
from bot.execution.tactic import Due
from bot.execution.trader import Moment, Move, Trader
from bot.execution.working import WorkingOrder
from bot.hedging import flatten
from bot.hedging.appetite import share_of
from bot.hedging.band import BandInputs
from bot.hedging.decide import Verdict
from bot.hedging.division import Part
from bot.hedging.hedger import Desk, Hedger, Ruling
from bot.hedging.modifiers import shaped
from bot.hedging.policies import BandParams, Entry, entry_of
from bot.hedging.situation import Frame, hedge_seen, resting_coin, without_resting
from bot.market.view import MarketView
from bot.risk.conventions import Collateral
from bot.risk.gap import GapWatch
from bot.risk.latches import reduces

_CALM: Final = frozenset({Reason.INSIDE_BAND, Reason.OSCILLATES, Reason.NO_OPTIONS, Reason.BELOW_TRADE_MIN})
"""Nothing is due."""
_TAKEN_BACK: Final = Verdict(action=Action.SKIP, reason=Reason.ORDER_PENDING, detail="taken back before hedges close")
_NOTHING: Final[Mapping[tuple[VenueId, str], float]] = MappingProxyType({})


class Deciding:
    """Of one book; the state it keeps is the hedger's and the tactic's."""

    def __init__(
        self,
        params: BookParams,
        view: MarketView,
        account: Account,
        audit: Audit,
        gap: GapWatch,
        *,
        stops: Stops,
    ) -> None:
        """Nothing decided yet."""
        self._stops = stops
        self._params = params
        self._view = view
        self._account = account
        self._audit = audit
        self._gap = gap
        entry = entry_of(params.band)
        policy = shaped(entry.make(params.band), entry.laws, params.modifiers)
        self.hedger = Hedger(
            hedge_params_of(params), policy, needs_vanna=entry.needs_vanna, aversion=_aversion_of(params.band, entry)
        )
        self._hedges = hedges_of(params)
        self._convention = params.convention.value
        self._is_set = len(self._hedges) > 1
        self._price_at_hedge_usd: float | None = None
        """Of the first instrument, when another one filled last: what later prices of it are compared with."""
        self._trader = Trader(params.tactic, label_prefix=params.label_prefix, run_tag=params.run_tag)

    def see_future(self, event: FutureMarked) -> None:
        """A ticker that is believed."""
        self.hedger.see_future(event)

    def hear(self, event: Event, notes: Sequence[Note]) -> None:
        """Fills of the hedge instruments, each told once, whichever event brought it."""
        if not isinstance(event, Filled | SnapshotTaken):
            return
        for note in notes:
            if not isinstance(note, FillBooked) or note.instrument not in self._hedges:
                continue
            self._price_at_hedge_usd = self._first_usd(note.instrument)
            spec = self._view.instruments.get(note.instrument)
            if spec is not None:
                coin = coin_from_amount(spec, note.amount_native, float_from_decimal(note.price_native))
                self.hedger.width.stability.see_fill(note.label, coin, event.received_ns)

    def at(self, now_ns: Ns, seq: int) -> tuple[Decided, list[Command]]:
        """The decision of this moment and what it asks for; an order is counted as in flight already."""
        if self._stops.kind is StopKind.FLATTEN_HEDGES:
            return self._flattened(now_ns, seq)
        account, away = self._account, self._account.away()
        resting, is_stray = self._resting(away)
        blocked = self._stops.blocked() or self._barred(now_ns) or self._audit.blocked(now_ns)
        desk = self._desk(resting, blocked, now_ns, is_stray=is_stray)
        frame = self._frame(self.hedger.pivot(self._view, now_ns, away), now_ns, seq)
        ruling = self._kept_down(self.hedger.decide(self._view, account.held(), desk, frame))
        wanted = ruling.wanted
        if wanted.reason in _CALM:
            self._trader.calm()
        if wanted.action is Action.HEDGE:
            return self._move(ruling, resting, desk)
        # Nothing is due, or not safely: what rests has lost its reason. An order in doubt gets its answer first.
        is_answered_first = wanted.reason is Reason.ORDER_PENDING and not is_stray
        return ruling.decided, [] if is_answered_first else account.recall(now_ns)

    def _barred(self, now_ns: Ns) -> tuple[Reason, str] | None:
        """Why no order of any kind may leave now: the state of the account, or of the lease."""
        standing = self._account.standing
        return standing.blocked() or standing.tenure.blocked(now_ns)

    def _desk(
        self,
        resting: Mapping[InstrumentId, WorkingOrder],
        blocked: tuple[Reason, str] | None,
        now_ns: Ns,
        *,
        is_stray: bool = False,
    ) -> Desk:
        """The state of orders and account."""
        account, last, away = self._account, self._account.last_hedge, self._account.away()
        return Desk(
            blocked=blocked,
            outstanding=account.working.outstanding(),
            # An order where nothing can be asked now is no reason to wait: it counts at its worst until it can be.
            has_pending=is_stray
            or any(account.working.has_live(name) and venue_of(name) not in away for name in self._hedges),
            backing_off=frozenset(name for name in self._hedges if account.standing.is_backing_off(now_ns, name)),
            orders_last_minute=account.standing.orders_last_minute(now_ns),
            last_hedge=None if last is None else (last.time_ns, self._price_at_hedge_usd or last.price_usd),
            last_was_buy=None if last is None else last.is_buy,
            collateral=self._collateral(now_ns),
            delivered_coin=account.delivered_coin,
            resting={name: order.open_native for name, order in resting.items()} if resting else None,
            gap=self._gap.breached,
            appetite_share=self._appetite_share(now_ns),
            available=account.available() if self._is_set else _NOTHING,
            away=away,
        )

    def _frame(self, hedge_instrument: InstrumentId, now_ns: Ns, seq: int) -> Frame:
        return Frame(
            seq=seq,
            now_ns=now_ns,
            book=self._params.book,
            convention=self._convention,
            hedge_instrument=hedge_instrument,
        )

    def _kept_down(self, ruling: Ruling) -> Ruling:
        """While the stop `reduce_only` is on: only what lowers the worst case, whatever part of it fills."""
        looked, wanted = self.hedger.looked, ruling.wanted
        if self._stops.kind is not StopKind.REDUCE_ONLY or wanted.action is not Action.HEDGE:
            return ruling
        assert looked is not None, "a hedge without a look"
        assert looked.now is not None, "a hedge without a situation"
        now, resting = looked.now, looked.desk.resting
        if resting:
            now = without_resting(now, resting_coin(self._view, resting, now.price_usd))
        low, high, target = now.exposure.delta_coin_low, now.exposure.delta_coin_high, now.band.target_coin
        if reduces(low, high, target, wanted.trade_coin):
            return ruling
        text = f"{wanted.trade_coin:+.4f} coins do not lower the worst case; {self._stops.words()}"
        refused = Verdict(action=Action.REFUSE, reason=Reason.REDUCE_ONLY, detail=text)
        return Ruling(_written(ruling, refused), refused, refused)

    def _flattened(self, now_ns: Ns, seq: int) -> tuple[Decided, list[Command]]:
        """While the stop `flatten_hedges` is on: the hedges' positions are closed one by one, then as paused."""
        account, params, view = self._account, self._params, self._view
        held = account.held()
        away = account.away()
        there = (name for name in self._hedges if venue_of(name) not in away)
        # What can be traded on first: nothing waits for another's quote.
        waits = account.standing.is_backing_off
        hedges = sorted(
            there, key=lambda name: (view.hedge_verdict(name, now_ns) is not None) + 2 * waits(now_ns, name)
        )
        name = flatten.next_to_close(hedges, held, view.instruments)
        blocked = self._barred(now_ns) or (None if name is not None else (Reason.PAUSED, self._stops.words()))
        # The record tells the delta; what is to be done about it is not asked.
        desk = self._desk({}, blocked or (Reason.FLATTENING, self._stops.words()), now_ns)
        ruling = self.hedger.decide(view, held, desk, self._frame(name or params.hedge_instrument, now_ns, seq))
        if blocked is not None or account.at_rest():
            return (ruling.decided if blocked else _written(ruling, _TAKEN_BACK)), account.recall(now_ns)
        assert name is not None, "blocked otherwise"
        ways = flatten.Ways(
            limits=params.limits,
            spread_bps_max=params.trust.spread_bps_max,
            hedge_cause=view.hedge_verdict(name, now_ns),
            has_pending=desk.has_pending,
            is_backing_off=name in desk.backing_off,
            orders_last_minute=desk.orders_last_minute,
        )
        closing = flatten.closing(hedge_seen(view, name, now_ns), held[name], ways)
        decided = _written(ruling, closing.verdict)
        if not closing.parts:
            return decided, []
        return self._move(Ruling(decided, closing.verdict, closing.verdict, closing.parts), {}, desk)

    def _resting(self, away: Collection[VenueId]) -> tuple[dict[InstrumentId, WorkingOrder], bool]:
        """What rests, by instrument, where nothing else works; and whether any of it is in none we hedge with."""
        at_rest = self._account.at_rest(away)
        if not at_rest:
            return {}, False
        found = {order.instrument: order for order in at_rest}
        is_stray = not found.keys() <= set(self._hedges)
        return ({} if is_stray or len(found) < len(at_rest) else found), is_stray

    def _move(
        self, ruling: Ruling, resting: dict[InstrumentId, WorkingOrder], desk: Desk
    ) -> tuple[Decided, list[Command]]:
        """The tactic's next step for each part of a hedge that is due."""
        decided, now_ns = ruling.decided, ruling.decided.now_ns
        moves = [(part, self._step(ruling, part, resting.get(part.instrument.id), desk)) for part in ruling.parts]
        lost = [name for name in resting if all(part.instrument.id != name for part in ruling.parts)]
        recalled = [part.instrument.id for part, move in moves if move.recalls] + lost
        if recalled:
            detail = "; ".join(move.detail for _, move in moves if move.recalls) or f"{lost[0]} cannot be traded"
            commands = [command for name in recalled for command in self._account.recall(now_ns, name)]
            return structs.replace(decided, detail=f"taken back: {detail}"), commands
        placed = [(part, move.order) for part, move in moves if move.order is not None]
        if placed:
            is_whole = len(placed) == len(moves) and all(
                order.amount_native == part.amount_native for part, order in placed
            )
            coin = sum(coin_from_amount(part.instrument, order.amount_native, part.price_usd) for part, order in placed)
            return (
                decided if is_whole else structs.replace(decided, trade_coin=coin),
                [order for _, order in placed],
            )
        if resting:
            return decided, []
        move = next((move for _, move in moves if move.is_outside_band), moves[0][1])
        action, reason = (
            (Action.REFUSE, Reason.PRICE_BAND) if move.is_outside_band else (Action.SKIP, Reason.TACTIC_WAITS)
        )
        waits = structs.replace(decided, action=action, reason=reason, detail=move.detail, trade_coin=0.0)
        return waits, []

    def _step(self, ruling: Ruling, part: Part, at_rest: WorkingOrder | None, desk: Desk) -> Move:
        """The tactic's next step in one instrument; an order it places is in flight from here on."""
        decided, wanted, name = ruling.decided, ruling.wanted, part.instrument.id
        touch = self._view.touch(name)
        assert touch is not None, "decided on an instrument without a touch"
        due = Due(
            amount_native=part.amount_native,
            amount_max_native=part.amount_max_native,
            taker_native=part.taker_native,
            is_urgent=wanted.is_urgent,
        )
        moment = Moment(
            now_ns=decided.now_ns,
            seq=decided.seq,
            instrument=part.instrument,
            touch=touch,
            marked=self._view.futures[name],
            lease_until_ns=self._account.standing.tenure.until_ns,
            may_replace=2 * desk.orders_last_minute < self._params.limits.orders_per_minute_max,
            depth=self._view.depth(name, decided.now_ns),
        )
        move = self._trader.move(due, at_rest, moment)
        if move.order is not None:
            self._account.sent(move.order, decided.now_ns)
            self.hedger.width.stability.sent(
                move.order.label,
                price_usd=part.price_usd,
                now_ns=decided.now_ns,
                # The answer is the price of the first: against another's, the basis would look like our impact.
                takes=move.order.rest_until_ns is None and name == self._params.hedge_instrument,
            )
        return move

    def _first_usd(self, traded: InstrumentId) -> float | None:
        """Mark of the first instrument where another one was traded: theirs differ by a basis that is no move."""
        first = self._view.futures.get(self._params.hedge_instrument)
        return None if first is None or traded == self._params.hedge_instrument else first.mark_usd

    def _appetite_share(self, now_ns: Ns) -> float:
        """Of the configured risk, by what the account is worth now."""
        if self._params.appetite is None:
            return 1.0
        marked = self._view.futures.get(self._params.hedge_instrument)
        index_usd = None if marked is None else marked.index_usd
        return share_of(self._params.appetite, self._account.equity_usd(index_usd, now_ns))

    def _collateral(self, now_ns: Ns) -> Collateral | str:
        """What the account adds to the delta; its price move is profit from here on."""
        account, marked = self._account, self._view.futures.get(self._params.hedge_instrument)
        index_usd = None if marked is None else marked.index_usd
        collateral = account.figures.collateral(self._view, account.held(), now_ns, index_usd)
        if index_usd is not None and not isinstance(collateral, str):
            account.profit.see_collateral(account.figures.moved_coin(collateral), index_usd)
        return collateral


def _written(ruling: Ruling, verdict: Verdict) -> Decided:
    """The record with another verdict in it."""
    return structs.replace(
        ruling.decided,
        action=verdict.action,
        reason=verdict.reason,
        detail=verdict.detail,
        trade_coin=verdict.trade_coin,
        target_coin=None,
        split=(),
    )


def _aversion_of(band: BandParams, entry: Entry) -> Callable[[BandInputs], float]:
    """Risk aversion of a policy, per USD; 0 of one that has none: then costs alone decide between instruments."""
    parts = entry.parts
    if parts is None:
        return lambda _: 0.0
    return lambda inputs: parts(band, inputs).get("risk_aversion_per_usd", 0.0)
