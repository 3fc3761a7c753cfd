"""Orders of clients: matching, refusals, self-match, money, and the order in which it is told."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.time import Ns
from bot.sim.exchange import Exchange
from bot.sim.facts import (
    BookChange,
    OrderChange,
    OrderEdit,
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
_CALL = "BTC-27NOV26-64000-C"
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


def test_only_who_takes_futures_presses_the_price(exchange: Exchange, market: Any, request_for: Request) -> None:
    """Coins at the price of the trade, signed; an order at rest, and an option, move nothing."""
    bid, ask = exchange.touch(_PERP).bid_native, exchange.touch(_PERP).ask_native
    exchange.submit(request_for("buy", "1000", "50100", time_in_force=TimeInForce.IOC))
    exchange.submit(request_for("sell", "1000", "49900", time_in_force=TimeInForce.IOC))
    exchange.submit(request_for("buy", "1000", str(bid)))
    exchange.submit(request_for("buy", "1", "0.01", instrument=_CALL, time_in_force=TimeInForce.IOC))

    assert market.pressed == [("BTC", pytest.approx(float(1000 / ask))), ("BTC", pytest.approx(float(-1000 / bid)))]


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


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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


@pytest.mark.parametrize(
    ("edit", "first"),
    [
        ({"amount_native": _D(50)}, "a"),
        ({}, "a"),
        ({"amount_native": _D(110)}, "b"),
        ({"price_native": _D(50000)}, "a"),
        ({"price_native": _D(49999)}, "b"),
    ],
)
def test_an_edit_keeps_its_place_only_when_it_does_not_grow(
    exchange: Exchange, request_for: Request, edit: dict[str, Decimal], first: str
) -> None:
    """Of two bids at one price the older is filled first, unless an edit sent it to the back; a better one leads."""
    exchange.open_account("c", {"BTC": _D(10)})
    ids = {
        name: exchange.submit(request_for("buy", "100", "49999.5", account=name, post_only=True))[0].order_id
        for name in ("a", "b")
    }
    edited, trades = exchange.edit("a", ids["a"], OrderEdit(**edit))
    exchange.submit(request_for("sell", "1000000", "49990", account="c", time_in_force=TimeInForce.IOC))

    seqs = {name: [trade.trade_seq for trade in exchange.trades_of(name)] for name in ids}
    assert (edited.replaced, trades, edited.order_id) == (True, (), ids["a"])
    assert [len(found) for found in seqs.values()] == [1, 1]
    assert min(seqs, key=lambda name: seqs[name]) == first


def test_an_edit_into_the_market_trades_at_once(exchange: Exchange, request_for: Request) -> None:
    """The amount is the new total; fills count in it, and the order that is full is open no more."""
    order, _ = exchange.submit(request_for("buy", "1000", "49000", label="e"))

    edited, trades = exchange.edit("a", order.order_id, OrderEdit(price_native=_D("50100")))

    assert (edited.state, edited.filled_native, edited.price_native) == (OrderState.FILLED, _D(1000), _D("50100"))
    assert sum(trade.amount_native for trade in trades) == _D(1000)
    assert exchange.orders_open("a") == []
    assert orders_match_trades([edited], exchange.trades_of("a")) == []


def test_a_partly_filled_order_is_edited_by_its_total(exchange: Exchange, request_for: Request) -> None:
    """What is filled stays filled; a total at or below it is refused."""
    touch = exchange.touch(_PERP)
    there = touch.ask_amount_native or _D(0)
    order, _ = exchange.submit(request_for("buy", str(there + 1000), str(touch.ask_native)))

    edited, _ = exchange.edit("a", order.order_id, OrderEdit(amount_native=there + 500))
    with pytest.raises(VenueSays) as said:
        exchange.edit("a", order.order_id, OrderEdit(amount_native=there))

    assert (edited.amount_native, edited.filled_native, edited.state) == (there + 500, there, OrderState.OPEN)
    assert (exchange.touch(_PERP).bid_amount_native, said.value.code) == (_D(500), 11008)


def test_editing_a_post_only_order_into_the_spread(exchange: Exchange, request_for: Request) -> None:
    """It slides one tick off the touch, or is cancelled when it rejects sliding."""
    ask = exchange.touch(_PERP).ask_native or _D(0)
    slides, _ = exchange.submit(request_for("buy", "10", "49000", post_only=True))
    rejects, _ = exchange.submit(request_for("buy", "10", "49000", post_only=True, reject_post_only=True))

    slid, _ = exchange.edit("a", slides.order_id, OrderEdit(price_native=ask))
    rejected, _ = exchange.edit("a", rejects.order_id, OrderEdit(price_native=ask))

    assert (slid.state, slid.price_native) == (OrderState.OPEN, ask - _D("0.5"))
    assert (rejected.state, rejected.cancel_reason) == (OrderState.CANCELLED, "edit_post_only_reject")


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"amount_native": _D(5)}, 10002),
        ({"amount_native": _D(15)}, 10021),
        ({"amount_native": _D(40_000_000)}, 10009),
        ({"price_native": _D("49000.3")}, -32602),
        ({"price_native": _D(52_000)}, 10007),
        ({"reduce_only": True}, 11030),
        ({"valid_until_ns": Ns(1)}, 13888),
    ],
)
def test_a_refused_edit_changes_nothing(
    exchange: Exchange, request_for: Request, edit: dict[str, object], code: int
) -> None:
    """The venue's codes; the order rests as it did."""
    order, _ = exchange.submit(request_for("buy", "100", "49000"))
    with pytest.raises(VenueSays) as said:
        exchange.edit("a", order.order_id, OrderEdit(**edit))  # type: ignore[arg-type]

    assert said.value.code == code
    assert exchange.orders_open("a") == [order]
    assert dict(exchange.book(_PERP, 10_000)[0])[_D(49000)] >= _D(100)
