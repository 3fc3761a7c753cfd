"""What happened in the books of one run, kept short for a page: samples, hedges, decisions, fills, explanations.

Told after the orders have left, as logs and metrics are; all of it is bounded. Decides nothing.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Final

from msgspec import Struct, structs

from bot.domain.decided import NOTHING, Decided, FillBooked, Outcome, is_repeat
from bot.domain.events import Event, InstrumentListed, Ticked
from bot.domain.ids import InstrumentId, Label, base_of
from bot.domain.reasons import Action, Reason
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_S, Ns, ms_from_ns
from bot.observe.explained import Explained

_DECISIONS_MAX: Final = 60
_FILLS_MAX: Final = 40
_HEDGES_MAX: Final = 500
SAMPLE_EVERY_NS: Final = Ns(NS_PER_S)
_SPANS: Final = {
    "recent": (SAMPLE_EVERY_NS, 900, False),
    "day": (Ns(60 * NS_PER_S), 1_440, False),
    "run": (SAMPLE_EVERY_NS, 1_440, True),
}
"""Name: spacing, most dots, and whether a full one drops every second dot and doubles its spacing."""


class Dot(Struct, frozen=True, kw_only=True, array_like=True):
    """One sample of a book; None: not known then."""

    time_ms: int
    price_usd: float | None
    delta_coin_net: float | None
    delta_coin_low: float | None
    delta_coin_high: float | None
    band_low_coin: float | None
    band_high_coin: float | None
    profit_usd: float | None
    """Since the start of the run; None before it."""


class HedgeDot(Struct, frozen=True, kw_only=True, array_like=True):
    """One hedge, where a curve is marked."""

    time_ms: int
    seq: int
    trade_coin: float
    price_usd: float | None
    delta_coin_net: float | None


class DecisionTold(Struct, frozen=True, kw_only=True):
    """One decision in short; deltas in coins, in the book's convention."""

    run_id: str
    seq: int
    now_ns: Ns
    action: Action
    reason: Reason
    detail: str
    delta_coin_net: float | None
    band_low_coin: float | None
    band_high_coin: float | None
    trade_coin: float
    price_usd: float | None


class FillTold(Struct, frozen=True, kw_only=True):
    """One fill; `unit` is that of amount and position, empty where the instrument is not listed any more."""

    time_ns: Ns
    instrument: InstrumentId
    label: Label | None
    amount_native: Decimal
    unit: str
    price_native: Decimal
    fee_native: Decimal
    fee_currency: str
    slippage_usd: float | None
    position_native: Decimal


class Told(Struct, frozen=True, kw_only=True):
    """Lists of one book, newest first."""

    decisions: tuple[DecisionTold, ...]
    fills: tuple[FillTold, ...]
    hedges: tuple[HedgeDot, ...]
    """Of this run."""
    earlier_parts_usd: dict[str, float]
    """What made the profit in the day before this run, by the names of `hedgebot pnl`; empty where nobody knows."""


class Earlier(Struct, frozen=True, kw_only=True):
    """The day of a book before this run, from whoever kept it; no more of it is taken than there is room for."""

    decisions: Sequence[tuple[str, Decided]]
    """With their runs, newest first."""
    dots: Sequence[Dot]
    """Oldest first, as are hedges."""
    hedges: Sequence[HedgeDot]
    fills: Sequence[FillTold]
    """Newest first; without a unit."""
    parts_usd: dict[str, float]


class History(Struct, frozen=True, kw_only=True):
    """Curves of one book, oldest first."""

    dots: tuple[Dot, ...]
    hedges: tuple[HedgeDot, ...]
    began_ms: int | None = None
    """First sample of this run, where others are before it."""


