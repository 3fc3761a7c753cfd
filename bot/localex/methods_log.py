"""The transaction log of an account: one method, its pages and its rows. Knows no order and no market."""

from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import ms_from_ns
from bot.domain.units import ZERO
from bot.localex.calls import Call
from bot.localex.pages import is_within
from bot.localex.rpc import invalid_param
from bot.localex.wire import Wire, number, price_digits, shown, shown_usd
from bot.localex.wire_account import user_id
from bot.sim.facts import LogEntry

_COUNT_DEFAULT, _COUNT_MAX = 100, 250
_ID_MAX: Final = 2**62
_NONE: Final = "-"
"""Price and side of entries that have none (data notes 4.13)."""


def get_transaction_log(call: Call) -> object:
    """Why the balance of one currency changed, newest first; `continuation` is where the next page begins."""
    params, currency = call.params, call.venue.currency(call.params)
    bounds = [params.integer_or_none(name) for name in ("start_timestamp", "end_timestamp")]
    for name, bound in zip(("start_timestamp", "end_timestamp"), bounds, strict=True):
        if bound is None:
            raise invalid_param(name, "value required")
    count = params.integer("count", _COUNT_DEFAULT, at_least=1, at_most=_COUNT_MAX)
    last_id = params.integer("continuation", _ID_MAX, at_least=1, at_most=_ID_MAX)
    query = params.text_or_none("query")
    found = [
        entry
        for entry in call.exchange.log_of(call.account, currency)
        if entry.log_id <= last_id
        and is_within(ms_from_ns(entry.time_ns), bounds[0], bounds[1])
        and query in (None, entry.type, entry.instrument)
    ]
    rows = [log_object(call.account, entry, call.exchange.instrument(entry.instrument)) for entry in found[:count]]
    return {"logs": rows, "continuation": found[count].log_id if len(found) > count else None}


def log_object(account: str, entry: LogEntry, instrument: Instrument) -> Wire:
    """One row; fields as the venue's documentation lists them, without those of other account models."""
    trade = entry.trade
    fee_native = ZERO if trade is None or trade.fee_native is None else trade.fee_native
    wire: Wire = {
        "id": entry.log_id,
        "user_seq": entry.log_id,
        "user_id": user_id(account),
        "username": account,
        "timestamp": ms_from_ns(entry.time_ns),
        "type": entry.type,
        "currency": entry.currency,
        "instrument_name": entry.instrument,
        "side": _side(entry),
        "amount": number(abs(entry.amount_native)),
        "contracts": number(abs(entry.amount_native) / instrument.contract_size_native),
        "position": number(entry.position_native),
        "price": _NONE if entry.price_native is None else shown(number(entry.price_native), price_digits(instrument)),
        "price_currency": instrument.base if instrument.price_is_in_coin else "USD",
        "change": number(entry.change_native),
        "cashflow": number(entry.change_native + fee_native),
        "commission": number(fee_native),
        "balance": number(entry.balance_native),
        "info": {},
    }
    if entry.type == "settlement":
        wire["interest_pl"] = number(entry.funding_native)
    if trade is not None:
        wire["trade_id"] = trade.trade_id
        wire["order_id"] = trade.order_id
        wire["user_role"] = "maker" if trade.is_maker else "taker"
        wire["mark_price"] = shown(trade.mark_native, price_digits(instrument))
        wire["index_price"] = shown_usd(trade.index_usd)
    return wire


def _side(entry: LogEntry) -> str:
    """`open buy`, `close sell` and the like for what moves a position; the position's side at settlement."""
    if entry.type == "settlement":
        return _NONE if entry.position_native == ZERO else ("long" if entry.position_native > ZERO else "short")
    before: Decimal = entry.position_native - entry.amount_native
    if entry.type == "delivery":
        before = -entry.amount_native
    is_closing = before * entry.amount_native < ZERO
    return f"{'close' if is_closing else 'open'} {'buy' if entry.amount_native > ZERO else 'sell'}"
