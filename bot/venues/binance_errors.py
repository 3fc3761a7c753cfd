"""What each Binance USD-M error code means for an order just sent, one row per code (venue's list; facts 4.3).

A code without a row leaves the outcome unknown: the order is looked up.
"""

from typing import Final

from bot.domain.reasons import RefusalKind
from bot.venues.outcome import UNKNOWN, Row

_K = RefusalKind

NO_SUCH_ORDER: Final = frozenset({-2013})
"""Answers to a look-up: there is no such order."""
BAD_KEY: Final = frozenset({-1002, -1022, -2008, -2014, -2015, -2017})

ERRORS: Final[dict[int, Row]] = {
    # "Execution status unknown": the order may be there.
    -1000: Row("unknown", UNKNOWN),
    -1001: Row("disconnected", UNKNOWN),
    -1006: Row("unexpected_response", UNKNOWN),
    -1007: Row("timeout", UNKNOWN),
    -1016: Row("service_shutting_down", UNKNOWN),
    # Our label is there already, on an order that is open.
    -4116: Row("duplicate_client_order_id", UNKNOWN),
    -4111: Row("duplicate_client_order_id", UNKNOWN),
    # Too much, too fast; "throttled before processing".
    -1003: Row("too_many_requests", _K.BACK_OFF),
    -1004: Row("server_busy", _K.BACK_OFF),
    -1008: Row("request_throttled", _K.BACK_OFF),
    -1015: Row("too_many_orders", _K.BACK_OFF),
    # Came too late: `recvWindow` was over.
    -1021: Row("outside_recv_window", _K.NOT_EXECUTED),
    -5028: Row("outside_recv_window_of_engine", _K.NOT_EXECUTED),
    -2020: Row("unable_to_fill", _K.NOT_EXECUTED),
    -2010: Row("order_rejected", _K.NOT_EXECUTED),
    # The price fell since the least order was counted in coins.
    -4164: Row("below_min_notional", _K.TOO_SMALL),
    -4004: Row("below_min_quantity", _K.TOO_SMALL),
    # Nobody can trade this now.
    -1122: Row("symbol_status", _K.PAUSE),
    -4140: Row("symbol_status", _K.PAUSE),
    -4141: Row("symbol_closed", _K.PAUSE),
    -2023: Row("in_liquidation", _K.PAUSE),
    -4400: Row("quantitative_rules", _K.PAUSE),
    -4192: Row("cooling_off", _K.PAUSE),
    # The price left the venue's limits.
    -4002: Row("above_max_price", _K.REQUOTE),
    -4013: Row("below_min_price", _K.REQUOTE),
    -4016: Row("above_mark_multiple", _K.REQUOTE),
    -4024: Row("below_mark_multiple", _K.REQUOTE),
    -5022: Row("post_only_reject", _K.REQUOTE),
    -4131: Row("counterparty_price_limit", _K.REQUOTE),
    # Money.
    -2018: Row("balance_insufficient", _K.NO_FUNDS),
    -2019: Row("margin_insufficient", _K.NO_FUNDS),
    -4050: Row("cross_balance_insufficient", _K.NO_FUNDS),
    # Cancel of an order that no longer works.
    -2011: Row("unknown_order", _K.GONE),
    -2013: Row("no_such_order", _K.GONE),
    # Risk limits of the venue.
    -2025: Row("max_open_orders", _K.LIMITED),
    -2027: Row("max_position_at_leverage", _K.LIMITED),
    -2028: Row("leverage_too_low", _K.LIMITED),
    -4005: Row("above_max_quantity", _K.LIMITED),
    # The key, the account or its settings. -4061: the account is in hedge mode.
    -1002: Row("unauthorized", _K.CONFIG),
    -1022: Row("invalid_signature", _K.CONFIG),
    -1121: Row("invalid_symbol", _K.CONFIG),
    -2008: Row("bad_api_id", _K.CONFIG),
    -2014: Row("bad_key_format", _K.CONFIG),
    -2015: Row("key_address_or_rights", _K.CONFIG),
    -2017: Row("keys_locked", _K.CONFIG),
    -4061: Row("position_side", _K.CONFIG),
    -4087: Row("reduce_only_account", _K.CONFIG),
    -4088: Row("no_orders_allowed", _K.CONFIG),
    -4401: Row("compliance_reduce_only", _K.CONFIG),
    -4402: Row("not_in_this_region", _K.CONFIG),
    # Our rounding or our request is wrong.
    -1013: Row("invalid_message", _K.OUR_BUG),
    -1100: Row("illegal_characters", _K.OUR_BUG),
    -1101: Row("too_many_parameters", _K.OUR_BUG),
    -1102: Row("parameter_missing", _K.OUR_BUG),
    -1106: Row("parameter_not_wanted", _K.OUR_BUG),
    -1111: Row("precision", _K.OUR_BUG),
    -1115: Row("invalid_time_in_force", _K.OUR_BUG),
    -1116: Row("invalid_order_type", _K.OUR_BUG),
    -1117: Row("invalid_side", _K.OUR_BUG),
    -1130: Row("invalid_parameter", _K.OUR_BUG),
    -1131: Row("recv_window_too_long", _K.OUR_BUG),
    -4003: Row("quantity_not_positive", _K.OUR_BUG),
    -4014: Row("off_tick", _K.OUR_BUG),
    -4015: Row("invalid_client_order_id", _K.OUR_BUG),
    -4023: Row("off_lot", _K.OUR_BUG),
}
