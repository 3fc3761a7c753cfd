"""What an instrument is: its kind, its money, its grid. Knows no price and no position."""

import enum
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.time import Ns


class Kind(enum.StrEnum):
    """What the holder has."""

    OPTION = "option"
    PERPETUAL = "perpetual"
    FUTURE = "future"


class Settlement(enum.StrEnum):
    """The money profit is paid in: `coin` = inverse contract, `usd` = linear (USDC) contract."""

    COIN = "coin"
    USD = "usd"


_OPTION: Final = Kind.OPTION
_COIN: Final = Settlement.COIN
"""Asked for a hundred times a second: a member of an enum is found through its class each time."""


class TickStep(Struct, frozen=True, kw_only=True):
    """Above `above_native` prices move in steps of `tick_native`."""

    above_native: Decimal
    tick_native: Decimal


class Instrument(Struct, frozen=True, kw_only=True):
    """One tradable contract.

    Native units (exchange facts 2.2). Price: coin per coin for an inverse option, USD per coin
    otherwise. Amount: USD for an inverse perpetual or future, coins otherwise. Amounts are signed
    (+ long) everywhere but on the order at the venue's edge.
    """

    id: InstrumentId
    venue: VenueId
    kind: Kind
    base: str
    """Coin the instrument is about: `BTC`."""
    settlement: Settlement
    settlement_currency: str
    """Currency of profit and fees: `BTC`, `USDC`."""
    index_name: str
    contract_size_native: Decimal
    lot_native: Decimal
    """Smallest amount and step of amounts."""
    tick_native: Decimal
    tick_steps: tuple[TickStep, ...] = ()
    """Ascending by `above_native`."""
    fee_rate_maker: Decimal
    fee_rate_taker: Decimal
    expiry_ns: Ns | None = None
    """None for a perpetual."""
    strike_usd: float | None = None
    is_call: bool | None = None

    @property
    def is_option(self) -> bool:
        """Whether this is an option."""
        return self.kind is _OPTION

    @property
    def is_inverse(self) -> bool:
        """Whether profit is paid in the coin."""
        return self.settlement is _COIN

    @property
    def price_is_in_coin(self) -> bool:
        """Whether the native price is coin per coin (inverse options only)."""
        return self.settlement is _COIN and self.kind is _OPTION

    @property
    def amount_is_in_usd(self) -> bool:
        """Whether the native amount is USD (inverse perpetuals and futures only)."""
        return self.settlement is _COIN and self.kind is not _OPTION
