"""The codec: what each kind of frame means, and what is refused."""

import json
from decimal import Decimal

import msgspec
import pytest

from bot.domain.errors import MalformedMessage
from bot.domain.events import AccountSeen, Filled, OrderUpdated
from bot.domain.market_events import FutureMarked, OptionMarked, Quoted
from bot.domain.seen import VenueOrderState
from bot.domain.time import Ns
from bot.venues import deribit
from bot.venues.deribit import Heartbeat, Reply, decode
from bot.venues.settings import Credentials

NOW = Ns(1_770_000_000_000_000_000)
OPTION = {
    "timestamp": 1_770_000_000_123,
    "state": "open",
    "index_price": 98_000.5,
    "instrument_name": "BTC-27MAR26-100000-C",
    "mark_price": 0.0388,
    "best_ask_price": 0.0395,
    "best_bid_price": 0.0385,
    "best_ask_amount": 18.6,
    "best_bid_amount": 11.7,
    "mark_iv": 55.21,
    "underlying_price": 98_800.25,
    "estimated_delivery_price": 98_000.5,
}
PERPETUAL = {
    "timestamp": 1_770_000_000_123,
    "state": "open",
    "index_price": 98_000.5,
    "instrument_name": "BTC-PERPETUAL",
    "mark_price": 98_010.0,
    "min_price": 96_500.0,
    "max_price": 99_500.0,
    "best_ask_price": 98_011,
    "best_bid_price": 98_010.5,
    "best_ask_amount": 2.0e4,
    "best_bid_amount": 10,
    "current_funding": -4.0e-5,
    "funding_8h": 1.0e-5,
}
TRADE = {
    "trade_id": "208465104",
    "order_id": "74365704227",
    "label": "hb1",
    "instrument_name": "BTC-PERPETUAL",
    "direction": "sell",
    "amount": 10.0,
    "price": 9.21e4,
    "fee": 5.0e-8,
    "fee_currency": "BTC",
    "liquidity": "T",
    "timestamp": 1_765_505_266_849,
}
ORDER = {
    "order_id": "74365704227",
    "label": "hb1",
    "instrument_name": "BTC-PERPETUAL",
    "order_state": "filled",
    "direction": "sell",
    "amount": 10.0,
    "filled_amount": 10.0,
    "price": 9.21e4,
    "last_update_timestamp": 1_765_505_266_849,
    "starbase_order_id": 213_912_243_048_284_167,
}

CHANGES = {"instrument_name": "BTC-PERPETUAL", "orders": [], "trades": [], "positions": []}
BOOK = {"timestamp": 1, "instrument_name": "X", "change_id": 1, "bids": [], "asks": []}


