"""Clients that others wrote, in their own processes and environments, against `hedgebot exchange`."""

import base64
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[2]
_CLIENT_S = 90.0
"""A client that takes longer is stuck: the slowest needs ten seconds on a busy machine."""


@dataclass(frozen=True)
class Venue:
    """A local exchange that runs as a process of its own."""

    address: str

    def says(self, method: str, **params: object) -> Any:
        """Result of a call over HTTP as `demo:demo`: what the venue itself says."""
        query = urllib.parse.urlencode(params)
        request = urllib.request.Request(f"http://{self.address}/api/v2/{method}?{query}")
        request.add_header("Authorization", "Basic " + base64.b64encode(b"demo:demo").decode())
        with urllib.request.urlopen(request, timeout=_CLIENT_S) as response:  # noqa: S310
            return json.load(response)["result"]

    def positions(self) -> dict[str, float]:
        """Non-zero positions, native, signed."""
        return {row["instrument_name"]: row["size"] for row in self.says("private/get_positions") if row["size"]}


@pytest.fixture
def venue() -> Iterator[Venue]:
    """A fresh local exchange with the account `demo`."""
    command = [sys.executable, "-m", "bot", "exchange", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEBOT_")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=environment | {"PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), f"the exchange said {line!r} instead of its address"
        yield Venue(line.split()[-1])
    finally:
        process.terminate()
        code = process.wait(timeout=_CLIENT_S)
        process.stdout.close()
    assert code == 0, f"the exchange ended with {code}"


@dataclass(frozen=True)
class _Runtime:
    command: str
    folder: str


@pytest.fixture(autouse=True)
def runtime(request: pytest.FixtureRequest) -> _Runtime:
    """What runs the client of a test: `client("npm")`, or this Python; skips before anything is started."""
    marker = request.node.get_closest_marker("client")
    if not marker.args:
        return _Runtime(sys.executable, str(_ROOT))
    [name] = marker.args
    command = [sys.executable, str(_HERE / "install.py"), "--states"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)[name]
    if found["state"] == "absent":
        pytest.skip(f"this machine has no {found['wanted']}")
    if found["state"] != "ready":
        pytest.skip(f"the packages of {name} are not installed: make clients")
    return _Runtime(found["command"], found["folder"])


@pytest.fixture
def play(runtime: _Runtime, venue: Venue, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Runs a client script against the venue; the JSON document it wrote."""

    def run(script: str) -> dict[str, Any]:
        result = tmp_path / "result.json"
        done = subprocess.run(
            [runtime.command, str(_HERE / script), venue.address, str(result)],
            cwd=runtime.folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=_CLIENT_S,
        )
        assert done.returncode == 0, (
            f"{script} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
        document: dict[str, Any] = json.loads(result.read_text())
        return document

    return run
