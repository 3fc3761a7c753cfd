"""What every test folder shares: recorded data and how much of it was read, virtual time, and a fitted surface."""

import asyncio
import itertools
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from msgspec import structs

from bot.app import compose
from bot.app.config import load
from bot.app.simulated import SimulateOptions
from bot.app.wire_loop import WireLoop
from bot.domain.events import SurfaceFitted
from bot.domain.surface import SmileSlice, SmileVerdict
from bot.domain.time import expiry_ns_from_code, ns_from_iso
from bot.drive.audits import report
from bot.observe.reported import Report

# The same examples every time, however slow the machine: what fails once fails again. Others, and more of them, with
# pytest --hypothesis-profile explore
_BEAR_SLOWNESS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("hedgebot", derandomize=True, database=None, **_BEAR_SLOWNESS)
settings.register_profile("explore", max_examples=1_000, **_BEAR_SLOWNESS)
settings.load_profile("hedgebot")

_ROOT = Path(__file__).resolve().parent.parent
_NOW = ns_from_iso("2026-03-01T10:00:00Z")
_WORKERS_MAX = 16
"""Each imports and collects everything first: more cost more than they bring."""
_SHARED = Path(os.environ.get("HEDGEBOT_SHARED", "../shared"))


_MEMORY = Path("/dev/shm")  # noqa: S108 - a place every Linux has
_MEMORY_BYTES_MIN = 2**30


def _write_to_memory() -> None:
    """Temporary files go to memory where there is room: thousands of commits would wait for a disk that others use.

    A bot whose ledger takes over a second to commit halts, and rightly so.
    """
    if (
        "TMPDIR" not in os.environ
        and os.access(_MEMORY, os.W_OK)
        and shutil.disk_usage(_MEMORY).free > _MEMORY_BYTES_MIN
    ):
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # what was decided before


_write_to_memory()


def _surface_fitted(**change: object) -> SurfaceFitted:
    """The smile of one expiry as of now, puts dearer; skew-stickiness 1.6, which is better on evidence."""
    smile = SmileSlice(
        index_name="btc_usd",
        expiry_ns=expiry_ns_from_code("27MAR26"),
        tau_years=0.0710,
        forward_usd=100_000.0,
        iv_atm=0.6,
        skew_iv_per_k=-0.46948,
        curvature_iv_per_k2=4.2246,
        svi=(0.0, 0.1, -0.4, 0.0, 0.2556),
        kind="svi",
        quotes_count=20,
        rmse_iv=0.003,
    )
    verdicts = tuple(
        SmileVerdict(
            rule=rule, variance_ratio=ratio, chance_fraction=0.5 * ratio, steps_count=300, is_better=ratio < 0.9
        )
        for rule, ratio in (("sticky_strike", 1.0), ("ssr", 0.8))
    )
    fields = {
        "book": "BTC",
        "as_of_ns": _NOW,
        "received_ns": _NOW,
        "slices": (smile,),
        "ssr_ratio": 1.6,
        "mv_calls": (-0.1, 0.05, 0.0),
        "mv_puts": (-0.2, 0.0, 0.1),
        "verdicts": verdicts,
        "defect": "",
    }
    return SurfaceFitted(**(fields | change))


@pytest.fixture(scope="session")
def surface() -> Callable[..., SurfaceFitted]:
    """Makes fits of the surface; any field replaceable by keyword."""
    return _surface_fitted


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout."""
    return _ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of recorded third-party messages and history; skips where it is absent."""
    data = (_ROOT / _SHARED / "data").resolve()
    if not data.is_dir():
        pytest.skip(f"no recorded data: HEDGEBOT_SHARED={_SHARED} has no folder data")
    return data


class CodeBlock(NamedTuple):
    """A fenced block of the documentation."""

    page: str
    """Its file in the checkout."""
    line: int
    """Of its first line, from 1."""
    language: str
    text: str
    """Without the indent of a list it stands in."""


_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


def blocks_of(page: str, text: str) -> list[CodeBlock]:
    """Fenced blocks of a page, in order."""
    return [
        CodeBlock(
            page=page,
            line=text.count("\n", 0, match.start("text")) + 1,
            language=match["language"].strip(),
            text=textwrap.dedent(match["text"]),
        )
        for match in _BLOCK.finditer(text)
    ]


@pytest.fixture(scope="session")
def make_blocks() -> Callable[[str, str], list[CodeBlock]]:
    """Makes the blocks of a page from its name and text."""
    return blocks_of


@pytest.fixture(scope="session")
def code_blocks() -> list[CodeBlock]:
    """Every fenced block of README and docs, page by page."""
    pages = [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]
    return [block for path in pages for block in blocks_of(path.relative_to(_ROOT).as_posix(), path.read_text())]


