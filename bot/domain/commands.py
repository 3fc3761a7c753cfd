"""Everything the engine can ask of the world, in the imperative. Frozen."""

from decimal import Decimal

from msgspec import Struct

from bot.domain.ids import DERIBIT, InstrumentId, Label, OrderId, VenueId
from bot.domain.ladder import FutureHeld, OptionHeld
from bot.domain.time import Ns


class _Command(Struct, frozen=True, kw_only=True, tag=True):
    """Root of commands; `tag` is the class name."""


class PlaceOrder(_Command, frozen=True, kw_only=True, omit_defaults=True):
    """A limit order: immediate-or-cancel, or resting. Durable in the ledger before it leaves."""

    label: Label
    instrument: InstrumentId
    amount_native: Decimal
    """Signed: + buy. On the lot."""
    price_native: Decimal
    """Limit, on the tick."""
    arrival_mid_native: float
    """Mid at the decision, for slippage."""
    valid_until_ns: Ns
    """The venue must not start the order after this."""
    decided_seq: int
    rest_until_ns: Ns | None = None
    """None: immediate-or-cancel. Else good-till-cancelled and post-only, refused rather than slid where it would cross;
    taken back by us at the latest then."""

    @property
    def rests(self) -> bool:
        """Whether it waits in the book and never crosses it; else it leaves nothing there."""
        return self.rest_until_ns is not None


class CancelOrder(_Command, frozen=True, kw_only=True):
    """Take back an open order."""

    label: Label
    order_id: OrderId
    instrument: InstrumentId


class LookUpOrder(_Command, frozen=True, kw_only=True):
    """Find out by label what became of an order, not before `not_before_ns`."""

    label: Label
    instrument: InstrumentId
    order_id: OrderId | None
    not_before_ns: Ns
    valid_until_ns: Ns
    """Absence means absence only when asked after this."""


class TakeSnapshot(_Command, frozen=True, kw_only=True, omit_defaults=True):
    """Fetch positions, open orders and recent fills of one venue."""

    cause: str
    venue: VenueId = DERIBIT


class Watch(_Command, frozen=True, kw_only=True):
    """Subscribe to the market data of these instruments as well."""

    instruments: tuple[InstrumentId, ...]


class MeasureLadder(_Command, frozen=True, kw_only=True):
    """Value the book at every move of spot and volatility, off the tick path."""

    instrument: InstrumentId
    """The book's hedge instrument: whose ladder it is."""
    asked_ns: Ns
    spot_usd: float
    options: tuple[OptionHeld, ...]
    futures: tuple[FutureHeld, ...]
    equity_coin: float | None
    """None: not told; then margin is not held against it."""


Command = PlaceOrder | CancelOrder | LookUpOrder | TakeSnapshot | Watch | MeasureLadder
