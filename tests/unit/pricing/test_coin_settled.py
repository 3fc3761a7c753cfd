"""Coin-settled contracts: signs, units and digits on figures done by hand."""

import numpy as np
import pytest

from bot.pricing import coin_settled


def test_the_premium_is_counted_once() -> None:
    """An option of delta 0.5 worth 3,000 USD at 60,000 costs 0.05 coin and moves the coin value by 0.45 coin."""
    premium = coin_settled.premium_coin(3000.0, 60000.0)

    assert (premium, coin_settled.net_transaction_delta_coin(0.5, premium)) == (0.05, 0.45)


def test_holding_a_zero_strike_call_is_holding_the_coin() -> None:
    """Delta 1 less premium 1: nothing to hedge in coins."""
    assert coin_settled.net_transaction_delta_coin(1.0, coin_settled.premium_coin(60000.0, 60000.0)) == 0.0


def test_a_long_put_is_shorter_in_coins_than_its_black_delta() -> None:
    """The premium deepens a put's delta: -0.4 less 0.03 coin."""
    assert coin_settled.net_transaction_delta_coin(-0.4, 0.03) == pytest.approx(-0.43, rel=1e-15)


def test_the_net_delta_drifts_with_gamma_less_itself() -> None:
    """F gamma - (delta - c): 60,000 x 0.00002 - 0.45 = 0.75 coin per unit of ln F."""
    assert coin_settled.net_transaction_delta_slope_coin(60000.0, 2e-5, 0.45) == pytest.approx(0.75, rel=1e-14)


def test_coin_gamma_for_floats_and_arrays() -> None:
    """gamma/F - 2 PA/F^2, of either kind."""
    expected = 2e-5 / 60000.0 - 2.0 * 0.45 / 60000.0**2
    many = coin_settled.coin_gamma(np.array([60000.0]), np.array([2e-5]), np.array([0.45]))

    assert [coin_settled.coin_gamma(60000.0, 2e-5, 0.45), many[0]] == pytest.approx([expected] * 2, rel=1e-14)


def test_vega_and_theta_in_coins() -> None:
    """Dollars over the forward: 6,000 USD per vol is 0.1 coin, -90,000 USD a year is -1.5 coins."""
    actual = coin_settled.vega_coin_per_vol(6000.0, 60000.0), coin_settled.theta_coin_per_year(-90000.0, 60000.0)

    assert actual == (0.1, -1.5)


@pytest.mark.parametrize(
    ("amount_usd", "entry_usd", "price_usd", "expected_coin"),
    [
        (100_000.0, 50_000.0, 62_500.0, 0.4),
        (-100_000.0, 50_000.0, 62_500.0, -0.4),
        (100_000.0, 62_500.0, 50_000.0, -0.4),
        (100_000.0, 50_000.0, 50_000.0, 0.0),
        (1e6, 65536.0, 65536.0 + 2.0**-20, 1e6 * 2.0**-52 / (1.0 + 2.0**-36)),
    ],
)
def test_inverse_profit(amount_usd: float, entry_usd: float, price_usd: float, expected_coin: float) -> None:
    """N (1/P0 - 1/P): a long gains when the price rises, and a millionth of a dollar is still a profit."""
    actual = coin_settled.inverse_pnl_coin(amount_usd, entry_usd, price_usd)

    assert actual == pytest.approx(expected_coin, rel=1e-14, abs=0.0)


def test_inverse_delta_and_curvature() -> None:
    """100,000 USD long at 50,000 is 2 coins long; its coin profit bends down for a long and up for a short."""
    curvatures = [coin_settled.inverse_coin_gamma(amount, 50_000.0) for amount in (1e5, -1e5)]

    assert coin_settled.inverse_delta_coin(100_000.0, 50_000.0) == 2.0
    assert curvatures == pytest.approx([-1.6e-9, 1.6e-9], rel=1e-14)


def test_one_coin_and_a_short_of_its_worth_is_a_constant_dollar_amount() -> None:
    """The synthetic dollar (theory 1.4): 1 coin, 50,000 USD short from 50,000, is worth 50,000 USD at every price."""
    worth = [
        price * (1.0 + coin_settled.inverse_pnl_coin(-50_000.0, 50_000.0, price)) for price in (1e3, 5e4, 7e4, 1e6)
    ]

    assert worth == pytest.approx([50_000.0] * 4, rel=1e-13)


def test_the_neutral_amount_undoes_the_net_delta() -> None:
    """0.45 coin long needs 27,000 USD short at 60,000, which is -0.45 coin."""
    amount = coin_settled.neutral_inverse_amount_usd(0.45, 60_000.0)

    assert (amount, coin_settled.inverse_delta_coin(amount, 60_000.0)) == (-27_000.0, -0.45)
