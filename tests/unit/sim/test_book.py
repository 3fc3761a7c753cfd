"""Price-time priority in whole units and lots."""

from decimal import Decimal

import pytest

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.sim.book import Book, Fill, Grid
from bot.sim.facts import Order, OrderState, OrderType, Side, TimeInForce
from bot.sim.listing import build_listing


def _instrument(name: str, start_ns: Ns) -> Instrument:
    return next(item for item in build_listing(start_ns) if item.id.startswith(name))


@pytest.fixture
def option_grid(start_ns: Ns) -> Grid:
    """0.0001 up to 0.005, 0.0005 above."""
    return Grid(_instrument("BTC-24NOV26-65000", start_ns))


def _order(order_id: str, account: str = "a") -> Order:
    return Order(
        order_id=order_id,
        account=account,
        instrument="BTC-PERPETUAL",
        side=Side.SELL,
        amount_native=Decimal(10),
        filled_native=Decimal(0),
        average_price_native=Decimal(0),
        price_native=None,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        reject_post_only=False,
        reduce_only=False,
        label="",
        state=OrderState.OPEN,
        cancel_reason=None,
        created_ns=Ns(0),
        updated_ns=Ns(0),
        is_api=True,
    )


@pytest.fixture
def book(start_ns: Ns) -> Book:
    """Empty book of the BTC perpetual."""
    return Book(Grid(_instrument("BTC-PERPETUAL", start_ns)))


def _fills(fills: list[Fill]) -> list[tuple[int, int, str | None]]:
    return [(fill.units, fill.lots, fill.maker.order_id if fill.maker else None) for fill in fills]


@pytest.mark.parametrize(
    ("price", "expected"),
    [("0.0049", 49), ("0.005", 50), ("0.0055", 55), ("0.0051", None), ("0.00005", None), ("0.1", 1000)],
)
def test_a_price_is_on_the_ladder_or_not(option_grid: Grid, price: str, expected: int | None) -> None:
    """Above 0.005 only every fifth unit is a price."""
    assert option_grid.units_of(Decimal(price)) == expected


@pytest.mark.parametrize(
    ("price", "down", "up"),
    [(0.00321, 32, 33), (0.0032, 32, 32), (0.0052, 50, 55), (0.0055, 55, 55), (0.005, 50, 50)],
)
def test_floats_go_to_the_ladder_in_the_named_direction(option_grid: Grid, price: float, down: int, up: int) -> None:
    """Floor and ceiling agree on the grid and are one step apart off it."""
    assert (option_grid.floor_units(price), option_grid.ceil_units(price)) == (down, up)


@pytest.mark.parametrize(("units", "below", "above"), [(49, 48, 50), (50, 49, 55), (55, 50, 60)])
def test_neighbours_cross_the_ladder_step(option_grid: Grid, units: int, below: int, above: int) -> None:
    """One step down from 0.0055 is 0.0050, and back."""
    assert (option_grid.below(units), option_grid.above(units)) == (below, above)


def test_better_price_first_then_older_order_first(book: Book) -> None:
    """A buyer meets the lowest ask, and at one price the order that came first."""
    asks = book.asks
    asks.set_maker({101: 5})
    asks.add(101, _order("second"), 3)
    asks.add(100, _order("best"), 2)
    asks.add(101, _order("third"), 4)

    fills, overlapped = book.sweep(is_buy=True, limit_units=101, lots=12, account="b")

    assert _fills(fills) == [(100, 2, "best"), (101, 5, None), (101, 3, "second"), (101, 2, "third")]
    assert overlapped == []
    assert asks.ladder(5) == [(101, 2)]


def test_a_limit_is_not_passed(book: Book) -> None:
    """What rests above a buyer's limit stays."""
    book.asks.set_maker({100: 1, 102: 9})

    fills, _ = book.sweep(is_buy=True, limit_units=101, lots=5, account=None)

    assert _fills(fills) == [(100, 1, None)]
    assert book.asks.ladder(5) == [(102, 9)]


def test_own_resting_orders_step_aside(book: Book) -> None:
    """Self-match prevention takes the resting order out and goes on."""
    mine = _order("mine", "a")
    book.asks.add(100, mine, 4)
    book.asks.add(100, _order("theirs", "b"), 4)

    fills, overlapped = book.sweep(is_buy=True, limit_units=100, lots=3, account="a")

    assert _fills(fills) == [(100, 3, "theirs")]
    assert overlapped == [mine]


