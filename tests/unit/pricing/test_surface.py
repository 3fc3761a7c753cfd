"""Reading a surface: at, between, before and after its expiries."""

import math

import numpy as np
import pytest

from bot.pricing.surface import ExpiryFit, FitKind, Surface
from bot.pricing.svi import Ssvi

_PRIOR = Ssvi(-0.3, 1.2, 0.4)
_TAUS = (0.02, 0.1, 0.3)


def _expiry(tau_years: float, theta: float) -> ExpiryFit:
    return ExpiryFit(
        *(f"{tau_years}", tau_years, 60_000.0, _PRIOR.slice(theta)),
        *(FitKind.SVI, 9, {}, 0.001, 1.0, 0.2, 1e-4),
    )


_SURFACE = Surface(_PRIOR, tuple(_expiry(tau, 0.36 * tau) for tau in _TAUS))


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("k", [-0.3, 0.0, 0.2])
def test_at_an_expiry_it_is_the_slice(at: int, k: float) -> None:
    """Volatility of its own curve."""
    item = _SURFACE.expiries[at]

    assert _SURFACE.iv(k, item.tau_years) == pytest.approx(math.sqrt(item.svi.w(k) / item.tau_years))


def test_between_total_variance_is_linear() -> None:
    """Half way in time is half way in variance, at the same k."""
    middle = _SURFACE.total_variance(0.1, 0.2)

    assert middle == pytest.approx(0.5 * (_SURFACE.total_variance(0.1, 0.1) + _SURFACE.total_variance(0.1, 0.3)))


@pytest.mark.parametrize(("tau_years", "end"), [(0.001, 0.02), (0.0199, 0.02), (0.31, 0.3), (5.0, 0.3)])
def test_outside_the_volatility_stays(tau_years: float, end: float) -> None:
    """Before the first and after the last expiry each k keeps its volatility and skew."""
    assert _SURFACE.iv(0.15, tau_years) == pytest.approx(_SURFACE.iv(0.15, end))
    assert _SURFACE.skew(0.15, tau_years) == pytest.approx(_SURFACE.skew(0.15, end))


@pytest.mark.parametrize("tau_years", [0.001, 0.02, 0.05, 0.2, 2.0])
def test_the_skew_is_the_slope_of_the_volatility(tau_years: float) -> None:
    """A central difference in k."""
    for k in np.linspace(-0.4, 0.4, 9).tolist():
        slope = (_SURFACE.iv(k + 1e-6, tau_years) - _SURFACE.iv(k - 1e-6, tau_years)) / 2e-6

        assert _SURFACE.skew(k, tau_years) == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("k", [-2.0, -0.1, 0.0, 0.5, 2.0])
def test_no_calendar_arbitrage_anywhere(k: float) -> None:
    """Total variance never falls with time."""
    found = [_SURFACE.total_variance(k, tau) for tau in np.linspace(0.001, 0.6, 200).tolist()]

    assert (np.diff(found) > 0.0).all()


@pytest.mark.parametrize(
    ("k", "tau_years"), [(0.0, 0.0), (0.0, -1.0), (0.0, math.nan), (0.0, math.inf), (math.nan, 0.1), (math.inf, 0.1)]
)
def test_no_time_or_place_has_no_volatility(k: float, tau_years: float) -> None:
    """NaN, which the formulas downstream turn into doubt."""
    assert math.isnan(_SURFACE.iv(k, tau_years))
    assert math.isnan(_SURFACE.skew(k, tau_years))
