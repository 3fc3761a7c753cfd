"""Whatever the quotes, the surface admits no arbitrage, has a volatility everywhere, and is the same twice."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pricing import black76, surface_fit
from bot.pricing.chain_quotes import Chain
from bot.pricing.surface import Surface

_FORWARD = 60_000.0


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    """Up to a dozen strikes of both kinds: any smile with noise, sides missing, parked orders, crossed quotes."""
    seed, strikes = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 12))
    tau_years = math.exp(draw(st.floats(math.log(1e-5), math.log(2.0))))
    noise = draw(st.sampled_from([0.0, 0.02, 0.3]))
    empty_share = draw(st.sampled_from([0.0, 0.3, 0.9]))
    rng = np.random.default_rng(seed)
    z = np.repeat(rng.uniform(-4.0, 4.0, strikes), 2)
    forward = _FORWARD * math.exp(rng.normal(0.0, 0.02))
    strike = forward * np.exp(0.6 * math.sqrt(tau_years) * z)
    is_call = np.tile([True, False], strikes)
    iv = np.abs(0.6 + rng.normal(0.0, 0.05) * z + rng.uniform(-0.01, 0.04) * z * z + rng.normal(0.0, noise, z.size))
    price = black76.greeks(forward, strike, tau_years, iv + 0.01, is_call).price
    half = rng.uniform(0.0, 0.002, z.size) * forward
    bid = np.where(rng.random(z.size) < empty_share, math.nan, price - half)
    ask = np.where(rng.random(z.size) < empty_share, 0.0, price + half)
    ask = np.where(rng.random(z.size) < 0.1, forward * rng.uniform(0.0, 2.0, z.size), ask)
    bid = np.where(rng.random(z.size) < 0.05, 3.0 * bid, bid)
    return Chain(f"{seed}", tau_years, np.full(z.size, forward), strike, is_call, bid, ask)


@settings(max_examples=40)
@given(st.lists(chains(), min_size=1, max_size=5))
def test_no_quotes_make_an_arbitrage(given_chains: list[Chain]) -> None:
    """No butterfly within four deviations, no calendar spread, a finite volatility between and beyond the expiries."""
    found = surface_fit.fit(given_chains)
    if not isinstance(found, Surface):
        assert found is surface_fit.FitDefect.NO_QUOTES
        return
    for item in found.expiries:
        assert item.g_min >= 0.0, item
        assert item.calendar_min >= -1e-9 * item.svi.w(0.0), item
        assert item.svi.min_w > 0.0, item
    for tau_years in (1e-6, 0.01, 0.3, 5.0):
        for k in (-0.5, 0.0, 0.5):
            assert 0.0 < found.iv(k, tau_years) < math.inf
            assert math.isfinite(found.skew(k, tau_years))
    assert surface_fit.fit(given_chains) == found
