from typing import Any

import pytest

from bot.localex.auth import HttpCall
from bot.localex.calls import Session

_PUBLIC, _PRIVATE = "quote.BTC-PERPETUAL", "user.orders.any.any.raw"


def test_heartbeats_end(world: Any) -> None:
    """The rhythm is gone."""
    session, socket = world.connect()
    world.ask(session, "public/set_heartbeat", interval=10)

    assert world.ask(session, "public/disable_heartbeat") == "ok"
    assert socket.heartbeat_s is None


@pytest.mark.parametrize(("method", "left"), [("public/unsubscribe_all", 1), ("private/unsubscribe_all", 0)])
def test_all_channels_are_left_at_once(world: Any, method: str, left: int) -> None:
    """The public method leaves public channels only."""
    session, socket = world.connect("demo")
    world.ask(session, "private/subscribe", channels=[_PUBLIC, _PRIVATE])

    assert world.ask(session, method) == "ok"
    assert world.venue.publisher.count(socket) == left


def test_cancel_on_disconnect_is_told_by_scope(world: Any) -> None:
    """Off at first; each scope on its own."""
    session, _ = world.connect("owner")
    before = world.ask(session, "private/get_cancel_on_disconnect")
    world.ask(session, "private/enable_cancel_on_disconnect", scope="connection")
    scopes = [world.ask(session, "private/get_cancel_on_disconnect", scope=s) for s in ("connection", "account")]
    world.ask(session, "private/disable_cancel_on_disconnect")

    assert before == {"scope": "connection", "enabled": False}
    assert [scope["enabled"] for scope in scopes] == [True, False]
    assert world.ask(session, "private/get_cancel_on_disconnect") == before


def test_cancel_on_disconnect_needs_the_account_and_a_socket(world: Any) -> None:
    """A trading key may only look; over HTTP there is nothing to disconnect."""
    demo, _ = world.connect("demo")
    header = HttpCall(method="GET", uri="/", body="", authorization="Basic b3duZXI6b3duZXI=")
    http = Session(grant=world.venue.keyring.grant_of_header(header, world.now_ns))

    assert world.code(demo, "private/enable_cancel_on_disconnect") == 13021
    assert world.code(demo, "private/get_cancel_on_disconnect") is None
    assert world.code(http, "private/enable_cancel_on_disconnect") == 10030
    assert world.code(demo, "private/get_cancel_on_disconnect", scope="planet") == -32602


def test_logout_hangs_up_and_leaves_orders(world: Any) -> None:
    """No reply; nothing is taken back afterwards; the token is worth nothing any more."""
    session, socket = world.connect("owner")
    world.ask(session, "private/enable_cancel_on_disconnect")
    bid = world.ask(session, "public/ticker", instrument_name="BTC-PERPETUAL")["best_bid_price"]
    world.ask(session, "private/buy", instrument_name="BTC-PERPETUAL", amount=10, price=round(bid * 0.99))

    assert world.reply(session, "private/logout") == {}
    assert (socket.is_over, world.venue.disconnects.end(session.placed)) == (True, 0)
    assert len(world.exchange.orders_open("owner")) == 1
    assert world.code(session, "private/get_positions") == 13009
    assert world.code(Session(), "private/logout") == 13009
