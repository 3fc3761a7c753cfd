"""The edges of a venue: what the live driver may ask, and what comes back as events.

Nothing here knows a venue; nothing behind it takes a decision.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.events import Event
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.instruments import Instrument
from bot.domain.time import Ns

NowNs = Callable[[], Ns]
"""The clock, handed in by `app`: UTC epoch nanoseconds."""

Sink = Callable[[Sequence[Event]], None]
"""Takes the events of one frame, in order; called synchronously by the reader, must not block."""


class Gateway(Protocol):
    """Requests to a venue. Every answer is a sequence of events; only bugs raise.

    Bounded: each call ends within the gateway's time-out with an event that says what is known.
    """

    @property
    def account_id(self) -> str:
        """Whose account this is, as the venue says; empty before `open`, and without a key."""

    async def open(self) -> None:
        """Connect, check key, account and the `testnet` flag; ConfigError or VenueError when that cannot be."""

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """All open options, futures and perpetuals on a coin, inverse and linear."""

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send once, never again. OrderAcked (+ OrderUpdated, Filled), OrderRefused or OrderUnknown."""

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """OrderUpdated, or nothing definite: LookUpFailed."""

    async def look_up(self, command: LookUpOrder) -> Sequence[Event]:
        """By label: OrderUpdated with its Filled events, OrderAbsent, or LookUpFailed."""

    async def snapshot(self) -> Sequence[Event]:
        """AccountSeen per currency and SnapshotTaken, or SnapshotFailed."""

    async def close(self) -> None:
        """Close connections; never raises."""


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

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """All open options, futures and perpetuals on a coin."""

    async def snapshot(self) -> Sequence[Event]:
        """SnapshotTaken, or SnapshotFailed; `instruments` comes first."""

    async def close(self) -> None:
        """Close connections; never raises."""


class Canceller(Protocol):
    """All a watchdog may do: see open orders and cancel them."""

    async def open_orders(self) -> Sequence[tuple[OrderId, Label | None]]:
        """Open orders of the account."""

    async def cancel_order(self, order_id: OrderId) -> None:
        """Cancel one."""


class Feed(Protocol):
    """A socket of a venue that keeps itself alive: reconnects, re-authenticates, re-subscribes."""

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled; StreamLost and StreamRestored are among them."""

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Add market data of instruments; takes effect on the running connection."""
