"""The command behind `make validation`: theory and published tables against the product, and the page that tells it.

Knows the command line; what is compared is `research.validation`'s.
"""

from pathlib import Path
from typing import Annotated

import typer

from bot.app.exit_codes import ExitCode
from bot.app.pressed import play
from bot.research.marked_page import MarkedPage
from bot.research.validation import page as page_of
from bot.research.validation.page import TARGET, Effort


def validate(
    page: Annotated[Path, typer.Argument(help="docs/explanation/validation.md of a checkout.")],
    *,
    tables: Annotated[Path, typer.Option(help="Folder of the published tables.")] = Path("tests/reference"),
    paths: Annotated[int, typer.Option(min=100, help="Drawn for each row.")] = Effort().paths_count,
    seed: Annotated[int, typer.Option(min=0, help="Of all paths and runs.")] = Effort().seed,
) -> None:
    """Reproduce theory and published tables with the product's own code; takes minutes, fails where a figure is off."""
    marked, effort = MarkedPage(page, TARGET), Effort(paths_count=paths, seed=seed)
    sections = page_of.compute(tables, play, effort, lambda line: typer.echo(line, err=True))
    for written in page_of.write(marked, sections, effort):
        typer.echo(f"wrote {written}")
    found = page_of.missed(sections)
    for line in found:
        typer.echo(f"off: {line}")
    typer.echo(f"{sum(len(section.checks) for section in sections)} figures, {len(found)} off")
    if found:
        raise SystemExit(ExitCode.DIFFERENT)
