"""Positions as the sum of fills over a baseline; a fill id counts once, however often and late it comes.

Knows amounts in native units; nothing of prices.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from bot.domain.events import Filled
from bot.domain.ids import DERIBIT, FillId, InstrumentId, VenueId, venue_of
from bot.domain.seen import PositionSeen
from bot.domain.units import ZERO

_FILL_IDS_MAX: Final = 200_000
"""Ids remembered. Deribit repeats fills for 24 hours at most (exchange facts 3.1); at the venue's
fastest order rate allowed by a book's limits that is far fewer."""


class Positions:
    """Mutable private state of one engine."""

    def __init__(self) -> None:
        """Start flat, with nothing counted."""
        self._amounts: dict[InstrumentId, Decimal] = {}
        self._counted: dict[FillId, None] = {}
        self._held: dict[InstrumentId, Decimal] | None = None

    def book(self, fill: Filled) -> bool:
        """Add a fill; False when its id was counted before."""
        if fill.fill_id in self._counted:
            return False
        self._count(fill.fill_id)
        self._held = None
        self._amounts[fill.instrument] = self.amount(fill.instrument) + fill.amount_native
        return True

    def has_counted(self, fill_id: FillId) -> bool:
        """Whether a fill id is already inside the positions."""
        return fill_id in self._counted

    def count(self, fill_ids: Iterable[FillId]) -> None:
        """Mark fills as already inside the positions."""
        for fill_id in fill_ids:
            self._count(fill_id)

    def _count(self, fill_id: FillId) -> None:
        self._counted[fill_id] = None
        if len(self._counted) > _FILL_IDS_MAX:
            del self._counted[next(iter(self._counted))]

    def adopt(self, positions: Iterable[PositionSeen], venue: VenueId = DERIBIT) -> None:
        """Replace everything held at `venue` by its word."""
        self._held = None
        kept = {name: amount for name, amount in self._amounts.items() if venue_of(name) != venue}
        told = {item.instrument: item.amount_native for item in positions if item.amount_native != ZERO}
        self._amounts = kept | told

    def drop(self, instrument: InstrumentId) -> None:
        """Forget an expired instrument."""
        self._held = None
        self._amounts.pop(instrument, None)

    def amount(self, instrument: InstrumentId) -> Decimal:
        """Signed native amount; zero when never held."""
        return self._amounts.get(instrument, ZERO)

    def held(self) -> dict[InstrumentId, Decimal]:
        """Every non-zero position; the same object until something changes. Not to be written to."""
        if self._held is None:
            self._held = {name: amount for name, amount in self._amounts.items() if amount != ZERO}
        return self._held

    def differences(
        self, told: Iterable[PositionSeen], venue: VenueId = DERIBIT
    ) -> list[tuple[InstrumentId, Decimal, Decimal]]:
        """(instrument, ours, the venue's) wherever the two disagree about what is held at `venue`, in name order."""
        theirs = {item.instrument: item.amount_native for item in told}
        names = sorted({*theirs, *(name for name in self._amounts if venue_of(name) == venue)})
        pairs = [(name, self.amount(name), theirs.get(name, ZERO)) for name in names]
        return [pair for pair in pairs if pair[1] != pair[2]]
