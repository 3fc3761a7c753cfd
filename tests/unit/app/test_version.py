"""Which hedgebot this is: from the files of a checkout, whatever they look like, and without one."""

from collections.abc import Callable
from pathlib import Path

import pytest

import bot
from bot import __version__
from bot.app.version import built_from, commit_of, sentence

_COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_refs", "-refs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("files", "commit"),
    [
        ({"HEAD": "ref: refs/heads/main\n", "refs__heads__main": f"{_COMMIT}\n"}, _COMMIT),
        ({"HEAD": f"{_COMMIT}\n"}, _COMMIT),
        (
            {"HEAD": "ref: refs/heads/main\n", "packed_refs": f"# pack\n{_COMMIT} refs/heads/main\n^{_COMMIT}\n"},
            _COMMIT,
        ),
        ({"HEAD": "ref: refs/heads/main\n", "packed_refs": f"{_COMMIT} refs/heads/main2\n"}, None),
        ({"HEAD": "ref: refs/heads/new\n"}, None),
        ({"HEAD": "<html>"}, None),
        ({}, None),
    ],
    ids=["branch", "detached", "packed", "another", "unborn", "nonsense", "none"],
)
def test_the_commit_is_read_from_the_checkout(tmp_path: Path, files: dict[str, str], commit: str | None) -> None:
    """On a branch, detached, packed; what cannot be read is not known."""
    _write(tmp_path / ".git", **files)

    assert commit_of(tmp_path) == commit


def test_of_a_linked_working_tree_too(tmp_path: Path) -> None:
    """Its refs are where the repository is."""
    tree, own = tmp_path / "tree", tmp_path / "main/.git/worktrees/tree"
    _write(tmp_path / "main/.git", refs__heads__x=f"{_COMMIT}\n")
    _write(own, HEAD="ref: refs/heads/x\n", commondir="../..\n")
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")

    assert commit_of(tree) == _COMMIT


@pytest.mark.parametrize(
    ("text", "commit"),
    [(f"{_COMMIT}\n", _COMMIT), ("\n", None), ("unknown\n", None), (f"{_COMMIT[:12]}\n", None), (None, None)],
)
def test_an_image_knows_the_commit_its_build_was_told(tmp_path: Path, text: str | None, commit: str | None) -> None:
    """In a file of the package; what is no commit is none."""
    if text is not None:
        (tmp_path / "commit").write_text(text)

    assert built_from(tmp_path) == commit


def test_a_checkout_comes_before_what_a_build_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one the other is told."""
    package = tmp_path / "bot"
    _write(package, commit=_COMMIT[::-1])
    monkeypatch.setattr(bot, "__file__", str(package / "__init__.py"))
    assert f"commit {_COMMIT[::-1][:12]}, " in sentence()

    _write(tmp_path / ".git", HEAD=_COMMIT)
    assert f"commit {_COMMIT[:12]}, " in sentence()


@pytest.mark.parametrize("words", [("version",), ("--version",)])
def test_command_and_option_print_it(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """One line: version, and the code by its hash wherever it runs."""
    assert call(*words) == 0
    assert capsys.readouterr().out == f"{sentence()}\n"
    assert sentence().startswith(f"{__version__} (")
    assert "code " in sentence()
