"""The terminal of the picture in the README: rows as a terminal breaks them, in order, the last screen at rest."""

import importlib.util
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def pictures() -> Any:
    """The script."""
    spec = importlib.util.spec_from_file_location("pictures", Path(__file__).with_name("pictures.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lines_are_broken_and_coloured_as_on_a_terminal(pictures: Any) -> None:
    """Escapes take no room; a long line takes two rows of its colour at most, an empty one takes one."""
    rows = pictures.rows_of([(0.0, "\x1b[33mabcdefg\x1b[0m"), (1.0, ""), (2.0, "x"), (3.0, "abcdefghi")], 4)

    assert [row.text for row in rows] == ["abcd", "efg", "", "x", "abcd", "ef …"]
    assert [row.at_s for row in rows] == [0.0, 0.0, 1.0, 2.0, 3.0, 3.0]
    assert rows[0].colour == rows[1].colour != rows[3].colour == ""


def test_nobody_waits_long_for_a_line(pictures: Any) -> None:
    """Long gaps are cut, short ones stay, the order stays."""
    rows = pictures.hurried(pictures.rows_of([(0.0, "a"), (0.5, "b"), (60.5, "c")], 9))

    assert [(row.at_s, row.text) for row in rows] == [(0.0, "a"), (0.5, "b"), (2.0, "c")]


def test_the_animation_shows_each_row_at_its_time_and_rests_on_the_last_screen(pictures: Any) -> None:
    """It scrolls once the screen is full; marks in a line stay text; nothing is fetched."""
    told = [(float(n), f"<{n}> & more") for n in range(40)]
    text = pictures.animation(pictures.rows_of(told, 99), "a & b")
    tree = ElementTree.fromstring(text)  # noqa: S314 - our own

    shown = [item.text for item in tree.iter(f"{_SVG}text")]
    assert shown == ["a & b", *(line for _, line in told)]
    covers = re.findall(r"(\d+)px\)\}", text.partition("@keyframes cover")[2].partition("\n")[0])
    assert covers == [str(17 * n) for n in range(1, 41)]
    assert ".scroll{transform:translateY(-170px)" in text
    assert re.findall(r"(?:href|src|url)\W", text) == []
