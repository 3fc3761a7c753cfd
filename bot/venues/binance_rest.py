"""Binance USD-M's replies over REST as typed structures, and what each of them means.

Knows field names and filters (exchange facts 4.3): numbers of orders and accounts are strings, sizes are coins, fills
do not bear the client's id. Pure functions; must not know the client that fetched them.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct, field

from bot.domain.errors import MalformedMessage, VenueRefused
from bot.domain.events import Filled
from bot.domain.ids import FillId, Label, OrderId, instrument_at
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.seen import PositionSeen, VenueOrderState
from bot.domain.time import Ns, ns_from_ms
from bot.domain.units import ZERO, float_from_decimal
from bot.venues.binance import BINANCE
from bot.venues.venue_rest import Fees, Money, OrderRead, exact, json_in, steps_up

FEES_LISTED: Final[Fees] = (Decimal("0.0002"), Decimal("0.0005"))
"""At the lowest tier, for runs without a key (venue's fee page, 2026)."""

_NOTIONAL_ROOM: Final = Decimal("1.25")
"""The least order is worth so much more than the venue's least at the price of the listing: until the price has fallen
by a fifth, each is taken."""

_STATES: Final = {
    "NEW": VenueOrderState.OPEN,
    "PARTIALLY_FILLED": VenueOrderState.OPEN,
    "FILLED": VenueOrderState.FILLED,
    "CANCELED": VenueOrderState.CANCELLED,
    "EXPIRED": VenueOrderState.CANCELLED,  # what an IOC is whose rest found nobody
    "EXPIRED_IN_MATCH": VenueOrderState.CANCELLED,
    "REJECTED": VenueOrderState.REJECTED,
}


class _ErrorReply(Struct):
    code: int
    msg: str = ""


class Time(Struct, rename="camel"):
    """fapi/v1/time."""

    server_ms: int = field(name="serverTime")


class Countdown(Struct, rename="camel"):
    """fapi/v1/countdownCancelAll."""

    symbol: str
    countdown_ms: str = field(name="countdownTime")


class _Filter(Struct, rename="camel"):
    filter_type: str
    tick_size: str = ""
    step_size: str = ""
    min_qty: str = ""
    notional: str = ""


class Listed(Struct, rename="camel"):
    """A row of exchangeInfo."""

    symbol: str
    contract_type: str
    status: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    filters: list[_Filter]

    @property
    def is_open_perpetual(self) -> bool:
        """Whether it may be hedged with: settled in what it is priced in, tradable now."""
        is_dollar = self.quote_asset == self.margin_asset and self.quote_asset in {"USDT", "USDC"}
        return self.contract_type == "PERPETUAL" and self.status == "TRADING" and is_dollar


class ExchangeInfo(Struct):
    """exchangeInfo."""

    symbols: list[Listed]


class Premium(Struct, rename="camel"):
    """premiumIndex of one symbol."""

    mark_price: str
    index_price: str


class Commission(Struct, rename="camel"):
    """commissionRate of one symbol."""

    maker_commission_rate: str
    taker_commission_rate: str


class Order(Struct, rename="camel"):
    """An order."""

    order_id: int
    client_order_id: str
    symbol: str
    side: Literal["BUY", "SELL"]
    orig_qty: str
    executed_qty: str
    price: str
    status: str
    update_ms: int = field(name="updateTime")


class Fill(Struct, rename="camel"):
    """A row of userTrades; `commission` is positive where it is a cost."""

    trade_id: int = field(name="id")
    order_id: int
    symbol: str
    side: Literal["BUY", "SELL"]
    qty: str
    price: str
    commission: str
    commission_asset: str
    maker: bool
    time_ms: int = field(name="time")


class Position(Struct, rename="camel"):
    """A row of positionRisk; signed in one-way mode."""

    symbol: str
    position_side: str
    position_amt: str
    entry_price: str
    mark_price: str


class Asset(Struct, rename="camel"):
    """One currency of account."""

    asset: str
    wallet_balance: str
    margin_balance: str
    initial_margin: str
    maint_margin: str
    available_balance: str


class Account(Struct):
    """What is read of account."""

    assets: list[Asset]


class Balance(Struct, rename="camel"):
    """A row of balance: what is read of it is whose it is."""

    account_alias: str


class PositionMode(Struct, rename="camel"):
    """positionSide/dual."""

    dual_side_position: bool


class Rights(Struct, rename="camel"):
    """What is read of account/apiRestrictions."""

    enable_withdrawals: bool
    enable_futures: bool


def refusal(text: str, what: str) -> VenueRefused | None:
    """The venue's code in ccxt's text."""
    reply = json_in(text, _ErrorReply)
    return None if reply is None or reply.code == 0 else VenueRefused(reply.code, f"{reply.msg[:80]} to {what}")


def instrument_from(listed: Listed, fees: Fees, mark_usd: Decimal) -> Instrument:
    """A perpetual; its lot is a step of amounts, and worth at least what the venue takes at this price."""
    by_type = {row.filter_type: row for row in listed.filters}
    try:
        tick, step = exact(by_type["PRICE_FILTER"].tick_size), exact(by_type["LOT_SIZE"].step_size)
        least, notional = exact(by_type["LOT_SIZE"].min_qty), exact(by_type["MIN_NOTIONAL"].notional)
    except KeyError as error:
        raise MalformedMessage(f"{listed.symbol} is listed without {error}") from error
    if min(tick, step, mark_usd) <= ZERO:
        message = f"{listed.symbol}: a tick, step or mark that is not positive"
        raise MalformedMessage(message)
    lot = steps_up(max(least, notional * _NOTIONAL_ROOM / mark_usd), step)
    return Instrument(
        id=instrument_at(BINANCE, listed.symbol),
        venue=BINANCE,
        kind=Kind.PERPETUAL,
        base=listed.base_asset,
        settlement=Settlement.USD,
        settlement_currency=listed.margin_asset,
        index_name=listed.symbol,
        contract_size_native=Decimal(1),
        lot_native=lot,
        tick_native=tick,
        fee_rate_maker=fees[0],
        fee_rate_taker=fees[1],
    )


def fees_of(commission: Commission) -> Fees:
    """The account's."""
    return exact(commission.maker_commission_rate), exact(commission.taker_commission_rate)


def order_read(order: Order) -> OrderRead:
    """An order in our words."""
    state = _STATES.get(order.status)
    if state is None:
        message = f"order {order.order_id} is {order.status[:20]!r}"
        raise MalformedMessage(message)
    amount, price = exact(order.orig_qty), exact(order.price)
    return OrderRead(
        order_id=OrderId(str(order.order_id)),
        label=Label(order.client_order_id) if order.client_order_id else None,
        instrument=instrument_at(BINANCE, order.symbol),
        amount_native=amount if order.side == "BUY" else -amount,
        filled_native=exact(order.executed_qty),
        price_native=price or None,
        state=state,
        venue_ns=ns_from_ms(order.update_ms),
    )


def filled(fill: Fill, labels: Mapping[OrderId, Label | None], received_ns: Ns) -> Filled:
    """A fill in our words, with the label of its order where that is known; its id is unique among instruments."""
    instrument, order_id = instrument_at(BINANCE, fill.symbol), OrderId(str(fill.order_id))
    amount = exact(fill.qty)
    return Filled(
        fill_id=FillId(f"{instrument}:{fill.trade_id}"),
        order_id=order_id,
        label=labels.get(order_id),
        instrument=instrument,
        amount_native=amount if fill.side == "BUY" else -amount,
        price_native=exact(fill.price),
        fee_native=exact(fill.commission),
        fee_currency=fill.commission_asset,
        is_maker=fill.maker,
        received_ns=received_ns,
        venue_ns=ns_from_ms(fill.time_ms),
    )


def position_seen(position: Position) -> PositionSeen | None:
    """A position, signed; None when flat. In hedge mode there are two, which is not what we believe."""
    instrument = instrument_at(BINANCE, position.symbol)
    amount, entry = exact(position.position_amt), exact(position.entry_price)
    if amount == ZERO:
        return None
    if position.position_side != "BOTH":
        message = f"{instrument} has a {position.position_side[:10]} side: the account is in hedge mode"
        raise MalformedMessage(message)
    return PositionSeen(
        instrument=instrument,
        amount_native=amount,
        average_native=entry or None,
        mark_native=float_from_decimal(exact(position.mark_price)) or None,
    )


def money_of(assets: Sequence[Asset]) -> tuple[Money, ...]:
    """Currencies there is anything of."""
    return tuple(
        Money(
            currency=row.asset,
            equity_native=float_from_decimal(exact(row.margin_balance)),
            balance_native=float_from_decimal(exact(row.wallet_balance)),
            margin_initial_native=float_from_decimal(exact(row.initial_margin)),
            margin_maintenance_native=float_from_decimal(exact(row.maint_margin)),
            available_native=float_from_decimal(exact(row.available_balance)),
        )
        for row in assets
        if exact(row.wallet_balance) or exact(row.margin_balance)
    )


Labels = dict[OrderId, Label | None]
