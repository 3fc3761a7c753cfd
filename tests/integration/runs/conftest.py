"""Bot and exchange as processes, and an exchange in this process whose wire can misbehave."""

import asyncio
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiohttp
import msgspec
import pytest

from bot.domain.portfolio import PortfolioSpec, resolve
from bot.domain.time import Ns
from bot.localex.server import LocalExchange, Rules, open_accounts, parse_key
from bot.sim.world import build_exchange

_ROOT = Path(__file__).resolve().parents[3]

UNEVEN_STRADDLE = """
[[legs]]
kind = "call"
expiry = "2nd"
strike = "atm"
qty_coin = "2"

[[legs]]
kind = "put"
expiry = "2nd"
strike = "atm"
qty_coin = "1"
"""
"""A straddle with one call more: half a coin of delta at the start, so that the first hedge is certain."""
_WAIT_S = 120.0
_POLL_S = 0.005
_CALM = 0.25
"""Of the drawn volatility: a delta in its band is still there when a slow machine comes to look."""


class VenueHttp:
    """Asks an exchange over HTTP as `demo:demo`: what the venue itself says."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def ask(self, method: str, **params: str) -> Any:
        """The result of a call that works."""
        async with (
            aiohttp.ClientSession(headers={"Authorization": "Basic ZGVtbzpkZW1v"}) as http,
            http.get(f"http://{self.address}/api/v2/{method}", params=params) as response,
        ):
            reply = await response.json()
        assert "error" not in reply, reply
        return reply["result"]

    async def positions(self) -> dict[str, Decimal]:
        """Non-zero positions, native."""
        rows = await self.ask("private/get_positions", currency="BTC")
        return {row["instrument_name"]: Decimal(str(row["size"])).normalize() for row in rows if row["size"]}

    async def trades(self) -> list[dict[str, Any]]:
        """All trades of the account in BTC instruments."""
        found = await self.ask("private/get_user_trades_by_currency", currency="BTC", count="1000")
        assert not found["has_more"], "more trades than one page"
        rows: list[dict[str, Any]] = found["trades"]
        return rows

    async def open_orders(self) -> list[dict[str, Any]]:
        """Open orders of the account."""
        rows: list[dict[str, Any]] = await self.ask("private/get_open_orders")
        return rows


class Handle(Protocol):
    """A child process, as `subprocess.Popen` has it."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def send_signal(self, sig: int, /) -> None:
        """Send a signal; nothing when it has ended."""

    def kill(self) -> None:
        """Send SIGKILL."""

    def wait(self) -> int:
        """Its exit code."""


Start = Callable[..., Handle]
"""Starts a command of ours: arguments, additions to the environment, a file for its output."""


def _without_ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HEDGEBOT_")}


def _spawned(arguments: Sequence[str], environment: dict[str, str], output: Path) -> Handle:
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "bot", *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=_without_ours() | environment,
            cwd=_ROOT,
        )


class _Process:
    """One process of ours, its lines in a file; ended in any case."""

    def __init__(
        self, arguments: Sequence[str], environment: dict[str, str], output: Path, start: Start = _spawned
    ) -> None:
        self._output = output
        output.touch()
        self._process = start(arguments, {name: value for name, value in environment.items() if value}, output)

    def text(self) -> str:
        """All output so far."""
        return self._output.read_text()

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait, bounded; fails with the output when the process ends before."""
        deadline_s = time.monotonic() + _WAIT_S
        while not holds():
            assert time.monotonic() < deadline_s, f"{what} did not happen in {_WAIT_S} s:\n{self.text()[-6000:]}"
            assert self._process.poll() is None or holds(), f"ended before {what}:\n{self.text()[-6000:]}"
            await asyncio.sleep(_POLL_S)

    def command_line(self) -> str:
        """What every user of this machine can read of it."""
        return Path(f"/proc/{self._process.pid}/cmdline").read_text()

    def hears(self, number: signal.Signals) -> bool:
        """Whether the process has come so far as to take a signal; before that no program can."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """The exit code; fails when it does not come in time."""
        deadline_s = time.monotonic() + _WAIT_S
        while (code := self._process.poll()) is None:
            assert time.monotonic() < deadline_s, f"still running after {_WAIT_S} s:\n{self.text()[-6000:]}"
            await asyncio.sleep(_POLL_S)
        return code

    def end(self) -> None:
        """Whatever happens, no process is left behind."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


