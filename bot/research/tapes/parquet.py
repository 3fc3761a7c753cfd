"""History as one Parquet file of our own, units in the column names; and any Parquet file as rows.

The only place that imports polars (extra `research`). What was listed, and where indices began, is in the file's
metadata, so that a run's tape comes back with its own instruments.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from bot.domain.errors import ConfigError
from bot.domain.instruments import Instrument
from bot.research.tapes.defects import Defect, DefectKind
from bot.research.tapes.sift import Read
from bot.sim.history import HistoryRow

if TYPE_CHECKING:
    import polars

_COLUMNS: Final = HistoryRow.__struct_fields__
_KEY: Final = "hedgebot"
_BATCH: Final = 65_536
_TEXT: Final = frozenset({"instrument", "forward_name"})


class Facts(Struct, frozen=True, kw_only=True):
    """What rows alone do not tell."""

    listed: tuple[Instrument, ...]
    """Empty where the rows' names tell all."""
    index_usd: dict[str, float]
    """First of each index."""


def _polars() -> ModuleType:
    """The library; ConfigError says how to get it."""
    try:
        import polars  # noqa: PLC0415 - of an extra: who has no Parquet needs none
    except ImportError:
        raise ConfigError("Parquet needs the extra `research`: pip install 'hedgebot[research]'") from None
    return polars


def write(path: Path, rows: Iterable[HistoryRow], facts: Facts) -> int:
    """Write rows in order, and how many there were; OSError when it cannot be."""
    library = _polars()
    columns: dict[str, list[object]] = {name: [] for name in _COLUMNS}
    count = 0
    for row in rows:
        count += 1
        for name in _COLUMNS:
            columns[name].append(getattr(row, name))
    frame = library.DataFrame(columns, schema={name: _kind(library, name) for name in _COLUMNS})
    metadata = {_KEY: msgspec.json.encode(facts).decode()}
    frame.write_parquet(path, compression="zstd", metadata=metadata)
    return count


def _kind(library: ModuleType, name: str) -> object:
    if name in _TEXT:
        return library.String
    if name == "has_quote_ivs":
        return library.Boolean
    return library.Int64 if name == "time_ns" else library.Float64


def table(columns: Mapping[str, tuple[str, Sequence[object]]]) -> bytes:
    """A file in memory; each column with its kind, e.g. `Int64`, `String`."""
    library, file = _polars(), io.BytesIO()
    series = [library.Series(name, list(values), getattr(library, kind)) for name, (kind, values) in columns.items()]
    library.DataFrame(series).write_parquet(file, compression="zstd")
    return file.getvalue()


def opened(path: Path) -> "polars.DataFrame":
    """Any Parquet file; ValueError when it is none."""
    library = _polars()
    try:
        frame: polars.DataFrame = library.read_parquet(path)
    except (library.exceptions.PolarsError, OSError) as error:
        raise ValueError(str(error).splitlines()[0]) from None
    return frame


def is_ours(columns: Iterable[str]) -> bool:
    """Whether they are those written here."""
    return set(_COLUMNS) <= set(columns)


def facts_of(path: Path) -> Facts | None:
    """What our own file says beside its rows; None of a file without."""
    text = _polars().read_parquet_metadata(path).get(_KEY)
    return None if text is None else msgspec.json.decode(text, type=Facts)


def rows_of(frame: "polars.DataFrame", columns: Iterable[str]) -> Iterator[Mapping[str, object]]:
    """Row by row, by the names of those columns that are there; no number is None."""
    names = [name for name in columns if name in frame.columns]
    numbers = _polars().selectors.float()
    for cells in frame.select(names).with_columns(numbers.fill_nan(None)).iter_rows(buffer_size=_BATCH):
        yield dict(zip(names, cells, strict=True))


def read_ours(name: str, frame: "polars.DataFrame") -> Iterator[Read | Defect]:
    """Rows of a file written here."""
    for number, cells in enumerate(frame.select(_COLUMNS).iter_rows(buffer_size=_BATCH), start=1):
        fields = dict(zip(_COLUMNS, cells, strict=True))
        try:
            yield Read(name, number, msgspec.convert(fields, HistoryRow))
        except msgspec.ValidationError as error:
            yield Defect(name, number, DefectKind.UNREADABLE, str(fields["instrument"] or ""), str(error))
