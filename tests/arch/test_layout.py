"""Where things are: the top level, one test file per module, nothing that nobody uses."""

import ast
from pathlib import Path, PurePosixPath

_TOP_LEVEL = {
    # what a reader looks for
    *(
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "Dockerfile",
        "pyproject.toml",
        "constraints.txt",
        "mkdocs.yml",
    ),
    *("bot", "config", "tests", "deploy", "docs"),
    # what tools look for
    *(".ci", ".dockerignore", ".gitignore", ".pre-commit-config.yaml"),
}


def test_the_top_level_is_what_a_reader_expects(project_files: dict[str, Path]) -> None:
    """A new name beside these is a decision, not an accident."""
    assert {name.split("/")[0] for name in project_files} == _TOP_LEVEL


def home_of(module: str) -> str:
    """Test file of a module: `bot/x/y.py` -> `tests/unit/x/test_y.py`; `__main__` loses its underscores."""
    path = PurePosixPath(module)
    return str(PurePosixPath("tests/unit", *path.parts[1:-1], f"test_{path.stem.strip('_')}.py"))


def untested(names: set[str]) -> list[str]:
    """Modules without a test file of their own."""
    modules = [n for n in names if n.startswith("bot/") and n.endswith(".py") and not n.endswith("__init__.py")]
    return sorted(f"{n} has no {home_of(n)}" for n in modules if home_of(n) not in names)


def orphans(names: set[str]) -> list[str]:
    """Unit test files whose module is gone; a long one may be split into `test_<module>_<aspect>.py`."""
    wanted = tuple(home_of(n).removesuffix(".py") for n in names if n.startswith("bot/"))
    tests = [n for n in names if n.startswith("tests/unit/") and PurePosixPath(n).name.startswith("test_")]
    return sorted(n for n in tests if not any(n == f"{home}.py" or n.startswith(f"{home}_") for home in wanted))


def test_every_module_has_its_test_file(project_files: dict[str, Path]) -> None:
    """tests/unit mirrors the package one to one, so that a module's tests need no searching."""
    found = untested(set(project_files))

    assert found == [], "\n".join(found)


def test_every_unit_test_file_has_its_module(project_files: dict[str, Path]) -> None:
    """A test file that outlived its module tests nothing anybody can find."""
    assert orphans(set(project_files)) == []


def test_a_missing_test_file_is_found() -> None:
    """The mapping fails both ways."""
    names = {"bot/__main__.py", "bot/risk/limits.py", "bot/risk/__init__.py", "tests/unit/risk/test_gone.py"}

    assert untested(names) == [
        "bot/__main__.py has no tests/unit/test_main.py",
        "bot/risk/limits.py has no tests/unit/risk/test_limits.py",
    ]
    assert orphans(names) == ["tests/unit/risk/test_gone.py"]


def undocumented_tests(name: str, tree: ast.Module) -> list[str]:
    """Tests that do not say which behaviour they hold."""
    return [
        f"{name}:{node.lineno}: {node.name} has no docstring stating the behaviour"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]


def test_every_test_states_its_behaviour(python_trees: dict[str, ast.Module]) -> None:
    """The docstrings of the tests read as the specification."""
    trees = {name: tree for name, tree in python_trees.items() if name.startswith("tests/")}
    found = [line for name, tree in trees.items() for line in undocumented_tests(name, tree)]

    assert found == [], "\n".join(found)


def test_a_test_without_behaviour_is_found() -> None:
    """A test without a docstring is reported."""
    assert undocumented_tests("tests/x.py", ast.parse("async def test_a(): ...")) != []


def unused(trees: dict[str, ast.Module]) -> list[str]:
    """Modules nobody imports: a band policy, tactic or venue without its table line, a file left behind."""
    imported: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    modules = {name.removesuffix(".py").replace("/", "."): name for name in trees}
    return sorted(
        name
        for module, name in modules.items()
        if module not in imported and not name.endswith(("__init__.py", "__main__.py"))
    )


def test_every_module_is_used(bot_trees: dict[str, ast.Module]) -> None:
    """What is not plugged in would never run, however well it is tested."""
    assert unused(bot_trees) == []


def test_an_unused_module_is_found() -> None:
    """A policy without its table line is reported."""
    trees = {
        "bot/__main__.py": ast.parse("from bot.hedging.bands import fixed"),
        "bot/hedging/bands/fixed.py": ast.parse(""),
        "bot/hedging/bands/forgotten.py": ast.parse(""),
    }

    assert unused(trees) == ["bot/hedging/bands/forgotten.py"]
