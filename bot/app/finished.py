"""Commands about a run that has left its tape: what its hedges cost, what made its profit, how it looks.

Knows the command line and where runs are; what is asked is answered by `drive`, in the words of `observe`.
"""

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bot.app.exit_codes import ExitCode
from bot.domain.errors import ConfigError
from bot.drive.audits import costs, profits
from bot.drive.audits import report as reported
from bot.drive.audits import scalping as scalped
from bot.drive.why import Strayed
from bot.observe import cost_table, profit_table, report_charts, report_page, report_text, scalp_table
from bot.observe.charts import render_costs
from bot.observe.raster import as_png

Run = Annotated[Path, typer.Argument(help="Folder of a run, or its name in runs/.")]
Book = Annotated[str | None, typer.Option(help="Coin of the book, where the run has several.")]
_Found = TypeVar("_Found")
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]


def folder_of(run: Path, command: str) -> Path:
    """The folder of a run; ConfigError where there is none."""
    folder = run if run.is_dir() else Path("runs") / run
    if not folder.is_dir():
        raise ConfigError(f"{command}: there is no folder {run}, and no run of that name in runs/")
    return folder


def unstrayed(command: str, found: _Found | Strayed) -> _Found:
    """What was found; the command ends where the tape, played again, came to something else."""
    if isinstance(found, Strayed):
        typer.echo(f"{command}: {found.sentence}")
        raise SystemExit(ExitCode.DIFFERENT)
    return found


def tca(
    run: Run,
    *,
    book: Book = None,
    as_json: Json = False,
    picture: Annotated[Path | None, typer.Option(help="Write the costs as an SVG picture.")] = None,
) -> None:
    """Say what every hedge of a run cost: spread, waiting, fees, mark-outs; and whether the band is the best one."""
    found = unstrayed("tca", costs(folder_of(run, "tca"), book))
    if picture is not None:
        try:
            picture.write_text(render_costs(found))
        except (OSError, ValueError) as error:
            raise ConfigError(f"--picture: {error}") from error
    typer.echo(cost_table.as_json(found) if as_json else cost_table.as_text(found))
    if found.problem:
        raise SystemExit(ExitCode.DIFFERENT)


def pnl(run: Run, *, book: Book = None, as_json: Json = False) -> None:
    """Take a run's profit apart: greeks, hedge, basis, costs, funding; and whether that is all of it."""
    found = unstrayed("pnl", profits(folder_of(run, "pnl"), book))
    typer.echo(profit_table.as_json(found) if as_json else profit_table.as_text(found))
    if found.problem:
        raise SystemExit(ExitCode.DIFFERENT)


def scalping(run: Run, *, book: Book = None, as_json: Json = False) -> None:
    """Say whether a run's gamma scalping paid: volatility paid and met, where variance went, and what was luck."""
    found = unstrayed("scalping", scalped(folder_of(run, "scalping"), book))
    typer.echo(scalp_table.as_json(found) if as_json else scalp_table.as_text(found))
    if found.problem:
        raise SystemExit(ExitCode.DIFFERENT)


def report(
    run: Run,
    *,
    book: Book = None,
    as_json: Json = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Where the HTML page goes; its Markdown beside it. Default: in the run's folder."),
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Folder for each chart as an SVG picture.")] = None,
    png: Annotated[Path | None, typer.Option(help="The same as PNG; needs the extra `research`.")] = None,
) -> None:
    """Write a run as a page to look at: hedges, delta in its band, profit by part, volatility, costs, gap risk."""
    folder = folder_of(run, "report")
    found = unstrayed("report", reported(folder, book))
    page = out or folder / f"report-{found.book.lower()}.html"
    beside = page.with_suffix(".md")
    if beside == page:
        raise ConfigError("--out: is the page; its Markdown goes beside it under .md, so give it another ending")
    words = report_text.as_markdown(found)
    written: dict[Path, bytes] = {}
    for name, drawn in report_charts.as_files(found).items():
        if svg is not None:
            written[svg / f"{found.book.lower()}-{name}.svg"] = drawn.encode()
        if png is not None:
            written[png / f"{found.book.lower()}-{name}.png"] = as_png(drawn)
    try:
        page.write_text(report_page.as_html(found), encoding="utf-8")
        beside.write_text(words, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out: cannot write {error.filename}: {error.strerror}") from error
    try:
        for path, content in written.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"--svg, --png: cannot write {error.filename}: {error.strerror}") from error
    paths = "\n".join(map(str, (page, beside, *written)))
    typer.echo(report_text.as_json(found) if as_json else f"{words}\n{paths}")
    if found.problem:
        raise SystemExit(ExitCode.DIFFERENT)
