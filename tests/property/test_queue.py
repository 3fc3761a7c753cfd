"""Any quotes, takers and cancels: of a taker an order gets what is left after the queue ahead, no more."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.time import Ns
from bot.sim.book import Book, Grid
from bot.sim.facts import Order, OrderState, OrderType, Side, TimeInForce
from bot.sim.listing import build_listing

_PERP = next(item for item in build_listing(Ns(1_795_000_000_000_000_000)) if item.id == "BTC-PERPETUAL")
_AT, _BELOW = 100_000, 99_990
_lots = st.integers(0, 40)
_quotes = st.tuples(st.just("quote"), _lots, _lots)
_takes = st.tuples(st.just("take"), st.integers(1, 60), st.just(0))
_others = st.tuples(st.just("other"), st.integers(1, 20), st.just(0))
_leaves = st.tuples(st.just("leave"), st.integers(0, 5), st.just(0))


def _order(number: int) -> Order:
    return Order(
        order_id=str(number),
        account="a",
        instrument=_PERP.id,
        side=Side.BUY,
        amount_native=Decimal(10),
        filled_native=Decimal(0),
        average_price_native=Decimal(0),
        price_native=Decimal(50_000),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=True,
        reject_post_only=True,
        reduce_only=False,
        label="",
        state=OrderState.OPEN,
        cancel_reason=None,
        created_ns=Ns(1),
        updated_ns=Ns(1),
        is_api=True,
    )


@given(_lots, st.integers(1, 30), st.lists(_quotes | _takes | _others | _leaves, max_size=25))
def test_the_queue_ahead_comes_first(ahead: int, size: int, steps: list[tuple[str, int, int]]) -> None:
    """By hand: takers eat what stands ahead, then ours; what the maker takes away leaves from behind us first."""
    book = Book(Grid(_PERP))
    bids = book.bids
    bids.set_maker({_AT: ahead} if ahead else {})
    ours = _order(0)
    bids.add(_AT, ours, size)
    filled = 0
    for count, (sort, one, two) in enumerate(steps, start=1):
        if sort == "quote":
            bids.set_maker({units: lots for units, lots in ((_AT, one), (_BELOW, two)) if lots})
            ahead = min(ahead, one)
        elif sort == "other":
            bids.add(_AT, _order(count), one)
        elif sort == "leave" and str(one) in bids.clients and one:
            bids.remove(str(one))
        elif sort == "take":
            fills, _ = book.sweep(is_buy=False, limit_units=_AT, lots=one, account=None)
            mine = sum(fill.lots for fill in fills if fill.maker is ours)
            eaten = min(ahead, one)
            ahead -= eaten
            assert mine == min(one - eaten, size - filled)
            filled += mine
