"""The edges of a venue: what the live driver may ask, and what comes back as events.

Nothing here knows a venue; nothing behind it takes a decision.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from msgspec import Struct

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.events import Event
from bot.domain.ids import InstrumentId, Label, OrderId, VenueId
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import Ns

NowNs = Callable[[], Ns]
"""The clock, handed in by `app`: UTC epoch nanoseconds."""

Sink = Callable[[Sequence[Event]], None]
"""Takes the events of one frame, in order; called synchronously by the reader, must not block."""


Levels = Sequence[tuple[float, float]]
"""Price and amount now, native; amount zero: gone."""


class BookMoves(NamedTuple):
    """Both sides of a book, or what changed of them."""

    bids: Levels
    asks: Levels


class PublicTrade(Struct, frozen=True, kw_only=True):
    """A match between others, native units."""

    instrument: InstrumentId
    is_buy: bool
    """The taker's side."""
    price_native: float
    amount_native: float
    venue_ns: Ns


class Gateway(Protocol):
    """Requests to a venue. Every answer is a sequence of events; only bugs raise.

    Bounded: each call ends within the gateway's time-out with an event that says what is known.
    """

    @property
    def account_id(self) -> str:
        """Whose account this is, as the venue says; empty before `open`, and without a key."""

    @property
    def cancels_on_disconnect(self) -> bool:
        """Whether the venue takes back what `place` left resting when this process vanishes.

        Verified by `open`, or, where it is a countdown (`dead_man`), before each order that rests. Without it nothing
        may rest: a killed bot would leave orders that nobody looks after.
        """

    @property
    def order_credits_left(self) -> float:
        """Orders and cancels that could leave now without waiting; infinite where nothing is rationed."""

    async def open(self) -> None:
        """Connect, check key, account and the `testnet` flag; ConfigError or VenueError when that cannot be."""

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """All open options, futures and perpetuals on a coin, inverse and linear."""

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send once, never again. OrderAcked (+ OrderUpdated, Filled), OrderRefused or OrderUnknown.

        An order that `rests` is post-only and rejected by the venue where it would cross: never slid, never a taker.
        """

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """OrderUpdated, or nothing definite: LookUpFailed."""

    async def look_up(self, command: LookUpOrder) -> Sequence[Event]:
        """By label: OrderUpdated with its Filled events, OrderAbsent, or LookUpFailed."""

    async def snapshot(self) -> Sequence[Event]:
        """AccountSeen per currency and SnapshotTaken, or SnapshotFailed."""

    async def close(self) -> None:
        """Close connections; never raises."""


class Edge(Struct, frozen=True, kw_only=True):
    """One venue of a run: its gateway and its feeds."""

    venue: VenueId
    gateway: Gateway
    feeds: "tuple[Feed, ...]"
    """The market's first."""


class Inspector(Protocol):
    """All a look before a run may do, one step each: no way to trade. ConfigError or VenueError says what is wrong."""

    async def reach(self) -> None:
        """Connect; every reply must carry the `testnet` flag expected."""

    def check_clock(self) -> int:
        """Venue time minus ours, milliseconds."""

    async def check_key(self) -> str:
        """What the key may do, in the venue's words: enough, and no withdrawal."""

    async def check_account(self) -> str:
        """Id of the key's account, which is the one expected."""

    async def check_orders(self) -> str:
        """Which way orders would go, and whether they may rest; the way is opened, no order is sent."""

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """All open options, futures and perpetuals on a coin."""

    async def snapshot(self) -> Sequence[Event]:
        """SnapshotTaken, or SnapshotFailed; `instruments` comes first."""

    async def close(self) -> None:
        """Close connections; never raises."""


class PositionRead(Struct, frozen=True, kw_only=True):
    """One position."""

    instrument: InstrumentId
    amount_native: Decimal
    """Signed."""
    average_native: Decimal


class AccountRead(Struct, frozen=True, kw_only=True):
    """What an account holds, with the prices it came at."""

    positions: tuple[PositionRead, ...]
    balances: dict[str, Decimal]
    """By currency."""


class Reader(Protocol):
    """Questions to a venue that change nothing there: it has no way to send or take back an order."""

    async def open(self) -> None:
        """Connect, check the key where there is one; ConfigError or VenueError."""

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """All open options, futures and perpetuals on a coin, inverse and linear."""

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""

    async def ticker(self, instrument: InstrumentId) -> OptionMarked | FutureMarked:
        """Ticker now; VenueRefused for an instrument that is not listed."""

    async def delivery_usd(self, index_name: str, expiry_ns: Ns) -> float | None:
        """Delivery price of an expiry; None while it is not published."""

    async def funding_rate(self, instrument: InstrumentId, start_ns: Ns, end_ns: Ns) -> float:
        """What a long has paid between two moments, fraction of its notional."""

    async def account(self) -> AccountRead:
        """Positions and balances of the key's account."""

    async def close(self) -> None:
        """Close connections; never raises."""


class BookListener(Protocol):
    """Told of whole books and public trades, where the touch is not enough. Called by the reader, must not block."""

    def hear_book(self, instrument: InstrumentId, moves: BookMoves, venue_ns: Ns, *, is_whole: bool) -> None:
        """Levels that changed; with `is_whole` all there are."""

    def lose_book(self, instrument: InstrumentId) -> None:
        """The book is not known until it is heard as a whole again."""

    def hear_trade(self, trade: PublicTrade) -> None:
        """A match of others."""


class Canceller(Protocol):
    """All a watchdog may do: see open orders and cancel them."""

    async def open(self) -> None:
        """Connect, check key and account; ConfigError or VenueError."""

    async def open_orders(self) -> Sequence[tuple[OrderId, Label | None]]:
        """Open orders of the account."""

    async def cancel_order(self, order_id: OrderId) -> None:
        """Cancel one; VenueError when that is not certain."""

    async def close(self) -> None:
        """Close connections; never raises."""


class Feed(Protocol):
    """A socket of a venue that keeps itself alive: reconnects, re-authenticates, re-subscribes."""

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled; StreamLost and StreamRestored are among them."""

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Add market data of instruments; takes effect on the running connection."""
