"""The file that tells the command line where the bot answers: for its owner only, whole or not there."""

import stat
from pathlib import Path

import pytest

from bot.domain.errors import ConfigError
from bot.web import control_file
from bot.web.control_file import Access, beside, new_token, only, read, remove, write

_ACCESS = Access(host="127.0.0.1", port=8642, token="secret")  # noqa: S106 - of a test


def test_what_is_written_is_read_and_nobody_else_may(tmp_path: Path) -> None:
    """In a folder that is made for it; a draft is never left behind."""
    path = tmp_path / "var" / "bot.control.json"
    write(path, _ACCESS)

    assert read(path) == _ACCESS
    assert stat.S_IMODE(path.stat().st_mode) == control_file.FILE_MODE == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["bot.control.json"]


def test_an_older_file_is_replaced_whatever_its_mode(tmp_path: Path) -> None:
    """Also a link somebody put there: it is replaced, not followed."""
    path, elsewhere = tmp_path / "c.json", tmp_path / "precious"
    elsewhere.write_text("keep")
    path.symlink_to(elsewhere)
    write(path, _ACCESS)

    assert (read(path), elsewhere.read_text()) == (_ACCESS, "keep")


def test_a_file_others_can_read_is_no_secret(tmp_path: Path) -> None:
    """Its token may be known."""
    path = tmp_path / "c.json"
    write(path, _ACCESS)
    path.chmod(0o640)

    with pytest.raises(ConfigError, match="can be read by others"):
        read(path)


@pytest.mark.parametrize(("content", "words"), [(None, "is the bot running"), (b"{}", "is not a control file")])
def test_a_file_that_is_none_is_said_in_one_line(tmp_path: Path, content: bytes | None, words: str) -> None:
    """With the next step."""
    path = tmp_path / "c.json"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)

    with pytest.raises(ConfigError, match=words):
        read(path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A folder that is a file."""
    (tmp_path / "var").write_text("")

    with pytest.raises(ConfigError, match=r"control\.file: cannot write"):
        write(tmp_path / "var" / "c.json", _ACCESS)


def test_only_our_own_file_is_removed(tmp_path: Path) -> None:
    """A bot that ends must not take away the file of the one that has begun since."""
    path = tmp_path / "c.json"
    write(path, _ACCESS)
    remove(path, "another")
    before = path.exists()
    remove(path, "secret")
    remove(path, "secret")

    assert (before, path.exists()) == (True, False)


def test_tokens_differ() -> None:
    """A new one for every run, long enough that nobody guesses it."""
    tokens = {new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/hedgebot.db", "var/hedgebot.control.json"),
        ("sqlite:////data/desk.db", "/data/desk.control.json"),
        ("sqlite:///:memory:", "var/hedgebot.control.json"),
        ("postgresql://host/desk", "var/hedgebot.control.json"),
    ],
)
def test_it_lies_beside_the_ledger(url: str, path: str) -> None:
    """Which one process has for itself."""
    assert beside(url) == Path(path)


@pytest.mark.parametrize("names", [(), ("paper",), ("hedgebot",)])
def test_the_only_bot_here_is_found_whatever_its_ledger_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """Neither drafts nor ledgers count; where no bot is, the usual name is what is missing."""
    monkeypatch.chdir(tmp_path)
    for name in names:
        write(beside(f"sqlite:///var/{name}.db"), _ACCESS)
        for other in (f"{name}.db", f".{name}.control.json.1f2e"):
            (tmp_path / "var" / other).touch()

    assert only() == Path(f"var/{(*names, 'hedgebot')[0]}.control.json")


def test_of_several_none_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that stops trading must not reach another bot: one line with their files, and how to name one."""
    monkeypatch.chdir(tmp_path)
    for name in ("paper", "desk"):
        write(beside(f"sqlite:///var/{name}.db"), _ACCESS)

    with pytest.raises(ConfigError, match="2 bots") as caught:
        only()
    assert "(var/desk.control.json, var/paper.control.json): name one with --control" in str(caught.value)
    assert "\n" not in str(caught.value)
