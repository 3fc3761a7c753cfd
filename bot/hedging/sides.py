"""Which instruments hedges are bought with and which they are sold with. Knows names; no price and no position."""

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.hedging.target import HedgeSide


class Sides(Struct, frozen=True, kw_only=True):
    """Instruments by direction, the preferred one first; mostly the same twice."""

    buying: tuple[InstrumentId, ...]
    selling: tuple[InstrumentId, ...]

    @property
    def opened(self) -> tuple[InstrumentId, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.buying, *self.selling)))

    def of(self, name: InstrumentId) -> HedgeSide | None:
        """Positions that may be opened in an instrument; None: what is held in it is only closed."""
        if name in self.buying:
            return HedgeSide.BOTH if name in self.selling else HedgeSide.LONG
        return HedgeSide.SHORT if name in self.selling else None
