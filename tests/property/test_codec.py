"""The codec for any bytes: events or one kind of refusal, and what is put in comes out."""

import json
import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import MalformedMessage
from bot.domain.events import Filled
from bot.domain.market_events import FutureMarked, OptionMarked, Quoted
from bot.domain.time import Ns
from bot.venues import deribit
from bot.venues.deribit_wire import BookUpdate

NOW = Ns(1_770_000_000_000_000_000)
CHANNELS = ("ticker.X.100ms", "quote.X", "book.X.raw", "user.changes.any.any.raw", "user.portfolio.any", "trades.X.raw")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
FIELDS = (
    *("timestamp", "state", "instrument_name", "mark_iv", "mark_price", "best_bid_price", "best_bid_amount", "type"),
    *("change_id", "prev_change_id", "bids", "asks", "orders", "trades", "label", "amount", "price", "currency"),
)
payloads = st.dictionaries(st.sampled_from(FIELDS), json_values | st.just([["new", 1.0, 2.0]]), max_size=12)
prices = st.floats(min_value=0.0001, max_value=1e7)
stamps = st.integers(min_value=0, max_value=10**14)


def understood(frame: bytes) -> bool:
    """Whether the codec takes a frame; anything but a message or MalformedMessage fails the test."""
    try:
        message = deribit.decode(frame, NOW)
    except MalformedMessage:
        return False
    known = (tuple, deribit.Reply, deribit.Heartbeat, BookUpdate, deribit.TradesPrinted)
    assert isinstance(message, known)
    if isinstance(message, tuple):
        for event in message:
            fields = msgspec.structs.asdict(event).values()
            assert all(math.isfinite(value) for value in fields if isinstance(value, float)), event
            msgspec.json.decode(msgspec.json.encode(event), type=type(event))
    return True


@given(st.binary(max_size=200))
def test_any_bytes(frame: bytes) -> None:
    """Noise is refused, never worse."""
    understood(frame)


@given(st.binary(max_size=60))
def test_any_bytes_after_a_ticker_head(tail: bytes) -> None:
    """The short road of tickers refuses noise as well."""
    understood(deribit._TICKER_HEAD + tail)


@given(json_values)
def test_any_json(value: object) -> None:
    """Any JSON, with the words for infinity that are none, is understood or refused."""
    understood(json.dumps(value).encode())


@given(st.sampled_from(CHANNELS), payloads)
def test_any_payload(channel: str, data: dict[str, object]) -> None:
    """Payloads with the right names and wrong values give finite events or a refusal."""
    params = {"channel": channel, "data": data}
    understood(json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params}).encode())


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_flipped_byte(position: int, value: int) -> None:
    """One damaged byte anywhere is understood or refused."""
    data = {"timestamp": 1, "state": "open", "instrument_name": "BTC-27MAR26-1-C", "mark_iv": 50.5, "mark_price": 0.01}
    frame = bytearray(msgspec.json.encode({"method": "subscription", "params": {"channel": "ticker.X", "data": data}}))
    frame[position % len(frame)] = value
    understood(bytes(frame))


@given(prices, prices, prices, st.floats(min_value=0.01, max_value=499.0), stamps)
def test_option_ticker_round_trip(bid: float, ask: float, forward: float, iv_percent: float, stamp: int) -> None:
    """Every number arrives exactly; percent is divided once."""
    data = {
        "timestamp": stamp,
        "state": "open",
        "instrument_name": "BTC-27MAR26-1-C",
        "best_bid_price": bid,
        "best_bid_amount": 1.5,
        "best_ask_price": ask,
        "best_ask_amount": 2.5,
        "underlying_price": forward,
        "mark_iv": iv_percent,
    }
    frame = msgspec.json.encode({"method": "subscription", "params": {"channel": "ticker.X", "data": data}})
    (event,) = deribit.decode(frame, NOW)
    assert isinstance(event, OptionMarked)
    assert (bid, ask, forward, iv_percent / 100.0, stamp * 1_000_000) == (
        event.bid_native,
        event.ask_native,
        event.forward_usd,
        event.iv_mark,
        event.venue_ns,
    )


@given(st.sampled_from(("ticker.X", "quote.X")), prices, prices, stamps)
def test_touch_round_trip(channel: str, bid: float, ask: float, stamp: int) -> None:
    """Ticker and quote of a perpetual tell the same touch."""
    data = {
        "timestamp": stamp,
        "state": "open",
        "instrument_name": "BTC-PERPETUAL",
        "best_bid_price": bid,
        "best_bid_amount": 10.0,
        "best_ask_price": ask,
        "best_ask_amount": 20.0,
    }
    frame = msgspec.json.encode({"method": "subscription", "params": {"channel": channel, "data": data}})
    (event,) = deribit.decode(frame, NOW)
    assert isinstance(event, FutureMarked | Quoted)
    touch = (event.bid_usd, event.ask_usd) if isinstance(event, FutureMarked) else (event.bid_native, event.ask_native)
    assert (bid, ask, 10.0, 20.0) == (*touch, event.bid_amount_native, event.ask_amount_native)


@given(
    st.decimals(min_value="0.0001", max_value="1000000", places=4),
    st.decimals(min_value="-0.01", max_value="0.01", places=8),
    st.sampled_from(("buy", "sell")),
)
def test_fill_round_trip(amount: object, fee: object, direction: str) -> None:
    """Amounts and fees keep their decimal digits exactly, through the float of the wire."""
    trade = {
        "trade_id": "1",
        "order_id": "2",
        "instrument_name": "BTC-PERPETUAL",
        "direction": direction,
        "amount": float(str(amount)),
        "price": 1.5,
        "fee": float(str(fee)),
        "fee_currency": "BTC",
        "timestamp": 1,
    }
    data = {"instrument_name": "BTC-PERPETUAL", "orders": [], "trades": [trade]}
    frame = msgspec.json.encode({"method": "subscription", "params": {"channel": "user.changes.a", "data": data}})
    (fill,) = deribit.decode(frame, NOW)
    assert isinstance(fill, Filled)
    assert (amount, fee, direction == "buy") == (abs(fill.amount_native), fill.fee_native, fill.amount_native > 0)


@given(st.integers(min_value=0), st.text(max_size=20), st.dictionaries(st.text(max_size=5), scalars, max_size=3))
def test_request_round_trip(number: int, method: str, params: dict[str, object]) -> None:
    """A request reads back as it was written; NaN is the one thing JSON cannot hold."""
    finite = {key: value for key, value in params.items() if not isinstance(value, float) or math.isfinite(value)}
    finite = {key: value for key, value in finite.items() if not isinstance(value, int) or abs(value) < 2**63}
    read = json.loads(deribit.encode_request(number % 2**53, method, finite))
    assert {"jsonrpc": "2.0", "id": number % 2**53, "method": method, "params": finite} == read
