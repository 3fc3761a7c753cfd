"""What stops permit, and how several of them add up. Pure.

| grade            | new orders                                              | orders at rest        |
|------------------|---------------------------------------------------------|-----------------------|
| `reduce_only`    | hedges that lower the worst distance of delta to target | stay on the same rule |
| `pause`          | none                                                    | taken back            |
| `cancel_all`     | none                                                    | taken back at once    |
| `flatten_hedges` | that close the hedge position, on trusted quotes        | taken back first      |
| `halt`           | none                                                    | taken back            |

No grade closes an option. All of them keep watching: market, fills, positions and answers about orders count on.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.stops import OPERATOR, Latch, StopKind
from bot.domain.time import iso_utc

_RANK: Final = {kind: rank for rank, kind in enumerate(StopKind)}
_OVERRULING: Final = frozenset({StopKind.PAUSE, StopKind.CANCEL_ALL})
"""An operator who says so ends the flattening that a trigger began."""
FORBIDS_ORDERS: Final = frozenset({StopKind.PAUSE, StopKind.CANCEL_ALL, StopKind.HALT})


def latched(latches: Sequence[Latch], latch: Latch) -> tuple[Latch, ...]:
    """With one more: a cause has one latch. An operator's newest takes the place of the last; others keep the first."""
    of_cause = [other for other in latches if other.cause == latch.cause]
    if of_cause and latch.cause != OPERATOR:
        return tuple(latches)
    return (*(other for other in latches if other.cause != latch.cause), latch)


def grade(latches: Iterable[Latch]) -> StopKind | None:
    """What counts of all that are on: the highest, but that an operator's pause ends flattening. None: no stop."""
    kinds = {latch.kind for latch in latches}
    said = next((latch.kind for latch in latches if latch.cause == OPERATOR), None)
    if StopKind.HALT not in kinds and said in _OVERRULING:
        return said
    return max(kinds, key=_RANK.__getitem__, default=None)


def words(latch: Latch) -> str:
    """A latch that is on, in one line, with the way to lift it."""
    return f"{told(latch)}; lift it: hedgebot resume --reason"


def told(latch: Latch) -> str:
    """The latch in one line, on or lifted."""
    because = f": {latch.detail}" if latch.detail else ""
    cause = "" if latch.cause == OPERATOR else f" ({latch.cause})"
    return f"{latch.kind.value}{cause} since {iso_utc(latch.since_ns)} by {latch.by}{because}"


def reduces(low_coin: float, high_coin: float, target_coin: float, trade_coin: float) -> bool:
    """Whether a trade lowers the worst-case |net delta - target|, the net delta being anywhere in the interval.

    Of every part of it that may fill: the worst case is a convex function of what fills, so that it falls for each
    part where it falls for the whole.
    """
    before = max(abs(low_coin - target_coin), abs(high_coin - target_coin))
    after = max(abs(low_coin + trade_coin - target_coin), abs(high_coin + trade_coin - target_coin))
    return after < before
