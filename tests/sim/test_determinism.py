"""Same seed, same run, to the byte; another seed, another run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_MINUTES = 15.0
_SEED = 1


def test_the_same_seed_gives_the_same_trace(watched: Callable[..., Any]) -> None:
    """Every event and command, hashed."""
    first, again = watched(_SEED, _MINUTES).run(), watched(_SEED, _MINUTES).run()

    assert first == again
    assert first.orders > 0


def test_other_seeds_give_other_traces(watched: Callable[..., Any]) -> None:
    """A trace that does not depend on its seed would be a trace of nothing."""
    hashes = [watched(seed, 1.0).run().trace_hash for seed in range(4)]

    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("salt", ["1", "4242"])
def test_the_order_of_hashes_does_not_matter(watched: Callable[..., Any], repo_root: Path, salt: str) -> None:
    """A process of its own with another PYTHONHASHSEED says the same as this one."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEBOT_")}
    command = [sys.executable, "-m", "bot", "simulate", "--seed", str(_SEED), "--hours", str(_MINUTES / 60), "--json"]
    said = subprocess.run(
        command, cwd=repo_root, env=clean | {"PYTHONHASHSEED": salt}, capture_output=True, check=True, timeout=60
    )
    there, here = json.loads(said.stdout.splitlines()[-1]), watched(_SEED, _MINUTES).run()

    assert there["trace_hash"] == here.trace_hash
    assert there["pnl_usd"]["total"] == here.pnl_usd.total
