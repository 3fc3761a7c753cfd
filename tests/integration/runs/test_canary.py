"""A secret planted in the bot is in nothing it says, writes or sends, in whatever way a run goes or fails."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.localex.server import LocalExchange

_CANARY = "c4n4ry-0f-a-s3cr3t-7f1d"
_DEBUG = {"HEDGEBOT_LOG__LEVEL": "debug"}
_BY_ENVIRONMENT = _DEBUG | {"HEDGEBOT_VENUE__CLIENT_SECRET": _CANARY}
_PAGES = ("/healthz", "/readyz", "/status")
_FAILS = """
from bot.app import daemon

async def fail(parts, *_):
    raise RuntimeError(f"unforeseen, with all there is in reach: {parts}")

daemon._first_events = fail
from bot.__main__ import main
main()
"""


class _Heard:
    """Everything that reached the exchange, as it came."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[str] = []
        self.frames: list[str] = []
        serve, take = LocalExchange._serve_http, LocalExchange._take_frame

        async def noted_http(venue: LocalExchange, request: Any) -> Any:
            self.requests.append(f"{request.raw_path} {dict(request.headers)} {await request.read()!r}")
            return await serve(venue, request)

        def noted_frame(venue: LocalExchange, connection: Any, session: Any, frame: str | bytes) -> None:
            self.frames.append(str(frame))
            take(venue, connection, session, frame)

        monkeypatch.setattr(LocalExchange, "_serve_http", noted_http)
        monkeypatch.setattr(LocalExchange, "_take_frame", noted_frame)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> _Heard:
    """Of every local exchange of the test."""
    return _Heard(monkeypatch)


@contextmanager
def _nothing_shows(folder: Path, heard: _Heard, tokens: Callable[[], set[str]] = set) -> Iterator[list[str]]:
    """Afterwards neither file nor wire has the secret; files have no token either. Told texts are looked at, too."""
    told: list[str] = []
    yield told
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "secret"]
    assert {path.suffix for path in files} >= {".log"}
    texts = {str(path): path.read_bytes() for path in files}
    texts |= {f"told {number}": text.encode() for number, text in enumerate(told)}
    found = {(name, word) for name, text in texts.items() for word in {_CANARY, *tokens()} if word.encode() in text}
    assert found == set()
    assert [text for text in (*heard.requests, *heard.frames) if _CANARY in text] == []
    private = [path for path in files if path.suffix != ".log"]
    assert [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def _tokens_of(local: LocalExchange) -> Callable[[], set[str]]:
    ring = local._venue.keyring
    return lambda: {*ring._grants, *ring._by_refresh}


@pytest.mark.asyncio
async def test_a_run_that_hedges(processes: Any, local_venue: Any, heard: _Heard, order_way: dict[str, str]) -> None:
    """Debug log, pages, ledger, tape, result: none has it; every request is signed, and no URL has it."""
    async with local_venue(secret=_CANARY) as (local, venue):
        with _nothing_shows(processes.folder, heard, _tokens_of(local)) as told:
            bot = processes.bot(venue.address, **_BY_ENVIRONMENT, **order_way)
            await bot.said("order.filled")
            local.faults.drop_sockets()
            await bot.said("stream.restored", 4)
            told += [bot.command_line(), *[json.dumps(await bot.page(page)) for page in _PAGES]]
            bot.send(signal.SIGTERM)
            assert await bot.ended() == 0, bot.text()[-4000:]
            assert heard.requests
            assert any("client_signature" in frame for frame in heard.frames)
            assert _tokens_of(local)()


@pytest.mark.asyncio
async def test_a_run_that_is_killed_with_the_secret_from_a_file(
    processes: Any, local_venue: Any, heard: _Heard
) -> None:
    """As container platforms hand it over; what a kill leaves behind does not have it either."""
    file = processes.folder / "secret"
    file.write_text(_CANARY)
    by_file = _DEBUG | {"HEDGEBOT_VENUE__CLIENT_SECRET": "", "HEDGEBOT_VENUE__CLIENT_SECRET_FILE": str(file)}
    async with local_venue(secret=_CANARY) as (local, venue):
        with _nothing_shows(processes.folder, heard, _tokens_of(local)) as told:
            bot = processes.bot(venue.address, **by_file)
            await bot.said("order.filled")
            told.append(bot.command_line())
            bot.send(signal.SIGKILL)
            assert await bot.ended() == -signal.SIGKILL


@pytest.mark.asyncio
@pytest.mark.parametrize("command", ["run", "check"])
async def test_a_key_that_is_refused(
    processes: Any, local_venue: Any, heard: _Heard, *, command: str, order_way: dict[str, str]
) -> None:
    """The operator reads which key, not what it is."""
    async with local_venue(secret="another") as (_, venue):  # noqa: S106 - no secret
        with _nothing_shows(processes.folder, heard):
            bot = processes.bot(venue.address, command=command, **_BY_ENVIRONMENT, **order_way)
            assert await bot.ended() == 2, bot.text()[-4000:]
            assert "13004" in bot.text()


@pytest.mark.asyncio
async def test_a_run_that_halts_on_a_refusal(processes: Any, local_venue: Any, heard: _Heard) -> None:
    """The refused request is told without what it was signed with."""
    async with local_venue(secret=_CANARY) as (local, venue):
        local.faults.refuse("private/sell", -32602, "Invalid params", times=100)
        with _nothing_shows(processes.folder, heard, _tokens_of(local)):
            bot = processes.bot(venue.address, **_BY_ENVIRONMENT)
            await bot.said("trading.halted")
            bot.send(signal.SIGTERM)
            assert await bot.ended() == 5, bot.text()[-4000:]


@pytest.mark.asyncio
async def test_a_run_that_nobody_answers(processes: Any, heard: _Heard) -> None:
    """The address is told, with nothing that was on its way there."""
    with _nothing_shows(processes.folder, heard):
        bot = processes.bot("127.0.0.1:1", **_BY_ENVIRONMENT)
        await bot.said("venue.waited")
        bot.send(signal.SIGTERM)
        assert await bot.ended() == 0, bot.text()[-4000:]


@pytest.mark.asyncio
async def test_a_run_that_crashes(processes: Any, local_venue: Any, heard: _Heard) -> None:
    """A trace tells lines of code and the error's words, even where those are all the run is made of."""

    def failing(arguments: Sequence[str], environment: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEBOT_")}
        with output.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-c", _FAILS, *arguments], stdout=file, stderr=file, env=clean | environment
            )

    async with local_venue(secret=_CANARY) as (_, venue):
        with _nothing_shows(processes.folder, heard):
            bot = processes.bot(venue.address, start=failing, **_BY_ENVIRONMENT)
            assert await bot.ended() == 1, bot.text()[-4000:]
            assert "Traceback" in bot.text()
            assert "unforeseen" in bot.text()


@pytest.mark.parametrize("words", [_CANARY, "a-token"])
def test_what_is_looked_for_would_be_found(tmp_path: Path, heard: _Heard, words: str) -> None:
    """The guard itself."""
    (tmp_path / "bot.log").write_text(f"the secret is {words}!")
    with pytest.raises(AssertionError), _nothing_shows(tmp_path, heard, lambda: {"a-token"}):
        pass
