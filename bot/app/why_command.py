"""`hedgebot why`: one decision in words and numbers, of a run that has left its tape or of the bot that runs now.

Knows the command line, where runs are and what the running bot serves; the words are `observe`'s in both cases.
"""

import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlencode

import msgspec
import typer

from bot.app import operate
from bot.app.exit_codes import ExitCode
from bot.app.finished import Book, Json, folder_of, unstrayed
from bot.domain.errors import ConfigError
from bot.drive.moment import sought_from
from bot.drive.why import why as explained
from bot.observe import explain
from bot.observe.board import History

_SEQ: Final = re.compile(r"[0-9]{1,18}")


def why(
    run: Annotated[
        str | None,
        typer.Argument(help="Folder of a run, or its name in runs/; none, or a seq alone: of the bot that runs now."),
    ] = None,
    moment: Annotated[
        str | None,
        typer.Argument(
            metavar="[SEQ|TIME]", help="Decision: its seq, HH:MM:SS (UTC), an instant; else the last hedge."
        ),
    ] = None,
    *,
    book: Book = None,
    as_json: Json = False,
    control: operate.ControlFile = operate.CONTROL_FILE,
) -> None:
    """Say in words and numbers why it hedged, or did not, at one decision."""
    if run is None or (moment is None and _SEQ.fullmatch(run) and not Path(run).is_dir()):
        if as_json:
            raise ConfigError("why: --json is of a run's tape; name the run")
        typer.echo(_of_the_running_bot(control, book, run))
        return
    found = unstrayed("why", explained(folder_of(Path(run), "why"), sought_from(moment), book))
    typer.echo(explain.as_json(found) if as_json else explain.as_text(found))
    if found.contradiction:
        raise SystemExit(ExitCode.DIFFERENT)


def _of_the_running_bot(control: Path, book: str | None, seq: str | None) -> str:
    """The text it keeps for its dashboard: of its newest decisions."""
    name = _book(control, book)
    if seq is None:
        body = _got(control, "/history", book=name, span="run")
        hedges = msgspec.json.decode(body, type=History).hedges
        if not hedges:
            raise ConfigError(f"why: the running bot has not hedged {name} yet; name a decision by its seq")
        seq = str(hedges[-1].seq)
    return _got(control, "/why", book=name, seq=seq).decode().rstrip("\n")


def _book(control: Path, book: str | None) -> str:
    names = [status.book for status in msgspec.json.decode(_got(control, "/status"), type=list[_Named])]
    if not names:
        raise ConfigError("why: the running bot is only starting; ask again")
    if book is None and len(names) == 1:
        return names[0]
    if book is None or book.upper() not in names:
        raise ConfigError(f"--book: {'name one' if book is None else f'{book[:40]} is none'} of {', '.join(names)}")
    return book.upper()


class _Named(msgspec.Struct, frozen=True):
    """A status, as far as it is needed here."""

    book: str


def _got(control: Path, path: str, **query: str) -> bytes:
    code, body = operate.ask(control, "GET", f"{path}?{urlencode(query)}" if query else path)
    if code != 200:
        raise ConfigError(f"why: {body.decode(errors='replace').strip()[:300] or f'the bot answered {code}'}")
    return body
