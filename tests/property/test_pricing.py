"""Identities that Black-76 and its coin view obey at any forward, strike, time and volatility."""

import math
import sys
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pricing import black76, coin_settled

_SECOND = 1.0 / 31_536_000.0
_EPS = sys.float_info.epsilon
_ANY_POSITIVE = st.floats(min_value=0.0, exclude_min=True, allow_infinity=False, allow_nan=False)


class Option(NamedTuple):
    """One option within 12 standard deviations of its forward."""

    forward: float
    strike: float
    tau_years: float
    iv: float

    @property
    def scale(self) -> float:
        """Money against which rounding is measured."""
        return max(self.forward, self.strike)


@st.composite
def options(draw: st.DrawFn) -> Option:
    """From one second to three years, 1 % to 1,000 %, |z| up to 12."""
    forward = draw(st.floats(0.01, 1e7))
    tau_years = math.exp(draw(st.floats(math.log(_SECOND), math.log(3.0))))
    iv = math.exp(draw(st.floats(math.log(0.01), math.log(10.0))))
    z = draw(st.floats(-12.0, 12.0))
    return Option(forward, forward * math.exp(-z * iv * math.sqrt(tau_years)), tau_years, iv)


@given(options())
def test_put_call_parity(option: Option) -> None:
    """C - P = F - K and both deltas are one apart."""
    call, put = (black76.greeks_scalar(*option, is_call) for is_call in (True, False))

    assert call.price - put.price == pytest.approx(option.forward - option.strike, abs=4 * _EPS * option.scale)
    assert call.delta - put.delta == pytest.approx(1.0, rel=1e-15)
    assert (call.gamma, call.vega, call.theta) == (put.gamma, put.vega, put.theta)


@given(options(), st.booleans())
def test_vega_is_gamma_times_variance(option: Option, is_call: bool) -> None:
    """Vega = F^2 gamma σ T."""
    one = black76.greeks_scalar(*option, is_call)
    expected = option.forward**2 * one.gamma * option.iv * option.tau_years

    assert one.vega == pytest.approx(expected, rel=1e-13, abs=0.0)


@given(options(), st.booleans())
def test_theta_pays_for_gamma(option: Option, is_call: bool) -> None:
    """The equation of Black-76: theta + 1/2 σ^2 F^2 gamma = 0."""
    one = black76.greeks_scalar(*option, is_call)
    expected = -0.5 * (option.iv * option.forward) ** 2 * one.gamma

    assert one.theta == pytest.approx(expected, rel=1e-13, abs=0.0)


@given(options(), st.booleans(), st.floats(0.5, 1.5))
def test_the_equation_with_a_rate(option: Option, is_call: bool, discount: float) -> None:
    """Discounted, theta + 1/2 σ^2 F^2 gamma = r V."""
    one = black76.greeks_scalar(*option, is_call, discount=discount)
    rate = -math.log(discount) / option.tau_years
    decay = 0.5 * (option.iv * option.forward) ** 2 * one.gamma
    terms = decay, rate * one.price

    assert one.theta + terms[0] == pytest.approx(terms[1], abs=1e-13 * max(map(abs, terms)))


@given(options())
def test_coins_and_dollars_are_one_book(option: Option) -> None:
    """In coins c - p = 1 - K/F and PA_call - PA_put = K/F; PA = delta - c on either side."""
    call, put = (black76.greeks_scalar(*option, is_call) for is_call in (True, False))
    ratio = option.strike / option.forward
    tolerance = 6 * _EPS * max(1.0, ratio)

    assert call.coin_price - put.coin_price == pytest.approx(1.0 - ratio, abs=tolerance)
    assert call.pa_delta - put.pa_delta == pytest.approx(ratio, rel=1e-14)
    for one in (call, put):
        net = coin_settled.net_transaction_delta_coin(one.delta, one.coin_price)
        assert one.pa_delta == pytest.approx(net, abs=2 * tolerance)


@given(options(), st.booleans())
def test_the_equation_in_coins(option: Option, is_call: bool) -> None:
    """c_t + 1/2 σ^2 F^2 c_FF + σ^2 F c_F = 0 (theory 1.3), to the size of its terms."""
    one = black76.greeks_scalar(*option, is_call)
    variance = option.iv**2
    terms = (
        coin_settled.theta_coin_per_year(one.theta, option.forward),
        0.5 * variance * option.forward**2 * one.coin_gamma,
        variance * one.pa_delta,
    )

    assert sum(terms) == pytest.approx(0.0, abs=1e-12 * max(map(abs, terms)))