def test_the_maker_keeps_its_place_when_it_shrinks_and_goes_back_when_it_grows(book: Book) -> None:
    """Less of the maker's liquidity keeps the queue place, more of it queues behind the client."""
    asks = book.asks
    asks.set_maker({100: 5})
    asks.add(100, _order("client"), 2)
    asks.set_maker({100: 3})
    asks.set_maker({100: 6})

    fills, _ = book.sweep(is_buy=True, limit_units=100, lots=8, account=None)

    assert _fills(fills) == [(100, 3, None), (100, 2, "client"), (100, 3, None)]


def test_the_maker_leaves_a_price_and_the_client_stays(book: Book) -> None:
    """Quotes that move away leave client orders where they are."""
    asks = book.asks
    asks.add(100, _order("client"), 2)
    asks.set_maker({100: 5, 101: 5})
    asks.set_maker({102: 5})

    assert asks.ladder(5) == [(100, 2), (102, 5)]
    assert asks.lots_at(101) == 0


def test_available_lots_leave_own_orders_out(book: Book) -> None:
    """Fill-or-kill counts what others offer within the limit."""
    book.asks.set_maker({100: 5, 103: 50})
    book.asks.add(101, _order("mine", "a"), 7)
    book.asks.add(101, _order("theirs", "b"), 2)

    assert book.asks.lots_within(102, "a") == 7


def test_dirty_prices_remember_what_was_there(book: Book) -> None:
    """The lots before the first touch are kept until somebody asks for the difference."""
    book.bids.set_maker({100: 5, 99: 1})
    book.bids.dirty.clear()
    book.bids.set_maker({100: 6, 98: 2})

    assert book.bids.dirty == {99: 1, 100: 5, 98: 0}


def test_settling_says_whether_anything_is_different(book: Book) -> None:
    """What came and went again is no change; and it is asked about once."""
    asks = book.asks
    asks.add(102, _order("1"), 5)
    assert (asks.settle(), asks.settle()) == (True, False)
    asks.add(102, _order("2"), 5)
    asks.remove("2")
    assert asks.dirty
    assert not asks.settle()
    assert not asks.dirty


def test_a_cancelled_order_frees_its_price(book: Book) -> None:
    """Removing the only order at a price removes the price."""
    book.bids.add(100, _order("only"), 4)

    assert book.bids.remove("only") == 4
    assert book.bids.best() is None
    assert not book.has_clients


def test_a_book_nobody_looks_at_is_replaced_whole(book: Book) -> None:
    """Resetting leaves the maker's liquidity alone and nothing to tell."""
    book.bids.set_maker({100: 5})
    book.bids.reset_maker({90: 1})

    assert (book.bids.ladder(5), book.bids.dirty, book.bids.maker) == ([(90, 1)], {}, {90: 1})


def test_a_smaller_order_keeps_its_place(book: Book) -> None:
    """The price has less, the queue is as it was."""
    first, second = _order("1", "a"), _order("2", "b")
    book.bids.add(100, first, 5)
    book.bids.add(100, second, 5)
    book.bids.shrink("1", 2)

    assert (book.bids.lots_at(100), book.bids.first_order(100)) == (7, first)
    with pytest.raises(AssertionError, match="keep no place"):
        book.bids.shrink("1", 3)


@pytest.mark.parametrize(
    ("taken", "before", "after", "left"),
    [(0, 5, 3, 3), (0, 5, 9, 9), (2, 5, 5, 3), (2, 5, 4, 3), (2, 5, 1, 1), (2, 5, 6, 4), (5, 5, 4, 0), (5, 5, 0, 0)],
)
def test_a_level_heard_from_outside(book: Book, taken: int, before: int, after: int, left: int) -> None:
    """New lots are there, lots taken here stay taken, and there is never more than is shown."""
    book.asks.move_maker(100, 0, before)
    book.sweep(is_buy=True, limit_units=100, lots=taken, account=None)
    book.asks.move_maker(100, before, after)

    assert (book.asks.lots_at(100), book.asks.maker.get(100, 0)) == (left, left)


def test_lots_can_be_taken_from_the_back_of_the_maker(book: Book) -> None:
    """A level that was used up leaves nothing behind."""
    book.bids.set_maker({100: 5})
    book.bids.take_maker(100, 2)
    assert book.bids.lots_at(100) == 3
    book.bids.take_maker(100, 3)
    assert book.bids.best() is None
