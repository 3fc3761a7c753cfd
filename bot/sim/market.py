"""What a world must tell the venue about prices: index, forwards, volatility, perpetual premium.

Three worlds fit: drawn paths (`paths`), recorded history (`history`) and a real venue as it is heard (`live`).
Knows nothing of orders or accounts.
"""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.sim.facts import Told
from bot.sim.history import HistoryRow


class Market(Protocol):
    """Prices of one world; time only goes forward."""

    @property
    def is_recorded(self) -> bool:
        """Whether options are quoted as recorded instead of by the market maker's own formula."""

    def advance(self, now_ns: Ns) -> None:
        """Move to `now_ns`; going back is a bug."""

    def index_names(self) -> tuple[str, ...]:
        """Names of all indices: `btc_usd`, `btc_usdc`, ..."""

    def index_usd(self, index_name: str) -> float:
        """Index now, USD per coin."""

    def forward_usd(self, base: str, expiry_ns: Ns) -> float:
        """Forward of a coin for an expiry, USD per coin."""

    def forward_name(self, base: str, expiry_ns: Ns) -> str:
        """The venue's name of that forward."""

    def iv(self, instrument: Instrument) -> float | None:
        """Mark volatility of an option, fraction a year; None when there is none."""

    def perp_premium(self, instrument: Instrument) -> float:
        """(mark - index) / index of a perpetual, fraction."""

    def perp_half_spread_usd(self, instrument: Instrument) -> float | None:
        """Half spread perpetuals are quoted with; None leaves it to the market maker (one tick)."""

    def recorded(self, instrument: Instrument) -> HistoryRow | None:
        """Newest recorded row; None in a drawn world, before the first row and for what was not recorded."""

    def fresh(self) -> Sequence[str]:
        """Instruments whose newest row came with the last move; none in a world without rows."""

    def told(self, instrument: Instrument) -> Told | None:
        """What a real venue says of it; None in a made-up world, where marks, bands and quotes are made here."""

    def delivery_usd(self, index_name: str, expiry_ns: Ns, average_usd: float) -> float | None:
        """Delivery price of an expiry, given the average observed; None while the real one is not published."""

    def press(self, base: str, coin: float) -> None:
        """A client took so many coins of perpetuals or futures, + bought; ignored where clients move no price."""
