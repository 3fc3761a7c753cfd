"""Pages of which one part is computed."""

from pathlib import Path

import pytest

from bot.domain.errors import ConfigError
from bot.research.marked_page import MarkedPage, marks, table, wrapped


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    """Twice gives the same; pictures go to a folder beside the page's."""
    begin, end = marks("bands")
    path = tmp_path / "explanation" / "p.md"
    path.parent.mkdir()
    path.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    page = MarkedPage(path, "bands")
    page.write("new")
    once = path.read_text()
    MarkedPage(path, "bands").write("new")

    assert once == path.read_text() == f"before\n{begin}\n\nnew\n{end}\nafter\n"
    assert page.image("images/x.svg") == tmp_path / "images/x.svg"
    assert "`make bands`" in begin


def test_a_page_without_its_marks_is_refused(tmp_path: Path) -> None:
    """Before anything is computed; those of another target are none."""
    path = tmp_path / "p.md"
    path.write_text("\n".join(marks("bands")))

    with pytest.raises(ConfigError, match=r"validation: .* lacks the lines"):
        MarkedPage(path, "validation")
    with pytest.raises(ConfigError, match="cannot be read"):
        MarkedPage(tmp_path / "q.md", "validation")


def test_tables_and_paragraphs_are_lines() -> None:
    """A table with its rule, a paragraph no wider than the others of the documentation."""
    assert table(("a", "b"), [("1", "2")]) == ["| a | b |", "|---|---|", "| 1 | 2 |"]
    lines = wrapped("word " * 100)
    assert max(map(len, lines)) <= 140
    assert " ".join(lines).split() == ["word"] * 100
