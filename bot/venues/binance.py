"""Binance USD-M's public websockets: frames to pieces, requests to frames. Pure functions.

Knows streams and fields (data notes 3.4): all prices are strings, amounts are coins. Since April 2026 touches come over
`/public` and marks over `/market`; the old address takes a subscription to marks and never sends one. Must not know
sockets, time-outs or what a bot wants.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from bot.domain.errors import MalformedMessage
from bot.domain.ids import InstrumentId, VenueId, instrument_at, name_at_venue
from bot.domain.time import NS_PER_MS, Ns
from bot.venues.public_wire import (
    Acked,
    Alive,
    Channel,
    DepthTold,
    MarkTold,
    Message,
    Refused,
    SpecTold,
    TouchTold,
    levels_of,
    number_of,
    positive_of,
)

BINANCE: Final = VenueId("binance")
_PUBLIC, _MARKET = 0, 1
_STATES: Final = "!contractInfo"
"""Told when a contract begins or ends to be traded, of all contracts."""
_STAMP_MAX: Final = 10**14


class _Error(Struct):
    code: int = 0
    msg: str = ""


class _Frame(Struct):
    kind: str = field(default="", name="e")
    data: Raw | UnsetType = UNSET
    """Of a combined stream; else the frame itself is the event."""
    request_id: int | UnsetType = field(default=UNSET, name="id")
    result: list[str] | UnsetType | None = UNSET
    error: _Error | UnsetType = UNSET


class _Touch(Struct):
    symbol: str = field(name="s")
    update_id: int = field(name="u")
    bid: str = field(name="b")
    bid_size: str = field(name="B")
    ask: str = field(name="a")
    ask_size: str = field(name="A")
    traded_ms: int = field(name="T")


class _Depth(Struct):
    symbol: str = field(name="s")
    bids: list[list[str]] = field(name="b")
    asks: list[list[str]] = field(name="a")
    traded_ms: int = field(default=0, name="T")
    """Spot tells none."""


class _Mark(Struct):
    symbol: str = field(name="s")
    mark: str = field(name="p")
    funding: str = field(name="r")
    index: str = field(default="", name="i")


class _Day(Struct):
    symbol: str = field(name="s")
    volume: str = field(default="", name="q")
    """In the quote currency."""


class _State(Struct):
    symbol: str = field(name="s")
    state: str = field(name="cs")


_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_touch = msgspec.json.Decoder(_Touch).decode
_decode_depth = msgspec.json.Decoder(_Depth).decode
_decode_mark = msgspec.json.Decoder(_Mark).decode
_decode_day = msgspec.json.Decoder(_Day).decode
_decode_state = msgspec.json.Decoder(_State).decode
_encode = msgspec.json.Encoder().encode


def _id(name: str) -> InstrumentId:
    return instrument_at(BINANCE, name)


class BinanceWire:
    """`PublicWire` of Binance USD-M."""

    ping_s: float = 15.0
    """The venue's own pings are the websocket layer's; ours is a question that costs it nothing."""
    contract_native: float | None = 1.0
    """One coin."""

    def routes(self, ws_url: str) -> Sequence[str]:
        """Touches and levels over one socket, all else over another."""
        address = ws_url.rstrip("/")
        return (f"{address}/public/ws", f"{address}/market/ws")

    def channels(self, instrument: InstrumentId) -> Sequence[Channel]:
        """Touch; five levels twice a second; mark, index, funding and volume every second; begin and end of trading."""
        name = name_at_venue(instrument).lower()
        return (
            Channel(_PUBLIC, f"{name}@bookTicker"),
            Channel(_PUBLIC, f"{name}@depth5@500ms"),
            Channel(_MARKET, f"{name}@markPrice@1s"),
            Channel(_MARKET, f"{name}@ticker"),
            Channel(_MARKET, _STATES),
        )

    def index_of(self, instrument: InstrumentId) -> str | None:
        """None: it comes with the mark."""
        del instrument
        return None

    def subscribe(self, request_id: int, names: Sequence[str]) -> Sequence[bytes]:
        """The answer to SUBSCRIBE names nothing: what the venue has is asked for."""
        return (
            _encode({"method": "SUBSCRIBE", "params": list(names), "id": request_id}),
            self.ping(request_id),
        )

    def ping(self, request_id: int) -> bytes:
        """The subscriptions of this socket."""
        return _encode({"method": "LIST_SUBSCRIPTIONS", "id": request_id})

    def decode(self, frame: bytes) -> Message:
        """What a frame says; MalformedMessage, with the reason, when it says nothing we know.

        An event we never ask for says nothing: new kinds of them come up without notice.
        """
        try:
            return _message(_decode_frame(frame), frame)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise MalformedMessage(f"{type(error).__name__}: {error}"[:200]) from error


def _message(frame: _Frame, whole: bytes) -> Message:
    if not isinstance(frame.data, UnsetType):
        if not bytes(frame.data).startswith(b"{"):
            return Alive()  # a list: of a stream of all symbols
        inner = _decode_frame(frame.data)
        return _event(inner.kind, frame.data)
    if frame.kind:
        return _event(frame.kind, whole)
    if not isinstance(frame.error, UnsetType):
        return Refused(f"{frame.error.code} {frame.error.msg[:120]}")
    if isinstance(frame.result, list):
        return Acked(frozenset(frame.result))
    if frame.result is None and not isinstance(frame.request_id, UnsetType):
        return Alive()
    message = "neither an event nor a reply"
    raise MalformedMessage(message)


def _event(kind: str, raw: bytes | Raw) -> Message:
    match kind:
        case "bookTicker":
            return (_touch(_decode_touch(raw)),)
        case "depthUpdate":
            depth = _decode_depth(raw)
            told = DepthTold(
                _id(depth.symbol), levels_of(depth.bids), levels_of(depth.asks), _stamp_ns(depth.traded_ms)
            )
            return (told,)
        case "markPriceUpdate":
            mark = _decode_mark(raw)
            # Of the interval the contract has: 8 hours for BTC and ETH, and the stream does not say.
            funding = number_of(mark.funding)
            return (MarkTold(_id(mark.symbol), positive_of(mark.mark), positive_of(mark.index), funding),)
        case "24hrTicker":
            day = _decode_day(raw)
            return (MarkTold(_id(day.symbol), volume_usd_per_day=positive_of(day.volume)),)
        case "contractInfo":
            state = _decode_state(raw)
            return (SpecTold(_id(state.symbol), None, state.state == "TRADING"),)
        case "":
            message = "an event without a kind"
            raise MalformedMessage(message)
        case _:
            return Alive()


def _stamp_ns(stamp_ms: int) -> Ns:
    if not 0 <= stamp_ms < _STAMP_MAX:
        message = f"{stamp_ms} is no time"
        raise MalformedMessage(message)
    return Ns(stamp_ms * NS_PER_MS)


def _touch(row: _Touch) -> TouchTold:
    bid, ask = positive_of(row.bid), positive_of(row.ask)
    return TouchTold(
        _id(row.symbol),
        bid,
        ask,
        None if bid is None else positive_of(row.bid_size),
        None if ask is None else positive_of(row.ask_size),
        _stamp_ns(row.traded_ms),
        row.update_id,
    )
