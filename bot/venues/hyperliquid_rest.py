"""Hyperliquid's replies over REST as typed structures, and what each of them means.

Knows field names, the rule of prices and the ids of orders of Hyperliquid's interface (exchange facts 4.3): numbers are
strings, sizes coins, side `B` buys and `A` sells. Pure functions; must not know the client that fetched them.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

from msgspec import Struct, field

from bot.domain.errors import MalformedMessage, VenueRefused
from bot.domain.events import Filled
from bot.domain.ids import FillId, Label, OrderId, instrument_at
from bot.domain.instruments import Instrument, Kind, Settlement, TickStep
from bot.domain.seen import PositionSeen, VenueOrderState
from bot.domain.time import Ns, ns_from_ms
from bot.domain.units import ZERO, float_from_decimal
from bot.venues.hyperliquid import HYPERLIQUID, MONEY
from bot.venues.hyperliquid_errors import code_of
from bot.venues.venue_rest import Fees, Money, OrderRead, exact, json_in, steps_up

FEES_LISTED: Final[Fees] = (Decimal("0.00015"), Decimal("0.00045"))
"""Of perpetuals at the lowest tier, for runs without a key (venue's fee page, 2026)."""

_DECIMALS: Final = 6
"""Of a price, less those of the size."""
_DIGITS: Final = 5
"""Significant ones of a price; whole USD are always allowed."""
_ORDER_USD_MIN: Final = Decimal(10)
_MARGIN: Final = Decimal(2)
"""The least order is of so many times 10 USD when it is listed: prices may halve before it is too small."""
_LABEL: Final = re.compile(r"([a-z0-9]{1,20})([0-9]{7})")
_CLOID: Final = re.compile(r"0x[0-9a-f]{32}")
_DIGITS_36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_NUMBERS: Final = 10**7


def cloid_of(label: Label) -> str | None:
    """Our label as the venue's 128 bits, and back by `label_of`; None for one that does not fit.

    A run's number has seven digits; what stands before it, at most twenty letters, is counted in bijective base 36: no
    table has to survive a restart.
    """
    parts = _LABEL.fullmatch(label)
    if parts is None:
        return None
    value = 0
    for letter in parts[1]:
        value = value * 36 + _DIGITS_36.index(letter) + 1
    return f"0x{value * _NUMBERS + int(parts[2]):032x}"


def label_of(cloid: str | None) -> Label | None:
    """The label behind an id; for a stranger's id letters that begin like none of ours, or None."""
    if cloid is None or not _CLOID.fullmatch(cloid):
        return None
    value, number = divmod(int(cloid, 16), _NUMBERS)
    letters = ""
    while value > 0:
        value, digit = divmod(value - 1, 36)
        letters = _DIGITS_36[digit] + letters
    label = Label(f"{letters}{number:07d}")
    return label if cloid_of(label) == cloid else None


class Universe(Struct, rename="camel"):
    """The list of perpetuals; an asset's number is its place in it."""

    class Listed(Struct, rename="camel"):
        """One perpetual."""

        name: str
        sz_decimals: Literal[0, 1, 2, 3, 4, 5]
        is_delisted: bool = False

    universe: list[Listed]


class Context(Struct, rename="camel"):
    """What is read of an asset's context."""

    oracle_px: str


class Order(Struct, rename="camel"):
    """An order; `sz` is what is left of it."""

    coin: str
    side: Literal["A", "B"]
    limit_px: str
    sz: str
    orig_sz: str
    order_id: int = field(name="oid")
    stamp_ms: int = field(name="timestamp")
    cloid: str | None = None


class Status(Struct, rename="camel"):
    """Reply to `orderStatus` about an order there is."""

    class Inner(Struct, rename="camel"):
        """The order with its state."""

        order: Order
        status: str
        stamp_ms: int = field(name="statusTimestamp")

    status: Literal["order"]
    order: Inner


class Fill(Struct, rename="camel"):
    """A fill of this account; `fee` is positive where it is a cost, `crossed` where it took."""

    coin: str
    px: str
    sz: str
    side: Literal["A", "B"]
    stamp_ms: int = field(name="time")
    order_id: int = field(name="oid")
    crossed: bool
    fee: str
    fee_token: str
    trade_id: int = field(name="tid")
    cloid: str | None = None


class Account(Struct, rename="camel"):
    """`clearinghouseState`."""

    class Held(Struct, rename="camel"):
        """A position with its kind."""

        class Position(Struct, rename="camel"):
            """One position; `szi` is signed."""

            coin: str
            szi: str
            unrealized_pnl: str
            entry_px: str | None = None

        type: str
        position: Position

    class Margin(Struct, rename="camel"):
        """`marginSummary`."""

        account_value: str
        total_margin_used: str

    margin_summary: Margin
    cross_maintenance_margin_used: str
    withdrawable: str
    asset_positions: list[Held]


class Book(Struct):
    """What is read of `l2Book`: the time of the newest block."""

    stamp_ms: int = field(name="time")


class UserFees(Struct, rename="camel"):
    """What is read of `userFees`."""

    user_cross_rate: str
    user_add_rate: str


class Role(Struct):
    """`userRole`: whose the address of a signing key is."""

    class Data(Struct):
        """The account an agent acts for."""

        user: str = ""

    role: str
    data: Data | None = None


class Acked(Struct):
    """Reply to an action; one status for each order in it."""

    class Response(Struct):
        """By its kind."""

        class Data(Struct):
            """Statuses: what an order came to, or "success"."""

            statuses: list[dict[str, Any] | str]

        type: str
        data: Data

    status: Literal["ok"]
    response: Response


class Scheduled(Struct):
    """Reply to scheduleCancel; what is wrong with it comes as an error."""

    class Response(Struct):
        """By its kind."""

        type: Literal["default"]

    status: Literal["ok"]
    response: Response


class _Refused(Struct):
    class Response(Struct):
        class Data(Struct):
            statuses: list[dict[str, Any] | str] = []

        data: Data | None = None

    status: str
    response: Response | str | None = None


def refusal(text: str, what: str) -> VenueRefused | None:
    """The venue's words in ccxt's text, by our number of them: of the order itself, or of the request."""
    reply = json_in(text, _Refused)
    if reply is None:
        return None
    words = reply.status if reply.status == "unknownOid" else ""
    if reply.status == "err" and isinstance(reply.response, str):
        words = reply.response
    elif isinstance(reply.response, _Refused.Response) and reply.response.data is not None:
        told = [row["error"] for row in reply.response.data.statuses if isinstance(row, dict) and "error" in row]
        words = str(told[0]) if told else ""
    return VenueRefused(code_of(words), f"{words[:80]} to {what}") if words else None


def oid_of(acked: Acked) -> OrderId:
    """Id of the order that was filled or rests; MalformedMessage for anything else."""
    statuses = acked.response.data.statuses
    status = statuses[0] if len(statuses) == 1 else ""  # we send one order: more answers are not ours to choose from
    found = (status.get("filled") or status.get("resting")) if isinstance(status, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("oid"), int):
        message = f"the reply to an order is {str(status)[:60]!r}"
        raise MalformedMessage(message)
    return OrderId(str(found["oid"]))


def tick_steps(size_decimals_count: int) -> tuple[Decimal, tuple[TickStep, ...]]:
    """The step of small prices, and the steps above: five digits and six decimals less those of sizes, or whole USD."""
    decimals = _DECIMALS - size_decimals_count
    steps = [
        TickStep(above_native=Decimal(10) ** power, tick_native=Decimal(10) ** -(_DIGITS - 1 - power))
        for power in range(_DIGITS - decimals, _DIGITS)
    ]
    return Decimal(10) ** -decimals, tuple(steps)


def instrument_from(listed: Universe.Listed, context: Context, fees: Fees) -> Instrument:
    """A perpetual; its step of amounts is the least order of 10 USD, with room for the price to fall."""
    price = exact(context.oracle_px)
    if price <= ZERO:
        message = f"{listed.name}: an oracle price of {price}"
        raise MalformedMessage(message)
    tick, steps = tick_steps(listed.sz_decimals)
    step = Decimal(10) ** -listed.sz_decimals
    return Instrument(
        id=instrument_at(HYPERLIQUID, listed.name),
        venue=HYPERLIQUID,
        kind=Kind.PERPETUAL,
        base=listed.name,
        settlement=Settlement.USD,
        settlement_currency=MONEY,
        index_name=listed.name,
        contract_size_native=Decimal(1),
        lot_native=max(steps_up(_MARGIN * _ORDER_USD_MIN / price, step), step),
        tick_native=tick,
        tick_steps=steps,
        fee_rate_maker=fees[0],
        fee_rate_taker=fees[1],
    )


def _signed(size: Decimal, side: str) -> Decimal:
    return size if side == "B" else -size


def _state(status: str, order: Order) -> VenueOrderState:
    if status in {"open", "triggered"}:
        return VenueOrderState.OPEN
    if status == "filled":
        return VenueOrderState.FILLED
    if status.lower().endswith("canceled") or status in {"scheduledCancel", "iocCancelRejected"}:
        return VenueOrderState.CANCELLED
    if status.endswith(("Rejected", "rejected")):
        return VenueOrderState.REJECTED
    message = f"order {order.order_id} is {status[:24]!r}"
    raise MalformedMessage(message)


def order_read(order: Order, status: str, stamp_ms: int) -> OrderRead:
    """An order in our words."""
    whole, left = exact(order.orig_sz), exact(order.sz)
    if not ZERO <= left <= whole:
        message = f"order {order.order_id}: {left} left of {whole}"
        raise MalformedMessage(message)
    return OrderRead(
        order_id=OrderId(str(order.order_id)),
        label=label_of(order.cloid),
        instrument=instrument_at(HYPERLIQUID, order.coin),
        amount_native=_signed(whole, order.side),
        filled_native=whole - left,
        price_native=exact(order.limit_px),
        state=_state(status, order),
        venue_ns=ns_from_ms(stamp_ms),
    )


def filled(fill: Fill, received_ns: Ns) -> Filled:
    """A fill in our words."""
    instrument = instrument_at(HYPERLIQUID, fill.coin)
    return Filled(
        fill_id=FillId(f"{instrument}:{fill.trade_id}"),
        order_id=OrderId(str(fill.order_id)),
        label=label_of(fill.cloid),
        instrument=instrument,
        amount_native=_signed(exact(fill.sz), fill.side),
        price_native=exact(fill.px),
        fee_native=exact(fill.fee),
        fee_currency=fill.fee_token,
        is_maker=not fill.crossed,
        received_ns=received_ns,
        venue_ns=ns_from_ms(fill.stamp_ms),
    )


def is_perpetual(coin: str) -> bool:
    """Whether a fill or order is of the venue's own perpetuals: spot (`@107`, `PURR/USDC`) and `dex:COIN` are not."""
    return coin.isalnum()


def positions_of(account: Account) -> tuple[PositionSeen, ...]:
    """Not flat ones."""
    if any(held.type != "oneWay" for held in account.asset_positions):
        message = "a position that is not one-way"
        raise MalformedMessage(message)
    seen = [(held.position, exact(held.position.szi)) for held in account.asset_positions]
    return tuple(
        PositionSeen(
            instrument=instrument_at(HYPERLIQUID, position.coin),
            amount_native=amount,
            average_native=exact(position.entry_px) if position.entry_px else None,
        )
        for position, amount in seen
        if amount != ZERO
    )


def money_of(account: Account) -> Money:
    """USDC of the perpetuals' account."""
    value = exact(account.margin_summary.account_value)
    profit = sum((exact(held.position.unrealized_pnl) for held in account.asset_positions), ZERO)
    figures: Mapping[str, Decimal] = {
        "equity_native": value,
        "balance_native": value - profit,
        "margin_initial_native": exact(account.margin_summary.total_margin_used),
        "margin_maintenance_native": exact(account.cross_maintenance_margin_used),
        "available_native": exact(account.withdrawable),
    }
    return Money(currency=MONEY, **{name: float_from_decimal(value) for name, value in figures.items()})
