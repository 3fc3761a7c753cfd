"""The scripts and files of `deploy/`, as tests read them."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def image(repo_root: Path) -> ModuleType:
    """`deploy/image.py`, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("deploy_image", repo_root / "deploy/image.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
