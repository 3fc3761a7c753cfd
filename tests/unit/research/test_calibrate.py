"""Numbers for a book from facts: each by hand, each with its reason, and a configuration that loads."""

import math
import tomllib

import pytest
from msgspec import structs

from bot.hedging.bands.whalley_wilmott import half_width_coin
from bot.research.calibrate import (
    Facts,
    Proposal,
    RungFact,
    Wish,
    as_toml,
    propose,
    realised_vol,
    rounded,
    rounded_down,
    rounded_up,
    worst_move,
)

_FACTS = Facts(
    option_coin_gross=10.0,
    gamma_coin_per_usd=-7e-4,
    price_usd=64_000.0,
    iv=0.6,
    tau_years=0.02,
    cost_fraction=0.0004,
    lot_coin=0.001,
    days_seen=3.0,
    vol_per_root_year=0.5,
    worst_step_fraction=0.01,
    worst_hour_fraction=0.03,
    rungs=(
        RungFact(spot_share=-0.2, delta_coin_net=8.0, pnl_usd=-90_000.0),
        RungFact(spot_share=0.2, delta_coin_net=-5.0, pnl_usd=-60_000.0),
    ),
)


def _values(proposal: Proposal) -> dict[str, float]:
    return {item.key or item.name: item.value for item in proposal.numbers}


def test_a_given_budget_makes_the_risk_aversion_and_the_band() -> None:
    """2 / 50,000 per USD; the product's own width; three half widths are the hard limit, or what the gap makes."""
    found = _values(propose(_FACTS, Wish(budget_usd_per_day=50_000.0)))
    half = half_width_coin(
        gamma_coin_per_usd=-7e-4,
        price_usd=64_000.0,
        cost_fraction=0.0004,
        risk_aversion_per_usd=4e-5,
        iv=0.6,
        tau_years=0.02,
    )
    gap = max(0.01, 6.0 * 0.6 * math.sqrt(300.0 / 31_536_000.0), 0.02)

    assert found["band.risk_budget_usd_per_day"] == 50_000.0
    assert found["risk aversion"] == pytest.approx(4e-5)
    assert found["half width of the band"] == pytest.approx(half)
    assert found["open risk"] == pytest.approx(half / math.sqrt(3.0) * 64_000.0 * 0.6 / math.sqrt(365.0))
    assert found["gap"] == gap == 0.02
    assert found["limits.delta_coin_worst_max"] == rounded_up(max(3.0 * half, half + 1.25 * 7e-4 * 64_000.0 * 0.02))
    assert found["limits.hedge_position_usd_max"] == rounded_up(1.25 * 8.0 * 64_000.0 * 0.8)
    assert found["ladder.loss_usd_max"] == rounded_up(99_000.0)


def test_without_any_wish_the_default_s_aversion_is_spelled_out() -> None:
    """Ten over what the options' coins are worth: 2 x 10 x 64,000 / 10."""
    proposal = propose(_FACTS, Wish())

    assert _values(proposal)["band.risk_budget_usd_per_day"] == rounded(128_000.0)
    assert not any(item.key.startswith("appetite") for item in proposal.numbers)


@pytest.mark.parametrize(
    ("worst_hour", "budget"),
    [
        (0.001, 20_000.0),  # a calm tape: a fifth of the cushion
        (0.0942116, 6_700.0),  # an hour of three daily deviations: a fifteenth
    ],
)
def test_a_cushion_outlasts_five_of_the_worst_hours(worst_hour: float, budget: float) -> None:
    """The multiplier is calibrated to the tape: the worse its hours, the less risk a day."""
    wish = Wish(equity_usd=500_000.0, floor_usd=400_000.0)
    found = _values(propose(structs.replace(_FACTS, worst_hour_fraction=worst_hour), wish))

    assert found["band.risk_budget_usd_per_day"] == budget
    assert (found["appetite.floor_usd"], found["appetite.full_cushion_usd"]) == (400_000.0, 100_000.0)


