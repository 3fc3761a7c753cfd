"""What Hyperliquid's words mean for an order just sent: it tells no codes, so each phrase has a number of ours here.

Words without a row leave the outcome unknown: the order is looked up. Phrases are of the venue's error page (2026) and
of ccxt 4.5; a part of the text decides, since amounts and addresses stand in it.
"""

from typing import Final, NamedTuple

from bot.domain.reasons import RefusalKind
from bot.venues.outcome import UNKNOWN, Row

_K = RefusalKind


class _Phrase(NamedTuple):
    code: int
    part: str
    row: Row


NO_MATCH: Final = 1
"""An immediate-or-cancel order that met nobody: it was there and is over."""
NO_SUCH_ORDER: Final = 2
LABEL_TOO_LONG: Final = 90
UNLISTED: Final = 99

_PHRASES: Final = (
    _Phrase(NO_MATCH, "could not immediately match", Row("no_match", UNKNOWN)),
    _Phrase(NO_SUCH_ORDER, "unknownOid", Row("no_such_order", _K.GONE)),
    _Phrase(3, "never placed, already canceled, or filled", Row("never_placed_or_over", _K.GONE)),
    _Phrase(4, "Too many cumulative requests", Row("too_many_requests", _K.BACK_OFF)),
    _Phrase(5, "rate limit", Row("rate_limit", _K.BACK_OFF)),
    _Phrase(6, "expired", Row("action_expired", _K.NOT_EXECUTED)),
    _Phrase(7, "nvalid nonce", Row("nonce_of_another_signer", _K.NOT_EXECUTED)),
    _Phrase(8, "No liquidity available", Row("no_liquidity", _K.NOT_EXECUTED)),
    _Phrase(9, "rading is halted", Row("trading_halted", _K.PAUSE)),
    _Phrase(10, "nly post-only orders", Row("post_only_now", _K.PAUSE)),
    _Phrase(11, "away from the reference price", Row("price_too_far", _K.REQUOTE)),
    _Phrase(12, "too far from oracle", Row("price_too_far", _K.REQUOTE)),
    _Phrase(13, "Insufficient margin", Row("insufficient_margin", _K.NO_FUNDS)),
    _Phrase(14, "Insufficient balance", Row("insufficient_balance", _K.NO_FUNDS)),
    _Phrase(15, "pen interest", Row("open_interest_cap", _K.LIMITED)),
    _Phrase(16, "Exceeds max position", Row("position_limit", _K.LIMITED)),
    _Phrase(17, "does not exist", Row("no_such_user_or_agent", _K.CONFIG)),
    _Phrase(18, "Must deposit before", Row("no_deposit", _K.CONFIG)),
    _Phrase(19, "divisible by tick size", Row("tick", _K.OUR_BUG)),
    _Phrase(20, "invalid price", Row("price", _K.OUR_BUG)),
    _Phrase(21, "invalid size", Row("size", _K.OUR_BUG)),
    _Phrase(22, "zero size", Row("size", _K.OUR_BUG)),
    _Phrase(23, "minimum value of", Row("below_min_notional", _K.TOO_SMALL)),
    _Phrase(24, "would have immediately matched", Row("post_only_reject", _K.REQUOTE)),
    _Phrase(25, "until enough volume traded", Row("switch_needs_volume", _K.CONFIG)),
)

ERRORS: Final[dict[int, Row]] = {
    **{phrase.code: phrase.row for phrase in _PHRASES},
    LABEL_TOO_LONG: Row("label_too_long", _K.CONFIG),
}


def code_of(words: str) -> int:
    """Our number of what the venue says; UNLISTED, which leaves the outcome unknown, for anything else."""
    return next((phrase.code for phrase in _PHRASES if phrase.part in words), UNLISTED)
