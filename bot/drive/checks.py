"""What must be true after every event of a run with faults, and where the run must end.

Sees what the engine was told and what it did, and what the venue really has. The first violation is kept with its
step and what led to it; each check is of its own making, none asks the engine whether it is right.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

from bot.book import BookParams, hedges_of
from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, FillBooked, Outcome, PhaseChanged
from bot.domain.events import (
    Event,
    Filled,
    LedgerRestored,
    OrderRefused,
    SnapshotTaken,
    StreamLost,
    StreamName,
    StreamRestored,
    Ticked,
)
from bot.domain.ids import InstrumentId, Label, VenueId, base_of, is_ours, venue_of
from bot.domain.reasons import Action, Phase
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.domain.units import ZERO, coin_from_amount
from bot.drive.alarms_told import AlarmsTold
from bot.drive.market_told import MarketTold
from bot.journal.rows import FillRow
from bot.observe.tally import RunResult
from bot.sim.exchange import Exchange
from bot.sim.facts import Position, Trade
from bot.sim.faults import Faults
from bot.sim.stop_invariants import StopInvariants

_BEFORE: Final = 8
"""Events told before a violation."""
_VIOLATIONS_MAX: Final = 20
_AGAIN_NS: Final = Ns(200 * NS_PER_MS)
"""No order follows a refusal sooner; the shortest wait is 250 ms, and a clock may be set between the two."""
_MINUTE_NS: Final = Ns(60 * NS_PER_S)
_POINT_COIN: Final = 1e-6
"""An interval of possible deltas wider than this is doubt."""
BACK_WITHIN_NS: Final = Ns(60 * NS_PER_S)
"""Without faults a hedge is through by then, whatever back-off came before it."""
_MONEY_STEP: Final = Decimal("1e-8")
"""What a venue rounds money to (exchange facts 2.2)."""
_REACH_COIN: Final = 0.05
"""How far a delta may lie outside what the bot holds possible: what it moves in the age of the newest data."""
_DRIFT_COIN: Final = 0.15
"""What a hedge may leave worse than it was: what the delta moves while data are as old as they may be."""


class Watched(Protocol):
    """A book that runs."""

    def status(self) -> BookStatus:
        """A picture of it as it is now."""


class Venues(Protocol):
    """The venues of a run as they really are."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The bot's, at each."""

    @property
    def in_transit(self) -> Mapping[Label, PlaceOrder]:
        """Orders that left and have not arrived."""

    def positions(self) -> Sequence[Position]:
        """Of all accounts."""

    def amounts(self) -> Mapping[InstrumentId, Decimal]:
        """Those that are not zero."""


