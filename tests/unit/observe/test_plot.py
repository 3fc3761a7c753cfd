"""Charts as SVG: two sizes, nothing outside its frame, numbers that can be told apart."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.time import NS_PER_S, Ns
from bot.observe.plot import (
    SIZES,
    Axis,
    Bar,
    Drawing,
    Line,
    Mark,
    axis_of,
    legend,
    log_axis,
    svg,
    thinned,
    ticks_between,
    time_axis,
)


def _numbers(text: str, name: str) -> list[float]:
    return [float(found) for found in re.findall(rf' {name}="(-?[\d.]+)"', text)]


def test_a_chart_is_drawn_once_for_a_screen_and_once_for_a_phone() -> None:
    """Both with title, units and every element inside the drawing."""
    drawing = Drawing(
        Axis(0.0, 10.0, "strike, USD"),
        Axis(-1.0, 1.0, "BTC"),
        lines=[Line([(0.0, -1.0), (10.0, 1.0)], 0, True)],
        areas=[Line([(0.0, 0.5), (10.0, 0.5), (10.0, -0.5)], 6)],
        bars=[Bar(5.0, -0.5, 3), Bar(6.0, 0.5, 3, 1.0)],
        marks=[Mark(2.0, 0.2, 2, shape) for shape in ("up", "down", "dot", "ring")],
    )
    drawn = svg(drawing, 'a "title" <b>')

    assert drawn.count("<svg") == 2 == len(SIZES)
    for size, text in zip(SIZES, drawn.split("</svg>"), strict=False):
        assert f'class="{size.name}"' in text
        assert 'aria-label="a &quot;title&quot; &lt;b&gt;"' in text
        assert ("strike, USD" in text, ">BTC<" in text) == (True, True)
        for name, most in (("x1", size.width), ("x2", size.width), ("y1", size.height), ("y2", size.height)):
            assert all(0.0 <= value <= most for value in _numbers(text, name))
        assert 'class="line bold s0"' in text
        assert "zero" in text


def test_times_are_round_ones_in_utc_and_few_on_a_phone() -> None:
    """Two hours: quarters of an hour on a screen; nine days: days."""
    start = Ns(1_774_598_400 * NS_PER_S)  # 2026-03-27T08:00:00Z
    hours = Drawing(time_axis(start, Ns(start + 7_200 * NS_PER_S)), Axis(0.0, 1.0, "USD"))
    wide, narrow, _ = svg(hours, "t").split("</svg>")

    assert "08:15" in wide
    assert "08:15" not in narrow
    assert len(re.findall(r">\d\d:\d\d<", narrow)) <= 6
    days = svg(Drawing(time_axis(start, Ns(start + 9 * 86_400 * NS_PER_S)), Axis(0.0, 1.0, "USD")), "t")
    assert ">28 Mar<" in days


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.0, 1.0, ["0.0", "0.2", "1.0"]),
        (64_000.0, 65_000.0, ["64,200"]),
        (-0.05, 0.05, ["-0.04", "0.00"]),
        (0.0, 2e6, ["500,000"]),
    ],
)
def test_numbers_have_the_digits_that_tell_them_apart(low: float, high: float, shown: list[str]) -> None:
    """No more, and zero is never negative."""
    drawn = svg(Drawing(Axis(0.0, 1.0, "x"), Axis(low, high, "y")), "t")

    for number in shown:
        assert f">{number}<" in drawn
    assert ">-0.0" not in drawn.replace(">-0.04", "").replace(">-0.02", "")


def test_an_axis_shows_what_there_is() -> None:
    """With room, with zero where it is asked for; of nothing and of one value it is an axis still."""
    assert axis_of([1.0, 3.0, math.nan, math.inf], "u", share=0.5)[:2] == (0.0, 4.0)
    assert axis_of([1.0, 3.0], "u", with_zero=True, share=0.0)[:2] == pytest.approx((-0.15, 3.15))
    assert axis_of([], "u")[:2] == (0.0, 1.0)
    low, high = axis_of([5.0], "u")[:2]
    assert low < 5.0 < high


def test_a_spike_survives_thinning() -> None:
    """Ends, lowest and highest of every stretch; no more points than were asked for, but for the ends."""
    points = [(float(at), 0.0) for at in range(10_000)]
    points[4_321] = (4_321.0, 9.0)
    points[7_654] = (7_654.0, -9.0)
    found = thinned(points, 300)

    assert {(4_321.0, 9.0), (7_654.0, -9.0), points[0], points[-1]} <= set(found)
    assert len(found) <= 302
    assert [x for x, _ in found] == sorted(x for x, _ in found)
    assert thinned(points[:10], 300) == points[:10]


def test_names_stand_beside_the_picture() -> None:
    """With the colour and the sign they have in it."""
    assert legend([("gamma & time", 0, "line")]) == (
        '<ul class="legend"><li><i class="k line s0"></i>gamma &amp; time</li></ul>'
    )


def test_a_logarithmic_axis_places_powers_evenly() -> None:
    """A tenth, one and ten are equally far apart, and told; many decades are told by their powers alone."""
    axis = log_axis([0.1, 10.0], "hedges", room=1.0)
    drawn = svg(Drawing(axis, axis, marks=[Mark(x, x, 0, "dot", f"at {x:g}") for x in (0.1, 1.0, 10.0)]), "t")
    left, middle, right = _numbers(drawn, "cx")[:3]
    low, half, high = _numbers(drawn, "cy")[:3]

    assert (middle - left, low - half) == pytest.approx((right - middle, half - high), abs=0.2)
    assert "<title>at 0.1</title>" in drawn
    assert ">0.2<" in drawn
    many = svg(Drawing(log_axis([1e-3, 1e3], "x"), Axis(0.0, 1.0, "y")), "t")
    assert ">100<" in many
    assert ">200<" not in many


@pytest.mark.parametrize("value", [0.00734, 2.4, 31.0])
def test_a_short_logarithmic_axis_has_numbers_too(value: float) -> None:
    """Where a single figure lies between two round ones."""
    axis = log_axis([value], "x", room=1.05)
    drawn = svg(Drawing(axis, axis), "t")

    assert len(re.findall(r'text-anchor="end">[\d.,e-]+<', drawn)) >= 4


def test_a_logarithmic_axis_has_no_place_for_nothing() -> None:
    """Zero cost is infinitely far down."""
    with pytest.raises(ValueError, match="no place for 0"):
        log_axis([0.0, 1.0], "x")


@given(
    low=st.floats(-1e7, 1e7),
    span=st.floats(1e-3, 1e7),
)
def test_ticks_are_few_and_inside(low: float, span: float) -> None:
    """Whatever the range, an axis has some round values and not too many."""
    ticks = ticks_between(low, low + span)

    assert 2 <= len(ticks) <= 7
    assert all(low - 1e-6 * (abs(low) + span) <= tick <= low + span + 1e-6 * (abs(low) + span) for tick in ticks)
