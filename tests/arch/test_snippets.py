"""Blocks of code in README and docs say what they are, and are that: whatever reads such a thing can read them.

Blocks in `sh`, `python` and `sql` are carried out by `tests/integration/runs/documented`, those in `toml` loaded by
`tests/unit/app/test_config_files.py`.
"""

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml


def _ini(text: str) -> None:
    configparser.ConfigParser(strict=False).read_string(text)


_READERS: dict[str, Callable[[str], object]] = {
    "ini": _ini,
    "json": json.loads,
    "python": lambda text: ast.parse(text.replace("<name>", "name")),
    "sh": lambda _: None,
    "sql": lambda _: None,
    "text": lambda _: None,
    "toml": tomllib.loads,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
}
_TYPED = re.compile(
    r"^\s*(?:[A-Z_]+=\S+ )?(?:\$ |(?:\.venv/bin/)?hedgebot [a-z]|(?:make|pip|docker|podman|curl|export|git|ssh) \S)",
    re.MULTILINE,
)
"""Begins a line that a reader is to type."""


def wrong_blocks(blocks: Iterable[Any]) -> list[str]:
    """Blocks without a language we know, those their language does not read, and commands that are no `sh`."""
    found = []
    for block in blocks:
        place = f"{block.page}:{block.line}"
        if block.language not in _READERS:
            found.append(
                f"{place}: ```{block.language} is none of {', '.join(_READERS)}: what is typed is sh (each line is "
                f"carried out by tests/integration/runs/documented/test_commands.py), output and drawings are text"
            )
            continue
        if block.language == "text" and (typed := _TYPED.search(block.text)):
            found.append(f"{place}: {typed[0].strip()!r} begins a command: make the block ```sh, without its output")
        try:
            _READERS[block.language](block.text)
        except (ValueError, SyntaxError, configparser.Error, yaml.YAMLError) as error:
            found.append(f"{place}: no {block.language}: {error}")
    return found


def test_every_block_of_code_is_what_it_says(code_blocks: list[Any]) -> None:
    """Nothing to type hides in a block that no test carries out."""
    assert wrong_blocks(code_blocks) == []
    assert {"sh", "text", "toml", "python"} <= {block.language for block in code_blocks}


@pytest.mark.parametrize(
    ("opening", "text", "why"),
    [
        ("", "hedgebot status", "is none of"),
        ("bash", "hedgebot status", "is none of"),
        ("text", "what it says:\n  .venv/bin/hedgebot status", "begins a command"),
        ("text", "$ ls", "begins a command"),
        ("toml", "a =", "no toml"),
        ("json", "{a: 1}", "no json"),
        ("python", "def f(:", "no python"),
        ("yaml", "a: [", "no yaml"),
        ("ini", "a = 1", "no ini"),
    ],
)
def test_a_wrong_block_is_found(
    make_blocks: Callable[[str, str], list[Any]], opening: str, text: str, why: str
) -> None:
    """In a list as well, where blocks are indented."""
    page = f"1. First\n\n   ```{opening}\n   " + text.replace("\n", "\n   ") + "\n   ```\n"
    (block,) = make_blocks("docs/x.md", page)

    assert (block.line, block.text.strip()) == (4, text)
    assert [why in line for line in wrong_blocks([block])] == [True]


def test_the_end_of_one_block_does_not_begin_another(make_blocks: Callable[[str, str], list[Any]]) -> None:
    """Blocks follow each other, and inline code is none."""
    page = "```sh\nmake\n```\nand ```x``` or\n```toml\na = 1\n```\n"

    assert [(block.language, block.line, block.text) for block in make_blocks("README.md", page)] == [
        ("sh", 2, "make\n"),
        ("toml", 6, "a = 1\n"),
    ]
