"""Keeps books alive: the market maker's ladders put into them, and strangers who take.

Knows books and the desk; what is quoted is decided in `market_maker`. An instrument nobody watches and where
no client order rests is quoted when asked, and costs nothing in between.
"""

import random
from dataclasses import dataclass
from typing import Final

from bot.domain.time import NS_PER_S, Ns
from bot.sim.book import Fill
from bot.sim.desk import Desk
from bot.sim.facts import Side
from bot.sim.market import Market
from bot.sim.market_maker import Ladder, ladders
from bot.sim.pit import Mark, Pit

_TAKERS_PER_S: Final = {False: 0.2, True: 0.01}
"""Arrivals a second, by whether it is an option."""
_TAKER_SIGMAS: Final = 1.2
"""Spread of the log of a taker's size."""
_TAKER_TOUCH_SHARE: Final = 0.15
"""Median taker against what rests at the touch."""
_TAKERS_PER_STEP_MAX: Final = 20
"""A long step does not replay every stranger it skipped."""
_NEVER: Final = -1


@dataclass(slots=True, eq=False)
class _Followed:
    """An instrument moved on every step, with the dice of its takers."""

    pit: Pit
    dice: random.Random


class Quoting:
    """Moves the books that somebody looks at."""

    def __init__(self, desk: Desk, market: Market, seed: int | None) -> None:
        """`seed` of the takers; None for a world without any."""
        self._desk = desk
        self._market = market
        self._seed = seed
        self._followed: dict[str, _Followed] = {}
        self._dice: dict[str, random.Random] = {}

    def follow(self, pit: Pit) -> None:
        """Move this book on every step while it is watched or a client order rests in it."""
        name = pit.instrument.id
        if name in self._followed or not (pit.watchers_count or pit.book.has_clients):
            return
        dice = self._dice.get(name)
        if dice is None:
            dice = self._dice[name] = random.Random(f"{self._seed}:takers:{name}")
        self._followed[name] = _Followed(pit, dice)

    def step(self, now_ns: Ns) -> None:
        """Requote all followed books, let takers in, tell what changed."""
        forgotten: list[str] = []
        for name, followed in self._followed.items():
            pit = followed.pit
            self.refresh(pit, now_ns)
            if self._seed is not None and pit.is_open and not self._market.is_recorded:
                self._take(followed, now_ns)
            self._desk.flush_book(pit)
            if not (pit.watchers_count or pit.book.has_clients):
                forgotten.append(name)
        for name in forgotten:
            del self._followed[name]

    def refresh(self, pit: Pit, now_ns: Ns) -> Mark:
        """Mark and quote an instrument for this moment, once; client orders the quotes run into are filled."""
        mark = self._desk.marks.of(pit)
        if pit.quoted_ns == now_ns:
            return mark
        pit.quoted_ns = now_ns
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
        if pit.watchers_count or book.has_clients:
            if book.has_clients:
                bids, asks = self._run_into_clients(pit, dict(bids), dict(asks))
            book.bids.set_maker(bids)
            book.asks.set_maker(asks)
        elif book.bids.maker != bids or book.asks.maker != asks:
            book.bids.reset_maker(bids)
            book.asks.reset_maker(asks)
            self._desk.renumber(pit)
        return mark

    def _run_into_clients(self, pit: Pit, bids: Ladder, asks: Ladder) -> tuple[Ladder, Ladder]:
        """The market moved through resting orders: the maker trades with them; what is left of its ladders."""
        book = pit.book
        for is_buy, wanted in ((True, bids), (False, asks)):
            side = book.side(is_bid=not is_buy)
            limit = (max(wanted) if is_buy else min(wanted)) if wanted else None
            if limit is None or not any(side.crosses(units, limit) for units, _ in side.clients.values()):
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

    def _take(self, followed: _Followed, now_ns: Ns) -> None:
        pit, dice = followed.pit, followed.dice
        rate = _TAKERS_PER_S[pit.instrument.is_option]
        if pit.taker_next_ns == _NEVER:
            pit.taker_next_ns = now_ns + round(dice.expovariate(rate) * NS_PER_S)
        for _ in range(_TAKERS_PER_STEP_MAX):
            if pit.taker_next_ns > now_ns:
                return
            self._take_once(pit, dice)
            pit.taker_next_ns += round(dice.expovariate(rate) * NS_PER_S)
        pit.taker_next_ns = max(pit.taker_next_ns, now_ns)

    def _take_once(self, pit: Pit, dice: random.Random) -> None:
        """One stranger takes from the touch: never deeper, so that a lone client order is not swept at any price."""
        is_buy = dice.random() < 0.5
        factor = _TAKER_TOUCH_SHARE * dice.lognormvariate(0.0, _TAKER_SIGMAS)
        side = pit.book.side(is_bid=not is_buy)
        best = side.best()
        if best is None:
            return
        lots = max(1, int(side.lots_at(best) * factor))
        fills: list[Fill]
        fills, _ = pit.book.sweep(is_buy=is_buy, limit_units=best, lots=lots, account=None)
        self._desk.book_fills(pit, fills, Side.BUY if is_buy else Side.SELL, None)
