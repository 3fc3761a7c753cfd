"""One instrument at the venue: its book, its mark, the statistics of its trades.

State only; who moves it: `marks` the mark, `market_maker` the quotes, `desk` the trades.
"""

import zlib
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument, Kind
from bot.domain.time import Ns
from bot.domain.units import float_from_decimal
from bot.sim.book import Book, Grid
from bot.sim.day_volume import DayVolume
from bot.sim.facts import Told, Trade
from bot.sim.history import HistoryRow

_TRADES_KEPT: Final = 1000
"""Public trades remembered per instrument; older ones are forgotten."""
OPEN: Final = "open"
CLOSED: Final = "closed"
"""Expired, and its delivery price not published yet."""
DELIVERED: Final = "delivered"
_NEVER: Final = -1


@dataclass(slots=True)
class Mark:
    """The venue's valuation of one instrument at one moment."""

    at_ns: int = _NEVER
    mark_native: float = 0.0
    index_usd: float = 0.0
    forward_usd: float = 0.0
    """Of the expiry; the mark itself for perpetuals and futures."""
    iv: float | None = None
    tau_years: float = 0.0
    delta_per_unit: float = 0.0
    """Delta in coins of one coin of option, decayed in the settlement window. Options only."""
    moving_share: float = 1.0
    """Share of the price not yet averaged: below one once the settlement window of its expiry has begun."""
    row: HistoryRow | None = None
    told: Told | None = None
    """Said by a real venue, whose book then comes from outside as well."""


@dataclass(slots=True, eq=False)
class Pit:
    """Everything the venue keeps about one instrument."""

    instrument: Instrument
    grid: Grid
    book: Book
    salt_seed: int
    state: str = OPEN
    created_ns: Ns | None = None
    """When it was added; None: it was there at the start."""
    mark: Mark = field(default_factory=Mark)
    quoted_ns: int = _NEVER
    quoted_row: HistoryRow | None = None
    quoted_for: tuple[int, int, int] | None = None
    """What the market maker's last ladders were made for: touch and clock."""
    ladders: tuple[dict[int, int], dict[int, int]] = ({}, {})
    watchers_count: int = 0
    """Those who are told what changes in the book."""
    is_kept_alive: bool = False
    """Somebody looks at it now and then."""
    trade_seq: int = 0
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=_TRADES_KEPT))
    last_native: Decimal | None = None
    first_native: Decimal | None = None
    high_native: Decimal | None = None
    low_native: Decimal | None = None
    tick_direction: int = 0
    """Direction of the last trade price, the venue's enumeration 0..3."""
    volume: DayVolume | None = field(default_factory=DayVolume)
    """None where nobody but clients trades: theirs alone is no market's."""
    settlement_native: float | None = None
    """Mark at the last 08:00 UTC, the mark at the start before that."""
    delivery_usd: float | None = None
    """Delivery price once delivered."""

    @property
    def is_open(self) -> bool:
        """Whether it can be traded."""
        return self.state == OPEN

    @property
    def is_looked_at(self) -> bool:
        """Whether the book has to move on every step, with or without orders in it."""
        return self.is_kept_alive or self.watchers_count > 0

    @property
    def is_perpetual(self) -> bool:
        """Whether it never expires."""
        return self.instrument.kind is Kind.PERPETUAL

    def print_trade(self, trade: Trade, coin_per_amount: float) -> None:
        """Count a public trade in the statistics; `coin_per_amount` turns its amount into coins."""
        price = trade.price_native
        self.trades.append(trade)
        self.tick_direction = trade.tick_direction
        self.last_native = price
        self.first_native = price if self.first_native is None else self.first_native
        self.high_native = price if self.high_native is None else max(self.high_native, price)
        self.low_native = price if self.low_native is None else min(self.low_native, price)
        coins = float_from_decimal(trade.amount_native) * coin_per_amount
        if self.volume is not None:
            self.volume.add(trade.time_ns, coins, coins * trade.index_usd)

    def next_tick_direction(self, price: Decimal) -> int:
        """0 up, 1 zero after up, 2 down, 3 zero after down, against the last trade."""
        if self.last_native is None or price > self.last_native:
            return 0
        if price < self.last_native:
            return 2
        return 1 if self.tick_direction <= 1 else 3


def open_pit(instrument: Instrument, seed: int) -> Pit:
    """A fresh, empty pit; its salt makes the market maker's amounts differ between instruments and seeds."""
    grid = Grid(instrument)
    salt = zlib.crc32(f"{seed}:{instrument.id}".encode())
    return Pit(instrument=instrument, grid=grid, book=Book(grid), salt_seed=salt)
