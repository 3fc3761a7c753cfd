"""A world that is a real venue as it is heard: its marks, indices, funding rates and published delivery prices.

Fed with market events by whoever listens to the venue; makes nothing up and reads no clock. The books come
separately (`live_book`). Every instrument has been heard once before the world opens.
"""

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import Ns
from bot.sim.facts import Told
from bot.sim.history import HistoryRow


class LiveMarket:
    """What was heard last of each instrument."""

    def __init__(
        self,
        listed: Iterable[Instrument],
        tickers: Iterable[OptionMarked | FutureMarked],
        index_usd: Mapping[str, float],
        marks_kept: Mapping[str, Told],
    ) -> None:
        """A first ticker of every instrument, or, for what has expired unseen, the mark it was last kept with."""
        self._listed = {item.id: item for item in listed}
        self._index_usd = dict(index_usd)
        self._told: dict[str, Told] = dict(marks_kept)
        self._deliveries: dict[tuple[str, Ns], float] = {}
        for ticker in tickers:
            self.see(ticker)
        silent = [name for name in self._listed if name not in self._told]
        assert not silent, f"nothing was heard of {silent}"

    def see(self, event: OptionMarked | FutureMarked) -> None:
        """Take a ticker; what it leaves out stays as it was."""
        item = self._listed.get(event.instrument)
        if item is None:
            return
        if event.index_usd is not None:
            self._index_usd[item.index_name] = event.index_usd
        before = self._told.get(item.id)
        told = _told_of_future(event, before) if isinstance(event, FutureMarked) else _told_of_option(event, before)
        if told is not None:
            self._told[item.id] = told

    def publish_delivery(self, index_name: str, expiry_ns: Ns, usd: float) -> None:
        """The venue has published the delivery price of an expiry."""
        self._deliveries[index_name, expiry_ns] = usd

    # --- the questions of the venue ------------------------------------------------------------------

    @property
    def is_recorded(self) -> bool:
        """Never."""
        return False

    def advance(self, now_ns: Ns) -> None:
        """Time passes by itself."""

    def press(self, base: str, coin: float) -> None:
        """A real venue tells itself what moved its prices."""
        del base, coin

    def index_names(self) -> tuple[str, ...]:
        """Indices of the instruments."""
        return tuple(self._index_usd)

    def index_usd(self, index_name: str) -> float:
        """Last heard."""
        return self._index_usd[index_name]

    def forward_usd(self, base: str, expiry_ns: Ns) -> float:
        """Last heard of any instrument of the expiry; the coin's index otherwise."""
        for name, item in self._listed.items():
            if item.base == base and item.expiry_ns == expiry_ns:
                return self._told[name].forward_usd
        return self._index_usd[f"{base.lower()}_usd"]

    def forward_name(self, base: str, expiry_ns: Ns) -> str:
        """Not told by the events."""
        del base, expiry_ns
        return "index_price"

    def iv(self, instrument: Instrument) -> float | None:
        """Last heard."""
        return self._told[instrument.id].iv_mark

    def perp_premium(self, instrument: Instrument) -> float:
        """Of the mark last heard."""
        return self._told[instrument.id].mark_native / self._index_usd[instrument.index_name] - 1.0

    def perp_half_spread_usd(self, instrument: Instrument) -> float | None:
        """Nothing is quoted here: the book is the venue's."""
        del instrument
        return None

    def recorded(self, instrument: Instrument) -> HistoryRow | None:
        """Nothing is recorded here."""
        del instrument
        return None

    def fresh(self) -> Sequence[str]:
        """Nothing: there are no rows."""
        return ()

    def told(self, instrument: Instrument) -> Told | None:
        """Last heard."""
        return self._told[instrument.id]

    def delivery_usd(self, index_name: str, expiry_ns: Ns, average_usd: float) -> float | None:
        """As published; an average of our own would be another one wherever we were not listening."""
        del average_usd
        return self._deliveries.get((index_name, expiry_ns))


def _told_of_future(event: FutureMarked, before: Told | None) -> Told | None:
    mark = event.mark_usd
    if mark is None:
        return before
    return Told(
        mark_native=mark,
        forward_usd=mark,
        iv_mark=None,
        price_min_native=event.price_min_usd,
        price_max_native=event.price_max_usd,
        funding_rate_8h=event.funding_rate_8h,
    )


def _told_of_option(event: OptionMarked, before: Told | None) -> Told | None:
    forward = event.forward_usd or (None if before is None else before.forward_usd) or event.index_usd
    if event.mark_native is None or forward is None:
        return before
    return Told(
        mark_native=event.mark_native,
        forward_usd=forward,
        iv_mark=event.iv_mark,
        price_min_native=None,
        price_max_native=None,
        funding_rate_8h=None,
    )
