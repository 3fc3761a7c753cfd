"""Candles of a price: moments to bars of equal length, flat where nothing happened. Pure; knows no instrument."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

BARS_MAX: Final = 5_000
"""Most bars in one answer, the newest ones (the bound clients know of the venue)."""


@dataclass(frozen=True, slots=True)
class Print:
    """A price at a moment, with what was traded at it."""

    time_ms: int
    price: float
    volume: float = 0.0
    """Coins."""
    cost: float = 0.0
    """Quote currency."""


@dataclass(slots=True)
class Candle:
    """One bar; volume and cost as in `Print`."""

    time_ms: int
    """When it begins."""
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    cost: float = 0.0

    def take(self, one: Print) -> None:
        """Add a later price."""
        self.high = max(self.high, one.price)
        self.low = min(self.low, one.price)
        self.close = one.price
        self.volume += one.volume
        self.cost += one.cost


def candles(prints: Iterable[Print], start_ms: int, end_ms: int, step_ms: int) -> list[Candle]:
    """Bars whose beginning lies within the bounds, oldest first, from the first print on.

    `prints` come oldest first. A bar without one is flat at the close before it.
    """
    first_ms, last_ms = -(-start_ms // step_ms) * step_ms, end_ms // step_ms * step_ms
    first_ms = max(first_ms, last_ms - (BARS_MAX - 1) * step_ms)
    found: list[Candle] = []
    before: Candle | None = None
    for one in prints:
        tick_ms = one.time_ms // step_ms * step_ms
        if tick_ms > last_ms:
            break
        if before is not None and before.time_ms == tick_ms:
            before.take(one)
            continue
        found.extend(_flat(before, tick_ms, first_ms, step_ms))
        before = Candle(tick_ms, one.price, one.price, one.price, one.price, one.volume, one.cost)
        if tick_ms >= first_ms:
            found.append(before)
    found.extend(_flat(before, last_ms + step_ms, first_ms, step_ms))
    return found


def _flat(before: Candle | None, until_ms: int, first_ms: int, step_ms: int) -> Iterable[Candle]:
    """Bars between the one before and a moment, those before `first_ms` left out."""
    if before is None:
        return
    close = before.close
    flat = Candle(before.time_ms, close, close, close, close)
    for time_ms in range(max(before.time_ms + step_ms, first_ms), until_ms, step_ms):
        yield replace(flat, time_ms=time_ms)
