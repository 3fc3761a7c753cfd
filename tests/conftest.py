"""What every test folder shares: recorded data and how much of it was read, virtual time, and a fitted surface."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.app.wire_loop import WireLoop
from bot.domain.events import SurfaceFitted
from bot.domain.surface import SmileSlice, SmileVerdict
from bot.domain.time import expiry_ns_from_code, ns_from_iso

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
    """Count the tests that read recorded data, and those that run foreign clients."""
    counts = (_Count("realdata", "realdata", f" (HEDGEBOT_SHARED={_SHARED})"), _Count("client", "clients"))
    for count in counts:
        config.pluginmanager.register(count, f"count-{count.line}")


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests marked `virtual` run on virtual time and a network in memory."""
    return {"virtual": WireLoop} if item.get_closest_marker("virtual") else {"real": asyncio.new_event_loop}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice the cores: processes and sockets make half of the time a wait."""
    return min(2 * (os.cpu_count() or 1), _WORKERS_MAX)
