"""One order book with price-time priority, in whole price steps and lots.

Prices are integers of the smallest tick (`units`), amounts integers of the lot: exact and fast. Decimals
appear only at the edge (`Grid`). Knows resting orders and the market maker's liquidity, no money, no account.
"""

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.units import float_from_decimal
from bot.sim.facts import Order

_NUDGE: Final = 1e-9
"""Share of a tick by which a float may miss its grid."""
_FILLS_MAX: Final = 10_000
"""Bound of the matching loop."""


class Grid:
    """Conversion between an instrument's native numbers and whole units and lots."""

    __slots__ = ("_steps", "lot", "lot_float", "tick", "tick_float")

    def __init__(self, instrument: Instrument) -> None:
        """Take tick ladder and lot of the instrument."""
        self.tick = instrument.tick_native
        self.lot = instrument.lot_native
        self.tick_float = float_from_decimal(instrument.tick_native)
        self.lot_float = float_from_decimal(instrument.lot_native)
        self._steps = tuple(
            (int(step.above_native / self.tick), int(step.tick_native / self.tick)) for step in instrument.tick_steps
        )

    def step_at(self, units: int) -> int:
        """Price step at this price, in units."""
        step = 1
        for above, wider in self._steps:
            if units > above:
                step = wider
        return step

    def price(self, units: int) -> Decimal:
        """Native price."""
        return units * self.tick

    def amount(self, lots: int) -> Decimal:
        """Native amount."""
        return lots * self.lot

    def units_of(self, price: Decimal) -> int | None:
        """Units of a native price; None off the grid."""
        count, rest = divmod(price, self.tick)
        units = int(count)
        return None if rest or units % self.step_at(units) else units

    def lots_of(self, amount: Decimal) -> int | None:
        """Lots of a native amount; None off the grid."""
        count, rest = divmod(amount, self.lot)
        return None if rest else int(count)

    def floor_units(self, price: float) -> int:
        """Highest price on the grid at or below."""
        units = math.floor(price / self.tick_float + _NUDGE)
        return units - units % self.step_at(units)

    def ceil_units(self, price: float) -> int:
        """Lowest price on the grid at or above."""
        units = math.ceil(price / self.tick_float - _NUDGE)
        step = self.step_at(units)
        return -(-units // step) * step

    def below(self, units: int) -> int:
        """Next price down."""
        return units - self.step_at(units)

    def above(self, units: int) -> int:
        """Next price up."""
        return units + self.step_at(units + 1)


@dataclass(slots=True, eq=False)
class Resting:
    """A place in a queue: an order, or the market maker's liquidity (None)."""

    order: Order | None
    lots: int


@dataclass(slots=True, eq=False)
class _Level:
    """All that rests at one price, oldest first."""

    lots: int = 0
    queue: list[Resting] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fill:
    """One match: price and lots, and whose order rested (None: the market maker)."""

    units: int
    lots: int
    maker: Order | None


class BookSide:
    """Bids or asks. `dirty` keeps, since the last flush, the lots each touched price had before."""

    __slots__ = ("clients", "dirty", "is_bid", "levels", "maker")

    def __init__(self, *, is_bid: bool) -> None:
        """Start empty."""
        self.is_bid = is_bid
        self.levels: dict[int, _Level] = {}
        self.maker: dict[int, int] = {}
        """The market maker's lots by price."""
        self.clients: dict[str, tuple[int, Resting]] = {}
        """Price and place of each client order, by order id."""
        self.dirty: dict[int, int] = {}

    def best(self) -> int | None:
        """Best price; None when empty."""
        if not self.levels:
            return None
        return max(self.levels) if self.is_bid else min(self.levels)

    def lots_at(self, units: int) -> int:
        """All lots resting at a price."""
        level = self.levels.get(units)
        return 0 if level is None else level.lots

    def crosses(self, units: int, limit_units: int | None) -> bool:
        """Whether a price on this side is good enough for a taker with that limit."""
        if limit_units is None:
            return True
        return units >= limit_units if self.is_bid else units <= limit_units

    def add(self, units: int, order: Order, lots: int) -> None:
        """Queue a client order behind all that rests at its price."""
        level = self._touch(units)
        place = Resting(order, lots)
        level.queue.append(place)
        level.lots += lots
        self.clients[order.order_id] = (units, place)

    def remove(self, order_id: str) -> int:
        """Take a client order out; the lots it still had."""
        units, place = self.clients.pop(order_id)
        level = self._touch(units)
        level.queue.remove(place)
        level.lots -= place.lots
        self._drop_if_empty(units, level)
        return place.lots

    def shrink(self, order_id: str, lots: int) -> None:
        """Leave a client order `lots`, not more than it has, at its place in the queue."""
        units, place = self.clients[order_id]
        assert 0 < lots <= place.lots, f"{lots} of {place.lots} lots keep no place"
        level = self._touch(units)
        level.lots -= place.lots - lots
        place.lots = lots

    def reset_maker(self, targets: dict[int, int]) -> None:
        """Nothing but the market maker's liquidity, nothing told: for a book nobody looks at."""
        assert not self.clients, "client orders rest here"
        self.maker = dict(targets)
        self.levels = {units: _Level(lots, [Resting(None, lots)]) for units, lots in targets.items()}
        self.dirty.clear()

    def set_maker(self, targets: dict[int, int]) -> None:
        """Move the market maker's liquidity to `targets`: less keeps its place, more goes to the back."""
        maker = self.maker
        if maker == targets:
            return
        levels, dirty = self.levels, self.dirty
        for units in [units for units in maker if units not in targets]:
            level = levels[units]
            if len(level.queue) == 1:
                # Alone at its price, the common case.
                dirty.setdefault(units, level.lots)
                del levels[units], maker[units]
            else:
                self._set_maker_at(units, 0, maker.pop(units))
        for units, lots in targets.items():
            before = maker.get(units, 0)
            if before == lots:
                continue
            maker[units] = lots
            if units in levels:
                self._set_maker_at(units, lots, before)
            else:
                dirty.setdefault(units, 0)
                levels[units] = _Level(lots, [Resting(None, lots)])

    def _set_maker_at(self, units: int, lots: int, before: int) -> None:
        level = self._touch(units)
        level.lots += lots - before
        queue = level.queue
        if lots > before:
            if queue and queue[-1].order is None:
                queue[-1].lots += lots - before
            else:
                queue.append(Resting(None, lots - before))
            return
        surplus = before - lots
        for index in range(len(queue) - 1, -1, -1):
            place = queue[index]
            if place.order is None:
                taken = min(place.lots, surplus)
                place.lots -= taken
                surplus -= taken
                if place.lots == 0:
                    del queue[index]
                if surplus == 0:
                    break
        self._drop_if_empty(units, level)

    def move_maker(self, units: int, before: int, after: int) -> None:
        """A level of others went from `before` to `after` lots: new lots are there, lots taken here stay taken."""
        left = self.maker.get(units, 0)
        self._leave_maker(units, left, left + after - before if after > before else min(left, after))

    def take_maker(self, units: int, lots: int) -> None:
        """Take the market maker's lots at a price, the last in the queue first."""
        left = self.maker[units]
        self._leave_maker(units, left, left - lots)

    def _leave_maker(self, units: int, before: int, lots: int) -> None:
        if lots == before:
            return
        if lots:
            self.maker[units] = lots
        else:
            del self.maker[units]
        self._set_maker_at(units, lots, before)

    def take_best(self, units: int, lots: int) -> Fill:
        """Match up to `lots` against the first place at the best price."""
        level = self._touch(units)
        place = level.queue[0]
        taken = min(place.lots, lots)
        place.lots -= taken
        level.lots -= taken
        order = place.order
        if order is None:
            left = self.maker[units] - taken
            if left:
                self.maker[units] = left
            else:
                del self.maker[units]
        if place.lots == 0:
            del level.queue[0]
            if order is not None:
                del self.clients[order.order_id]
        self._drop_if_empty(units, level)
        return Fill(units, taken, order)

    def first_order(self, units: int) -> Order | None:
        """Order at the head of a price's queue; None when it is the market maker's."""
        return self.levels[units].queue[0].order

    def lots_within(self, limit_units: int | None, account: str) -> int:
        """Lots a taker of `account` could match up to its limit, its own orders left out."""
        return sum(
            place.lots
            for units, level in self.levels.items()
            if self.crosses(units, limit_units)
            for place in level.queue
            if place.order is None or place.order.account != account
        )

    def ladder(self, depth: int) -> list[tuple[int, int]]:
        """(units, lots) of the best `depth` prices, best first."""
        prices = sorted(self.levels, reverse=self.is_bid)[:depth]
        return [(units, self.levels[units].lots) for units in prices]

    def settle(self) -> bool:
        """Forget what was touched; whether anything of it is different now."""
        touched, self.dirty = self.dirty, {}
        return any(self.lots_at(units) != before for units, before in touched.items())

    def _touch(self, units: int) -> _Level:
        level = self.levels.get(units)
        if level is None:
            level = self.levels[units] = _Level()
        if units not in self.dirty:
            self.dirty[units] = level.lots
        return level

    def _drop_if_empty(self, units: int, level: _Level) -> None:
        if not level.queue:
            assert level.lots == 0, f"{level.lots} lots without an owner at {units}"
            del self.levels[units]


class Book:
    """Both sides of one instrument, and the id of its last change."""

    __slots__ = ("asks", "bids", "change_id", "grid")

    def __init__(self, grid: Grid) -> None:
        """Start empty."""
        self.grid = grid
        self.bids = BookSide(is_bid=True)
        self.asks = BookSide(is_bid=False)
        self.change_id = 0

    def side(self, *, is_bid: bool) -> BookSide:
        """Bids or asks."""
        return self.bids if is_bid else self.asks

    @property
    def has_clients(self) -> bool:
        """Whether a client order rests here."""
        return bool(self.bids.clients or self.asks.clients)

    def sweep(
        self, *, is_buy: bool, limit_units: int | None, lots: int, account: str | None
    ) -> tuple[list[Fill], list[Order]]:
        """Match a taker; its fills, and its own resting orders taken out of the way (cancel_maker, facts 3.3)."""
        side = self.asks if is_buy else self.bids
        fills: list[Fill] = []
        overlapped: list[Order] = []
        for _ in range(_FILLS_MAX):
            best = side.best()
            if lots == 0 or best is None or not side.crosses(best, limit_units):
                break
            order = side.first_order(best)
            if order is not None and order.account == account:
                side.remove(order.order_id)
                overlapped.append(order)
                continue
            fill = side.take_best(best, lots)
            lots -= fill.lots
            fills.append(fill)
        return fills, overlapped
