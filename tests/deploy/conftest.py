"""The scripts and files of `deploy/`, as tests read them."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def image(repo_root: Path) -> ModuleType:
    """`deploy/image.py`, which is no part of a package."""
    return _module(repo_root / "deploy/image.py")


@pytest.fixture(scope="session")
def trial(repo_root: Path) -> ModuleType:
    """`deploy/trial.py`, the same."""
    return _module(repo_root / "deploy/trial.py")


@pytest.fixture(scope="session")
def watched(repo_root: Path) -> ModuleType:
    """A bot that is scraped, and what can be broken of it."""
    return _module(repo_root / "tests/deploy/watched.py")


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"deploy_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def documents(repo_root: Path) -> Callable[[str], list[Any]]:
    """All YAML documents of a file of `deploy/`."""
    import yaml  # noqa: PLC0415 - only these tests read YAML

    return lambda name: list(yaml.safe_load_all((repo_root / "deploy" / name).read_text()))


@pytest.fixture(scope="session")
def rules(documents: Callable[[str], list[Any]]) -> dict[str, Any]:
    """Alert rules by name."""
    (file,) = documents("prometheus/rules.yml")
    (group,) = file["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


@pytest.fixture(scope="session")
def panels(repo_root: Path) -> list[Any]:
    """Panels of the dashboard that show something."""
    board = json.loads((repo_root / "deploy/grafana/dashboards/hedgebot.json").read_text())
    return [panel for panel in board["panels"] if panel["type"] != "row"]
