"""Why: every reason a decision, a refusal or a halt can have, as words that are logged and documented."""

import enum


class Action(enum.StrEnum):
    """What a decision came to."""

    HEDGE = "hedge"
    SKIP = "skip"
    """Nothing to do."""
    REFUSE = "refuse"
    """Something to do, but not safely."""


class Reason(enum.StrEnum):
    """Why a decision came to its action."""

    OUTSIDE_BAND = "outside_band"
    OUTSIDE_BAND_SURELY = "outside_band_surely"
    """The whole interval of possible deltas is on one side of the band."""
    INSIDE_BAND = "inside_band"
    BELOW_TRADE_MIN = "below_trade_min"
    """The trade would be under the configured minimum or one lot."""
    ORDER_PENDING = "order_pending"
    """A hedge on this instrument is in flight, open or unknown."""
    NO_OPTIONS = "no_options"
    """No option is held and no futures position is left over."""
    NOT_RECONCILED = "not_reconciled"
    STREAM_LOST = "stream_lost"
    HEDGE_QUOTE_DISTRUSTED = "hedge_quote_distrusted"
    DELTA_UNCERTAIN = "delta_uncertain"
    """Doubtful legs leave deltas on both sides of a band edge possible."""
    SPREAD_TOO_WIDE = "spread_too_wide"
    LIMIT_ORDER_USD = "limit_order_usd"
    LIMIT_POSITION_USD = "limit_position_usd"
    LIMIT_DELTA_WORST = "limit_delta_worst"
    LIMIT_ORDER_RATE = "limit_order_rate"
    PRICE_BAND = "price_band"
    """The capped limit price lies outside the venue's price band."""
    BACKING_OFF = "backing_off"
    """The venue refused recently; waiting before the next try."""
    STOPPING = "stopping"
    HALTED = "halted"


class DistrustCause(enum.StrEnum):
    """Why a market datum cannot be used."""

    NEVER_SEEN = "never_seen"
    STALE = "stale"
    CROSSED = "crossed"
    ONE_SIDED = "one_sided"
    NO_GREEKS = "no_greeks"
    NOT_OPEN = "not_open"
    BOOK_GAP = "book_gap"
    NOT_SUBSCRIBED = "not_subscribed"
    FROM_THE_FUTURE = "from_the_future"
    """Its stamp is later than now by more than the tolerance: a clock is wrong."""
    STREAM_LOST = "stream_lost"
    EXPIRED = "expired"


class RefusalKind(enum.StrEnum):
    """What a definite no means for us."""

    BACK_OFF = "back_off"
    """Too much, too fast: wait and try again."""
    PAUSE = "pause"
    """The venue or the book is locked: wait longer, risk alarm on."""
    NOT_EXECUTED = "not_executed"
    """The order came too late or was taken back; decide anew."""
    REQUOTE = "requote"
    """The price no longer fits the market; decide anew."""
    NO_FUNDS = "no_funds"
    """Stop increasing risk and call a human."""
    GONE = "gone"
    """Cancel or edit of an order that no longer works; look it up."""
    REAUTHENTICATE = "reauthenticate"
    """Authenticate once more, then decide anew."""
    OUR_BUG = "our_bug"
    """We sent something impossible: halt."""
    CONFIG = "config"
    """The account or key may not do this: halt."""
    LIMITED = "limited"
    """A venue-side risk limit: halt."""


class HaltCause(enum.StrEnum):
    """Why trading halted; lifted only by a restart after a look."""

    POSITION_MISMATCHED = "position_mismatched"
    ORDER_UNRESOLVED = "order_unresolved"
    ORDER_REFUSED = "order_refused"
    REFUSALS_IN_A_ROW = "refusals_in_a_row"
    JOURNAL_FAILED = "journal_failed"
    INBOX_OVERFLOWED = "inbox_overflowed"
    TASK_FAILED = "task_failed"
    STRANGER_ORDER = "stranger_order"
    FILL_UNEXPLAINED = "fill_unexplained"
    """A fill larger than the order it belongs to."""


class Phase(enum.StrEnum):
    """Where a book's engine stands."""

    RECONCILING = "reconciling"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    HALTED = "halted"
