"""What is wrong with recorded files, by file and row: kept or left out, never silently.

Knows words and how to count them; finds nothing by itself.
"""

import csv
import enum
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

_ROWS_SHOWN_MAX: Final = 10


class DefectKind(enum.StrEnum):
    """One kind of wrongness."""

    FOREIGN = "foreign"
    """Another venue's, or no recording at all: left out."""
    UNREADABLE = "unreadable"
    """It cannot be decoded: left out."""
    IMPOSSIBLE = "impossible"
    """A price or time that cannot be: left out."""
    DUPLICATE = "duplicate"
    """The same instrument at the same moment once more: left out."""
    CLOCK_JUMP = "clock_jump"
    """Its clock went back, or had run ahead: left out."""
    CLOCK_STEPPED = "clock_stepped"
    """The bot's clock went back: kept, at the time it had before."""
    NO_BID = "no_bid"
    """Zero or missing: kept."""
    NO_ASK = "no_ask"
    """Zero or missing: kept."""
    PARKED_ASK = "parked_ask"
    """A whole coin or more for an option: an order put out of the way, no price; kept."""
    CROSSED = "crossed"
    """Bid at or above ask: kept, and not trusted by the bot."""
    NO_MARK = "no_mark"
    """Marked at zero: kept."""
    NO_VOLATILITY = "no_volatility"
    """Without a mark volatility: kept, and a doubtful leg to the bot."""
    INDEX_FROM_FORWARD = "index_from_forward"
    """The file has no index: the nearest forward stands for it; kept."""
    HOLE = "hole"
    """Nothing was recorded for longer than the bound before this row: not traded through."""
    EXPIRY_IN_HOLE = "expiry_in_hole"
    """The index was not recorded in the half hour it is averaged over: delivered at what was last seen of it."""


LEFT_OUT: Final = frozenset(
    {
        *(DefectKind.FOREIGN, DefectKind.UNREADABLE, DefectKind.IMPOSSIBLE),
        *(DefectKind.DUPLICATE, DefectKind.CLOCK_JUMP),
    }
)
"""Kinds whose rows are not played."""


class Defect(Struct, frozen=True):
    """One row's, or a whole file's."""

    file: str
    row: int
    """Line of text, or row of Parquet, from 1; of a run's tape the number of what was seen; 0: the file itself."""
    kind: DefectKind
    instrument: str
    detail: str


class DefectCount(Struct, frozen=True, kw_only=True):
    """All of one kind in one file."""

    file: str
    kind: DefectKind
    is_left_out: bool
    rows_count: int
    first_rows: tuple[int, ...]
    example: str


def counted(defects: Iterable[Defect]) -> tuple[DefectCount, ...]:
    """By file and kind, in the order of their first."""
    found: dict[tuple[str, DefectKind], list[Defect]] = {}
    for defect in defects:
        found.setdefault((defect.file, defect.kind), []).append(defect)
    return tuple(
        DefectCount(
            file=file,
            kind=kind,
            is_left_out=kind in LEFT_OUT,
            rows_count=len(same),
            first_rows=tuple(defect.row for defect in same[:_ROWS_SHOWN_MAX]),
            example=f"{same[0].instrument} {same[0].detail}".strip(),
        )
        for (file, kind), same in found.items()
    )


def write(path: Path, defects: Sequence[Defect]) -> None:
    """Every one of them as CSV; OSError when it cannot be."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("file", "row", "kind", "is_left_out", "instrument", "detail"))
        for one in defects:
            table.writerow((one.file, one.row, one.kind, one.kind in LEFT_OUT, one.instrument, one.detail))
