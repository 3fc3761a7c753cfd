"""Smile rules on any option: sticky strike is Black-76's own, and no rule leaves what an option can be."""

import math

from hypothesis import given
from hypothesis import strategies as st

from bot.pricing import black76
from bot.pricing.smile import MvBook, MvCoefficients, SmileDelta
from bot.pricing.svi import natural
from bot.risk.fitted_surface import Curve, Smiles
from bot.risk.smile_delta import aware

_numbers = st.floats(-5.0, 5.0)
_options = st.tuples(st.floats(1.0, 1e6), st.floats(1.0, 1e6), st.floats(1e-6, 3.0), st.floats(0.01, 4.9))
_curves = st.builds(
    lambda theta, rho, phi, tau, forward: Curve(natural(theta, rho, phi), tau, forward),
    st.floats(1e-6, 2.0),
    st.floats(-0.99, 0.99),
    st.floats(0.01, 20.0),
    st.floats(1e-5, 3.0),
    st.floats(1.0, 1e6),
)
_coefficients = st.builds(MvCoefficients, _numbers, _numbers, _numbers)


@given(
    option=_options,
    is_call=st.booleans(),
    curve=_curves,
    ssr=st.floats(-1.0, 2.5),
    fitted=st.builds(MvBook, _coefficients, _coefficients),
)
def test_every_rule_gives_a_delta_of_its_kind(
    option: tuple[float, float, float, float], is_call: bool, curve: Curve, ssr: float, fitted: MvBook
) -> None:
    """Between 0 and 1 for a call, -1 and 0 for a put; sticky strike to the bit."""
    plain = black76.delta_gamma(*option, is_call)
    low, high = (0.0, 1.0) if is_call else (-1.0, 0.0)
    for rule in SmileDelta:
        smiles = Smiles(rule=rule, curves={}, ssr_ratio=ssr, fitted=fitted)
        delta, gamma = aware(black76.delta_gamma, smiles, curve)(*option, is_call)
        assert low <= delta <= high
        assert math.isfinite(gamma)
        if rule is SmileDelta.STICKY_STRIKE:
            assert (delta, gamma) == plain
