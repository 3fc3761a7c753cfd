"""Pages of trades: bounds, kinds, order and the `has_more` flag that all trade methods share.

Knows the parameters of paging; does not know whose trades they are.
"""

from collections.abc import Iterable
from typing import Final

from bot.domain.time import ms_from_ns
from bot.localex.calls import Call
from bot.localex.channels import KINDS
from bot.localex.wire import Wire, kind_of
from bot.localex.wire_account import trade_object
from bot.sim.facts import Trade

_COUNT_DEFAULT: Final = 10
_COUNT_MAX: Final = 1_000


def trade_page(call: Call, trades: Iterable[Trade]) -> Wire:
    """Newest first unless `sorting` says otherwise; `historical` asks for older records than this venue has."""
    params, exchange = call.params, call.exchange
    count = params.integer("count", _COUNT_DEFAULT, at_least=1, at_most=_COUNT_MAX)
    is_ascending = params.choice("sorting", ("asc", "desc", "default"), "default") == "asc"
    kind = params.choice("kind", KINDS, "any")
    seq_start, seq_end = params.integer_or_none("start_seq"), params.integer_or_none("end_seq")
    ms_start, ms_end = params.integer_or_none("start_timestamp"), params.integer_or_none("end_timestamp")
    found = [
        trade
        for trade in ([] if params.flag("historical") else trades)
        if kind in ("any", kind_of(exchange.instrument(trade.instrument)))
        and is_within(trade.trade_seq, seq_start, seq_end)
        and is_within(ms_from_ns(trade.time_ns), ms_start, ms_end)
    ]
    found.sort(key=lambda trade: (trade.time_ns, trade.trade_seq), reverse=not is_ascending)
    return {
        "trades": [trade_object(trade, exchange.instrument(trade.instrument)) for trade in found[:count]],
        "has_more": len(found) > count,
    }


def is_within(value: int, low: int | None, high: int | None) -> bool:
    """Whether a value lies within inclusive bounds; None is no bound."""
    return (low is None or value >= low) and (high is None or value <= high)
