"""What must be true after every event of a run with faults, and where the run must end.

Sees what the engine was told and what it did, and what the venue really has. The first violation is kept with its
step and what led to it; each check is of its own making, none asks the engine whether it is right.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

from bot.book import BookParams
from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, FillBooked, Outcome, PhaseChanged
from bot.domain.events import (
    Event,
    Filled,
    LedgerRestored,
    QuoteDistrusted,
    SnapshotTaken,
    StreamLost,
    StreamName,
    StreamRestored,
    Ticked,
)
from bot.domain.ids import InstrumentId, Label, base_of, is_ours
from bot.domain.market_events import FutureMarked, Quoted
from bot.domain.reasons import Action, HaltCause, Phase
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO, coin_from_amount
from bot.drive.sim_venue import ACCOUNT
from bot.journal.rows import FillRow
from bot.observe.tally import RunResult
from bot.sim.exchange import Exchange
from bot.sim.facts import Position, Trade
from bot.sim.faults import FaultKind, Faults

_BEFORE: Final = 8
"""Events told before a violation."""
_VIOLATIONS_MAX: Final = 20
_TRANSPORT_NS: Final = Ns(4 * NS_PER_S)
"""The oldest a message may be when it comes and still be fresh to a bot that cannot know: the longest delay there is,
and the step of a clock."""
BACK_WITHIN_NS: Final = Ns(60 * NS_PER_S)
"""Without faults a hedge is through by then, whatever back-off came before it."""
_MONEY_STEP: Final = Decimal("1e-8")
"""What a venue rounds money to (exchange facts 2.2)."""
_DRIFT_COIN: Final = 0.15
"""What a hedge may leave worse than it was: what the delta moves while data are as old as they may be."""

_K = FaultKind
_REFUSALS: Final = (_K.REFUSED, _K.CODE_AFTER_ALL, _K.REQUEST_LOST, _K.REQUEST_LATE, _K.MARGIN_EXHAUSTED)
EXPLAINED: Final[dict[HaltCause, tuple[FaultKind, ...]]] = {
    HaltCause.ORDER_REFUSED: (_K.REFUSED,),
    HaltCause.REFUSALS_IN_A_ROW: _REFUSALS,
    HaltCause.JOURNAL_FAILED: (_K.LEDGER_FULL, _K.LEDGER_SLOW, _K.TAPE_UNWRITABLE),
}
"""Halts that must happen, and after which faults. Any other is a violation."""


class Watched(Protocol):
    """A book that runs."""

    def status(self) -> BookStatus:
        """A picture of it as it is now."""


class Venue(Protocol):
    """What the venue has of the account."""

    @property
    def in_transit(self) -> Mapping[Label, PlaceOrder]:
        """Orders that left and have not arrived; those that never will are not among them."""

    def amounts(self) -> Mapping[InstrumentId, Decimal]:
        """Non-zero positions, native."""

    def positions(self) -> Sequence[Position]:
        """Positions with what the venue says of them."""


class Checks:
    """Watches one run."""

    def __init__(self, params: BookParams, exchange: Exchange, venue: Venue, faults: Faults) -> None:
        """Nothing seen yet."""
        self._params = params
        self._exchange = exchange
        self._venue = venue
        self._faults = faults
        self._watched: Watched | None = None
        self._step = 0
        self._before: deque[tuple[Ns, Event]] = deque(maxlen=_BEFORE)
        self._labels: set[Label] = set()
        self._told: set[str] = set()
        """Fills this process was told of."""
        self._booked: set[str] = set()
        """Fills this process counted."""
        self._held: dict[InstrumentId, Decimal] = {}
        self._up: dict[StreamName, bool] = {}
        self._quote_ns: Ns | None = None
        """Venue time of the newest touch of the hedge instrument that may be traded on."""
        self._is_gapped = False
        """Its book has a gap: only a book begun anew tells a touch."""
        self._has_looked = False
        """The account was looked at since its socket came up."""
        self._outside_since_ns: Ns | None = None
        """Since when the net delta has not been in the band."""
        self.violations: list[str] = []
        self.halts: dict[str, int] = {}

    def started(self, watched: Watched, now_ns: Ns) -> None:
        """A process began; it knows nothing but what it is told from here on."""
        del now_ns
        self._watched = watched
        self._told.clear()
        self._booked.clear()
        self._held.clear()
        self._up = dict.fromkeys(StreamName, False)
        self._quote_ns = None
        self._is_gapped = self._has_looked = False

    def saw(self, event: Event, outcome: Outcome, now_ns: Ns) -> None:
        """One event and what came of it, before its commands leave."""
        self._step += 1
        if not isinstance(event, Ticked):
            self._before.append((now_ns, event))
        self._hear(event)
        if outcome.decided is not None:
            self._place(outcome.decided, now_ns)
        for note in outcome.notes:
            if isinstance(note, FillBooked):
                self._count(note)
            elif isinstance(note, PhaseChanged) and note.phase_after is Phase.HALTED:
                self._halted(note)
        if placed := [command for command in outcome.commands if isinstance(command, PlaceOrder)]:
            self._check_orders(placed, event, outcome, now_ns)

    def _place(self, decided: Decided, now_ns: Ns) -> None:
        """Whether the net delta is in the band, as closely as the least trade can bring it."""
        net, low, high = decided.delta_coin_net, decided.band_low_coin, decided.band_high_coin
        least = self._params.trade_coin_min
        if net is not None and low is not None and high is not None and low - least <= net <= high + least:
            self._outside_since_ns = None
        elif self._outside_since_ns is None:
            self._outside_since_ns = now_ns

    def _hear(self, event: Event) -> None:
        hedge = self._params.hedge_instrument
        match event:
            case Filled():
                self._told.add(event.fill_id)
            case SnapshotTaken():
                self._told.update(fill.fill_id for fill in event.fills)
                self._has_looked = True
            case LedgerRestored():
                self._told.update(event.fill_ids)
            case StreamRestored():
                self._up[event.stream] = True
            case StreamLost():
                self._up[event.stream] = False
                self._has_looked &= event.stream is not StreamName.ACCOUNT
                if event.stream is StreamName.MARKET:
                    self._quote_ns = None
            case QuoteDistrusted() if event.instrument == hedge:
                self._quote_ns = None
                self._is_gapped = True
            case FutureMarked() | Quoted() if event.instrument == hedge:
                self._is_gapped &= isinstance(event, FutureMarked)
                self._quote_ns = max(event.venue_ns, self._quote_ns or event.venue_ns)
            case _:
                pass

    def _count(self, note: FillBooked) -> None:
        """A position is where it was plus the fill; a fill id counts once."""
        if note.fill_id in self._booked:
            self._object(f"fill {note.fill_id} was booked twice")
        self._booked.add(note.fill_id)
        held = self._held.get(note.instrument, note.position_native - note.amount_native)
        if note.position_native != held + note.amount_native:
            self._object(f"{note.instrument}: {held} and a fill of {note.amount_native} made {note.position_native}")
        self._held[note.instrument] = note.position_native

    def _halted(self, note: PhaseChanged) -> None:
        cause = str(note.cause)
        self.halts[cause] = self.halts.get(cause, 0) + 1
        explains = EXPLAINED.get(HaltCause(cause), ())
        if not any(self._faults.counts[kind] for kind in explains):
            self._object(f"halted without a fault that explains it: {note.cause} {note.detail}")

    # --- an order --------------------------------------------------------------------------------------

    def _check_orders(self, placed: Sequence[PlaceOrder], event: Event, outcome: Outcome, now_ns: Ns) -> None:
        assert self._watched is not None, "an order before the start"
        decided, status = outcome.decided, self._watched.status()
        if not isinstance(event, Ticked) or decided is None or decided.action is not Action.HEDGE:
            self._object("an order without a decision to hedge")
            return
        if len(placed) > 1 or status.orders_live > 1:
            self._object(f"{len(placed)} orders placed, {status.orders_live} live")
        if status.phase is not Phase.RUNNING:
            self._object(f"an order while {status.phase}")
        down = [stream.value for stream, is_up in self._up.items() if not is_up]
        if down:
            self._object(f"an order while {' and '.join(down)} is down")
        if not self._has_looked:
            self._object("an order before a look at the account")
        if self._is_gapped:
            self._object("an order on a book with a gap")
        if self._quote_ns is None or now_ns - self._quote_ns > self._params.trust.hedge_age_ns_max + _TRANSPORT_NS:
            self._object(f"an order on a quote of {self._quote_ns}")
        worst = self._params.limits.delta_coin_worst_max
        if max(abs(decided.delta_coin_low or 0.0), abs(decided.delta_coin_high or 0.0)) > worst:
            self._object("an order with the worst-case delta beyond its limit")
        for order in placed:
            self._check_order(order, now_ns)
            self._labels.add(order.label)

    def _check_order(self, order: PlaceOrder, now_ns: Ns) -> None:
        """Against what the venue really has."""
        if order.label in self._labels:
            self._object(f"label {order.label} was used twice")
        prefix = self._params.label_prefix
        may_start = [left.label for left in self._venue.in_transit.values() if left.valid_until_ns >= now_ns]
        rests = [seen.label for seen in self._exchange.orders_open(ACCOUNT) if is_ours(seen.label, prefix)]
        if may_start or rests:
            self._object(f"{order.label} left while {may_start or rests} may still trade")
        trades = self._exchange.trades_of(ACCOUNT)
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
        held, really = self._watched.status().positions_native, self._venue.amounts()
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
            for position in self._venue.positions()
            if base_of(InstrumentId(position.instrument)) == self._params.book
        )

    # --- the end ---------------------------------------------------------------------------------------

    def ended(self, result: RunResult, fills: Sequence[FillRow], orders_live: int) -> list[str]:
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
        self._check_ledger(fills)
        return self.violations

    def _check_money(self, result: RunResult) -> None:
        """Profits are the venue's, but for the rounding of each fill: both sides round, and in their own order."""
        step = _MONEY_STEP * (1 + len(self._exchange.trades_of(ACCOUNT)))
        for ours, theirs in (
            (result.equity_coin_bot, result.equity_coin_venue),
            (result.equity_usdc_bot, result.equity_usdc_venue),
        ):
            if ours is not None and theirs is not None and abs(ours - theirs) > step:
                self._object(f"the equity is {ours} by our books, {theirs} by the venue's")

    def _check_ledger(self, fills: Sequence[FillRow]) -> None:
        """Every trade of the account is in the ledger, once, as it was."""
        written: dict[str, Decimal] = {fill.fill_id: fill.amount_native for fill in fills}
        if len(written) != len(fills):
            self._object("the ledger has a fill twice")
        for trade in self._exchange.trades_of(ACCOUNT):
            if base_of(InstrumentId(trade.instrument)) != self._params.book:
                continue
            signed = _signed(trade)
            if written.get(trade.trade_id) != signed:
                self._object(f"the ledger has {written.get(trade.trade_id)} of fill {trade.trade_id}, {signed} traded")

    def _object(self, what: str) -> None:
        if len(self.violations) < _VIOLATIONS_MAX:
            before = "" if self.violations else f"; before: {[event for _, event in self._before]}"
            self.violations.append(f"step {self._step}: {what}{before}")


def _signed(trade: Trade) -> Decimal:
    return trade.amount_native if trade.side.value == "buy" else -trade.amount_native
