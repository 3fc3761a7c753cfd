import sqlite3
import stat
from pathlib import Path

import pytest

from bot.domain.errors import JournalError
from bot.journal import opening
from bot.journal.schema import SCHEMA_VERSION

_OWNER = {"mode": "demo", "venue": "deribit"}


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _make(url: str) -> None:
    opening.dispose(opening.connect(url, _OWNER))


def _refusal(url: str, owner: dict[str, str] | None = None) -> str:
    with pytest.raises(JournalError) as caught:
        opening.connect(url, owner or _OWNER)
    return str(caught.value)


def test_a_new_ledger_is_for_its_owner_only(url: str) -> None:
    """Nobody else on the machine reads the trades, not even from the write-ahead log."""
    connection = opening.connect(url, _OWNER)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in _path(url).parent.iterdir()}
    opening.dispose(connection)

    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
    assert stat.S_IMODE(_path(url).parent.stat().st_mode) == 0o700


def test_an_existing_ledger_is_made_private(url: str) -> None:
    """A copied file that everybody can read is closed to others."""
    _make(url)
    _path(url).chmod(0o644)
    _make(url)

    assert stat.S_IMODE(_path(url).stat().st_mode) == 0o600


def test_every_commit_is_synced(url: str) -> None:
    """Write-ahead log, full synchronous: what was committed survives a power cut."""
    connection = opening.connect(url, _OWNER)
    settings = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
    opening.dispose(connection)

    assert settings == {"journal_mode": "wal", "synchronous": 2}


def test_a_lease_does_not_have_an_intent_wait_for_the_disk(url: str) -> None:
    """Commits of the one connection are not synced, those of another go on being."""
    ledger, lease = opening.connect(url, _OWNER), opening.without_sync(opening.connect(url, _OWNER))
    asked = [at.exec_driver_sql("PRAGMA synchronous").scalar() for at in (ledger, lease)]
    for connection in (ledger, lease):
        opening.dispose(connection)

    assert asked == [2, 1]  # FULL, NORMAL


@pytest.mark.parametrize("memory", ["sqlite://", "sqlite:///:memory:"])
def test_a_ledger_in_memory_needs_no_file(memory: str) -> None:
    """Simulations leave nothing behind."""
    _make(memory)


def test_a_ledger_of_another_kind_of_database_is_refused_without_its_password() -> None:
    """The next step is named, the secret is not."""
    expected = "ledger.url mysql://bot:***@db/hedge is not supported here: write e.g. sqlite:///ledger.db"

    assert expected == _refusal("mysql://bot:canary@db/hedge")


def test_text_that_is_no_url_is_refused() -> None:
    """A bare path is not a url."""
    assert _refusal("ledger.db") == "ledger.url 'ledger.db' is not a url: write e.g. sqlite:///ledger.db"


def test_text_that_is_no_url_may_hold_a_password_all_the_same() -> None:
    """A colon forgotten: the line that says so goes to a log."""
    assert _refusal("postgresql//bot:canary@db/desk") == "ledger.url is not a url: write e.g. sqlite:///ledger.db"


def test_a_ledger_of_a_newer_version_is_refused(url: str) -> None:
    """An older program must not write into tables it does not know."""
    _make(url)
    with sqlite3.connect(_path(url)) as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    raw.close()

    found = f"has schema 99, this version writes {SCHEMA_VERSION}"
    expected = f"ledger {_path(url)} {found}: upgrade hedgebot, or give another ledger.url"
    assert expected == _refusal(url)


@pytest.mark.parametrize(
    ("owner", "words"),
    [
        ({"mode": "testnet", "venue": "deribit"}, "mode demo, this run is testnet"),
        ({"mode": "demo", "venue": "okx"}, "venue deribit, this run is okx"),
    ],
)
def test_a_ledger_of_another_mode_or_venue_is_refused(url: str, owner: dict[str, str], words: str) -> None:
    """Fills of a demo can never count as fills of an account."""
    _make(url)

    assert f"ledger {_path(url)} belongs to {words}: give another ledger.url" == _refusal(url, owner)


def test_a_file_that_is_no_ledger_is_refused(url: str) -> None:
    """Something else under that name is not overwritten."""
    _path(url).parent.mkdir()
    _path(url).write_bytes(b"not a database, but long enough to look at" * 100)

    expected = (
        f"ledger {_path(url)} is damaged (file is not a database): move it away and restart; "
        f"the venue will be reconciled"
    )
    assert expected == _refusal(url)
    assert _path(url).read_bytes().startswith(b"not a database")


