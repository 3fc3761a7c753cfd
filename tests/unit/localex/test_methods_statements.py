from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns

_PERP, _OPTION, _TODAY = "BTC-PERPETUAL", "BTC-27MAR26-64000-C", "BTC-3MAR26"


def test_an_account_stands_alone(world: Any) -> None:
    """One row: itself."""
    session, _ = world.connect("demo")
    [row] = world.ask(session, "private/get_subaccounts")

    assert (row["type"], row["username"]) == ("main", "demo")


def test_details_hold_positions_and_orders_of_a_currency(world: Any) -> None:
    """Orders only where asked."""
    session, _ = world.connect("demo")
    world.ask(session, "private/buy", instrument_name=_PERP, amount=100, type="market")
    world.ask(session, "private/buy", instrument_name=_PERP, amount=100, price=60_000, post_only=True)
    [short] = world.ask(session, "private/get_subaccounts_details", currency="BTC")
    [row] = world.ask(session, "private/get_subaccounts_details", currency="BTC", with_open_orders=True)
    [elsewhere] = world.ask(session, "private/get_subaccounts_details", currency="ETH", with_open_orders=True)

    assert short.keys() == {"uid", "positions"}
    assert row["positions"] == world.ask(session, "private/get_positions", currency="BTC")
    assert row["open_orders"] == world.ask(session, "private/get_open_orders")
    assert (elsewhere["positions"], elsewhere["open_orders"]) == ([], [])


def test_settlements_are_read_from_the_log(world: Any) -> None:
    """Session ends and deliveries, newest first, by pages; trades are none."""
    session, _ = world.connect("demo")
    for name in (_PERP, _TODAY):
        world.ask(session, "private/buy", instrument_name=name, amount=100, type="market")
    world.now_ns = Ns(world.now_ns + 22 * 3600 * NS_PER_S)
    world.venue.advance()
    of_currency = world.ask(session, "private/get_settlement_history_by_currency", currency="BTC")["settlements"]
    of_future = world.ask(session, "private/get_settlement_history_by_instrument", instrument_name=_TODAY)
    deliveries = world.ask(session, "private/get_settlement_history_by_currency", currency="BTC", type="delivery")
    first = world.ask(session, "private/get_settlement_history_by_currency", currency="BTC", count=1)
    page = {"count": 1, "continuation": first["continuation"]}
    second = world.ask(session, "private/get_settlement_history_by_currency", currency="BTC", **page)

    assert of_future["continuation"] == "none"
    assert {row["type"] for row in of_currency} == {"settlement", "delivery"}
    assert deliveries["settlements"] == [row for row in of_currency if row["type"] == "delivery"]
    assert {row["instrument_name"] for row in of_future["settlements"]} == {_TODAY}
    assert first["settlements"] + second["settlements"] == of_currency[:2]
    assert all(row["timestamp"] % 86_400_000 == 8 * 3_600_000 for row in of_currency)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("get_trigger_order_history", {"entries": [], "continuation": "none"}),
        ("get_deposits", {"count": 0, "data": []}),
        ("get_withdrawals", {"count": 0, "data": []}),
        ("get_transfers", {"count": 0, "data": []}),
        ("get_current_deposit_address", None),
    ],
)
def test_what_there_is_none_of_is_empty(world: Any, method: str, expected: object) -> None:
    """Money never moves in or out; who may not look at wallets is told so."""
    session, _ = world.connect("wallet")

    assert world.ask(session, f"private/{method}", currency="BTC") == expected
    if method != "get_trigger_order_history":
        assert world.code(world.connect("demo")[0], f"private/{method}", currency="BTC") == 13021


def test_nothing_is_locked(world: Any) -> None:
    """One row a currency."""
    session, _ = world.connect("demo")
    rows = world.ask(session, "private/get_user_locks")

    assert [row["locked"] for row in rows] == [False] * len(world.venue.currencies)
