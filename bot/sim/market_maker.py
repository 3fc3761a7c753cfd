"""What the market maker quotes: ladders around the mark as a pure function of price and time.

Amounts come from a hash of instrument, price and a slow clock, so that asking for a book never changes the
world and successive ladders differ by a few levels. Knows no client. Prices in units, amounts in lots.
"""

import math
from statistics import NormalDist
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.sim.book import Grid
from bot.sim.pit import Mark, Pit

Ladder = dict[int, int]
"""Lots by price in units."""

_LEVELS_FAR: Final = 6
_LEVELS_OPTION: Final = 3
_FAR_STEP_SHARE: Final = 7.5e-5
"""Levels behind the touch stand on a grid of this share of the price: about 5 USD for BTC."""
_HALF_SPREAD_OPTION_SHARE: Final = 0.015
_HALF_SPREAD_OPTION_TICKS: Final = 0.35
QUEUE_USD_MEDIAN: Final = 90_000.0
QUEUE_LOG_SD: Final = 1.1
"""What rests at the touch of a perpetual or future: fitted to Deribit's BTC-PERPETUAL (docs/explanation/fills.md)."""
_FAR_COIN: Final = {"BTC": 2.0, "ETH": 40.0}
"""Typical size on each level behind."""
_OPTION_COIN: Final = {"BTC": 10.0, "ETH": 80.0}
_HASH_PRICE: Final = 2654435761
_HASH_TIME: Final = 2246822519
_MASK: Final = 0xFFFFFFFF
_HASHES: Final = 1 << 24
_NORMAL: Final = NormalDist()
_CLOCK_SHIFT: Final = 2
"""A tick of the market maker's clock is four seconds, and a quarter of its prices change amounts on it."""


def _mixed(units: int, salt: int, clock: int) -> int:
    """24 bits of hash."""
    mixed = ((units * _HASH_PRICE) ^ (((clock + units) >> _CLOCK_SHIFT) * _HASH_TIME) ^ salt) & _MASK
    mixed ^= mixed >> 15
    return (mixed * _HASH_PRICE & _MASK) >> 8


def _lots(units: int, salt: int, clock: int, size: int) -> int:
    """Between half and one and a half times `size`, by hash; at least one lot."""
    return 1 + (size >> 1) + _mixed(units, salt, clock) % (size + 1)


def _queue_lots(units: int, salt: int, clock: int, median: float) -> int:
    """Lognormal around `median`, by hash; at least one lot."""
    share = (_mixed(units, salt, clock) + 0.5) / _HASHES
    return 1 + int(median * math.exp(QUEUE_LOG_SD * _NORMAL.inv_cdf(share)))


def _clock(now_ns: Ns) -> int:
    return now_ns // NS_PER_S >> _CLOCK_SHIFT


def lots_of_coin(instrument: Instrument, coins: float, price_usd: float) -> int:
    """Whole lots in so many coins, at least one."""
    native = coins * price_usd if instrument.amount_is_in_usd else coins
    return max(1, int(native / float_from_decimal(instrument.lot_native)))


def ladders(pit: Pit, mark: Mark, now_ns: Ns, half_spread_usd: float | None) -> tuple[Ladder, Ladder]:
    """Bids and asks around the mark, best first; not to be changed by the caller."""
    if not pit.is_open:
        return {}, {}
    if mark.row is not None:
        return _recorded_ladders(pit.grid, mark)
    if not pit.instrument.is_option:
        return _future_ladders(pit, mark, now_ns, half_spread_usd)
    if mark.iv is None:
        return {}, {}
    return _option_ladders(pit, mark, now_ns)


def _size_price_usd(mark: Mark) -> float:
    """Price sizes are counted at: to two binary digits less than the mark, or every move would change them."""
    mantissa, exponent = math.frexp(mark.mark_native)
    return math.ldexp(round(mantissa * 8.0) / 8.0, exponent)


def _future_ladders(pit: Pit, mark: Mark, now_ns: Ns, half_spread_usd: float | None) -> tuple[Ladder, Ladder]:
    grid, instrument = pit.grid, pit.instrument
    position = mark.mark_native / grid.tick_float
    if half_spread_usd is None:
        bid = math.floor(position)
        ask = bid + 1
    else:
        half = max(1, math.ceil(half_spread_usd / grid.tick_float - 1e-9))
        middle = math.floor(position + 0.5)
        bid, ask = middle - half, middle + half
    salt, clock = pit.salt_seed, _clock(now_ns)
    if pit.quoted_for == (bid, ask, clock):
        return pit.ladders
    pit.quoted_for = (bid, ask, clock)
    price_usd = _size_price_usd(mark)
    queue = lots_of_coin(instrument, QUEUE_USD_MEDIAN / price_usd, price_usd)
    bids, asks = {bid: _queue_lots(bid, salt, clock, queue)}, {ask: _queue_lots(ask, salt, clock, queue)}
    step = max(2, int(price_usd / grid.tick_float * _FAR_STEP_SHARE))
    first_bid = (bid - 1) // step * step
    first_ask = -(-(ask + 1) // step) * step
    far = lots_of_coin(instrument, _FAR_COIN[instrument.base], price_usd)
    for level in range(_LEVELS_FAR):
        units = first_bid - level * step
        bids[units] = _lots(units, salt, clock, far)
        units = first_ask + level * step
        asks[units] = _lots(units, salt, clock, far)
    pit.ladders = bids, asks
    return pit.ladders


def _option_ladders(pit: Pit, mark: Mark, now_ns: Ns) -> tuple[Ladder, Ladder]:
    grid, instrument = pit.grid, pit.instrument
    tick = grid.step_at(int(mark.mark_native / grid.tick_float)) * grid.tick_float
    half = max(_HALF_SPREAD_OPTION_TICKS * tick, _HALF_SPREAD_OPTION_SHARE * mark.mark_native)
    bid = grid.floor_units(mark.mark_native - half)
    ask = grid.ceil_units(mark.mark_native + half)
    salt, clock = pit.salt_seed, _clock(now_ns)
    if pit.quoted_for == (bid, ask, clock):
        return pit.ladders
    pit.quoted_for = (bid, ask, clock)
    size = lots_of_coin(instrument, _OPTION_COIN[instrument.base], mark.index_usd)
    bids: Ladder = {}
    asks: Ladder = {}
    for _ in range(_LEVELS_OPTION):
        # Nobody bids below one tick: an option worth less has no bid at all.
        if bid >= 1:
            bids[bid] = _lots(bid, salt, clock, size)
            bid = grid.below(bid)
        asks[ask] = _lots(ask, salt, clock, size)
        ask = grid.above(ask)
    pit.ladders = bids, asks
    return pit.ladders


def _recorded_ladders(grid: Grid, mark: Mark) -> tuple[Ladder, Ladder]:
    """The recorded touch, absent sides absent."""
    row = mark.row
    assert row is not None, "no recorded row"
    return _one_level(grid, row.bid_native, row.bid_amount_native), _one_level(
        grid, row.ask_native, row.ask_amount_native
    )


def _one_level(grid: Grid, price_native: float | None, amount_native: float | None) -> Ladder:
    if price_native is None or amount_native is None:
        return {}
    lots = round(amount_native / grid.lot_float)
    return {round(price_native / grid.tick_float): lots} if lots else {}
