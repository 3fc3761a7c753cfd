"""The checkout as the architecture tests see it: its files, and the syntax trees of the package."""

import ast
import subprocess
from pathlib import Path

import pytest

_IGNORED = {".git", ".venv", ".clients", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


@pytest.fixture(scope="session")
def project_files(repo_root: Path) -> dict[str, Path]:
    """Every file that is or would be committed, by its path in the checkout."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repo_root,
        capture_output=True,
        check=False,
        text=True,
    )
    if listing.returncode == 0:
        names = [name for name in listing.stdout.split("\0") if name]
    else:  # no git here: everything but what tools leave behind
        paths = [path.relative_to(repo_root) for path in repo_root.rglob("*") if path.is_file()]
        names = [path.as_posix() for path in paths if not _IGNORED & set(path.parts)]
    return {name: repo_root / name for name in sorted(names) if (repo_root / name).is_file()}


@pytest.fixture(scope="session")
def project_texts(project_files: dict[str, Path]) -> dict[str, str]:
    """Text files of the checkout."""
    texts = {}
    for name, path in project_files.items():
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return texts


@pytest.fixture(scope="session")
def python_trees(project_texts: dict[str, str]) -> dict[str, ast.Module]:
    """Syntax tree of every Python file of the checkout."""
    return {name: ast.parse(text, name) for name, text in project_texts.items() if name.endswith(".py")}


@pytest.fixture(scope="session")
def bot_trees(python_trees: dict[str, ast.Module]) -> dict[str, ast.Module]:
    """Syntax tree of every module of the package."""
    trees = {name: tree for name, tree in python_trees.items() if name.startswith("bot/")}
    assert trees, "the package is empty: the architecture tests would pass on nothing"
    return trees
