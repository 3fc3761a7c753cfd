"""The synchronous state machine in the middle: events in, commands out. Dispatch only.

No IO, no clock, no randomness, no logger. Events update state; only `Ticked` decides (architecture, rule 5).
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct, structs

from bot.domain import events as ev
from bot.domain.commands import Command
from bot.domain.decided import NOTHING, Decided, Outcome
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Reason
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import coin_from_amount
from bot.execution.account import Account, AccountParams
from bot.execution.audit import Audit, AuditParams
from bot.execution.tactic import Due
from bot.execution.tactic_table import TacticParams
from bot.execution.tactics import auto
from bot.execution.trader import Moment, Trader
from bot.execution.working import WorkingOrder
from bot.hedging.expiry import ExpiryParams
from bot.hedging.hedger import Desk, HedgeParams, Hedger, Looked, Ruling
from bot.hedging.modifiers import Modifiers, shaped
from bot.hedging.policies import BandParams, entry_of
from bot.hedging.situation import Frame, Hedge
from bot.market.quality import TrustLimits
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk import watching
from bot.risk.collateral import FiguresParams
from bot.risk.conventions import Collateral, Convention
from bot.risk.cross_check import CheckParams
from bot.risk.gap import GapParams, GapWatch
from bot.risk.legs import Legs, arrange
from bot.risk.limits import Limits
from bot.risk.origins import origins
from bot.risk.smile_study import Picture, picture_of
from bot.risk.sources import Sources

_WANTED_EVERY_NS: Final = Ns(5 * NS_PER_S)
"""Between looks for instruments to be watched besides those held."""

_CALM: Final = frozenset({Reason.INSIDE_BAND, Reason.NO_OPTIONS, Reason.BELOW_TRADE_MIN})
"""Nothing is due."""


class BookParams(Struct, frozen=True, kw_only=True):
    """Everything that decides how one book is hedged; part of what makes a run replayable."""

    book: str
    """Currency of the book: `BTC`."""
    convention: Convention
    """Which delta is hedged."""
    treasury_coin: float = 0.0
    """Convention `usd`: coins of the equity that are somebody else's to hedge."""
    counts_usdc: bool = False
    """Convention `coin`: the USDC equity counts as short coins."""
    hedge_instrument: InstrumentId
    label_prefix: str
    run_tag: str
    """Unique per run; with the prefix and a counter it makes labels unique."""
    band: BandParams
    modifiers: Modifiers
    trade_coin_min: float
    tactic: TacticParams
    trust: TrustLimits
    window: Window
    """The venue's, before delivery."""
    expiry: ExpiryParams = ExpiryParams()
    sources: Sources = Sources()
    """Of forward, volatility and the smile's part of the delta."""
    limits: Limits
    gap: GapParams | None = None
    """None: no ladder is measured."""
    reconcile_interval_ns: Ns
    adopts_positions: bool
    """Take the venue's positions at the start even where the ledger says otherwise."""


