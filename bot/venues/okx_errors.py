"""What each OKX error code means for an order just sent, one row per code (v5 error codes, as ccxt 4.5 lists them too).

A code without a row leaves the outcome unknown: the order is looked up.
"""

from typing import Final

from bot.domain.reasons import RefusalKind
from bot.venues.outcome import UNKNOWN, Row

_K = RefusalKind

NO_SUCH_ORDER: Final = frozenset({51603})
"""Answers to a look-up: there is no such order."""
BAD_KEY: Final = frozenset({50100, 50101, 50103, 50104, 50105, 50110, 50111, 50113, 50114, 50119, 50120})

ERRORS: Final[dict[int, Row]] = {
    # The engine may or may not have taken the order: look it up.
    50001: Row("service_unavailable", UNKNOWN),
    50004: Row("endpoint_timeout", UNKNOWN),
    50005: Row("api_offline", UNKNOWN),
    50013: Row("systems_busy", UNKNOWN),
    50026: Row("system_error", UNKNOWN),
    51149: Row("order_timed_out", UNKNOWN),
    # Our label is there already: an order of ours exists, whatever became of it.
    51016: Row("client_order_id_exists", UNKNOWN),
    # Too much, too fast.
    50011: Row("rate_limit_reached", _K.BACK_OFF),
    50040: Row("too_frequent", _K.BACK_OFF),
    50061: Row("order_rate_limit_of_account", _K.BACK_OFF),
    # Came too late: `expTime` or the signature's time was over.
    50036: Row("exp_time_passed", _K.NOT_EXECUTED),
    50037: Row("order_expired", _K.NOT_EXECUTED),
    50102: Row("timestamp_expired", _K.NOT_EXECUTED),
    50112: Row("invalid_timestamp", _K.NOT_EXECUTED),
    # The least order has become larger than it was when it was read.
    51007: Row("below_one_contract", _K.TOO_SMALL),
    51020: Row("below_min_amount", _K.TOO_SMALL),
    51120: Row("below_min_size", _K.TOO_SMALL),
    # Nobody can trade this now.
    51009: Row("order_placement_blocked", _K.PAUSE),
    51021: Row("not_listed_yet", _K.PAUSE),
    51022: Row("suspended", _K.PAUSE),
    51027: Row("expired", _K.PAUSE),
    51028: Row("under_delivery", _K.PAUSE),
    51029: Row("being_settled", _K.PAUSE),
    51030: Row("funding_being_settled", _K.PAUSE),
    51124: Row("call_auction", _K.PAUSE),
    50017: Row("position_frozen_adl", _K.PAUSE),
    50018: Row("currency_frozen_adl", _K.PAUSE),
    50019: Row("account_frozen_adl", _K.PAUSE),
    50020: Row("position_frozen_liquidation", _K.PAUSE),
    50021: Row("currency_frozen_liquidation", _K.PAUSE),
    50022: Row("account_frozen_liquidation", _K.PAUSE),
    50023: Row("funding_frozen", _K.PAUSE),
    # The price left the venue's limits.
    51006: Row("price_out_of_limits", _K.REQUOTE),
    51031: Row("price_out_of_closing_range", _K.REQUOTE),
    51116: Row("price_too_far", _K.REQUOTE),
    51122: Row("price_too_low", _K.REQUOTE),
    51136: Row("above_highest_buy", _K.REQUOTE),
    51137: Row("above_highest_buy", _K.REQUOTE),
    51138: Row("below_lowest_sell", _K.REQUOTE),
    51139: Row("below_lowest_sell", _K.REQUOTE),
    # Money.
    51008: Row("insufficient_margin", _K.NO_FUNDS),
    51119: Row("insufficient_balance", _K.NO_FUNDS),
    51127: Row("no_available_balance", _K.NO_FUNDS),
    51131: Row("insufficient_balance", _K.NO_FUNDS),
    59200: Row("insufficient_account_balance", _K.NO_FUNDS),
    # Cancel of an order that no longer works.
    51400: Row("cancel_failed_no_order", _K.GONE),
    51401: Row("already_cancelled", _K.GONE),
    51402: Row("already_completed", _K.GONE),
    51405: Row("nothing_to_cancel", _K.GONE),
    51410: Row("already_cancelling", _K.GONE),
    51603: Row("no_such_order", _K.GONE),
    # Risk limits of the venue.
    50009: Row("in_liquidation", _K.LIMITED),
    51004: Row("tier_limit", _K.LIMITED),
    51005: Row("order_limit", _K.LIMITED),
    51025: Row("order_count_limit", _K.LIMITED),
    51101: Row("order_size_limit", _K.LIMITED),
    51103: Row("pending_limit", _K.LIMITED),
    51104: Row("position_limit", _K.LIMITED),
    51202: Row("order_amount_limit", _K.LIMITED),
    # The key, the account or its settings.
    50007: Row("account_blocked", _K.CONFIG),
    50008: Row("no_such_user", _K.CONFIG),
    50012: Row("account_status", _K.CONFIG),
    50027: Row("restricted_from_trading", _K.CONFIG),
    50030: Row("no_permission", _K.CONFIG),
    50100: Row("key_frozen", _K.CONFIG),
    50101: Row("key_of_other_environment", _K.CONFIG),
    50103: Row("key_missing", _K.CONFIG),
    50104: Row("passphrase_missing", _K.CONFIG),
    50105: Row("passphrase_wrong", _K.CONFIG),
    50110: Row("address_not_allowed", _K.CONFIG),
    50111: Row("invalid_key", _K.CONFIG),
    50113: Row("invalid_signature", _K.CONFIG),
    50114: Row("invalid_authorization", _K.CONFIG),
    50119: Row("no_such_key", _K.CONFIG),
    50120: Row("key_lacks_permission", _K.CONFIG),
    51000: Row("parameter_error", _K.OUR_BUG),  # also what hedge mode says of an order without posSide
    51001: Row("no_such_instrument", _K.CONFIG),
    51010: Row("account_mode", _K.CONFIG),
    51024: Row("account_blocked", _K.CONFIG),
    51155: Row("compliance", _K.CONFIG),
    # Our rounding or our request is wrong.
    50000: Row("empty_body", _K.OUR_BUG),
    50002: Row("json_error", _K.OUR_BUG),
    50014: Row("parameter_missing", _K.OUR_BUG),
    50015: Row("parameter_missing", _K.OUR_BUG),
    50016: Row("parameters_disagree", _K.OUR_BUG),
    50024: Row("parameters_exclude", _K.OUR_BUG),
    51015: Row("instrument_type", _K.OUR_BUG),
    51121: Row("off_lot", _K.OUR_BUG),
}
