"""The book by change_id: continuity, gaps, touches."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import QuoteDistrusted
from bot.domain.ids import InstrumentId
from bot.domain.market_events import Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.venues import deribit
from bot.venues.deribit_book import DEPTH_NS_MIN, Book
from bot.venues.deribit_wire import BookEntry, BookUpdate

NAME = InstrumentId("BTC-PERPETUAL")
NOW = Ns(7)
SNAPSHOT = ("snapshot", None, 10)
BIDS: list[BookEntry] = [("new", 99.0, 10.0), ("new", 98.0, 20.0)]
ASKS: list[BookEntry] = [("new", 101.0, 30.0), ("new", 102.0, 40.0)]


def update(
    head: tuple[str | None, int | None, int],
    bids: list[BookEntry] | None = None,
    asks: list[BookEntry] | None = None,
) -> BookUpdate:
    """A book message: (type, prev_change_id, change_id) and its entries."""
    kind, before, after = head
    fields = {} if kind is None else {"type": kind}
    return BookUpdate(
        timestamp=1,
        instrument_name=NAME,
        change_id=after,
        bids=bids or [],
        asks=asks or [],
        prev_change_id=before,
        **fields,  # type: ignore[arg-type]
    )


def touch(event: object) -> tuple[float | None, ...]:
    """Bid, its amount, ask, its amount."""
    assert isinstance(event, Quoted)
    return (event.bid_native, event.bid_amount_native, event.ask_native, event.ask_amount_native)


def known_book() -> Book:
    """A book after its snapshot at change 10."""
    book = Book(NAME)
    book.apply(update(SNAPSHOT, BIDS, ASKS), NOW)
    return book


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [
        ([], [], (99.0, 10.0, 101.0, 30.0)),
        ([("change", 99.0, 15.0)], [], (99.0, 15.0, 101.0, 30.0)),
        ([("new", 100.0, 5.0)], [], (100.0, 5.0, 101.0, 30.0)),
        ([("delete", 99.0, 0.0)], [], (98.0, 20.0, 101.0, 30.0)),
        ([("delete", 98.0, 0.0)], [], (99.0, 10.0, 101.0, 30.0)),
        ([("delete", 99.0, 0.0), ("delete", 98.0, 0.0)], [], (None, None, 101.0, 30.0)),
        ([], [("delete", 101.0, 0.0), ("new", 101.5, 1.0)], (99.0, 10.0, 101.5, 1.0)),
        ([], [("change", 101.0, 0.0)], (99.0, 10.0, 102.0, 40.0)),
        ([("delete", 50.0, 0.0)], [], (99.0, 10.0, 101.0, 30.0)),
        ([("new", 101.5, 1.0)], [], (101.5, 1.0, 101.0, 30.0)),
    ],
    ids=["none", "amount", "better", "best gone", "other gone", "side gone", "ask moves", "zero", "unknown", "crossed"],
)
def test_changes(bids: list[BookEntry], asks: list[BookEntry], expected: tuple[float | None, ...]) -> None:
    """New, changed and deleted levels move the touch; a crossed book is told as it is."""
    assert expected == touch(known_book().apply(update(("change", 10, 99), bids, asks), NOW))


def test_what_stands_behind_the_touch_is_told_four_times_a_second() -> None:
    """The best five of a side, best first; nothing of a book that is not known."""
    book = known_book()
    more: list[BookEntry] = [("new", 90.0 + n, 1.0 + n) for n in range(6)]
    book.apply(update(("change", 10, 11), more, [("delete", 102.0, 0.0)]), NOW)
    depth = book.depth(Ns(1), NOW)

    assert depth is not None
    assert depth.bids == ((99.0, 10.0), (98.0, 20.0), (95.0, 6.0), (94.0, 5.0), (93.0, 4.0))
    assert (depth.asks, depth.received_ns, depth.venue_ns) == (((101.0, 30.0),), NOW, 1)
    assert book.depth(Ns(2), Ns(NOW + DEPTH_NS_MIN - 1)) is None
    assert book.depth(Ns(2), Ns(NOW + DEPTH_NS_MIN)) is not None
    book.forget()
    assert book.depth(Ns(3), Ns(NOW + 10 * DEPTH_NS_MIN)) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.integers(0, 3)), max_size=60))
def test_the_best_levels_are_those_of_a_plain_sorted_book(steps: list[tuple[bool, int, int]]) -> None:
    """Whatever comes and goes, in any order."""
    book, sides = Book(NAME), ({}, {})  # type: tuple[Book, tuple[dict[float, float], dict[float, float]]]
    book.apply(update(SNAPSHOT), NOW)
    for at, (is_bid, price, amount) in enumerate(steps):
        entries: list[BookEntry] = [("change" if amount else "delete", float(price), float(amount))]
        book.apply(update(("change", 10 + at, 11 + at), *((entries, None) if is_bid else (None, entries))), NOW)
        levels = sides[0 if is_bid else 1]
        levels[float(price)] = float(amount)
        if not amount:
            del levels[float(price)]
    depth = book.depth(Ns(1), NOW)

    assert depth is not None
    assert depth.bids == tuple(sorted(sides[0].items(), reverse=True)[:5])
    assert depth.asks == tuple(sorted(sides[1].items())[:5])


@pytest.mark.parametrize(
    "head",
    [("change", 9, 12), ("change", 11, 12), ("change", 0, 12), ("change", None, 12), ("change", 8, 10)],
    ids=["older", "newer", "zero", "absent", "duplicate"],
)
def test_gap_empties_the_book(head: tuple[str, int | None, int]) -> None:
    """Anything that does not continue distrusts the quote once; nothing is told until the next snapshot."""
    book = known_book()
    expected = QuoteDistrusted(instrument=NAME, received_ns=NOW, cause=DistrustCause.BOOK_GAP)
    assert expected == book.apply(update(head, [("new", 100.0, 1.0)]), NOW)
    assert book.apply(update(("change", head[2], 13)), NOW) is None
    assert book.is_known is False
    fresh = book.apply(update(("snapshot", None, 20), [("new", 90.0, 1.0)], [("new", 91.0, 1.0)]), NOW)
    assert touch(fresh) == (90.0, 1.0, 91.0, 1.0)


@pytest.mark.parametrize(
    ("head", "is_told"),
    [
        (("snapshot", None, 5), True),
        (("snapshot", 20, 5), True),
        ((None, None, 5), True),
        (("change", 0, 5), True),
        (("change", 4, 5), False),
        ((None, 4, 5), False),
    ],
    ids=["snapshot", "snapshot with prev", "old style", "first change", "change before snapshot", "old change"],
)
def test_first_message(head: tuple[str | None, int | None, int], is_told: bool) -> None:
    """What may start a book: a snapshot in any dress, or the first change of a new instrument."""
    assert is_told is (Book(NAME).apply(update(head, BIDS, ASKS), NOW) is not None)


def test_snapshot_replaces() -> None:
    """A second snapshot is never merged with what was there."""
    event = known_book().apply(update(("snapshot", None, 50), [("new", 90.0, 1.0)], [("new", 95.0, 2.0)]), NOW)
    assert touch(event) == (90.0, 1.0, 95.0, 2.0)


def test_forgotten_book_waits() -> None:
    """After a reconnect changes mean nothing until the snapshot."""
    book = known_book()
    book.forget()
    assert book.apply(update(("change", 10, 11), BIDS), NOW) is None


@pytest.mark.realdata
def test_recorded_session_has_no_gap(shared_data: Path) -> None:
    """46 recorded book messages of ten options follow each other without a gap."""
    path = shared_data / "messages" / "deribit" / "cryptofeed" / "session_2021-07-22.jsonl.gz"
    books: dict[str, Book] = {}
    told = 0
    for line in gzip.decompress(path.read_bytes()).splitlines():
        row = json.loads(line)
        message = deribit.decode(row["data"].encode(), NOW) if row["t"] == "recv" else None
        if isinstance(message, BookUpdate):
            book = books.setdefault(message.instrument_name, Book(message.instrument_name))
            assert isinstance(book.apply(message, NOW), Quoted)
            told += 1
    assert (told, len(books)) == (46, 10)
