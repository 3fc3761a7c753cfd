"""Everything else that can reach the engine, in the past tense: the account lane and `Ticked`; and the union of all.

Units: `_native` = the instrument's own unit (see `Instrument`); absent is None, never 0.
Market events may be conflated (the newest per type and instrument counts); account events never are.
"""

import enum
from decimal import Decimal

from bot.domain.ids import DERIBIT, FillId, InstrumentId, Label, OrderId, VenueId
from bot.domain.instruments import Instrument
from bot.domain.ladder import LadderStep, RungSeen
from bot.domain.market_events import EventRoot, MarketEvent
from bot.domain.reasons import DistrustCause, HaltCause, RefusalKind
from bot.domain.seen import OrderSeen, PositionSeen, VenueOrderState
from bot.domain.stops import Act, Latch, LossCount
from bot.domain.surface import SmileSlice, SmileVerdict
from bot.domain.time import Ns


class StreamName(enum.StrEnum):
    """The two sockets of a venue."""

    MARKET = "market"
    ACCOUNT = "account"


class QuoteDistrusted(EventRoot, frozen=True, kw_only=True):
    """The instrument's touch is no longer known (book gap, dropped subscription) until the next `Quoted`."""

    instrument: InstrumentId
    received_ns: Ns
    cause: DistrustCause


class InstrumentListed(EventRoot, frozen=True, kw_only=True):
    """The specification of an instrument, before anything else about it."""

    instrument: Instrument
    received_ns: Ns


# --- account lane ----------------------------------------------------------------------------------


class StreamLost(EventRoot, frozen=True, kw_only=True, omit_defaults=True):
    """A socket is down: nothing on it is fresh, things may have happened unseen."""

    stream: StreamName
    received_ns: Ns
    cause: str
    venue: VenueId = DERIBIT
    """Here and below: of an event about a venue as a whole; tapes older than a second venue do not tell it."""


class StreamRestored(EventRoot, frozen=True, kw_only=True, omit_defaults=True):
    """A socket is up, authenticated where needed, and all subscriptions are acknowledged."""

    stream: StreamName
    received_ns: Ns
    venue: VenueId = DERIBIT


class MessageMalformed(EventRoot, frozen=True, kw_only=True, omit_defaults=True):
    """A message was refused by the decoder; counted and logged, never acted on."""

    stream: StreamName
    received_ns: Ns
    cause: str
    sample: str
    """First characters of the message, without secrets."""
    venue: VenueId = DERIBIT


class OrderAcked(EventRoot, frozen=True, kw_only=True):
    """The venue has the order and has given it an id."""

    label: Label
    order_id: OrderId
    received_ns: Ns


class OrderRefused(EventRoot, frozen=True, kw_only=True):
    """A definite no: this order does not exist at the venue and never will."""

    label: Label
    received_ns: Ns
    code: int
    name: str
    kind: RefusalKind


class OrderUnknown(EventRoot, frozen=True, kw_only=True):
    """The order may exist: time-out, broken connection, or an error code that leaves it open."""

    label: Label
    received_ns: Ns
    cause: str


class OrderUpdated(EventRoot, frozen=True, kw_only=True):
    """State of an order as the venue tells it now; may arrive late, twice or out of order."""

    label: Label
    order_id: OrderId
    instrument: InstrumentId
    state: VenueOrderState
    filled_native: Decimal
    """Cumulative, unsigned."""
    received_ns: Ns
    venue_ns: Ns


class OrderAbsent(EventRoot, frozen=True, kw_only=True):
    """Looked up by label after its `valid_until`: the venue has no such order and cannot start it any more."""

    label: Label
    received_ns: Ns


class LookUpFailed(EventRoot, frozen=True, kw_only=True):
    """The look-up by label gave no answer; the order stays unknown."""

    label: Label
    received_ns: Ns
    cause: str


class Filled(EventRoot, frozen=True, kw_only=True):
    """One fill of this account, ours or anybody's; the same `fill_id` may arrive any number of times."""

    fill_id: FillId
    order_id: OrderId
    label: Label | None
    instrument: InstrumentId
    amount_native: Decimal
    """Signed: + bought."""
    price_native: Decimal
    fee_native: Decimal
    """Positive is a cost, in `fee_currency`."""
    fee_currency: str
    is_maker: bool
    received_ns: Ns
    venue_ns: Ns


class AccountSeen(EventRoot, frozen=True, kw_only=True, omit_defaults=True):
    """Account figures of one currency, all from the same message."""

    currency: str
    equity_native: float
    balance_native: float
    margin_initial_native: float
    margin_maintenance_native: float
    available_native: float
    delta_coin_total: float
    """Futures plus options less the options' premium (net transaction delta); the equity is not in it."""
    delta_coin_options: float
    """Black-76, decayed in the settlement window."""
    received_ns: Ns
    delta_coin_by_index: dict[str, float] | None = None
    """Futures plus options by index, no premium taken off. None here and below: not told."""
    options_value_native: float | None = None
    gamma_coin_per_usd_options: float | None = None
    vega_usd_per_point_options: float | None = None
    theta_usd_per_day_options: float | None = None
    """Over the shorter of a day and the life left."""
    futures_profit_native: float | None = None
    """Floating, in the equity and not in the balance."""
    session_realized_native: float | None = None
    """Of futures since the last settlement; in the balance at once or only from then on."""
    venue: VenueId = DERIBIT


