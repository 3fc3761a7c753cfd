"""An account outlives its world: money, positions, numbers; what worked is cancelled."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.sim import memory
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, OrderState
from bot.sim.listing import build_listing
from bot.sim.memory import AccountKept

_D = Decimal
Request = Callable[..., OrderRequest]


def _next_world(exchange: Exchange, market: object, start_ns: Ns) -> Exchange:
    """Account `a` through its encoded form into a new exchange."""
    data = msgspec.json.encode(exchange.remember("a"))
    listed = build_listing(start_ns)
    world = Exchange(seed=1, start_ns=exchange.now_ns, market=market, listed=listed, takers_scale=None)  # type: ignore[arg-type]
    world.recall(msgspec.json.decode(data, type=AccountKept))
    return world


def test_money_positions_and_trades_are_the_same(
    exchange: Exchange, market: object, start_ns: Ns, request_for: Request
) -> None:
    """What a client sees of it before and after."""
    exchange.submit(request_for("buy", "500", "50100"))
    exchange.submit(request_for("sell", "100", "49900"))
    exchange.seed_position("a", "BTC-24NOV26-60000-P", _D(3))
    exchange.seed_position("a", "ETH-PERPETUAL", _D(50))
    exchange.seed_position("a", "ETH-PERPETUAL", _D(-50))
    exchange.advance(Ns(start_ns + NS_PER_S))

    world = _next_world(exchange, market, start_ns)

    def seen(venue: Exchange) -> object:
        summary = venue.summary("a", "BTC")
        held = {p.instrument: (p.size_native, p.average_price_native) for p in venue.positions("a") if p.size_native}
        return held, summary.balance_native, summary.equity_native, summary.fees_paid_native, venue.trades_of("a")

    assert seen(world) == seen(exchange)
    assert len(world.trades_of("a")) >= 2
    assert world.remember("a").holdings == exchange.remember("a").holdings


def test_numbers_go_on(exchange: Exchange, market: object, start_ns: Ns, request_for: Request) -> None:
    """No order and no trade of the next world has an id of the last; other currencies begin where this one began."""
    exchange.submit(request_for("buy", "500", "50100"))
    world = _next_world(exchange, market, start_ns)
    before = {trade.trade_id for trade in world.trades_of("a")}

    order, trades = world.submit(request_for("buy", "500", "50100", label="again"))

    assert not before & {trade.trade_id for trade in trades}
    assert [known.order_id for known in world.orders_all("a")].count(order.order_id) == 1
    eth, _ = world.submit(request_for("buy", "1", "2010", instrument="ETH-PERPETUAL"))
    assert eth.order_id == f"ETH-{exchange.remember('a').first_id}"


def test_what_worked_is_cancelled(exchange: Exchange, market: object, start_ns: Ns, request_for: Request) -> None:
    """A client that was cut off has nothing in the book; its orders are found by label in every currency."""
    exchange.submit(request_for("buy", "100", "40000", label="one"))
    exchange.submit(request_for("buy", "1", "1000", instrument="ETH-PERPETUAL", label="two"))

    world = _next_world(exchange, market, start_ns)

    assert world.orders_open("a") == []
    for currency, label in (("BTC", "one"), ("ETH", "two")):
        (order,) = world.orders_by_label("a", currency, label)
        assert (order.state, order.cancel_reason) == (OrderState.CANCELLED, "cancel_on_disconnect")


def test_only_the_newest_orders_and_trades_are_kept(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, request_for: Request
) -> None:
    """What is written down stays small."""
    monkeypatch.setattr(memory, "_KEPT_COUNT", 2)
    labels = ("1", "2", "3")
    for label in labels:
        exchange.submit(request_for("buy", "10", "50100", label=label))

    kept = exchange.remember("a")

    assert [order.label for order in kept.orders] == ["2", "3"]
    assert [trade.label for trade in kept.trades] == ["2", "3"]


def test_a_session_goes_on(exchange: Exchange, market: object, start_ns: Ns) -> None:
    """Funding of the session so far is not forgotten: the settlement that ends it tells all of it."""
    market.premium = 0.00125  # type: ignore[attr-defined]
    exchange.seed_position("a", "BTC-PERPETUAL", _D(10_000))
    exchange.advance(Ns(start_ns + 3600 * NS_PER_S))
    (before,) = [item.realized_funding_native for item in exchange.positions("a")]

    world = _next_world(exchange, market, start_ns)

    assert before < 0
    assert [item.realized_funding_native for item in world.positions("a")] == [before]
