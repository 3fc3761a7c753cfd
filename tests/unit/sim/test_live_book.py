"""Fills against a book that knows nothing of us: what is taken stays taken, and a queue moves by trades alone."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import Ns, ns_from_iso
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, OrderState, Side, TimeInForce
from bot.sim.live import LiveMarket
from bot.sim.live_book import LiveBook
from bot.sim.memory import AccountKept

_D = Decimal
_NOW = ns_from_iso("2026-03-01T10:00:00Z")


class Stand:
    """One account before one live book of the perpetual: bids from 100,000 down, asks from 100,010 up."""

    def __init__(self, make: Any) -> None:
        spec = make.perpetual()
        market = LiveMarket([spec], [make.future_marked()], {"btc_usd": 100_000.0}, {})
        self.venue = Exchange(seed=0, start_ns=_NOW, market=market, listed=[spec], takers_scale=None)
        self.venue.recall(AccountKept(name="a", at_ns=_NOW, balances={"BTC": _D(10)}, holdings=(), first_id=1))
        self.book: LiveBook = self.venue.live_book(spec.id)
        self.clock = 0
        self.hear(
            bids=[(100_000.0, 1_000.0), (99_990.0, 5_000.0)],
            asks=[(100_010.0, 1_000.0), (100_020.0, 5_000.0)],
            is_whole=True,
        )

    def hear(
        self, bids: list[Any] | None = None, asks: list[Any] | None = None, *, is_whole: bool = False, at: int = 0
    ) -> None:
        """A book message."""
        self.book.hear(bids or [], asks or [], Ns(at), is_whole=is_whole)

    def order(self, side: str, amount: int, price: int, tif: TimeInForce = TimeInForce.IOC) -> Any:
        """Send one; the order and its (amount, price) fills."""
        order, trades = self.venue.submit(
            OrderRequest(
                account="a",
                instrument="BTC-PERPETUAL",
                side=Side(side),
                amount_native=_D(amount),
                price_native=_D(price),
                time_in_force=tif,
            )
        )
        return order, [(int(trade.amount_native), int(trade.price_native)) for trade in trades]

    def rest(self, side: str, amount: int, price: int) -> str:
        """A resting order's id."""
        order, fills = self.order(side, amount, price, TimeInForce.GTC)
        assert (order.state, fills) == (OrderState.OPEN, [])
        return str(order.order_id)

    def filled(self, order_id: str) -> int:
        """How much of it."""
        return int(self.venue.order("a", order_id).filled_native)


@pytest.fixture
def stand(make: Any) -> Stand:
    """One account before one live book."""
    return Stand(make)


def test_an_order_takes_the_depth_it_meets(stand: Stand) -> None:
    """Level by level up to its limit; the rest of an immediate order is cancelled."""
    order, fills = stand.order("buy", 3_000, 100_020)
    assert (order.state, fills) == (OrderState.FILLED, [(1_000, 100_010), (2_000, 100_020)])

    order, fills = stand.order("sell", 3_000, 100_000)
    assert (order.state, fills) == (OrderState.CANCELLED, [(1_000, 100_000)])


@pytest.mark.parametrize(
    ("then", "left"),
    [
        ([], 0),
        ([(100_010.0, 1_000.0)], 0),  # told again, unchanged
        ([(100_010.0, 900.0)], 0),  # others left: not our 1,000
        ([(100_010.0, 1_500.0)], 500),  # 500 are new
        ([(100_010.0, 0.0), (100_010.0, 700.0)], 700),  # gone and come again
    ],
)
def test_what_was_taken_stays_taken(stand: Stand, then: list[tuple[float, float]], left: int) -> None:
    """Only lots newly shown, or a price shown anew, can be taken again."""
    stand.order("buy", 1_000, 100_010)
    for level in then:
        stand.hear(asks=[level])

    _, fills = stand.order("buy", 9_000, 100_010)

    assert sum(amount for amount, _ in fills) == left


def test_a_whole_book_replaces_what_is_left_out(stand: Stand) -> None:
    """After a gap: a price not in the snapshot is gone, one that is unchanged keeps what was taken from it."""
    stand.order("buy", 400, 100_010)
    stand.hear(bids=[(100_000.0, 1_000.0)], asks=[(100_010.0, 1_000.0), (100_030.0, 50.0)], is_whole=True)

    _, fills = stand.order("buy", 9_000, 100_100)

    assert fills == [(600, 100_010), (50, 100_030)]


