"""Every command line of README and docs is carried out, page by page, in a folder of its own at an exchange of ours.

A block in `sh` is what a reader types. What begins with `hedgebot` (or `make demo`) runs for real; what a machine of
tests cannot do stands in `_ELSEWHERE` with the reason and what is looked at instead. There is no third way: a line that
is neither fails, and says what to do. What stands ready on every page, so that a new one needs nothing here:

- `config/` of the checkout; `runs/run-1a2b3c4d` (also named `RUN`), a run that has ended; `DAY`, a recorded day;
- an exchange in the place of the venue, and a key for it: addresses and keys are the world's, whatever a page exports;
- a bot that runs, where a page gives commands to one before it has started any.

Blocks in `python` run in the same folder, blocks in `sql` are asked of the ledger of a bot.
"""

import contextlib
import importlib
import io
import re
import shlex
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import typer

from bot.app.cli import cli

_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)
_READERS_OWN = re.compile(r"HEDGEBOT_(HEDGE_VENUE|VENUE|WATCHDOG)__(WS_URL|REST_URL|HOSTS|CLIENT_\w+|PASSPHRASE)")
"""Addresses and keys: what a page exports of them stands for the reader's own, and the world has others."""
_OPTION = re.compile(r"[A-Z]+-\d{1,2}[A-Z]{3}\d\d-\d+-[CP]")
_PRODUCTION = {"config/live.toml"}
_KEYLESS = {"config/paper.toml"}
_SEQ = "3828"
"""Stands for the number of a decision."""
_ACTS = {"config", "status", "pause", "reduce-only", "cancel-all", "flatten", "resume"}
"""Commands to a bot that runs."""

_FRAGMENT_OF = {"docs/how-to/add-a-band-policy.md": "bot.hedging.bands.fixed"}
"""Pages whose Python is part of a module like this one, `<name>` its own name."""

_LASTING = {
    "run": '"event":"book.reconciled"',
    "demo": '"event":"book.reconciled"',
    "exchange": "listening on ",
    "watchdog": '"event":"watchdog.started"',
    "dashboard": "http://127.0.0.1:",
}
"""What goes on until it is stopped: waited for until it says this, then stopped as by Ctrl-C, in order."""

_SHORTER = {
    "simulate": {"--hours": "0.1", "--step-ms": "10000"},
    "record": {"--seconds": "1"},
    "init": {"--hours": "1"},
}
"""What would take minutes is given an end; everything else on the line is as it stands there."""

_ANSWERS = {"init": ("--yes", "--convention", "options_only", "--risk-usd-per-day", "1000")}
"""To what a command without any option asks on a terminal."""


class Line(NamedTuple):
    """What a reader types, up to the end of the line or to `&&`."""

    where: str
    text: str
    words: list[str]


Check = Callable[[list[str], Path], object]
"""Looks at the words of a line instead of carrying it out, with the checkout; AssertionError says what is wrong."""


def _is_target(words: list[str], root: Path) -> None:
    makefile = (root / "Makefile").read_text()
    for word in words[1:]:
        name, is_variable, _ = word.partition("=")
        known = rf"\$\({name}\)" if is_variable else rf"(?m)^{name}:.*## "
        assert re.search(known, makefile), f"the Makefile knows no {name}"


def _is_extra(words: list[str], root: Path) -> None:
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = re.fullmatch(r"hedgebot\[([\w,]+)\]", words[-1])
    assert asked, f"{words[-1]} is not hedgebot[EXTRA]"
    assert set(asked[1].split(",")) <= set(extras), f"there is no extra {asked[1]}"


def _parses(words: list[str], _: Path) -> None:
    """Name, options and their values, of the command behind the last word `hedgebot`."""
    last = max(place for place, word in enumerate(words) if word.endswith("hedgebot"))
    command: Any = typer.main.get_command(cli)
    rest = words[last + 1 :]
    while hasattr(command, "commands"):
        assert rest[0] in command.commands, f"there is no command {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context("hedgebot", rest)


def _are_there(words: list[str], root: Path) -> None:
    """Every file of the checkout that is named."""
    for word in words[1:]:
        if word in {".", "deploy", "constraints.txt"} or word.startswith("deploy/"):
            assert list(root.glob(word)) if word != "." else True, f"there is no {word}"


