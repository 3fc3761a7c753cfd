"""Private methods: orders, trades, positions, money of the caller's account; one function each.

Knows no socket and no envelope. A parameter that would change an order's meaning and is not supported is
refused, never ignored.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import ns_from_ms
from bot.localex.calls import Call
from bot.localex.channels import CURRENCIES, KINDS
from bot.localex.pages import trade_page
from bot.localex.rpc import Params, invalid_param
from bot.localex.wire import currency_of, kind_of
from bot.localex.wire_account import (
    flat_position,
    listed_position_object,
    order_object,
    placed_object,
    summary_object,
    trade_object,
    user_id,
)
from bot.sim.facts import Order, OrderRequest, OrderType, Side, TimeInForce

_LABEL_LENGTH_MAX: Final = 64
_CREATED_ACCOUNT_MS: Final = 1_600_000_000_000
_UNSUPPORTED: Final = (
    "advanced",
    "display_amount",
    "linked_order_type",
    "otoco_config",
    "trigger",
    "trigger_fill_condition",
    "trigger_offset",
    "trigger_price",
)
_TYPES_OF_LISTS: Final = (
    *("all", "limit", "market", "market_limit", "trigger_all", "stop_all", "stop_limit", "stop_market"),
    *("take_all", "take_limit", "take_market", "trailing_all", "trailing_stop"),
)
"""Words the venue takes where orders are listed or cancelled by type."""


def buy(call: Call) -> object:
    """Place a buy order."""
    return _place(call, Side.BUY)


def sell(call: Call) -> object:
    """Place a sell order."""
    return _place(call, Side.SELL)


def _place(call: Call, side: Side) -> object:
    instrument = call.venue.instrument(call.params)
    order, trades = call.exchange.submit(_order_request(call.params, call.account, instrument, side))
    call.session.placed.note(call.account, order.order_id)
    return placed_object(order, trades, instrument)


def _order_request(params: Params, account: str, instrument: Instrument, side: Side) -> OrderRequest:
    refuse_unsupported(params)
    order_type = OrderType(params.choice("type", tuple(OrderType), OrderType.LIMIT))
    price = params.number("price") if order_type is OrderType.LIMIT else None
    amount = amount_or_none(params, instrument)
    valid_until_ms = params.integer_or_none("valid_until")
    return OrderRequest(
        account=account,
        instrument=instrument.id,
        side=side,
        amount_native=params.number("amount") if amount is None else amount,
        type=order_type,
        price_native=price,
        time_in_force=TimeInForce(params.choice("time_in_force", tuple(TimeInForce), TimeInForce.GTC)),
        post_only=params.flag("post_only"),
        reject_post_only=params.flag("reject_post_only"),
        reduce_only=params.flag("reduce_only"),
        label=params.text_or_none("label", _LABEL_LENGTH_MAX) or "",
        valid_until_ns=None if valid_until_ms is None else ns_from_ms(valid_until_ms),
    )


def refuse_unsupported(params: Params) -> None:
    """-32602 for what would change an order's meaning and is not known here."""
    for name in _UNSUPPORTED:
        if params.has(name):
            raise invalid_param(name, "not supported by this exchange")


def amount_or_none(params: Params, instrument: Instrument) -> Decimal | None:
    """Amount in the instrument's native unit, from `amount` or `contracts`; -32602 when they disagree."""
    contracts = params.number_or_none("contracts")
    amount = params.number_or_none("amount")
    if contracts is None:
        return amount
    from_contracts = contracts * instrument.contract_size_native
    if amount is not None and amount != from_contracts:
        raise invalid_param("amount", "amount and contracts do not match")
    return from_contracts


def cancel(call: Call) -> object:
    """Cancel one order."""
    order = call.exchange.cancel(call.account, call.params.text("order_id"))
    return order_object(order, call.exchange.instrument(order.instrument))


def cancel_all(call: Call) -> object:
    """Cancel all orders of the account; the result is their number."""
    return call.exchange.cancel_all(call.account)


def cancel_all_by_currency(call: Call) -> object:
    """Cancel all orders of a currency, of one kind and type where named."""
    currency = call.venue.currency(call.params)
    return _cancel_each(call, lambda item: currency_of(item) == currency)


def cancel_all_by_instrument(call: Call) -> object:
    """Cancel all orders of an instrument, of one type where named."""
    name = call.venue.instrument(call.params).id
    return _cancel_each(call, lambda item: item.id == name)


def cancel_all_by_kind_or_type(call: Call) -> object:
    """Cancel all orders of a kind or type, of one currency or several."""
    currencies = call.params.texts("currency")
    if not all(currency in CURRENCIES for currency in currencies):
        raise invalid_param("currency", "wrong format")
    return _cancel_each(call, lambda item: "any" in currencies or currency_of(item) in currencies)


def _cancel_each(call: Call, covers: Callable[[Instrument], bool]) -> int:
    """Number of orders that were open and are not any more."""
    wanted = [o for o in _chosen(call, call.exchange.orders_open(call.account)) if covers(_instrument_of(call, o))]
    for order in wanted:
        call.exchange.cancel(call.account, order.order_id)
    return len(wanted)


