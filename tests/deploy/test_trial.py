"""What `make deploy-test` tries with a real Prometheus leaves nothing running."""

import subprocess
import time
from pathlib import Path
from types import ModuleType

_WAIT_S = 60.0


def _runs(pid: int) -> bool:
    """Also of a process whose parent never asks how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_demo_that_is_killed_takes_its_exchange_along(trial: ModuleType) -> None:
    """Nobody else would end it: the demo cannot any more."""
    words = ["sh", "-c", "sleep 300 & echo $!; wait"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        exchange = int(demo.stdout.readline())
        trial._kill(demo)
    end_s = time.monotonic() + _WAIT_S
    while _runs(exchange):
        assert time.monotonic() < end_s
        time.sleep(0.01)
    assert demo.returncode == -9
