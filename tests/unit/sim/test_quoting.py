"""What happens to resting orders while the market maker and strangers move."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.sim.exchange import Exchange
from bot.sim.facts import BookChange, OrderRequest, OrderState, Side, TradePrinted
from bot.sim.invariants import not_crossed
from bot.sim.listing import build_listing
from bot.sim.world import build_exchange

_D = Decimal
_PERP = "BTC-PERPETUAL"
Request = Callable[..., OrderRequest]


@pytest.mark.parametrize(("side", "price", "moved_usd"), [("buy", "49900", 49_800.0), ("sell", "50100", 50_200.0)])
def test_a_market_that_moves_through_an_order_fills_it(
    exchange: Exchange, market: object, request_for: Request, start_ns: Ns, *, side: str, price: str, moved_usd: float
) -> None:
    """At the order's own price, as maker, and the book is never crossed."""
    order, _ = exchange.submit(request_for(side, "1000", price))
    market.set_btc(moved_usd)  # type: ignore[attr-defined]
    exchange.advance(Ns(start_ns + NS_PER_S))

    after = exchange.order("a", order.order_id)
    trades = exchange.trades_of("a")
    assert (after.state, after.average_price_native) == (OrderState.FILLED, _D(price))
    assert [(t.is_maker, t.price_native, t.side) for t in trades] == [(True, _D(price), Side(side))]
    assert not_crossed(_PERP, exchange.touch(_PERP)) == []


def test_a_large_order_is_eaten_step_by_step(
    exchange: Exchange, market: object, request_for: Request, start_ns: Ns
) -> None:
    """The maker's ladder has a size; what is left stays the best price and is worked off in later steps."""
    order, _ = exchange.submit(request_for("sell", "5000000", "50100"))
    market.set_btc(50_200.0)  # type: ignore[attr-defined]
    filled = []
    for second in range(1, 12):
        exchange.advance(Ns(start_ns + second * NS_PER_S))
        filled.append(exchange.order("a", order.order_id).filled_native)
        assert not_crossed(_PERP, exchange.touch(_PERP)) == []

    assert filled == sorted(filled)
    assert 0 < filled[0] < 5_000_000
    assert filled[-1] == 5_000_000


def test_a_still_market_fills_nobody(exchange: Exchange, request_for: Request, start_ns: Ns) -> None:
    """Without strangers and without movement an order rests, however long."""
    order, _ = exchange.submit(request_for("buy", "10", "49999"))
    for second in range(1, 100):
        exchange.advance(Ns(start_ns + second * NS_PER_S))

    assert exchange.order("a", order.order_id).state is OrderState.OPEN


def test_strangers_hit_resting_orders(market: object, request_for: Request, start_ns: Ns) -> None:
    """An order at the touch gets to the head of its queue, and somebody takes it within minutes."""
    listed = build_listing(start_ns)
    venue = Exchange(seed=7, start_ns=start_ns, market=market, listed=listed)  # type: ignore[arg-type]
    venue.open_account("a", {"BTC": _D(10)})
    order, _ = venue.submit(request_for("buy", "100", "50000"))
    for second in range(1, 600):
        venue.advance(Ns(start_ns + second * NS_PER_S))

    assert venue.order("a", order.order_id).state is OrderState.FILLED
    assert all(trade.is_maker for trade in venue.trades_of("a"))


def test_watched_instruments_print_trades(start_ns: Ns) -> None:
    """Strangers trade with the market maker where somebody watches: about one in five seconds."""
    venue = build_exchange(2, start_ns)
    venue.watch(_PERP)
    for second in range(1, 1000):
        venue.advance(Ns(start_ns + second * NS_PER_S))
    prints = [change for change in venue.changes() if isinstance(change, TradePrinted)]

    assert 100 < len({change.trade.time_ns for change in prints}) < 300
    assert [change.trade.trade_seq for change in prints] == list(range(1, len(prints) + 1))


def test_unwatched_instruments_are_silent(start_ns: Ns) -> None:
    """Nothing is told about instruments nobody watches, asked for or not."""
    venue = build_exchange(2, start_ns)
    for second in range(1, 30):
        venue.advance(Ns(start_ns + second * NS_PER_S))
        venue.touch(_PERP)

    assert venue.changes() == []


def test_deltas_are_small(start_ns: Ns) -> None:
    """A second changes some levels of the perpetual's book, not all of them."""
    venue = build_exchange(2, start_ns)
    venue.watch(_PERP)
    counts: list[int] = []
    for second in range(1, 300):
        venue.advance(Ns(start_ns + second * NS_PER_S))
        counts += [len(c.bids) + len(c.asks) for c in venue.changes() if isinstance(c, BookChange)]
    bids, asks, _ = venue.book(_PERP, 100)

    assert (len(bids), len(asks)) == (7, 7)
    assert sum(counts) / len(counts) < 14


@pytest.mark.parametrize("seed", range(3))
def test_nothing_rests_its_way_past_the_queue(request_for: Request, start_ns: Ns, seed: int) -> None:
    """A moving world full of strangers: a fill needs all that stood ahead traded first, or a price beyond it."""
    venue = build_exchange(seed, start_ns, vol_scale=0.2, takers_scale=20.0)
    venue.open_account("a", {"BTC": _D(10)})
    venue.watch(_PERP)
    eaten = passed = 0
    order = None
    for second in range(1, 300):
        if order is None:
            touch = venue.touch(_PERP)
            order, _ = venue.submit(request_for("buy", "1000", str(touch.bid_native)))
            price, ahead = order.price_native, touch.bid_amount_native
        venue.changes()
        venue.advance(Ns(start_ns + second * NS_PER_S))
        traded = sum(
            change.trade.amount_native
            for change in venue.changes()
            if isinstance(change, TradePrinted) and (change.trade.side, change.trade.price_native) == (Side.SELL, price)
        )
        now = venue.order("a", order.order_id)
        if now.filled_native > order.filled_native:
            is_passed = venue.mark(_PERP)[0] < float(price)
            passed += is_passed
            eaten += not is_passed
            assert is_passed or traded >= ahead + now.filled_native - order.filled_native
        shown = dict(venue.book(_PERP, 100)[0]).get(price, _D(0)) - (now.amount_native - now.filled_native)
        ahead = max(min(ahead - traded, shown), _D(0))
        order = None if now.state is OrderState.FILLED else now
        if order is not None and second % 20 == 0:
            venue.cancel("a", order.order_id)
            order = None

    assert eaten > 0
    assert passed > 0


def test_where_nobody_takes_the_price_passes_an_order(market: object, request_for: Request, start_ns: Ns) -> None:
    """At zero intensity the maker, who never takes, stops a tick short of it; half of the intensity, and it is met."""
    listed = build_listing(start_ns)
    states = {}
    for takers in (0.0, 0.5):
        market.set_btc(50_000.0)  # type: ignore[attr-defined]
        venue = Exchange(seed=7, start_ns=start_ns, market=market, listed=listed, takers_scale=takers)  # type: ignore[arg-type]
        venue.open_account("a", {"BTC": _D(10)})
        order, _ = venue.submit(request_for("buy", "1000", "49990"))
        market.set_btc(49_900.0)  # type: ignore[attr-defined]
        for second in range(1, 30):
            venue.advance(Ns(start_ns + second * NS_PER_S))
            touch = venue.touch(_PERP)
            assert not_crossed(_PERP, touch) == []
        states[takers] = (venue.order("a", order.order_id).state, touch.ask_native)

    assert states[0.0] == (OrderState.OPEN, _D("49990.5"))
    assert states[0.5][0] is OrderState.FILLED
    assert states[0.5][1] < _D("49990")
