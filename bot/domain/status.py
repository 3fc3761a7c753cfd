"""A frozen picture of one book for health pages and results. Knows nothing of how it came about."""

from decimal import Decimal

from msgspec import Struct

from bot.domain.decided import Decided
from bot.domain.events import LadderMeasured, SurfaceFitted
from bot.domain.ids import DERIBIT, InstrumentId, VenueId
from bot.domain.reasons import Phase
from bot.domain.stops import Latch
from bot.domain.time import Ns


class ProfitUsd(Struct, frozen=True, kw_only=True):
    """Profit since the start in USD; the parts add up to `total`."""

    total: float
    options: float
    """Options at the venue's marks, from start or fill price."""
    hedge: float
    """Perpetuals and futures at their marks, as if traded at mid."""
    slippage: float
    """Fills against the mid at the decision, negative is a cost."""
    fees: float
    """Negative is a cost."""
    funding: float
    """Negative is paid."""
    collateral: float = 0.0
    """Price move of coins beside the legs. Convention `usd`: of the equity outside options; `coin`: less that of the
    premium, as coins are the money; 0 otherwise."""


class EquitySeen(Struct, frozen=True, kw_only=True):
    """Equity of one currency of the account, by our books and by the venue's word, in that currency."""

    currency: str
    opening_native: Decimal
    """What the venue said when the books were opened; both sides count from there."""
    bot_native: Decimal
    venue_native: Decimal
    venue: VenueId = DERIBIT
    """Whose account it is."""


class VenueSeen(Struct, frozen=True, kw_only=True):
    """How a book stands with one of its venues."""

    venue: VenueId
    is_market_up: bool
    is_account_up: bool
    is_awaited: bool
    """Whether nothing is placed before this venue has agreed on positions."""


class ExpirySources(Struct, frozen=True, kw_only=True):
    """What the greeks of one held expiry are computed from."""

    index_name: str
    expiry_ns: Ns
    forward_usd: float | None
    """None: not known."""
    forward_source: str | None
    """`options`, `future` or `parity`."""
    forward_age_ns: Ns | None
    options_by_volatility: dict[str, int]
    """Held options by where their volatility is from, with the reason where the mark stands in: `mark: one_sided`."""
    smile: str
    """The rule of their deltas, with the reason where sticky strike stands in: `sticky_strike: no surface yet`."""


class BookStatus(Struct, frozen=True, kw_only=True):
    """State of one book."""

    book: str
    convention: str
    """Which delta the figures of `decided` are."""
    phase: Phase
    phase_cause: str
    is_reconciled: bool
    now_ns: Ns
    decided: Decided | None
    """The last decision."""
    positions_native: dict[InstrumentId, Decimal]
    orders_unknown: int
    orders_live: int
    profit_usd: ProfitUsd
    stops: tuple[Latch, ...] = ()
    """Those that are on, oldest first; only an operator lifts them."""
    venues: tuple[VenueSeen, ...] = ()
    """That of the options first."""
    equity: tuple[EquitySeen, ...] = ()
    """By currency; empty before the venue has told."""
    equity_agrees: bool | None = None
    """Of the coin account, when both sides were compared last, within what timing explains; None: not yet."""
    ladder: LadderMeasured | None = None
    """The newest gap-risk ladder."""
    sources: tuple[ExpirySources, ...] = ()
    surface: SurfaceFitted | None = None
    """The newest fit, with how each rule would have hedged; None where none is wanted, or before the first."""
