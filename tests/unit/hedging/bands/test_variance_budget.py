"""A money risk over a horizon."""

from collections.abc import Callable

import pytest

from bot.hedging.band import BandInputs
from bot.hedging.bands import variance_budget


def test_half_a_coin_for_a_thousand_dollars_a_day(inputs: Callable[..., BandInputs]) -> None:
    """1000 / (64250.5 x 0.6 / sqrt(365)) = 0.4956 coin; four times the horizon, half the width."""
    day = variance_budget.policy(variance_budget.Params(budget_usd=1000.0))(inputs())
    four = variance_budget.policy(variance_budget.Params(budget_usd=1000.0, horizon_hours=96.0))(inputs())

    assert day.high_coin == pytest.approx(0.49559, rel=1e-4)
    assert four.high_coin == pytest.approx(day.high_coin / 2.0)


@pytest.mark.parametrize("iv", [None, 0.0])
def test_without_a_volatility_no_delta_is_left(inputs: Callable[..., BandInputs], iv: float | None) -> None:
    """Not knowing the risk is no reason to take it."""
    assert variance_budget.policy(variance_budget.Params(budget_usd=1000.0))(inputs(iv_mark=iv)).high_coin == 0.0
