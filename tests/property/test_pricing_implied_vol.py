"""Implied volatility undoes Black-76, and answers anything else with a status."""

import math
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.pricing import black76, implied_vol

_SECOND = 1.0 / 31_536_000.0
_EPS = sys.float_info.epsilon
_WORDS = {str(status) for status in implied_vol.IvStatus}


@given(
    st.floats(0.01, 1e7),
    st.floats(-12.0, 12.0),
    st.floats(math.log(_SECOND), math.log(3.0)),
    st.floats(math.log(0.01), math.log(5.0)),
    st.booleans(),
)
def test_the_volatility_comes_back(forward: float, z: float, log_tau: float, log_iv: float, is_call: bool) -> None:
    """Price an option, solve the price: the same volatility, as far as the price's own rounding says which."""
    tau_years, iv = math.exp(log_tau), math.exp(log_iv)
    strike = forward * math.exp(-z * iv * math.sqrt(tau_years))
    priced = black76.greeks_scalar(forward, strike, tau_years, iv, is_call)
    is_out = (forward <= strike) == is_call
    # Out of the money the price is right to 1e-11 of itself; in the money it holds the time value plus intrinsic.
    doubt = 1e-11 * priced.price if is_out else 4 * _EPS * max(forward, strike)
    found, status = implied_vol.solve(priced.price, forward, strike, tau_years, is_call)

    if priced.vega * iv > 4.0 * doubt:
        assert (status, abs(found - iv) <= 1e-10 * iv + 4.0 * doubt / priced.vega) == ("ok", True)
    else:
        assert status in _WORDS - {"invalid"}


@given(*[st.floats()] * 4, st.booleans())
def test_any_input_has_a_status(price: float, forward: float, strike: float, tau_years: float, is_call: bool) -> None:
    """NaN, infinities, zero, negative, denormal: a word of the list and a finite number; no exception, no warning."""
    iv, status = implied_vol.solve(price, forward, strike, tau_years, is_call)

    assert str(status) in _WORDS
    assert bool(np.isfinite(iv)) and (status == "ok" or iv == 0.0)  # noqa: PT018 - one statement about one pair


@given(
    st.floats(min_value=0.0, exclude_min=True, allow_infinity=False),
    st.floats(min_value=0.0, exclude_min=True, allow_infinity=False),
    st.floats(0.0, 1.0),
    st.booleans(),
)
def test_every_price_between_the_bounds_is_met(forward: float, strike: float, share: float, is_call: bool) -> None:
    """Whatever the forward and the strike, the volatility found reprices the option to the rounding of its money."""
    intrinsic = max(forward - strike, 0.0) if is_call else max(strike - forward, 0.0)
    limit = forward if is_call else strike
    price = intrinsic + share * (limit - intrinsic)
    iv, status = implied_vol.solve(price, forward, strike, 1.0, is_call)
    tolerance = max(8 * _EPS * max(forward, strike), 5e-323)

    if status == "ok":
        assert abs(black76.price(forward, strike, 1.0, float(iv), is_call) - price) <= tolerance + 1e-9 * price
    else:
        assert str(status) in _WORDS - {"invalid"}
