"""Which clock counts, and what the world may raise: by the kind of database."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot.domain.time import Ns
from bot.journal import dialects, opening

_OWNER = {"mode": "demo", "venue": "deribit"}


@pytest.fixture
def file(url: str) -> Iterator[Connection]:
    """A ledger in a file."""
    made = opening.connect(url, _OWNER)
    yield made
    opening.dispose(made)


def test_of_a_file_this_machines_clock_counts(file: Connection) -> None:
    """It has none of its own, and nobody else's can reach it."""
    assert not dialects.is_postgresql(file)
    assert file.execute(select(dialects.clock_of(file, Ns(7)))).scalar() == 7
    assert sqlite3.Error in dialects.errors_of(file)


@pytest.mark.postgres
def test_of_a_database_its_own_clock_counts(postgres: Any) -> None:
    """Nanoseconds since the epoch, going on inside one transaction."""
    there = opening.connect(postgres.url(), _OWNER)
    try:
        assert dialects.is_postgresql(there)
        first, second = (there.execute(select(dialects.clock_of(there, Ns(7)))).scalar() for _ in range(2))
        assert 1_600_000_000 * 10**9 < first < second < 5_000_000_000 * 10**9
        assert not issubclass(sqlite3.Error, dialects.errors_of(there))
    finally:
        opening.dispose(there)
