"""A recorded world: quotes as they were; what was never recorded is quoted from its index.

Takes rows from any iterable; reads no file. Rows are `public/get_order_book` results at depth 1
(recorded data notes, section 2.1) or what a tape of our own knows of a ticker.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.sim.facts import Told
from bot.sim.impact import Impact, Pressure

_HALF_SPREAD_USD: Final = {"BTC": 0.5, "ETH": 0.05}


class HistoryRow(Struct, frozen=True, kw_only=True):
    """One recorded moment of one instrument, native units. Absent, or never recorded, is None."""

    instrument: str
    time_ns: Ns
    """When it is played."""
    forward_usd: float
    """Of an option's expiry; the mark of a future."""
    forward_name: str
    index_usd: float
    mark_native: float
    iv_mark_percent: float | None
    bid_native: float | None
    bid_amount_native: float | None
    ask_native: float | None
    ask_amount_native: float | None
    iv_bid_percent: float | None = None
    iv_ask_percent: float | None = None
    has_quote_ivs: bool = False
    """Whether volatilities of quotes were recorded at all, where there were any."""
    delta: float | None = None
    """Black-76 on the forward, decayed, as recorded."""
    open_interest_native: float | None = None
    last_native: float | None = None
    settlement_native: float | None = None
    price_min_native: float | None = None
    price_max_native: float | None = None


def linear_name(name: str) -> str:
    """The name an inverse instrument would have, were it settled in USDC."""
    base, _, rest = name.partition("-")
    return f"{base}_USDC-{rest}"


def in_usdc(row: HistoryRow) -> HistoryRow:
    """An inverse option's row as if it were settled in USDC: prices in coin times the forward they were made on."""

    def usd(price_coin: float | None) -> float | None:
        return None if price_coin is None else price_coin * row.forward_usd

    return replace(
        row,
        instrument=linear_name(row.instrument),
        mark_native=row.mark_native * row.forward_usd,
        bid_native=usd(row.bid_native),
        ask_native=usd(row.ask_native),
        last_native=usd(row.last_native),
        settlement_native=usd(row.settlement_native),
        price_min_native=usd(row.price_min_native),
        price_max_native=usd(row.price_max_native),
    )


