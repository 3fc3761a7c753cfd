"""What each Bybit code means for an order just sent, one row per code (v5 error codes, as ccxt 4.5 lists them too).

A code without a row leaves the outcome unknown: the order is looked up.
"""

from typing import Final

from bot.domain.reasons import RefusalKind
from bot.venues.outcome import UNKNOWN, Row

_K = RefusalKind

BAD_KEY: Final = frozenset({10003, 10004, 10007, 10008, 10009, 10010, 33004})

ERRORS: Final[dict[int, Row]] = {
    # The engine may or may not have taken the order: look it up.
    10000: Row("server_timeout", UNKNOWN),
    10016: Row("server_error", UNKNOWN),
    110079: Row("being_processed", UNKNOWN),
    # Our label is there already: an order of ours exists, whatever became of it.
    10014: Row("duplicate_request", UNKNOWN),
    110030: Row("duplicate_order_id", UNKNOWN),
    110072: Row("duplicate_order_link_id", UNKNOWN),
    # Too much, too fast.
    10006: Row("too_many_visits", _K.BACK_OFF),
    10018: Row("ip_rate_limit", _K.BACK_OFF),
    10429: Row("system_level_limit", _K.BACK_OFF),
    # Came too late: the window in which the request was to arrive was over.
    10002: Row("outside_recv_window", _K.NOT_EXECUTED),
    # The price fell since the least order was counted in coins.
    110094: Row("below_min_notional", _K.TOO_SMALL),
    # Nobody can trade this now.
    110005: Row("position_status", _K.PAUSE),
    110023: Row("reduce_only_now", _K.PAUSE),
    110042: Row("pre_delivery", _K.PAUSE),
    110063: Row("settlement_in_progress", _K.PAUSE),
    110066: Row("no_trading_now", _K.PAUSE),
    # The price left the venue's limits.
    110003: Row("price_out_of_range", _K.REQUOTE),
    # Money.
    110004: Row("insufficient_wallet", _K.NO_FUNDS),
    110006: Row("insufficient_for_margin", _K.NO_FUNDS),
    110007: Row("insufficient_available", _K.NO_FUNDS),
    110012: Row("insufficient_available", _K.NO_FUNDS),
    110014: Row("insufficient_for_margin", _K.NO_FUNDS),
    110044: Row("insufficient_margin", _K.NO_FUNDS),
    110045: Row("insufficient_wallet", _K.NO_FUNDS),
    110051: Row("insufficient_at_lowest_price", _K.NO_FUNDS),
    110052: Row("insufficient_to_set_price", _K.NO_FUNDS),
    110053: Row("insufficient_at_market", _K.NO_FUNDS),
    # Cancel of an order that no longer works.
    110001: Row("no_such_order", _K.GONE),
    110008: Row("finished_or_cancelled", _K.GONE),
    110010: Row("already_cancelled", _K.GONE),
    # Risk limits of the venue.
    110011: Row("would_liquidate", _K.LIMITED),
    110016: Row("risk_limit", _K.LIMITED),
    110020: Row("too_many_orders", _K.LIMITED),
    110021: Row("open_interest_limit", _K.LIMITED),
    110022: Row("amount_limited", _K.LIMITED),
    110035: Row("in_liquidation", _K.LIMITED),
    110039: Row("maintenance_too_high", _K.LIMITED),
    110040: Row("would_liquidate", _K.LIMITED),
    # The key, the account or its settings.
    10003: Row("invalid_key", _K.CONFIG),
    10004: Row("invalid_signature", _K.CONFIG),
    10005: Row("permission_denied", _K.CONFIG),
    10007: Row("authentication_failed", _K.CONFIG),
    10008: Row("user_banned", _K.CONFIG),
    10009: Row("ip_banned", _K.CONFIG),
    10010: Row("address_not_allowed", _K.CONFIG),
    10024: Row("compliance", _K.CONFIG),
    10027: Row("trading_banned", _K.CONFIG),
    10028: Row("unified_account_only", _K.CONFIG),
    10029: Row("symbol_not_allowed", _K.CONFIG),
    33004: Row("key_expired", _K.CONFIG),
    110025: Row("position_mode", _K.CONFIG),
    110067: Row("unified_account_unsupported", _K.CONFIG),
    110068: Row("leveraged_user", _K.CONFIG),
    # Our rounding or our request is wrong; 10001 is also what hedge mode says of an order for one-way mode.
    10001: Row("parameter_error", _K.OUR_BUG),
    110017: Row("reduce_only_rule", _K.OUR_BUG),
    110032: Row("illegal_order", _K.OUR_BUG),
    110049: Row("tick", _K.OUR_BUG),
}
