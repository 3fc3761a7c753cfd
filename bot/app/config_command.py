"""The commands `hedgebot config diff|reload`: what another file would change; and the running bot takes its file over.

Knows the command line and the control file; what may change, and how, is the running bot's word.
"""

import http.client
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from bot.app import operate
from bot.app.config import load
from bot.app.exit_codes import ExitCode
from bot.app.plain_settings import differences, words
from bot.domain.errors import ConfigError
from bot.web import control_file
from bot.web.control_config import AskedReload, Difference, Offer, Reloaded, Running

config_cli: Final = typer.Typer(no_args_is_help=True, help="Configuration of the running bot: compare it, reload it.")

_BACK_S_MAX: Final = 120.0
"""Until the next run answers: an orderly end, then what a start takes."""
_LOOK_EVERY_S: Final = 0.2
_TAG: Final = "diff"

_File = Annotated[Path | None, typer.Argument(help="A configuration; none: the file the running bot was started with.")]
_Other = Annotated[Path | None, typer.Argument(help="Another one, to compare the first with, instead of the bot.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Agree to what is shown without being asked.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]


@config_cli.command()
def diff(
    file: _File = None,
    other: _Other = None,
    control: operate.ControlFile = None,
    as_json: _Json = False,
) -> None:
    """Say which keys differ between the running bot and a file, or between two files; exit 1 where any does."""
    if file is None:
        found: Sequence[Difference] = _offer(control).differences
    elif other is None:
        found = differences(_running(control).settings, _settings(file))
    else:
        found = differences(_settings(file), _settings(other))
    typer.echo(msgspec.json.encode(found).decode() if as_json else _told(found))
    if found:
        raise SystemExit(ExitCode.DIFFERENT)


@config_cli.command()
def reload(
    reason: operate.Reason,
    yes: _Yes = False,
    by: operate.By = None,
    control: operate.ControlFile = None,
    as_json: _Json = False,
) -> None:
    """Make the running bot take its file over: shows what changes, then ends the run in order and begins another."""
    control = control or control_file.only()  # one bot, also between its two runs
    before, offer = _running(control), _offer(control)
    typer.echo(_told(offer.differences), err=as_json)
    if not offer.differences:
        raise ConfigError("config reload: the file says what runs already")
    barred = [difference.key for difference in offer.differences if not difference.may_change]
    if barred:
        raise ConfigError(
            f"config reload: {', '.join(barred)}: may not change while the bot runs; stop it, then start it"
        )
    if not yes:
        _consent()
    asked = AskedReload(reason=reason, by=operate.name_of(by), fingerprint=offer.fingerprint)
    _asked(control, asked)
    after = _awaited(control, before.run_id)
    if after.config_hash != offer.config_hash:
        raise ConfigError(f"config reload: the bot went back to {after.config_hash}; its log says why")
    typer.echo(
        msgspec.json.encode({"run_id": after.run_id, "config_hash": after.config_hash}).decode()
        if as_json
        else f"{after.run_id} runs with it now, config_hash {after.config_hash}; {before.run_id} has ended"
    )


def _settings(file: Path) -> Mapping[str, str]:
    return load(file, {}, run_tag=_TAG).plain


def _told(found: Sequence[Difference]) -> str:
    if not found:
        return "no difference"
    return "\n".join(words(each) + ("" if each.may_change else "  (needs a restart)") for each in found)


def _consent() -> None:
    if not sys.stdin.isatty():
        raise ConfigError("--yes: is missing, and nobody can be asked here; nothing was changed")
    if typer.prompt("Type reload to go on", default="", show_default=False) != "reload":
        raise ConfigError("config reload: not agreed to; nothing was changed")


def _running(control: Path | None) -> Running:
    code, body = operate.ask(control, "GET", "/control/config", is_secret=True)
    if code != http.client.OK:
        raise ConfigError(f"control: {_why(code, body)}")
    return msgspec.json.decode(body, type=Running)


def _offer(control: Path | None) -> Offer:
    """What the bot's own file says now; also where it is no other."""
    answer = _asked(control, AskedReload(), refusals=(http.client.CONFLICT,))
    if answer.offer is None:
        raise ConfigError(f"control: {answer.reason}")
    return answer.offer


def _asked(control: Path | None, asked: AskedReload, refusals: Sequence[int] = ()) -> Reloaded:
    code, body = operate.ask(control, "POST", "/control/reload", msgspec.json.encode(asked), is_secret=True)
    if code not in {http.client.OK, *refusals}:
        raise ConfigError(f"control: {_why(code, body)}")
    return msgspec.json.decode(body, type=Reloaded)


def _why(code: int, body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=Reloaded).reason
    except msgspec.DecodeError:
        return f"the bot answered {code}; see its log" + " (this hedgebot and that one may differ)" * (code == 404)


def _awaited(control: Path | None, run_id: str) -> Running:
    """The next run, once it answers."""
    end_s = time.monotonic() + _BACK_S_MAX
    while time.monotonic() < end_s:
        time.sleep(_LOOK_EVERY_S)
        try:
            found = _running(control)
        except ConfigError:
            continue  # between two runs nobody answers
        if found.run_id != run_id:
            return found
    raise ConfigError(f"config reload: no run followed {run_id} within {_BACK_S_MAX:.0f} s; see the bot's log")
