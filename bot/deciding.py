"""One decision: the desk as it is, the hedger's ruling on it, and the tactic's next step.

Where hedging and execution meet. The engine calls it once per `Ticked`, and lets it hear what own trades came to.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import structs

from bot.book import BookParams, hedge_params_of, hedges_of, sides_of
from bot.domain.commands import Command
from bot.domain.decided import Decided, FillBooked, Note
from bot.domain.events import Event, Filled, SnapshotTaken
from bot.domain.market_events import FutureMarked
from bot.domain.reasons import Action, Reason
from bot.domain.time import Ns
from bot.domain.units import ZERO, coin_from_amount, float_from_decimal
from bot.execution.account import Account
from bot.execution.audit import Audit
from bot.execution.tactic import Due
from bot.execution.trader import Moment, Trader
from bot.execution.working import WorkingOrder
from bot.hedging.appetite import share_of
from bot.hedging.hedger import Desk, Hedger, Ruling
from bot.hedging.modifiers import shaped
from bot.hedging.policies import entry_of
from bot.hedging.sides import choose
from bot.hedging.situation import Frame, Hedge
from bot.market.view import MarketView
from bot.risk.conventions import Collateral
from bot.risk.gap import GapWatch

_CALM: Final = frozenset({Reason.INSIDE_BAND, Reason.OSCILLATES, Reason.NO_OPTIONS, Reason.BELOW_TRADE_MIN})
"""Nothing is due."""


class Deciding:
    """Of one book; the state it keeps is the hedger's and the tactic's."""

    def __init__(self, params: BookParams, view: MarketView, account: Account, audit: Audit, gap: GapWatch) -> None:
        """Nothing decided yet."""
        self._params = params
        self._view = view
        self._account = account
        self._audit = audit
        self._gap = gap
        entry = entry_of(params.band)
        policy = shaped(entry.make(params.band), entry.laws, params.modifiers)
        self.hedger = Hedger(hedge_params_of(params), policy, needs_vanna=entry.needs_vanna)
        self._sides, self._hedges = sides_of(params), hedges_of(params)
        self._is_buy = False
        """Direction of the last hedge that was due."""
        self._traded = params.hedge_instrument
        self._trader = Trader(params.tactic, label_prefix=params.label_prefix, run_tag=params.run_tag)

    def see_future(self, event: FutureMarked) -> None:
        """A ticker: the hedge's price is what own trades may have moved."""
        if event.instrument == self._params.hedge_instrument and event.mark_usd is not None:
            self.hedger.width.see_price(event.mark_usd, event.received_ns)

    def hear(self, event: Event, notes: Sequence[Note]) -> None:
        """Fills of the hedge instrument, each told once, whichever event brought it."""
        if not isinstance(event, Filled | SnapshotTaken):
            return
        for note in notes:
            if not isinstance(note, FillBooked) or note.instrument not in self._hedges:
                continue
            spec = self._view.instruments.get(note.instrument)
            if spec is not None:
                coin = coin_from_amount(spec, note.amount_native, float_from_decimal(note.price_native))
                self.hedger.width.stability.see_fill(note.label, coin, event.received_ns)

    def at(self, now_ns: Ns, seq: int) -> tuple[Decided, list[Command]]:
        """The decision of this moment and what it asks for; an order is counted as in flight already."""
        params, account = self._params, self._account
        choice = choose(self._sides, account.held(), self._view.instruments, is_buy=self._is_buy)
        standing = account.standing
        at_rest = account.at_rest()
        is_stray = at_rest is not None and at_rest.instrument != choice.instrument
        last = account.last_hedge
        desk = Desk(
            blocked=standing.blocked() or self._audit.blocked(now_ns),
            outstanding=account.working.outstanding(),
            has_pending=any(map(account.working.has_live, self._hedges)),
            is_backing_off=standing.is_backing_off(now_ns),
            orders_last_minute=standing.orders_last_minute(now_ns),
            last_hedge=None if last is None else (last.time_ns, last.price_usd),
            last_was_buy=None if last is None else last.is_buy,
            collateral=self._collateral(now_ns),
            delivered_coin=account.delivered_coin,
            resting_native=None if at_rest is None or is_stray else at_rest.open_native,
            gap=self._gap.breached,
            appetite_share=self._appetite_share(now_ns),
            other_side=choice.other,
            closes_native=choice.most_native,
        )
        frame = Frame(
            seq=seq,
            now_ns=now_ns,
            book=params.book,
            convention=params.convention.value,
            hedge_instrument=choice.instrument,
        )
        ruling = self.hedger.decide(self._view, account.held(), desk, frame)
        wanted = ruling.wanted
        if wanted.reason in _CALM:
            self._trader.calm()
        was_for_buying = self._is_buy
        # Also of a refusal: what is wrong with one side's instrument holds nothing back on the other's.
        due_native = wanted.amount_native or wanted.refused_native
        if due_native != ZERO:
            self._is_buy = due_native > ZERO
        if wanted.action is Action.HEDGE and ruling.hedge is not None:
            if self._sides.are_two and self._is_buy is not was_for_buying:
                return self._turned(ruling.decided, now_ns)
            return self._move(_capped(ruling, choice.most_native), ruling.hedge, at_rest, desk)
        # Nothing is due, or not safely: what rests has lost its reason, and what rests on the other side's instrument
        # too. An order in doubt gets its answer first.
        is_answered_first = wanted.reason is Reason.ORDER_PENDING and not is_stray
        return ruling.decided, [] if is_answered_first else account.recall(now_ns)

    def _turned(self, decided: Decided, now_ns: Ns) -> tuple[Decided, list[Command]]:
        """The first hedge in a new direction: decided again at the next tick, on the instrument of that direction."""
        self._trader.calm()
        text = "the direction has turned: decided again on its instrument"
        waits = structs.replace(decided, action=Action.SKIP, reason=Reason.TACTIC_WAITS, detail=text, trade_coin=0.0)
        return waits, self._account.recall(now_ns)

    def _move(
        self, ruling: Ruling, hedge: Hedge, at_rest: WorkingOrder | None, desk: Desk
    ) -> tuple[Decided, list[Command]]:
        """The tactic's next step for a hedge that is due."""
        decided, wanted = ruling.decided, ruling.wanted
        if hedge.spec.id != self._traded:
            self._trader.calm()  # what is under way is counted in the other's units
            self._traded = hedge.spec.id
        assert hedge.touch is not None, "decided on an instrument without a touch"
        due = Due(
            amount_native=wanted.amount_native,
            amount_max_native=wanted.amount_max_native,
            taker_native=wanted.taker_native,
            is_urgent=wanted.is_urgent,
        )
        moment = Moment(
            now_ns=decided.now_ns,
            seq=decided.seq,
            instrument=hedge.spec,
            touch=hedge.touch,
            marked=self._view.futures[hedge.spec.id],
            may_replace=2 * desk.orders_last_minute < self._params.limits.orders_per_minute_max,
            depth=hedge.depth,
        )
        move = self._trader.move(due, at_rest, moment)
        if move.recalls:
            return structs.replace(decided, detail=f"taken back: {move.detail}"), self._account.recall(decided.now_ns)
        if move.order is not None:
            self._account.sent(move.order, decided.now_ns)
            self.hedger.width.stability.sent(
                move.order.label,
                price_usd=hedge.price_usd,
                now_ns=decided.now_ns,
                # The answer is the price of the first: against another's, the basis would look like our impact.
                takes=move.order.rest_until_ns is None and hedge.spec.id == self._params.hedge_instrument,
            )
            trade_coin = coin_from_amount(hedge.spec, move.order.amount_native, hedge.price_usd)
            is_whole = move.order.amount_native == ruling.verdict.amount_native
            return (decided if is_whole else structs.replace(decided, trade_coin=trade_coin)), [move.order]
        if at_rest is not None:
            return decided, []
        action, reason = (
            (Action.REFUSE, Reason.PRICE_BAND) if move.is_outside_band else (Action.SKIP, Reason.TACTIC_WAITS)
        )
        waits = structs.replace(decided, action=action, reason=reason, detail=move.detail, trade_coin=0.0)
        return waits, []

    def _appetite_share(self, now_ns: Ns) -> float:
        """Of the configured risk, by what the account is worth now."""
        if self._params.appetite is None:
            return 1.0
        marked = self._view.futures.get(self._params.hedge_instrument)
        index_usd = None if marked is None else marked.index_usd
        return share_of(self._params.appetite, self._account.figures.equity_usd(index_usd, now_ns))

    def _collateral(self, now_ns: Ns) -> Collateral | str:
        """What the account adds to the delta; its price move is profit from here on."""
        account, marked = self._account, self._view.futures.get(self._params.hedge_instrument)
        index_usd = None if marked is None else marked.index_usd
        collateral = account.figures.collateral(self._view, account.held(), now_ns, index_usd)
        if index_usd is not None and not isinstance(collateral, str):
            account.profit.see_collateral(account.figures.moved_coin(collateral), index_usd)
        return collateral


def _capped(ruling: Ruling, most_native: Decimal | None) -> Ruling:
    """The ruling with amounts that close a position and no more."""
    wanted = ruling.wanted
    if most_native is None or abs(wanted.amount_native) <= most_native:
        return ruling
    most = most_native if wanted.amount_native > ZERO else -most_native
    taker = min(abs(wanted.taker_native), most_native).copy_sign(most) if wanted.taker_native else ZERO
    capped = structs.replace(wanted, amount_native=most, amount_max_native=most, taker_native=taker)
    return ruling._replace(wanted=capped)