def test_a_queue_moves_by_trades(stand: Stand) -> None:
    """1,000 stood there first: 600 traded leave 400 ahead, the next 500 reach us with 100."""
    order_id = stand.rest("buy", 300, 100_000)

    stand.book.hear_trade(Side.SELL, 100_000.0, 600.0, Ns(1))
    stand.hear(bids=[(100_000.0, 400.0)], at=1)
    assert stand.filled(order_id) == 0
    stand.book.hear_trade(Side.SELL, 100_000.0, 500.0, Ns(2))

    assert stand.filled(order_id) == 100
    assert stand.venue.trades_of("a")[0].is_maker


def test_a_trade_told_by_the_book_first_counts_once(stand: Stand) -> None:
    """The level fell by 600 and a trade of 600 of that moment explains it; a later one counts."""
    order_id = stand.rest("buy", 300, 100_000)

    stand.hear(bids=[(100_000.0, 700.0)], at=5)
    stand.hear(bids=[(100_000.0, 400.0)], at=5)
    stand.book.hear_trade(Side.SELL, 100_000.0, 200.0, Ns(5))
    stand.book.hear_trade(Side.SELL, 100_000.0, 400.0, Ns(5))
    assert stand.filled(order_id) == 0
    stand.book.hear_trade(Side.SELL, 100_000.0, 410.0, Ns(6))

    assert stand.filled(order_id) == 10


def test_those_who_leave_stood_behind_us_as_long_as_they_can_have(stand: Stand) -> None:
    """500 came after us; of 700 that leave, 500 were those: 800 are ahead now."""
    order_id = stand.rest("buy", 300, 100_000)
    stand.hear(bids=[(100_000.0, 1_500.0)], at=1)
    stand.hear(bids=[(100_000.0, 800.0)], at=2)

    stand.book.hear_trade(Side.SELL, 100_000.0, 800.0, Ns(3))
    assert stand.filled(order_id) == 0
    stand.book.hear_trade(Side.SELL, 100_000.0, 20.0, Ns(4))

    assert stand.filled(order_id) == 20


def test_a_trade_beyond_our_price_fills_us(stand: Stand) -> None:
    """Somebody sold lower than we bid: we were first. Trades on the other side, or short of us, are none of ours."""
    inside = stand.rest("buy", 300, 100_005)

    stand.book.hear_trade(Side.BUY, 100_010.0, 9_000.0, Ns(1))
    stand.book.hear_trade(Side.SELL, 100_006.0, 9_000.0, Ns(1))
    assert stand.filled(inside) == 0
    stand.book.hear_trade(Side.SELL, 100_000.0, 250.0, Ns(1))

    assert stand.filled(inside) == 250


def test_the_other_side_reaching_our_price_fills_us(stand: Stand) -> None:
    """An ask at or below our bid: we trade at our own price, no more than it offers, and those lots are used up."""
    order_id = stand.rest("buy", 300, 100_005)
    stand.hear(asks=[(100_004.0, 200.0)])

    assert stand.filled(order_id) == 200
    assert [int(t.price_native) for t in stand.venue.trades_of("a")] == [100_005]
    _, fills = stand.order("buy", 100, 100_004)
    assert fills == []


def test_a_sell_is_the_mirror(stand: Stand) -> None:
    """Queue and price-through on the ask side."""
    at_touch, inside = stand.rest("sell", 300, 100_010), stand.rest("sell", 300, 100_008)
    stand.hear(bids=[(100_009.0, 100.0)])
    assert (stand.filled(at_touch), stand.filled(inside)) == (0, 100)

    stand.hear(bids=[(100_009.0, 0.0)])
    stand.book.hear_trade(Side.BUY, 100_010.0, 1_000.0, Ns(1))

    assert (stand.filled(at_touch), stand.filled(inside)) == (0, 300)
    stand.book.hear_trade(Side.BUY, 100_010.0, 1_000.0, Ns(2))
    assert stand.filled(at_touch) == 300
