from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.localex.calls import Call, Session
from bot.localex.rpc import Params, RpcError


def _call(world: Any, session: Session) -> Call:
    return Call(venue=world.venue, params=Params({}), session=session, granted=session.grant)


def test_a_call_without_a_token_has_no_account(world: Any) -> None:
    """13009, as the venue says it."""
    with pytest.raises(RpcError) as caught:
        _ = _call(world, Session()).account
    assert caught.value.code == 13009


def test_a_call_over_http_has_no_socket(world: Any) -> None:
    """10030: must be a websocket request."""
    with pytest.raises(RpcError) as caught:
        _ = _call(world, Session()).socket
    assert caught.value.code == 10030


def test_an_authenticated_socket_has_both(world: Any) -> None:
    """The account is named like the key."""
    session, socket = world.connect("demo")
    call = _call(world, session)

    assert (call.account, call.socket, call.exchange) == ("demo", socket, world.exchange)


def test_a_clock_that_goes_back_waits(world: Any) -> None:
    """The world never moves backward."""
    world.now_ns = Ns(world.now_ns + NS_PER_S)
    world.venue.advance()
    reached_ns = world.exchange.now_ns
    world.now_ns = Ns(world.now_ns - NS_PER_S // 2)
    world.venue.advance()

    assert world.exchange.now_ns == reached_ns


@pytest.mark.parametrize(
    ("method", "empty"),
    [
        ("private/get_user_trades_by_currency_and_time", {"trades": [], "has_more": False}),
        ("private/get_order_history_by_currency", []),
        ("private/get_open_orders_by_currency", []),
        ("private/cancel_all_by_currency", 0),
        ("private/get_positions", []),
        ("public/get_instruments", []),
        ("public/get_book_summary_by_currency", []),
    ],
)
@pytest.mark.parametrize("currency", ["USDT", "EURR", "SOL"])
def test_a_currency_nothing_is_settled_in_has_nothing(world: Any, currency: str, method: str, empty: object) -> None:
    """The venue's words are understood; clients walk through all of them when they start."""
    session, _ = world.connect("demo")

    assert world.ask(session, method, currency=currency) == empty


@pytest.mark.parametrize("currency", ["DOGE", "any", "btc"])
def test_a_word_that_is_no_currency_is_refused(world: Any, currency: str) -> None:
    """-32602, where one currency is wanted."""
    session, _ = world.connect("demo")

    assert world.code(session, "private/get_user_trades_by_currency", currency=currency) == -32602
