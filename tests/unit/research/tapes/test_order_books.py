"""Order books from JSON lines and from Parquet columns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.research.tapes.defects import Defect, DefectKind
from bot.research.tapes.order_books import is_order_books, read_columns, read_lines
from bot.research.tapes.sift import Read

_CALL = "BTC-14APR23-30000-C"
Book = Callable[..., dict[str, Any]]
Write = Callable[..., Path]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_lines_are_read_and_bad_ones_told(book: Book, write_lines: Write, name: str) -> None:
    """By their number; the next one is read all the same."""
    path = write_lines(name, book(_CALL, 0), "not json", "{}", book(_CALL, 300, index_price=-1.0), book(_CALL, 600))
    found = list(read_lines(path))

    assert [(read.number, read.row.mark_native) for read in found if isinstance(read, Read)] == [
        (1, 0.0142),
        (5, 0.0142),
    ]
    assert [(one.row, one.kind) for one in found if isinstance(one, Defect)] == [
        (2, DefectKind.UNREADABLE),
        (3, DefectKind.UNREADABLE),
        (4, DefectKind.UNREADABLE),
    ]


def test_a_damaged_file_is_told_from_where_on(book: Book, write_lines: Write) -> None:
    """What was read before it counts."""
    path = write_lines("a.jsonl.gz", *(book(_CALL, n) for n in range(2_000)))
    path.write_bytes(path.read_bytes()[:-40])
    found = list(read_lines(path))

    assert isinstance(found[-1], Defect)
    assert "damaged from here on" in found[-1].detail
    assert found[-1].row == len(found)


def test_columns_are_read_as_lines_are(book: Book) -> None:
    """Greeks nested or flat; a row of another kind is told."""
    rows = [book(_CALL, 0), {**book(_CALL, 1), "greeks": None, "greeks.delta": 0.25}, book(_CALL, 2, timestamp="soon")]
    found = list(read_columns("a.parquet", iter(rows)))

    assert [(read.number, read.row.delta) for read in found if isinstance(read, Read)] == [(1, 0.5), (2, 0.25)]
    assert [(one.file, one.row, one.instrument) for one in found if isinstance(one, Defect)] == [
        ("a.parquet", 3, _CALL)
    ]


def test_columns_of_something_else_are_known() -> None:
    """By what every order book has."""
    assert is_order_books(["instrument_name", "timestamp", "index_price", "mark_price", "x"])
    assert not is_order_books(["symbol", "timestamp", "mark_price"])
