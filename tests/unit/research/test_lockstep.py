"""Many candidates on many paths do what one would do alone, asked step by step."""

import math

import numpy as np
import pytest
from msgspec import structs

from bot.domain.time import Ns
from bot.hedging.band import BandInputs, TradeTo, aim_coin
from bot.hedging.bands import fixed, price_move, time_based, whalley_wilmott
from bot.hedging.modifiers import Modifiers
from bot.pricing.black76 import delta_gamma
from bot.research.lockstep import follow
from bot.research.sampled import Candidate, Grid
from bot.research.world import STRIKE_USD, World, many_paths, paths_of, prices

_WHALLEY_WILMOTT = whalley_wilmott.Params(risk_aversion_per_usd=0.1)
_CANDIDATES = (
    Candidate(name="edge", params=_WHALLEY_WILMOTT),
    Candidate(name="inner", params=_WHALLEY_WILMOTT, modifiers=Modifiers(trade_to=TradeTo.INNER)),
    Candidate(name="target", params=_WHALLEY_WILMOTT, modifiers=Modifiers(trade_to=TradeTo.TARGET)),
    Candidate(name="clock", params=time_based.Params(interval_s=7_200.0)),
    Candidate(name="move", params=price_move.Params(move_fraction=0.01)),
)


def _alone(candidate: Candidate, world: World, seed: int) -> tuple[float, float, float, int]:
    """(cost, variance, profit but for the premium, trades) of one path, the policy asked at every step."""
    policy, trade_to = candidate.policy(), candidate.modifiers.trade_to
    price, hedge, cost, variance, gain, trades = STRIKE_USD, 0.0, 0.0, 0.0, 0.0, 0
    last: tuple[int, float] | None = None
    for step, priced in enumerate(prices(world, paths_of(world, [seed]))):
        tau = (world.steps_count - step) * world.step_years
        delta, gamma = delta_gamma(price, STRIKE_USD, tau, world.iv, True)
        inputs = BandInputs(
            delta_coin_net=hedge - delta,
            delta_coin_options=-delta,
            gamma_coin_per_usd=-gamma,
            vanna_coin_per_vol=0.0,
            option_coin_gross=1.0,
            price_usd=price,
            iv_mark=world.iv,
            tau_years=tau,
            fee_rate_taker=world.cost_fraction,
            half_spread_usd=0.0,
            funding_rate_8h=0.0,
            since_hedge_ns=None if last is None else Ns((step - last[0]) * world.step_ns),
            price_at_hedge_usd=None if last is None else last[1],
            now_ns=Ns(step * world.step_ns),
        )
        band, net = policy(inputs), hedge - delta
        if not band.low_coin <= net <= band.high_coin:
            traded = aim_coin(band, net, trade_to) - net
            hedge, net, trades, last = hedge + traded, net + traded, trades + 1, (step, price)
            cost += world.cost_fraction * price * abs(traded)
        variance += (net * world.iv * price) ** 2 * world.step_years
        gain += hedge * (float(priced[0]) - price)
        price = float(priced[0])
    return cost, variance, gain - max(price - STRIKE_USD, 0.0) - cost, trades


def test_paths_followed_together_go_as_each_alone(small: World, grid: Grid) -> None:
    """Cost, variance, profit and number of trades of five candidates on three paths, but for interpolation."""
    outcomes = follow(grid, _CANDIDATES, paths_of(small, [1, 2, 3]))
    premium = STRIKE_USD * (math.erf(small.iv * math.sqrt(small.tau_years) / math.sqrt(8.0)))

    for candidate, outcome in zip(_CANDIDATES, outcomes, strict=True):
        for column, seed in enumerate((1, 2, 3)):
            cost, variance, profit, trades = _alone(candidate, small, seed)

            assert outcome.trades[column] == trades, candidate.name
            assert outcome.cost_usd[column] == pytest.approx(cost, rel=2e-3), candidate.name
            assert outcome.variance_usd_squared[column] == pytest.approx(variance, rel=1e-2), candidate.name
            assert outcome.profit_usd[column] - premium == pytest.approx(profit, abs=3e-3), candidate.name


def test_hedging_at_every_step_leaves_nothing_open(small: World, grid: Grid) -> None:
    """No band, no residual variance; profit then misses only what happens between two looks, and the cost."""
    closed = fixed.Params(low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0)
    (outcome,) = follow(grid, [Candidate(name="closed", params=closed)], many_paths(small, 2_000, 1))

    assert outcome.variance_usd_squared.max() < 1e-20
    assert outcome.profit_usd.mean() == pytest.approx(-outcome.cost_usd.mean(), abs=0.03)
    assert outcome.profit_usd.std() < 0.3
    assert (outcome.trades == small.steps_count).mean() > 0.9


def test_the_objective_is_cost_and_risk(small: World, grid: Grid) -> None:
    """Cost + half the risk aversion times the variance, path by path."""
    (outcome,) = follow(grid, [structs.replace(_CANDIDATES[0], name="x")], paths_of(small, [1, 2]))

    assert np.allclose(outcome.objective_usd(4.0), outcome.cost_usd + 2.0 * outcome.variance_usd_squared)
