"""What an order finds in the book: the touch as it is, and what was told to stand behind it. Pure."""

from collections.abc import Sequence

from bot.domain.market_events import DepthSeen, Level


def levels_met(
    best_native: float | None, amount_native: float | None, depth: DepthSeen | None, *, is_buy: bool
) -> tuple[Level, ...]:
    """What a taker meets, best first: the touch, and levels behind it from a book told a moment ago.

    The touch moves more often than depth is told: it counts as it is now, and levels it has passed are gone. Empty
    where its price or amount is not known.
    """
    if best_native is None or amount_native is None or amount_native <= 0.0:
        return ()
    touch = (best_native, amount_native)
    if depth is None:
        return (touch,)
    if is_buy:
        return (touch, *(level for level in depth.asks if level[0] > best_native))
    return (touch, *(level for level in depth.bids if level[0] < best_native))


def near_native(levels: Sequence[Level], away_share: float) -> float:
    """What stands at most this share of the best price away from it, in all."""
    best = levels[0][0]
    return sum(amount for price, amount in levels if abs(price - best) <= away_share * best)
