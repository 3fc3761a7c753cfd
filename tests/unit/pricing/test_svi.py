"""SVI and SSVI: the two forms agree, slopes are slopes, SSVI keeps its promise. Checks are held in tests/reference."""

import itertools

import numpy as np
import pytest

from bot.pricing import svi

_CURVE = svi.Svi(0.004, 0.06, -0.45, 0.03, 0.12)
_K = np.linspace(-0.6, 0.6, 61)


def test_one_point_is_the_chains() -> None:
    """A number and an array give the same curve."""
    assert _CURVE.w_chain(_K) == pytest.approx([_CURVE.w(k) for k in _K.tolist()], rel=1e-14)


def test_the_slope_is_the_curves() -> None:
    """A central difference of w."""
    differences = (_CURVE.w_chain(_K + 1e-6) - _CURVE.w_chain(_K - 1e-6)) / 2e-6

    assert [_CURVE.w_slope(k) for k in _K.tolist()] == pytest.approx(differences, abs=1e-8)


def test_least_variance_and_wings() -> None:
    """What the parameters promise is what the curve does."""
    far = np.array([-500.0, 500.0])
    slopes = np.abs(np.array([_CURVE.w_slope(k) for k in far.tolist()]))

    assert _CURVE.min_w == pytest.approx(float(_CURVE.w_chain(np.linspace(-1, 1, 20_001)).min()), rel=1e-6)
    assert _CURVE.lee_wing == pytest.approx(float(slopes.max()), rel=1e-4)


def test_rescaling_moves_the_curve() -> None:
    """Twice the variance, and at k what was at k + 0.1."""
    moved = _CURVE.rescaled(2.0, 0.1)

    assert moved.w_chain(_K) == pytest.approx(2.0 * _CURVE.w_chain(_K + 0.1), rel=1e-13)


def test_a_slice_of_the_family_is_the_familys_formula() -> None:
    """SSVI written out, for one level."""
    family, theta = svi.Ssvi(-0.3, 1.1, 0.4), 0.02
    phi = 1.1 / (theta**0.4 * (1.0 + theta) ** 0.6)
    expected = 0.5 * theta * (1.0 - 0.3 * phi * _K + np.sqrt((phi * _K - 0.3) ** 2 + 1.0 - 0.09))

    assert family.slice(theta).w_chain(_K) == pytest.approx(expected, rel=1e-12)
    assert family.slice(theta).w(0.0) == pytest.approx(theta, rel=1e-12)


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.6])
@pytest.mark.parametrize("gamma", [0.1, 0.3, 0.5])
def test_the_family_admits_no_arbitrage(rho: float, gamma: float) -> None:
    """At the edge of what is allowed (η (1 + |ρ|) = 2), from a minute's variance to a decade's."""
    family = svi.Ssvi(rho, 2.0 / (1.0 + abs(rho)), gamma)
    thetas = np.geomspace(1e-6, 4.0, 40).tolist()
    for earlier, later in itertools.pairwise(thetas):
        grid = 8.0 * later**0.5 * np.linspace(-1.0, 1.0, 801)
        found = svi.check(family.slice(later), grid)

        assert found.g_min > -1e-12, (later, found)
        assert found.lee_wing <= svi.WING_MAX
        assert svi.calendar_gap(family.slice(earlier), family.slice(later), grid) >= 0.0


def test_a_cheaper_later_expiry_is_seen() -> None:
    """A calendar gap is signed, and lies where it is worst."""
    assert svi.calendar_gap(_CURVE, _CURVE.rescaled(0.9), _K) == pytest.approx(-0.1 * float(_CURVE.w_chain(_K).max()))


def test_a_slice_that_touches_zero_is_no_smile() -> None:
    """Where variance crosses zero the check still answers, and says no."""
    found = svi.check(svi.Svi(-0.05, 0.1, 0.0, 0.0, 0.4), np.array([-0.3, 0.0, 0.3]))

    assert (found.butterfly_free, bool(np.isfinite(found.g_min))) == (False, True)
