"""What the account side of a book is told at its start, and what it tells of a fill. Keeps no state."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.time import Ns
from bot.execution.reconcile import Reconciler
from bot.risk.collateral import FiguresParams
from bot.risk.limits import Limits


class AccountParams(Struct, frozen=True, kw_only=True):
    """What the account side needs of a book's parameters."""

    book: str
    hedges: tuple[InstrumentId, ...]
    """The one whose index counts first."""
    label_prefix: str
    limits: Limits
    reconcile_interval_ns: Ns
    adopts_positions: bool
    figures: FiguresParams


class HedgeFill(NamedTuple):
    """When and at what price a hedge filled last."""

    time_ns: Ns
    price_usd: float
    is_buy: bool


def reconcilers_of(params: AccountParams, venues: Iterable[VenueId]) -> dict[VenueId, Reconciler]:
    """One for each venue, of its own snapshots."""
    return {
        venue: Reconciler(
            base=params.book,
            label_prefix=params.label_prefix,
            interval_ns=params.reconcile_interval_ns,
            adopts_positions=params.adopts_positions,
            venue=venue,
        )
        for venue in venues
    }