class TellingProcess(_Process):
    """A process whose output are lines of JSON."""

    def lines(self) -> list[dict[str, Any]]:
        """Whole lines so far."""
        whole = [line for line in self.text().splitlines(keepends=True) if line.endswith("\n")]
        return [json.loads(line) for line in whole if line.startswith("{")]

    def words(self) -> list[str]:
        """Lines that are no JSON: what an operator is told."""
        return [line for line in self.text().splitlines() if not line.startswith("{")]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines of one event."""
        return [line for line in self.lines() if line.get("event") == name]

    async def said(self, name: str, count: int = 1) -> None:
        """Wait for so many log lines of an event."""
        mark = f'"event":"{name}"'
        await self.until(lambda: self.text().count(mark) >= count, f"{count} x {name}")

    def result(self) -> dict[str, Any]:
        """The last line."""
        return self.lines()[-1]


class BotProcess(TellingProcess):
    """`hedgebot run` against an exchange on loopback."""

    def __init__(
        self,
        address: str,
        folder: Path,
        number: int,
        *arguments: str,
        command: str = "run",
        mode: str = "testnet",
        start: Start,
        **settings: str,
    ) -> None:
        self.ledger = folder / "ledger.db"
        environment = {
            "HEDGEBOT_VENUE__WS_URL": f"ws://{address}/ws/api/v2",
            "HEDGEBOT_VENUE__REST_URL": f"http://{address}",
            "HEDGEBOT_VENUE__CLIENT_ID": "demo",
            "HEDGEBOT_VENUE__CLIENT_SECRET": "demo",
            "HEDGEBOT_LEDGER__URL": f"sqlite:///{self.ledger}",
            "HEDGEBOT_TAPE__FOLDER": str(folder / "runs"),
            "HEDGEBOT_HEALTH__PORT": "0",
            "HEDGEBOT_LOG__FORMAT": "json",
            "HEDGEBOT_RUN__RECONCILE_INTERVAL_S": "1",
        }
        super().__init__(
            [command, "--config", f"config/{mode}.toml", "--json", *arguments],
            environment | settings,
            folder / f"bot{number}.log",
            start,
        )

    def is_content(self) -> bool:
        """Whether its last decision found the delta where it should be."""
        reasons = [line["reason"] for line in self.lines() if line.get("event") in {"hedge.skipped", "hedge.decided"}]
        return bool(reasons) and reasons[-1] in {"inside_band", "below_trade_min"}

    async def page(self, path: str) -> tuple[int, Any]:
        """Status and body of a health page, text of the metrics; (0, None) while nothing listens."""
        told = self.events("health.listening")
        if not told:
            return 0, None
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"http://127.0.0.1:{told[0]['port']}{path}") as response,
            ):
                is_text = response.content_type == "text/plain"
                return response.status, await (response.text() if is_text else response.json())
        except aiohttp.ClientConnectionError:
            return 0, None

    async def becomes(self, path: str, status: int) -> Any:
        """Wait, bounded, until a health page answers with a status; its body."""
        deadline_s = time.monotonic() + _WAIT_S
        while (found := await self.page(path))[0] != status:
            assert time.monotonic() < deadline_s, f"{path} is {found}, never {status}:\n{self.text()[-6000:]}"
            await asyncio.sleep(_POLL_S)
        return found[1]


class ExchangeProcess(_Process):
    """`hedgebot exchange` on any free port."""

    def __init__(self, folder: Path, *arguments: str, portfolio: str = UNEVEN_STRADDLE) -> None:
        file = folder / "portfolio.toml"
        file.write_text(portfolio)
        super().__init__(
            ["exchange", "--port", "0", "--portfolio", str(file), *arguments],
            {"PYTHONUNBUFFERED": "1"},
            folder / "exchange.log",
        )

    async def listening(self) -> VenueHttp:
        """Wait for the address."""
        await self.until(lambda: "listening on " in self.text() and self.text().endswith("\n"), "listening")
        return VenueHttp(self.text().partition("listening on ")[2].split()[0])


_Started = TypeVar("_Started", bound=_Process)


class Processes:
    """Starts bots and exchanges of one test and ends them all."""

    spawn = staticmethod(_spawned)
    venue_at = VenueHttp

    def __init__(self, folder: Path, start: Start) -> None:
        self.folder = folder
        self._start = start
        self._started: list[_Process] = []

    def exchange(self, *arguments: str, portfolio: str = UNEVEN_STRADDLE) -> ExchangeProcess:
        """Start an exchange whose account `demo` holds the portfolio."""
        return self._keep(ExchangeProcess(self.folder, *arguments, portfolio=portfolio))

    def bot(self, address: str, *arguments: str, folder: Path | None = None, **settings: Any) -> BotProcess:
        """Start a bot, or another `command`, from the file of a `mode`; bots of one folder share a ledger.

        It is forked, unless `start` is `spawn`: as a user's shell does it, which takes a second longer.
        """
        settings.setdefault("start", self._start)
        return self._keep(BotProcess(address, folder or self.folder, len(self._started), *arguments, **settings))

    def start(self, *arguments: str, **settings: str) -> TellingProcess:
        """Start any command of ours that tells in JSON."""
        environment = {"HEDGEBOT_LOG__FORMAT": "json"} | settings
        return self._keep(TellingProcess(arguments, environment, self.folder / f"other{len(self._started)}.log"))

    def typed(self, *arguments: str, folder: Path, **settings: str) -> TellingProcess:
        """Start any command of ours in a folder of its own, as a user there would."""
        output = folder / f"typed{len(self._started)}.log"
        return self._keep(TellingProcess(arguments, settings, output, partial(self._start, folder=folder)))

    @staticmethod
    def is_listening(port: int) -> bool:
        """Whether anybody accepts connections on a port of loopback."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _keep(self, process: _Started) -> _Started:
        self._started.append(process)
        return process

    def end(self) -> None:
        """End them all."""
        for process in self._started:
            process.end()


