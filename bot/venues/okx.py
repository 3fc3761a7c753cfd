"""OKX's public websocket: frames to pieces, requests to frames. Pure functions.

Knows channels and fields of API v5 (exchange facts 5.1): all numbers are strings, "" where there is none; amounts are
contracts, whose size the `instruments` channel tells. Must not know sockets, time-outs or what a bot wants.
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
    BandTold,
    Channel,
    DepthTold,
    IndexTold,
    MarkTold,
    Message,
    Pieces,
    Refused,
    SpecTold,
    TouchTold,
    levels_of,
    number_of,
    positive_of,
)

OKX: Final = VenueId("okx")
_PONG: Final = b"pong"
_NS_8H: Final = 8 * 3600 * 1000 * NS_PER_MS
_HARMLESS: Final = frozenset(("books", "books-l2-tbt", "books50-l2-tbt", "open-interest", "opt-summary", "trades"))
"""Channels that exist and that we never ask for."""
_STAMP_MAX: Final = 10**14


class _Arg(Struct, rename="camel"):
    channel: str
    inst_id: str = ""
    inst_type: str = ""


class _Frame(Struct):
    arg: _Arg | UnsetType = UNSET
    data: Raw | UnsetType = UNSET
    event: str = ""
    code: str = ""
    msg: str = ""


class _Book(Struct, rename="camel"):
    bids: list[list[str]]
    asks: list[list[str]]
    ts: str
    seq_id: int = 0


class _Mark(Struct, rename="camel"):
    inst_id: str
    mark_px: str


class _Index(Struct, rename="camel"):
    inst_id: str
    idx_px: str


class _Funding(Struct, rename="camel"):
    inst_id: str
    funding_rate: str = ""
    funding_time: str = ""
    next_funding_time: str = ""


class _Day(Struct, rename="camel"):
    inst_id: str
    last: str = ""
    vol_ccy_24h: str = field(default="", name="volCcy24h")


class _Limits(Struct, rename="camel"):
    inst_id: str
    buy_lmt: str
    sell_lmt: str
    enabled: bool = True


class _Listed(Struct, rename="camel"):
    inst_id: str
    ct_val: str
    ct_mult: str
    state: str


_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_book = msgspec.json.Decoder(list[_Book]).decode
_decode_mark = msgspec.json.Decoder(list[_Mark]).decode
_decode_index = msgspec.json.Decoder(list[_Index]).decode
_decode_funding = msgspec.json.Decoder(list[_Funding]).decode
_decode_day = msgspec.json.Decoder(list[_Day]).decode
_decode_limits = msgspec.json.Decoder(list[_Limits]).decode
_decode_listed = msgspec.json.Decoder(list[_Listed]).decode
_encode = msgspec.json.Encoder().encode

_LISTING: Final = "instruments SWAP"
"""Our name of the channel with every swap's specification."""


def _id(name: str) -> InstrumentId:
    return instrument_at(OKX, name)


class OkxWire:
    """`PublicWire` of OKX."""

    ping_s: float = 15.0
    """The venue closes a socket after 30 s without a frame."""
    contract_native: float | None = None

    def routes(self, ws_url: str) -> Sequence[str]:
        """One socket."""
        return (ws_url,)

    def channels(self, instrument: InstrumentId) -> Sequence[Channel]:
        """Touch, five levels, mark, index, funding, price limits and volume of a swap, and what its contract is."""
        name = name_at_venue(instrument)
        kinds = ("bbo-tbt", "books5", "mark-price", "funding-rate", "price-limit", "tickers")
        own = [f"{channel} {name}" for channel in kinds]
        return [Channel(0, text) for text in (_LISTING, *own, f"index-tickers {_index(name)}")]

    def index_of(self, instrument: InstrumentId) -> str | None:
        """`BTC-USDT` of `OKX:BTC-USDT-SWAP`."""
        return _index(name_at_venue(instrument))

    def subscribe(self, request_id: int, names: Sequence[str]) -> Sequence[bytes]:
        """Each channel is acknowledged by itself."""
        del request_id
        return (_encode({"op": "subscribe", "args": [_arg(name) for name in names]}),)

    def ping(self, request_id: int) -> bytes:
        """A word, not JSON."""
        del request_id
        return b"ping"

    def decode(self, frame: bytes) -> Message:
        """What a frame says; MalformedMessage, with the reason, when it says nothing we know."""
        if frame == _PONG:
            return Alive()
        try:
            return _message(_decode_frame(frame))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise MalformedMessage(f"{type(error).__name__}: {error}"[:200]) from error


def _index(name: str) -> str:
    return name.removesuffix("-SWAP")


