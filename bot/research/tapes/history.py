"""Recorded history as it can be played, whatever it was recorded as; and what is wrong with it.

Knows which file is which: a run's tape, Deribit order books as JSON lines or Parquet, Tardis-style CSV, Parquet of our
own; files or folders of them. Everything that cannot be used is told with its file and row.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from bot.domain.errors import ConfigError, JournalError
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, Ns, iso_utc
from bot.journal.tape_history import TapedHistory, is_run, read_tape
from bot.research.tapes import order_books, parquet, tardis
from bot.research.tapes.defects import Defect, DefectKind
from bot.research.tapes.parquet import Facts
from bot.research.tapes.sift import HOLE_NS, Hole, Read, holes_of, sift
from bot.sim.history import HistoryRow, linear_name
from bot.sim.history import in_usdc as row_in_usdc
from bot.sim.listing import described
from bot.sim.recorded_listing import listed_from_rows

_LINES: Final = (".jsonl", ".json", ".ndjson")
_FILES_MAX: Final = 100_000
_NAMES_MAX: Final = 100_000


_PAUSE_NS: Final = 30 * NS_PER_S
_FIRST_ROUND_NS_MAX: Final = 600 * NS_PER_S
"""A collector shows its chain once within ten minutes, then pauses."""


class FileRead(Struct, frozen=True, kw_only=True):
    """One file."""

    name: str
    format: str
    rows_count: int
    """Found, of all coins; those left out are among the defects."""


class History(Struct, frozen=True, kw_only=True):
    """What can be played of one coin, or of all."""

    files: tuple[FileRead, ...]
    rows: Callable[[], Iterator[HistoryRow]]
    """In order of time; may be called again."""
    rows_count: int
    listed: tuple[Instrument, ...]
    index_usd: dict[str, float]
    start_ns: Ns
    end_ns: Ns
    first_seen_ns: tuple[Ns, ...]
    """When each instrument was first seen, ascending."""
    is_continuous: bool
    """Heard as it happened; otherwise collected in rounds, between which there are pauses."""
    holes: tuple[Hole, ...]
    defects: tuple[Defect, ...]


def open_history(paths: Sequence[Path], base: str | None = None, hole_ns: Ns = HOLE_NS) -> History:
    """Read everything of a coin (None: of every coin); ConfigError where nothing of it can be played."""
    for path in paths:
        if not path.exists():
            raise ConfigError(f"tape: {path} does not exist; name a run's folder, a recorded file, or a folder of them")
    runs = [path for path in paths if is_run(path)]
    if runs and len(paths) > 1:
        raise ConfigError(f"tape: {runs[0]} is a run's tape; give it alone")
    return _taped(runs[0], hole_ns) if runs else _filed(paths, base, hole_ns)


def open_day(tape: Path, base: str, hole_ns: Ns, *, is_linear: bool) -> History:
    """One coin of one tape as it is backtested; `is_linear`: as if its options were settled in USDC."""
    history = open_history([tape], base, hole_ns)
    return in_usdc(history) if is_linear else history


# --- a run's own tape ------------------------------------------------------------------------------------


def _taped(folder: Path, hole_ns: Ns) -> History:
    try:
        tape = read_tape(folder)
        defects: list[Defect] = []
        reads = _numbered(tape)
        holes = tuple(holes_of(reads, defects, hole_ns))
    except JournalError as error:
        raise ConfigError(f"tape: {str(error).removeprefix('tape: ')}") from error
    stepped = [
        Defect(folder.name, number, DefectKind.CLOCK_STEPPED, name, f"{back_ns / NS_PER_S:.3f} s back")
        for number, name, back_ns in tape.stepped_back
    ]
    return History(
        files=(FileRead(name=folder.name, format="run", rows_count=tape.rows_count),),
        rows=tape.rows,
        rows_count=tape.rows_count,
        listed=tape.listed,
        index_usd=tape.index_usd,
        start_ns=tape.first_seen_ns[0],
        end_ns=tape.end_ns,
        first_seen_ns=tape.first_seen_ns,
        is_continuous=True,
        holes=holes,
        defects=(*stepped, *defects),
    )


def _numbered(tape: TapedHistory) -> Iterator[Read]:
    for number, row in enumerate(tape.rows(), start=1):
        yield Read(tape.folder.name, number, row)


# --- files -----------------------------------------------------------------------------------------------


class _Files:
    """What files held, so far."""

    def __init__(self, base: str | None) -> None:
        self.found: list[Read] = []
        self.defects: list[Defect] = []
        self.files: list[FileRead] = []
        self.facts: list[Facts] = []
        self._base = base
        self._indices = tardis.Indices()

    def take(self, path: Path) -> None:
        """One file, whichever it is."""
        name = path.name
        kind = _kind(path)
        if kind in _LINES:
            self._add(name, "order books, JSON", order_books.read_lines(path))
        elif kind == ".csv" and tardis.is_tardis(tardis.header_of(path)):
            self._add(name, "Tardis CSV", tardis.read_csv(path, self._indices))
        elif kind == ".parquet":
            self._take_parquet(path)
        else:
            self.defects.append(Defect(name, 0, DefectKind.FOREIGN, "", "no recording this program knows"))

    def _take_parquet(self, path: Path) -> None:
        try:
            frame = parquet.opened(path)
        except ValueError as error:
            self.defects.append(Defect(path.name, 0, DefectKind.UNREADABLE, "", str(error)))
            return
        if parquet.is_ours(frame.columns):
            facts = parquet.facts_of(path)
            self.facts += [] if facts is None else [facts]
            self._add(path.name, "hedgebot Parquet", parquet.read_ours(path.name, frame))
        elif order_books.is_order_books(frame.columns):
            rows = parquet.rows_of(frame, order_books.USED)
            self._add(path.name, "order books, Parquet", order_books.read_columns(path.name, rows))
        else:
            columns = ", ".join(frame.columns[:5])
            self.defects.append(Defect(path.name, 0, DefectKind.FOREIGN, "", f"its columns are {columns}, ..."))

    def _add(self, name: str, kind: str, reads: Iterable[Read | Defect]) -> None:
        count = 0
        for read in reads:
            if isinstance(read, Defect):
                count += read.kind is not DefectKind.INDEX_FROM_FORWARD
                self.defects.append(read)
                continue
            count += 1
            if not _is_ours(read.row.instrument):
                text = "no Deribit option, future or perpetual of BTC or ETH"
                self.defects.append(Defect(name, read.number, DefectKind.FOREIGN, read.row.instrument, text))
            elif self._base is None or read.row.instrument.startswith((f"{self._base}-", f"{self._base}_")):
                self.found.append(read)
        self.files.append(FileRead(name=name, format=kind, rows_count=count))


def _kind(path: Path) -> str:
    """Its ending, without that of a compression."""
    return Path(path.name.removesuffix(".gz")).suffix.lower()


@functools.lru_cache(maxsize=_NAMES_MAX)
def _is_ours(name: str) -> bool:
    """Whether a name means something that can be played; kept, because files say the same names again and again."""
    try:
        described(name)
    except ValueError:
        return False
    return True


def _paths(paths: Sequence[Path]) -> list[Path]:
    """Files, those of folders by name; tickers first, for the index they tell."""
    found: list[Path] = []
    for path in paths:
        found += [path] if path.is_file() else sorted(item for item in path.iterdir() if item.is_file())
    if len(found) > _FILES_MAX:
        raise ConfigError(f"tape: {len(found)} files are more than {_FILES_MAX}; give fewer at a time")
    return sorted(found, key=lambda path: not (_kind(path) == ".csv" and tardis.is_ticker(tardis.header_of(path))))


def _filed(paths: Sequence[Path], base: str | None, hole_ns: Ns) -> History:
    files = _Files(base)
    for path in _paths(paths):
        files.take(path)
    sifted = sift(files.found, hole_ns)
    defects = (*files.defects, *sifted.defects)
    if not sifted.rows:
        why = f": {defects[0].file} row {defects[0].row}, {defects[0].kind}, {defects[0].detail}" if defects else ""
        of_coin = "" if base is None else f" of {base}"
        raise ConfigError(f"tape: {paths[0]} has nothing{of_coin} that can be played{why}")
    rows = sifted.rows
    try:
        listed = listed_from_rows(rows)
    except ValueError as error:
        raise ConfigError(f"tape: {error}") from error
    known = {item.id: item for facts in files.facts for item in facts.listed}
    first_seen: dict[str, Ns] = {}
    index_usd: dict[str, float] = {}
    index_of: dict[str, str] = {item.id: item.index_name for item in listed}
    for row in rows:
        first_seen.setdefault(row.instrument, row.time_ns)
        index_usd.setdefault(index_of[row.instrument], row.index_usd)
    return History(
        files=tuple(files.files),
        rows=lambda: iter(rows),
        rows_count=len(rows),
        listed=tuple(known.get(item.id, item) for item in listed),
        index_usd=index_usd,
        start_ns=rows[0].time_ns,
        end_ns=rows[-1].time_ns,
        first_seen_ns=tuple(sorted(first_seen.values())),
        is_continuous=_is_continuous([row.time_ns for row in rows]),
        holes=tuple(sifted.holes),
        defects=defects,
    )


def nearest(history: History, expiries_count: int) -> History:
    """Without the options and futures of later expiries: a chain is played as fast as it is short."""
    expiries = sorted({item.expiry_ns for item in history.listed if item.expiry_ns is not None})[:expiries_count]
    listed = tuple(item for item in history.listed if item.expiry_ns is None or item.expiry_ns in expiries)
    names: set[str] = {item.id for item in listed}
    return structs.replace(
        history,
        rows=lambda: (row for row in history.rows() if row.instrument in names),
        rows_count=sum(row.instrument in names for row in history.rows()),
        listed=listed,
    )


def _is_continuous(times: Sequence[Ns]) -> bool:
    """Whether under a thirtieth of the time lies in pauses of half a minute, as a collector makes between rounds."""
    pauses = sum(after - before for before, after in itertools.pairwise(times) if after - before > _PAUSE_NS)
    return pauses * 30 < times[-1] - times[0]


def in_usdc(history: History) -> History:
    """The inverse options alone, as if they were settled in USDC; ConfigError where there are none."""
    inverse = {item.id for item in history.listed if item.is_option and item.is_inverse}
    first = next((row for row in history.rows() if row.instrument in inverse), None)
    if first is None:
        raise ConfigError("--linear: the tape has no inverse options; what is linear already is played as it is")
    names = [linear_name(name) for name in inverse]
    options = sorted(map(described, names), key=lambda item: (item.expiry_ns, item.strike_usd, not item.is_call))
    pairs = sorted({name.partition("-")[0] for name in names})
    return structs.replace(
        history,
        rows=lambda: (row_in_usdc(row) for row in history.rows() if row.instrument in inverse),
        listed=(*(described(f"{pair}-PERPETUAL") for pair in pairs), *options),
        index_usd={},
    )


def sentence(history: History) -> str:
    """The whole in one line."""
    span = f"{iso_utc(history.start_ns)[:19]}Z to {iso_utc(history.end_ns)[:19]}Z"
    names = len({item.id for item in history.listed})
    holes_s = sum(hole.end_ns - hole.start_ns for hole in history.holes) / NS_PER_S
    return (
        f"{history.rows_count:,} rows of {names} instruments, {span}; "
        f"{len(history.holes)} holes, {holes_s:,.0f} s; {len(history.defects):,} defects"
    )


def first_round_ns(seen_ns: Sequence[Ns]) -> Ns:
    """When the chain has been quoted once: nothing new for a while, or ten minutes. Moments ascend."""
    for before_ns, after_ns in itertools.pairwise(seen_ns):
        if after_ns - before_ns > _PAUSE_NS or after_ns - seen_ns[0] > _FIRST_ROUND_NS_MAX:
            return before_ns
    return seen_ns[-1]
