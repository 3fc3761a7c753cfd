"""The commands `hedgebot tape info|import|export`: what recorded history holds, and one Parquet file of it.

Knows the command line; reading and judging is `research.tapes`'.
"""

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from msgspec import Struct

from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_S, iso_utc, ns_from_s
from bot.journal.tape_history import is_run
from bot.research.backtest_table import defect_lines
from bot.research.tapes import defects, parquet
from bot.research.tapes.defects import DefectCount
from bot.research.tapes.history import FileRead, History, open_history, sentence
from bot.research.tapes.parquet import Facts
from bot.research.tapes.sift import HOLE_NS

tape_cli: Final = typer.Typer(no_args_is_help=True, help="Recorded history: look at it, import it, export it.")

_Sources = Annotated[list[Path], typer.Argument(help="Recorded files, a folder of them, or a run's folder.")]
_Currency = Annotated[str | None, typer.Option(help="Coin; default: all.")]
_HoleS = Annotated[float, typer.Option(min=1.0, help="Longer than this without a row is a hole, seconds.")]
_Defects = Annotated[Path | None, typer.Option("--defects", help="Every defect, as CSV.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]
_HOLE_S: Final = HOLE_NS / NS_PER_S


class TapeInfo(Struct, frozen=True, kw_only=True):
    """What recorded history holds."""

    files: tuple[FileRead, ...]
    rows_count: int
    instruments_count: int
    expiries: tuple[str, ...]
    start: str
    end: str
    holes: tuple[tuple[str, float], ...]
    """(from, seconds)."""
    recorded_share: float
    """Of the time from start to end, what is in no hole."""
    defects: tuple[DefectCount, ...]
    written: str
    """The Parquet file; empty where none was."""
    defects_written: str


def info_of(history: History, written: Path | None = None, defects_written: Path | None = None) -> TapeInfo:
    """Of an opened history."""
    span_ns = history.end_ns - history.start_ns
    holes_ns = sum(hole.end_ns - hole.start_ns for hole in history.holes)
    expiries = sorted({item.expiry_ns for item in history.listed if item.expiry_ns is not None})
    return TapeInfo(
        files=history.files,
        rows_count=history.rows_count,
        instruments_count=len(history.listed),
        expiries=tuple(iso_utc(expiry)[:10] for expiry in expiries),
        start=iso_utc(history.start_ns),
        end=iso_utc(history.end_ns),
        holes=tuple((iso_utc(hole.start_ns), (hole.end_ns - hole.start_ns) / NS_PER_S) for hole in history.holes),
        recorded_share=1.0 - holes_ns / span_ns if span_ns else 1.0,
        defects=defects.counted(history.defects),
        written="" if written is None else str(written),
        defects_written="" if defects_written is None else str(defects_written),
    )


@tape_cli.command()
def info(
    source: _Sources,
    *,
    currency: _Currency = None,
    hole_seconds: _HoleS = _HOLE_S,
    defects_out: _Defects = None,
    as_json: _Json = False,
) -> None:
    """Say what recorded files hold and what is wrong with them, by file and row."""
    history = _opened(source, currency, hole_seconds)
    if defects_out is not None:
        _write_defects(defects_out, history)
    _tell(history, info_of(history, defects_written=defects_out), as_json=as_json)


@tape_cli.command(name="import")
def import_(
    source: _Sources,
    *,
    to: Annotated[Path, typer.Option(help="Parquet file to write; defects go beside it as CSV.")],
    currency: _Currency = None,
    hole_seconds: _HoleS = _HOLE_S,
    as_json: _Json = False,
) -> None:
    """Read others' recordings (order books, Tardis-style CSV, Parquet) into one Parquet file of ours."""
    if any(is_run(path) for path in source):
        raise ConfigError(f"tape import: {source[0]} is a run's tape; use `hedgebot tape export`")
    _convert(_opened(source, currency, hole_seconds), to, as_json=as_json)


@tape_cli.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or its name in runs/.")],
    *,
    to: Annotated[Path, typer.Option(help="Parquet file to write; defects go beside it as CSV.")],
    hole_seconds: _HoleS = _HOLE_S,
    as_json: _Json = False,
) -> None:
    """Write what a run's tape shows of the market as a Parquet file, units in the column names."""
    folder = run if run.is_dir() else Path("runs") / run
    if not is_run(folder):
        raise ConfigError(f"tape export: {run} is no run with a tape; `hedgebot tape import` reads other recordings")
    _convert(_opened([folder], None, hole_seconds), to, as_json=as_json)


def _opened(source: list[Path], currency: str | None, hole_seconds: float) -> History:
    return open_history(source, None if currency is None else currency.upper(), ns_from_s(hole_seconds))


def _convert(history: History, to: Path, *, as_json: bool) -> None:
    if to.suffix != ".parquet":
        raise ConfigError(f"--to: {to} should end in .parquet")
    try:
        parquet.write(to, history.rows(), Facts(listed=history.listed, index_usd=history.index_usd))
    except OSError as error:
        raise ConfigError(f"--to: cannot write {to}: {error.strerror}; name a file in a folder that exists") from None
    beside = to.with_suffix(".defects.csv")
    _write_defects(beside, history)
    _tell(history, info_of(history, to, beside), as_json=as_json)


def _write_defects(path: Path, history: History) -> None:
    try:
        defects.write(path, history.defects)
    except OSError as error:
        raise ConfigError(f"--defects: cannot write {path}: {error.strerror}") from None


def _tell(history: History, found: TapeInfo, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    lines = [f"{file.name}: {file.format}, {file.rows_count:,} rows" for file in found.files]
    lines.append(sentence(history))
    lines += [f"hole: {seconds:,.0f} s from {start[:19]}Z" for start, seconds in found.holes]
    lines += defect_lines(found.defects)
    lines += [f"written: {path}" for path in (found.written, found.defects_written) if path]
    typer.echo("\n".join(lines))