def cancel_by_label(call: Call) -> object:
    """Cancel all orders with a label, of one currency where named."""
    currency = call.venue.currency(call.params) if call.params.has("currency") else None
    return call.exchange.cancel_all(call.account, currency=currency, label=call.params.text("label", _LABEL_LENGTH_MAX))


def get_open_orders(call: Call) -> object:
    """Open orders of the account, all currencies."""
    return _order_objects(call, call.exchange.orders_open(call.account))


def get_open_orders_by_currency(call: Call) -> object:
    """Open orders of one currency."""
    currency, exchange = call.venue.currency(call.params), call.exchange
    orders = exchange.orders_open(call.account)
    return _order_objects(call, (o for o in orders if currency_of(exchange.instrument(o.instrument)) == currency))


def get_open_orders_by_instrument(call: Call) -> object:
    """Open orders of one instrument."""
    instrument = call.venue.instrument(call.params)
    return _order_objects(call, (o for o in call.exchange.orders_open(call.account) if o.instrument == instrument.id))


def get_order_state(call: Call) -> object:
    """One order, open or not."""
    order = call.exchange.order(call.account, call.params.text("order_id"))
    return order_object(order, call.exchange.instrument(order.instrument))


def get_order_state_by_label(call: Call) -> object:
    """Recent orders of one currency with a label; labels are not unique."""
    label = call.params.text("label", _LABEL_LENGTH_MAX)
    orders = call.exchange.orders_by_label(call.account, call.venue.currency(call.params), label)
    return [order_object(order, call.exchange.instrument(order.instrument)) for order in orders]


def _order_objects(call: Call, orders: Iterable[Order]) -> list[object]:
    return [order_object(order, _instrument_of(call, order)) for order in _chosen(call, orders)]


def _chosen(call: Call, orders: Iterable[Order]) -> list[Order]:
    """Orders of the kind and type a call names; of types not taken here there are none."""
    kind = call.params.choice("kind", KINDS, "any")
    order_type = call.params.choice("type", _TYPES_OF_LISTS, "all")
    return [
        order
        for order in orders
        if kind in ("any", kind_of(_instrument_of(call, order))) and order_type in ("all", order.type)
    ]


def _instrument_of(call: Call, order: Order) -> Instrument:
    return call.exchange.instrument(order.instrument)


def get_user_trades_by_instrument(call: Call) -> object:
    """Trades of the account on one instrument."""
    instrument = call.venue.instrument(call.params)
    return trade_page(call, call.exchange.trades_of(call.account, instrument=instrument.id))


def get_user_trades_by_currency(call: Call) -> object:
    """Trades of the account in one currency."""
    return trade_page(call, call.exchange.trades_of(call.account, currency=call.venue.currency(call.params)))


def get_user_trades_by_order(call: Call) -> object:
    """Trades of one order: a bare list."""
    order = call.exchange.order(call.account, call.params.text("order_id"))
    trades = call.exchange.trades_of(call.account, instrument=order.instrument)
    mine = [trade for trade in trades if trade.order_id == order.order_id]
    return [trade_object(trade, call.exchange.instrument(trade.instrument)) for trade in mine]


def get_positions(call: Call) -> object:
    """Positions, of a currency or kind where asked."""
    currency = call.params.choice("currency", CURRENCIES, "any")
    kind = call.params.choice("kind", KINDS, "any")
    found: list[object] = []
    for position in call.exchange.positions(call.account):
        instrument = call.exchange.instrument(position.instrument)
        if currency in ("any", currency_of(instrument)) and kind in ("any", kind_of(instrument)):
            interest_value = call.exchange.ticker(instrument.id).interest_value
            found.append(listed_position_object(position, instrument, interest_value))
    return found


def get_position(call: Call) -> object:
    """The position of one instrument, flat where there never was one."""
    instrument = call.venue.instrument(call.params)
    ticker = call.exchange.ticker(instrument.id)
    held = [position for position in call.exchange.positions(call.account) if position.instrument == instrument.id]
    position = held[0] if held else flat_position(ticker)
    return listed_position_object(position, instrument, ticker.interest_value)


def get_account_summary(call: Call) -> object:
    """Money of one currency."""
    summary = summary_object(call.exchange.summary(call.account, call.venue.currency(call.params)))
    if not call.params.flag("extended"):
        return summary
    return summary | _identity(call) | {"limits": call.venue.credits.limits.wire()}


def get_account_summaries(call: Call) -> object:
    """Money of all currencies."""
    summaries = [summary_object(call.exchange.summary(call.account, name)) for name in call.venue.currencies]
    identity = _identity(call) if call.params.flag("extended") else {}
    return identity | {"summaries": summaries}


def _identity(call: Call) -> dict[str, object]:
    """Who the account is (captured 2026-05 with `extended`)."""
    return {
        "id": user_id(call.account),
        "email": f"{call.account}@localhost",
        "username": call.account,
        "system_name": call.account,
        "type": "main",
        "creation_timestamp": _CREATED_ACCOUNT_MS,
        "referrer_id": None,
        "login_enabled": False,
        "security_keys_enabled": False,
        "mmp_enabled": False,
        "interuser_transfers_enabled": False,
        "self_trading_reject_mode": "cancel_maker",
        "self_trading_extended_to_subaccounts": False,
        "block_rfq_self_match_prevention": True,
    }