class SnapshotTaken(EventRoot, frozen=True, kw_only=True, omit_defaults=True):
    """Positions, open orders and recent fills of the account, consistent with each other."""

    positions: tuple[PositionSeen, ...]
    open_orders: tuple[OrderSeen, ...]
    fills: tuple[Filled, ...]
    """Fills already inside `positions`."""
    requested_ns: Ns
    received_ns: Ns
    venue: VenueId = DERIBIT


class SnapshotFailed(EventRoot, frozen=True, kw_only=True, omit_defaults=True):
    """No consistent snapshot could be had."""

    received_ns: Ns
    cause: str
    venue: VenueId = DERIBIT


class Settled(EventRoot, frozen=True, kw_only=True):
    """What the venue booked on one position at its daily settlement: the session's funding, or the delivery."""

    instrument: InstrumentId
    delivery_usd: Decimal | None
    """Price at which it was delivered and is gone; None: the position lives on."""
    funding_native: Decimal
    """Received over the session that has ended, settlement currency; negative is paid."""
    received_ns: Ns
    venue_ns: Ns


class LadderMeasured(EventRoot, frozen=True, kw_only=True):
    """The gap-risk ladder of the book with this hedge instrument, measured off the tick path."""

    instrument: InstrumentId
    received_ns: Ns
    worst: tuple[RungSeen, ...]
    steps: tuple[LadderStep, ...]


class IntentRestored(EventRoot, frozen=True, kw_only=True):
    """An order written down by an earlier run whose end is not in the ledger: unknown until looked up."""

    label: Label
    instrument: InstrumentId
    amount_native: Decimal
    price_native: Decimal
    valid_until_ns: Ns
    received_ns: Ns


class LedgerRestored(EventRoot, frozen=True, kw_only=True):
    """What the ledger of this account ends with: the positions to expect and the fills already counted."""

    positions: tuple[PositionSeen, ...]
    fill_ids: tuple[FillId, ...]
    received_ns: Ns
    book: str | None = None
    """Whose: a process with several books tells each of them all of these. None: of the only book."""


class SurfaceFitted(EventRoot, frozen=True, kw_only=True):
    """What the quotes and moves up to a moment say about volatility; computed beside the decisions, never in them."""

    book: str
    as_of_ns: Ns
    """Moment of the quotes."""
    received_ns: Ns
    slices: tuple[SmileSlice, ...]
    """One per expiry held that had quotes."""
    ssr_ratio: float
    """Measured skew-stickiness ratio; 1 is sticky strike."""
    mv_calls: tuple[float, float, float]
    """Hull and White's a, b, c: volatility times sqrt(years) per relative move of the forward; zeros: no correction."""
    mv_puts: tuple[float, float, float]
    verdicts: tuple[SmileVerdict, ...]
    defect: str
    """Why there is no slice, in words; empty where there is one."""


class LeaseHeld(EventRoot, frozen=True, kw_only=True):
    """The right to trade this account is ours until then; each renewal says so anew. A run told of none is alone."""

    until_ns: Ns
    """On this machine's clock; nobody else takes over before. An order must not be valid for longer."""
    received_ns: Ns


class StopRequested(EventRoot, frozen=True, kw_only=True):
    """An operator or a signal wants an orderly end: no new hedge, cancel what works."""

    received_ns: Ns
    cause: str


class HaltRequested(EventRoot, frozen=True, kw_only=True):
    """The shell found that going on is not safe (ledger, inbox, clock)."""

    received_ns: Ns
    cause: HaltCause
    detail: str


class OperatorActed(EventRoot, frozen=True, kw_only=True, omit_defaults=True):
    """A human stops or resumes trading; who, and the reason given, are kept for ever."""

    act: Act
    by: str
    reason: str
    received_ns: Ns
    book: str | None = None
    """None: every book of the process."""


class StopsRestored(EventRoot, frozen=True, kw_only=True):
    """The stops that the ledger ends with for a book: a restart begins as the last run ended."""

    book: str
    latches: tuple[Latch, ...]
    received_ns: Ns


class LossesRestored(EventRoot, frozen=True, kw_only=True):
    """How far the losses of a book had come by the ledger: a restart goes on counting from there."""

    book: str
    count: LossCount
    received_ns: Ns


class Ticked(EventRoot, frozen=True, kw_only=True, gc=False):
    """The only notion of now, and the only event that decides."""

    now_ns: Ns


AccountEvent = (
    QuoteDistrusted
    | InstrumentListed
    | StreamLost
    | StreamRestored
    | MessageMalformed
    | OrderAcked
    | OrderRefused
    | OrderUnknown
    | OrderUpdated
    | OrderAbsent
    | LookUpFailed
    | Filled
    | AccountSeen
    | SnapshotTaken
    | SnapshotFailed
    | Settled
    | LadderMeasured
    | IntentRestored
    | LedgerRestored
    | SurfaceFitted
    | LeaseHeld
    | StopRequested
    | HaltRequested
    | OperatorActed
    | StopsRestored
    | LossesRestored
)
"""Never conflated, in order of arrival."""

Event = MarketEvent | AccountEvent | Ticked
