"""Deribit's JSON-RPC over websocket: frames to events, requests to frames. Pure functions.

Knows frames, channels and signatures (exchange facts 1.1-1.5); keeps no state, so the one stateful
thing, the book, is handed on as an update. Must not know sockets, time-outs or what a bot wants.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from bot.domain.errors import MalformedMessage
from bot.domain.events import Event
from bot.domain.time import NS_PER_MS, Ns
from bot.venues.contract import PublicTrade
from bot.venues.deribit_wire import (
    BookUpdate,
    Changes,
    Placed,
    Portfolio,
    Quote,
    Ticker,
    TradePrint,
    account_seen,
    filled,
    is_position_trade,
    marked,
    order_updated,
    quoted,
)
from bot.venues.settings import Credentials

Events = tuple[Event, ...]
NO_EVENTS: Final[Events] = ()
_NOTHING: Final = Raw(b"")

_TICKER_HEAD: Final = b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.'
"""Tickers are most of the traffic: a frame with this head is decoded in one pass instead of two."""

_HARMLESS: Final = (
    "block_rfq.",
    "block_trade_confirmations",
    "chart.",
    "deribit_price_index.",
    "deribit_price_ranking.",
    "deribit_price_statistics.",
    "deribit_volatility_index.",
    "estimated_expiration_price.",
    "incremental_ticker.",
    "instrument.",
    "markprice.options.",
    "perpetual.",
    "platform_state",
    "rfq.",
    "user.access_log",
    "user.combo_trades.",
    "user.lock",
    "user.mmp_trigger.",
    "user.orders.",
    "user.trades.",
)
"""Channels that exist and tell a hedger nothing that another message does not tell."""

_BOOK_PARTS: Final = 3
"""`book.{instrument}.{interval}`; the grouped form has five parts and is a picture, not a change."""


class RpcError(Struct, frozen=True):
    """The venue's no."""

    code: int
    message: str = ""


class Reply(Struct, frozen=True):
    """Answer to a request of ours, or an error that belongs to none (`id` None)."""

    id: int | str | None
    result: Raw
    """Empty when there is an error."""
    error: RpcError | None
    is_testnet: bool | None
    """None when the reply does not say."""
    placed: Placed | None = None
    """What a new order came to, where that was read on the way; `result` is empty then."""


class Heartbeat(Struct, frozen=True):
    """Sign of life from the venue; `wants_answer` asks for one from us within 10 s."""

    wants_answer: bool


class TradesPrinted(Struct, frozen=True):
    """Public trades of one frame, oldest first."""

    trades: tuple[PublicTrade, ...]


Message = Events | Reply | Heartbeat | BookUpdate | TradesPrinted


Decode = Callable[[bytes, Ns], Message]
"""A frame and when it came, to what it says."""


class _Params(Struct):
    channel: str = ""
    data: Raw | UnsetType = UNSET
    type: str = ""


class _Envelope(Struct):
    method: str | UnsetType = UNSET
    params: _Params | UnsetType = UNSET
    id: int | str | None = None
    result: Raw | UnsetType = UNSET
    error: RpcError | UnsetType = UNSET
    testnet: bool | None = None


class _OrderReply(Struct):
    id: int
    result: Placed
    testnet: bool | None = None


class _TickerParams(Struct, gc=False):
    data: Ticker


class _TickerFrame(Struct, gc=False):
    params: _TickerParams