def frame(channel: str, data: object) -> bytes:
    """A notification as the venue spells it."""
    return msgspec.json.encode(
        {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
    )


def option(**changes: object) -> OptionMarked:
    """The event of an option ticker with changed fields."""
    data = {key: value for key, value in (OPTION | changes).items() if value != "absent"}
    (event,) = decode(frame("ticker.x.100ms", data), NOW)
    assert isinstance(event, OptionMarked)
    return event


def test_option_ticker_becomes_option_marked() -> None:
    """Percent becomes a fraction, milliseconds nanoseconds, the forward comes from underlying_price."""
    expected = OptionMarked(
        instrument=OPTION["instrument_name"],
        received_ns=NOW,
        venue_ns=Ns(1_770_000_000_123_000_000),
        bid_native=0.0385,
        ask_native=0.0395,
        bid_amount_native=11.7,
        ask_amount_native=18.6,
        mark_native=0.0388,
        iv_mark=0.5521,
        forward_usd=98_800.25,
        index_usd=98_000.5,
        is_open=True,
        delivery_usd=98_000.5,
        iv_bid=0.5,
        iv_ask=0.57,
    )
    assert expected == option(bid_iv=50, ask_iv=57.0)


def test_perpetual_ticker_becomes_future_marked() -> None:
    """Integers and scientific notation are numbers; funding is the current rate, not the trailing one."""
    expected = FutureMarked(
        instrument=PERPETUAL["instrument_name"],
        received_ns=NOW,
        venue_ns=Ns(1_770_000_000_123_000_000),
        bid_usd=98_010.5,
        ask_usd=98_011.0,
        bid_amount_native=10.0,
        ask_amount_native=20_000.0,
        mark_usd=98_010.0,
        index_usd=98_000.5,
        price_min_usd=96_500.0,
        price_max_usd=99_500.0,
        funding_rate_8h=-4.0e-5,
        is_open=True,
    )
    assert (expected,) == decode(frame("ticker.BTC-PERPETUAL.100ms", PERPETUAL), NOW)


@pytest.mark.parametrize("percent", [0, 0.0, 500.0, 999.0, -74.2, None])
def test_volatility_that_is_none_is_none(percent: object) -> None:
    """Zero, off scale, negative and null volatilities are absent."""
    assert option(mark_iv=percent).iv_mark is option(bid_iv=percent).iv_bid is option(ask_iv=percent).iv_ask is None


@pytest.mark.parametrize("price", [0, 0.0, None, -7.0, "absent"])
def test_empty_side_is_none_with_its_amount(price: object) -> None:
    """Price 0, null or absent is an empty side, never a price."""
    event = option(best_bid_price=price)
    assert (
        event.bid_native,
        event.bid_amount_native,
        event.ask_native,
        event.ask_amount_native,
    ) == (None, None, 0.0395, 18.6)


def test_mark_of_zero_is_a_price() -> None:
    """A worthless option is marked 0.0; a missing mark is None."""
    assert (option(mark_price=0.0).mark_native, option(mark_price=None).mark_native) == (0.0, None)


@pytest.mark.parametrize("state", ["closed", "halted", "locked", "settlement", "delivered", "something new"])
def test_only_open_is_open(state: str) -> None:
    """Any other state of the venue is not open, even one we have never heard of."""
    assert option(state=state).is_open is False


def test_delivered_option_is_decoded() -> None:
    """After delivery a price is the word `expired`; the field is not read."""
    assert option(state="delivered", estimated_delivery_price="expired", delivery_price=75_807.47).is_open is False


def test_fast_and_general_road_agree() -> None:
    """A ticker frame with its members in another order decodes to the same event."""
    for data in (OPTION, PERPETUAL):
        usual = frame("ticker.x.100ms", data)
        other = msgspec.json.encode(
            {"params": {"data": data, "channel": "ticker.x.100ms"}, "method": "subscription", "jsonrpc": "2.0"}
        )
        assert usual.startswith(deribit._TICKER_HEAD)
        assert not other.startswith(deribit._TICKER_HEAD)
        assert decode(usual, NOW) == decode(other, NOW)


def test_quote() -> None:
    """The quote channel gives a touch; an empty side is None."""
    data = {
        "timestamp": 5,
        "instrument_name": "BTC-PERPETUAL",
        "best_bid_price": 1.5,
        "best_bid_amount": 10.0,
        "best_ask_price": 0.0,
        "best_ask_amount": 0.0,
    }
    expected = Quoted(
        instrument=PERPETUAL["instrument_name"],
        received_ns=NOW,
        venue_ns=Ns(5_000_000),
        bid_native=1.5,
        ask_native=None,
        bid_amount_native=10.0,
        ask_amount_native=None,
    )
    assert (expected,) == decode(frame("quote.BTC-PERPETUAL", data), NOW)


def test_user_changes_give_fills_then_orders() -> None:
    """Fills are signed and come before the state of their order; huge ids are ignored, not rounded."""
    changes = {"instrument_name": "BTC-PERPETUAL", "orders": [ORDER], "trades": [TRADE], "positions": []}
    fill, updated = decode(frame("user.changes.any.any.raw", changes), NOW)
    expected_fill = Filled(
        fill_id="208465104",
        order_id="74365704227",
        label="hb1",
        instrument=PERPETUAL["instrument_name"],
        amount_native=Decimal(-10),
        price_native=Decimal(92_100),
        fee_native=Decimal("5e-8"),
        fee_currency="BTC",
        is_maker=False,
        received_ns=NOW,
        venue_ns=Ns(1_765_505_266_849_000_000),
    )
    expected_order = OrderUpdated(
        label="hb1",
        order_id="74365704227",
        instrument=PERPETUAL["instrument_name"],
        state=VenueOrderState.FILLED,
        filled_native=Decimal(10),
        received_ns=NOW,
        venue_ns=Ns(1_765_505_266_849_000_000),
    )
    assert (expected_fill, expected_order) == (fill, updated)


def test_trade_without_position_gives_no_fill() -> None:
    """The envelope of a combo (its legs follow) and a spot trade change no position."""
    combo = TRADE | {"instrument_name": "BTC-CS-19MAY26-70000_75000", "legs": []}
    spot = TRADE | {"instrument_name": "BTC_USDC"}
    changes = {"instrument_name": "BTC_USDC", "orders": [], "trades": [combo, spot]}
    assert decode(frame("user.changes.any.any.raw", changes), NOW) == ()


def test_trigger_order_without_filled_amount() -> None:
    """A stop order has a word for a price and may lack the filled amount: open, nothing filled."""
    order = {key: value for key, value in ORDER.items() if key != "filled_amount"}
    order |= {"price": "market_price", "order_state": "untriggered"}
    changes = {"instrument_name": "BTC-PERPETUAL", "orders": [order], "trades": []}
    (updated,) = decode(frame("user.changes.any.any.raw", changes), NOW)
    assert isinstance(updated, OrderUpdated)
    assert (VenueOrderState.OPEN, Decimal(0)) == (updated.state, updated.filled_native)


def test_portfolio() -> None:
    """Account figures of one currency."""
    data = {
        "currency": "BTC",
        "equity": 10.5,
        "balance": 10,
        "initial_margin": 0.1,
        "maintenance_margin": 0.05,
        "available_funds": 9.9,
        "delta_total": -0.3,
        "options_delta": 0.25,
    }
    expected = AccountSeen(
        currency="BTC",
        equity_native=10.5,
        balance_native=10.0,
        margin_initial_native=0.1,
        margin_maintenance_native=0.05,
        available_native=9.9,
        delta_coin_total=-0.3,
        delta_coin_options=0.25,
        received_ns=NOW,
    )
    assert (expected,) == decode(frame("user.portfolio.any", data), NOW)
    more = {
        "delta_total_map": {"btc_usd": -0.27},
        "options_value": 0.03,
        "options_gamma": 0.00002,
        "options_vega": 61.5,
        "options_theta": -40.25,
    }
    told = msgspec.structs.replace(
        expected,
        delta_coin_by_index={"btc_usd": -0.27},
        options_value_native=0.03,
        gamma_coin_per_usd_options=0.00002,
        vega_usd_per_point_options=61.5,
        theta_usd_per_day_options=-40.25,
    )
    assert (told,) == decode(frame("user.portfolio.any", data | more), NOW)


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        ("platform_state", {"locked": False, "price_index": "btc_usd"}),
        ("deribit_price_index.btc_usd", {"price": 1.0}),
        ("book.BTC-PERPETUAL.none.20.100ms", {"bids": [[1.0, 2.0]], "asks": []}),
        ("user.orders.any.any.raw", {}),
        ("markprice.options.btc_usd", []),
        ("ticker.BTC-FS-30SEP22_PERP.raw", PERPETUAL | {"best_bid_price": -7.0, "combo_state": "active"}),
        ("ticker.BTC-STRD-30SEP22-20000.raw", OPTION | {"instrument_name": "BTC-STRD-30SEP22-20000"}),
    ],
)
def test_harmless_frames_emit_nothing(channel: str, data: object) -> None:
    """Known channels we do not need, and combos, give no event and no error."""
    assert decode(frame(channel, data), NOW) == ()


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("string for a number", frame("ticker.x.100ms", OPTION | {"mark_price": "0.0388"})),
        ("boolean for a number", frame("ticker.x.100ms", OPTION | {"mark_price": True})),
        ("option without volatility", frame("ticker.x.100ms", PERPETUAL | {"instrument_name": "BTC-1JAN26-1-C"})),
        ("overflow", frame("ticker.x.100ms", OPTION).replace(b"0.0388", b"1e999")),
        ("absurd size", frame("ticker.x.100ms", OPTION | {"mark_price": 1e300})),
        ("no state", frame("ticker.x.100ms", {"timestamp": 1})),
        ("fractional stamp", frame("ticker.x.100ms", OPTION | {"timestamp": 1.5})),
        ("negative stamp", frame("ticker.x.100ms", OPTION | {"timestamp": -1})),
        ("unknown channel", frame("nothing.like.this", {})),
        ("unknown notification", b'{"jsonrpc":"2.0","method":"surprise","params":{}}'),
        ("notification without data", b'{"method":"subscription","params":{"channel":"quote.X"}}'),
        ("neither", b'{"jsonrpc":"2.0"}'),
        ("truncated", frame("ticker.x.100ms", OPTION)[:-9]),
        ("not JSON", b"<html>"),
        ("empty", b""),
        ("not UTF-8", b'{"method":"\xff"}'),
        ("deep", b'{"result":' + b"[" * 100_000),
        ("API v1 error", b'{"success":false,"message":"authorization_required","error":10000}'),
        ("filled above amount", frame("user.changes.a", CHANGES | {"orders": [ORDER | {"filled_amount": 11.0}]})),
        ("trade of nothing", frame("user.changes.a", CHANGES | {"trades": [TRADE | {"amount": 0.0}]})),
        ("book with pairs", frame("book.X.raw", BOOK | {"bids": [[1, 2]]})),
    ],
)
def test_nonsense_is_refused_by_name(name: str, raw: bytes) -> None:
    """Whatever is not what it should be raises MalformedMessage with a reason, nothing else."""
    with pytest.raises(MalformedMessage) as caught:
        decode(raw, NOW)
    assert str(caught.value), name


