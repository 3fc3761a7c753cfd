"""Pieces of several channels put together to the events the engine knows.

A ticker is told with each touch and never between: what has gone quiet then ages as it should. A mark or index older
than it can be on a live channel is told as absent. Knows no venue and no frame.
"""

from typing import Final

from bot.domain.events import Event
from bot.domain.ids import InstrumentId
from bot.domain.market_events import DepthSeen, FutureMarked, Quoted
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.venues.public_wire import BandTold, DepthTold, IndexTold, MarkTold, Piece, SpecTold, TouchTold

_MARKED_NS_MIN: Final = Ns(100 * NS_PER_MS)
"""Between tickers of one instrument, as at Deribit; touches in between are told as such."""
_DEPTH_NS_MIN: Final = Ns(250 * NS_PER_MS)
"""Between looks behind the touch of one instrument."""
_MARK_NS_MAX: Final = Ns(15 * NS_PER_S)
"""OKX repeats an unchanged mark every 10 s, Binance every second (facts 5.1)."""
_INDEX_NS_MAX: Final = Ns(75 * NS_PER_S)
"""OKX repeats an unchanged index every minute."""

_VOLUME_NS_MAX: Final = Ns(300 * NS_PER_S)
"""Of a whole day: it hardly changes, and comes when somebody trades."""

_QUIET_NS_MAX: Final = Ns(60 * NS_PER_S)
"""A touch or mark that has not come for so long is worth a new connection, which tells them anew."""


class _Aged:
    """A value and when it came."""

    __slots__ = ("at_ns", "value")

    def __init__(self) -> None:
        self.value: float | None = None
        self.at_ns = Ns(0)

    def take(self, value: float | None, at_ns: Ns) -> None:
        """The newest word, where there is one."""
        if value is not None:
            self.value, self.at_ns = value, at_ns

    def at(self, now_ns: Ns, age_ns_max: Ns) -> float | None:
        """The value while it can be believed."""
        return self.value if now_ns - self.at_ns <= age_ns_max else None


class Ticker:
    """One perpetual on one connection."""

    def __init__(self, instrument: InstrumentId, contract_native: float | None = None) -> None:
        """Nothing else is known; no touch is told before the contract is."""
        self._instrument: Final = instrument
        self._contract_native = contract_native
        self._is_open = True
        self._mark: Final = _Aged()
        self._index: Final = _Aged()
        self._volume: Final = _Aged()
        self._funding: float | None = None
        self._band: tuple[float | None, float | None] = (None, None)
        self._newest: TouchTold | None = None
        self._touched_ns = Ns(0)
        self._marked_ns = Ns(0)
        self._depth_ns = Ns(0)

    def missing(self, now_ns: Ns, since_ns: Ns) -> str:
        """What has not come for a minute, nor since then, in a word; empty when all is well."""
        for word, at_ns in (("touch", self._touched_ns), ("mark", self._mark.at_ns)):
            if now_ns - max(at_ns, since_ns) > _QUIET_NS_MAX:
                return word
        return ""

    @property
    def has_lived(self) -> bool:
        """Whether touch and mark have come over this connection."""
        return bool(self._touched_ns and self._mark.at_ns)

    def take(self, piece: Piece, received_ns: Ns) -> tuple[Event, ...]:
        """What a piece about this instrument comes to."""
        match piece:
            case TouchTold():
                return self._touch(piece, received_ns)
            case DepthTold():
                return self._depth(piece, received_ns)
            case MarkTold():
                self._mark.take(piece.mark_usd, received_ns)
                self._index.take(piece.index_usd, received_ns)
                self._volume.take(piece.volume_usd_per_day, received_ns)
                self._funding = self._funding if piece.funding_rate_8h is None else piece.funding_rate_8h
            case IndexTold():
                self._index.take(piece.index_usd, received_ns)
            case BandTold():
                self._band = (piece.price_min_usd, piece.price_max_usd)
            case SpecTold():
                self._contract_native = (
                    self._contract_native if piece.contract_native is None else piece.contract_native
                )
                self._is_open = piece.is_open
        return ()

    def _depth(self, told: DepthTold, received_ns: Ns) -> tuple[Event, ...]:
        size = self._contract_native
        if size is None or received_ns - self._depth_ns < _DEPTH_NS_MIN:
            return ()
        self._depth_ns = received_ns
        bids, asks = (tuple((price, size * count) for price, count in side) for side in (told.bids, told.asks))
        seen = DepthSeen(
            instrument=self._instrument, received_ns=received_ns, venue_ns=told.venue_ns, bids=bids, asks=asks
        )
        return (seen,)

    def _touch(self, told: TouchTold, received_ns: Ns) -> tuple[Event, ...]:
        size, before = self._contract_native, self._newest
        self._touched_ns = received_ns
        if size is None or (before is not None and told.seq < before.seq and told.venue_ns <= before.venue_ns):
            return ()
        self._newest = told
        bid_amount = None if told.bid_contracts is None else told.bid_contracts * size
        ask_amount = None if told.ask_contracts is None else told.ask_contracts * size
        quoted = Quoted(
            instrument=self._instrument,
            received_ns=received_ns,
            venue_ns=told.venue_ns,
            bid_native=told.bid_usd,
            ask_native=told.ask_usd,
            bid_amount_native=bid_amount,
            ask_amount_native=ask_amount,
        )
        if received_ns - self._marked_ns < _MARKED_NS_MIN:
            return (quoted,)
        self._marked_ns = received_ns
        index_usd = self._index.at(received_ns, _INDEX_NS_MAX)
        marked = FutureMarked(
            instrument=self._instrument,
            received_ns=received_ns,
            venue_ns=told.venue_ns,
            bid_usd=told.bid_usd,
            ask_usd=told.ask_usd,
            bid_amount_native=bid_amount,
            ask_amount_native=ask_amount,
            mark_usd=self._mark.at(received_ns, _MARK_NS_MAX),
            index_usd=index_usd,
            price_min_usd=self._band[0],
            price_max_usd=self._band[1],
            funding_rate_8h=self._funding,
            is_open=self._is_open,
            delivery_usd=index_usd,
            volume_usd_per_day=self._volume.at(received_ns, _VOLUME_NS_MAX),
        )
        return (quoted, marked)
