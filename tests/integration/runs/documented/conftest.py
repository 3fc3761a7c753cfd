"""The world in which pages of the docs are typed: a finished run, a recorded day, exchanges, an ear for alerts."""

import asyncio
import re
import shutil
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

_RUN = "run-1a2b3c4d"
_PAST = ("--seed", "3", "--start", "2026-03-27T07:58:00Z", "--hours", "0.4", "--step-ms", "10000")
"""Of the run that has ended: it spans the moments that pages ask about."""
_RECORDED = ("--seed", "3", "--hours", "0.1", "--step-ms", "10000")
_HELD = "".join(
    f'[[legs]]\nkind = "{kind}"\nexpiry = "{expiry}"\nstrike = "atm"\nqty_coin = "1"\n'
    for kind in ("call", "put")
    for expiry in ("2nd", "3rd")
)
"""A tape shows what was held: two expiries with a straddle each, so that portfolios of pages find theirs on it."""
_OPTION = re.compile(r"[A-Z]+-\d{1,2}[A-Z]{3}\d\d-\d+-[CP]")
_LISTENING = "listening on "
_WAIT_S = 120.0


class World:
    """What stands ready on every page."""

    def __init__(self, processes: Any, root: Path, sink: str) -> None:
        self.processes = processes
        self.home = processes.folder
        self._root = root
        self._sink = sink
        self.seq = ""
        """Of a decision of the run that has ended."""
        self.held = ""
        """An option of it."""
        self._venues: dict[bool, dict[str, str]] = {}

    async def prepare(self) -> None:
        """The run that has ended, and the day that is recorded."""
        (self.home / "secret").write_text("demo")
        (self.home / "alerts").write_text(self._sink)
        (self.home / "DAY").mkdir()
        shutil.copytree(self._root / "config", self.home / "config")
        (self.home / "held.toml").write_text(_HELD)
        await self.done("simulate", *_PAST, "--portfolio", "held.toml", "--tape-out", f"runs/{_RUN}")
        await self.done("simulate", *_RECORDED, "--portfolio", "held.toml", "--tape-out", "recorded")
        await self.done("tape", "export", "recorded", "--to", "DAY/day.parquet")
        told = (await self.done("why", _RUN)).text()
        self.seq, self.held = told.partition("decision ")[2].split()[0], min(_OPTION.findall(told))

    def folder(self, page: str) -> Path:
        """A fresh one for a page."""
        folder = self.home / page.replace("/", "-")
        (folder / "runs").mkdir(parents=True)
        shutil.copytree(self.home / "config", folder / "config")
        for name in (f"runs/{_RUN}", "RUN"):
            (folder / name).symlink_to(self.home / "runs" / _RUN)
        (folder / "DAY").symlink_to(self.home / "DAY")
        return folder

    async def venue(self, *, is_production: bool) -> dict[str, str]:
        """What a bot is told of an exchange that calls itself so; started when first asked for."""
        if is_production not in self._venues:
            claim = ("--claim-production",) if is_production else ()
            words = ("exchange", *claim, "--portfolio", "config/portfolios/straddle.toml")
            _, self._venues[is_production] = await self.exchange(*words, folder=self.home)
        return self._venues[is_production]

    async def exchange(self, *words: str, folder: Path) -> tuple[Any, dict[str, str]]:
        """Start one on any free port, and what a bot is told of it."""
        process = self.processes.typed(*words, "--port", "0", folder=folder)
        await process.until(lambda: _LISTENING in process.text(), "listening")
        address = process.text().partition(_LISTENING)[2].split()[0]
        account = await self.processes.venue_at(address).ask("private/get_account_summaries", extended="true")
        return process, {
            "HEDGEBOT_VENUE__WS_URL": f"ws://{address}/ws/api/v2",
            "HEDGEBOT_VENUE__REST_URL": f"http://{address}",
            "HEDGEBOT_LIVE__ACCOUNT_ID": str(account["id"]),
            "HEDGEBOT_LIVE__ARMED": "true",
        }

    async def listed(self) -> str:
        """An option of an exchange, one that lives on for a while."""
        address = (await self.venue(is_production=False))["HEDGEBOT_VENUE__REST_URL"].removeprefix("http://")
        asked = {"currency": "BTC", "kind": "option"}
        found = await self.processes.venue_at(address).ask("public/get_instruments", **asked)
        return str(found[-1]["instrument_name"])

    async def done(self, *words: str, folder: Path | None = None, **settings: str) -> Any:
        """Carry out a command that ends by itself, and well."""
        process = self.processes.typed(*words, folder=folder or self.home, **settings)
        await self.ended(process)
        return process

    async def page(self, bot: Any, path: str) -> None:
        """Ask a bot that runs for one of its pages, until it answers well."""
        port = bot.events("health.listening")[0]["port"]
        deadline_s = time.monotonic() + _WAIT_S
        async with aiohttp.ClientSession() as http:
            while True:
                async with http.get(f"http://127.0.0.1:{port}{path}") as response:
                    if response.status == 200:
                        return
                assert time.monotonic() < deadline_s, f"{path} is {response.status}"
                await asyncio.sleep(0.05)

    @staticmethod
    async def ended(process: Any) -> None:
        """Wait for the end of a command, which has to be a good one."""
        code = await process.ended()
        assert code == 0, f"exit code {code}:\n{process.text()[-1500:]}"

    async def stop(self, process: Any) -> None:
        """As by Ctrl-C."""
        process.send(signal.SIGINT)
        await self.ended(process)


class _Takes(BaseHTTPRequestHandler):
    """Takes whatever it is sent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _sink() -> Iterator[str]:
    """Where alerts may go: an address as a line of apprise."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Takes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest_asyncio.fixture
async def world(processes: Any, repo_root: Path) -> AsyncIterator[World]:
    """A world nobody has typed in."""
    with _sink() as sink:
        made = World(processes, repo_root, sink)
        await made.prepare()
        yield made
