"""Public methods about the market as a whole: summaries, public trades, deliveries, state of the venue.

One function each, from a call to its result. Knows no account, no socket and no envelope.
"""

from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import iso_utc, ns_from_ms
from bot.localex.calls import Call
from bot.localex.channels import KINDS
from bot.localex.pages import trade_page
from bot.localex.rpc import invalid_param
from bot.localex.wire import Wire, book_summary_object, currency_of, kind_of, number, shown_usd
from bot.sim.facts import Trade

_DELIVERIES_DEFAULT, _DELIVERIES_MAX = 10, 1_000
_OFFSET_MAX: Final = 1_000_000
_DATE_LENGTH: Final = 10


def status(_call: Call) -> object:
    """Whether anything is locked: never here. The flag is text on the wire (exchange facts 3.6)."""
    return {"locked": "false"}


def get_index_price_names(call: Call) -> object:
    """Names of all indices."""
    return list(call.exchange.index_names())


def get_book_summary_by_instrument(call: Call) -> object:
    """A list with the summary of one instrument."""
    return [_summary(call, call.venue.instrument(call.params))]


def get_book_summary_by_currency(call: Call) -> object:
    """Summaries of all instruments of a currency that can be traded, of one kind where asked."""
    currency, kind = call.venue.currency(call.params), call.params.choice("kind", KINDS, "any")
    return [
        _summary(call, instrument)
        for instrument in call.exchange.instruments()
        if currency_of(instrument) == currency
        and kind in ("any", kind_of(instrument))
        and call.exchange.instrument_state(instrument.id) == "open"
    ]


def _summary(call: Call, instrument: Instrument) -> Wire:
    return book_summary_object(call.exchange.ticker(instrument.id), instrument)


def get_last_trades_by_instrument(call: Call) -> object:
    """Public trades of one instrument."""
    return trade_page(call, call.exchange.trades_public(call.venue.instrument(call.params).id))


def get_last_trades_by_currency(call: Call) -> object:
    """Public trades of all instruments of a currency."""
    currency, exchange = call.venue.currency(call.params), call.exchange
    found: list[Trade] = []
    for instrument in exchange.instruments():
        if currency_of(instrument) == currency:
            found.extend(exchange.trades_public(instrument.id))
    return trade_page(call, found)


def get_funding_rate_value(call: Call) -> object:
    """Funding of a perpetual between two moments, a fraction."""
    params, instrument = call.params, call.venue.instrument(call.params)
    start_ms, end_ms = params.integer_or_none("start_timestamp"), params.integer_or_none("end_timestamp")
    if start_ms is None or end_ms is None:
        raise invalid_param("start_timestamp" if start_ms is None else "end_timestamp", "value required")
    if end_ms < start_ms:
        raise invalid_param("end_timestamp", "must not be before start_timestamp")
    return call.exchange.funding_interest(instrument.id, ns_from_ms(start_ms), ns_from_ms(end_ms))


def get_delivery_prices(call: Call) -> object:
    """Delivery prices of an index by day, newest first."""
    params, exchange = call.params, call.exchange
    index_name = params.text("index_name")
    if index_name not in exchange.index_names():
        raise invalid_param("index_name", "wrong format")
    offset = params.integer("offset", 0, at_least=0, at_most=_OFFSET_MAX)
    count = params.integer("count", _DELIVERIES_DEFAULT, at_least=1, at_most=_DELIVERIES_MAX)
    usd_by_date: dict[str, float] = {}
    for instrument in exchange.instruments():
        usd = exchange.delivery_usd(instrument.id)
        if usd is not None and instrument.expiry_ns is not None and instrument.index_name == index_name:
            usd_by_date[iso_utc(instrument.expiry_ns)[:_DATE_LENGTH]] = shown_usd(usd)
    rows = [{"date": date, "delivery_price": usd_by_date[date]} for date in sorted(usd_by_date, reverse=True)]
    return {"data": rows[offset : offset + count], "records_total": len(rows)}


def get_contract_size(call: Call) -> object:
    """Contract size of one instrument in its native unit."""
    return {"contract_size": number(call.venue.instrument(call.params).contract_size_native)}