class RecordedMarket:
    """Plays rows in time order; `advance` consumes all rows up to now."""

    def __init__(
        self,
        rows: Iterable[HistoryRow],
        listed: Iterable[Instrument],
        index_usd: Mapping[str, float] | None = None,
        impact: Impact | None = None,
    ) -> None:
        """Start before the first row; ValueError when there is none. Rows name instruments of `listed`.

        `index_usd`: where indices begin that are not the first row's; `impact`: of own trades on perpetuals that were
        not recorded, None where they move no price.
        """
        self._rows: Iterator[HistoryRow] = iter(rows)
        self._instruments: dict[str, Instrument] = {item.id: item for item in listed}
        first = next(self._rows, None)
        if first is None:
            raise ValueError("recorded history has no rows")
        self._next: HistoryRow | None = first
        # An index is known from the first row on, so that a venue can open at that row's time.
        self._index_usd = {self._instruments[first.instrument].index_name: first.index_usd} | dict(index_usd or {})
        self._indices: dict[str, set[str]] = {}
        for item in self._instruments.values():
            self._indices.setdefault(item.base, {f"{item.base.lower()}_usd"}).add(item.index_name)
        self._recorded_indices: set[str] = set()
        self._join_indices(self._instruments[first.instrument].base, first.index_usd)
        self._pressures = {} if impact is None else {i.base: Pressure(impact) for i in self._instruments.values()}
        self._forward: dict[tuple[str, Ns], tuple[float, str]] = {}
        self._row_by_instrument: dict[str, HistoryRow] = {}
        self._now_ns = Ns(0)
        self._fresh: list[str] = []
        self._told: list[InstrumentId] = []
        """Of the newest row's moment."""
        self._told_ns = Ns(0)
        self.rows_consumed_count = 0

    @property
    def is_recorded(self) -> bool:
        """Always: options are quoted as recorded."""
        return True

    def next_time_ns(self) -> Ns | None:
        """Time of the next row not yet consumed; None at the end."""
        return None if self._next is None else self._next.time_ns

    def advance(self, now_ns: Ns) -> None:
        """Consume every row stamped at or before `now_ns`; ValueError when rows are not sorted."""
        assert now_ns >= self._now_ns, f"time went back from {self._now_ns} to {now_ns}"
        for pressure in self._pressures.values():
            pressure.pass_time(now_ns - self._now_ns)
        self._now_ns = now_ns
        self._fresh = []
        row = self._next
        while row is not None and row.time_ns <= now_ns:
            self._take(row)
            following = next(self._rows, None)
            if following is not None and following.time_ns < row.time_ns:
                raise ValueError(f"recorded row of {following.instrument} at {following.time_ns} ns is out of order")
            row = following
        self._next = row

    def _take(self, row: HistoryRow) -> None:
        item = self._instruments[row.instrument]
        self.rows_consumed_count += 1
        self._fresh.append(row.instrument)
        if row.time_ns != self._told_ns:
            self._told, self._told_ns = [], row.time_ns
        self._told.append(item.id)
        self._recorded_indices.add(item.index_name)
        self._index_usd[item.index_name] = row.index_usd
        self._join_indices(item.base, row.index_usd)
        self._row_by_instrument[row.instrument] = row
        if item.expiry_ns is not None:
            self._forward[item.base, item.expiry_ns] = row.forward_usd, row.forward_name

    def _join_indices(self, base: str, index_usd: float) -> None:
        """A coin's other index, of which nothing was recorded, goes with the one that was."""
        for name in self._indices[base] - self._recorded_indices:
            self._index_usd[name] = index_usd

    def press(self, base: str, coin: float) -> None:
        """A client took so many coins: felt by perpetuals quoted from their index; what is recorded has happened."""
        if base in self._pressures:
            self._pressures[base].press(coin)

    def index_names(self) -> tuple[str, ...]:
        """Of all that is recorded."""
        return tuple(self._index_usd)

    def index_usd(self, index_name: str) -> float:
        """Index of the newest row."""
        assert index_name in self._index_usd, f"index {index_name} is not recorded"
        return self._index_usd[index_name]

    def forward_usd(self, base: str, expiry_ns: Ns) -> float:
        """Newest recorded forward of the expiry; the coin's index before its first row."""
        known = self._forward.get((base, expiry_ns))
        return (
            known[0]
            if known
            else next(usd for name, usd in self._index_usd.items() if name.startswith(f"{base.lower()}_"))
        )

    def forward_name(self, base: str, expiry_ns: Ns) -> str:
        """Its recorded name."""
        known = self._forward.get((base, expiry_ns))
        return known[1] if known else "index_price"

    def iv(self, instrument: Instrument) -> float | None:
        """Recorded mark volatility as a fraction."""
        row = self._row_by_instrument.get(instrument.id)
        return None if row is None or row.iv_mark_percent is None else row.iv_mark_percent / 100.0

    def perp_premium(self, instrument: Instrument) -> float:
        """As recorded; of a perpetual that was not, which is quoted from its index, what own trades did to it."""
        row = self._row_by_instrument.get(instrument.id)
        if row is not None:
            return row.mark_native / row.index_usd - 1.0
        pressure = self._pressures.get(instrument.base)
        return 0.0 if pressure is None else pressure.usd / self.index_usd(instrument.index_name)

    def perp_half_spread_usd(self, instrument: Instrument) -> float | None:
        """One tick of the perpetual, where its quotes were not recorded."""
        return _HALF_SPREAD_USD.get(instrument.base)

    def recorded(self, instrument: Instrument) -> HistoryRow | None:
        """Newest row of the instrument."""
        return self._row_by_instrument.get(instrument.id)

    def fresh(self) -> Sequence[str]:
        """Instruments of the rows the last `advance` consumed, in their order."""
        return self._fresh

    def rows_at(self, now_ns: Ns) -> Sequence[InstrumentId]:
        """Instruments with a row of this very moment, which has been advanced to."""
        return self._told if self._told_ns == now_ns else ()

    def told(self, instrument: Instrument) -> Told | None:
        """Nothing: marks are in the rows."""
        del instrument
        return None

    def delivery_usd(self, index_name: str, expiry_ns: Ns, average_usd: float) -> float | None:
        """The average itself."""
        del index_name, expiry_ns
        return average_usd
