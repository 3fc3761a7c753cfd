"""Private methods beyond placing and cancelling: edits, closing a position, lists of past orders.

One function each. Knows no socket and no envelope; what an order is worth or where it rests is bot.sim's business.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import ns_from_ms
from bot.domain.units import ZERO
from bot.localex.calls import Call
from bot.localex.channels import KINDS
from bot.localex.methods_private import amount_or_none, refuse_unsupported
from bot.localex.rpc import RpcError
from bot.localex.wire import currency_of, kind_of
from bot.localex.wire_account import order_object, placed_object
from bot.sim.facts import Order, OrderEdit, OrderRequest, OrderState, OrderType, Side, VenueSays

_LABEL_LENGTH_MAX: Final = 64
_HISTORY_DEFAULT, _HISTORY_MAX = 20, 1_000
_OFFSET_MAX: Final = 1_000_000


def edit(call: Call) -> object:
    """Change an open order by its id; `amount` is the new total."""
    return _edit(call, call.exchange.order(call.account, call.params.text("order_id")))


def edit_by_label(call: Call) -> object:
    """Change the one open order of an instrument with a label; 13032 when there are several."""
    instrument, label = call.venue.instrument(call.params), call.params.text("label", _LABEL_LENGTH_MAX)
    opened = call.exchange.orders_open(call.account)
    found = [order for order in opened if order.label == label and order.instrument == instrument.id]
    if not found:
        raise VenueSays(10004, "order_not_found")
    if len(found) > 1:
        raise RpcError(13032, "non_unique_order_label")
    return _edit(call, found[0])


def _edit(call: Call, order: Order) -> object:
    params, instrument = call.params, call.exchange.instrument(order.instrument)
    refuse_unsupported(params)
    valid_until_ms = params.integer_or_none("valid_until")
    wanted = OrderEdit(
        amount_native=amount_or_none(params, instrument),
        price_native=params.number_or_none("price"),
        post_only=_flag_or_none(call, "post_only"),
        reject_post_only=_flag_or_none(call, "reject_post_only"),
        reduce_only=_flag_or_none(call, "reduce_only"),
        valid_until_ns=None if valid_until_ms is None else ns_from_ms(valid_until_ms),
    )
    edited, trades = call.exchange.edit(call.account, order.order_id, wanted)
    return placed_object(edited, trades, instrument)


def _flag_or_none(call: Call, name: str) -> bool | None:
    return call.params.flag(name) if call.params.has(name) else None


def close_position(call: Call) -> object:
    """Send a reduce-only order for the whole position; 11030 when there is none."""
    params, instrument = call.params, call.venue.instrument(call.params)
    params.text("type")
    order_type = OrderType(params.choice("type", tuple(OrderType), OrderType.LIMIT))
    held = _held_native(call, instrument)
    request = OrderRequest(
        account=call.account,
        instrument=instrument.id,
        side=Side.SELL if held > ZERO else Side.BUY,
        # Without a position the venue refuses for that, so the amount must not be what is wrong.
        amount_native=abs(held) or instrument.lot_native,
        type=order_type,
        price_native=params.number("price") if order_type is OrderType.LIMIT else None,
        reduce_only=True,
    )
    order, trades = call.exchange.submit(request)
    call.session.placed.note(call.account, order.order_id)
    return placed_object(order, trades, instrument)


def _held_native(call: Call, instrument: Instrument) -> Decimal:
    for position in call.exchange.positions(call.account):
        if position.instrument == instrument.id:
            return position.size_native
    return ZERO


def get_open_orders_by_label(call: Call) -> object:
    """Open orders of one currency, with a label where one is named."""
    currency, label = call.venue.currency(call.params), call.params.text_or_none("label", _LABEL_LENGTH_MAX)
    exchange = call.exchange
    return [
        order_object(order, exchange.instrument(order.instrument))
        for order in exchange.orders_open(call.account)
        if currency_of(exchange.instrument(order.instrument)) == currency and label in (None, order.label)
    ]


def get_order_history_by_instrument(call: Call) -> object:
    """Orders of one instrument that are over, newest first."""
    instrument = call.venue.instrument(call.params)
    return _history(call, (o for o in call.exchange.orders_all(call.account) if o.instrument == instrument.id))


def get_order_history_by_currency(call: Call) -> object:
    """Orders of one currency and kind that are over, newest first."""
    currency, kind, exchange = call.venue.currency(call.params), call.params.choice("kind", KINDS, "any"), call.exchange

    def fits(order: Order) -> bool:
        instrument = exchange.instrument(order.instrument)
        return currency_of(instrument) == currency and kind in ("any", kind_of(instrument))

    return _history(call, filter(fits, exchange.orders_all(call.account)))


def _history(call: Call, orders: Iterable[Order]) -> list[object]:
    """Orders that traded; with `include_unfilled` also those that ended without. `historical` has none."""
    params = call.params
    count = params.integer("count", _HISTORY_DEFAULT, at_least=1, at_most=_HISTORY_MAX)
    offset = params.integer("offset", 0, at_least=0, at_most=_OFFSET_MAX)
    takes_unfilled, is_historical = params.flag("include_unfilled"), params.flag("historical")
    over = [
        order
        for order in ([] if is_historical else orders)
        if order.state is not OrderState.OPEN and (order.filled_native > ZERO or takes_unfilled)
    ]
    over.sort(key=lambda order: order.updated_ns, reverse=True)
    return [order_object(o, call.exchange.instrument(o.instrument)) for o in over[offset : offset + count]]
