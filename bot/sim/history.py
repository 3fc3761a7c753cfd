"""A recorded world: quotes as they were; what was never recorded is quoted from its index.

Takes rows from any iterable; reads no file. Rows are `public/get_order_book` results at depth 1
(recorded data notes, section 2.1) or what a tape of our own knows of a ticker.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement, TickStep
from bot.domain.time import NS_PER_DAY, Ns, expiry_ns_from_code
from bot.domain.units import float_from_decimal
from bot.sim.facts import Told

_TICK_2023: Final = Decimal("0.0005")
"""Every option quote of April 2023 lies on it (recorded data notes, section 4.6); the ladder came later."""
_TICK_2023_COIN: Final = float_from_decimal(_TICK_2023)
_ON_GRID: Final = 1e-6
_TICK_FINE: Final = Decimal("0.0001")
_TICK_STEPS: Final = (TickStep(above_native=Decimal("0.005"), tick_native=_TICK_2023),)
"""Exchange facts 2.2."""
_LOT_OPTION: Final = {"BTC": Decimal("0.1"), "ETH": Decimal(1)}
_CONTRACT_PERP_USD: Final = {"BTC": Decimal(10), "ETH": Decimal(1)}
_TICK_PERP_USD: Final = {"BTC": Decimal("0.5"), "ETH": Decimal("0.05")}
_HALF_SPREAD_USD: Final = {"BTC": 0.5, "ETH": 0.05}
_FEE_OPTION: Final = Decimal("0.0003")
_FEE_PERP_MAKER: Final = Decimal("0.00015")
_FEE_PERP_TAKER: Final = Decimal("0.00035")


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


class RecordedMarket:
    """Plays rows in time order; `advance` consumes all rows up to now."""

    def __init__(
        self, rows: Iterable[HistoryRow], listed: Iterable[Instrument], index_usd: Mapping[str, float] | None = None
    ) -> None:
        """Start before the first row; ValueError when there is none. Rows name instruments of `listed`.

        `index_usd`: where indices begin that are not the first row's.
        """
        self._rows: Iterator[HistoryRow] = iter(rows)
        self._instruments: dict[str, Instrument] = {item.id: item for item in listed}
        first = next(self._rows, None)
        if first is None:
            raise ValueError("recorded history has no rows")
        self._next: HistoryRow | None = first
        # An index is known from the first row on, so that a venue can open at that row's time.
        self._index_usd = {self._instruments[first.instrument].index_name: first.index_usd} | dict(index_usd or {})
        self._forward: dict[tuple[str, Ns], tuple[float, str]] = {}
        self._row_by_instrument: dict[str, HistoryRow] = {}
        self._now_ns = Ns(0)
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
        self._now_ns = now_ns
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
        self._index_usd[item.index_name] = row.index_usd
        self._row_by_instrument[row.instrument] = row
        if item.expiry_ns is not None:
            self._forward[item.base, item.expiry_ns] = row.forward_usd, row.forward_name

    def press(self, base: str, coin: float) -> None:
        """What is recorded has happened."""
        del base, coin

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
        """As recorded; zero for a perpetual that was not, which is quoted from its index."""
        row = self._row_by_instrument.get(instrument.id)
        return 0.0 if row is None else row.mark_native / row.index_usd - 1.0

    def perp_half_spread_usd(self, instrument: Instrument) -> float | None:
        """One tick of the perpetual, where its quotes were not recorded."""
        return _HALF_SPREAD_USD.get(instrument.base)

    def recorded(self, instrument: Instrument) -> HistoryRow | None:
        """Newest row of the instrument."""
        return self._row_by_instrument.get(instrument.id)

    def told(self, instrument: Instrument) -> Told | None:
        """Nothing: marks are in the rows."""
        del instrument
        return None

    def delivery_usd(self, index_name: str, expiry_ns: Ns, average_usd: float) -> float | None:
        """The average itself."""
        del index_name, expiry_ns
        return average_usd


def listed_from_rows(rows: Sequence[HistoryRow]) -> tuple[Instrument, ...]:
    """The coin's inverse perpetual and every option that occurs in the rows, by expiry, strike, put after call.

    Prices of options have the tick of 2023 where all quotes lie on it, and the ladder of 2026 otherwise.
    """
    names = sorted({row.instrument for row in rows})
    quotes = {price for row in rows for price in (row.bid_native, row.ask_native) if price is not None}
    is_coarse = all(abs(price / _TICK_2023_COIN - round(price / _TICK_2023_COIN)) < _ON_GRID for price in quotes)
    options = [_option(name, is_coarse=is_coarse) for name in names]
    if not options:
        raise ValueError("recorded history has no rows")
    if options[0].base not in _LOT_OPTION:
        raise ValueError(f"no history of {options[0].base} can be played; {' and '.join(_LOT_OPTION)} can")
    options.sort(key=lambda item: (item.expiry_ns or 0, item.strike_usd or 0.0, not item.is_call))
    return (_perpetual(options[0].base), *options)


def _option(name: str, *, is_coarse: bool) -> Instrument:
    base, code, strike, right = name.split("-")
    return Instrument(
        id=InstrumentId(name),
        venue=VenueId("deribit"),
        kind=Kind.OPTION,
        base=base,
        settlement=Settlement.COIN,
        settlement_currency=base,
        index_name=f"{base.lower()}_usd",
        contract_size_native=Decimal(1),
        lot_native=_LOT_OPTION.get(base, Decimal(1)),
        tick_native=_TICK_2023 if is_coarse else _TICK_FINE,
        tick_steps=() if is_coarse else _TICK_STEPS,
        fee_rate_maker=_FEE_OPTION,
        fee_rate_taker=_FEE_OPTION,
        expiry_ns=expiry_ns_from_code(code),
        strike_usd=int(strike) + 0.0,
        is_call=right == "C",
    )


def _perpetual(base: str) -> Instrument:
    return Instrument(
        id=InstrumentId(f"{base}-PERPETUAL"),
        venue=VenueId("deribit"),
        kind=Kind.PERPETUAL,
        base=base,
        settlement=Settlement.COIN,
        settlement_currency=base,
        index_name=f"{base.lower()}_usd",
        contract_size_native=_CONTRACT_PERP_USD[base],
        lot_native=_CONTRACT_PERP_USD[base],
        tick_native=_TICK_PERP_USD[base],
        fee_rate_maker=_FEE_PERP_MAKER,
        fee_rate_taker=_FEE_PERP_TAKER,
    )


def last_expiry_ns(listed: Iterable[Instrument]) -> Ns:
    """Latest expiry among the instruments, one day in the future of the epoch when none expires."""
    return max((item.expiry_ns for item in listed if item.expiry_ns is not None), default=Ns(NS_PER_DAY))