def test_the_hard_limit_is_what_the_cushion_bears_through_the_gap() -> None:
    """The loss of short gamma comes first: 7e-4 x 1,280^2 / 2 = 573 USD; the rest over 1,280 USD a coin."""
    found = propose(_FACTS, Wish(budget_usd_per_day=50_000.0, equity_usd=102_500.0, floor_usd=100_000.0))

    assert _values(found)["limits.delta_coin_worst_max"] == 1.5, "1.505"
    assert any("more than the cushion" in warning for warning in found.warnings)


def test_a_cushion_that_no_hedge_keeps_is_a_warning() -> None:
    """Gamma alone may cost it: more hedging does not help, less holding does."""
    found = propose(_FACTS, Wish(budget_usd_per_day=500.0, equity_usd=100_600.0, floor_usd=100_000.0))

    assert any("no hedge of the perpetual keeps the floor" in warning for warning in found.warnings)


def test_long_gamma_gains_from_the_gap() -> None:
    """No convexity loss is taken from the cushion; what is left over is no room."""
    long = structs.replace(_FACTS, gamma_coin_per_usd=7e-4)
    wish = Wish(budget_usd_per_day=50_000.0, equity_usd=102_500.0, floor_usd=100_000.0)

    assert _values(propose(long, wish))["limits.delta_coin_worst_max"] == 1.9, "1.953"
    assert _values(propose(_FACTS, structs.replace(wish, equity_usd=102_570.0)))["ladder.loss_usd_max"] == 2_500.0


def test_a_short_tape_says_so_and_the_options_volatility_is_taken() -> None:
    """Never less than what the options say."""
    (first, *_) = propose(structs.replace(_FACTS, vol_per_root_year=None), Wish()).numbers
    (dearer, *_) = propose(structs.replace(_FACTS, vol_per_root_year=0.9), Wish()).numbers

    assert (first.value, dearer.value) == (0.6, 0.9)
    assert "too short" in first.reason


def test_every_number_has_a_reason() -> None:
    """What nobody can explain nobody should set."""
    assert all(item.reason for item in propose(_FACTS, Wish(equity_usd=5e5, floor_usd=4e5)).numbers)


def test_the_snippet_holds_every_key_once() -> None:
    """TOML by sections of the book, band first."""
    proposal = propose(_FACTS, Wish(equity_usd=5e5, floor_usd=4e5))
    read = tomllib.loads(as_toml(proposal, "BTC"))["books"]["btc"]

    told = {item.key: item.value for item in proposal.numbers if item.key}
    flat = {f"{section}.{key}": value for section, keys in read.items() for key, value in keys.items()}
    assert flat.pop("band.policy") == "whalley_wilmott"
    assert flat == pytest.approx(told, rel=1e-5)


@pytest.mark.parametrize(
    ("value", "near", "above", "below"),
    [
        (0.0, 0.0, 0.0, 0.0),
        (1234.0, 1200.0, 1300.0, 1200.0),
        (0.0451, 0.045, 0.046, 0.045),
        (1.96, 2.0, 2.0, 1.9),
        (1200.0, 1200.0, 1200.0, 1200.0),
    ],
)
def test_numbers_are_round(value: float, near: float, above: float, below: float) -> None:
    """Two digits; a limit never below what it is made of, and never above what it may cost."""
    assert (rounded(value), rounded_up(value), rounded_down(value)) == pytest.approx((near, above, below))


def test_realised_volatility_and_worst_moves_of_a_tape() -> None:
    """Moves of 0.1 % to and fro; one of 3 % over three steps; single prices have neither."""
    closes = [100.0 * 1.001 ** (at % 2) for at in range(40)]

    assert realised_vol(closes) == pytest.approx(math.log(1.001) * math.sqrt(365.0 * 288.0))
    assert realised_vol(closes[:12]) is None
    assert worst_move([100.0, 101.0, 102.0, 103.0], 1) == pytest.approx(0.01)
    assert worst_move([100.0, 101.0, 102.0, 103.0], 12) == pytest.approx(0.03)
    assert worst_move([100.0, 90.0, 100.0], 2) == pytest.approx(1.0 / 9.0)
    assert worst_move([100.0], 12) == 0.0
