"""What the gateway over ccxt needs to know of a venue: how ccxt reaches it, its error codes, its questions and answers.

Protocols and plain data; knows no venue and no ccxt. A venue is one file that fills these in (`okx_orders`, ...).
"""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import Raw, Struct

from bot.domain.commands import CancelOrder, PlaceOrder
from bot.domain.errors import ConfigError, MalformedMessage, VenueError, VenueRefused
from bot.domain.events import Filled
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.instruments import Instrument
from bot.domain.seen import PositionSeen, VenueOrderState
from bot.domain.time import Ns
from bot.domain.units import Rounding, decimal_from_wire, round_to_step
from bot.venues.contract import NowNs
from bot.venues.outcome import Row
from bot.venues.settings import Credentials, VenueSettings

T = TypeVar("T")

Fees = tuple[Decimal, Decimal]
"""Maker and taker rate, positive is a cost."""

ANSWER_ERRORS: Final = (VenueError, MalformedMessage, ConfigError, ValueError)
"""All that can be wrong with an answer, or keep it away."""


class Wiring(Struct, frozen=True, kw_only=True):
    """How ccxt reaches one venue."""

    exchange: str
    """ccxt's name of the venue's class."""
    urls: dict[str, object]
    """All addresses there are: ccxt's own table is replaced, so that nothing goes anywhere else."""
    refusal: Callable[[str, str], VenueRefused | None]
    """The venue's no in the text of an error, and to what; None where the text holds none."""
    headers: dict[str, str] = {}
    """Sent with every request."""
    options: dict[str, object] = {}
    credentials: Credentials | None = None
    prepare: Callable[[Any], None] | None = None
    """Changes ccxt's client before its first request."""


class Request(Struct, frozen=True, kw_only=True):
    """One request by ccxt's name of the endpoint: its signing is ccxt's, what is in it is ours."""

    function: str
    """`privatePostTradeOrder`."""
    params: dict[str, object] = {}
    headers: dict[str, str] = {}
    """Of this request only."""


Ask = Callable[[Request], Awaitable[object]]
"""The reply as ccxt decoded it. VenueRefused, VenueUnreachable (nothing left) or VenueOutcomeUnknown."""


class RestLink(Struct, frozen=True, kw_only=True):
    """What a venue's questions are asked through."""

    ask: Ask
    """In the background: waits for its turn."""
    send: Ask
    """An order or a cancel: at once, and once."""
    settings: VenueSettings
    now_ns: NowNs


class OrderRead(Struct, frozen=True, kw_only=True):
    """One order as the venue shows it; amounts native."""

    order_id: OrderId
    label: Label | None
    instrument: InstrumentId
    amount_native: Decimal
    """Signed, whole order."""
    filled_native: Decimal
    """Unsigned."""
    price_native: Decimal | None
    state: VenueOrderState
    venue_ns: Ns


class Placed(NamedTuple):
    """The reply to a new order."""

    order_id: OrderId
    order: OrderRead | None = None
    """None: the venue only gave an id."""


class Fills(NamedTuple):
    """Fills of an account."""

    fills: tuple[Filled, ...]
    is_complete: bool
    """Whether they reach back to where they were asked from."""


class Money(Struct, frozen=True, kw_only=True):
    """One currency of an account."""

    currency: str
    equity_native: float
    balance_native: float
    margin_initial_native: float
    margin_maintenance_native: float
    available_native: float


class VenueRest(Protocol):
    """A venue's REST interface in our words. MalformedMessage for an answer that is not understood."""

    async def venue_ms(self) -> int:
        """The venue's clock; asked without waiting for a turn."""

    async def check_key(self) -> str:
        """What the key may do; ConfigError unless it trades, one way, and cannot withdraw where that can be read."""

    async def check_account(self) -> str:
        """Id of the key's account."""

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """Open perpetuals on a coin, with the account's fees where there is a key."""

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""

    async def place(self, command: PlaceOrder, valid_until_ms: int) -> Placed:
        """Send an order once, immediate-or-cancel or, where it `rests`, post-only; `valid_until_ms` in its time."""

    async def cancel(self, command: CancelOrder) -> None:
        """Ask for it; VenueRefused where it is gone already."""

    async def order(self, instrument: InstrumentId, label: Label, order_id: OrderId | None) -> OrderRead | None:
        """By id where there is one, else by label; None when the venue says that there is none."""

    async def order_fills(self, order: OrderRead) -> Fills:
        """Of one order, with its label."""

    async def traces(self, instrument: InstrumentId, label: Label, since_ns: Ns) -> Fills:
        """Fills that bear a label, of an order that is listed no more."""

    async def positions(self) -> tuple[PositionSeen, ...]:
        """Not flat ones."""

    async def money(self) -> tuple[Money, ...]:
        """Currencies the account has."""

    async def open_orders(self) -> tuple[OrderRead, ...]:
        """Of the account."""

    async def recent_fills(self) -> tuple[Filled, ...]:
        """The newest ones of the account, with labels where an order has one."""


class Switch(NamedTuple):
    """A venue's dead-man switch: it cancels all open orders of a scope unless it is told not to, again and again."""

    scope_of: Callable[[InstrumentId], str]
    """What one countdown covers: the whole account, or one instrument."""
    arm: Callable[[str, int], Awaitable[None]]
    """Cancel what is open in a scope so many seconds from now, whatever was said before; 0: never. Returns when the
    venue has confirmed it; VenueError or MalformedMessage otherwise."""


class VenueFacts(Struct, frozen=True, kw_only=True):
    """One venue for the gateway."""

    wiring: Callable[[VenueSettings], Wiring]
    rest: Callable[[RestLink], VenueRest]
    errors: Mapping[int, Row]
    switch: Callable[[RestLink], Switch] | None = None
    """None: it has none that works by requests alone, and nothing may rest there."""


# --- words of several venues --------------------------------------------------------------------------


def convert(value: object, shape: type[T]) -> T:
    """A reply as `shape`, decoded (ccxt) or raw (websocket); MalformedMessage with the reason otherwise."""
    try:
        return msgspec.json.decode(value, type=shape) if isinstance(value, Raw) else msgspec.convert(value, shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        message = f"{shape}: {error}"
        raise MalformedMessage(message[:200]) from error


def json_in(text: str, shape: type[T]) -> T | None:
    """JSON inside ccxt's text of an error (`okx {"code":...}`); None when there is none of that shape."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        return msgspec.json.decode(text[start:].encode(errors="replace"), type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def exact(text: str) -> Decimal:
    """A number the venue wrote; MalformedMessage unless finite."""
    try:
        return decimal_from_wire(text)
    except ValueError as error:
        raise MalformedMessage(str(error)) from error


def exact_or_none(text: str) -> Decimal | None:
    """Likewise; None where the venue wrote none."""
    return exact(text) if text else None


def steps_up(amount_native: Decimal, step_native: Decimal) -> Decimal:
    """The multiple of a positive step that is not below; MalformedMessage where that makes no sense."""
    try:
        return round_to_step(amount_native, step_native, Rounding.UP)
    except ValueError as error:
        raise MalformedMessage(str(error)) from error


def plain(value: Decimal) -> str:
    """Digits as a venue takes them: never `1E+2`."""
    return f"{value:f}"


def contracts_of(amount_native: Decimal, contract_size_native: Decimal) -> Decimal:
    """Whole amount in the venue's contracts; the way back gives the same amount, or it is a bug of ours."""
    contracts = (amount_native / contract_size_native).normalize()
    assert contracts * contract_size_native == amount_native, f"{amount_native} is no number of contracts"
    return contracts
