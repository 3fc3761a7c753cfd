"""A decision's delta under each smile rule."""

import math
from typing import Any

import pytest

from bot.pricing import black76
from bot.pricing.smile import MvBook, MvCoefficients, SmileDelta
from bot.pricing.svi import Svi
from bot.risk.fitted_surface import Curve, Smiles
from bot.risk.smile_delta import aware

_CURVE = Curve(Svi(0.01, 0.05, -0.3, 0.02, 0.15), 0.1, 100_000.0)
_OPTION = (100_500.0, 95_000.0, 0.0999, 0.55)
_FITTED = MvBook(calls=MvCoefficients(-0.1, 0.05, 0.02), puts=MvCoefficients(-0.2, 0.0, 0.1))


def _smiles(rule: SmileDelta, **change: Any) -> Smiles:
    return Smiles(**({"rule": rule, "curves": {}, "ssr_ratio": 1.6, "fitted": _FITTED} | change))


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("formula", [black76.delta_gamma, black76.pa_delta_gamma])
@pytest.mark.parametrize("rule", list(SmileDelta))
def test_the_rule_moves_the_volatility_with_the_forward(rule: SmileDelta, formula: Any, is_call: bool) -> None:
    """Black-76 plus vega times what the rule says dσ/dF is; premium and gamma stay as they are."""
    forward, strike, tau, _ = _OPTION
    greeks = black76.greeks_scalar(*_OPTION, is_call)
    mv = _FITTED.calls if is_call else _FITTED.puts
    moved = {
        SmileDelta.STICKY_STRIKE: 0.0,
        SmileDelta.STICKY_DELTA: -_CURVE.skew(strike) / forward,
        SmileDelta.SSR: 0.6 * _CURVE.skew(strike) / forward,
        SmileDelta.MINIMUM_VARIANCE: (mv.a + mv.b * greeks.delta + mv.c * greeks.delta**2) / (forward * math.sqrt(tau)),
    }
    base, gamma = formula(*_OPTION, is_call)

    found = aware(formula, _smiles(rule), _CURVE)(*_OPTION, is_call)

    assert found[0] == pytest.approx(base + greeks.vega * moved[rule], rel=1e-12)
    assert found[1] == gamma


@pytest.mark.parametrize(
    ("smiles", "curve"),
    [
        (None, _CURVE),
        (_smiles(SmileDelta.STICKY_STRIKE), _CURVE),
        (_smiles(SmileDelta.SSR), None),
        (_smiles(SmileDelta.STICKY_DELTA), None),
    ],
)
def test_without_what_the_rule_needs_the_formula_stays_the_same_object(
    smiles: Smiles | None, curve: Curve | None
) -> None:
    """Not merely equal: nothing is computed beside it."""
    assert aware(black76.delta_gamma, smiles, curve) is black76.delta_gamma


@pytest.mark.parametrize(("is_call", "edges"), [(True, (0.0, 1.0)), (False, (-1.0, 0.0))])
@pytest.mark.parametrize("slope", [-1e6, 1e6, math.inf, math.nan])
def test_a_wild_correction_stays_inside_what_an_option_can_be(
    slope: float, is_call: bool, edges: tuple[float, float]
) -> None:
    """A fit gone wrong is bounded; one that is no number corrects nothing."""
    wild = MvBook(calls=MvCoefficients(slope, 0.0, 0.0), puts=MvCoefficients(slope, 0.0, 0.0))
    delta, _ = aware(black76.delta_gamma, _smiles(SmileDelta.MINIMUM_VARIANCE, fitted=wild), None)(*_OPTION, is_call)

    plain, _ = black76.delta_gamma(*_OPTION, is_call)
    assert delta == (plain if math.isnan(slope) else edges[slope > 0.0])


def test_no_number_in_no_number_out() -> None:
    """A forward of 0 stays a doubt."""
    delta, _ = aware(black76.delta_gamma, _smiles(SmileDelta.MINIMUM_VARIANCE), _CURVE)(0.0, 1.0, 0.1, 0.5, True)

    assert math.isnan(delta)
