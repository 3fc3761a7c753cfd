"""What a stop must forbid, over all processes of a run: they forget, the ledger must not.

Sees what was told and what was placed; knows no engine. Grades and what counts of them are written here once more.
"""

from collections.abc import Iterator

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, Outcome, StopLatched, StopLifted
from bot.domain.reasons import Reason
from bot.domain.stops import OPERATOR, StopKind

_POINT_COIN = 1e-9


class StopInvariants:
    """Of one run; never told that a process began."""

    def __init__(self) -> None:
        """Nothing is stopped."""
        self._on: dict[str, StopKind] = {}

    def saw(self, outcome: Outcome) -> Iterator[str]:
        """What is wrong with the orders of one event, by the stops that are on with it."""
        for note in outcome.notes:
            if isinstance(note, StopLatched):
                self._on[note.latch.cause] = note.latch.kind
            elif isinstance(note, StopLifted):
                if not note.by or not note.reason:
                    yield f"{note.latch.kind} was lifted by {note.by!r} because of {note.reason!r}"
                self._on.pop(note.latch.cause, None)
        placed = [command for command in outcome.commands if isinstance(command, PlaceOrder)]
        if not placed or not self._on:
            return
        kind = self._counts()
        if kind in {StopKind.HALT, StopKind.PAUSE, StopKind.CANCEL_ALL}:
            yield f"{placed[0].label} left while {kind} is on"
        elif kind is StopKind.FLATTEN_HEDGES:
            yield from self._closing(placed, outcome.decided)
        elif outcome.decided is not None and _worsens(outcome.decided):
            yield f"{placed[0].label} does not reduce while {kind} is on"

    def _counts(self) -> StopKind:
        said = self._on.get(OPERATOR)
        kinds = set(self._on.values())
        if StopKind.HALT not in kinds and said in {StopKind.PAUSE, StopKind.CANCEL_ALL}:
            return said
        return max(kinds, key=list(StopKind).index)

    @staticmethod
    def _closing(placed: list[PlaceOrder], decided: Decided | None) -> Iterator[str]:
        if decided is None or decided.reason is not Reason.FLATTENING:
            yield f"{placed[0].label} left to hedge while hedges are to be closed"
        options = [order.label for order in placed if order.instrument.endswith(("-C", "-P"))]
        if options:
            yield f"{options[0]} trades an option while hedges are to be closed"


def _worsens(decided: Decided) -> bool:
    """Whether the trade, filled whole, leaves the farthest possible delta as far outside the band or farther."""
    low, high = decided.delta_coin_low, decided.delta_coin_high
    edges = decided.band_low_coin, decided.band_high_coin
    if low is None or high is None or edges[0] is None or edges[1] is None:
        return True
    before = max(edges[0] - low, high - edges[1])
    after = max(edges[0] - low - decided.trade_coin, high + decided.trade_coin - edges[1])
    return after > max(before, 0.0) + _POINT_COIN
