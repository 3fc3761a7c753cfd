"""Many candidates along many paths at once: what each trade cost and what was left open.

Knows bands on a grid; which policy they are of is nothing to it.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from scipy import special

from bot.pricing.black76 import price
from bot.research.sampled import Z_COUNT, Z_MAX, Candidate, Grid, Sampled
from bot.research.world import STRIKE_USD, FloatArray, World, prices


class Outcome(Struct, frozen=True, kw_only=True):
    """Of one candidate; arrays with a figure per path, per option on one coin of 100 USD."""

    cost_usd: FloatArray
    variance_usd_squared: FloatArray
    """Of the profit, that the delta left open let in: the sum of (delta x σ x S)^2 dt."""
    profit_usd: FloatArray
    """Of the whole: the call sold at its value, paid at expiry, hedged between, costs taken off."""
    trades: FloatArray
    hedge_coin: FloatArray
    """Held at expiry; taking it back is in no other figure."""
    price_usd: FloatArray
    """At expiry."""

    def objective_usd(self, risk_aversion_per_usd: float) -> FloatArray:
        """Cost + risk aversion / 2 x variance: what a band is chosen by."""
        return self.cost_usd + 0.5 * risk_aversion_per_usd * self.variance_usd_squared


class _Spot(NamedTuple):
    """Where each path stands on the grid."""

    price_usd: FloatArray
    left: np.ndarray
    """Node on its left."""
    share: FloatArray
    """Of the way to the next node."""
    delta_coin: FloatArray
    """Of one call."""


class _Desks:
    """Hedges of all candidates (rows) on all paths (columns)."""

    def __init__(self, sampled: Sequence[Sampled], paths_count: int) -> None:
        shape = (len(sampled), paths_count)
        fields = ("low_coin", "high_coin", "aim_low_coin", "aim_high_coin")
        self._tables: Final = np.stack([[getattr(each, name) for each in sampled] for name in fields])
        self._waiting: Final = [
            (row, each) for row, each in enumerate(sampled) if each.wait_steps_count or each.up_ratio != each.down_ratio
        ]
        self.hedge_coin: Final = np.zeros(shape)
        self.cost_usd: Final = np.zeros(shape)
        self.variance_usd_squared: FloatArray = np.zeros(shape)
        self.gain_usd: FloatArray = np.zeros(shape)
        self.trades: Final = np.zeros(shape)
        self._hedged_step: Final = np.zeros(shape)
        self._hedged_usd: Final = np.zeros(shape)

    def trade(self, steps_count: int, node: float, spot: _Spot, cost_fraction: float) -> FloatArray:
        """Hedge whatever is due after so many steps; the net delta afterwards. `node`: place among the times."""
        before = int(node)
        after, share = min(before + 1, self._tables.shape[2] - 1), node - before
        low, high, *aims = (1.0 - share) * self._tables[:, :, before] + share * self._tables[:, :, after]
        net = self.hedge_coin - spot.delta_coin
        is_below, is_above = net < _between(low, spot), net > _between(high, spot)
        self._wait(steps_count, spot.price_usd, is_below, is_above)
        for is_out, aim in ((is_below, aims[0]), (is_above, aims[1])):
            row, path = np.nonzero(is_out)
            if not row.size:
                continue
            left, part = spot.left[path], spot.share[path]
            landed = (1.0 - part) * aim[row, left] + part * aim[row, left + 1]
            traded = landed - net[row, path]
            self.hedge_coin[row, path] += traded
            self.cost_usd[row, path] += cost_fraction * spot.price_usd[path] * np.abs(traded)
            self.trades[row, path] += 1.0
            self._hedged_step[row, path] = steps_count
            self._hedged_usd[row, path] = spot.price_usd[path]
            net[row, path] = landed
        return net

    def _wait(self, step: int, price_usd: FloatArray, is_below: np.ndarray, is_above: np.ndarray) -> None:
        """Take out what is not due yet; the first hedge always is."""
        for row, each in self._waiting:
            before_usd = self._hedged_usd[row]
            is_moved = (price_usd >= each.up_ratio * before_usd) | (price_usd <= each.down_ratio * before_usd)
            is_old = step - self._hedged_step[row] >= each.wait_steps_count
            is_due = (self.trades[row] == 0.0) | (is_moved & is_old)
            is_below[row] &= is_due
            is_above[row] &= is_due


def _between(table: FloatArray, spot: _Spot) -> FloatArray:
    """Each row of the table at each path's place on the grid."""
    left = np.take(table, spot.left, axis=1)
    return left + spot.share * (np.take(table, spot.left + 1, axis=1) - left)


def follow(grid: Grid, candidates: Sequence[Candidate], normals: Iterator[FloatArray]) -> list[Outcome]:
    """Each candidate along the same paths, in order."""
    world = grid.world
    sampled = [grid.sample(candidate) for candidate in candidates]
    desks: _Desks | None = None
    price_usd: FloatArray = np.array(world.start_usd)
    for step, price_next in enumerate(prices(world, normals)):
        if desks is None:
            price_usd = np.full(price_next.shape, world.start_usd)
            desks = _Desks(sampled, price_next.size)
        steps_left = world.steps_count - step
        node = float(np.interp(steps_left, grid.steps_left, np.arange(grid.steps_left.size)))
        spot = _spot(world, price_usd, steps_left * world.step_years)
        net = desks.trade(step, node, spot, world.cost_fraction)
        desks.variance_usd_squared += np.square(net * (world.iv * math.sqrt(world.step_years) * price_usd))
        desks.gain_usd += desks.hedge_coin * (price_next - price_usd)
        price_usd = price_next
    assert desks is not None, "a world has steps"
    worth_usd = price(world.start_usd, STRIKE_USD, world.tau_years, world.iv_mark, is_call=True)
    paid_usd = np.maximum(price_usd - STRIKE_USD, 0.0)
    profit_usd = worth_usd - paid_usd + desks.gain_usd - desks.cost_usd
    columns = zip(desks.cost_usd, desks.variance_usd_squared, profit_usd, desks.trades, desks.hedge_coin, strict=True)
    return [
        Outcome(
            cost_usd=cost,
            variance_usd_squared=variance,
            profit_usd=profit,
            trades=trades,
            hedge_coin=hedge,
            price_usd=price_usd,
        )
        for cost, variance, profit, trades, hedge in columns
    ]


def _spot(world: World, price_usd: FloatArray, tau_years: float) -> _Spot:
    width = world.iv_mark * math.sqrt(tau_years)
    z = np.log(price_usd / STRIKE_USD) / width
    at = np.clip((z + Z_MAX) * ((Z_COUNT - 1) / (2.0 * Z_MAX)), 0.0, Z_COUNT - 1.000001)
    left = at.astype(np.intp)
    return _Spot(price_usd, left, at - left, special.ndtr(z + 0.5 * width))