def _is_compose(_: list[str], root: Path) -> None:
    """tests/deploy/test_manifests.py reads it."""
    assert "compose.yaml" in (root / "tests/deploy/test_manifests.py").read_text()


def _is_unit(words: list[str], root: Path) -> None:
    for word in words[3:]:
        assert (root / f"deploy/systemd/{word.partition('@')[0]}@.service").exists(), f"there is no unit of {word}"


def _is_health_port(words: list[str], root: Path) -> None:
    """The port of the tunnel is the one of the file that pages start."""
    port = tomllib.loads((root / "config/live.toml").read_text())["health"]["port"]
    assert words[2] == f"{port}:127.0.0.1:{port}"


def _are_figures(words: list[str], root: Path) -> None:
    """What is read of the results of a sweep is in them."""
    source = (root / "bot/research/sweep.py").read_text()
    for name in re.findall(r"pl\.(?:col|mean)\(\"(\w+)\"\)", " ".join(words)):
        assert f"    {name}: " in source, f"a sweep writes no {name}"


def _is_of_the_url(words: list[str], root: Path) -> None:
    """Role and database are those of the address on the page."""
    url = re.search(r"postgresql://(\w+)@[\w.]+/(\w+)", (root / "docs/how-to/run-a-standby.md").read_text())
    assert url, "no address of a ledger"
    assert {words[2], words[-1].strip(";")} & set(url.groups()), f"{words[2]} is not in {url[0]}"


_ELSEWHERE: dict[str, tuple[str, Check]] = {
    "make": ("a step of CI itself, or work of minutes; `make demo` is carried out", _is_target),
    "pip install": ("would install into this environment", _is_extra),
    "hedgebot counterfactual": ("two dozen runs; tests/unit/app/test_counterfactual.py plays them", _parses),
    "hedgebot sweep": ("runs by the hundred; tests/unit/app/test_sweep.py plays some", _parses),
    "hedgebot config reload": ("begins another run; tests/unit/app/test_reload.py does", _parses),
    "hedgebot probe": ("minutes; tests/integration/runs/test_probe.py carries it out", _parses),
    "docker run": ("needs the image; make image-test runs the demo in it", _parses),
    "docker compose up": ("needs an engine and its images", _is_compose),
    "docker compose exec": ("needs an engine; `hedgebot status` is carried out elsewhere", _parses),
    "cd": ("the test stays in its folder", _are_there),
    "mkdir": ("makes an empty folder", _are_there),
    "useradd": ("needs root", _are_there),
    "python3 -m venv": ("what each target of make does first", _are_there),
    "/opt/hedgebot/bin/pip install": ("would install", _are_there),
    "install": ("needs root", _are_there),
    "cp": ("needs root", _are_there),
    "systemctl enable": ("needs systemd; tests/deploy/test_manifests.py reads the units", _is_unit),
    "ssh -L": ("needs another machine", _is_health_port),
    "import polars": ("reads what a sweep has written", _are_figures),
    "CREATE": ("needs a superuser of PostgreSQL; tests of the ledger make a server of their own", _is_of_the_url),
}
"""First words of what is not carried out here: why, and what is looked at instead."""


def lines_of(block: Any) -> Iterator[Line]:
    """What a reader types, in order."""
    text, number = "", block.line
    for offset, raw in enumerate(block.text.splitlines()):
        text, number = (f"{text} {raw}", number) if text else (raw, block.line + offset)
        if text.endswith("\\"):
            text = text.removesuffix("\\")
            continue
        for part in text.split("&&"):
            words = shlex.split(part, comments=True)
            if words:
                yield Line(f"{block.page}:{number}", " ".join(words), words)
        text = ""


def _elsewhere(text: str) -> Check | None:
    """What is looked at instead of carrying this out; None where it is to be carried out."""
    begun = [first for first in _ELSEWHERE if f"{text} ".startswith(f"{first} ")]
    return _ELSEWHERE[max(begun, key=len)][1] if begun else None


def _value(words: list[str], option: str) -> str | None:
    return words[words.index(option) + 1] if option in words else None


def _without(words: list[str], *options: str) -> list[str]:
    """The words without these options and their values."""
    kept, is_value = [], False
    for word in words:
        if not is_value and word not in options:
            kept.append(word)
        is_value = not is_value and word in options
    return kept


