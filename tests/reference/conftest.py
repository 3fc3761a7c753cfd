"""Reading the number tables beside this file; their header lines start with # and state columns and tolerances."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

Rows = list[dict[str, str]]

_FOLDER = Path(__file__).parent


def read_rows(name: str) -> Rows:
    """Rows of one table as text: figures have 20 digits, and what they are compared with is the reader's decision."""
    lines = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.fixture(scope="session")
def rows_of() -> Callable[[str], Rows]:
    """Rows of a table by its file name."""
    return read_rows