@given(options(), st.booleans(), st.sampled_from([1.0, 0.97, 1.02]))
def test_the_scalar_path_is_the_array_path(option: Option, is_call: bool, discount: float) -> None:
    """A decision and a chain see the same number to 1e-12 relative, one that changes its sign to 1e-12 of its terms."""
    scalar = black76.greeks_scalar(*option, is_call, discount=discount)
    chain = black76.Greeks(*(float(item) for item in black76.greeks(*option, is_call, discount=discount)))
    width = option.iv * math.sqrt(option.tau_years)
    rate = abs(math.log(discount)) / option.tau_years
    # Where an output is a sum, the size of its terms: what one of them loses, the sum shows larger.
    d1 = math.log(option.forward / option.strike) / width + 0.5 * width
    reach = max(abs(d1), abs(d1 - width), width)
    terms = {
        "theta": rate * scalar.price,
        "charm": rate * abs(scalar.delta) + abs(scalar.gamma) * option.forward * width * reach / option.tau_years,
        "vanna": scalar.gamma * option.forward * width * reach / option.iv,
        "volga": scalar.vega * reach * reach / option.iv,
        "speed": scalar.gamma / option.forward * (1.0 + reach / width),
        "coin_gamma": (scalar.gamma + 2.0 * abs(scalar.pa_delta) / option.forward) / option.forward,
        "price": 1e-3 * _EPS * option.scale,
        "coin_price": 1e-3 * _EPS * option.scale / option.forward,
    }
    far = [
        (name, one, other)
        for name, one, other in zip(scalar._fields, scalar, chain, strict=True)
        if not abs(one - other) <= 1e-12 * max(abs(one), terms.get(name, 0.0)) + (terms[name] if "price" in name else 0)
    ]

    assert far == []


@given(options(), st.booleans())
def test_the_decisions_numbers_are_the_chains(option: Option, is_call: bool) -> None:
    """delta_gamma says what the full greeks say."""
    delta, gamma = black76.delta_gamma(*option, is_call)
    full = black76.greeks_scalar(*option, is_call)

    assert [delta, gamma] == pytest.approx([full.delta, full.gamma], rel=1e-12, abs=0.0)


@given(options(), st.booleans(), st.floats(1e-6, 0.5))
def test_more_volatility_or_time_is_worth_more(option: Option, is_call: bool, more: float) -> None:
    """The price does not fall when volatility or time grows, beyond its rounding; it stays between its bounds."""
    price = black76.price(*option, is_call)
    rounding = 4 * _EPS * option.scale
    intrinsic = max(option.forward - option.strike, 0.0) if is_call else max(option.strike - option.forward, 0.0)
    higher = black76.price(*option._replace(iv=option.iv * (1.0 + more)), is_call)
    later = black76.price(*option._replace(tau_years=option.tau_years * (1.0 + more)), is_call)

    assert min(higher, later) >= price - rounding
    assert intrinsic <= price <= (option.forward if is_call else option.strike) + rounding


@given(options(), st.booleans(), st.floats(1e-6, 0.5))
def test_a_higher_forward_means_a_higher_delta(option: Option, is_call: bool, more: float) -> None:
    """Gamma is positive: delta does not fall when the forward rises, and stays between its bounds."""
    low, high = (-1.0, 0.0) if not is_call else (0.0, 1.0)
    delta, gamma = black76.delta_gamma(*option, is_call)
    delta_up, _ = black76.delta_gamma(*option._replace(forward=option.forward * (1.0 + more)), is_call)

    assert gamma >= 0.0
    assert low <= delta <= delta_up + 2 * _EPS <= high + 2 * _EPS


@given(_ANY_POSITIVE, _ANY_POSITIVE, _ANY_POSITIVE, _ANY_POSITIVE, st.booleans())
def test_any_positive_number_gives_finite_numbers(
    forward: float, strike: float, tau_years: float, iv: float, is_call: bool
) -> None:
    """From denormals to 1.8e308 in any combination: finite on all three paths, no exception and no warning."""
    scalar = black76.greeks_scalar(forward, strike, tau_years, iv, is_call)
    one = (forward, strike, tau_years, iv, is_call)
    decided = (*black76.delta_gamma(*one), *black76.pa_delta_gamma(*one))
    chain = np.stack(black76.greeks([forward, 100.0], [strike, 100.0], [tau_years, 0.1], [iv, 0.5], is_call))

    assert [math.isfinite(number) for number in (*scalar, *decided)] == [True] * 16
    assert bool(np.isfinite(chain).all())


@given(*[st.floats()] * 5, st.booleans())
def test_nothing_at_all_raises(  # noqa: PLR0917 - the five inputs and the kind
    forward: float, strike: float, tau_years: float, iv: float, discount: float, is_call: bool
) -> None:
    """NaN, infinities, negative numbers: each path answers twelve numbers, all finite or all NaN, the same on both."""
    scalar = black76.greeks_scalar(forward, strike, tau_years, iv, is_call, discount=discount)
    chain = black76.greeks(forward, strike, tau_years, iv, is_call, discount=discount)
    kinds = {math.isfinite(number) for number in scalar} | {bool(np.isfinite(item)) for item in chain}

    assert len(kinds) == 1
    assert len(black76.delta_gamma(forward, strike, tau_years, iv, is_call)) == 2
    assert len(black76.pa_delta_gamma(forward, strike, tau_years, iv, is_call)) == 2
