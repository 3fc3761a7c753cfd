"""Deribit's replies, from either road, as typed structures and what they mean.

Knows listings, positions and error texts (exchange facts 2.1, 2.2, 3.5, 4.1). Pure functions; must
not know the client that fetched them. A wrong type or a missing field is `MalformedMessage`.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

import msgspec
from msgspec import Struct

from bot.domain.errors import MalformedMessage
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind, Settlement, TickStep
from bot.domain.seen import OrderSeen, PositionSeen
from bot.domain.time import ns_from_ms
from bot.domain.units import ZERO, snap_to_step
from bot.venues.deribit_wire import Direction, Number, Order, Stamp, Trade, exact
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import convert, json_in

COUNT_MAX: Final = 1000
"""Most rows a trade query returns; its own default is 10 (facts 3.1)."""
_MAKER_FEE: Final = Decimal("0.00015")
_TAKER_FEE: Final = Decimal("0.00035")
_OPTION_FEE: Final = Decimal("0.0003")
"""Standard rates of September 2026 (exchange facts 0.4, 2.7), for a listing that tells none."""


class ErrorBody(Struct):
    """The part of a JSON-RPC error that decides."""

    code: int
    message: str = ""


class ErrorReply(Struct):
    """A refusal, and the world it comes from where that is said."""

    error: ErrorBody
    testnet: bool | None = None


class Trades(Struct):
    """Result of the trade queries."""

    trades: list[Trade]
    has_more: bool = False


class Position(Struct):
    """A row of get_positions."""

    instrument_name: InstrumentId
    kind: str
    direction: Literal["buy", "sell", "zero"]
    size: Number
    size_currency: Number | None = None
    average_price: Number | None = None
    mark_price: Number | None = None
    realized_funding: Number | None = None
    """Of the session, perpetuals only."""
    delta: Number | None = None
    gamma: Number | None = None
    vega: Number | None = None
    theta: Number | None = None
    """Of the whole position, signed; gamma, vega and theta of options only (facts 2.2)."""


class Delivery(Struct):
    """A row of get_delivery_prices."""

    date: str
    delivery_price: Number


class Deliveries(Struct):
    """Result of get_delivery_prices, newest first."""

    data: list[Delivery]


class IndexPrice(Struct):
    """Result of get_index_price."""

    index_price: Number


class Identity(Struct):
    """What is read of get_account_summaries with `extended`: whose the key is (captured 2026-05)."""

    account_id: int = msgspec.field(name="id")


class Scope(Struct):
    """What is read of public/auth over REST: the tokens are not even decoded."""

    scope: str


class _TickStep(Struct):
    above_price: Number
    tick_size: Number


class Listed(Struct):
    """A row of get_instruments."""

    instrument_name: InstrumentId
    kind: str
    base_currency: str
    settlement_currency: str = ""
    instrument_type: str = ""
    price_index: str = ""
    settlement_period: str = ""
    is_active: bool = True
    state: str = "open"
    contract_size: Number = 0.0
    min_trade_amount: Number = 0.0
    tick_size: Number = 0.0
    tick_size_steps: list[_TickStep] = []
    maker_commission: Number | None = None
    taker_commission: Number | None = None
    expiration_timestamp: Stamp = 0
    strike: Number | None = None
    option_type: Literal["call", "put"] | None = None


def error_in(text: str) -> ErrorReply | None:
    """The venue's refusal inside an exception text (`deribit {"jsonrpc":...}`); None when there is none."""
    return json_in(text, ErrorReply)


def currency_of(instrument: str) -> str:
    """Currency whose orders and trades an instrument is listed under: `USDC` for linear, else the coin."""
    root = instrument.split("-", 1)[0]
    return root.split("_", 1)[1] if "_" in root else root


def is_linear_name(instrument: str) -> bool:
    """Whether a derivative is settled in a stablecoin: `BTC_USDC-PERPETUAL`."""
    return "_" in instrument.split("-", 1)[0]


