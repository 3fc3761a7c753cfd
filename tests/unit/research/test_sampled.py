"""Policies on a grid are the product's policies."""

import math

import numpy as np
import pytest
from msgspec import structs

from bot.hedging.band import TradeTo, aim_coin
from bot.hedging.bands import fixed, price_move, time_based, whalley_wilmott
from bot.hedging.modifiers import Modifiers
from bot.pricing.black76 import delta_gamma
from bot.research.sampled import Z_COUNT, Z_MAX, Candidate, Grid
from bot.research.world import STRIKE_USD

_DEFAULT = Candidate(name="default", params=whalley_wilmott.Params(risk_aversion_per_usd=0.1))


@pytest.mark.parametrize("trade_to", TradeTo)
def test_at_a_node_stands_what_the_policy_says_there(grid: Grid, trade_to: TradeTo) -> None:
    """Band and both landings, with the option of that price and time, short."""
    candidate = structs.replace(_DEFAULT, modifiers=Modifiers(trade_to=trade_to))
    sampled = grid.sample(candidate)
    row, column = 20, Z_COUNT // 2 + 7
    tau = float(grid.steps_left[row]) * grid.world.step_years
    z = -Z_MAX + column * 2.0 * Z_MAX / (Z_COUNT - 1)
    price = STRIKE_USD * math.exp(z * grid.world.iv * math.sqrt(tau))
    delta, gamma = delta_gamma(price, STRIKE_USD, tau, grid.world.iv, True)
    inputs = grid._inputs[row][column]

    assert (inputs.delta_coin_options, inputs.gamma_coin_per_usd) == (pytest.approx(-delta), pytest.approx(-gamma))
    band = candidate.policy()(structs.replace(inputs, delta_coin_options=-delta, gamma_coin_per_usd=-gamma))
    assert sampled.high_coin[row, column] == pytest.approx(band.high_coin, rel=1e-9)
    assert sampled.aim_low_coin[row, column] == pytest.approx(aim_coin(band, -math.inf, trade_to), rel=1e-9, abs=1e-12)
    assert sampled.aim_high_coin[row, column] == pytest.approx(aim_coin(band, math.inf, trade_to), rel=1e-9, abs=1e-12)


def test_between_two_nodes_little_is_lost(grid: Grid) -> None:
    """A node left out is met by the line between its neighbours to 1.2 %; the grid is twice as fine."""
    high = grid.sample(_DEFAULT).high_coin[-1]
    middle = slice(Z_COUNT // 2 - 16, Z_COUNT // 2 + 17)
    straight = 0.5 * (high[:-2] + high[2:])

    assert np.abs(straight / high[1:-1] - 1.0)[middle].max() < 0.012


def test_time_nodes_reach_from_the_last_step_to_the_first(grid: Grid) -> None:
    """Rising, every step near the end."""
    nodes = grid.steps_left

    assert (nodes[0], nodes[-1]) == (1, grid.world.steps_count)
    assert (np.diff(nodes) >= 1).all()
    assert nodes[5] == 6


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (time_based.Params(interval_s=3_600.0), (2, 1.0, 1.0)),
        (time_based.Params(interval_s=4_000.0), (3, 1.0, 1.0)),
        (price_move.Params(move_fraction=0.02), (0, 1.02, 0.98)),
        (fixed.Params(), (0, 1.0, 1.0)),
    ],
)
def test_what_a_policy_waits_for_is_found_by_asking_it(
    grid: Grid, params: fixed.Params, expected: tuple[int, float, float]
) -> None:
    """Whole steps of a clock, a move either way, or nothing."""
    sampled = grid.sample(Candidate(name="x", params=params))

    assert (sampled.wait_steps_count, sampled.up_ratio, sampled.down_ratio) == pytest.approx(expected, rel=1e-9)
