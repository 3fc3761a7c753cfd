"""One venue's snapshot against what we believe: adopt what explains itself, ask again, or object.

Start-up and recovery are the same path. Knows positions, fills and labels; decides no trade.
"""

import enum
from collections.abc import Mapping
from typing import Final

from bot.domain.decided import AlarmRaised, Note, PositionMismatched, StrangerSeen
from bot.domain.events import Filled, LedgerRestored, SnapshotTaken
from bot.domain.ids import DERIBIT, InstrumentId, Label, VenueId, base_of, expiry_in_name, is_ours, venue_of
from bot.domain.instruments import Instrument
from bot.domain.seen import OrderSeen, PositionSeen
from bot.domain.time import NS_PER_S, Ns
from bot.execution.working import WorkingOrders
from bot.risk.positions import Positions

_ANSWER_NS_MAX: Final = Ns(60 * NS_PER_S)
"""A snapshot asked for and not answered by then is asked for again."""
_RETRY_NS: Final = Ns(2 * NS_PER_S)
_UNSEEN: Final = "account_unseen"
_UNSEEN_NS_MAX: Final = Ns(600 * NS_PER_S)
"""Looks that fail for so long, whatever the streams say, are an alarm: ten of the usual interval."""
_CONFIRMATIONS: Final = 2
"""A mismatch is believed when two snapshots in a row show it."""


class Conclusion(enum.Enum):
    """What a snapshot came to."""

    AGREED = "agreed"
    AGAIN = "again"
    MISMATCHED = "mismatched"


def has_expired(name: InstrumentId, spec: Instrument | None, now_ns: Ns) -> bool:
    """Whether the instrument's life is over: by its specification, or by its name where it is listed no more."""
    expiry_ns = expiry_in_name(name) if spec is None else spec.expiry_ns
    return expiry_ns is not None and expiry_ns <= now_ns


def is_of_book(name: InstrumentId, instruments: Mapping[InstrumentId, Instrument], base: str) -> bool:
    """Whether an instrument belongs to the book of this coin, by its specification or else by its name."""
    spec = instruments.get(name)
    return (base_of(name) if spec is None else spec.base) == base