def instrument_from(row: object, settings: VenueSettings) -> Instrument | None:
    """A listed option, future or perpetual; None for combos, spot and what is closed."""
    listed = convert(row, Listed)
    if listed.kind not in {"option", "future"} or not listed.is_active or listed.state != "open":
        return None
    is_option = listed.kind == "option"
    if is_option and (listed.strike is None or listed.option_type is None):
        message = f"{listed.instrument_name} is an option without strike or type"
        raise MalformedMessage(message)
    for name, step in (("min_trade_amount", listed.min_trade_amount), ("tick_size", listed.tick_size)):
        if step <= 0.0:
            message = f"{listed.instrument_name}: {name} is {step}"
            raise MalformedMessage(message)
    is_inverse = (
        listed.instrument_type != "linear" if listed.instrument_type else not is_linear_name(listed.instrument_name)
    )
    is_perpetual = listed.settlement_period == "perpetual"
    kind = Kind.OPTION if is_option else Kind.PERPETUAL if is_perpetual else Kind.FUTURE
    return Instrument(
        id=listed.instrument_name,
        venue=settings.venue,
        kind=kind,
        base=listed.base_currency,
        settlement=Settlement.COIN if is_inverse else Settlement.USD,
        settlement_currency=listed.settlement_currency or currency_of(listed.instrument_name),
        index_name=listed.price_index,
        contract_size_native=exact(listed.contract_size),
        lot_native=exact(listed.min_trade_amount),
        tick_native=exact(listed.tick_size),
        tick_steps=tuple(
            TickStep(above_native=exact(step.above_price), tick_native=exact(step.tick_size))
            for step in sorted(listed.tick_size_steps, key=lambda step: step.above_price)
        ),
        fee_rate_maker=_fee_rate(listed.maker_commission, _OPTION_FEE if is_option else _MAKER_FEE),
        fee_rate_taker=_fee_rate(listed.taker_commission, _OPTION_FEE if is_option else _TAKER_FEE),
        expiry_ns=None if is_perpetual else ns_from_ms(listed.expiration_timestamp),
        strike_usd=listed.strike,
        is_call=listed.option_type == "call" if is_option else None,
    )


def _fee_rate(listed: float | None, standard: Decimal) -> Decimal:
    """As listed. A listing that says none must not make hedging look free: then the venue's standard."""
    return standard if listed is None else exact(listed)


def on_lot(value: float, instrument: Instrument | None) -> Decimal:
    """An amount as the venue gave it, on the lot; MalformedMessage when it is really off it."""
    try:
        return exact(value) if instrument is None else _on_grid(value, instrument.lot_native)
    except ValueError as error:
        raise MalformedMessage(str(error)) from error


def as_told(value: float, instrument: Instrument | None) -> Decimal:
    """An amount of the account: on the lot but for noise, else as it is.

    What is held, works or was filled is a fact, whatever the lot is today: the venue may have changed it, and its
    contracts may be smaller than its least order.
    """
    try:
        return on_lot(value, instrument)
    except MalformedMessage:
        return exact(value)


@lru_cache(maxsize=64)
def _on_grid(value: float, step: Decimal) -> Decimal:
    """Kept, because one answer says one amount three times: of the order, of what is filled, of the trade."""
    return snap_to_step(exact(value), step)


def position_seen(position: Position, instrument: Instrument | None) -> PositionSeen | None:
    """A position in native units, signed by the venue; None when flat.

    Linear futures show their USD notional as `size`, which floats with the price: the coins are in
    `size_currency`. Sizes are signed already, so the direction only has to agree (facts 2.2).
    """
    value = position.size
    if position.kind != "option" and is_linear_name(position.instrument_name):
        if position.size_currency is None:
            message = f"position {position.instrument_name} without size_currency"
            raise MalformedMessage(message)
        value = position.size_currency
    if value == 0.0 and position.direction == "zero":
        return None
    if (value > 0.0) != (position.direction == "buy") or position.direction == "zero":
        message = f"position {position.instrument_name}: {value} with direction {position.direction}"
        raise MalformedMessage(message)
    return PositionSeen(
        instrument=position.instrument_name,
        amount_native=as_told(value, instrument),
        average_native=exact(position.average_price) if position.average_price else None,
        mark_native=position.mark_price,
        funding_native=None if position.realized_funding is None else exact(position.realized_funding),
        delta_coin=position.delta,
        gamma_coin_per_usd=position.gamma,
        vega_usd_per_point=position.vega,
        theta_usd_per_day=position.theta,
    )


def signed(amount: Decimal, direction: Direction) -> Decimal:
    """Positive to buy."""
    return amount if direction == "buy" else -amount


def order_seen(order: Order, instrument: Instrument | None) -> OrderSeen:
    """An open order, ours or a stranger's."""
    amount = as_told(order.amount, instrument)
    price = order.price if isinstance(order.price, float) and order.price > 0.0 else None
    return OrderSeen(
        order_id=order.order_id,
        label=order.label or None,
        instrument=order.instrument_name,
        amount_native=signed(amount, order.direction),
        filled_native=as_told(order.filled_amount, instrument) if order.filled_amount else ZERO,
        price_native=None if price is None else exact(price),
    )
