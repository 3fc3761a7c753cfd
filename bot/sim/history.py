"""A world made of recorded option rows of one coin: quotes as they were, the perpetual quoted from its index.

Takes rows from any iterable; reads no file. Rows are `public/get_order_book` results at depth 1
(recorded data notes, section 2.1).
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import NS_PER_DAY, Ns, expiry_ns_from_code

_TICK_2023: Final = Decimal("0.0005")
"""Every option quote of April 2023 lies on it (recorded data notes, section 4.6); the ladder came later."""
_LOT_OPTION: Final = {"BTC": Decimal("0.1"), "ETH": Decimal(1)}
_CONTRACT_PERP_USD: Final = {"BTC": Decimal(10), "ETH": Decimal(1)}
_TICK_PERP_USD: Final = {"BTC": Decimal("0.5"), "ETH": Decimal("0.05")}
_HALF_SPREAD_USD: Final = {"BTC": 0.5, "ETH": 0.05}
_FEE_OPTION: Final = Decimal("0.0003")
_FEE_PERP_MAKER: Final = Decimal("0.00015")
_FEE_PERP_TAKER: Final = Decimal("0.00035")


class HistoryRow(Struct, frozen=True, kw_only=True):
    """One recorded moment of one option. Absent is None."""

    instrument: str
    time_ns: Ns
    state: str
    forward_usd: float
    forward_name: str
    index_usd: float
    mark_coin: float
    iv_mark_percent: float | None
    bid_coin: float | None
    bid_amount_coin: float | None
    ask_coin: float | None
    ask_amount_coin: float | None
    iv_bid_percent: float | None
    iv_ask_percent: float | None
    delta: float
    """Black-76 on the forward, as recorded."""
    open_interest_coin: float
    last_coin: float | None
    settlement_coin: float | None
    price_min_coin: float
    price_max_coin: float
    change_id: int


class RecordedMarket:
    """Plays rows of one coin in time order; `advance` consumes all rows up to now."""

    def __init__(self, rows: Iterable[HistoryRow]) -> None:
        """Start before the first row; ValueError when there is none."""
        self._rows: Iterator[HistoryRow] = iter(rows)
        first = next(self._rows, None)
        if first is None:
            raise ValueError("recorded history has no rows")
        self._next: HistoryRow | None = first
        self._base = first.instrument.partition("-")[0]
        # The index is known from the first row on, so that a venue can open at that row's time.
        self._index_usd = first.index_usd
        self._forward_usd: dict[Ns, float] = {}
        self._forward_name: dict[Ns, str] = {}
        self._row_by_instrument: dict[str, HistoryRow] = {}
        self._expiry_ns_by_code: dict[str, Ns] = {}
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
        self.rows_consumed_count += 1
        self._index_usd = row.index_usd
        self._row_by_instrument[row.instrument] = row
        code = row.instrument.split("-")[1]
        expiry_ns = self._expiry_ns_by_code.get(code)
        if expiry_ns is None:
            expiry_ns = self._expiry_ns_by_code[code] = expiry_ns_from_code(code)
        self._forward_usd[expiry_ns] = row.forward_usd
        self._forward_name[expiry_ns] = row.forward_name

    def index_names(self) -> tuple[str, ...]:
        """The coin's USD index."""
        return (f"{self._base.lower()}_usd",)

    def index_usd(self, index_name: str) -> float:
        """Index of the newest row."""
        assert index_name == f"{self._base.lower()}_usd", f"index {index_name} is not recorded"
        return self._index_usd

    def forward_usd(self, base: str, expiry_ns: Ns) -> float:
        """Newest recorded forward of the expiry; the index before its first row."""
        assert base == self._base, f"{base} is not recorded"
        return self._forward_usd.get(expiry_ns, self._index_usd)

    def forward_name(self, base: str, expiry_ns: Ns) -> str:
        """Its recorded name."""
        assert base == self._base, f"{base} is not recorded"
        return self._forward_name.get(expiry_ns, "index_price")

    def iv(self, instrument: Instrument) -> float | None:
        """Recorded mark volatility as a fraction."""
        row = self._row_by_instrument.get(instrument.id)
        return None if row is None or row.iv_mark_percent is None else row.iv_mark_percent / 100.0

    def perp_premium(self, instrument: Instrument) -> float:
        """Zero: the perpetual was not recorded and is quoted from its index."""
        assert instrument.base == self._base, f"{instrument.id} is not recorded"
        return 0.0

    def perp_half_spread_usd(self, instrument: Instrument) -> float | None:
        """One tick of the perpetual."""
        return _HALF_SPREAD_USD[instrument.base]

    def recorded(self, instrument: Instrument) -> HistoryRow | None:
        """Newest row of the option."""
        return self._row_by_instrument.get(instrument.id)


def listed_from_rows(rows: Iterable[HistoryRow]) -> tuple[Instrument, ...]:
    """The coin's inverse perpetual and every option that occurs in the rows, by expiry, strike, put after call."""
    names = sorted({row.instrument for row in rows})
    options = [_option(name) for name in names]
    if not options:
        raise ValueError("recorded history has no rows")
    options.sort(key=lambda item: (item.expiry_ns or 0, item.strike_usd or 0.0, not item.is_call))
    return (_perpetual(options[0].base), *options)


def _option(name: str) -> Instrument:
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
        lot_native=_LOT_OPTION[base],
        tick_native=_TICK_2023,
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