class Postgres:
    """A PostgreSQL server of this test process: loopback, a password, gone with its files in the end."""

    _START_S_MAX = 60.0
    _NOBODY = 65_534
    """It refuses to run as root."""

    def __init__(self, binaries: Path) -> None:
        """Make the database cluster; `start` runs it."""
        self._binaries = binaries
        self._schemas = itertools.count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="hedgebot-postgres-"))
        self.password = secrets.token_hex(8)
        (self.folder / "password").write_text(self.password)
        self._as = {"user": self._NOBODY, "group": self._NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            for path in (self.folder, self.folder / "password"):
                os.chown(path, self._NOBODY, self._NOBODY)
        how = ["--auth=scram-sha-256", f"--pwfile={self.folder}/password", "--username=hedgebot", "--no-sync"]
        made = [str(binaries / "initdb"), f"--pgdata={self.folder}/data", *how]
        subprocess.run(made, check=True, capture_output=True, timeout=self._START_S_MAX, cwd=self.folder, **self._as)

    def start(self) -> None:
        """Run on a free port until it answers; another port where somebody was faster."""
        for _ in range(5):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = int(free.getsockname()[1])
            options = {
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": "",
                "port": self.port,
                "fsync": "off",
            }
            self._process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", f"{self.folder}/data", *_settings(options)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                start_new_session=True,
                **self._as,
            )
            if self._answers():
                return
        message = f"PostgreSQL of {self._binaries} does not start"
        raise AssertionError(message)

    def _answers(self) -> bool:
        end_s = time.monotonic() + self._START_S_MAX
        ready = self.folder / "data" / "postmaster.pid"  # its last line says so
        while time.monotonic() < end_s and self._process.poll() is None:
            if ready.exists() and ready.read_text().rstrip().endswith("ready"):
                return True
            time.sleep(0.02)
        self.stop()
        return False

    def url(self, schema: str | None = None) -> str:
        """Of a ledger nobody has used yet, or of that one."""
        name = f"s{next(self._schemas)}" if schema is None else schema
        return f"postgresql://hedgebot:{self.password}@127.0.0.1:{self.port}/postgres?schema={name}"

    def stop(self) -> None:
        """End at once; its files stay."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=self._START_S_MAX)


def _settings(options: dict[str, object]) -> list[str]:
    return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]


def _postgres_binaries() -> Path | None:
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).resolve().parent if found else installed[-1].parent if installed else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server; skips where none is installed, which continuous integration does not let pass."""
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine: install it (Debian: apt-get install postgresql)")
    server = Postgres(binaries)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def run_report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of three quarters of an hour of a simulated strangle, from its tape."""
    folder = tmp_path_factory.mktemp("reported") / "run"
    read = load(_ROOT / "config" / "simulate.toml", {}, run_tag="t")
    config = structs.replace(read, portfolio_path=_ROOT / "config" / "portfolios" / "strangle.toml")
    options = SimulateOptions(seed=3, hours=0.75, step_ms=10_000, tape=None, currency="BTC", tape_out=folder)
    compose.simulate(config, options)
    found = report(folder, None)
    assert isinstance(found, Report), found
    return found


class _Count:
    """Counts tests that carry a marker, so that a run says how many of them really ran; in the process that reports."""

    def __init__(self, marker: str, line: str, where: str = "") -> None:
        self.ran = 0
        self.skipped = 0
        self._marker = marker
        self.line = line
        self._where = where

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts once: by its call, or by its set-up when that is as far as it got."""
        if self._marker not in report.keywords:
            return
        if report.skipped:
            self.skipped += 1
        elif report.when == "call" or report.failed:
            self.ran += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line that continuous integration reads."""
        terminalreporter.write_line(f"{self.line}: {self.ran} ran, {self.skipped} skipped{self._where}")


def pytest_configure(config: pytest.Config) -> None:
    """Count the tests that read recorded data, run foreign clients, or need a server."""
    counts = (
        _Count("realdata", "realdata", f" (HEDGEBOT_SHARED={_SHARED})"),
        _Count("client", "clients"),
        _Count("postgres", "postgres"),
    )
    for count in counts:
        config.pluginmanager.register(count, f"count-{count.line}")


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests marked `virtual` run on virtual time and a network in memory."""
    return {"virtual": WireLoop} if item.get_closest_marker("virtual") else {"real": asyncio.new_event_loop}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice the cores: processes and sockets make half of the time a wait."""
    return min(2 * (os.cpu_count() or 1), _WORKERS_MAX)
