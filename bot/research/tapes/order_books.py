"""Deribit's `public/get_order_book` results, as JSON lines or as Parquet columns, to rows.

Knows both shapes (recorded data notes, section 2); what is wrong with a row is told, and the next one read.
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bot.journal.history_files import BookResult, decoded, row_of
from bot.research.tapes.defects import Defect, DefectKind
from bot.research.tapes.sift import Read

Found = Iterator[Read | Defect]

USED: Final = (*BookResult.__struct_fields__, "greeks.delta", "delta")
"""Columns that are looked at."""


def read_lines(path: Path) -> Found:
    """JSON lines, gzipped or not: a result, or an envelope with one under `result`."""
    number = 0
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as lines:
            for line in lines:
                number += 1
                try:
                    yield Read(path.name, number, row_of(decoded(line)))
                except (msgspec.DecodeError, ValueError) as error:
                    yield Defect(path.name, number, DefectKind.UNREADABLE, "", str(error))
    except (EOFError, OSError, zlib.error) as error:
        yield Defect(path.name, number + 1, DefectKind.UNREADABLE, "", f"the file is damaged from here on: {error}")


def is_order_books(columns: Sequence[str]) -> bool:
    """Whether Parquet columns are those of order books."""
    return {"instrument_name", "timestamp", "index_price", "mark_price"} <= set(columns)


def read_columns(name: str, rows: Iterator[Mapping[str, object]]) -> Found:
    """Rows of a data frame; `greeks` is nested, or its delta a column of its own."""
    for number, row in enumerate(rows, start=1):
        try:
            greeks = row.get("greeks")
            delta = greeks.get("delta") if isinstance(greeks, Mapping) else row.get("greeks.delta", row.get("delta"))
            result = msgspec.convert({**row, "greeks": {"delta": delta}}, BookResult)
            yield Read(name, number, row_of(result))
        except (msgspec.ValidationError, ValueError) as error:
            yield Defect(name, number, DefectKind.UNREADABLE, str(row.get("instrument_name") or ""), str(error))
