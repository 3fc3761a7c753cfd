"""Keeps books alive: the market maker's ladders put into them, and strangers who take.

Knows books and the desk; what is quoted is decided in `market_maker`. An instrument nobody watches and where
no client order rests is quoted when asked, and costs nothing in between.
"""

import random
from collections.abc import Iterable

from bot.domain.time import Ns
from bot.sim.book import BookSide
from bot.sim.desk import Desk
from bot.sim.facts import Side
from bot.sim.market import Market
from bot.sim.market_maker import Ladder, ladders
from bot.sim.pit import Mark, Pit
from bot.sim.takers import USD_PER_DAY, Takers


class Quoting:
    """Moves the books that somebody looks at."""

    def __init__(self, desk: Desk, market: Market, seed: int, rate_scale: float | None) -> None:
        """`seed` and intensity of the takers; None for a world without any, whose prices trade by themselves."""
        self._desk = desk
        self._market = market
        self._seed = seed
        self._rate_scale = rate_scale
        self._followed: dict[str, Pit] = {}
        self._follows_count = 0
        self._places: dict[str, int] = {}
        """Of those followed, in order of their beginning."""
        self._moving: set[str] = set()
        """Of those followed, all but those of a recorded world whose quote stands until they are roused."""
        self._takers: dict[str, Takers] = {}

    def recall_day(self, pit: Pit, now_ns: Ns) -> None:
        """What strangers traded here the day before; options begin with nothing."""
        if pit.instrument.is_option:
            return
        if not self._rate_scale or pit.volume is None:
            pit.volume = None
            return
        usd = self._rate_scale * USD_PER_DAY
        pit.volume.begin(now_ns, coin_per_day=usd / self._desk.marks.of(pit).index_usd, usd_per_day=usd)

    def follow(self, pit: Pit) -> None:
        """Move this book on every step while it is watched or a client order rests in it."""
        name = pit.instrument.id
        if name in self._followed or not (pit.is_looked_at or pit.book.has_clients):
            return
        if self._rate_scale is not None and name not in self._takers:
            dice = random.Random(f"{self._seed}:takers:{name}")
            self._takers[name] = Takers(dice, self._rate_scale, pit.instrument.is_option)
        self._followed[name] = pit
        self._places[name] = self._follows_count = self._follows_count + 1
        self._moving.add(name)

    def step(self, now_ns: Ns) -> None:
        """Let takers into all followed books as they still stand, requote them, tell what changed."""
        is_recorded = self._market.is_recorded
        self.rouse(self._market.fresh())
        for name in sorted(self._moving, key=self._places.__getitem__):
            pit = self._followed[name]
            if is_recorded and self._stands(pit):
                self._moving.remove(name)
                continue
            if pit.is_open and not is_recorded:
                self._take(pit, now_ns)
            self.refresh(pit, now_ns)
            self._desk.flush_book(pit)
            if not (pit.is_looked_at or pit.book.has_clients):
                del self._followed[name], self._places[name]
                self._moving.remove(name)

    def rouse(self, names: Iterable[str]) -> None:
        """Quotes that stood may not any more: there is a new row, it expired, or nobody looks."""
        self._moving.update(name for name in names if name in self._followed)

    def _stands(self, pit: Pit) -> bool:
        """Whether a book somebody looks at is as recorded already: an option not seen yet is quoted as nothing."""
        row = self._market.recorded(pit.instrument)
        is_quoted = pit.quoted_row is row and (row is not None or pit.instrument.is_option)
        return is_quoted and pit.is_open and pit.is_looked_at

    def refresh(self, pit: Pit, now_ns: Ns) -> Mark:
        """Mark and quote an instrument for this moment, once; client orders the quotes run into are filled."""
        mark = self._desk.marks.of(pit)
        if pit.quoted_ns == now_ns:
            return mark
        since_ns, pit.quoted_ns = now_ns - pit.quoted_ns, now_ns
        if mark.told is not None:
            # A real venue's book comes from outside, with `feed`.
            return mark
        if mark.row is not None:
            # A recorded quote stands until the next row: what a client took from it stays taken.
            if pit.quoted_row is mark.row and pit.is_open:
                return mark
            pit.quoted_row = mark.row
        bids, asks = ladders(pit, mark, now_ns, self._market.perp_half_spread_usd(pit.instrument))
        book = pit.book
        if pit.is_looked_at or book.has_clients:
            if book.has_clients:
                bids, asks = self._run_into_clients(pit, dict(bids), dict(asks), since_ns)
            book.bids.set_maker(bids)
            book.asks.set_maker(asks)
        elif book.bids.maker != bids or book.asks.maker != asks:
            book.bids.reset_maker(bids)
            book.asks.reset_maker(asks)
            self._desk.renumber(pit)
        return mark

    def _run_into_clients(self, pit: Pit, bids: Ladder, asks: Ladder, since_ns: int) -> tuple[Ladder, Ladder]:
        """The market moved through resting orders: somebody trades with them; what is left of the maker's ladders."""
        book = pit.book
        for is_buy, wanted in ((True, bids), (False, asks)):
            side = book.side(is_bid=not is_buy)
            limit = (max(wanted) if is_buy else min(wanted)) if wanted else None
            if limit is None or not any(side.crosses(units, limit) for units, _ in side.clients.values()):
                continue
            takers = self._takers.get(pit.instrument.id)
            if takers is not None and not takers.meet(since_ns):
                _stop_short(pit, side, wanted, is_buy=is_buy)
                continue
            # The old quotes on that side go first, so that the maker never trades with itself.
            side.set_maker({})
            for units in sorted(wanted, reverse=is_buy):
                best = side.best()
                if best is None or not side.crosses(best, units):
                    break
                fills, _ = book.sweep(is_buy=is_buy, limit_units=units, lots=wanted[units], account=None)
                self._desk.book_fills(pit, fills, Side.BUY if is_buy else Side.SELL, None)
                left = wanted[units] - sum(fill.lots for fill in fills)
                best = side.best()
                if left and (best is None or not side.crosses(best, units)):
                    wanted[units] = left
                else:
                    del wanted[units]
        return bids, asks

    def _take(self, pit: Pit, now_ns: Ns) -> None:
        takers = self._takers.get(pit.instrument.id)
        if takers is None:
            return
        move = takers.moved(self._desk.marks.of(pit).mark_native)
        for _ in takers.arrivals(now_ns):
            self._take_once(pit, takers, is_buy=takers.is_buy(move))

    def _take_once(self, pit: Pit, takers: Takers, *, is_buy: bool) -> None:
        """A burst takes from the touch: never deeper, so that a lone client order is not swept at any price."""
        side = pit.book.side(is_bid=not is_buy)
        best = side.best()
        if best is None:
            return
        item = pit.instrument
        usd_per_lot = pit.grid.lot_float * (1.0 if item.amount_is_in_usd else best * pit.grid.tick_float)
        lots = takers.lots(side.lots_at(best), usd_per_lot)
        fills, _ = pit.book.sweep(is_buy=is_buy, limit_units=best, lots=lots, account=None)
        self._desk.book_fills(pit, fills, Side.BUY if is_buy else Side.SELL, None)


def _stop_short(pit: Pit, side: BookSide, wanted: Ladder, *, is_buy: bool) -> None:
    """Nobody trades with an order the price has passed: the maker, who never takes, stops a step short of it."""
    prices = [units for units, _ in side.clients.values()]
    first = pit.grid.below(min(prices)) if is_buy else pit.grid.above(max(prices))
    beyond = [units for units in wanted if (units > first if is_buy else units < first)]
    wanted[first] = wanted.get(first, 0) + sum(wanted.pop(units) for units in beyond)
