"""What each Deribit error code means for an order, one row per code of exchange facts 3.5.

ccxt's exception classes are not enough (13888, a definite no, comes as a bare ExchangeError), so
the code decides. A code without a row leaves the outcome unknown: the order is looked up.
"""

from typing import Final

from bot.domain.reasons import RefusalKind
from bot.venues.outcome import UNKNOWN, Row, row_of

_K = RefusalKind

ERRORS: Final[dict[int, Row]] = {
    # Log in again, once; wrong credentials are a matter of configuration.
    10000: Row("authorization_required", _K.REAUTHENTICATE),
    13009: Row("unauthorized", _K.REAUTHENTICATE),
    13004: Row("invalid_credentials", _K.CONFIG),
    # The key may not do this.
    13021: Row("forbidden", _K.CONFIG),
    11042: Row("permission_denied", _K.CONFIG),
    13403: Row("scope_exceeded", _K.CONFIG),
    # Too much, too fast. 10028 also drops the socket.
    10028: Row("too_many_requests", _K.BACK_OFF),
    10047: Row("matching_engine_queue_full", _K.BACK_OFF),
    10066: Row("too_many_concurrent_requests", _K.BACK_OFF),
    # The engine may or may not have taken the order: look it up by label.
    10040: Row("retry", UNKNOWN),
    13028: Row("temporarily_unavailable", UNKNOWN),
    13503: Row("unavailable", UNKNOWN),
    11094: Row("internal_server_error", UNKNOWN),
    10050: Row("lock_time_exceeded", UNKNOWN),
    # Never reached the book.
    13888: Row("timed_out", _K.NOT_EXECUTED),
    13666: Row("request_cancelled_by_user", _K.NOT_EXECUTED),
    13777: Row("replaced", _K.NOT_EXECUTED),
    # Nobody can trade this now.
    10041: Row("settlement_in_progress", _K.PAUSE),
    11051: Row("system_maintenance", _K.PAUSE),
    10019: Row("locked_by_admin", _K.PAUSE),
    10012: Row("book_closed", _K.PAUSE),
    13019: Row("orderbook_closed", _K.PAUSE),
    13020: Row("not_found", _K.PAUSE),  # the instrument expired on the way (facts 6, trap 16)
    # Cancel or edit of an order that no longer works.
    10004: Row("order_not_found", _K.GONE),
    10010: Row("already_closed", _K.GONE),
    11044: Row("not_open_order", _K.GONE),
    11008: Row("already_filled", _K.GONE),
    10029: Row("not_owner_of_order", _K.GONE),
    # Money.
    10009: Row("not_enough_funds", _K.NO_FUNDS),
    10039: Row("not_enough_funds_in_currency", _K.NO_FUNDS),
    # Our rounding or our request is wrong.
    10002: Row("qty_too_low", _K.OUR_BUG),
    10021: Row("invalid_amount", _K.OUR_BUG),
    10027: Row("non_integer_contract_amount", _K.OUR_BUG),
    10043: Row("price_wrong_tick", _K.OUR_BUG),
    10023: Row("invalid_price", _K.OUR_BUG),
    10031: Row("invalid_args_for_instrument", _K.OUR_BUG),
    13032: Row("non_unique_order_label", _K.OUR_BUG),
    13778: Row("raw_subscriptions_not_available_for_unauthorized", _K.OUR_BUG),
    10030: Row("must_be_websocket_request", _K.OUR_BUG),
    -32602: Row("invalid_params", _K.OUR_BUG),  # off-tick prices come as this (data notes 4.16)
    -32601: Row("method_not_found", _K.OUR_BUG),
    -32600: Row("request_entity_too_large", _K.OUR_BUG),
    -32700: Row("parse_error", _K.OUR_BUG),
    11050: Row("bad_request", _K.OUR_BUG),
    # The price left the venue's band, or would not rest.
    10005: Row("price_too_low", _K.REQUOTE),
    10006: Row("price_too_low4idx", _K.REQUOTE),
    10007: Row("price_too_high", _K.REQUOTE),
    10008: Row("price_too_high4idx", _K.REQUOTE),
    11054: Row("post_only_reject", _K.REQUOTE),
    11055: Row("post_only_not_allowed", _K.REQUOTE),
    11021: Row("post_only_price_modification_not_possible", _K.REQUOTE),
    # An order of this account rests in the way: trying again at once changes nothing.
    10003: Row("order_overlap", _K.BACK_OFF),
    # Risk limits of the venue.
    10013: Row("pme_max_total_open_orders", _K.LIMITED),
    10014: Row("pme_max_future_open_orders", _K.LIMITED),
    10015: Row("pme_max_option_open_orders", _K.LIMITED),
    10016: Row("pme_max_future_open_orders_size", _K.LIMITED),
    10017: Row("pme_max_option_open_orders_size", _K.LIMITED),
    10018: Row("non_pme_max_future_position_size", _K.LIMITED),
    10037: Row("position_limit", _K.LIMITED),
    10038: Row("position_limit", _K.LIMITED),
    10072: Row("position_lock_reduce_only", _K.LIMITED),
    # Settings of the account.
    13030: Row("mmp_trigger", _K.CONFIG),
    13040: Row("mmp_required", _K.CONFIG),
    13042: Row("cod_not_enabled", _K.CONFIG),
    13668: Row("security_key_required", _K.CONFIG),
    # The venue switched requests without login off for a while.
    11056: Row("unauthenticated_public_disabled", _K.PAUSE),
}


def order_outcome(code: int) -> Row:
    """The row of a code; unlisted codes leave the outcome unknown."""
    return row_of(ERRORS, code)
