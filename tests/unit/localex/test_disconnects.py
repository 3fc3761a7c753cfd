from typing import Any

from bot.localex.disconnects import ACCOUNT, CONNECTION, REASON, Disconnects, Placed

_PERP = "BTC-PERPETUAL"


def _resting(world: Any, session: Any) -> str:
    bid = world.ask(session, "public/ticker", instrument_name=_PERP)["best_bid_price"]
    order = {"instrument_name": _PERP, "amount": 100, "price": round(bid * 0.99)}
    return str(world.ask(session, "private/buy", **order)["order"]["order_id"])


def test_the_orders_of_one_connection_are_taken_back(world: Any) -> None:
    """With the reason; those of another connection stay; without the wish all stay."""
    mine, _ = world.connect("owner")
    other, _ = world.connect("owner")
    world.ask(mine, "private/enable_cancel_on_disconnect")
    gone, kept = _resting(world, mine), _resting(world, other)

    counts = [world.venue.disconnects.end(session.placed) for session in (mine, mine, other)]

    assert counts == [1, 0, 0]
    assert [order.order_id for order in world.exchange.orders_open("owner")] == [kept]
    assert world.exchange.order("owner", gone).cancel_reason == REASON


def test_account_scope_is_the_default_of_later_connections(world: Any) -> None:
    """The present one is not touched; a later one may still say otherwise."""
    disconnects, now = Disconnects(world.exchange), Placed()
    disconnects.begin(now, "owner")
    disconnects.set(now, "owner", ACCOUNT, is_enabled=True)
    later = Placed()
    disconnects.begin(later, "owner")

    assert [disconnects.is_enabled(placed, "owner", CONNECTION) for placed in (now, later)] == [False, True]
    assert disconnects.is_enabled(now, "owner", ACCOUNT)
    disconnects.set(later, "owner", CONNECTION, is_enabled=False)
    disconnects.set(later, "owner", ACCOUNT, is_enabled=False)
    assert [disconnects.is_enabled(later, "owner", scope) for scope in (CONNECTION, ACCOUNT)] == [False, False]


def test_memory_is_bounded() -> None:
    """The oldest orders are forgotten."""
    placed = Placed()
    for number in range(10_001):
        placed.note("owner", str(number))

    assert (len(placed.account_by_order), "0" in placed.account_by_order) == (10_000, False)