class Login(Struct, frozen=True):
    """Result of `public/auth`. Holds secrets: never put it into a text."""

    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds; must be read, never assumed (exchange facts 1.2)."""
    scope: str = ""

    def __repr__(self) -> str:
        return f"Login(expires_in={self.expires_in}, scope={self.scope!r})"


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_order_reply = msgspec.json.Decoder(_OrderReply).decode
_decode_ticker_frame = msgspec.json.Decoder(_TickerFrame).decode
_decode_ticker = msgspec.json.Decoder(Ticker).decode
_decode_quote = msgspec.json.Decoder(Quote).decode
_decode_book = msgspec.json.Decoder(BookUpdate).decode
_decode_prints = msgspec.json.Decoder(list[TradePrint]).decode
_decode_changes = msgspec.json.Decoder(Changes).decode
_decode_portfolio = msgspec.json.Decoder(Portfolio).decode
_decode_login = msgspec.json.Decoder(Login).decode
_decode_channels = msgspec.json.Decoder(list[str]).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def decode(frame: bytes, received_ns: Ns) -> Message:
    """What a frame says; MalformedMessage, with the reason, when it says nothing we know.

    A channel we never ask for but know to be harmless gives no events.
    """
    try:
        if frame.startswith(_TICKER_HEAD):
            event = marked(_decode_ticker_frame(frame).params.data, received_ns)
            return NO_EVENTS if event is None else (event,)
        return _decode_any(_decode_envelope(frame), received_ns)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        # UnicodeDecodeError is a ValueError; deep nesting ends in RecursionError.
        raise MalformedMessage(_reason(error)) from error


def decode_answer(frame: bytes, received_ns: Ns) -> Message:
    """As `decode`, for a socket whose frames are mostly answers to orders: these are read in one pass, not in two."""
    try:
        reply = _decode_order_reply(frame)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return decode(frame, received_ns)  # some other frame, or an answer that is to be told what is wrong with it
    return Reply(reply.id, _NOTHING, None, reply.testnet, reply.result)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _decode_any(envelope: _Envelope, received_ns: Ns) -> Message:
    method, params = envelope.method, envelope.params
    if method == "subscription" and params is not UNSET:
        if params.data is UNSET:
            message = f"notification of {params.channel[:60]!r} without data"
            raise MalformedMessage(message)
        return _notification(params.channel, params.data, received_ns)
    if method == "heartbeat" and params is not UNSET and params.type in {"heartbeat", "test_request"}:
        return Heartbeat(wants_answer=params.type == "test_request")
    if method is not UNSET:
        message = f"notification {method[:60]!r} is not known"
        raise MalformedMessage(message)
    if envelope.error is not UNSET:
        return Reply(envelope.id, _NOTHING, envelope.error, envelope.testnet)
    if envelope.result is not UNSET:
        return Reply(envelope.id, envelope.result, None, envelope.testnet)
    message = "neither notification nor reply"
    raise MalformedMessage(message)


def _notification(channel: str, data: Raw, received_ns: Ns) -> Events | BookUpdate | TradesPrinted:
    if channel.startswith("ticker."):
        event = marked(_decode_ticker(data), received_ns)
        return NO_EVENTS if event is None else (event,)
    if channel.startswith("book."):
        return _decode_book(data) if channel.count(".") == _BOOK_PARTS - 1 else NO_EVENTS
    if channel.startswith("quote."):
        return (quoted(_decode_quote(data), received_ns),)
    if channel.startswith("trades."):
        return TradesPrinted(tuple(_printed(row) for row in _decode_prints(data)))
    if channel.startswith("user.changes."):
        return changes_events(_decode_changes(data), received_ns)
    if channel.startswith("user.portfolio."):
        return (account_seen(_decode_portfolio(data), received_ns),)
    if channel.startswith(_HARMLESS):
        return NO_EVENTS
    message = f"channel {channel[:60]!r} is not known"
    raise MalformedMessage(message)


def _printed(row: TradePrint) -> PublicTrade:
    return PublicTrade(
        instrument=row.instrument_name,
        is_buy=row.direction == "buy",
        price_native=row.price,
        amount_native=row.amount,
        venue_ns=Ns(row.timestamp * NS_PER_MS),
    )


def changes_events(changes: Changes, received_ns: Ns) -> Events:
    """Fills first, then order states: an order that is over has all its fills behind it."""
    fills = tuple(filled(trade, received_ns) for trade in changes.trades if is_position_trade(trade))
    return fills + tuple(order_updated(order, received_ns) for order in changes.orders)


# --- requests ----------------------------------------------------------------------------------------


def encode_request(request_id: int, method: str, params: Mapping[str, object]) -> bytes:
    """A JSON-RPC request; optional parameters are left out by the caller, never null. Decimals become numbers."""
    return _encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def sign_login(credentials: Credentials, timestamp_ms: int, nonce: str) -> str:
    r"""HMAC-SHA256 in lowercase hex over `timestamp \\n nonce \\n` with empty data (facts 1.2)."""
    text = f"{timestamp_ms}\n{nonce}\n"
    return hmac.new(credentials.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()


def login_params(credentials: Credentials, timestamp_ms: int, nonce: str) -> dict[str, object]:
    """Parameters of `public/auth` by signature: the secret itself never leaves."""
    return {
        "grant_type": "client_signature",
        "client_id": credentials.key_id,
        "timestamp": timestamp_ms,
        "nonce": nonce,
        "signature": sign_login(credentials, timestamp_ms, nonce),
        "data": "",
    }


def decode_login(result: Raw) -> Login:
    """Result of `public/auth`; MalformedMessage otherwise, without its content."""
    try:
        return _decode_login(result)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        message = "reply to public/auth does not have the expected fields"
        raise MalformedMessage(message) from None


def decode_channels(result: Raw) -> frozenset[str]:
    """Channels a subscribe reply accepted; MalformedMessage otherwise."""
    try:
        return frozenset(_decode_channels(result))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise MalformedMessage(_reason(error)) from error


def ticker_channel(instrument: str) -> str:
    """Ticker every 100 ms, allowed without a key."""
    return f"ticker.{instrument}.100ms"


def book_channel(instrument: str, *, raw: bool) -> str:
    """Order book; `raw` needs an authenticated socket (error 13778 otherwise)."""
    return f"book.{instrument}.{'raw' if raw else '100ms'}"


def trades_channel(instrument: str, *, raw: bool) -> str:
    """Public trades; `raw` needs an authenticated socket."""
    return f"trades.{instrument}.{'raw' if raw else '100ms'}"


def chunks(channels: Sequence[str], size: int) -> list[list[str]]:
    """Channels in lists of at most `size`, one per subscribe call."""
    return [list(channels[start : start + size]) for start in range(0, len(channels), size)]
