"""Whalley-Wilmott and its combination with the width of a dead option; the tables are in tests/reference."""

from collections.abc import Callable

import pytest

from bot.hedging.band import BandInputs
from bot.hedging.bands import whalley_wilmott
from bot.hedging.bands.whalley_wilmott import Params


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (Params(risk_aversion_per_usd=1e-5, is_plain=True), 1.3872786896537154),
        (Params(risk_aversion_per_usd=1e-5), 1.3918502),
    ],
)
def test_half_width_of_ten_weekly_calls(inputs: Callable[..., BandInputs], params: Params, expected: float) -> None:
    """Row 10 of whalley_wilmott_band.csv: 1.3873 coins plain; with H0 = 0.1127 in squares 1.3919."""
    band = whalley_wilmott.policy(params)(inputs())

    assert band.high_coin == pytest.approx(expected, rel=1e-5)
    assert band.low_coin == -band.high_coin


def test_half_the_spread_is_a_cost(inputs: Callable[..., BandInputs]) -> None:
    """3 bp of fee and 2 bp of half spread are 5 bp."""
    policy = whalley_wilmott.policy(Params(risk_aversion_per_usd=1e-5))
    split = inputs(fee_rate_taker=0.0003, half_spread_usd=0.0002 * 64_250.5)

    assert policy(split).high_coin == pytest.approx(policy(inputs()).high_coin, rel=1e-12)


def test_a_dead_book_is_left_alone_up_to_the_cost_of_closing_it(inputs: Callable[..., BandInputs]) -> None:
    """Without gamma the plain band closes; the combined one is H0 = λ / (ra S σ² τ)."""
    dead = inputs(gamma_coin_per_usd=0.0)

    assert whalley_wilmott.policy(Params(risk_aversion_per_usd=1e-5, is_plain=True))(dead).high_coin == 0.0
    assert whalley_wilmott.policy(Params(risk_aversion_per_usd=1e-5))(dead).high_coin == pytest.approx(
        0.0005 / (1e-5 * 64_250.5 * 0.36 * 7.0 / 365.0)
    )


def test_a_residual_asked_for_is_the_residual_got(inputs: Callable[..., BandInputs]) -> None:
    """H / sqrt(3) of delta makes the asked standard deviation a day, whatever gamma."""
    policy = whalley_wilmott.policy(Params(residual_usd_per_day=1000.0))

    half = policy(inputs()).high_coin

    assert half / 3.0**0.5 * 64_250.5 * 0.6 / 365.0**0.5 == pytest.approx(1000.0)
    assert policy(inputs(gamma_coin_per_usd=1e-9)).high_coin == half
    assert policy(inputs(iv_mark=None)).high_coin == 0.0


def test_an_appetite_relative_to_the_book(inputs: Callable[..., BandInputs]) -> None:
    """Ten over ten coins at 64,250.5 USD is 1.5564e-5 per USD; without options it is relative to nothing."""
    relative = whalley_wilmott.policy(Params())
    absolute = whalley_wilmott.policy(Params(risk_aversion_per_usd=10.0 / (10.0 * 64_250.5)))

    assert relative(inputs()) == absolute(inputs())
    assert relative(inputs(option_coin_gross=0.0)).high_coin == 0.0
