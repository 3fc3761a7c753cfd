"""The events of the market lane: tickers, touches and what stands behind them.

Conflated: the newest per type and instrument counts.
Units: `_native` = the instrument's own unit (see `Instrument`); absent is None, never 0.
"""

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.time import Ns


class EventRoot(Struct, frozen=True, kw_only=True, tag=True):
    """Root of events; `tag` is the class name."""


# gc=False: flat and frozen, so they cannot be part of a cycle; the collector need not follow ten million of them.


class OptionMarked(EventRoot, frozen=True, kw_only=True, gc=False):
    """Ticker of an option: touch, mark, volatility and the forward of its expiry."""

    instrument: InstrumentId
    received_ns: Ns
    venue_ns: Ns
    bid_native: float | None
    ask_native: float | None
    bid_amount_native: float | None
    ask_amount_native: float | None
    mark_native: float | None
    iv_mark: float | None
    """Fraction, 0.65 = 65 %; None when the venue's value is absent, 0 or off scale."""
    forward_usd: float | None
    """Forward of the expiry (`underlying_price`)."""
    index_usd: float | None
    is_open: bool
    delivery_usd: float | None = None
    """Delivery price the venue expects now: the index until the settlement window opens, then its average, as if the
    index stayed where it is (`estimated_delivery_price`)."""
    iv_bid: float | None = None
    """Of the best bid, fraction; None where there is none. This and the next: what tapes before them do not tell."""
    iv_ask: float | None = None


class FutureMarked(EventRoot, frozen=True, kw_only=True, gc=False):
    """Ticker of a perpetual or future: touch, mark, price band, funding."""

    instrument: InstrumentId
    received_ns: Ns
    venue_ns: Ns
    bid_usd: float | None
    ask_usd: float | None
    bid_amount_native: float | None
    ask_amount_native: float | None
    mark_usd: float | None
    index_usd: float | None
    price_min_usd: float | None
    price_max_usd: float | None
    funding_rate_8h: float | None
    """Current funding, fraction per 8 hours; positive: long pays."""
    is_open: bool
    delivery_usd: float | None = None
    """As of an option; of a perpetual always the index."""
    volume_usd_per_day: float | None = None
    """Traded in the last 24 hours by everybody; nothing at all is not told. Nor do tapes before it tell any."""


class Quoted(EventRoot, frozen=True, kw_only=True, gc=False):
    """Touch of an instrument from its book or quote channel."""

    instrument: InstrumentId
    received_ns: Ns
    venue_ns: Ns
    bid_native: float | None
    ask_native: float | None
    bid_amount_native: float | None
    ask_amount_native: float | None


Level = tuple[float, float]
"""Price and what is offered there, native."""


class DepthSeen(EventRoot, frozen=True, kw_only=True, gc=False):
    """What stands at and behind the touch of a hedge instrument, told a few times a second at most.

    Best first; a handful of levels. For costs and sizes: the touch to trade on is that of `Quoted`.
    """

    instrument: InstrumentId
    received_ns: Ns
    venue_ns: Ns
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


MarketEvent = OptionMarked | FutureMarked | Quoted | DepthSeen
"""Conflated: the newest per type and instrument counts."""
