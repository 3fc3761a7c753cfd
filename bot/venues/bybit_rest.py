"""Bybit's replies over REST as typed structures, and what each of them means.

Knows field names and absent values of Bybit's v5 interface (exchange facts 4.3): numbers are strings, "" where there is
none; sizes of linear perpetuals are coins. Pure functions; must not know the client that fetched them.
"""

from decimal import Decimal
from typing import Final, Literal, TypeVar

from msgspec import Struct, field

from bot.domain.errors import MalformedMessage, VenueRefused
from bot.domain.events import Filled
from bot.domain.ids import FillId, InstrumentId, Label, OrderId, instrument_at
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.seen import PositionSeen, VenueOrderState
from bot.domain.time import Ns, ns_from_ms
from bot.domain.units import ZERO, float_from_decimal
from bot.venues.bybit import BYBIT
from bot.venues.venue_rest import Fees, Money, OrderRead, convert, exact, exact_or_none, json_in

T = TypeVar("T")

FEES_LISTED: Final[Fees] = (Decimal("0.0002"), Decimal("0.00055"))
"""Of perpetuals at the lowest tier, for runs without a key (venue's fee page, 2026)."""

_STATES: Final = {
    "New": VenueOrderState.OPEN,
    "PartiallyFilled": VenueOrderState.OPEN,
    "Untriggered": VenueOrderState.OPEN,
    "Triggered": VenueOrderState.OPEN,
    "Filled": VenueOrderState.FILLED,
    "Cancelled": VenueOrderState.CANCELLED,
    "PartiallyFilledCanceled": VenueOrderState.CANCELLED,
    "Deactivated": VenueOrderState.CANCELLED,
    "Rejected": VenueOrderState.REJECTED,
}
_MATCHES: Final = frozenset({"Trade", "AdlTrade", "BustTrade", "BlockTrade", "FutureSpread", "MovePosition"})
"""Executions that move a position, also without an order of ours: what the account's owner does elsewhere counts as a
stranger's fill. Funding, settlement and delivery are listed among them and move none."""
_ONE_WAY: Final = 0
"""`positionIdx` of one-way mode; 1 and 2 are the two sides of hedge mode."""


class _Reply(Struct, rename="camel"):
    ret_code: int
    ret_msg: str = ""
    result: object = None
    time: int = 0


class Listed(Struct, rename="camel"):
    """What is read of a row of market/instruments-info."""

    class Lot(Struct, rename="camel"):
        """`lotSizeFilter`."""

        min_order_qty: str
        qty_step: str

    class Price(Struct, rename="camel"):
        """`priceFilter`."""

        tick_size: str

    symbol: str
    contract_type: str
    status: str
    base_coin: str
    settle_coin: str
    lot_size_filter: Lot
    price_filter: Price

    @property
    def is_perpetual(self) -> bool:
        """Whether it is a linear perpetual that is traded now."""
        return self.contract_type == "LinearPerpetual" and self.status == "Trading"


class Rows(Struct, rename="camel"):
    """A list with what the next page begins after."""

    list: list[object]
    next_page_cursor: str = ""


class Acked(Struct, rename="camel"):
    """Reply to a new order or a cancel: it will be looked at, no more."""

    order_id: str
    order_link_id: str


class Order(Struct, rename="camel"):
    """An order."""

    order_id: str
    order_link_id: str
    symbol: str
    side: Literal["Buy", "Sell"]
    qty: str
    cum_exec_qty: str
    price: str
    order_status: str
    updated_time: str


class Fill(Struct, rename="camel"):
    """An execution of this account; `execFee` is positive where it is a cost."""

    exec_id: str
    order_id: str
    order_link_id: str
    symbol: str
    side: Literal["Buy", "Sell"]
    exec_qty: str
    exec_price: str
    exec_fee: str
    exec_type: str
    exec_time: str
    is_maker: bool
    fee_currency: str = ""


class Position(Struct, rename="camel"):
    """A position: size without sign, side beside it."""

    symbol: str
    side: str
    size: str
    position_idx: Literal[0, 1, 2]
    avg_price: str = ""
    mark_price: str = ""


class Coin(Struct, rename="camel"):
    """One currency of account/wallet-balance."""

    coin: str
    equity: str
    wallet_balance: str
    total_position_im: str = field(default="", name="totalPositionIM")
    total_order_im: str = field(default="", name="totalOrderIM")
    total_position_mm: str = field(default="", name="totalPositionMM")


class _Wallet(Struct):
    coin: list[Coin]


class KeyInfo(Struct, rename="camel"):
    """What is read of user/query-api."""

    user_id: int = field(default=0, name="userID")
    read_only: Literal[0, 1] = 1
    permissions: dict[str, list[str]] = {}
    uta: Literal[0, 1] = 0


class FeeRate(Struct, rename="camel"):
    """A row of account/fee-rate."""

    symbol: str
    maker_fee_rate: str
    taker_fee_rate: str


class Indexed(Struct, rename="camel"):
    """What is read of a row of market/tickers."""

    index_price: str


def result(reply: object, shape: type[T]) -> T:
    """`result` of a reply that is no error; MalformedMessage otherwise."""
    told = convert(reply, _Reply)
    if told.ret_code != 0:
        message = f"code {told.ret_code} where ccxt saw no error"
        raise MalformedMessage(message)
    return convert(told.result, shape)


