"""The layers are a contract, and the contract can fail."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

_PLANTED = {
    # Each file breaks the contract named beside it.
    "bot/domain/planted.py": ("layers", "import bot.risk"),
    "bot/risk/planted.py": ("the core does no IO, reads no clock, rolls no dice, logs nothing", "import time"),
    "bot/sim/planted.py": ("the simulated world is deterministic: seeded random.Random only", "import os"),
    "bot/hedging/bands/planted.py": ("band policies do not know each other", "import bot.hedging.bands.planted_too"),
    "bot/hedging/bands/planted_too.py": ("band policies do not know each other", ""),
    "bot/research/planted.py": ("research opens no socket", "import bot.venues"),
    "bot/venues/planted.py": ("ccxt stays behind ccxt_client.py and ccxt_feed.py", "import ccxt"),
    "bot/venues/planted_too.py": ("websockets stays behind stream.py", "import websockets"),
    "bot/localex/planted.py": ("the world shares no formula with the bot", "import bot.pricing"),
}
_CORE = ("engine", "deciding", "book", "hedging", "execution", "risk", "market", "pricing", "domain")


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).parent / "lint-imports"
    assert command.exists(), "import-linter is not installed: the layers cannot be checked"
    wide = os.environ | {"COLUMNS": "200"}  # one contract a line
    return subprocess.run(
        [command, "--no-cache"], cwd=root, env=wide, capture_output=True, check=False, text=True, timeout=120
    )


def _report(run: subprocess.CompletedProcess[str]) -> str:
    return run.stdout + run.stderr


def _copy(root: Path, target: Path) -> Path:
    shutil.copytree(root / "bot", target / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", target)
    return target


@pytest.fixture(scope="module")
def linter(repo_root: Path) -> dict[str, Any]:
    """The contracts as they are written down."""
    settings: dict[str, Any] = tomllib.loads((repo_root / "pyproject.toml").read_text())["tool"]["importlinter"]
    return settings


def test_the_package_keeps_its_layers(repo_root: Path) -> None:
    """Imports point down, the core does no IO, the edges keep their libraries."""
    run = _lint(repo_root)

    assert run.returncode == 0, _report(run)


def test_planted_violations_are_caught(repo_root: Path, linter: dict[str, Any], tmp_path: Path) -> None:
    """Every contract breaks when a new file breaks it, whatever the file is called."""
    root = _copy(repo_root, tmp_path)
    for name, (_, line) in _PLANTED.items():
        (root / name).write_text(line + "\n")

    report = _report(_lint(root))

    broken = {line.split(" BROKEN")[0] for line in report.splitlines() if " BROKEN" in line}
    assert broken == {contract for contract, _ in _PLANTED.values()}, report
    assert broken == {contract["name"] for contract in linter["contracts"]}


@pytest.mark.parametrize("name", ["bot/planted.py", "bot/planted/__init__.py"])
def test_a_new_package_without_a_layer_is_caught(repo_root: Path, tmp_path: Path, name: str) -> None:
    """A package that nobody placed in a layer fails, even when it imports nothing."""
    root = _copy(repo_root, tmp_path)
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("")

    run = _lint(root)

    assert run.returncode != 0
    assert "bot.planted" in _report(run)


def test_every_core_layer_is_in_the_core_contract(linter: dict[str, Any]) -> None:
    """Whatever is placed at or below the engine is held to purity: the list of names cannot lag behind."""
    by_name = {contract["name"]: contract for contract in linter["contracts"]}
    layers = [part.strip() for line in by_name["layers"]["layers"] for part in line.split("|")]
    below = set(layers[layers.index("engine") :]) - {"sim"}
    pure = by_name["the core does no IO, reads no clock, rolls no dice, logs nothing"]["source_modules"]

    assert {f"bot.{name}" for name in below} == set(pure)
    assert below == set(_CORE)
