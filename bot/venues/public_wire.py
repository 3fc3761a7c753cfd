"""What a venue's public channels say, piece by piece, and what a codec of theirs has to do.

Protocols and plain data. A piece is one channel's word about one instrument; `public_ticker` puts them together.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from bot.domain.errors import MalformedMessage
from bot.domain.ids import InstrumentId
from bot.domain.market_events import Level
from bot.domain.time import Ns


class Channel(NamedTuple):
    """One subscription, by the venue's own name of it."""

    route_id: int
    """Which of the venue's sockets it comes over."""
    name: str


class TouchTold(NamedTuple):
    """Best prices; amounts in the venue's contracts, None where a side is empty."""

    instrument: InstrumentId
    bid_usd: float | None
    ask_usd: float | None
    bid_contracts: float | None
    ask_contracts: float | None
    venue_ns: Ns
    seq: int
    """Of the venue's: never falls on one connection."""


class DepthTold(NamedTuple):
    """Some levels of a book, best first; amounts in the venue's contracts."""

    instrument: InstrumentId
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    venue_ns: Ns


class MarkTold(NamedTuple):
    """What the channel says; None: nothing about that."""

    instrument: InstrumentId
    mark_usd: float | None = None
    index_usd: float | None = None
    funding_rate_8h: float | None = None
    volume_usd_per_day: float | None = None
    """Of the last 24 hours."""


class BandTold(NamedTuple):
    """Prices outside are refused; None: no bound now."""

    instrument: InstrumentId
    price_min_usd: float | None
    price_max_usd: float | None


class IndexTold(NamedTuple):
    """An index, which several instruments share."""

    index_name: str
    index_usd: float


class SpecTold(NamedTuple):
    """What a contract is (None: as it was), and whether it is traded."""

    instrument: InstrumentId
    contract_native: float | None
    is_open: bool


Piece = TouchTold | DepthTold | MarkTold | BandTold | IndexTold | SpecTold
Pieces = tuple[Piece, ...]


class Acked(Struct, frozen=True):
    """Subscriptions the venue has, as far as this frame says."""

    names: frozenset[str]


class Refused(Struct, frozen=True):
    """The venue will not do what was asked."""

    cause: str


class Alive(Struct, frozen=True):
    """An answer to our ping, or a frame without news."""


Message = Pieces | Acked | Refused | Alive


class PublicWire(Protocol):
    """A codec: pure functions. MalformedMessage for a frame that says nothing we know."""

    ping_s: float
    """Send `ping` so often; the venue answers each."""
    contract_native: float | None
    """What a contract of every perpetual is; None: a channel tells it, and no amount means anything before."""

    def routes(self, ws_url: str) -> Sequence[str]:
        """Addresses of its sockets."""

    def channels(self, instrument: InstrumentId) -> Sequence[Channel]:
        """All that is subscribed for one perpetual; channels may be shared."""

    def index_of(self, instrument: InstrumentId) -> str | None:
        """Name of its index, where that comes over a channel of its own."""

    def subscribe(self, request_id: int, names: Sequence[str]) -> Sequence[bytes]:
        """Frames that ask for channels and make the venue say which it has; `request_id` is unique on its socket."""

    def ping(self, request_id: int) -> bytes:
        """A frame that the venue answers."""

    def decode(self, frame: bytes) -> Message:
        """What a frame says."""


def number_of(text: str) -> float | None:
    """A number the venue wrote as text; None where it wrote none; MalformedMessage unless finite."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        message = f"{text[:20]!r} is not a number"
        raise MalformedMessage(message) from error
    if not math.isfinite(value):
        message = f"{text[:20]!r} is not a finite number"
        raise MalformedMessage(message)
    return value


def positive_of(text: str) -> float | None:
    """A price or size; 0 and none are both absent. MalformedMessage for a negative one."""
    value = number_of(text)
    if value is not None and value < 0.0:
        message = f"{text[:20]!r} is negative"
        raise MalformedMessage(message)
    return value or None


def levels_of(rows: Sequence[Sequence[str]]) -> tuple[Level, ...]:
    """Levels the venue wrote as [price, size, ...] in text; one without either is left out."""
    pairs = ((positive_of(row[0]), positive_of(row[1])) for row in rows if len(row) >= 2)
    return tuple((price, size) for price, size in pairs if price is not None and size is not None)
