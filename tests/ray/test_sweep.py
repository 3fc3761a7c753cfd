"""A sweep on a Ray cluster of two workers: `make ray-test`, never in `make test` (the extra `ray` is 260 MB).

Each cluster has a folder of its own, which is in the command line of every process of it: so they are found.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars
import pytest

pytestmark = pytest.mark.ray

_S_MAX = 600.0
_FILE = """
hours = 0.02
step_ms = 10_000
seeds = {{ count = {} }}
[[policies]]
policy = "time_based"
interval_s = [20, 60]
"""


@pytest.fixture
def ray_folder() -> Iterator[Path]:
    """Short: names of sockets in it have an end."""
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(repo_root: Path, tmp_path: Path, ray_folder: Path) -> Callable[[int], subprocess.Popen[str]]:
    """Starts a sweep over so many seeds, in a process group of its own."""

    def begin(seeds_count: int) -> subprocess.Popen[str]:
        file = tmp_path / "s.toml"
        file.write_text(_FILE.format(seeds_count))
        words = ["-m", "bot", "sweep", str(file), "--executor", "ray", "--workers", "2", "--json"]
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=repo_root,
            env=os.environ | {"RAY_TMPDIR": str(ray_folder)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return begin


def _of(folder: Path) -> list[int]:
    """Processes with this folder in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue  # gone meanwhile
    return found


def _until(holds: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + _S_MAX
    while not holds():
        assert time.monotonic() < end_s, what
        time.sleep(0.05)


def _ended(sweep: subprocess.Popen[str]) -> dict[str, Any]:
    """What it printed."""
    said = json.loads(sweep.communicate(timeout=_S_MAX)[0])
    assert isinstance(said, dict)
    return said


def test_a_kill_loses_nothing_and_leaves_nobody(
    start: Callable[[int], subprocess.Popen[str]], tmp_path: Path, ray_folder: Path
) -> None:
    """In the middle, of everything in its process group: the cluster ends, the next start goes on, none runs twice."""
    log = tmp_path / "s" / "results.log"
    killed = start(2_000)
    _until(
        lambda: killed.poll() is not None or (log.exists() and log.read_bytes().count(b"\n") >= 3), "nothing was done"
    )
    assert killed.poll() is None, "it ended by itself"
    assert len(_of(ray_folder)) >= 3, "a cluster has a few processes"
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=_S_MAX)
    _until(lambda: not _of(ray_folder), "some of the cluster are still there")
    kept_count = log.read_bytes().count(b"\n")
    told = _ended(start(5))
    rows = polars.read_parquet(tmp_path / "s" / "results.parquet")

    assert (told["configurations_count"], told["done_count"]) == (10, 10)
    assert rows.height == rows["configuration"].n_unique() == kept_count + told["run_count"]
    assert told["run_count"] <= 7
    _until(lambda: not _of(ray_folder), "the second cluster is still there")


def test_results_are_those_of_processes(
    start: Callable[[int], subprocess.Popen[str]], tmp_path: Path, repo_root: Path
) -> None:
    """To the last digit, wherever they were made; what one has done the other does not do again."""
    assert _ended(start(2))["run_count"] == 4
    of_ray = polars.read_parquet(tmp_path / "s" / "results.parquet")
    words = [sys.executable, "-m", "bot", "sweep", str(tmp_path / "s.toml"), "--json"]
    again = subprocess.run(words, cwd=repo_root, capture_output=True, text=True, timeout=_S_MAX, check=True)
    subprocess.run([*words, "--to", str(tmp_path / "own")], cwd=repo_root, timeout=_S_MAX, check=True)

    assert json.loads(again.stdout)["run_count"] == 0
    assert polars.read_parquet(tmp_path / "own" / "results.parquet").equals(of_ray)