def test_nan_and_infinity_are_no_json() -> None:
    """Words some servers write for missing numbers are refused."""
    for word in (b"NaN", b"Infinity", b"-Infinity"):
        raw = frame("ticker.x.100ms", OPTION).replace(b"0.0388", word)
        with pytest.raises(MalformedMessage):
            decode(raw, NOW)


def test_replies_and_heartbeats() -> None:
    """Replies keep id, result, error and the testnet flag; heartbeats say whether to answer."""
    reply = decode(b'{"jsonrpc":"2.0","id":7,"result":["a"],"testnet":true}', NOW)
    assert isinstance(reply, Reply)
    assert (7, frozenset({"a"}), None, True) == (
        reply.id,
        deribit.decode_channels(reply.result),
        reply.error,
        reply.is_testnet,
    )
    error = decode(b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"request entity too large"}}', NOW)
    assert isinstance(error, Reply)
    assert (None, deribit.RpcError(-32600, "request entity too large"), None) == (
        error.id,
        error.error,
        error.is_testnet,
    )
    for word, wants in (("heartbeat", False), ("test_request", True)):
        raw = b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"%s"}}' % word.encode()
        assert Heartbeat(wants) == decode(raw, NOW)


def test_login_signature_known_answer() -> None:
    """The venue's own example (exchange facts 1.2); the secret shows in no text."""
    credentials = Credentials("id", "AMANDASECRECT")
    signature = deribit.sign_login(credentials, 1_576_074_319_000, "1iqt2wls")
    assert signature == "56590594f97921b09b18f166befe0d1319b198bbcdad7ca73382de2f88fe9aa1"
    assert "AMANDASECRECT" not in f"{deribit.login_params(credentials, 1_576_074_319_000, '1iqt2wls')} {credentials!r}"


