"""Gives the tests the same recorder that writes the golden files."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def recorder() -> ModuleType:
    """`regenerate.py`, loaded by its path: tests are no package."""
    spec = importlib.util.spec_from_file_location("golden_recorder", Path(__file__).parent / "regenerate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