def rows(reply: object, shape: type[T]) -> list[T]:
    """`result.list`."""
    return [convert(row, shape) for row in result(reply, Rows).list]


def venue_ms(reply: object) -> int:
    """The venue's clock, which is in every reply."""
    told = convert(reply, _Reply)
    if told.time <= 0:
        message = "a reply without the venue's time"
        raise MalformedMessage(message)
    return told.time


def refusal(text: str, what: str) -> VenueRefused | None:
    """The venue's code in ccxt's text."""
    reply = json_in(text, _Reply)
    return (
        None
        if reply is None or reply.ret_code == 0
        else VenueRefused(reply.ret_code, f"{reply.ret_msg[:80]} to {what}")
    )


def stamp_ns(text: str) -> Ns:
    """Milliseconds of the wire."""
    if not text.isdecimal() or len(text) > len("1770000000000"):
        message = f"{text[:20]!r} is no time"
        raise MalformedMessage(message)
    return ns_from_ms(int(text))


def instrument_from(listed: Listed, fees: Fees) -> Instrument:
    """A linear perpetual: native amounts are coins."""
    lot, least = exact(listed.lot_size_filter.qty_step), exact(listed.lot_size_filter.min_order_qty)
    tick = exact(listed.price_filter.tick_size)
    if min(lot, least, tick) <= ZERO:
        message = f"{listed.symbol}: a lot or tick that is not positive"
        raise MalformedMessage(message)
    return Instrument(
        id=instrument_at(BYBIT, listed.symbol),
        venue=BYBIT,
        kind=Kind.PERPETUAL,
        base=listed.base_coin,
        settlement=Settlement.USD,
        settlement_currency=listed.settle_coin,
        index_name=listed.symbol,
        contract_size_native=Decimal(1),
        # The least order is a whole number of steps: as the step of amounts it serves for both.
        lot_native=max(lot, least),
        tick_native=tick,
        fee_rate_maker=fees[0],
        fee_rate_taker=fees[1],
    )


def _signed(amount: str, side: str) -> Decimal:
    size = exact(amount)
    return size if side == "Buy" else -size


def order_read(order: Order) -> OrderRead:
    """An order in our words."""
    state = _STATES.get(order.order_status)
    if state is None:
        message = f"order {order.order_id} is {order.order_status[:24]!r}"
        raise MalformedMessage(message)
    return OrderRead(
        order_id=OrderId(order.order_id),
        label=Label(order.order_link_id) if order.order_link_id else None,
        instrument=instrument_at(BYBIT, order.symbol),
        amount_native=_signed(order.qty, order.side),
        filled_native=exact(order.cum_exec_qty or "0"),
        price_native=exact_or_none(order.price),
        state=state,
        venue_ns=stamp_ns(order.updated_time),
    )


def filled(fill: Fill, received_ns: Ns) -> Filled | None:
    """A fill in our words; None for what is no match. The fee is in what the perpetual settles in unless told."""
    if fill.exec_type not in _MATCHES:
        return None
    instrument = instrument_at(BYBIT, fill.symbol)
    return Filled(
        fill_id=FillId(f"{instrument}:{fill.exec_id}"),
        order_id=OrderId(fill.order_id),
        label=Label(fill.order_link_id) if fill.order_link_id else None,
        instrument=instrument,
        amount_native=_signed(fill.exec_qty, fill.side),
        price_native=exact(fill.exec_price),
        fee_native=exact(fill.exec_fee or "0"),
        fee_currency=fill.fee_currency or ("USDC" if fill.symbol.endswith("PERP") else "USDT"),
        is_maker=fill.is_maker,
        received_ns=received_ns,
        venue_ns=stamp_ns(fill.exec_time),
    )


def position_seen(position: Position) -> PositionSeen | None:
    """A position; None when flat. In hedge mode there are two of a symbol, which is not what we believe."""
    instrument: InstrumentId = instrument_at(BYBIT, position.symbol)
    demand_one_way(position)
    amount = _signed(position.size or "0", position.side)
    if amount == ZERO:
        return None
    return PositionSeen(
        instrument=instrument,
        amount_native=amount,
        average_native=exact_or_none(position.avg_price),
        mark_native=float_from_decimal(exact(position.mark_price)) if position.mark_price else None,
    )


def demand_one_way(position: Position) -> None:
    """MalformedMessage in hedge mode: a sale would open a second position there."""
    if position.position_idx != _ONE_WAY:
        message = f"{position.symbol} is in hedge mode (positionIdx {position.position_idx}); set it to one-way"
        raise MalformedMessage(message)


def money_of(reply: object) -> tuple[Money, ...]:
    """Currencies of the unified account."""
    coins = [coin for wallet in rows(reply, _Wallet) for coin in wallet.coin]
    return tuple(_money(coin) for coin in coins)


def _money(coin: Coin) -> Money:
    balance, initial = exact(coin.wallet_balance or "0"), exact(coin.total_position_im or "0")
    initial += exact(coin.total_order_im or "0")
    return Money(
        currency=coin.coin,
        equity_native=float_from_decimal(exact(coin.equity or "0")),
        balance_native=float_from_decimal(balance),
        margin_initial_native=float_from_decimal(initial),
        margin_maintenance_native=float_from_decimal(exact(coin.total_position_mm or "0")),
        # The venue tells none per coin: what this one's margin leaves of it.
        available_native=float_from_decimal(max(balance - initial, ZERO)),
    )