@pytest.fixture(scope="session")
def forge() -> Iterator[Any]:
    """Starts bots; its own file says how."""
    spec = importlib.util.spec_from_file_location("forge", Path(__file__).with_name("forge.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    started = module.Forge(_without_ours())
    yield started
    started.end()


@pytest.fixture
def processes(tmp_path: Path, forge: Any) -> Iterator[Processes]:
    """Real processes over loopback sockets."""
    started = Processes(tmp_path, forge.start)
    yield started
    started.end()


@asynccontextmanager
async def _local_venue(
    seed: int = 1,
    portfolio: str = UNEVEN_STRADDLE,
    *,
    testnet: bool = True,
    accounts: Sequence[str] = ("demo",),
    scope: str = "",
    secret: str = "demo",  # noqa: S107 - everybody's
) -> AsyncIterator[tuple[LocalExchange, Any]]:
    """An exchange in this process, on real time, whose faults a test can plant."""
    world = build_exchange(seed, Ns(time.time_ns()), vol_scale=_CALM)
    keys = [parse_key(f"{account}:{secret}{scope and f':{scope}'}") for account in accounts]
    open_accounts(world, keys)
    listed, index_usd = list(world.instruments()), world.index_usd("btc_usd")
    spec = msgspec.convert(tomllib.loads(portfolio), PortfolioSpec, strict=False)
    for held in resolve(spec, base="BTC", listed=listed, index_usd=index_usd, now_ns=world.now_ns):
        for account in accounts:
            world.seed_position(account, held.instrument.id, held.qty_coin)
    local = LocalExchange(world, keys=keys, now_ns=lambda: Ns(time.time_ns()), rules=Rules(testnet=testnet))
    port = await local.start()
    try:
        yield local, VenueHttp(f"127.0.0.1:{port}")
    finally:
        await local.stop()


@pytest.fixture(params=["ccxt", "deribit_ws"])
def order_way(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a bot whose orders go this way: once for each there is."""
    return {"HEDGEBOT_VENUE__GATEWAY": request.param}


@pytest.fixture
def local_venue() -> Callable[..., Any]:
    """Makes an exchange in this process: its server and a way to ask it."""
    return _local_venue
