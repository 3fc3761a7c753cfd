"""Every check passes on a sound venue and is shown failing on a planted lie."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.sim.exchange import Exchange
from bot.sim.facts import Order, OrderRequest, OrderState, Position, TimeInForce, Touch, Trade
from bot.sim.invariants import labels_unique, not_crossed, orders_match_trades, positions_match_fills, trade_ids_unique

_D = Decimal
Facts = tuple[list[Position], list[Order], list[Trade], dict[str, Decimal]]


@pytest.fixture
def facts(exchange: Exchange, request_for: Callable[..., OrderRequest]) -> Facts:
    """A seeded position, a buy and a smaller sell."""
    exchange.seed_position("a", "BTC-PERPETUAL", _D(100))
    exchange.submit(request_for("buy", "500", "50100", label="one", time_in_force=TimeInForce.IOC))
    exchange.submit(request_for("sell", "200", "49900", label="two", time_in_force=TimeInForce.IOC))
    exchange.submit(request_for("sell", "10", "50600"))
    return exchange.positions("a"), exchange.orders_all("a"), exchange.trades_of("a"), exchange.seeded_native("a")


def test_a_sound_venue_has_no_violations(facts: Facts) -> None:
    """Nothing to say."""
    positions, orders, trades, seeded = facts

    assert positions_match_fills(positions, trades, seeded) == []
    assert orders_match_trades(orders, trades) == []
    assert labels_unique(orders) == []
    assert trade_ids_unique(trades) == []


def test_a_lost_fill_is_seen_in_position_and_order(facts: Facts) -> None:
    """Without one trade neither adds up."""
    positions, orders, trades, seeded = facts

    assert positions_match_fills(positions, trades[1:], seeded) == ["BTC-PERPETUAL: position 400, fills add up to 600"]
    assert orders_match_trades(orders, trades[1:]) == [f"order {orders[1].order_id}: filled 200, trades add up to 0"]


def test_a_fill_counted_twice_is_seen(facts: Facts) -> None:
    """The same trade id again, and the position does not fit."""
    positions, _, trades, seeded = facts

    assert trade_ids_unique([*trades, trades[0]]) == [
        f"trade {trades[0].trade_id}: in BTC-PERPETUAL and again in BTC-PERPETUAL"
    ]
    assert positions_match_fills(positions, [*trades, trades[0]], seeded) != []


def test_impossible_orders_are_seen(facts: Facts) -> None:
    """Filled beyond the amount, or a state that does not fit."""
    _, orders, trades, _ = facts
    order = orders[0]

    assert orders_match_trades([replace(order, amount_native=_D(400))], trades) == [
        f"order {order.order_id}: filled 500 of 400",
        f"order {order.order_id}: filled with 500 of 400",
    ]
    assert orders_match_trades([replace(order, state=OrderState.OPEN)], trades) == [
        f"order {order.order_id}: open with 500 of 500"
    ]


def test_a_label_used_twice_is_seen(facts: Facts) -> None:
    """Orders without a label do not count."""
    _, orders, _, _ = facts
    twin = replace(orders[1], label="one")

    assert labels_unique([orders[0], twin, orders[2], orders[2]]) == [
        f"label one: on orders {orders[0].order_id} and {twin.order_id}"
    ]


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        ("1", "2", []),
        (None, "2", []),
        ("1", None, []),
        ("2", "2", ["x: bid 2 is not below ask 2"]),
        ("3", "2", ["x: bid 3 is not below ask 2"]),
    ],
)
def test_crossed_books(bid: str | None, ask: str | None, expected: list[str]) -> None:
    """Locked and crossed are violations, one-sided is not."""
    touch = Touch(
        bid_native=bid and _D(bid),  # type: ignore[arg-type]
        bid_amount_native=None,
        ask_native=ask and _D(ask),  # type: ignore[arg-type]
        ask_amount_native=None,
    )

    assert not_crossed("x", touch) == expected
