"""A real venue's book, heard from outside, as liquidity that client orders meet and queue behind.

What is heard knows nothing of our clients, so three rules keep their fills honest. What a client took stays
taken: only lots newly shown at a price, or a price shown anew, can be taken again. A resting order queues
behind all that was there; lots that leave are believed to have stood behind it as long as they can have, so
that it moves up by public trades and by the level falling below its place, never by hope. It is filled when
trades have eaten what stood ahead, or when the other side reaches its price. Lots that a book message took
away and a trade message explains are counted once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.domain.time import Ns
from bot.sim.book import BookSide
from bot.sim.desk import Desk
from bot.sim.facts import Side
from bot.sim.pit import Pit

Level = tuple[float, float]
"""Price and amount now, native; amount zero: gone."""


@dataclass(slots=True)
class _Heard:
    """One side as heard: lots by price, and what the newest message took away where."""

    lots: dict[int, int] = field(default_factory=dict)
    shrunk: dict[int, tuple[int, Ns]] = field(default_factory=dict)


class LiveBook:
    """The book of one instrument; what is heard moves the liquidity in its pit."""

    def __init__(self, desk: Desk, pit: Pit) -> None:
        """Nothing heard."""
        self._desk = desk
        self._pit = pit
        self._heard = {True: _Heard(), False: _Heard()}

    def hear(self, bids: Iterable[Level], asks: Iterable[Level], venue_ns: Ns, *, is_whole: bool) -> None:
        """Take changed levels, or with `is_whole` all there are: prices left out are gone then."""
        book, grid = self._pit.book, self._pit.grid
        for is_bid, levels in ((True, bids), (False, asks)):
            heard, side = self._heard[is_bid], book.side(is_bid=is_bid)
            now = {round(price / grid.tick_float): round(amount / grid.lot_float) for price, amount in levels}
            if is_whole:
                now = dict.fromkeys(heard.lots, 0) | now
            for units, lots in now.items():
                self._move(heard, side, units, lots, venue_ns)
        if book.has_clients:
            self._trade_through()
        book.bids.dirty.clear()
        book.asks.dirty.clear()

    @staticmethod
    def _move(heard: _Heard, side: BookSide, units: int, lots: int, venue_ns: Ns) -> None:
        before = heard.lots.get(units, 0)
        if lots == before:
            return
        if lots:
            heard.lots[units] = lots
        else:
            del heard.lots[units]
        if lots < before and side.clients:
            gone, gone_ns = heard.shrunk.get(units, (0, venue_ns))
            heard.shrunk[units] = (before - lots + (gone if gone_ns == venue_ns else 0), venue_ns)
        side.move_maker(units, before, lots)

    def hear_trade(self, taker_side: Side, price_native: float, amount_native: float, venue_ns: Ns) -> None:
        """Take a public trade: it eats the queue at its price, and orders at better prices before that."""
        pit, is_buy = self._pit, taker_side is Side.BUY
        side, heard = pit.book.side(is_bid=not is_buy), self._heard[not is_buy]
        if not side.clients:
            heard.shrunk.clear()
            return
        units = round(price_native / pit.grid.tick_float)
        lots = round(amount_native / pit.grid.lot_float)
        gone, gone_ns = heard.shrunk.pop(units, (0, Ns(0)))
        if venue_ns <= gone_ns:
            # The book has told of this trade already: those lots have left the queue.
            lots, left = max(0, lots - gone), max(0, gone - lots)
            if left:
                heard.shrunk[units] = (left, gone_ns)
        for at in sorted({at for at, _ in side.clients.values()}, reverse=not is_buy):
            if lots and side.crosses(at, units):
                lots -= self._eat(is_buy=is_buy, units=at, lots=lots)
        pit.book.bids.dirty.clear()
        pit.book.asks.dirty.clear()

    def _eat(self, *, is_buy: bool, units: int, lots: int) -> int:
        """Match strangers' lots at one price, first come first served; how many met somebody."""
        side = self._pit.book.side(is_bid=not is_buy)
        fills = []
        while lots and side.lots_at(units):
            fill = side.take_best(units, lots)
            lots -= fill.lots
            fills.append(fill)
        owned = [fill for fill in fills if fill.maker is not None]
        self._desk.book_fills(self._pit, owned, Side.BUY if is_buy else Side.SELL, None)
        return sum(fill.lots for fill in fills)

    def _trade_through(self) -> None:
        """The other side has reached resting orders: they are filled at their own price, as far as its lots go."""
        book = self._pit.book
        for is_buy in (True, False):
            reached, side = book.side(is_bid=is_buy), book.side(is_bid=not is_buy)
            for units in sorted(reached.maker, reverse=is_buy):
                best = side.best()
                if not side.clients or best is None or not side.crosses(best, units):
                    break
                lots = reached.maker[units]
                fills, _ = book.sweep(is_buy=is_buy, limit_units=units, lots=lots, account=None)
                reached.take_maker(units, sum(fill.lots for fill in fills))
                self._desk.book_fills(self._pit, fills, Side.BUY if is_buy else Side.SELL, None)
