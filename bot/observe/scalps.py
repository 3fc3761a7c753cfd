"""What gamma scalping came to in one book's run. Words of `hedgebot scalping`; filled by `drive`. USD, + gain."""

from msgspec import Struct

from bot.domain.time import Ns
from bot.risk.scalping import Scalping, Span


class ScalpingReport(Struct, frozen=True, kw_only=True):
    """Of one book's run."""

    run_id: str
    mode: str
    book: str
    start_ns: Ns
    end_ns: Ns
    steps_count: int
    scalping: Scalping | None
    """None: nothing was there to be looked at."""
    maker_share: float | None
    """Of the money traded, what rested; None where nothing was."""
    hedges_count: int
    """Those of which something was filled."""
    traded_usd: float
    hours: tuple[Span, ...]
    """By the clock, UTC."""
    hedges: tuple[Span, ...]
    """Each from the hedge before to its own last fill; what is after the last one stands at the end."""
    beside_usd: float
    """What the book made that is no scalping: volatility, basis, funding, collateral, and whatever `pnl` has more."""
    total_usd: float
    """Of `hedgebot pnl`."""
    problem: str
    """Why profit or costs do not add up; empty when they do."""