class Reader:
    """Types what a page says, in its order."""

    def __init__(self, world: Any, page: str, root: Path, done: set[Any]) -> None:
        self._world = world
        self._root = root
        self._folder = world.folder(page)
        self._done = done
        """What was carried out already, on whatever page."""
        self._exported: dict[str, str] = {}
        self._exchange: Any = None
        self._venue: dict[str, str] = {}
        """Told by the page's own exchange, where it starts one."""
        self._bot: Any = None

    async def type(self, line: Line) -> None:
        """Carry a line out, or look at what stands for it; AssertionError says what is wrong."""
        words, assigned = list(line.words), {}
        is_export = words[0] == "export"
        words = words[is_export:]
        while words and (found := _ASSIGNMENT.fullmatch(words[0])):
            assigned[found[1]] = found[2]
            words = words[1:]
        words[:1] = [word.removeprefix(".venv/bin/") for word in words[:1]]
        if is_export:
            assert not words, f"export what? {words[0]}"
            self._exported |= assigned
        elif words[0] == "make" and words[1:2] == ["demo"]:
            _is_target(words, self._root)
            arguments = [shlex.split(word.removeprefix("ARGS=")) for word in words[2:]]
            await self._ours(["demo", *(word for some in arguments for word in some)], assigned)
        elif check := _elsewhere(" ".join(words)):
            check(words, self._root)
        elif words[0] == "hedgebot":
            await self._ours(words[1:], assigned)
        elif words[0] == "curl":
            path = re.fullmatch(r"http://127\.0\.0\.1:\d+(/\w+)", words[-1])
            assert path, f"only pages of the bot can be asked here, not {words[-1]}"
            await self._has_bot()
            await self._world.page(self._bot, path[1])
        else:
            raise AssertionError(
                f"no test knows {words[0]!r}: begin the line with hedgebot, or name its first words in _ELSEWHERE of "
                f"{Path(__file__).name}, with a reason and a check; output is ```text"
            )

    async def read(self, block: Any) -> list[str]:
        """Carry out a block; what went wrong."""
        try:
            if block.language == "python" and (check := _elsewhere(" ".join(block.text.split()))):
                check(block.text.split(), self._root)
            elif block.language == "python":
                if "var/" in block.text:  # the ledger of a bot that runs
                    await self._has_bot()
                self._run(block)
            elif block.language == "sql":
                await self._ask(block.text)
        except (AssertionError, NameError, ImportError, TypeError, ValueError, sqlite3.Error) as error:
            return [f"{block.page}:{block.line}: {block.language}\n    {error!r}"]
        wrong = []
        for line in lines_of(block) if block.language == "sh" else ():
            try:
                await self.type(line)
            except (AssertionError, click.ClickException) as error:
                wrong.append(f"{line.where}: {line.text}\n    {error}")
        return wrong

    def _run(self, block: Any) -> None:
        """Python, alone or as part of a module like another one."""
        like = _FRAGMENT_OF.get(block.page)
        names = dict(vars(importlib.import_module(like))) if like else {}
        with contextlib.chdir(self._folder), contextlib.redirect_stdout(io.StringIO()) as said:
            exec(compile(block.text.replace("<name>", "name"), block.page, "exec"), names)  # noqa: S102 - our own page
        assert like or said.getvalue(), "it says nothing"

    async def _ask(self, text: str) -> None:
        """A statement, of the ledger of a bot that has ended."""
        if check := _elsewhere(text):
            for statement in text.splitlines():
                check(statement.split(), self._root)
            return
        await self._has_bot()
        await self._no_bot()
        with contextlib.closing(sqlite3.connect(self._folder / "var/testnet.db")) as ledger:
            ledger.execute(text)

    async def _ours(self, words: list[str], assigned: dict[str, str]) -> None:
        words = await self._meant(words)
        settings = await self._settings(words, assigned)
        key = (*words, *sorted(settings.items()))
        name = words[0]
        if name in _ACTS or words == ["dashboard"]:
            await self._has_bot()
            await self._world.done(*words, folder=self._folder, **settings)
        elif key in self._done:
            return
        elif name == "exchange":
            await self._no_exchange()
            self._exchange, self._venue = await self._world.exchange(*_without(words, "--port"), folder=self._folder)
        elif name in _LASTING:
            await self._last(words, settings)
        else:
            await self._world.done(*words, folder=self._folder, **settings)
        self._done.add(key)

    async def _last(self, words: list[str], settings: dict[str, str]) -> None:
        is_bot = words[0] in {"run", "demo"}
        if is_bot:
            await self._no_bot()
        process = self._world.processes.typed(*words, folder=self._folder, **settings)
        mark = _LASTING[words[0]]
        await process.until(lambda: mark in process.text(), mark)
        if is_bot:
            self._bot = process
        else:
            await self._world.stop(process)

    async def _has_bot(self) -> None:
        if self._bot is None:
            words = ["run", "--config", "config/testnet.toml"]
            await self._last(words, await self._settings(words, {}))

    async def _no_bot(self) -> None:
        if self._bot is not None:
            bot, self._bot = self._bot, None
            await self._world.stop(bot)

    async def _no_exchange(self) -> None:
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            await self._world.stop(exchange)

    async def _meant(self, words: list[str]) -> list[str]:
        """What stands for the reader's own is replaced by what there is in this world."""
        option = self._world.held if "--tape" in words else await self._world.listed() if "--hosts" in words else None
        book = _value(words, "--book")
        if "--hosts" in words:  # those have fixed addresses; a configuration has ours
            words = [*_without(words, "--hosts"), "--config", "config/testnet.toml"]
        if words[0] in _LASTING:
            words = _without(words, "--seconds")
        if len(words) == 1:
            words = [*words, *_ANSWERS.get(words[0], ())]
        if "--faults" not in words:  # those are ten minutes, in the steps they are made for
            ends = _SHORTER.get(words[0], {})
            words = [*_without(words, *ends), *(word for pair in ends.items() for word in pair)]
        if words[0] == "init":  # what the line before has written
            words = [*words, "--force"]
        if book is not None and words[0] not in _ACTS:  # a simulation has one book
            words[words.index("--book") + 1] = "BTC"
        words = [option if option and _OPTION.fullmatch(word) else word for word in words]
        return [self._world.seq if word == _SEQ else word for word in words]

    async def _settings(self, words: list[str], assigned: dict[str, str]) -> dict[str, str]:
        typed = {name: value for name, value in (self._exported | assigned).items() if not _READERS_OWN.match(name)}
        quiet = {"HEDGEBOT_LOG__FORMAT": "json"} | ({"HEDGEBOT_HEALTH__PORT": "0"} if words[0] in _LASTING else {})
        config = _value(words, "--config")
        if config is None:
            return typed | quiet
        key = {"CLIENT_ID": "demo", "CLIENT_SECRET_FILE": str(self._world.home / "secret")}
        of = "WATCHDOG" if words[0] == "watchdog" else "VENUE"
        ours = {} if config in _KEYLESS else {f"HEDGEBOT_{of}__{name}": value for name, value in key.items()}
        if words[0] == "alert":
            ours["HEDGEBOT_ALERTS__URLS_FILE"] = str(self._world.home / "alerts")
        told = self._venue or await self._world.venue(is_production=config in _PRODUCTION)
        return typed | quiet | {"HEDGEBOT_HEALTH__PORT": "0"} | ours | told

    async def leave(self) -> None:
        """Everything the page has started ends in order."""
        await self._no_bot()
        await self._no_exchange()


async def _read(reader: Reader, blocks: list[Any]) -> list[str]:
    """Carry out everything on a page; what went wrong."""
    wrong = [line for block in blocks for line in await reader.read(block)]
    try:
        await reader.leave()
    except AssertionError as error:
        wrong.append(f"{blocks[0].page}: what it started did not end in order\n    {error}")
    return wrong


@pytest.mark.asyncio
async def test_everything_the_documentation_says_to_type_is_carried_out(
    world: Any, code_blocks: list[Any], repo_root: Path
) -> None:
    """Each line of each page does what it says and ends well, or stands in the table of what cannot be done here."""
    done: set[Any] = set()
    pages: dict[str, list[Any]] = {}
    for block in code_blocks:
        if block.language in {"sh", "python", "sql"}:
            pages.setdefault(block.page, []).append(block)
    wrong = [
        line for page, blocks in pages.items() for line in await _read(Reader(world, page, repo_root, done), blocks)
    ]

    assert wrong == [], "\n".join(wrong)
    assert len(pages) > 15
