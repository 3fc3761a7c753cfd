"""The synchronous state machine in the middle: events in, commands out. Dispatch only.

No IO, no clock, no randomness, no logger. Events update state; only `Ticked` decides (architecture, rule 5).
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import structs

from bot.book import BookParams, account_params_of, audit_params_of, hedges_of
from bot.deciding import Deciding
from bot.domain import events as ev
from bot.domain import soundness
from bot.domain.decided import NOTHING, AlarmRaised, Decided, Outcome
from bot.domain.ids import InstrumentId, venue_of
from bot.domain.market_events import DepthSeen, FutureMarked, OptionMarked, Quoted
from bot.domain.reasons import HaltCause
from bot.domain.soundness import sound_depth, sound_future, sound_option, sound_quote
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_S, Ns
from bot.execution.account import Account
from bot.execution.audit import Audit
from bot.execution.stop_watch import StopWatch
from bot.execution.stops import Stops
from bot.hedging.hedger import Looked
from bot.market.view import MarketView
from bot.risk import watching
from bot.risk.gap import GapWatch
from bot.risk.legs import Legs, arrange
from bot.risk.origins import origins
from bot.risk.smile_study import Picture, picture_of
from bot.risk.sources import Sources

_UNSOUND: Final = "not_a_number"
_MUST_BE_SOUND: Final = (
    ev.InstrumentListed,
    ev.AccountSeen,
    ev.SnapshotTaken,
    ev.Filled,
    ev.OrderUpdated,
    ev.Settled,
    ev.IntentRestored,
    ev.LedgerRestored,
    ev.LossesRestored,
    ev.SurfaceFitted,
)
"""Of the account lane, what carries figures. Tickers are mended field by field; a ladder tells what it is itself."""
_WANTED_EVERY_NS: Final = Ns(5 * NS_PER_S)
"""Between looks for instruments to be watched besides those held."""


class Engine:
    """One book. Feed events in order; carry out the commands of each outcome."""

    def __init__(self, params: BookParams) -> None:
        """Start blind and unreconciled."""
        self._params = params
        self._view = MarketView(params.trust)
        self._account = Account(account_params_of(params), self._view)
        self._profit = self._account.profit
        self._audit = Audit(audit_params_of(params), self._view, self._account)
        self._gap = GapWatch(params.gap, self._view, params.window)
        self._stops = Stops(params.book, self._account)
        self._stop_watch = StopWatch(
            params.book,
            params.stops,
            hedges=hedges_of(params),
            view=self._view,
            account=self._account,
            stops=self._stops,
        )
        self._takes = {**self._account.handlers(), **self._stops.handlers()}
        self._takes[ev.LossesRestored] = self._stop_watch.restore
        self._deciding = Deciding(params, self._view, self._account, self._audit, self._gap, stops=self._stops)
        self._hedger = self._deciding.hedger
        self._seq = 0
        self._decided: Decided | None = None
        self._needs_more = params.sources.need_more
        self._wanted_due_ns = Ns(0)
        self._handlers: dict[type[Any], Callable[[Any], Outcome]] = {
            OptionMarked: self._on_option,
            FutureMarked: self._on_future,
            Quoted: self._on_quote,
            DepthSeen: self._on_depth,
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
        for kind in _MUST_BE_SOUND:
            self._handlers[kind] = self._if_sound(self._handlers[kind])

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

    @property
    def decided(self) -> Decided | None:
        """The last decision."""
        return self._decided

    def apply(self, event: ev.Event) -> Outcome:
        """Take one event; the outcome's commands are already counted as in flight."""
        self._seq += 1
        outcome = self._handlers[type(event)](event)
        if not outcome.notes:
            return outcome
        self._deciding.hear(event, outcome.notes)
        now_ns = event.now_ns if isinstance(event, ev.Ticked) else event.received_ns
        latched = self._stops.hear(outcome.notes, now_ns)
        return structs.replace(outcome, notes=(*outcome.notes, *latched)) if latched else outcome

    def _if_sound(self, take: Callable[[Any], Outcome]) -> Callable[[Any], Outcome]:
        def taken(event: Any) -> Outcome:
            defect = soundness.defect(event)
            return self._disbelieve(event, defect) if defect else take(event)

        return taken

    def _disbelieve(self, event: Any, defect: str) -> Outcome:
        """An event of the account with a figure that can be no number: none of it is believed, and somebody is told.

        Account figures and a surface age, an instrument stays unlisted; of orders and positions the venue is asked. A
        line of our own ledger that is none leaves nobody to ask: an order of unknown size may work.
        """
        text = f"{type(event).__name__}: {defect}; nothing of it is believed"
        alarm = AlarmRaised(name=_UNSOUND, detail=text, deadline_ns=None)
        after = NOTHING
        if isinstance(event, ev.SnapshotTaken):
            failed = ev.SnapshotFailed(received_ns=event.received_ns, cause=defect, venue=event.venue)
            after = self._takes[ev.SnapshotFailed](failed)
        elif isinstance(event, ev.Filled | ev.OrderUpdated | ev.Settled):
            venue, cause = venue_of(event.instrument), f"{type(event).__name__} told {defect}"
            after = self._account.recheck(venue, event.received_ns, cause)
        elif isinstance(event, ev.IntentRestored | ev.LedgerRestored | ev.LossesRestored):
            halt = ev.HaltRequested(received_ns=event.received_ns, cause=HaltCause.JOURNAL_FAILED, detail=text)
            after = self._takes[ev.HaltRequested](halt)
        return Outcome(commands=after.commands, notes=(alarm, *after.notes))

    # --- market ------------------------------------------------------------------------------------

    def _on_option(self, told: OptionMarked) -> Outcome:
        event = sound_option(told)
        self._view.see_option(event)
        if self._profit.holds(event.instrument):
            spec = self._view.instruments.get(event.instrument)
            if spec is not None:
                self._profit.see_option(spec, event)
        return NOTHING

    def _on_future(self, told: FutureMarked) -> Outcome:
        event = sound_future(told)
        if not self._view.see_future(event):
            return NOTHING
        self._audit.see_future(event)
        self._deciding.see_future(event)
        if self._profit.holds(event.instrument):
            self._profit.see_future(self._view.instruments[event.instrument], event)
        return NOTHING

    def _on_quote(self, event: Quoted) -> Outcome:
        self._view.see_quote(sound_quote(event))
        return NOTHING

    def _on_depth(self, event: DepthSeen) -> Outcome:
        self._view.see_depth(sound_depth(event))
        return NOTHING

    def _on_distrust(self, event: ev.QuoteDistrusted) -> Outcome:
        self._view.distrust(event)
        return NOTHING

    def _on_listed(self, event: ev.InstrumentListed) -> Outcome:
        told, known = event.instrument, self._view.instruments.get(event.instrument.id)
        if known is not None and (known.strike_usd, known.expiry_ns) != (told.strike_usd, told.expiry_ns):
            return self._disbelieve(event, f"{told.id} has another strike or expiry than before")
        self._view.list_instrument(told)
        return NOTHING

    def _on_stream_lost(self, event: ev.StreamLost) -> Outcome:
        if event.stream is ev.StreamName.MARKET:
            self._view.lose_stream(event.received_ns, event.venue)
        return self._account.lose_stream(event)

    def _on_surface(self, event: ev.SurfaceFitted) -> Outcome:
        defect = self._hedger.surface.see(event) if event.book == self._params.book else ""
        return self._disbelieve(event, defect) if defect else NOTHING

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
        taken_back, latched = self._stop_watch.tick(event.now_ns)
        commands += taken_back
        notes += latched
        decided, moves = self._deciding.at(event.now_ns, self._seq)
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
        if not self._needs_more or now_ns < self._wanted_due_ns:
            return []
        self._wanted_due_ns = Ns(now_ns + _WANTED_EVERY_NS)
        return watching.wanted(self._view, self._legs(), self._params.sources)

    def pictured(self, now_ns: Ns) -> Picture:
        """What a fit of the surface looks at: options of held expiries that can be trusted now."""
        return picture_of(self._params.book, self._view, self._legs(), now_ns, self._params.window)

    def _legs(self) -> Legs:
        return arrange(self._account.held(), self._view.instruments)

    def status(self) -> BookStatus:
        """A frozen picture of the book."""
        account, surface = self._account, self._hedger.surface
        return BookStatus(
            book=self._params.book,
            convention=self._params.convention.value,
            phase=account.standing.phase,
            phase_cause=account.standing.cause,
            is_reconciled=account.is_reconciled,
            stops=self._stops.latches,
            now_ns=Ns(0) if self._decided is None else self._decided.now_ns,
            decided=self._decided,
            positions_native=account.held(),
            orders_unknown=account.orders_unknown_count,
            orders_live=len(account.working.live()),
            profit_usd=account.profit.usd(),
            venues=account.venues(),
            equity=account.equity(),
            equity_agrees=self._audit.equity_agrees,
            ladder=self._gap.measured,
            sources=()
            if self._decided is None
            else origins(self._view, self._legs(), self._decided.now_ns, self._params.sources, surface),
            surface=surface.newest,
        )
