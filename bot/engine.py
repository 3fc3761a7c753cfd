"""The synchronous state machine in the middle: events in, commands out. No IO, clock, randomness or logger."""

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.time import Ns
from bot.execution.tactics import cross
from bot.hedging.band import TradeTo
from bot.hedging.bands import fixed
from bot.market.quality import TrustLimits
from bot.risk.limits import Limits


class BookParams(Struct, frozen=True, kw_only=True):
    """Everything that decides how one book is hedged; part of what makes a run replayable."""

    book: str
    """Currency of the book: `BTC`."""
    convention: str
    """Which delta is hedged: `options_only`."""
    hedge_instrument: InstrumentId
    label_prefix: str
    run_tag: str
    """Unique per run; with the prefix and a counter it makes labels unique."""
    band: fixed.Params
    trade_to: TradeTo
    trade_coin_min: float
    tactic: cross.Params
    trust: TrustLimits
    limits: Limits
    reconcile_interval_ns: Ns
    adopts_positions: bool
    """Take the venue's positions at the start even where the ledger says otherwise."""
