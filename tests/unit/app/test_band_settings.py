"""From the keys of a band to a policy and what is laid over it."""

from typing import get_args

import pytest
from pydantic import ValidationError

from bot.app.band_settings import BandSection, band_of, modifiers_of
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.hedging.band import TradeTo
from bot.hedging.bands import (
    delta_percent,
    fixed,
    gamma_scaled,
    leland_time,
    price_move,
    time_based,
    variance_budget,
    whalley_wilmott,
    whalley_wilmott_fixed_cost,
    zakamouline,
)
from bot.hedging.modifiers import Modifiers, QuietHours, TargetStep
from bot.hedging.policies import POLICIES

_HOUR = 3600 * NS_PER_S


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, whalley_wilmott.Params()),
        (
            {"risk_aversion_per_usd": 1e-5, "is_plain": True},
            whalley_wilmott.Params(risk_aversion_per_usd=1e-5, is_plain=True),
        ),
        ({"risk_budget_usd_per_day": 2000.0}, whalley_wilmott.Params(risk_aversion_per_usd=0.001)),
        ({"risk_aversion_relative": 3.0}, whalley_wilmott.Params(risk_aversion_relative=3.0)),
        ({"residual_usd_per_day": 500.0}, whalley_wilmott.Params(residual_usd_per_day=500.0)),
        ({"policy": "fixed"}, fixed.Params()),
        ({"low_coin": -0.1}, fixed.Params(low_coin=-0.1)),
        ({"policy": "gamma_scaled", "move_fraction": 0.01}, gamma_scaled.Params(move_fraction=0.01)),
        (
            {"policy": "whalley_wilmott_fixed_cost", "fixed_cost_usd": 5.0, "risk_budget_usd_per_day": 2000.0},
            whalley_wilmott_fixed_cost.Params(fixed_cost_usd=5.0, risk_aversion_per_usd=0.001),
        ),
        ({"policy": "zakamouline"}, zakamouline.Params()),
        ({"policy": "leland_time", "interval_s": 60}, leland_time.Params(interval_s=60.0)),
        ({"policy": "time_based", "interval_s": 60}, time_based.Params(interval_s=60.0)),
        ({"policy": "price_move", "move_fraction": 0.01}, price_move.Params(move_fraction=0.01)),
        ({"policy": "variance_budget", "budget_usd": 100}, variance_budget.Params(budget_usd=100.0)),
        (
            {"policy": "delta_percent", "percent": 5, "half_coin_min": 0.1},
            delta_percent.Params(percent=5.0, half_coin_min=0.1),
        ),
    ],
)
def test_each_policy_takes_its_keys(keys: dict[str, object], expected: object) -> None:
    """Named like the fields; whalley_wilmott where nothing is said, fixed where only edges are."""
    assert band_of("btc", BandSection.model_validate(keys)) == expected


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"policy": "time_based"}, "books.btc.band.interval_s: is missing; policy time_based needs it"),
        (
            {"policy": "time_based", "interval_s": 60, "percent": 5},
            "books.btc.band.percent: does not belong to policy time_based; remove it or choose another policy",
        ),
        (
            {"policy": "fixed", "risk_budget_usd_per_day": 5},
            (
                "books.btc.band.risk_budget_usd_per_day: does not belong to policy fixed; "
                "remove it or choose another policy"
            ),
        ),
        (
            {"risk_budget_usd_per_day": 5, "risk_aversion_per_usd": 1},
            "books.btc.band.risk_budget_usd_per_day: risk_aversion_per_usd is set as well; keep one",
        ),
        (
            {"residual_usd_per_day": 5, "risk_aversion_per_usd": 1},
            (
                "books.btc.band.residual_usd_per_day: another measure of risk is set as well (risk_aversion_per_usd); "
                "keep one"
            ),
        ),
    ],
)
def test_a_key_too_few_or_too_many_is_named(keys: dict[str, object], said: str) -> None:
    """With the next step."""
    with pytest.raises(ConfigError) as caught:
        band_of("btc", BandSection.model_validate(keys))

    assert str(caught.value) == said


def test_every_policy_can_be_chosen() -> None:
    """The words of the key are the table's."""
    words = get_args(BandSection.model_fields["policy"].annotation)

    assert {kind.__struct_config__.tag for kind in POLICIES} == set(words)


def test_modifiers_are_converted_once() -> None:
    """Clock times and milliseconds to nanoseconds, a schedule in the order of the day."""
    section = BandSection.model_validate(
        {
            "target_coin_by_time": {"20:30": -1, "08:00": 0.5},
            "hedge_ratio": 1.5,
            "trade_to": "inner",
            "width_ratio_short_gamma": 0.5,
            "quiet_hours": ["22:00-02:00"],
            "quiet_width_ratio": 2,
            "monitoring_interval_ms": 1000,
            "hedge_interval_ms_min": 5000,
            "price_move_fraction_min": 0.001,
            "hard_width_multiple": 2,
        }
    )

    assert modifiers_of("btc", section) == Modifiers(
        target=(TargetStep(of_day_ns=8 * _HOUR, coin=0.5), TargetStep(of_day_ns=20 * _HOUR + _HOUR // 2, coin=-1.0)),
        trade_to=TradeTo.INNER,
        hedge_ratio=1.5,
        width_ratio_short_gamma=0.5,
        quiet=(QuietHours(from_ns=22 * _HOUR, to_ns=2 * _HOUR, width=2.0),),
        monitoring_ns=Ns(1000 * NS_PER_MS),
        interval_ns_min=Ns(5000 * NS_PER_MS),
        price_move_fraction_min=0.001,
        hard_width_multiple=2.0,
    )


def test_two_targets_are_refused() -> None:
    """A number or a schedule."""
    section = BandSection.model_validate({"target_coin": 1, "target_coin_by_time": {"08:00": 0.5}})

    with pytest.raises(ConfigError, match=r"^books.btc.band.target_coin: target_coin_by_time is set as well"):
        modifiers_of("btc", section)


@pytest.mark.parametrize(
    "keys",
    [
        {"target_coin_by_time": {"8:00": 1}},
        {"target_coin_by_time": {"24:00": 1}},
        {"quiet_hours": ["22-02"]},
        {"hedge_ratio": 1.6},
        {"hard_width_multiple": 0.5},
        {"policy": "best"},
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, object]) -> None:
    """Before anything runs."""
    with pytest.raises(ValidationError):
        BandSection.model_validate(keys)
