"""Private methods about an account beside its orders: who it is, what moved in and out, what was settled.

One function each. Knows no order book and no socket. Nothing is ever deposited, withdrawn or transferred here.
"""

from typing import Final

from bot.domain.time import ms_from_ns
from bot.localex.calls import Call
from bot.localex.channels import KINDS
from bot.localex.rpc import Params
from bot.localex.wire import Wire, currency_of, kind_of, number, number_or_null
from bot.localex.wire_account import listed_position_object, order_object, user_id
from bot.sim.facts import LogEntry

_COUNT_DEFAULT, _COUNT_MAX = 20, 1_000
_OFFSET_MAX: Final = 1_000_000
_NO_MORE: Final = "none"
"""What stands for the next page where there is none: the venue documents a text, strict clients insist on it."""
_SETTLEMENT_TYPES: Final = ("settlement", "delivery", "bankruptcy")


def get_subaccounts(call: Call) -> object:
    """The account itself; it has no others under it."""
    return [
        {
            "id": user_id(call.account),
            "type": "main",
            "username": call.account,
            "system_name": call.account,
            "email": f"{call.account}@localhost",
            "is_password": False,
            "login_enabled": False,
            "margin_model": "segregated_sm",
            "receive_notifications": False,
            "security_keys_enabled": False,
            "security_keys_assignments": [],
        }
    ]


def get_subaccounts_details(call: Call) -> object:
    """Positions of one currency of the account, with its open orders where asked."""
    currency, exchange, account = call.venue.currency(call.params), call.exchange, call.account
    row: Wire = {"uid": user_id(account)}
    row["positions"] = [
        listed_position_object(position, item, exchange.ticker(item.id).interest_value)
        for position in exchange.positions(account)
        if currency_of(item := exchange.instrument(position.instrument)) == currency
    ]
    if call.params.flag("with_open_orders"):
        row["open_orders"] = [
            order_object(order, item)
            for order in exchange.orders_open(account)
            if currency_of(item := exchange.instrument(order.instrument)) == currency
        ]
    return [row]


def get_movements(call: Call) -> object:
    """Deposits, withdrawals or transfers of one currency: none."""
    call.venue.currency(call.params)
    return {"count": 0, "data": []}


def get_current_deposit_address(call: Call) -> object:
    """There is none."""
    call.venue.currency(call.params)
    return None


def get_user_locks(call: Call) -> object:
    """Nothing is locked."""
    return [{"currency": currency, "locked": False} for currency in call.venue.currencies]


def get_trigger_order_history(call: Call) -> object:
    """Trigger orders are not taken, so there are none."""
    call.venue.currency(call.params)
    return {"entries": [], "continuation": _NO_MORE}


def get_settlement_history_by_instrument(call: Call) -> object:
    """Settlements and deliveries of the account on one instrument, newest first."""
    instrument = call.venue.instrument(call.params)
    entries = call.exchange.log_of(call.account, instrument.settlement_currency)
    return _settlements(call.params, [entry for entry in entries if entry.instrument == instrument.id])


def get_settlement_history_by_currency(call: Call) -> object:
    """Settlements and deliveries of the account in one currency, newest first."""
    currency, kind = call.venue.currency(call.params), call.params.choice("kind", KINDS, "any")
    entries = call.exchange.log_of(call.account, currency)
    return _settlements(
        call.params,
        [e for e in entries if kind in ("any", kind_of(call.exchange.instrument(e.instrument)))],
    )


def _settlements(params: Params, entries: list[LogEntry]) -> object:
    count = params.integer("count", _COUNT_DEFAULT, at_least=1, at_most=_COUNT_MAX)
    is_first = params.text_or_none("continuation") in (None, _NO_MORE)
    skipped = 0 if is_first else params.integer("continuation", 0, at_least=0, at_most=_OFFSET_MAX)
    wanted = params.choice("type", _SETTLEMENT_TYPES, "") or _SETTLEMENT_TYPES
    since_ms = params.integer_or_none("search_start_timestamp")
    found = [
        entry
        for entry in entries
        if entry.type in _SETTLEMENT_TYPES
        and entry.type in wanted
        and (since_ms is None or ms_from_ns(entry.time_ns) >= since_ms)
    ]
    has_more = len(found) > skipped + count
    return {
        "settlements": [_settlement(entry) for entry in found[skipped : skipped + count]],
        "continuation": str(skipped + count) if has_more else _NO_MORE,
    }


def _settlement(entry: LogEntry) -> Wire:
    return {
        "type": entry.type,
        "timestamp": ms_from_ns(entry.time_ns),
        "instrument_name": entry.instrument,
        "position": number(entry.amount_native),
        "mark_price": number_or_null(entry.price_native),
        "profit_loss": number(entry.change_native),
        "session_profit_loss": number(entry.change_native),
        "funding": number(entry.funding_native),
    }
