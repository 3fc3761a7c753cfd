"""Profit of a step in parts that add up. The table of 50-digit figures is in tests/reference."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.time import NS_PER_S, Ns
from bot.pricing import black76, settlement_window
from bot.pricing.settlement_window import Window
from bot.risk import attribution
from bot.risk.attribution import OptionHeld, OptionMarket, Taylor, option_step

_MINUTE = 1.0 / (365 * 24 * 60)
_WINDOW = Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))

_legs = st.builds(
    OptionHeld,
    amount_coin=st.floats(-20.0, 20.0).filter(lambda amount: abs(amount) > 0.01),
    strike_usd=st.floats(40_000.0, 90_000.0),
    is_call=st.booleans(),
    is_coin_settled=st.booleans(),
)
_markets = st.builds(
    OptionMarket,
    forward_usd=st.floats(50_000.0, 75_000.0),
    iv=st.floats(0.2, 1.5),
    tau_years=st.floats(0.0, 0.5),
    left=st.none(),
    delivery_usd=st.just(0.0),
)


def _averaged(left_s: int, index_usd: float, delivery_usd: float, iv: float = 0.6) -> OptionMarket:
    left = settlement_window.left_of(_WINDOW, left_s * NS_PER_S)
    return OptionMarket(index_usd, iv, left_s / (365 * 86_400), left, delivery_usd)


@given(_legs, _markets, _markets)
def test_both_ways_of_taking_apart_add_up_to_the_profit(
    leg: OptionHeld, before: OptionMarket, after: OptionMarket
) -> None:
    """Waterfall and Taylor terms with their residual: to 1e-9 of the largest part, whatever the market did."""
    step = option_step(leg, before, after)
    largest = max(map(abs, (step.profit, *step[1:4], *step.taylor)))

    assert step.theta + step.spot + step.vol == pytest.approx(step.profit, abs=1e-9 * largest)
    assert sum(step.taylor) == pytest.approx(step.profit, abs=1e-9 * largest)


@given(_legs, st.floats(50_000.0, 75_000.0), st.floats(0.3, 1.2), st.floats(-0.001, 0.001))
def test_a_minute_of_an_ordinary_market_is_explained(leg: OptionHeld, forward: float, iv: float, move: float) -> None:
    """Two days to expiry, up to a thousandth of a move and a tenth of a point of volatility."""
    before = OptionMarket(forward, iv, 2 / 365)
    step = option_step(leg, before, OptionMarket(forward * (1.0 + move), iv + 0.001, 2 / 365 - _MINUTE))
    left = abs(step.taylor.residual)

    assert left <= 0.02 * abs(step.taylor.delta) + 0.2 * abs(step.taylor.gamma) + 0.02 * abs(step.theta) + 1e-9 + (
        0.02 * abs(step.vol)
    )


def test_an_unexplained_residual_and_no_number_are_told() -> None:
    """10 % of gamma and 1 % of delta; NaN explains nothing."""
    assert attribution.is_explained(Taylor(0.0, 100.0, 10.0, 0.0, 0.0, 0.0, 1.99))
    assert not attribution.is_explained(Taylor(0.0, 100.0, 10.0, 0.0, 0.0, 0.0, -2.01))
    assert not attribution.is_explained(Taylor(0.0, 100.0, 10.0, 0.0, 0.0, 0.0, math.nan))


@pytest.mark.parametrize("is_coin", [False, True])
def test_a_step_is_judged_where_its_time_has_passed(is_coin: bool) -> None:
    """Five minutes of an option out of the money, volatility up a point: the product with time is no third order.

    Both sets of terms add up to the same profit; theta is the waterfall's in the judged one.
    """
    leg, years = OptionHeld(2.0, 64_000.0, True, is_coin), 300.0 / (365.0 * 86_400.0)
    before = OptionMarket(60_000.0, 0.50, 1.6 / 365.0)
    step = option_step(leg, before, OptionMarket(60_030.0, 0.51, before.tau_years - years))
    usd = 60_000.0 if is_coin else 1.0
    taylor, aged = (Taylor(*(usd * term for term in terms)) for terms in (step.taylor, step.aged))

    assert not attribution.is_explained(taylor)
    assert attribution.is_explained(aged)
    assert sum(step.aged) == pytest.approx(step.profit, rel=1e-12)
    assert step.aged.theta == step.theta


@pytest.mark.parametrize(("is_coin", "pays"), [(False, 1_000.0), (True, 1_000.0 / 61_000.0)])
def test_the_last_step_ends_at_the_payoff(is_coin: bool, pays: float) -> None:
    """At expiry the delivery price is the forward, and no time is left."""
    leg, before = OptionHeld(2.0, 60_000.0, True, is_coin), OptionMarket(60_500.0, 0.5, 1 / 365)
    seen = black76.greeks_scalar(60_500.0, 60_000.0, 1 / 365, 0.5, True)
    begun = seen.coin_price if is_coin else seen.price

    assert option_step(leg, before, OptionMarket(61_000.0, 0.5, 0.0)).profit == pytest.approx(2.0 * (pays - begun))


@pytest.mark.parametrize("is_coin", [False, True])
@pytest.mark.parametrize("is_call", [False, True])
def test_inside_the_settlement_window_the_average_is_valued(is_coin: bool, is_call: bool) -> None:
    """Into the window, through it and out of it at the delivery price: the steps add up from mark to payoff."""
    leg = OptionHeld(-3.0, 60_000.0, is_call, is_coin)
    markets = [
        OptionMarket(60_100.0, 0.6, 1860 / (365 * 86_400)),
        _averaged(1500, 60_120.0, 60_110.0),
        _averaged(600, 60_400.0, 60_210.0, iv=0.65),
        OptionMarket(60_260.0, 0.65, 0.0),
    ]
    steps = [option_step(leg, before, after) for before, after in itertools.pairwise(markets)]
    begun = black76.greeks_scalar(60_100.0, 60_000.0, markets[0].tau_years, 0.6, is_call)
    paid = max(260.0 if is_call else -260.0, 0.0)
    made = -3.0 * (paid / 60_260.0 - begun.coin_price if is_coin else paid - begun.price)

    assert sum(step.profit for step in steps) == pytest.approx(made, rel=1e-12)
    for step in steps:
        assert step.theta + step.spot + step.vol == pytest.approx(step.profit, abs=1e-12 * abs(made))
        assert sum(step.taylor) == pytest.approx(step.profit, abs=1e-12 * abs(made))


@pytest.mark.parametrize("is_coin", [False, True])
def test_slopes_inside_the_window_are_those_of_the_value(is_coin: bool) -> None:
    """Delta and gamma terms of a small move of the index alone, which moves the expected delivery by its open part."""
    leg, before = OptionHeld(1.0, 60_000.0, True, is_coin), _averaged(900, 60_050.0, 60_020.0)
    share = settlement_window.share_of(_WINDOW, 900 * NS_PER_S)
    step = option_step(leg, before, _averaged(900, 60_051.0, 60_020.0 + share))

    assert step.theta == 0.0
    assert step.spot == pytest.approx(step.taylor.delta + step.taylor.gamma, rel=2e-4)
    assert abs(step.taylor.residual) < 0.05 * abs(step.taylor.gamma)


@given(st.floats(-5.0, 5.0), st.floats(1.0, 100.0), st.floats(40_000.0, 80_000.0), st.floats(-0.2, 0.2))
def test_a_coin_account_in_usd_is_trading_and_collateral(made: float, equity: float, index: float, move: float) -> None:
    """W1 - W0 = S1 dE + E0 dS, exactly."""
    after = index * (1.0 + move)
    trading, collateral = attribution.in_usd(made, equity, index, after)

    assert trading + collateral == pytest.approx(after * (equity + made) - index * equity, abs=1e-6)


def test_slippage_is_negative_when_dearer_than_the_mid() -> None:
    """Buying above it and selling below it cost, in coins and in USD."""
    assert attribution.slippage(2.0, 60_010.0, 60_000.0, is_inverse=False) == pytest.approx(-20.0)
    assert attribution.slippage(-60_000.0, 59_990.0, 60_000.0, is_inverse=True) < 0.0