class Engine:
    """One book. Feed events in order; carry out the commands of each outcome."""

    def __init__(self, params: BookParams) -> None:
        """Start blind and unreconciled."""
        self._params = params
        self._view = MarketView(params.trust)
        self._account = Account(_account_params(params), self._view)
        hedging = HedgeParams(
            convention=params.convention,
            hedge_instrument=params.hedge_instrument,
            modifiers=params.modifiers,
            trade_coin_min=params.trade_coin_min,
            spread_bps_max=params.trust.spread_bps_max,
            window=params.window,
            expiry=params.expiry,
            limits=params.limits,
            sources=params.sources,
            maker_cost_fraction=params.tactic.adverse_bps * 1e-4 if isinstance(params.tactic, auto.Params) else None,
        )
        entry = entry_of(params.band)
        policy = shaped(entry.make(params.band), entry.laws, params.modifiers)
        self._hedger = Hedger(hedging, policy, needs_vanna=entry.needs_vanna)
        self._audit = Audit(_audit_params(params), self._view, self._account)
        self._gap = GapWatch(params.gap, self._view, params.window)
        self._takes = self._account.handlers()
        self._trader = Trader(params.tactic, label_prefix=params.label_prefix, run_tag=params.run_tag)
        self._seq = 0
        self._decided: Decided | None = None
        self._wanted_due_ns = Ns(0)
        self._handlers: dict[type[Any], Callable[[Any], Outcome]] = {
            ev.OptionMarked: self._on_option,
            ev.FutureMarked: self._on_future,
            ev.Quoted: self._on_quote,
            ev.QuoteDistrusted: self._on_distrust,
            ev.InstrumentListed: self._on_listed,
            **self._takes,
            ev.AccountSeen: self._on_account_seen,
            ev.SnapshotTaken: self._on_snapshot,
            ev.StreamLost: self._on_stream_lost,
            ev.SurfaceFitted: self._on_surface,
            ev.LadderMeasured: self._on_ladder,
            ev.Ticked: self._on_tick,
        }

    @property
    def sources(self) -> Sources:
        """Of forward, volatility and delta: says whether fits of the surface are wanted, and how often."""
        return self._params.sources

    @property
    def seq(self) -> int:
        """Number of events applied."""
        return self._seq

    # --- for whoever asks why; to be read only --------------------------------------------------------

    @property
    def view(self) -> MarketView:
        """The market as last seen."""
        return self._view

    @property
    def account(self) -> Account:
        """Positions, orders and standing."""
        return self._account

    @property
    def looked(self) -> Looked | None:
        """What the last decision was made on."""
        return self._hedger.looked

    def apply(self, event: ev.Event) -> Outcome:
        """Take one event; the outcome's commands are already counted as in flight."""
        self._seq += 1
        return self._handlers[type(event)](event)

    # --- market ------------------------------------------------------------------------------------

    def _on_option(self, event: ev.OptionMarked) -> Outcome:
        self._view.see_option(event)
        if (
            self._account.profit.holds(event.instrument)
            and (spec := self._view.instruments.get(event.instrument)) is not None
        ):
            self._account.profit.see_option(spec, event)
        return NOTHING

    def _on_future(self, event: ev.FutureMarked) -> Outcome:
        self._view.see_future(event)
        self._audit.see_future(event)
        if (
            self._account.profit.holds(event.instrument)
            and (spec := self._view.instruments.get(event.instrument)) is not None
        ):
            self._account.profit.see_future(spec, event)
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

    def _on_stream_lost(self, event: ev.StreamLost) -> Outcome:
        if event.stream is ev.StreamName.MARKET:
            self._view.lose_stream(event.received_ns)
        return self._account.lose_stream(event)

    def _on_surface(self, event: ev.SurfaceFitted) -> Outcome:
        if event.book == self._params.book:
            self._hedger.surface.see(event)
        return NOTHING

    def _on_account_seen(self, event: ev.AccountSeen) -> Outcome:
        self._audit.see_account(event)
        return self._takes[ev.AccountSeen](event)

    def _on_snapshot(self, event: ev.SnapshotTaken) -> Outcome:
        self._audit.see_snapshot(event)
        return self._takes[ev.SnapshotTaken](event)

    def _on_ladder(self, event: ev.LadderMeasured) -> Outcome:
        return Outcome(notes=tuple(self._gap.see(event)))

    # --- the one event that decides --------------------------------------------------------------------

    def _on_tick(self, event: ev.Ticked) -> Outcome:
        commands, notes = self._account.tick(event.now_ns)
        decided, moves = self._decide(event.now_ns)
        notes += self._hedger.notes(self._view, decided)
        asked, told = self._audit.tick(decided)
        commands += asked
        notes += told
        questions, alarms = self._gap.tick(
            self._params.hedge_instrument, self._account.held(), self._account.figures.equity_coin, event.now_ns
        )
        notes += alarms
        commands += self._account.watch(self._wanted(event.now_ns))
        self._decided = decided
        return Outcome(commands=(*commands, *moves, *questions), decided=decided, notes=tuple(notes))

    def _wanted(self, now_ns: Ns) -> list[InstrumentId]:
        """What the sources of forward and volatility need besides what is held; looked up now and then."""
        if now_ns < self._wanted_due_ns or not self._params.sources.need_more:
            return []
        self._wanted_due_ns = Ns(now_ns + _WANTED_EVERY_NS)
        return watching.wanted(self._view, self._legs(), self._params.sources)

    def pictured(self, now_ns: Ns) -> Picture:
        """What a fit of the surface looks at: options of held expiries that can be trusted now."""
        return picture_of(self._params.book, self._view, self._legs(), now_ns, self._params.window)

    def _legs(self) -> Legs:
        return arrange(self._account.held(), self._view.instruments)

    def _decide(self, now_ns: Ns) -> tuple[Decided, list[Command]]:
        params, account = self._params, self._account
        standing = account.standing
        at_rest = account.at_rest()
        last = account.last_hedge
        desk = Desk(
            blocked=standing.blocked() or self._audit.blocked(now_ns),
            outstanding=account.working.outstanding(),
            has_pending=account.working.has_live(params.hedge_instrument),
            is_backing_off=standing.is_backing_off(now_ns),
            orders_last_minute=standing.orders_last_minute(now_ns),
            last_hedge=None if last is None else (last.time_ns, last.price_usd),
            last_was_buy=None if last is None else last.is_buy,
            collateral=self._collateral(now_ns),
            delivered_coin=account.delivered_coin,
            resting_native=None if at_rest is None else at_rest.open_native,
            gap=self._gap.breached,
        )
        frame = Frame(
            seq=self._seq,
            now_ns=now_ns,
            book=params.book,
            convention=params.convention.value,
            hedge_instrument=params.hedge_instrument,
        )
        ruling = self._hedger.decide(self._view, account.held(), desk, frame)
        wanted = ruling.wanted
        if wanted.reason in _CALM:
            self._trader.calm()
        if wanted.action is Action.HEDGE and ruling.hedge is not None:
            return self._move(ruling, ruling.hedge, at_rest, desk)
        # Nothing is due, or not safely: what rests has lost its reason. An order in doubt gets its answer first.
        return ruling.decided, [] if wanted.reason is Reason.ORDER_PENDING else account.recall(now_ns)

    def _move(
        self, ruling: Ruling, hedge: Hedge, at_rest: WorkingOrder | None, desk: Desk
    ) -> tuple[Decided, list[Command]]:
        """The tactic's next step for a hedge that is due."""
        decided, wanted = ruling.decided, ruling.wanted
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
        )
        move = self._trader.move(due, at_rest, moment)
        if move.recalls:
            return structs.replace(decided, detail=f"taken back: {move.detail}"), self._account.recall(decided.now_ns)
        if move.order is not None:
            self._account.sent(move.order, decided.now_ns)
            trade_coin = coin_from_amount(hedge.spec, move.order.amount_native, hedge.price_usd)
            is_whole = move.order.amount_native == wanted.amount_native
            return (decided if is_whole else structs.replace(decided, trade_coin=trade_coin)), [move.order]
        if at_rest is not None:
            return decided, []
        action, reason = (
            (Action.REFUSE, Reason.PRICE_BAND) if move.is_outside_band else (Action.SKIP, Reason.TACTIC_WAITS)
        )
        waits = structs.replace(decided, action=action, reason=reason, detail=move.detail, trade_coin=0.0)
        return waits, []

    def _collateral(self, now_ns: Ns) -> Collateral | str:
        """What the account adds to the delta; its price move is profit from here on."""
        account, marked = self._account, self._view.futures.get(self._params.hedge_instrument)
        index_usd = None if marked is None else marked.index_usd
        collateral = account.figures.collateral(self._view, account.held(), now_ns, index_usd)
        if index_usd is not None and not isinstance(collateral, str):
            account.profit.see_collateral(account.figures.moved_coin(collateral), index_usd)
        return collateral

    def status(self) -> BookStatus:
        """A frozen picture of the book."""
        account, surface = self._account, self._hedger.surface
        return BookStatus(
            book=self._params.book,
            convention=self._params.convention.value,
            phase=account.standing.phase,
            phase_cause=account.standing.cause,
            is_reconciled=account.is_reconciled,
            now_ns=Ns(0) if self._decided is None else self._decided.now_ns,
            decided=self._decided,
            positions_native=account.held(),
            orders_unknown=account.orders_unknown_count,
            orders_live=len(account.working.live()),
            profit_usd=account.profit.usd(),
            equity=account.equity(),
            ladder=self._gap.measured,
            sources=()
            if self._decided is None
            else origins(self._view, self._legs(), self._decided.now_ns, self._params.sources, surface),
            surface=surface.newest,
        )


def _account_params(params: BookParams) -> AccountParams:
    figures = FiguresParams(
        convention=params.convention,
        coin=params.book,
        treasury_coin=params.treasury_coin,
        counts_usdc=params.counts_usdc,
        age_ns_max=params.trust.account_age_ns_max,
    )
    return AccountParams(
        book=params.book,
        hedge_instrument=params.hedge_instrument,
        label_prefix=params.label_prefix,
        limits=params.limits,
        reconcile_interval_ns=params.reconcile_interval_ns,
        adopts_positions=params.adopts_positions,
        figures=figures,
    )


def _audit_params(params: BookParams) -> AuditParams:
    check = CheckParams(
        coin=params.book,
        alarm_after_ns=params.trust.differs_alarm_ns,
        refuse_after_ns=params.trust.differs_refuse_ns,
        refuses_on_equity=params.convention is Convention.USD,
    )
    return AuditParams(book=params.book, hedge_instrument=params.hedge_instrument, window=params.window, check=check)
