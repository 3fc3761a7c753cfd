"""What clients' own trades do to the price of a drawn world: a part that stays and a part that passes.

Linear in coins (theory 6.1): kappa is USD per coin bought. Knows no order and no instrument. A world without impact is
the default; with it, a hedger can be watched moving the very price it hedges against.
"""

import math

from msgspec import Struct

from bot.domain.time import NS_PER_S, Ns


class Impact(Struct, frozen=True, kw_only=True):
    """How a taker of perpetuals or futures moves every price of the coin."""

    lasting_usd_per_coin: float = 0.0
    """Stays for good."""
    passing_usd_per_coin: float = 0.0
    """On top of it, and gone again after some `fading_ns`."""
    fading_ns: Ns = Ns(30 * NS_PER_S)
    """The passing part falls to 1/e of itself in so long."""


class Pressure:
    """State of one coin: how far clients hold its price from where it would be without them, USD."""

    def __init__(self, impact: Impact) -> None:
        """Nobody has traded."""
        self._impact = impact
        self._lasting_usd = 0.0
        self._passing_usd = 0.0
        self._fresh_coin = 0.0

    def press(self, coin: float) -> None:
        """Coins bought by a taker, signed; felt from the next moment on."""
        self._fresh_coin += coin

    def pass_time(self, dt_ns: int) -> None:
        """What passes fades; what was traded since the last moment is felt."""
        impact = self._impact
        self._passing_usd *= math.exp(-dt_ns / impact.fading_ns)
        self._passing_usd += impact.passing_usd_per_coin * self._fresh_coin
        self._lasting_usd += impact.lasting_usd_per_coin * self._fresh_coin
        self._fresh_coin = 0.0

    @property
    def usd(self) -> float:
        """Added to the index of the coin."""
        return self._lasting_usd + self._passing_usd