def test_a_ledger_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    """A file where a folder should be: the path is named."""
    (tmp_path / "file").write_text("")

    text = _refusal(f"sqlite:///{tmp_path}/file/ledger.db")

    assert text.startswith(f"ledger {tmp_path}/file/ledger.db cannot be opened (")
    assert text.endswith("check ledger.url and the permissions of its folder")


def test_a_locked_ledger_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process is writing: it is told to stop that one."""
    monkeypatch.setattr(opening, "_PRAGMAS", ("PRAGMA busy_timeout=1",))
    _make(url)
    other = sqlite3.connect(_path(url), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    text = _refusal(url)
    other.close()

    assert text == f"ledger {_path(url)} is locked: stop the other process that uses it, or give another ledger.url"


def test_a_ledger_belongs_to_the_account_it_was_first_used_for(url: str) -> None:
    """A key of another account is told so before anything is read or written."""
    for account, is_refused in (("1", False), ("1", False), ("2", True), ("1", False)):
        connection = opening.connect(url, _OWNER)
        if is_refused:
            with pytest.raises(JournalError, match=r"^belongs to account 1, the key to 2: give another ledger\.url"):
                opening.bind(connection, account)
        else:
            opening.bind(connection, account)
        opening.dispose(connection)


def test_a_ledger_can_be_looked_at_without_being_touched(url: str) -> None:
    """Absent, whose it is, and by whom it is held; nothing is created and no owner is written."""
    assert opening.examine(url, _OWNER) is False
    assert not _path(url).exists()
    _make(url)
    before = _path(url).read_bytes()

    assert opening.examine(url, _OWNER | {"account": "7"}) is True
    with pytest.raises(JournalError, match=r"belongs to mode demo, this run is live: give another ledger\.url"):
        opening.examine(url, {"mode": "live", "venue": "deribit"})
    assert _path(url).read_bytes() == before
    with sqlite3.connect(_path(url), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="is locked"):
            opening.examine(url, _OWNER)
    other.close()


@pytest.mark.parametrize("content", [b"", b"no ledger" * 1000])
def test_a_file_that_is_no_ledger(url: str, content: bytes) -> None:
    """An empty one becomes one; anything else is damage."""
    _path(url).parent.mkdir(parents=True, exist_ok=True)
    _path(url).write_bytes(content)
    if content:
        with pytest.raises(JournalError, match="is damaged"):
            opening.examine(url, _OWNER)
    else:
        assert opening.examine(url, _OWNER) is True


def test_a_ledger_in_memory_is_never_there_before() -> None:
    """Nor in anybody's way."""
    assert opening.examine("sqlite://", _OWNER) is False


def test_a_folder_that_cannot_be_made(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before a run finds out."""
    monkeypatch.setattr(opening.os, "access", lambda *_: False)
    with pytest.raises(JournalError, match=r"is not writable\): check ledger\.url and the permissions of its folder"):
        opening.examine(url, _OWNER)


@pytest.mark.parametrize(
    ("url", "cause", "late_count", "tries_count"),
    [
        ("postgresql://a@db/b", TimeoutError("timed out"), 2, 3),
        ("postgresql://a@db/b", TimeoutError("timed out"), 9, 3),
        ("postgresql://a@db/b", ConnectionRefusedError("nobody there"), 9, 1),
        ("sqlite:///a.db", TimeoutError("timed out"), 9, 1),
    ],
)
def test_a_server_that_is_late_at_the_start_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, url: str, cause: Exception, late_count: int, tries_count: int
) -> None:
    """Three times at most; whatever else is wrong is told at once."""
    tried: list[str] = []
    opened = object()

    def connect(at: str, owner: dict[str, str]) -> object:
        del owner
        tried.append(at)
        if len(tried) <= late_count:
            raise JournalError("cannot be opened") from cause
        return opened

    monkeypatch.setattr(opening, "connect", connect)
    if late_count < tries_count:
        assert opening.connect_at_start(url, {}) is opened
    else:
        with pytest.raises(JournalError):
            opening.connect_at_start(url, {})

    assert tried == [url] * tries_count
