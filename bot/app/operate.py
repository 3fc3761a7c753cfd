"""Commands of an operator to a bot that runs on this machine: look, stop, resume.

Finds it by its control file, asks over loopback, prints what came of it. Knows no engine and no venue.
"""

import getpass
import http.client
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from bot.domain.errors import ConfigError
from bot.domain.stops import Act, Latch
from bot.risk.latches import words
from bot.web import control_file
from bot.web.control import Answer, Asked

_TIMEOUT_S: Final = 10.0
_ANSWER_BYTES_MAX: Final = 1_000_000

ControlFile = Annotated[
    Path | None,
    typer.Option(
        "--control",
        envvar="HEDGEBOT_CONTROL__FILE",
        help="File of the running bot, beside its ledger; else that in var/.",
    ),
]
Reason = Annotated[str, typer.Option(help="Why; kept in the ledger.")]
_Book = Annotated[str | None, typer.Option(help="Coin of one book; default: all.")]
By = Annotated[str | None, typer.Option(help="Who; default: the user of this shell.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the answer as one JSON line.")]


def pause(
    reason: Reason, book: _Book = None, by: By = None, control: ControlFile = None, as_json: _Json = False
) -> None:
    """Place no new order until `resume`; what rests is taken back, positions stay as they are."""
    _act(Act.PAUSE, Asked(reason=reason, by=name_of(by), book=book), control, as_json=as_json)


def reduce_only(
    reason: Reason, book: _Book = None, by: By = None, control: ControlFile = None, as_json: _Json = False
) -> None:
    """Hedge only where the worst-case distance of the net delta from its target falls, until `resume`."""
    _act(Act.REDUCE_ONLY, Asked(reason=reason, by=name_of(by), book=book), control, as_json=as_json)


def cancel_all(
    reason: Reason, book: _Book = None, by: By = None, control: ControlFile = None, as_json: _Json = False
) -> None:
    """Take back every order of ours at once, then pause until `resume`."""
    _act(Act.CANCEL_ALL, Asked(reason=reason, by=name_of(by), book=book), control, as_json=as_json)


def flatten(
    reason: Reason, book: _Book = None, by: By = None, control: ControlFile = None, as_json: _Json = False
) -> None:
    """Close what is held of the hedge instruments, never an option; then pause until `resume`. The book is unhedged."""
    _act(Act.FLATTEN_HEDGES, Asked(reason=reason, by=name_of(by), book=book), control, as_json=as_json)


def resume(
    reason: Reason, book: _Book = None, by: By = None, control: ControlFile = None, as_json: _Json = False
) -> None:
    """Lift every stop, whoever made it; after a halt trading waits for the venue to agree."""
    _act(Act.RESUME, Asked(reason=reason, by=name_of(by), book=book), control, as_json=as_json)


def status(control: ControlFile = None, as_json: _Json = False) -> None:
    """Tell how each book stands, and which stops are on."""
    code, body = ask(control, "GET", "/status")
    if code != http.client.OK:
        raise ConfigError(f"control: the bot answered {code}; see its log")
    if as_json:
        typer.echo(body.decode())
        return
    for seen in msgspec.json.decode(body, type=list[_Seen]):
        typer.echo(_sentence(seen))
        for latch in seen.stops:
            typer.echo(f"  stopped: {words(latch)}")


class _Told(msgspec.Struct, frozen=True):
    action: str
    reason: str
    convention: str
    delta_coin_net: float | None
    band_low_coin: float | None
    band_high_coin: float | None


class _Seen(msgspec.Struct, frozen=True):
    """What a line needs of a book's status."""

    book: str
    phase: str
    phase_cause: str
    decided: _Told | None
    orders_live: int
    stops: tuple[Latch, ...] = ()


def _sentence(seen: _Seen) -> str:
    told = seen.decided
    if told is None:
        return f"{seen.book}: {seen.phase} ({seen.phase_cause}), nothing decided yet"
    net = "unknown" if told.delta_coin_net is None else f"{told.delta_coin_net:+.4f}"
    return (
        f"{seen.book}: {seen.phase} ({seen.phase_cause}); net delta ({told.convention}) {net}, "
        f"band {told.band_low_coin} to {told.band_high_coin}; {seen.orders_live} orders live; "
        f"last decision {told.action}: {told.reason}"
    )


def name_of(by: str | None) -> str:
    """As given, else the user of this shell."""
    if by is not None:
        return by
    try:
        return getpass.getuser()[:64]
    except (KeyError, OSError):  # no such user in this container
        return "operator"


def _act(act: Act, asked: Asked, control: Path | None, *, as_json: bool) -> None:
    """Ask, print, and fail with one line where it was not done."""
    code, body = ask(control, "POST", f"/control/{act.value}", msgspec.json.encode(asked), is_secret=True)
    try:
        answer = msgspec.json.decode(body, type=Answer)
    except msgspec.DecodeError:
        raise ConfigError(f"control: the bot answered {code}; see its log") from None
    if as_json:
        typer.echo(body.decode())
    else:
        for book in answer.books:
            for line in book.lifted:
                typer.echo(f"{book.book}: lifted: {line}")
            for line in book.stops:
                typer.echo(f"{book.book}: on: {line}")
            if not book.stops:
                typer.echo(f"{book.book}: {book.phase}, no stop is on")
    if not answer.ok:
        raise ConfigError(f"control: {answer.reason}")


def ask(
    control: Path | None, method: str, path: str, body: bytes | None = None, *, is_secret: bool = False
) -> tuple[int, bytes]:
    """One request to the bot of a control file: no proxy, no redirect, bounded; with its token where it needs one.

    None finds the file by itself. ConfigError where there is no such file, or nobody answers.
    """
    control = control or control_file.only()
    access = control_file.read(control)
    headers: dict[str, str] = {}
    if is_secret:
        headers = {"Authorization": f"Bearer {access.token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(access.host, access.port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read(_ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise ConfigError(
            f"control: nobody answers at {access.host}:{access.port} ({error}): is the bot running? "
            f"{control} is of the last one that wrote it"
        ) from None
    finally:
        connection.close()


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "status": status,
    "pause": pause,
    "reduce-only": reduce_only,
    "cancel-all": cancel_all,
    "flatten": flatten,
    "resume": resume,
}
"""By their names on the command line."""
