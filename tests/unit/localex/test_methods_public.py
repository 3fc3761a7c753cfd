from typing import Any

import pytest

from bot.localex.calls import Session


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, None),
        ({"currency": "BTC", "kind": "option"}, ("BTC", "option")),
        ({"currency": "USDC", "kind": "future"}, ("USDC", "future")),
    ],
)
def test_instruments_are_filtered(world: Any, params: dict[str, str], expected: tuple[str, str] | None) -> None:
    """Without parameters everything is listed; ccxt asks like that."""
    rows = world.ask(Session(), "public/get_instruments", **params)

    assert {(row["settlement_currency"], row["kind"]) for row in rows} == (
        {expected} if expected else {(c, k) for c in ("BTC", "ETH", "USDC") for k in ("future", "option")}
    )
    assert all(row["is_active"] for row in rows)


def test_delivered_instruments_are_listed_as_expired_only(world: Any) -> None:
    """After 08:00 the first expiry is gone from the list, and only there with `expired`."""
    before = {row["instrument_name"] for row in world.ask(Session(), "public/get_instruments")}
    world.pass_ms(24 * 3_600_000, step_ms=600_000)
    after = {row["instrument_name"] for row in world.ask(Session(), "public/get_instruments")}
    expired = {row["instrument_name"] for row in world.ask(Session(), "public/get_instruments", expired=True)}

    assert expired == before - after
    assert all("-3MAR26" in name for name in expired)


def test_the_ticker_and_the_book_agree(world: Any) -> None:
    """get_order_book is the ticker with levels; depth counts levels."""
    ticker = world.ask(Session(), "public/ticker", instrument_name="BTC-PERPETUAL")
    book = world.ask(Session(), "public/get_order_book", instrument_name="BTC-PERPETUAL", depth=2)

    assert book.keys() - ticker.keys() == {"bids", "asks", "change_id"}
    assert (book["bids"][0][0], book["asks"][0][0]) == (ticker["best_bid_price"], ticker["best_ask_price"])
    assert (len(book["bids"]), len(book["asks"])) == (2, 2)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("public/ticker", {}, -32602),
        ("public/ticker", {"instrument_name": "BTC-NOTAREAL"}, -32602),
        ("public/get_instrument", {"instrument_name": "BTC-NOTAREAL"}, -32602),
        ("public/get_order_book", {"instrument_name": "BTC-PERPETUAL", "depth": 0}, -32602),
        ("public/get_index_price", {"index_name": "doge_usd"}, -32602),
        ("public/get_instruments", {"currency": "DOGE"}, -32602),
        ("public/set_heartbeat", {"interval": 9}, -32602),
        ("public/set_heartbeat", {}, -32602),
        ("public/auth", {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "no"}, 13004),
        ("public/subscribe", {"channels": "x" * 3_000}, None),
        ("public/subscribe", {"channels": 5}, -32602),
        ("public/subscribe", {"channels": ["x"] * 501}, -32602),
        ("public/subscribe", {"channels": ["ticker.BTC-PERPETUAL.raw"]}, 13778),
        ("public/subscribe", {"channels": ["tickr.BTC-PERPETUAL.raw"]}, None),
    ],
)
def test_wrong_parameters_are_refused(world: Any, method: str, params: dict[str, object], code: int | None) -> None:
    """Each with the venue's code."""
    assert world.code(world.connect()[0], method, **params) == code


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("public/set_heartbeat", {"interval": 10}),
        ("public/subscribe", {"channels": ["quote.BTC-PERPETUAL"]}),
        ("public/unsubscribe", {"channels": ["quote.BTC-PERPETUAL"]}),
    ],
)
def test_what_needs_a_socket_says_so_over_http(world: Any, method: str, params: dict[str, object]) -> None:
    """10030."""
    assert world.code(Session(), method, **params) == 10030


def test_heartbeat_and_test_reach_the_socket(world: Any) -> None:
    """The method starts the rhythm, public/test answers it."""
    session, socket = world.connect()
    result = world.ask(session, "public/set_heartbeat", interval=30)
    world.ask(session, "public/test")

    assert (result, socket.heartbeat_s, socket.tests_answered) == ("ok", 30, 1)


def test_time_currencies_and_index(world: Any) -> None:
    """Milliseconds; the currencies accounts hold; two equal prices outside the settlement window."""
    index = world.ask(Session(), "public/get_index_price", index_name="btc_usd")

    assert world.ask(Session(), "public/get_time") == world.now_ns // 1_000_000
    assert [row["currency"] for row in world.ask(Session(), "public/get_currencies")] == ["BTC", "ETH", "USDC"]
    assert index["index_price"] == index["estimated_delivery_price"]


def test_one_instrument(world: Any) -> None:
    """The row of the listing."""
    row = world.ask(Session(), "public/get_instrument", instrument_name="ETH-PERPETUAL")

    assert (row["instrument_name"], row["state"]) == ("ETH-PERPETUAL", "open")


def test_the_acknowledgement_lists_what_was_accepted_in_another_order(world: Any) -> None:
    """Unknown, forbidden, private (by the public method) and muted channels are missing, silently."""
    session, _ = world.connect("reader")
    world.faults.mute_channel("quote.ETH-PERPETUAL")
    good = ["book.BTC-PERPETUAL.100ms", "ticker.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL"]
    bad = ["quote.ETH-PERPETUAL", "quote.DOGE", "user.portfolio.btc", "user.changes.any.any.raw"]

    public = world.ask(session, "public/subscribe", channels=[*good, *bad, *good])
    private = world.ask(session, "private/subscribe", channels=bad)

    assert public == ["ticker.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL", "book.BTC-PERPETUAL.100ms"]
    assert private == ["user.changes.any.any.raw"]


def test_unsubscribing_tells_what_was_left(world: Any) -> None:
    """A channel that was not subscribed is not in the answer."""
    session, socket = world.connect()
    world.ask(session, "public/subscribe", channels=["quote.BTC-PERPETUAL"])
    left = world.ask(session, "public/unsubscribe", channels=["quote.BTC-PERPETUAL", "quote.ETH-PERPETUAL"])
    socket.take()
    world.pass_ms(1_000)

    assert (left, socket.take()) == (["quote.BTC-PERPETUAL"], [])