def test_request_round_trip() -> None:
    """A request is one JSON-RPC object with named parameters."""
    told = json.loads(deribit.encode_request(3, "public/subscribe", {"channels": ["a"]}))
    assert told == {"jsonrpc": "2.0", "id": 3, "method": "public/subscribe", "params": {"channels": ["a"]}}


def test_login_reply() -> None:
    """Tokens are read, and appear in no text; anything else is refused without showing it."""
    answer = b'{"access_token":"A1","refresh_token":"R1","expires_in":900,"scope":"s"}'
    login = deribit.decode_login(msgspec.Raw(answer))
    assert (login.refresh_token, login.expires_in, repr(login)) == ("R1", 900, "Login(expires_in=900, scope='s')")
    with pytest.raises(MalformedMessage) as caught:
        deribit.decode_login(msgspec.Raw(b'{"access_token":"A1","expires_in":"900"}'))
    assert "A1" not in f"{caught.value} {caught.value.__cause__}"


def test_channels_and_chunks() -> None:
    """Names of channels, and lists of at most so many."""
    assert deribit.ticker_channel("X") == "ticker.X.100ms"
    assert [deribit.book_channel("X", raw=raw) for raw in (True, False)] == ["book.X.raw", "book.X.100ms"]
    assert deribit.chunks(["a", "b", "c"], 2) == [["a", "b"], ["c"]]
