"""Which volatility is used, and why it is not the chosen one."""

from typing import Any

import pytest

from bot.risk.volatility import Volatility, VolatilitySource, of

_MARK, _MID = VolatilitySource.MARK, VolatilitySource.MID


@pytest.mark.parametrize(
    ("iv_bid", "iv_ask", "expected"),
    [
        (0.58, 0.64, Volatility(0.61, _MID)),
        (0.61, 0.61, Volatility(0.61, _MID)),
        (None, 0.64, Volatility(0.6, _MARK, "one_sided")),
        (0.58, None, Volatility(0.6, _MARK, "one_sided")),
        (0.65, 0.64, Volatility(0.6, _MARK, "crossed")),
        (0.40, 0.71, Volatility(0.6, _MARK, "too_wide")),
    ],
)
def test_the_middle_of_the_quotes_else_the_mark(
    make: Any, iv_bid: float | None, iv_ask: float | None, expected: Volatility
) -> None:
    """A quote that says nothing leaves the mark, with the reason."""
    found = of(make.option_marked(iv_bid=iv_bid, iv_ask=iv_ask), _MID)

    assert found is not None
    assert found == expected._replace(iv=pytest.approx(expected.iv, rel=1e-15))


@pytest.mark.parametrize("source", list(VolatilitySource))
def test_no_mark_no_volatility(make: Any, source: VolatilitySource) -> None:
    """Trust is judged on the mark: without one the leg is in doubt, whatever its quotes say."""
    assert of(make.option_marked(iv_mark=None, iv_bid=0.5, iv_ask=0.6), source) is None


def test_the_mark_needs_no_quotes(make: Any) -> None:
    """The default looks at nothing else."""
    assert of(make.option_marked(iv_bid=0.1, iv_ask=0.2), _MARK) == Volatility(0.6, _MARK)


@pytest.mark.parametrize(
    ("iv_fitted", "expected"),
    [
        (0.57, Volatility(0.57, VolatilitySource.SURFACE)),
        (None, Volatility(0.6, _MARK, "no_surface")),
        (float("nan"), Volatility(0.6, _MARK, "no_surface")),
        (0.0, Volatility(0.6, _MARK, "no_surface")),
        (5.0, Volatility(0.6, _MARK, "no_surface")),
        (0.29, Volatility(0.6, _MARK, "surface_off")),
        (1.21, Volatility(0.6, _MARK, "surface_off")),
    ],
)
def test_the_surface_where_it_has_a_volatility(make: Any, iv_fitted: float | None, expected: Volatility) -> None:
    """What no market is counts as none."""
    assert of(make.option_marked(), VolatilitySource.SURFACE, iv_fitted) == expected