class Board:
    """All books of one run."""

    def __init__(self, *, run_id: str, mode: str, books: Iterable[str]) -> None:
        """Nothing has happened."""
        self.run_id = run_id
        self.mode = mode
        self.told_count = 0
        """Of all decisions and fills kept so far: says whether there is a new one."""
        self._books = {book: _BookBoard() for book in books}
        self.books = tuple(self._books)
        self._units: dict[InstrumentId, str] = {}

    def saw(self, book: str, event: Event, outcome: Outcome) -> Decided | None:
        """One event and what it led to; the decision when it says something new."""
        if outcome is NOTHING:
            if isinstance(event, InstrumentListed):
                listed = event.instrument
                self._units[listed.id] = "USD" if listed.amount_is_in_usd else base_of(listed.id) or "coins"
            return None
        kept, decided = self._books[book], outcome.decided
        for note in outcome.notes:
            if isinstance(note, FillBooked):
                self.told_count += 1
                now_ns = event.now_ns if isinstance(event, Ticked) else event.received_ns
                kept.fills.appendleft(_fill(note, self._unit(note.instrument), now_ns))
        if decided is None or is_repeat(decided, kept.told):
            return None
        self.told_count += 1
        kept.decided(self.run_id, decided)
        return decided

    def sample(self, status: BookStatus) -> None:
        """Where a book stands; kept as often as its curves are fine."""
        if status.decided is not None:
            self._books[status.book].sample(status, status.decided)

    def recall(self, book: str, earlier: Earlier) -> None:
        """Put what was before this run behind what was seen of it, as far as there is room."""
        self.told_count += 1
        units = self._units
        fills = [structs.replace(fill, unit=units.get(fill.instrument, "")) for fill in earlier.fills]
        self._books[book].recall(earlier, fills)

    def recorded(self, book: str, run_id: str, seq: int) -> Decided | None:
        """A decision that is listed, as it was recorded."""
        kept = self._books.get(book)
        found = [] if kept is None else [each for of_run, each in kept.decisions if (of_run, each.seq) == (run_id, seq)]
        return found[0] if found else None

    def explain(self, told: Explained) -> None:
        """Keep the explanation of a decision as long as the decision is listed."""
        self._books[told.decided.book].explain(told)

    def explained(self, book: str, seq: int) -> Explained | None:
        """What was kept of a decision; None: nothing."""
        kept = self._books.get(book)
        return None if kept is None else kept.explained.get(seq)

    def told(self) -> dict[str, Told]:
        """By book."""
        return {
            book: Told(
                decisions=tuple(_told(run_id, decided) for run_id, decided in kept.decisions),
                fills=tuple(kept.fills),
                hedges=tuple(kept.hedges)[-20:],
                earlier_parts_usd=kept.earlier_parts_usd,
            )
            for book, kept in self._books.items()
        }

    def history(self, book: str, span: str) -> History | None:
        """The curves of a book over `recent`, `day` or `run`; None where there is no such book or span."""
        kept = self._books.get(book)
        track = None if kept is None else kept.tracks.get(span)
        if kept is None or track is None:
            return None
        dots = tuple(track.dots)
        since_ms = dots[0].time_ms if dots else 0
        earlier_ms, began_ms = track.earlier_ms, None
        hedges: Iterable[HedgeDot] = kept.hedges
        if earlier_ms is not None and since_ms <= earlier_ms:
            began_ms = next((dot.time_ms for dot in dots if dot.time_ms > earlier_ms), None)
            hedges = (*kept.earlier_hedges, *kept.hedges)
        return History(dots=dots, hedges=tuple(each for each in hedges if each.time_ms >= since_ms), began_ms=began_ms)

    def _unit(self, name: InstrumentId) -> str:
        return self._units.get(name) or base_of(name) or "coins"


