"""The book against a plain model, over any sequence of updates with and without holes."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import QuoteDistrusted
from bot.domain.ids import InstrumentId
from bot.domain.market_events import Quoted
from bot.domain.time import Ns
from bot.venues.deribit_book import Book
from bot.venues.deribit_wire import BookEntry, BookUpdate

NAME = InstrumentId("BTC-PERPETUAL")
NOW = Ns(1)

levels = st.tuples(
    st.sampled_from(("new", "change", "delete")),
    st.integers(min_value=1, max_value=12).map(float),
    st.integers(min_value=1, max_value=5).map(float),
)
sides = st.lists(levels, max_size=5)
steps = st.lists(
    st.tuples(sides, sides, st.sampled_from(("follow", "follow", "follow", "hole", "snapshot"))), max_size=20
)


def applied(side: dict[float, float], entries: list[BookEntry]) -> None:
    """The model: a dictionary."""
    for action, price, amount in entries:
        if action == "delete":
            side.pop(price, None)
        else:
            side[price] = amount


@given(steps)
def test_book_is_the_model(script: list[tuple[list[BookEntry], list[BookEntry], str]]) -> None:
    """The touch is the best of all levels since the last snapshot; after a hole there is none until the next."""
    book = Book(NAME)
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    last: int | None = None
    for number, (new_bids, new_asks, kind) in enumerate(script, start=1):
        change_id = number * 7
        before = {"follow": last, "hole": change_id - 3, "snapshot": None}[kind]
        update = BookUpdate(
            timestamp=1,
            instrument_name=NAME,
            change_id=change_id,
            bids=new_bids,
            asks=new_asks,
            type="snapshot" if kind == "snapshot" else "change",
            prev_change_id=before,
        )
        event = book.apply(update, NOW)
        if kind == "snapshot":
            bids.clear()
            asks.clear()
        elif last is None:
            assert event is None
            continue
        elif kind == "hole":
            assert isinstance(event, QuoteDistrusted)
            last = None
            continue
        last = change_id
        applied(bids, new_bids)
        applied(asks, new_asks)
        assert isinstance(event, Quoted)
        bid, ask = max(bids, default=None), min(asks, default=None)
        assert (bid, ask) == (event.bid_native, event.ask_native)
        assert (bids.get(bid or 0.0), asks.get(ask or 0.0)) == (event.bid_amount_native, event.ask_amount_native)
