"""What README and docs tell people to type, to open and to read exists: commands with their options, links, files."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
import typer

from bot.app.cli import cli
from bot.app.reference import config_keys

_FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=")
_FILE = re.compile(r"(?:bot|config|deploy|docs|tests)/[\w./-]*\w")
_VARIABLE = re.compile(r"HEDGEBOT_([A-Z][A-Z0-9_]*[A-Z0-9])")
_TARGET = re.compile(r"^([a-z-]+):.*## ", re.MULTILINE)
_PLACEHOLDERS = ("<", "{", "*", "...")
"""What stands for something else is no name of a file."""


def _documents(texts: dict[str, str]) -> dict[str, str]:
    found = {name: text for name, text in texts.items() if name == "README.md" or name.startswith("docs/")}
    return {name: text for name, text in found.items() if name.endswith(".md")}


def commands(text: str) -> Iterator[list[str]]:
    """Words of each command of ours in code blocks and in inline code, without environment and comment."""
    lines = [line for block in _FENCE.findall(text) for line in block.splitlines()]
    lines += _INLINE.findall(_FENCE.sub("", text))
    for line in lines:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue  # an apostrophe: prose, or a line of output
        while words and _ASSIGNMENT.match(words[0]):
            words = words[1:]
        if words and words[0].removeprefix(".venv/bin/") in {"hedgebot", "make"}:
            yield [words[0].removeprefix(".venv/bin/"), *words[1:]]


def wrong_command(words: list[str], targets: set[str]) -> str | None:
    """Why a command would not be understood; None when it would."""
    program, *rest = words
    if program == "make":
        unknown = [word for word in rest if "=" not in word and word not in targets]
        demo_options = [word.removeprefix("ARGS=") for word in rest if word.startswith("ARGS=") and "demo" in rest]
        if unknown:
            return f"make has no target {unknown[0]}"
        return next((why for text in demo_options if (why := _wrong_options(["demo", *shlex.split(text)]))), None)
    return _wrong_options(rest) if rest else None


def _wrong_options(words: list[str]) -> str | None:
    """Only names and counts are looked at: placeholders like FILE stay what they are."""
    known = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
    name, *rest = words
    if name not in known:
        return f"hedgebot has no command {name}"
    command = known[name]
    while rest and hasattr(command, "commands"):
        if rest[0] not in command.commands:
            return f"hedgebot {name} has no command {rest[0]}"
        command, name, rest = command.commands[rest[0]], f"{name} {rest[0]}", rest[1:]
    params = command.params
    options = {text: param for param in params for text in param.opts if text.startswith("-")} | {"--help": None}
    arguments = [param for param in params if not param.opts[0].startswith("-")]
    arguments_max = len(words) if any(param.nargs < 0 for param in arguments) else len(arguments)
    while rest:
        word, *rest = rest
        if not word.startswith("-"):
            arguments_max -= 1
        elif word not in options:
            return f"hedgebot {name} has no option {word}"
        elif not getattr(options[word], "is_flag", True):
            if not rest:
                return f"hedgebot {name}: {word} needs a value"
            rest = rest[1:]
    return f"hedgebot {name}: too many arguments" if arguments_max < 0 else None


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def broken_links(name: str, text: str, texts: dict[str, str], exists: Callable[[str], bool]) -> list[str]:
    """Relative links of a document that lead nowhere."""
    found = []
    for link in _LINK.findall(_FENCE.sub("", text)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        parts: list[str] = []
        for part in PurePosixPath(name).parent.joinpath(path).parts if path else PurePosixPath(name).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        target = "/".join(parts)
        if not exists(target):
            found.append(f"{name}: {link} leads nowhere")
        elif anchor and anchor not in map(_slug, _HEADING.findall(texts.get(target, ""))):
            found.append(f"{name}: {link}: no such heading")
    return found


def unlisted(documents: dict[str, str], index: str = "docs/index.md") -> list[str]:
    """Pages that the first page does not name: nobody would find them."""
    named = {f"docs/{link.partition('#')[0]}" for link in _LINK.findall(documents[index])}
    pages = {name for name in documents if name.startswith("docs/")} - {index}
    return [
        f"{name} is not named in {index}: add a link in the section it belongs to" for name in sorted(pages - named)
    ]


def missing_files(name: str, text: str, exists: Callable[[str], bool]) -> list[str]:
    """Files of the checkout that a document names in code and that are not there."""
    said = [word for code in _INLINE.findall(_FENCE.sub("", text)) for word in code.split()]
    said += [word for block in _FENCE.findall(text) for word in block.split()]
    named = [word for word in said if not any(mark in word for mark in _PLACEHOLDERS) and _FILE.fullmatch(word)]
    return [f"{name}: there is no {word}" for word in named if not exists(word)]


def unknown_settings(text: str, keys: set[str]) -> list[str]:
    """Variables of the environment that set nothing, by the list of keys."""
    paths = {re.sub(r"__BOOKS__[A-Z]+__", "__BOOKS__COIN__", f"__{name}")[2:] for name in _VARIABLE.findall(text)}
    return sorted(paths - {key.upper().replace(".", "__") for key in keys} - {"SHARED"})


@pytest.fixture(scope="session")
def exists(repo_root: Path) -> Callable[[str], bool]:
    """Whether a path of the checkout is there, file or folder."""
    return lambda path: (repo_root / path).exists()


@pytest.fixture(scope="session")
def targets(project_texts: dict[str, str]) -> set[str]:
    """Targets of the Makefile."""
    return set(_TARGET.findall(project_texts["Makefile"]))


def test_every_command_in_the_documentation_is_understood(project_texts: dict[str, str], targets: set[str]) -> None:
    """Whoever copies a line gets what it says."""
    told = [(name, words) for name, text in _documents(project_texts).items() for words in commands(text)]
    wrong = [f"{name}: {' '.join(words)}: {why}" for name, words in told if (why := wrong_command(words, targets))]

    assert wrong == [], "\n".join(wrong)
    assert {words[0] for _, words in told} == {"hedgebot", "make"}


def test_every_link_in_the_documentation_leads_somewhere(
    project_texts: dict[str, str], exists: Callable[[str], bool]
) -> None:
    """To a file, and to a heading where one is named."""
    documents = _documents(project_texts)
    found = [line for name, text in documents.items() for line in broken_links(name, text, documents, exists)]

    assert found == [], "\n".join(found)


def test_every_page_is_named_on_the_first_one(project_texts: dict[str, str]) -> None:
    """The menu of the site is made from it as well."""
    assert unlisted(_documents(project_texts)) == []


def test_a_page_nobody_would_find_is_found() -> None:
    """With or without a heading of it named."""
    documents = {"README.md": "", "docs/index.md": "[a](how-to/a.md#x)", "docs/how-to/a.md": "", "docs/how-to/b.md": ""}

    assert [line.split()[0] for line in unlisted(documents)] == ["docs/how-to/b.md"]


def test_every_file_the_documentation_names_is_there(
    project_texts: dict[str, str], exists: Callable[[str], bool]
) -> None:
    """Pages that explain code point at code that exists."""
    found = [line for name, text in _documents(project_texts).items() for line in missing_files(name, text, exists)]

    assert found == [], "\n".join(found)


def test_every_variable_the_documentation_sets_is_a_key(project_texts: dict[str, str]) -> None:
    """A name that is no longer one would be refused, or do nothing."""
    keys = {key for key, *_ in config_keys()}
    documents = _documents(project_texts)
    found = {name: wrong for name, text in documents.items() if (wrong := unknown_settings(text, keys))}

    assert found == {}


def test_every_key_of_a_book_the_documentation_names_is_one(project_texts: dict[str, str]) -> None:
    """In code, with COIN for the book: the words of other tools are translated into keys that there are."""
    keys = {key for key, *_ in config_keys()}
    sections = {key.rpartition(".")[0] for key in keys}
    named = {
        (name, key)
        for name, text in _documents(project_texts).items()
        for key in re.findall(r"`(books\.COIN\.[a-z_.]+)`", text)
    }

    assert len(named) > 20
    assert sorted((name, key) for name, key in named if key not in keys | sections) == []


def test_an_unknown_variable_is_found() -> None:
    """Of a book or not; the one that tests read is none of ours."""
    text = "HEDGEBOT_BOOKS__BTC__BAND__WIDTH=1 HEDGEBOT_BOOKS__ETH__BAND__POLICY=x HEDGEBOT_MODE HEDGEBOT_SHARED"

    assert unknown_settings(text, {"books.COIN.band.policy", "mode"}) == ["BOOKS__COIN__BAND__WIDTH"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("`hedgebot sell`", "hedgebot has no command sell"),
        ("`hedgebot run --config F --fast`", "has no option --fast"),
        ("```\n.venv/bin/hedgebot demo --seconds\n```", "needs a value"),
        ("```\nA=b make dem # comment\n```", "make has no target dem"),
        ('```\nmake demo ARGS="--second 60"\n```', "has no option --second"),
        ("`hedgebot replay RUN RUN`", "too many arguments"),
    ],
)
def test_a_wrong_command_is_found(line: str, why: str) -> None:
    """A command, an option, a target, an option passed through make."""
    (words,) = commands(line)

    assert why in (wrong_command(words, {"demo"}) or "")


def test_prose_and_output_are_no_commands() -> None:
    """Only lines that begin with a command of ours are."""
    text = "`x = 1` and `make` it, don't\n```\ninfo run.started hedgebot\nhedgebot: it's refused\n```\n`hedgebot`"

    assert [words for words in commands(text) if words[1:]] == []


def test_a_broken_link_and_a_missing_file_are_found() -> None:
    """Relative to where the document is; placeholders are no names."""
    text = "[a](../x.md) [b](y.md#no-such) [c](y.md#a-b) [d](https://x) `bot/x.py` `bot/<name>.py` `config/y.toml`"
    texts = {"docs/how-to/y.md": "# A b\n"}

    def exists(path: str) -> bool:
        return path in {"docs/how-to/y.md", "config/y.toml"}

    assert broken_links("docs/how-to/z.md", text, texts, exists) == [
        "docs/how-to/z.md: ../x.md leads nowhere",
        "docs/how-to/z.md: y.md#no-such: no such heading",
    ]
    assert missing_files("z.md", text, exists) == ["z.md: there is no bot/x.py"]
