"""Mills ratios against 50-digit values, and their narrow differences where plain ones have no digits left."""

import numpy as np
import pytest

from bot.pricing import normal_tail

_MILLS = [
    (-5.0, 672621.63672287925231),
    (-0.5, 1.9640174953579937537),
    (0.0, 1.2533141373155002512),
    (0.75, 0.75257117906340805146),
    (4.5, 0.21257058044203179023),
    (5.0, 0.19280810471531576488),
    (12.0, 0.082766286501369177252),
    (37.0, 0.027007327965128336063),
]
_SPREADS = [
    (0.0, 0.049, 0.098078470342955185635, 1e-15),
    (0.5, 0.01, 0.011236630742410756657, 2e-15),
    (3.0, 1e-6, 1.7245820773939180088e-7, 2e-14),
    (12.0, 0.03125, 0.00042528787679388389286, 1e-13),
    (37.0, 0.049, 0.000071428923083207110177, 1e-12),
]


@pytest.mark.parametrize(("y", "expected"), _MILLS)
def test_mills_of_one_number(y: float, expected: float) -> None:
    """Both forms of the scalar ratio, erfc below 5 and the continued fraction from there, keep 14 digits."""
    assert normal_tail.mills(y) == pytest.approx(expected, rel=1e-14, abs=0.0)


def test_mills_of_an_array() -> None:
    """The array's ratio keeps 15 digits and does not touch its input."""
    y = np.array([point for point, _ in _MILLS])
    before = y.copy()

    assert normal_tail.mills_array(y) == pytest.approx([value for _, value in _MILLS], rel=2e-15, abs=0.0)
    assert (y == before).all()


@pytest.mark.parametrize(("middle", "half_width", "expected", "tolerance"), _SPREADS)
def test_a_narrow_spread_keeps_its_digits(middle: float, half_width: float, expected: float, tolerance: float) -> None:
    """The series for R(y - t) - R(y + t) is exact to its promise for floats and arrays alike."""
    ratio = normal_tail.mills(middle)
    one = normal_tail.mills_spread_narrow(middle, half_width, ratio)
    many = normal_tail.mills_spread_narrow(np.array([middle]), np.array([half_width]), np.array([ratio]))

    assert [one, many[0]] == pytest.approx([expected, expected], rel=tolerance, abs=0.0)


def test_the_series_meets_the_plain_difference_at_its_end() -> None:
    """At the half width where the plain difference takes over, both agree to that one's 13 digits near the money."""
    t = normal_tail.HALF_WIDTH_NARROW
    for y in (0.0, 1.0, 2.0):
        series = normal_tail.mills_spread_narrow(y, t, normal_tail.mills(y))

        assert series == pytest.approx(normal_tail.mills(y - t) - normal_tail.mills(y + t), rel=1e-13, abs=0.0)
