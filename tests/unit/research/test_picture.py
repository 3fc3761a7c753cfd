"""The picture of a contest."""

from xml.etree import ElementTree as ET

import pytest

from bot.research.contest import Contest, Point, Standing, Tuned, default_of
from bot.research.picture import draw
from bot.research.world import World

_SVG = "{http://www.w3.org/2000/svg}"


def _point(cost: float, variance: float) -> Point:
    return Point(name="rival", cost_usd=cost, variance_usd_squared=variance, objective_usd=1.0)


@pytest.fixture
def drawn(small: World) -> ET.Element:
    """One rival: two points inside the picture, one far outside."""
    candidate = default_of(small, name="rival")
    standing = Standing(
        candidate=candidate, point=_point(0.2, 1.0), trades_count=3.0, lead_usd=0.0, lead_low_usd=0.0, lead_high_usd=0.0
    )
    tried = (_point(0.3, 0.5), _point(0.2, 1.0), _point(1e-9, 1e9))
    contest = Contest(
        world=small,
        default=_point(0.1, 1.0),
        default_trades_count=5.0,
        default_curve=(_point(0.15, 0.6), _point(0.1, 1.0)),
        standings=(standing,),
        tuned=(Tuned(candidate=candidate, is_at_the_end=False, tried=tried),),
    )
    return ET.fromstring(draw(contest))  # noqa: S314 - our own text


def _all(drawn: ET.Element, name: str) -> list[ET.Element]:
    return list(drawn.iter(f"{_SVG}{name}"))


def test_a_rival_has_its_curve_its_best_and_its_name(drawn: ET.Element) -> None:
    """Points outside the window are not drawn."""
    line, _ = _all(drawn, "polyline")

    assert len(line.attrib["points"].split()) == 2
    assert len(_all(drawn, "circle")) == 1
    assert "rival" in [item.text for item in _all(drawn, "text")]


def test_more_cost_is_higher_and_more_variance_is_further_right(drawn: ET.Element) -> None:
    """Down and left is better."""
    line, _ = _all(drawn, "polyline")
    (left, top), (right, bottom) = (map(float, point.split(",")) for point in line.attrib["points"].split())

    assert left < right
    assert top < bottom


def test_the_default_has_its_curve_too(drawn: ET.Element) -> None:
    """In front of the others, and in black."""
    assert _all(drawn, "polyline")[-1].attrib["class"] == "line bold s1"


def test_the_default_is_the_star(drawn: ET.Element) -> None:
    """Once in the picture, once in the legend."""
    assert [item.attrib["class"] for item in _all(drawn, "polygon")] == ["mark f1"] * 2
    assert "whalley_wilmott" in [item.text for item in _all(drawn, "text")]
