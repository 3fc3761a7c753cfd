"""Ledgers that older programs wrote, opened by this one: everything is still there, and they are like a new one."""

import sqlite3
import stat
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select

from bot.domain.decided import Outcome
from bot.domain.errors import JournalError
from bot.domain.ids import Label
from bot.journal import migrations, opening
from bot.journal.schema import SCHEMA_VERSION, meta, metadata

_OWNER = {"mode": "testnet", "venue": "deribit"}
_OLDER = [2, 6]


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _columns(path: Path) -> dict[str, set[tuple[str, str, int]]]:
    """Name, type and whether it must have a value."""
    with sqlite3.connect(path) as raw:
        found = {
            table: {(row[1], row[2], row[3]) for row in raw.execute(f"pragma table_info({table})")}
            for table in metadata.tables
        }
    raw.close()
    return found


def _version(path: Path) -> str:
    with sqlite3.connect(path) as raw:
        (found,) = raw.execute("select value from meta where key = 'schema_version'").fetchone()
    raw.close()
    return str(found)


@pytest.fixture
def write_old(url: str, repo_root: Path) -> Callable[[int], Path]:
    """Writes a ledger as an older program left it."""

    def write(version: int) -> Path:
        path = _path(url)
        path.parent.mkdir(mode=0o700)
        with sqlite3.connect(path) as raw:
            raw.executescript((repo_root / f"tests/reference/ledgers/schema-{version}.sql").read_text())
        raw.close()
        return path

    return write


@pytest.mark.parametrize("version", _OLDER)
def test_an_older_ledger_goes_on(
    write_old: Callable[[int], Path], open_ledger: Any, order: Any, decided: Any, fill: Any, *, version: int
) -> None:
    """Positions, fills, what is open and whose it is are remembered; new rows find their place beside the old."""
    write_old(version)
    ledger = open_ledger("r1", mode="testnet")

    assert [(row.fill_id, row.amount_native) for row in ledger.fills()] == [("T-1", Decimal(-4200))]
    assert [intent.label for intent in ledger.intents_unresolved("BTC")] == ["hbold0000002"]
    assert ledger.labels_used("hb") == {"hbold0000001", "hbold0000002"}
    restored = ledger.restored("BTC")
    assert {item.instrument: item.amount_native for item in restored.positions} == {
        "BTC-27MAR26-64000-C": 2,
        "BTC-PERPETUAL": -4200,
    }
    with pytest.raises(JournalError, match="belongs to account 10"):
        ledger.bind("11")
    ledger.commit_intents([order()], decided())
    ledger.record("BTC", fill(), Outcome())
    assert [made.reason for made in ledger.reader().decisions()] == ["outside_band", "outside_band"]
    assert ledger.labels_used("hbr1") == {Label("hbr10000001")}
    assert len(ledger.fills()) == 2


@pytest.mark.parametrize("version", _OLDER)
def test_it_is_like_a_new_one_afterwards(
    write_old: Callable[[int], Path], open_ledger: Any, tmp_path: Path, version: int
) -> None:
    """Tables and columns, their types, and whether they must have a value; opening it again changes nothing."""
    path = write_old(version)
    opening.dispose(opening.connect(f"sqlite:///{tmp_path}/new.db", _OWNER))
    for number in range(2):
        open_ledger(f"r{number}", mode="testnet").close()

    assert _columns(path) == _columns(tmp_path / "new.db")
    assert _version(path) == str(SCHEMA_VERSION)


def test_the_file_as_it_was_is_kept_for_the_program_of_before(
    write_old: Callable[[int], Path], open_ledger: Any
) -> None:
    """Private like the ledger, once, with its old version."""
    path = write_old(6)
    before = _columns(path)
    for number in range(2):
        open_ledger(f"r{number}", mode="testnet").close()

    (kept,) = path.parent.glob("ledger.db.schema-*")
    assert kept.name == "ledger.db.schema-6"
    assert (_version(kept), _columns(kept)) == ("6", before)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_migration_is_whole_or_not_at_all(
    write_old: Callable[[int], Path], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed or failed within: the old ledger is as it was, and the next start migrates it."""
    path = write_old(2)
    before = _columns(path)

    def fail(_connection: object) -> None:
        migrate(_connection)
        raise sqlite3.OperationalError("disk full")

    migrate = migrations.migrate
    monkeypatch.setattr(migrations, "migrate", fail)
    with pytest.raises(JournalError, match="disk full"):
        opening.connect(url, _OWNER)
    assert (_version(path), _columns(path)) == ("2", before)

    monkeypatch.setattr(migrations, "migrate", migrate)
    opening.dispose(opening.connect(url, _OWNER))
    assert _version(path) == str(SCHEMA_VERSION)


def test_a_look_says_that_it_will_do_and_changes_nothing(write_old: Callable[[int], Path], url: str) -> None:
    """`hedgebot check` before an upgrade."""
    path = write_old(2)

    assert opening.examine(url, _OWNER)
    assert _version(path) == "2"
    assert list(path.parent.glob("*.schema-*")) == []


def test_one_of_another_run_or_too_old_is_left_alone(write_old: Callable[[int], Path], url: str) -> None:
    """Neither copied nor changed; the next step is told."""
    path = write_old(2)
    with pytest.raises(JournalError, match="belongs to mode testnet, this run is live"):
        opening.connect(url, _OWNER | {"mode": "live"})
    assert _version(path) == "2"
    with sqlite3.connect(path) as raw:
        raw.execute("update meta set value = '1' where key = 'schema_version'")
    raw.close()
    with pytest.raises(JournalError, match=r"has schema 1, this version writes \d+: move it away"):
        opening.connect(url, _OWNER)


def test_every_column_that_must_have_a_value_says_what_old_rows_have() -> None:
    """Forgotten, a migration would fail at a user's."""
    oldest = Path(__file__).parents[2] / "reference/ledgers/schema-2.sql"
    raw = sqlite3.connect(":memory:")
    raw.executescript(oldest.read_text())
    for table in metadata.sorted_tables:
        known = {row[1] for row in raw.execute(f"pragma table_info({table.name})")}
        added = [column for column in table.columns if known and column.name not in known and not column.nullable]
        assert {f"{table.name}.{column.name}" for column in added} <= migrations._IN_OLD_ROWS.keys()
    raw.close()


@pytest.mark.postgres
def test_one_in_a_database_is_migrated_too(postgres: Any) -> None:
    """In one transaction, as in a file; a copy is its owner's to keep."""
    url = postgres.url()
    made = opening.connect(url, _OWNER)
    for text in (
        "alter table decisions drop column split",
        "alter table decisions drop column volume_usd_per_day",
        "drop table leases",
        "update meta set value = '6' where key = 'schema_version'",
    ):
        made.exec_driver_sql(text)
    opening.dispose(made)

    opened = opening.connect(url, _OWNER)
    found = inspect(opened)
    columns = {table: {column["name"] for column in found.get_columns(table)} for table in metadata.tables}
    version = opened.execute(select(meta.c.value).where(meta.c.key == "schema_version")).scalar()
    opening.dispose(opened)

    assert columns == {name: set(table.columns.keys()) for name, table in metadata.tables.items()}
    assert version == str(SCHEMA_VERSION)
