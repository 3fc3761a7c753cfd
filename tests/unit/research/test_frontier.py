"""Dots of cost against what is left open."""

import re
import xml.etree.ElementTree as ET

import pytest

from bot.research.frontier import Dot, Words, draw

_WORDS = Words(title="A & B", note="note", left_open="open", cost="cost")
_DOTS = [
    Dot("fixed", "fixed, 0.05", 10.0, 5.0),
    Dot("fixed", "fixed, 0.1", 20.0, 2.0),
    Dot("free", "free", 5.0, 0.0),
    Dot("the run", "mine", 12.0, 6.0, is_actual=True),
]


def test_every_dot_with_a_place_is_drawn() -> None:
    """One circle each, a name per group, the run as a star; what cost nothing has no place on a logarithmic axis."""
    drawn = draw(_DOTS, _WORDS)
    root = ET.fromstring(drawn)  # noqa: S314 - our own text

    assert drawn.count("<title>") == 2
    stars = [item for item in root.iter() if item.tag.endswith("polygon")]
    assert len(stars) == 2, "in the picture and beside its name"
    assert ">fixed<" in drawn
    assert "free" not in drawn
    assert root.attrib["aria-label"] == "A & B"
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")


def test_dearer_is_higher_and_more_open_is_further_right() -> None:
    """The axes point where a reader expects."""
    circles = [
        item
        for item in ET.fromstring(draw(_DOTS, _WORDS)).iter()  # noqa: S314 - our own text
        if item.tag.endswith("circle") and len(item)
    ]
    (first_x, first_y), (second_x, second_y) = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in circles]

    assert (second_x > first_x, second_y > first_y) == (True, True)


def test_no_two_groups_look_alike() -> None:
    """Nine of three portfolios under three policies: where the colours end, squares begin."""
    dots = [Dot(f"group {number}", f"dot {number}", 1.0 + number, 2.0) for number in range(9)]

    drawn = draw(dots, _WORDS)
    looks = re.findall(r'<(circle|rect) class="mark (f\d)"[^>]*><title>', drawn)

    assert len(looks) == len(set(looks)) == 9


def test_nothing_to_draw_is_said() -> None:
    """Rather than an empty picture."""
    with pytest.raises(ValueError, match="a picture needs"):
        draw([_DOTS[2]], _WORDS)
