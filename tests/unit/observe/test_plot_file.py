"""Charts as a file of their own."""

import re
import xml.etree.ElementTree as ET

from bot.observe.plot import Axis, Drawing, Line, Mark
from bot.observe.plot_file import Name, Panel, Words, as_file

_SIGNS = ("line", "dashed", "area", "dot", "ring", "star", "up", "down")


def _drawn() -> str:
    axis = Axis(0.0, 1.0, "USD")
    drawing = Drawing(
        axis, axis, [Line([(0.0, 0.0), (1.0, 1.0)], 3, is_dashed=True)], marks=[Mark(0.5, 0.5, 1, "star")]
    )
    names = [Name(f"a {sign}", place, sign) for place, sign in enumerate(_SIGNS)]
    return as_file(Words("A & B", "<note>"), [Panel(drawing, names, "first"), Panel(drawing, names[:1], "second", 200)])


def test_panels_stand_one_under_the_other() -> None:
    """Each with its title and names; nothing lies beyond the picture."""
    root = ET.fromstring(_drawn())  # noqa: S314 - our own text
    height = float(root.attrib["height"])
    first, second = [float(re.findall(r"[\d.]+", one.attrib["transform"])[1]) for one in root if one.tag.endswith("}g")]

    assert second - first > 300.0
    assert second + 200.0 < height
    texts = [item.text for item in root.iter() if item.tag.endswith("text")]
    assert {"A & B", "<note>", "first", "second", *(f"a {sign}" for sign in _SIGNS)} <= set(texts)


def test_colours_are_written_out() -> None:
    """No variable and no address: a program without a browser draws it, and asks nobody."""
    drawn = _drawn()

    assert "var(" not in drawn
    assert ".s3{stroke:#c0392b}" in drawn
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
    assert 'fill="#fff"' in drawn