class Checks:
    """Watches one run."""

    def __init__(
        self,
        params: BookParams,
        exchange: Exchange,
        venues: Venues,
        faults: Faults,
        *,
        told_within_ns: int = 0,
    ) -> None:
        """Nothing seen yet. `told_within_ns`: what the market's messages take; 0: all of a moment come at once."""
        self._told_within_ns = told_within_ns
        self._beyond_since_ns: Ns | None = None
        """Since when the true delta is none the bot holds possible."""
        self._params = params
        self._exchange = exchange
        self._venues = venues
        self._watched: Watched | None = None
        self._step = 0
        self._before: deque[tuple[Ns, Event]] = deque(maxlen=_BEFORE)
        self._labels: dict[Label, InstrumentId] = {}
        self._told: set[str] = set()
        """Fills this process was told of."""
        self._booked: set[str] = set()
        """Fills this process counted."""
        self._held: dict[InstrumentId, Decimal] = {}
        self._hedge_venues = frozenset(map(venue_of, hedges_of(params)))
        self._up: dict[tuple[VenueId, StreamName], bool] = {}
        self._looked: set[VenueId] = set()
        """Whose account was looked at since its socket came up."""
        self._market = MarketTold(params, faults)
        self._alarms = AlarmsTold(faults)
        self._stops = StopInvariants()
        self._has_halted = False
        self._refused_ns: dict[InstrumentId | None, Ns] = {}
        """When this process was last told that an order was refused in an instrument."""
        self._sent_ns: deque[Ns] = deque()
        """Orders of this process in the last minute."""
        self._outside_since_ns: Ns | None = None
        """Since when the net delta has not been in the band."""
        self.violations: list[str] = []

    @property
    def halts(self) -> dict[str, int]:
        """How often each cause halted."""
        return self._alarms.halts

    def started(self, watched: Watched, now_ns: Ns) -> None:
        """A process began; it knows nothing but what it is told from here on."""
        del now_ns
        self._watched = watched
        self._told.clear()
        self._booked.clear()
        self._held.clear()
        self._up = dict.fromkeys(((venue, stream) for venue in self._hedge_venues for stream in StreamName), False)
        self._looked.clear()
        self._market.started()
        self._alarms.started()
        self._has_halted = False
        self._refused_ns.clear()
        self._beyond_since_ns = None
        self._sent_ns.clear()

    def saw(self, event: Event, outcome: Outcome, now_ns: Ns) -> None:
        """One event and what came of it, before its commands leave."""
        self._step += 1
        for what in self._stops.saw(outcome):
            self._object(what)
        if not isinstance(event, Ticked):
            self._before.append((now_ns, event))
            self._all(self._market.hear(event))
            self._hear(event, now_ns)
        if outcome.decided is not None:
            self._place(outcome.decided, now_ns)
            self._check_reach(outcome.decided, now_ns)
        if outcome.notes or outcome.decided is not None or isinstance(event, OrderRefused):
            self._all(self._alarms.saw(event, outcome, now_ns))
        if placed := [command for command in outcome.commands if isinstance(command, PlaceOrder)]:
            self._check_orders(placed, event, outcome, now_ns)
        for note in outcome.notes:
            if isinstance(note, FillBooked):
                self._count(note)
            elif isinstance(note, PhaseChanged) and note.phase_after is Phase.HALTED:
                self._has_halted = True

    def _place(self, decided: Decided, now_ns: Ns) -> None:
        """Whether the net delta is in the band, as closely as the least trade can bring it."""
        net, low, high = decided.delta_coin_net, decided.band_low_coin, decided.band_high_coin
        least = self._params.trade_coin_min
        if net is not None and low is not None and high is not None and low - least <= net <= high + least:
            self._outside_since_ns = None
        elif self._outside_since_ns is None:
            self._outside_since_ns = now_ns

    def _check_reach(self, decided: Decided, now_ns: Ns) -> None:
        """The true delta is one the bot holds possible, unless it is not reconciled or somebody traded unheard."""
        low, high = decided.delta_coin_low, decided.delta_coin_high
        if low is None or high is None:
            return
        really = sum(self._exchange.delta_coin(account, self._params.book) for account in self._venues.accounts)
        if max(low - really, really - high) <= _REACH_COIN or self._is_in_the_dark():
            self._beyond_since_ns = None
            return
        assert self._watched is not None, "a decision before the start"
        if self._beyond_since_ns is None:
            self._beyond_since_ns = now_ns
        is_told = now_ns - self._beyond_since_ns >= self._told_within_ns
        if is_told and self._watched.status().is_reconciled:
            self._object(f"the delta is {really:.4f}, the bot holds {low:.4f} to {high:.4f} possible")

    def _is_in_the_dark(self) -> bool:
        """Whether a trade that is not the bot's has not been told yet."""
        prefix = self._params.label_prefix
        return any(trade.trade_id not in self._told and not is_ours(trade.label, prefix) for trade in self._trades())

    def _hear(self, event: Event, now_ns: Ns) -> None:
        match event:
            case Filled():
                self._told.add(event.fill_id)
            case SnapshotTaken():
                self._told.update(fill.fill_id for fill in event.fills)
                self._looked.add(event.venue)
            case LedgerRestored():
                self._told.update(event.fill_ids)
            case OrderRefused():
                self._refused_ns[self._labels.get(event.label)] = now_ns
            case StreamRestored():
                self._up[(event.venue, event.stream)] = True
            case StreamLost():
                self._up[(event.venue, event.stream)] = False
                if event.stream is StreamName.ACCOUNT:
                    self._looked.discard(event.venue)

    def _count(self, note: FillBooked) -> None:
        """A position is where it was plus the fill; a fill id counts once."""
        if note.fill_id in self._booked:
            self._object(f"fill {note.fill_id} was booked twice")
        self._booked.add(note.fill_id)
        held = self._held.get(note.instrument, note.position_native - note.amount_native)
        if note.position_native != held + note.amount_native:
            self._object(f"{note.instrument}: {held} and a fill of {note.amount_native} made {note.position_native}")
        self._held[note.instrument] = note.position_native

    # --- an order --------------------------------------------------------------------------------------

    def _check_orders(self, placed: Sequence[PlaceOrder], event: Event, outcome: Outcome, now_ns: Ns) -> None:
        assert self._watched is not None, "an order before the start"
        decided, status = outcome.decided, self._watched.status()
        if not isinstance(event, Ticked) or decided is None or decided.action is not Action.HEDGE:
            self._object("an order without a decision to hedge")
            return
        instruments = {order.instrument for order in placed}
        if len(instruments) < len(placed) or status.orders_live > len(hedges_of(self._params)):
            self._object(f"{len(placed)} orders placed, {status.orders_live} live")
        if status.phase is not Phase.RUNNING:
            self._object(f"an order while {status.phase}")
        if self._has_halted:
            self._object("an order after a halt")
        down = [
            f"{venue} {stream}"
            for (venue, stream), is_up in self._up.items()
            if not is_up and venue in self._hedge_venues
        ]
        if down:
            self._object(f"an order while {' and '.join(down)} is down")
        if not self._hedge_venues <= self._looked:
            self._object("an order before a look at the account")
        self._check_doubt(decided)
        self._check_pace(len(placed), now_ns)
        self._check_limit(decided)
        for order in placed:
            self._all(self._market.objections(order, self._exchange.instrument(order.instrument), now_ns))
            self._check_order(order, now_ns)
            since_ns = now_ns - self._refused_ns.get(order.instrument, Ns(now_ns - _AGAIN_NS))
            if since_ns < _AGAIN_NS:
                self._object(f"an order {since_ns / NS_PER_MS:.0f} ms after a refusal")
            self._labels[order.label] = order.instrument

    def _check_limit(self, decided: Decided) -> None:
        """The worst case, filled or not, is within its limit, or no worse than without the order."""
        low, high, trade = decided.delta_coin_low or 0.0, decided.delta_coin_high or 0.0, decided.trade_coin
        before = max(abs(low), abs(high))
        after = max(abs(low + min(trade, 0.0)), abs(high + max(trade, 0.0)))
        if after > max(self._params.limits.delta_coin_worst_max, before):
            self._object(f"an order takes the worst-case delta from {before:.4f} to {after:.4f}, beyond its limit")

    def _check_doubt(self, decided: Decided) -> None:
        """Where only an interval is known, all of it lies beyond the band."""
        low, high = decided.delta_coin_low, decided.delta_coin_high
        if low is None or high is None or decided.band_low_coin is None or decided.band_high_coin is None:
            self._object("an order without a delta and a band")
        elif high - low > _POINT_COIN and low <= decided.band_high_coin and high >= decided.band_low_coin:
            self._object(f"an order in doubt: the delta is between {low:.4f} and {high:.4f}")

    def _check_pace(self, count: int, now_ns: Ns) -> None:
        """Orders of a minute within their limit."""
        self._sent_ns.extend([now_ns] * count)
        while now_ns - self._sent_ns[0] >= _MINUTE_NS:
            self._sent_ns.popleft()
        if len(self._sent_ns) > self._params.limits.orders_per_minute_max:
            self._object(f"{len(self._sent_ns)} orders in a minute")

    def _check_order(self, order: PlaceOrder, now_ns: Ns) -> None:
        """Against what the venue really has."""
        if order.label in self._labels:
            self._object(f"label {order.label} was used twice")
        prefix = self._params.label_prefix
        may_start = [left.label for left in self._venues.in_transit.values() if left.valid_until_ns >= now_ns]
        rests = [
            seen.label
            for account in self._venues.accounts
            for seen in self._exchange.orders_open(account)
            if is_ours(seen.label, prefix)
        ]
        if may_start or rests:
            self._object(f"{order.label} left while {may_start or rests} may still trade")
        trades = self._trades()
        unheard = [trade for trade in trades if trade.trade_id not in self._told]
        ours = [trade for trade in unheard if is_ours(trade.label, prefix)]
        if ours:
            self._object(f"{order.label} left before fill {ours[0].trade_id} of {ours[0].label} was known")
        elif not unheard:
            self._check_position(order)
            self._check_delta(order)

    def _check_position(self, order: PlaceOrder) -> None:
        """Nothing happened unheard: the engine's position is the venue's."""
        assert self._watched is not None, "an order before the start"
        held, really = self._watched.status().positions_native, self._venues.amounts()
        for name in sorted({*held, *really}):
            if base_of(name) == self._params.book and held.get(name, ZERO) != really.get(name, ZERO):
                self._object(f"{order.label} left on {held.get(name)} {name}, the venue has {really.get(name)}")

    def _check_delta(self, order: PlaceOrder) -> None:
        """The order, filled whole, leaves the true delta no worse than it is, but for what has moved unseen."""
        instrument = self._exchange.instrument(order.instrument)
        before = self._delta_coin()
        after = before + coin_from_amount(
            instrument, order.amount_native, self._exchange.index_usd(instrument.index_name)
        )
        if abs(after) > abs(before) + _DRIFT_COIN:
            self._object(f"{order.label} makes {before:.4f} coins of delta {after:.4f}")

    def _delta_coin(self) -> float:
        """Of options and futures, by the venue's own arithmetic."""
        return sum(
            position.delta_coin or 0.0
            for position in self._venues.positions()
            if base_of(InstrumentId(position.instrument)) == self._params.book
        )

    # --- the end ---------------------------------------------------------------------------------------

    def ended(
        self, result: RunResult, fills: Sequence[FillRow], intents: Collection[Label], orders_live: int
    ) -> list[str]:
        """All violations, those of the end included: the faults are over, so everything must have come right.

        A delta outside the band is right for as long as a hedge may take, and while an order about it works.
        """
        if (result.phase, result.reconciled) != ("running", True):
            self._object(f"liveness: ends {result.phase}, reconciled {result.reconciled}")
        if result.unknown_open:
            self._object(f"liveness: {result.unknown_open} orders unknown at the end")
        since_ns, now_ns = self._outside_since_ns, self._exchange.now_ns
        if since_ns is not None and now_ns - since_ns > BACK_WITHIN_NS and not orders_live:
            outside_s = (now_ns - since_ns) / NS_PER_S
            self._object(f"liveness: outside the band for {outside_s:.0f} s, with {result.net_delta_coin_final} coins")
        if not result.positions_match:
            self._object("liveness: the positions are not the venue's")
        self._check_money(result)
        self._check_ledger(fills, intents)
        return self.violations

    def _check_money(self, result: RunResult) -> None:
        """Profits are the venue's, but for the rounding of each fill: both sides round, and in their own order."""
        step = _MONEY_STEP * (1 + len(self._trades()))
        for ours, theirs in (
            (result.equity_coin_bot, result.equity_coin_venue),
            (result.equity_usdc_bot, result.equity_usdc_venue),
        ):
            if ours is not None and theirs is not None and abs(ours - theirs) > step:
                self._object(f"the equity is {ours} by our books, {theirs} by the venue's")

    def _check_ledger(self, fills: Sequence[FillRow], intents: Collection[Label]) -> None:
        """Every trade of the account is in the ledger, once, as it was; every order that left had its intent there."""
        for account in self._venues.accounts:
            for order in self._exchange.orders_all(account):
                if is_ours(order.label, self._params.label_prefix) and order.label not in intents:
                    self._object(f"order {order.label} left without an intent in the ledger")
        written: dict[str, Decimal] = {fill.fill_id: fill.amount_native for fill in fills}
        if len(written) != len(fills):
            self._object("the ledger has a fill twice")
        for trade in self._trades():
            if base_of(InstrumentId(trade.instrument)) != self._params.book:
                continue
            signed = _signed(trade)
            if written.get(trade.trade_id) != signed:
                self._object(f"the ledger has {written.get(trade.trade_id)} of fill {trade.trade_id}, {signed} traded")

    def _trades(self) -> list[Trade]:
        """Of all accounts."""
        return [trade for account in self._venues.accounts for trade in self._exchange.trades_of(account)]

    def _all(self, found: Iterable[str]) -> None:
        for what in found:
            self._object(what)

    def _object(self, what: str) -> None:
        if len(self.violations) < _VIOLATIONS_MAX:
            before = "" if self.violations else f"; before: {[event for _, event in self._before]}"
            self.violations.append(f"step {self._step}: {what}{before}")


def _signed(trade: Trade) -> Decimal:
    return trade.amount_native if trade.side.value == "buy" else -trade.amount_native
