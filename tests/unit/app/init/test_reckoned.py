"""Numbers of a first configuration: the product's own formulas, for a book of the size that was named."""

import math

import pytest
from msgspec import structs

from bot.app.init.answers import Answers, Margin, Stage
from bot.app.init.reckoned import Market, numbers_of, warnings_of
from bot.hedging.band import risk_aversion_of_budget
from bot.hedging.bands.whalley_wilmott import half_width_coin
from bot.pricing import black76
from bot.research.calibrate import rounded_up
from bot.risk.conventions import Convention

_MARKET = Market(price_usd=100_000.0, iv=0.5)
_ANSWERS = Answers(
    venue="deribit",
    currency="BTC",
    margin=Margin.INVERSE,
    convention=Convention.OPTIONS_ONLY,
    option_coins=10.0,
    equity_coin=0.0,
    risk_usd_per_day=1_000.0,
    stage=Stage.PAPER,
)


def _values(answers: Answers = _ANSWERS) -> dict[str, float]:
    return {item.key: item.value for item in numbers_of(answers, _MARKET)}


def test_band_and_limits_are_those_of_sold_straddles_of_that_size() -> None:
    """A week old; the hard limit is what gamma makes in a gap of two per cent, or three half widths."""
    found = _values()
    tau = 7.0 / 365.0
    gamma = -20.0 * black76.delta_gamma(100_000.0, 100_000.0, tau, 0.5, True)[1]
    half = half_width_coin(
        gamma_coin_per_usd=gamma,
        price_usd=100_000.0,
        cost_fraction=0.0004,
        risk_aversion_per_usd=risk_aversion_of_budget(1_000.0),
        iv=0.5,
        tau_years=tau,
    )

    assert found["band.risk_budget_usd_per_day"] == 1_000.0
    assert found["limits.delta_coin_worst_max"] == rounded_up(
        max(3.0 * half, half + 1.25 * abs(gamma) * 100_000.0 * 0.02)
    )
    assert found["limits.hedge_position_usd_max"] == rounded_up(1.25 * 10.0 * 100_000.0 * 1.2)
    assert found["limits.order_usd_max"] <= found["limits.hedge_position_usd_max"]


def test_stops_are_so_many_days_of_risk() -> None:
    """Three in a day, five from the top, one within five minutes."""
    found = _values()

    assert found["stops.daily_loss_usd_max"] == 3_000.0
    assert found["stops.drawdown_usd_max"] == 5_000.0
    assert found["stops.loss_velocity_usd_max"] == 1_000.0
    assert found["stops.margin_share_max"] == 0.8
    assert "ladder.loss_usd_max" not in found


def test_hedged_equity_makes_room_for_its_hedge() -> None:
    """Under convention usd the coins of the account are hedged too."""
    found = _values(structs.replace(_ANSWERS, convention=Convention.USD, equity_coin=30.0))

    assert found["limits.hedge_position_usd_max"] == rounded_up(1.25 * 40.0 * 100_000.0 * 1.2)


@pytest.mark.parametrize("risk_usd", [1.0, 100.0, 10_000.0, 1e6])
@pytest.mark.parametrize("coins", [0.1, 10.0, 10_000.0])
def test_more_risk_is_never_a_narrower_limit(risk_usd: float, coins: float) -> None:
    """All numbers are finite and positive, whatever the size."""
    less = _values(structs.replace(_ANSWERS, risk_usd_per_day=risk_usd, option_coins=coins))
    more = _values(structs.replace(_ANSWERS, risk_usd_per_day=2.0 * risk_usd, option_coins=coins))

    assert all(value > 0.0 and math.isfinite(value) for value in less.values())
    assert more["limits.delta_coin_worst_max"] >= less["limits.delta_coin_worst_max"]


def test_a_risk_the_costs_do_not_allow_is_warned_of() -> None:
    """A dollar a day for ten straddles: the cheapest band leaves more open than that."""
    assert warnings_of(_ANSWERS, _MARKET) == ()
    assert any(
        "more open in a day" in text for text in warnings_of(structs.replace(_ANSWERS, risk_usd_per_day=1.0), _MARKET)
    )
