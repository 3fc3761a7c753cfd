"""The venue's own Black-76 against published figures and identities."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.sim.valuation import iv_of_price, normal_cdf, ticker_greeks, value_and_delta

_forwards = st.floats(10_000.0, 100_000.0)
_strikes = st.floats(10_000.0, 100_000.0)
_ivs = st.floats(0.1, 2.0)
_taus = st.floats(0.002, 1.0)


def test_the_official_sample_of_a_ticker_is_reproduced() -> None:
    """Exchange facts 2.3: F 38992.71, K 40000, iv 61.27 %; life from its own theta and vega."""
    tau_years = 0.6127 * 14_190.0 / (2.0 * 13.488 * 365.0)
    value_usd, delta = value_and_delta(38_992.71, 40_000.0, 0.6127, tau_years, is_call=True)
    greeks = ticker_greeks(38_992.71, 40_000.0, 0.6127, tau_years, is_call=True)

    assert delta == greeks.delta == pytest.approx(0.59622, abs=1e-4)
    assert value_usd / 38_992.71 == pytest.approx(0.21678, abs=1e-4)
    assert greeks.vega == pytest.approx(141.90, rel=1e-4)
    assert greeks.theta == pytest.approx(-13.488, rel=1e-4)
    assert greeks.rho == pytest.approx(130.64, rel=1e-3)


@given(forward=_forwards, strike=_strikes, iv=_ivs, tau=_taus)
def test_call_minus_put_is_forward_minus_strike(forward: float, strike: float, iv: float, tau: float) -> None:
    """Parity of values and of deltas."""
    call, call_delta = value_and_delta(forward, strike, iv, tau, is_call=True)
    put, put_delta = value_and_delta(forward, strike, iv, tau, is_call=False)

    assert call - put == pytest.approx(forward - strike, abs=1e-8 * forward)
    assert call_delta - put_delta == pytest.approx(1.0)


@given(forward=_forwards, strike=_strikes, iv=_ivs, tau=_taus, is_call=st.booleans())
def test_delta_and_gamma_are_slopes(*, forward: float, strike: float, iv: float, tau: float, is_call: bool) -> None:
    """Central differences of the value."""
    bump = forward * 1e-4
    up, delta_up = value_and_delta(forward + bump, strike, iv, tau, is_call=is_call)
    down, delta_down = value_and_delta(forward - bump, strike, iv, tau, is_call=is_call)
    greeks = ticker_greeks(forward, strike, iv, tau, is_call=is_call)

    assert (up - down) / (2 * bump) == pytest.approx(greeks.delta, abs=1e-3)
    assert (delta_up - delta_down) / (2 * bump) == pytest.approx(greeks.gamma, rel=2e-2, abs=1e-8)


@given(forward=_forwards, strike=_strikes, iv=_ivs, tau=_taus, is_call=st.booleans())
def test_the_volatility_of_a_price_is_found(
    *, forward: float, strike: float, iv: float, tau: float, is_call: bool
) -> None:
    """From any start, where the price depends on the volatility at all."""
    value, _ = value_and_delta(forward, strike, iv, tau, is_call=is_call)
    assume(ticker_greeks(forward, strike, iv, tau, is_call=is_call).vega > 0.01)

    found = iv_of_price(value, forward, strike, tau, is_call=is_call, iv_start=0.6)

    assert found == pytest.approx(iv, abs=2e-4)


@pytest.mark.parametrize(
    ("price_usd", "tau"), [(5_000.0, 0.1), (4_999.0, 0.1), (0.0, 0.1), (60_000.0, 0.1), (5_100.0, 0.0)]
)
def test_impossible_prices_have_no_volatility(price_usd: float, tau: float) -> None:
    """At or below intrinsic value, at or above the forward, or without any time left."""
    assert iv_of_price(price_usd, 55_000.0, 50_000.0, tau, is_call=True, iv_start=0.5) is None


def test_an_expired_option_is_its_intrinsic_value() -> None:
    """Value and delta at no time left; no other greeks."""
    assert value_and_delta(60_000.0, 50_000.0, 0.5, 0.0, is_call=True) == (10_000.0, 1.0)
    assert value_and_delta(60_000.0, 50_000.0, 0.5, 0.0, is_call=False) == (0.0, 0.0)
    assert value_and_delta(40_000.0, 50_000.0, 0.5, 0.0, is_call=False) == (10_000.0, -1.0)
    greeks = ticker_greeks(60_000.0, 50_000.0, 0.5, 0.0, is_call=True)
    assert (greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho) == (1.0, 0.0, 0.0, 0.0, 0.0)


def test_theta_is_of_the_life_left_when_that_is_under_a_day() -> None:
    """Half a day left: half the daily theta (exchange facts 2.3)."""
    tau = 0.5 / 365.0
    density = math.exp(-0.5 * (0.25 * math.sqrt(tau)) ** 2) / math.sqrt(2.0 * math.pi)
    a_day = -50_000.0 * density * 0.5 / (2.0 * math.sqrt(tau)) / 365.0

    assert ticker_greeks(50_000.0, 50_000.0, 0.5, tau, is_call=True).theta == pytest.approx(a_day / 2.0)


def test_the_normal_distribution_is_accurate_in_its_tail() -> None:
    """N(-10) = 7.619853024160527e-24."""
    assert normal_cdf(-10.0) == pytest.approx(7.619853024160527e-24, rel=1e-12)
    assert normal_cdf(0.0) == 0.5