class Reconciler:
    """Mutable private state of one engine."""

    def __init__(
        self, *, base: str, label_prefix: str, interval_ns: Ns, adopts_positions: bool, venue: VenueId = DERIBIT
    ) -> None:
        """Start without a baseline: the first snapshot is adopted unless the ledger says what to expect."""
        self._base = base
        self._venue = venue
        self._prefix = label_prefix
        self._interval_ns = interval_ns
        self._adopts = adopts_positions
        self._has_baseline = False
        self._asked_ns: Ns | None = None
        self._due_ns = Ns(0)
        self._fill_ns = Ns(0)
        self._demanded_ns = Ns(0)
        self._mismatches_count = 0
        self._failing_since_ns: Ns | None = None
        self._has_alarmed = False
        self._strangers: dict[str, None] = {}

    def restore(
        self, event: LedgerRestored, positions: Positions, instruments: Mapping[InstrumentId, Instrument]
    ) -> None:
        """Expect what the ledger ends with, of this book here; another book's end says nothing about this one."""
        if event.book not in {None, self._base}:
            return
        ours = (item for item in event.positions if self._is_of_book(item.instrument, instruments))
        positions.adopt(ours, self._venue)
        positions.count(event.fill_ids)
        self._has_baseline = not self._adopts

    def filled(self, now_ns: Ns) -> None:
        """A fill was booked: a snapshot asked for before it proves nothing."""
        self._fill_ns = now_ns

    def demand(self, now_ns: Ns) -> None:
        """Ask as soon as possible; what was asked for before now proves nothing."""
        self._demanded_ns = now_ns
        self._due_ns = Ns(0)
        self._asked_ns = None

    def begin_anew(self, now_ns: Ns) -> None:
        """As at a start, with what is held now: a mismatch of before counts no more."""
        self._mismatches_count = 0
        self.demand(now_ns)

    def is_due(self, now_ns: Ns) -> bool:
        """Whether to ask now; asking is recorded."""
        if self._asked_ns is not None and now_ns - self._asked_ns < _ANSWER_NS_MAX:
            return False
        if now_ns < self._due_ns:
            return False
        self._asked_ns = now_ns
        return True

    def failed(self, now_ns: Ns, cause: str) -> list[Note]:
        """No snapshot could be had: ask again in a while; an alarm, once, where that lasts."""
        self._asked_ns = None
        self._due_ns = Ns(now_ns + _RETRY_NS)
        if self._failing_since_ns is None:
            self._failing_since_ns = now_ns
        if self._has_alarmed or now_ns - self._failing_since_ns < _UNSEEN_NS_MAX:
            return []
        self._has_alarmed = True
        text = (
            f"positions at {self._venue} could not be compared with the venue's for {_UNSEEN_NS_MAX // NS_PER_S} s: "
            f"{cause}; check the venue's interface and the key"
        )
        return [AlarmRaised(name=_UNSEEN, detail=text, deadline_ns=None)]

    def news(
        self, snapshot: SnapshotTaken, positions: Positions, instruments: Mapping[InstrumentId, Instrument]
    ) -> list[Filled]:
        """Fills of this book the stream did not bring, oldest first. Before a baseline all are inside the positions."""
        if not self._has_baseline:
            positions.count(fill.fill_id for fill in snapshot.fills)
            return []
        fills = [
            fill
            for fill in snapshot.fills
            if self._is_of_book(fill.instrument, instruments) and not positions.has_counted(fill.fill_id)
        ]
        return sorted(fills, key=lambda fill: (fill.venue_ns, fill.fill_id))

    def orders(
        self, snapshot: SnapshotTaken, working: WorkingOrders, instruments: Mapping[InstrumentId, Instrument]
    ) -> tuple[list[tuple[Label, OrderSeen]], list[Note]]:
        """Open orders of this book with our prefix that this run does not know or believed over, and new strangers.

        Our orders of another book are its engine's business.
        """
        ours: list[tuple[Label, OrderSeen]] = []
        notes: list[Note] = []
        known, self._strangers = self._strangers, {}  # who has gone is forgotten
        for order in snapshot.open_orders:
            if order.label is not None and is_ours(order.label, self._prefix):
                is_news = working.find(order.label) is None or working.is_contradicted(
                    order.label, snapshot.requested_ns
                )
                if is_news and self._is_of_book(order.instrument, instruments):
                    ours.append((order.label, order))
                continue
            self._strangers[order.order_id] = None
            if order.order_id not in known:
                notes.append(StrangerSeen(order_id=order.order_id, label=order.label, instrument=order.instrument))
        return ours, notes

    def conclude(
        self,
        snapshot: SnapshotTaken,
        positions: Positions,
        instruments: Mapping[InstrumentId, Instrument],
        *,
        has_live_orders: bool,
    ) -> tuple[Conclusion, list[Note]]:
        """Compare after the news has been booked. `has_live_orders`: other than at rest, whose fills are all seen."""
        if snapshot.requested_ns < self._demanded_ns:
            return Conclusion.AGAIN, []  # an answer from before the gap; the one asked for after it is on its way
        self._asked_ns = self._failing_since_ns = None
        self._has_alarmed = False
        now_ns = snapshot.received_ns
        if has_live_orders or self._fill_ns >= snapshot.requested_ns:
            self._due_ns = Ns(now_ns + _RETRY_NS)
            return Conclusion.AGAIN, []
        for name in positions.held():
            if venue_of(name) == self._venue and has_expired(name, instruments.get(name), now_ns):
                positions.drop(name)
        venue = [
            item
            for item in snapshot.positions
            if self._is_of_book(item.instrument, instruments)
            and not has_expired(item.instrument, instruments.get(item.instrument), now_ns)
        ]
        if not self._has_baseline:
            positions.adopt(venue, self._venue)
            self._has_baseline = True
        notes = self._compare(positions, venue)
        if notes:
            return self._object(notes, now_ns)
        self._mismatches_count = 0
        self._due_ns = Ns(now_ns + self._interval_ns)
        return Conclusion.AGREED, []

    def _is_of_book(self, name: InstrumentId, instruments: Mapping[InstrumentId, Instrument]) -> bool:
        return venue_of(name) == self._venue and is_of_book(name, instruments, self._base)

    def _compare(self, positions: Positions, venue: list[PositionSeen]) -> list[Note]:
        is_final = self._mismatches_count + 1 >= _CONFIRMATIONS
        return [
            PositionMismatched(instrument=name, ours_native=ours, venue_native=theirs, is_final=is_final)
            for name, ours, theirs in positions.differences(venue, self._venue)
        ]

    def _object(self, notes: list[Note], now_ns: Ns) -> tuple[Conclusion, list[Note]]:
        self._mismatches_count += 1
        if self._mismatches_count >= _CONFIRMATIONS:
            return Conclusion.MISMATCHED, notes
        self._due_ns = Ns(now_ns + _RETRY_NS)
        return Conclusion.AGAIN, notes
