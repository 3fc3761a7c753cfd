from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.time import Ns
from bot.localex.books import BookFeed, group_levels
from bot.sim.facts import BookChange

Entries = list[tuple[str, str, str]]


def _change(before: int, after: int, bids: Entries, asks: Entries | None = None) -> BookChange:
    def parsed(side: Entries) -> tuple[tuple[str, Decimal, Decimal], ...]:
        return tuple((action, Decimal(price), Decimal(amount)) for action, price, amount in side)

    return BookChange(
        instrument="X",
        time_ns=Ns(after * 1_000_000),
        change_id_before=before,
        change_id=after,
        bids=parsed(bids),
        asks=parsed(asks or []),
    )


def _feed() -> BookFeed:
    return BookFeed(
        "X", Ns(5_000_000), [(Decimal(99), Decimal(10)), (Decimal(98), Decimal(20))], [(Decimal(101), Decimal(30))], 7
    )


def test_the_snapshot_is_the_whole_book_best_first() -> None:
    """All levels are new; there is no prev_change_id."""
    assert _feed().snapshot() == {
        "type": "snapshot",
        "timestamp": 5,
        "instrument_name": "X",
        "change_id": 7,
        "bids": [["new", 99.0, 10.0], ["new", 98.0, 20.0]],
        "asks": [["new", 101.0, 30.0]],
    }


def test_changes_chain_by_prev_change_id() -> None:
    """Each change names the id told before; a deleted level has amount zero."""
    feed = _feed()
    feed.apply(_change(7, 12, [("delete", "99", "0"), ("change", "98", "5")]))
    first = feed.take_change()
    feed.apply(_change(12, 13, [], [("new", "102", "1")]))
    second = feed.take_change()

    assert first == {
        "type": "change",
        "timestamp": 12,
        "instrument_name": "X",
        "prev_change_id": 7,
        "change_id": 12,
        "bids": [["delete", 99.0, 0.0], ["change", 98.0, 5.0]],
        "asks": [],
    }
    assert second is not None
    assert (second["prev_change_id"], second["change_id"], second["asks"]) == (12, 13, [["new", 102.0, 1.0]])


def test_several_changes_become_one() -> None:
    """A level that came and went in between is not told; the ids span them all."""
    feed = _feed()
    feed.apply(_change(7, 8, [("new", "100", "1")]))
    feed.apply(_change(8, 9, [("delete", "100", "0")]))
    assert feed.take_change() is None

    feed.apply(_change(9, 10, [("change", "99", "11")]))
    change = feed.take_change()
    assert change is not None
    assert (change["prev_change_id"], change["change_id"], change["bids"]) == (7, 10, [["change", 99.0, 11.0]])


def test_changes_older_than_the_start_are_already_in_it() -> None:
    """What the venue's book held when the feed began is not told again."""
    feed = _feed()
    feed.apply(_change(3, 7, [("new", "97", "1")]))

    assert feed.take_change() is None


def test_later_subscribers_get_what_the_others_were_told() -> None:
    """A snapshot leaves pending changes out, so that the next change fits for everybody."""
    feed = _feed()
    feed.apply(_change(7, 8, [("new", "100", "1")]))

    assert feed.snapshot()["change_id"] == 7


_LEVELS = st.dictionaries(st.integers(1, 6), st.integers(0, 3), max_size=4)


@given(st.lists(st.tuples(_LEVELS, st.booleans()), max_size=12))
def test_a_client_that_applies_the_changes_has_the_book(steps: list[tuple[dict[int, int], bool]]) -> None:
    """Whatever is aggregated, snapshot plus chained changes is the venue's book."""
    feed = BookFeed("X", Ns(0), [], [], 0)
    venue: dict[float, float] = {}
    client: dict[float, float] = {}
    told = 0
    for index, (levels, is_told) in enumerate([*steps, ({}, True)]):
        entries: Entries = []
        for price, amount in levels.items():
            entries.append(("change" if amount else "delete", str(price), str(amount)))
            venue[float(price)] = float(amount)
        feed.apply(_change(index, index + 1, entries))
        change = feed.take_change() if is_told else None
        if change is not None:
            assert change["prev_change_id"] == told
            told = index + 1
            bids = change["bids"]
            assert isinstance(bids, list)
            for action, price, amount in bids:
                assert (action == "new") == (price not in client)
                client[price] = amount
                if action == "delete":
                    assert amount == 0.0
                    del client[price]
    assert client == {price: amount for price, amount in venue.items() if amount}


def test_grouped_levels_are_pairs_on_a_coarser_grid() -> None:
    """Bids round down, asks up, so that grouping never shows a better price; depth counts groups."""
    bids = [
        (Decimal("100.5"), Decimal(1)),
        (Decimal("100.0"), Decimal(2)),
        (Decimal("99.5"), Decimal(4)),
        (Decimal("97.5"), Decimal(8)),
    ]
    asks = [(Decimal("101.0"), Decimal(1)), (Decimal("101.5"), Decimal(2)), (Decimal("104.5"), Decimal(4))]

    assert group_levels(bids, Decimal(1), 2, is_bid=True) == [[100.0, 3.0], [99.0, 4.0]]
    assert group_levels(asks, Decimal(1), 10, is_bid=False) == [[101.0, 1.0], [102.0, 2.0], [105.0, 4.0]]
    assert group_levels(asks, None, 1, is_bid=False) == [[101.0, 1.0]]
