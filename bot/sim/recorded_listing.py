"""What a recorded venue lists: every instrument that occurs in the rows, and a perpetual to hedge with.

Instruments are as the venue lists them in 2026, except for the ticks of options that were recorded before.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from bot.domain.instruments import Instrument
from bot.domain.units import float_from_decimal
from bot.sim.history import HistoryRow
from bot.sim.listing import described

_TICK_2023: Final = Decimal("0.0005")
"""Every option quote of April 2023 lies on it (recorded data notes, section 4.6); the ladder came later."""
_TICK_2023_COIN: Final = float_from_decimal(_TICK_2023)
_ON_GRID: Final = 1e-6


def listed_from_rows(rows: Sequence[HistoryRow]) -> tuple[Instrument, ...]:
    """The perpetuals of each money, then what occurs in the rows, by expiry, strike, put after call.

    Prices of inverse options have the tick of 2023 where all quotes lie on it, and the ladder of 2026 otherwise.
    ValueError without rows, or for a coin that cannot be played.
    """
    named = [described(name) for name in sorted({row.instrument for row in rows})]
    if not named:
        raise ValueError("recorded history has no rows")
    coarse = {item.id for item in named if item.is_option and item.is_inverse}
    if _is_on_coarse_grid(row for row in rows if row.instrument in coarse):
        named = [replace(item, tick_native=_TICK_2023, tick_steps=()) if item.id in coarse else item for item in named]
    named.sort(key=lambda item: (item.expiry_ns or 0, item.strike_usd or 0.0, not item.is_call))
    pairs = sorted({item.id.partition("-")[0] for item in named})
    perpetuals = {item.id: item for item in map(described, (f"{pair}-PERPETUAL" for pair in pairs))}
    return (*perpetuals.values(), *(item for item in named if item.id not in perpetuals))


def _is_on_coarse_grid(rows: Iterable[HistoryRow]) -> bool:
    quotes = {price for row in rows for price in (row.bid_native, row.ask_native) if price is not None}
    return all(abs(price / _TICK_2023_COIN - round(price / _TICK_2023_COIN)) < _ON_GRID for price in quotes)