def _arg(name: str) -> dict[str, str]:
    channel, _, of = name.partition(" ")
    return {"channel": channel, "instType" if name == _LISTING else "instId": of}


def _message(frame: _Frame) -> Message:
    if frame.event == "error":
        return Refused(f"{frame.code[:12]} {frame.msg[:120]}")
    if isinstance(frame.arg, UnsetType):
        if frame.event == "notice":
            # An upgrade is coming: the socket will be closed, and everything then begins anew.
            return Alive()
        message = "neither data nor an event"
        raise MalformedMessage(message)
    arg = frame.arg
    if frame.event == "subscribe":
        return Acked(frozenset((f"{arg.channel} {arg.inst_id or arg.inst_type}",)))
    if frame.event:
        return Alive()
    if isinstance(frame.data, UnsetType):
        message = f"channel {arg.channel[:40]!r} without data"
        raise MalformedMessage(message)
    return _pieces(arg, frame.data)


def _pieces(arg: _Arg, data: Raw) -> Pieces:
    match arg.channel:
        case "bbo-tbt" | "books5":
            read = _touch if arg.channel == "bbo-tbt" else _depth
            return tuple(read(arg.inst_id, row) for row in _decode_book(data))
        case "mark-price":
            return tuple(MarkTold(_id(row.inst_id), mark_usd=positive_of(row.mark_px)) for row in _decode_mark(data))
        case "index-tickers":
            prices = ((row.inst_id, positive_of(row.idx_px)) for row in _decode_index(data))
            return tuple(IndexTold(name, price) for name, price in prices if price is not None)
        case "funding-rate":
            return tuple(_funding(row) for row in _decode_funding(data))
        case "tickers":
            return tuple(_day(row) for row in _decode_day(data))
        case "price-limit":
            return tuple(_band(row) for row in _decode_limits(data))
        case "instruments":
            return tuple(piece for piece in map(_spec, _decode_listed(data)) if piece is not None)
        case channel if channel in _HARMLESS or channel.startswith("candle"):
            return ()
        case channel:
            message = f"channel {channel[:40]!r} is not known"
            raise MalformedMessage(message)


def _stamp_ns(text: str) -> Ns:
    value = int(text) if text.isdecimal() else _STAMP_MAX
    if value >= _STAMP_MAX:
        message = f"{text[:20]!r} is no time"
        raise MalformedMessage(message)
    return Ns(value * NS_PER_MS)


def _level(levels: list[list[str]]) -> tuple[float | None, float | None]:
    """Best price and contracts; none where the side is empty."""
    if not levels or len(levels[0]) < 2:
        return None, None
    price = positive_of(levels[0][0])
    return price, None if price is None else positive_of(levels[0][1])


def _touch(name: str, row: _Book) -> TouchTold:
    (bid, bid_size), (ask, ask_size) = _level(row.bids), _level(row.asks)
    return TouchTold(_id(name), bid, ask, bid_size, ask_size, _stamp_ns(row.ts), row.seq_id)


def _depth(name: str, row: _Book) -> DepthTold:
    return DepthTold(_id(name), levels_of(row.bids), levels_of(row.asks), _stamp_ns(row.ts))


def _funding(row: _Funding) -> MarkTold:
    """Fraction per 8 hours, whatever the interval is; 8 hours where the frame does not say."""
    rate = number_of(row.funding_rate)
    has_span = row.funding_time and row.next_funding_time
    span_ns = _stamp_ns(row.next_funding_time) - _stamp_ns(row.funding_time) if has_span else _NS_8H
    if rate is None or span_ns <= 0:
        return MarkTold(_id(row.inst_id))
    return MarkTold(_id(row.inst_id), funding_rate_8h=rate * (_NS_8H / span_ns))


def _day(row: _Day) -> MarkTold:
    """`volCcy24h` of a swap is in coins (facts 5.1); counted at the last price."""
    last, coins = positive_of(row.last), positive_of(row.vol_ccy_24h)
    volume = None if last is None or coins is None else coins * last
    return MarkTold(_id(row.inst_id), volume_usd_per_day=volume)


def _band(row: _Limits) -> BandTold:
    if not row.enabled:
        return BandTold(_id(row.inst_id), None, None)
    return BandTold(_id(row.inst_id), positive_of(row.sell_lmt), positive_of(row.buy_lmt))


def _spec(row: _Listed) -> SpecTold | None:
    """None: not listed fully yet."""
    size, multiplier = positive_of(row.ct_val), positive_of(row.ct_mult)
    if size is None or multiplier is None:
        return None
    return SpecTold(_id(row.inst_id), size * multiplier, row.state == "live")
