"""`hedgebot why`: one decision in words and numbers, of a run that has left its tape or of the bot that runs now.

Knows the command line, where runs are and what the running bot serves; the words are `observe`'s in both cases.
"""

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
from bot.web.control_config import Running

_OK: Final = 200


def why(
    run: Annotated[
        str | None,
        typer.Argument(help="Folder of a run, or its name in runs/; left out: of the bot that runs now."),
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
    control: operate.ControlFile = None,
) -> None:
    """Say in words and numbers why it hedged, or did not, at one decision."""
    if run is not None and (moment is not None or not _is_moment(run)):
        _told(folder_of(Path(run), "why"), moment, book, as_json=as_json)
        return
    running = _Running(control, book)
    seq = running.last_hedge_seq() if run is None else run
    text = None if as_json else running.text(seq)
    if text is None:
        _told(running.tape(seq), seq, running.book, as_json=as_json)
        return
    typer.echo(text)


def _told(folder: Path, moment: str | None, book: str | None, *, as_json: bool) -> None:
    """From a tape; that of a run that goes on can be read as well."""
    found = unstrayed("why", explained(folder, sought_from(moment), book))
    typer.echo(explain.as_json(found) if as_json else explain.as_text(found))
    if found.contradiction:
        raise SystemExit(ExitCode.DIFFERENT)


def _is_moment(text: str) -> bool:
    """Rather than the name of a run."""
    if Path(text).is_dir() or (Path("runs") / text).is_dir():
        return False
    try:
        sought_from(text)
    except ConfigError:
        return False
    return True


class _Named(msgspec.Struct, frozen=True):
    """A status, as far as it is needed here."""

    book: str


class _Running:
    """One book of the bot that runs now."""

    def __init__(self, control: Path | None, book: str | None) -> None:
        """ConfigError where no bot answers, or it has several books and none of them is named."""
        self._control = control
        names = [status.book for status in msgspec.json.decode(self._got("/status"), type=list[_Named])]
        if not names:
            raise ConfigError("why: the running bot is only starting; ask again")
        if (book is None and len(names) > 1) or (book is not None and book.upper() not in names):
            raise ConfigError(f"--book: {'name one' if book is None else f'{book[:40]} is none'} of {', '.join(names)}")
        self.book = names[0] if book is None else book.upper()

    def last_hedge_seq(self) -> str:
        """ConfigError without one."""
        hedges = msgspec.json.decode(self._got("/history", book=self.book, span="run"), type=History).hedges
        if not hedges:
            raise ConfigError(f"why: the running bot has not hedged {self.book} yet; name a decision by its seq")
        return str(hedges[-1].seq)

    def text(self, moment: str) -> str | None:
        """What it keeps in memory, of its newest decisions by their number; None: not this one."""
        code, body = self._asked("/why", book=self.book, seq=moment)
        return body.decode().rstrip("\n") if code == _OK else None

    def tape(self, moment: str) -> Path:
        """Folder of its own tape; ConfigError where it cannot be read from here."""
        code, body = operate.ask(self._control, "GET", "/control/config", is_secret=True)
        if code == _OK:
            running = msgspec.json.decode(body, type=Running)
            folder = Path(msgspec.json.decode(running.settings.get("tape.folder", '"runs"'), type=str)) / running.run_id
            if folder.is_dir():
                return folder
        raise ConfigError(
            f"why: decision {moment} is not among those the running bot keeps, and its tape is not here; name the "
            "folder of its run"
        )

    def _got(self, path: str, **query: str) -> bytes:
        code, body = self._asked(path, **query)
        if code != _OK:
            raise ConfigError(f"why: {body.decode(errors='replace').strip()[:300] or f'the bot answered {code}'}")
        return body

    def _asked(self, path: str, **query: str) -> tuple[int, bytes]:
        return operate.ask(self._control, "GET", f"{path}?{urlencode(query)}" if query else path)
