"""What every test folder shares: where recorded third-party data is, and how much of it was read."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_SHARED = Path(os.environ.get("HEDGEBOT_SHARED", "../shared"))


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


class _RealdataCount:
    """Counts tests marked `realdata`, so that a run says how many of them really read the data."""

    def __init__(self) -> None:
        self.ran = 0
        self.skipped = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts once: by its call, or by its set-up when that is as far as it got."""
        if "realdata" not in report.keywords:
            return
        if report.skipped:
            self.skipped += 1
        elif report.when == "call" or report.failed:
            self.ran += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line that continuous integration reads."""
        terminalreporter.write_line(f"realdata: {self.ran} ran, {self.skipped} skipped (HEDGEBOT_SHARED={_SHARED})")


def pytest_configure(config: pytest.Config) -> None:
    """Count the tests that read recorded data."""
    config.pluginmanager.register(_RealdataCount(), "realdata-count")
