"""From fit to fit: half the way in a minute, never further than usual, never an arbitrage."""

import math

import numpy as np
import pytest

from bot.pricing import svi
from bot.pricing.surface import ExpiryFit, FitKind, Surface
from bot.pricing.surface_smooth import Smoother
from bot.pricing.svi import Ssvi, Svi, natural

_TAU = 0.05
_PRIOR = Ssvi(-0.3, 1.0, 0.4)


def _fit(curve: Svi, *, expiry: str = "E", forward: float = 100_000.0, tau_years: float = _TAU) -> ExpiryFit:
    return ExpiryFit(expiry, tau_years, forward, curve, FitKind.SVI, 20, {}, 0.0, 1.0, 0.1, 0.0)


def _surface(*fits: ExpiryFit) -> Surface:
    return Surface(_PRIOR, fits)


def _at_vol(iv: float, tau_years: float = _TAU) -> Svi:
    return natural(iv * iv * tau_years, -0.3, 6.0)


def _iv(surface: Surface) -> float:
    (fit,) = surface.expiries
    return math.sqrt(fit.svi.w(0.0) / fit.tau_years)


def test_the_first_fit_is_taken_as_it_is() -> None:
    """Nothing to lean on."""
    first = _surface(_fit(_at_vol(0.6)))

    assert Smoother().smoothed(first, 0.0) == first


@pytest.mark.parametrize(("seconds", "share"), [(0.0, 0.0), (60.0, 0.5), (120.0, 0.75), (601.0, 1.0)])
def test_parameters_go_half_the_way_in_a_minute(seconds: float, share: float) -> None:
    """After ten minutes of silence the older slice is forgotten."""
    smoother = Smoother()
    before, after = _at_vol(0.6), _at_vol(0.7)
    smoother.smoothed(_surface(_fit(before)), 0.0)

    (used,) = smoother.smoothed(_surface(_fit(after)), seconds).expiries

    assert tuple(used.svi) == pytest.approx([old + share * (new - old) for old, new in zip(before, after, strict=True)])


def test_one_outlier_moves_no_more_than_five_usual_moves() -> None:
    """Fits a tenth of a point up and down, a minute apart; then one ten points off."""
    smoother = Smoother()
    for turn in range(30):
        used = smoother.smoothed(_surface(_fit(_at_vol(0.600 + 0.001 * (turn % 2)))), 60.0 * turn)
    before = _iv(used)

    after = _iv(smoother.smoothed(_surface(_fit(_at_vol(0.7))), 60.0 * 30))

    assert 0.0 < after - before < 5.0 * 1.5 * 0.001


def test_each_strike_keeps_its_volatility_while_the_forward_moves() -> None:
    """The older slice is brought to the new forward first: a sticky smile seen from elsewhere does not change."""
    smoother = Smoother()
    curve, shift = _at_vol(0.6), math.log(1.03)
    smoother.smoothed(_surface(_fit(curve)), 0.0)

    (used,) = smoother.smoothed(_surface(_fit(curve.rescaled(1.0, shift), forward=103_000.0)), 60.0).expiries

    assert tuple(used.svi) == pytest.approx(tuple(curve.rescaled(1.0, shift)))


def test_a_mixture_with_an_arbitrage_is_the_fit_itself() -> None:
    """A wedge with little variance and steep sides has a butterfly: a mixture with it still has one."""
    smoother = Smoother()
    wedge, sound = Svi(0.001, 0.5, 0.0, 0.0, 0.01), _at_vol(0.6)
    smoother.smoothed(_surface(_fit(wedge)), 0.0)

    (used,) = smoother.smoothed(_surface(_fit(sound)), 1.0).expiries

    assert not svi.check(wedge, math.sqrt(wedge.w(0.0)) * np.linspace(-4.0, 4.0, 161)).butterfly_free
    assert used.svi == sound


def test_a_slice_that_would_cross_the_one_before_it_is_the_fit_itself() -> None:
    """An earlier expiry that leaps over what a later one was."""
    smoother = Smoother()
    smoother.smoothed(_surface(_fit(_at_vol(0.5), expiry="L", tau_years=_TAU)), 0.0)
    early = _fit(_at_vol(0.8, 0.9 * _TAU), expiry="E", tau_years=0.9 * _TAU)
    late = _fit(_at_vol(0.8), expiry="L")

    used = smoother.smoothed(_surface(early, late), 1.0)

    assert used.expiries[1].svi == late.svi
    grid = 0.8 * math.sqrt(_TAU) * np.linspace(-4.0, 4.0, 50)
    assert svi.calendar_gap(used.expiries[0].svi, used.expiries[1].svi, grid) >= -1e-12


def test_two_names_of_one_smile_do_not_mix_to_another() -> None:
    """Fits of twelve quotes half a minute apart, both at 49 %: parameters half-way between them would be at 43 %."""
    tau_years = 0.00535
    before = Svi(0.0009, 0.0067, -0.422, -0.0029, 0.062)
    after = Svi(-0.0066, 0.0296, -0.4013, -0.0972, 0.2904)
    smoother = Smoother()
    smoother.smoothed(_surface(_fit(before, tau_years=tau_years)), 0.0)
    used = smoother.smoothed(_surface(_fit(after, tau_years=tau_years)), 30.0)

    vols = [math.sqrt(curve.w(0.0) / tau_years) for curve in (before, after)]
    assert min(vols) * 0.99 <= _iv(used) <= max(vols) * 1.01
