"""Orders of clients: matching, refusals, self-match, money, and the order in which it is told."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sim.exchange import Exchange
from bot.sim.facts import (
    BookChange,
    OrderChange,
    OrderRequest,
    OrderState,
    Side,
    TimeInForce,
    TradeOwned,
    TradePrinted,
    VenueSays,
)
from bot.sim.invariants import labels_unique, not_crossed, orders_match_trades, positions_match_fills, trade_ids_unique

_D = Decimal
_PERP = "BTC-PERPETUAL"
Request = Callable[..., OrderRequest]


def _refusal(exchange: Exchange, request: OrderRequest) -> tuple[int, str, dict[str, str] | None]:
    with pytest.raises(VenueSays) as said:
        exchange.submit(request)
    return said.value.code, said.value.name, said.value.data


def test_an_immediate_order_takes_the_touch_and_pays_the_taker_fee(exchange: Exchange, request_for: Request) -> None:
    """Filled at the best ask, 3.5 bp of the coins."""
    ask = exchange.touch(_PERP).ask_native

    order, trades = exchange.submit(request_for("buy", "1000", "50100", time_in_force=TimeInForce.IOC, label="x1"))

    assert (order.state, order.filled_native, order.average_price_native) == (OrderState.FILLED, _D(1000), ask)
    assert [(t.side, t.amount_native, t.price_native, t.is_maker, t.label) for t in trades] == [
        (Side.BUY, _D(1000), ask, False, "x1")
    ]
    assert trades[0].fee_native == round(_D(1000) / (ask or _D(1)) * _D("0.00035"), 8)
    assert trades[0].fee_currency == "BTC"


def test_the_rest_of_an_immediate_order_is_cancelled(exchange: Exchange, request_for: Request) -> None:
    """Immediate-or-cancel fills what is there within its limit and keeps nothing."""
    touch = exchange.touch(_PERP)
    there = touch.ask_amount_native or _D(0)

    order, trades = exchange.submit(
        request_for("buy", str(there + 1000), str(touch.ask_native), time_in_force=TimeInForce.IOC)
    )

    assert (order.state, order.filled_native, order.cancel_reason) == (OrderState.CANCELLED, there, None)
    assert sum(trade.amount_native for trade in trades) == there
    assert exchange.orders_open("a") == []
    assert exchange.touch(_PERP).ask_native != touch.ask_native


@pytest.mark.parametrize(("extra", "state", "count"), [(0, OrderState.FILLED, 1), (10, OrderState.CANCELLED, 0)])
def test_fill_or_kill(exchange: Exchange, request_for: Request, extra: int, state: OrderState, count: int) -> None:
    """All of it at once or nothing at all."""
    touch = exchange.touch(_PERP)
    amount = (touch.ask_amount_native or _D(0)) + extra

    order, trades = exchange.submit(
        request_for("buy", str(amount), str(touch.ask_native), time_in_force=TimeInForce.FOK)
    )

    assert (order.state, len(trades)) == (state, count)


def test_a_market_order_walks_the_book_to_the_band(exchange: Exchange, request_for: Request) -> None:
    """It has no price, fills from the touch on and leaves nothing behind."""
    order, trades = exchange.submit(request_for("sell", "2000", None))

    assert (order.price_native, order.state, order.time_in_force) == (None, OrderState.FILLED, TimeInForce.IOC)
    assert trades[0].price_native == order.average_price_native


def test_a_resting_order_waits_behind_what_was_there(exchange: Exchange, request_for: Request) -> None:
    """A later taker fills the market maker first, then the client, at the maker fee."""
    touch = exchange.touch(_PERP)
    there = touch.bid_amount_native or _D(0)
    resting, none = exchange.submit(request_for("buy", "500", str(touch.bid_native)))
    _, first = exchange.submit(
        request_for("sell", str(there), str(touch.bid_native), account="b", time_in_force=TimeInForce.IOC)
    )
    untouched = exchange.order("a", resting.order_id).filled_native
    exchange.submit(request_for("sell", "200", str(touch.bid_native), account="b", time_in_force=TimeInForce.IOC))

    after = exchange.order("a", resting.order_id)
    mine = exchange.trades_of("a")
    assert none == ()
    assert sum(trade.amount_native for trade in first) == there
    assert (untouched, after.filled_native, after.state) == (0, _D(200), OrderState.OPEN)
    assert [(t.is_maker, t.side, t.fee_native) for t in mine] == [
        (True, Side.BUY, round(_D(200) / (touch.bid_native or _D(1)) * _D("0.00015"), 8))
    ]


@pytest.mark.parametrize(("side", "expected"), [("buy", "below_ask"), ("sell", "above_bid")])
def test_post_only_slides_off_the_touch(exchange: Exchange, request_for: Request, side: str, expected: str) -> None:
    """A post-only order into the spread rests one tick away from the other side."""
    touch = exchange.touch(_PERP)
    tick = exchange.instrument(_PERP).tick_native
    places = {"below_ask": (touch.ask_native or _D(0)) - tick, "above_bid": (touch.bid_native or _D(0)) + tick}
    price = "50200" if side == "buy" else "49800"

    order, trades = exchange.submit(request_for(side, "100", price, post_only=True))

    assert (order.price_native, order.state, trades) == (places[expected], OrderState.OPEN, ())


def test_post_only_is_rejected_when_asked_to(exchange: Exchange, request_for: Request) -> None:
    """With reject_post_only nothing rests and the venue says 11054."""
    said = _refusal(exchange, request_for("buy", "100", "50200", post_only=True, reject_post_only=True))

    assert said == (11054, "post_only_reject", None)
    assert exchange.orders_open("a") == []


def test_own_resting_order_is_cancelled_instead_of_traded(exchange: Exchange, request_for: Request) -> None:
    """Self-match prevention cancels the maker; the taker goes on to the next."""
    inside = (exchange.touch(_PERP).bid_native or _D(0)) - 100
    mine, _ = exchange.submit(request_for("buy", "100", str(inside)))
    exchange.submit(request_for("sell", "2000000", str(inside), time_in_force=TimeInForce.IOC))

    after = exchange.order("a", mine.order_id)
    assert (after.state, after.cancel_reason, after.filled_native) == (OrderState.CANCELLED, "order_overlap", 0)
    assert all(not trade.is_maker for trade in exchange.trades_of("a"))


def test_reduce_only_never_opens(exchange: Exchange, request_for: Request) -> None:
    """It is cut to the position, and refused without one or in its direction."""
    flat = _refusal(exchange, request_for("sell", "100", "49500", reduce_only=True))
    exchange.seed_position("a", _PERP, _D(300))
    adding = _refusal(exchange, request_for("buy", "100", "50500", reduce_only=True))
    order, _ = exchange.submit(request_for("sell", "1000", "49500", reduce_only=True, time_in_force=TimeInForce.IOC))

    wanted = (11030, "other_reject invalid_reduce_only_order", None)
    assert (flat, adding) == (wanted, wanted)
    assert (order.amount_native, order.filled_native) == (_D(300), _D(300))
    assert [position.size_native for position in exchange.positions("a")] == [0]


def test_not_enough_funds(exchange: Exchange, request_for: Request) -> None:
    """Opening more than the margin carries is 10009; the position is untouched."""
    said = _refusal(exchange, request_for("buy", "40000000", "50100"))

    assert said == (10009, "not_enough_funds", None)
    assert exchange.positions("a") == []


@pytest.mark.parametrize(
    ("side", "price", "code", "name"),
    [("buy", "50750.5", 10007, "price_too_high"), ("sell", "49249.5", 10005, "price_too_low")],
)
def test_beyond_the_band(
    exchange: Exchange, request_for: Request, *, side: str, price: str, code: int, name: str
) -> None:
    """An order that could trade beyond ±1.5 % of the mark is refused with the limit."""
    said = _refusal(exchange, request_for(side, "100", price))

    assert said[:2] == (code, name)
    assert list(said[2] or {}) == ["limit"]


def test_far_from_the_market_may_rest(exchange: Exchange, request_for: Request) -> None:
    """A bid at half the price is fine, as captured from the venue."""
    order, _ = exchange.submit(request_for("buy", "10", "25000", post_only=True, label="far"))

    assert (order.state, exchange.orders_open("a")) == (OrderState.OPEN, [order])


def test_fills_are_told_in_order(exchange: Exchange, request_for: Request) -> None:
    """Public print, own trade, own order, then the book that is left."""
    exchange.watch(_PERP)
    exchange.changes()
    exchange.submit(request_for("buy", "1000", "50100", time_in_force=TimeInForce.IOC))

    assert [type(change) for change in exchange.changes()] == [TradePrinted, TradeOwned, OrderChange, BookChange]


def test_ids_are_digits_for_btc_and_prefixed_elsewhere(exchange: Exchange, request_for: Request) -> None:
    """Order and trade ids per currency, increasing."""
    orders = [
        exchange.submit(request_for("buy", amount, price, instrument=name, time_in_force=TimeInForce.IOC))
        for name, amount, price in (
            (_PERP, "10", "50100"),
            (_PERP, "10", "50100"),
            ("ETH-PERPETUAL", "1", "2005"),
            ("BTC_USDC-PERPETUAL", "0.01", "50100"),
        )
    ]

    ids = [(order.order_id, trades[0].trade_id) for order, trades in orders]
    assert [order_id.rstrip("0123456789") for order_id, _ in ids] == ["", "", "ETH-", "USDC-"]
    assert int(ids[1][0]) > int(ids[0][0])
    assert [trade_id.rstrip("0123456789") for _, trade_id in ids] == ["", "", "ETH-", "USDC-"]


def _code(exchange: Exchange, request: OrderRequest) -> int | None:
    try:
        exchange.submit(request)
    except VenueSays as said:
        return said.code
    return None


_orders = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(list(Side)),
        st.integers(1, 40_000),
        st.integers(-12, 12),
        st.sampled_from(list(TimeInForce)),
        st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orders=_orders)
def test_positions_are_the_sum_of_fills(
    exchange: Exchange,
    request_for: Request,
    orders: list[tuple[str, Side, int, int, TimeInForce, bool]],
) -> None:
    """Whatever two clients do to each other and the market maker, the venue's books agree."""
    for account, side, lots, ticks, time_in_force, reduce_only in orders:
        request = request_for(
            side.value,
            str(lots * 10),
            str(50_000 + _D(ticks) / 2),
            account=account,
            time_in_force=time_in_force,
            reduce_only=reduce_only,
            label=f"{account}{len(exchange.orders_all(account))}",
        )
        assert _code(exchange, request) in {None, 10009, 11030}
        assert not_crossed(_PERP, exchange.touch(_PERP)) == []

    for account in ("a", "b"):
        trades, told = exchange.trades_of(account), exchange.orders_all(account)
        assert positions_match_fills(exchange.positions(account), trades, exchange.seeded_native(account)) == []
        assert orders_match_trades(told, trades) == []
        assert labels_unique(told) == []
        assert trade_ids_unique(trades) == []
