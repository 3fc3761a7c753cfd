"""A book channel's memory: which levels its subscribers have, what to tell them next, how ids chain.

Pure: changes of the simulated venue in, `snapshot` and `change` objects out. Knows no subscriber.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.time import Ns, ms_from_ns
from bot.domain.units import ZERO, Rounding, round_to_step
from bot.localex.wire import Levels, Wire, number
from bot.sim.facts import BookChange


@dataclass(slots=True)
class _Side:
    is_bid: bool
    told: dict[Decimal, Decimal]
    """Levels as the subscribers have them."""
    pending: dict[Decimal, Decimal] = field(default_factory=dict)
    """Amount each touched level has now; zero is gone."""

    def apply(self, entries: Sequence[tuple[str, Decimal, Decimal]]) -> None:
        for action, price, amount in entries:
            self.pending[price] = ZERO if action == "delete" else amount

    def take(self) -> list[list[object]]:
        """Entries since the last telling; a level that came and went is not told."""
        entries: list[list[object]] = []
        for price, amount in self.pending.items():
            before = self.told.get(price)
            if amount == ZERO:
                if self.told.pop(price, None) is not None:
                    entries.append(["delete", number(price), 0.0])
            elif amount != before:
                self.told[price] = amount
                entries.append(["new" if before is None else "change", number(price), number(amount)])
        self.pending.clear()
        return entries

    def all_new(self) -> list[list[object]]:
        ordered = sorted(self.told.items(), reverse=self.is_bid)
        return [["new", number(price), number(amount)] for price, amount in ordered]


class BookFeed:
    """One instrument's book at one interval, shared by all subscribers of the channel."""

    def __init__(self, instrument: str, time_ns: Ns, bids: Levels, asks: Levels, change_id: int) -> None:
        """Start from the venue's whole book at `change_id`."""
        self._instrument = instrument
        self._time_ns = time_ns
        self._bids = _Side(is_bid=True, told=dict(bids))
        self._asks = _Side(is_bid=False, told=dict(asks))
        self._change_id_seen = change_id
        self._change_id_told = change_id

    def apply(self, change: BookChange) -> None:
        """Take a change of the venue's book; older ones than the start are already in it."""
        if change.change_id <= self._change_id_seen:
            return
        assert change.change_id_before == self._change_id_seen, (
            f"book of {self._instrument}: change {change.change_id} follows {change.change_id_before}, "
            f"seen {self._change_id_seen}"
        )
        self._bids.apply(change.bids)
        self._asks.apply(change.asks)
        self._change_id_seen = change.change_id
        self._time_ns = change.time_ns

    def snapshot(self) -> Wire:
        """What a new subscriber gets first: all that the others have been told. No prev_change_id."""
        return {
            "type": "snapshot",
            "timestamp": ms_from_ns(self._time_ns),
            "instrument_name": self._instrument,
            "change_id": self._change_id_told,
            "bids": self._bids.all_new(),
            "asks": self._asks.all_new(),
        }

    def take_change(self) -> Wire | None:
        """The change since the last one, chained by prev_change_id; None when nothing is to be told."""
        bids, asks = self._bids.take(), self._asks.take()
        if not bids and not asks:
            return None
        change_id_before, self._change_id_told = self._change_id_told, self._change_id_seen
        return {
            "type": "change",
            "timestamp": ms_from_ns(self._time_ns),
            "instrument_name": self._instrument,
            "prev_change_id": change_id_before,
            "change_id": self._change_id_told,
            "bids": bids,
            "asks": asks,
        }


def group_levels(levels: Levels, step: Decimal | None, depth: int, *, is_bid: bool) -> list[list[float]]:
    """Levels added up on a coarser grid, bids rounded down and asks up; best first, `depth` of them."""
    grouped: dict[Decimal, Decimal] = {}
    rounding = Rounding.DOWN if is_bid else Rounding.UP
    for price, amount in levels:
        key = price if step is None else round_to_step(price, step, rounding)
        grouped[key] = grouped.get(key, ZERO) + amount
        if len(grouped) > depth:
            grouped.pop(key)
            break
    return [[number(price), number(amount)] for price, amount in grouped.items()]
