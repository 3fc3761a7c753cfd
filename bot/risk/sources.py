"""Where a book takes forward, volatility and the smile's part of its delta from, by configuration.

The defaults are the venue's own words, and Black-76 on them.
"""

from msgspec import Struct

from bot.domain.time import NS_PER_S, Ns
from bot.pricing.smile import SmileDelta
from bot.risk.forward import ForwardSource
from bot.risk.volatility import VolatilitySource


class Sources(Struct, frozen=True, kw_only=True):
    """One book's choice; each has others that stand in for it."""

    forward: ForwardSource = ForwardSource.OPTIONS
    volatility: VolatilitySource = VolatilitySource.MARK
    smile: SmileDelta = SmileDelta.STICKY_STRIKE
    compares: bool = False
    """Measure how each rule would have hedged, also where none of them is used."""
    fit_every_ns: Ns = Ns(30 * NS_PER_S)

    @property
    def need_surface(self) -> bool:
        """Whether a surface is to be fitted."""
        return (
            self.compares or self.smile is not SmileDelta.STICKY_STRIKE or self.volatility is VolatilitySource.SURFACE
        )

    @property
    def need_more(self) -> bool:
        """Whether they look at instruments that are not held."""
        return self.forward is ForwardSource.FUTURE or self.need_surface