class _Track:
    """One curve: a window that moves on, or a whole run that gets coarser."""

    def __init__(self, spacing_ns: Ns, dots_max: int, *, thins: bool) -> None:
        self._spacing_ns = spacing_ns
        self._thins = thins
        self.dots: deque[Dot] = deque(maxlen=dots_max)
        self.earlier_ms: int | None = None
        """Last sample from before this run."""
        self._last_ns: Ns | None = None

    def add(self, dot: Dot, now_ns: Ns) -> None:
        if self._last_ns is not None and now_ns - self._last_ns < self._spacing_ns:
            return
        if self._thins and len(self.dots) == self.dots.maxlen:
            self.dots = deque(islice(self.dots, 0, None, 2), maxlen=self.dots.maxlen)
            self._spacing_ns = Ns(2 * self._spacing_ns)
        self._last_ns = now_ns
        self.dots.append(dot)

    def recall(self, dots: Iterable[Dot]) -> None:
        """Older ones, one in each of the spacings."""
        spacing_ms, earlier = ms_from_ns(self._spacing_ns), list[Dot]()
        for dot in dots:
            is_older = not self.dots or dot.time_ms < self.dots[0].time_ms
            if is_older and (not earlier or dot.time_ms // spacing_ms != earlier[-1].time_ms // spacing_ms):
                earlier.append(dot)
        assert self.dots.maxlen is not None, "curves are bounded"
        room = min(len(earlier), self.dots.maxlen - len(self.dots))
        if room:
            self.dots.extendleft(reversed(earlier[-room:]))
            self.earlier_ms = earlier[-1].time_ms


class _BookBoard:
    def __init__(self) -> None:
        self.told: Decided | None = None
        self.tracks = {name: _Track(every, most, thins=thins) for name, (every, most, thins) in _SPANS.items()}
        self.decisions: deque[tuple[str, Decided]] = deque(maxlen=_DECISIONS_MAX)
        self.fills: deque[FillTold] = deque(maxlen=_FILLS_MAX)
        self.hedges: deque[HedgeDot] = deque(maxlen=_HEDGES_MAX)
        self.explained: dict[int, Explained] = {}
        self.earlier_hedges: tuple[HedgeDot, ...] = ()
        self.earlier_parts_usd: dict[str, float] = {}

    def decided(self, run_id: str, decided: Decided) -> None:
        self.told = decided
        self.decisions.appendleft((run_id, decided))
        if decided.action is Action.HEDGE:
            self.hedges.append(
                HedgeDot(
                    time_ms=ms_from_ns(decided.now_ns),
                    seq=decided.seq,
                    trade_coin=decided.trade_coin,
                    price_usd=decided.price_usd,
                    delta_coin_net=decided.delta_coin_net,
                )
            )

    def sample(self, status: BookStatus, decided: Decided) -> None:
        dot = Dot(
            time_ms=ms_from_ns(decided.now_ns),
            price_usd=decided.price_usd,
            delta_coin_net=decided.delta_coin_net,
            delta_coin_low=decided.delta_coin_low,
            delta_coin_high=decided.delta_coin_high,
            band_low_coin=decided.band_low_coin,
            band_high_coin=decided.band_high_coin,
            profit_usd=status.profit_usd.total,
        )
        for track in self.tracks.values():
            track.add(dot, decided.now_ns)

    def recall(self, earlier: Earlier, fills: Sequence[FillTold]) -> None:
        self.decisions.extend(earlier.decisions[: _DECISIONS_MAX - len(self.decisions)])
        self.fills.extend(fills[: _FILLS_MAX - len(self.fills)])
        self.earlier_hedges = tuple(earlier.hedges[-_HEDGES_MAX:])
        self.earlier_parts_usd = earlier.parts_usd
        self.tracks["day"].recall(earlier.dots)

    def explain(self, told: Explained) -> None:
        self.explained[told.decided.seq] = told
        if len(self.explained) > _DECISIONS_MAX:
            del self.explained[next(iter(self.explained))]


def _told(run_id: str, decided: Decided) -> DecisionTold:
    return DecisionTold(
        run_id=run_id,
        seq=decided.seq,
        now_ns=decided.now_ns,
        action=decided.action,
        reason=decided.reason,
        detail=decided.detail,
        delta_coin_net=decided.delta_coin_net,
        band_low_coin=decided.band_low_coin,
        band_high_coin=decided.band_high_coin,
        trade_coin=decided.trade_coin,
        price_usd=decided.price_usd,
    )


def _fill(note: FillBooked, unit: str, now_ns: Ns) -> FillTold:
    return FillTold(
        time_ns=now_ns,
        instrument=note.instrument,
        label=note.label,
        amount_native=note.amount_native,
        unit=unit,
        price_native=note.price_native,
        fee_native=note.fee_native,
        fee_currency=note.fee_currency,
        slippage_usd=note.slippage_usd,
        position_native=note.position_native,
    )
