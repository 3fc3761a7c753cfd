"""A product policy, asked once on a grid of prices and times, so that thousands of paths can follow it at once.

What is followed is the policy of `bot/hedging` itself with its modifiers, interpolated; nothing is written again here.
Interpolation is linear in z = ln(S/K)/(σ sqrt τ) and in time and costs at most 0.3 % of a width.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from msgspec import Struct, structs

from bot.domain.time import Ns
from bot.hedging.band import BandInputs, BandPolicy, Law, aim_coin
from bot.hedging.modifiers import Modifiers, shaped
from bot.hedging.policies import BandParams, entry_of
from bot.pricing.black76 import greeks
from bot.research.world import STRIKE_USD, FloatArray, World

Z_MAX: Final = 6.0
"""Beyond it an option has neither gamma nor an open delta left."""
Z_COUNT: Final = 97
_FINE_STEPS: Final = 33
_RATIO: Final = 1.05
"""The last steps one by one, then ever longer ones: gamma goes with one over the root of time."""
_HALVINGS: Final = 60
_MOVE_MAX: Final = 0.5
"""A policy that waits for a larger move of the price is not followed."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A policy as a book could be configured with it."""

    name: str
    params: BandParams
    modifiers: Modifiers = Modifiers()

    def policy(self) -> BandPolicy:
        """The policy with its modifiers, as the engine makes it."""
        entry = entry_of(self.params)
        return shaped(entry.make(self.params), entry.laws, self.modifiers)


class Sampled(Struct, frozen=True, kw_only=True):
    """A candidate on the grid: arrays by (time node, z node), net deltas of the short option in coins."""

    low_coin: FloatArray
    high_coin: FloatArray
    aim_low_coin: FloatArray
    """Where a trade from below lands."""
    aim_high_coin: FloatArray
    wait_steps_count: int
    """Steps after a hedge before the next is due; 0: it never waits."""
    up_ratio: float
    down_ratio: float
    """Price over that of the last hedge from which on a hedge is due; 1 and 1: it waits for no move."""


class Grid:
    """Inputs of every node of one world; asked for many candidates."""

    def __init__(self, world: World) -> None:
        """Greeks of all nodes are computed at once."""
        self.world: Final = world
        self.steps_left: Final = _steps_left(world.steps_count)
        """Of the time nodes, rising."""
        self._inputs: Final = [_inputs_at(world, int(steps)) for steps in self.steps_left]

    def sample(self, candidate: Candidate) -> Sampled:
        """The candidate's bands and what it waits for, by asking it."""
        policy = candidate.policy()
        trade_to = candidate.modifiers.trade_to
        tables = np.empty((4, len(self.steps_left), Z_COUNT))
        for row, inputs_of_time in enumerate(self._inputs):
            for column, inputs in enumerate(inputs_of_time):
                band = policy(inputs)
                tables[:, row, column] = (
                    band.low_coin,
                    band.high_coin,
                    aim_coin(band, -math.inf, trade_to),
                    aim_coin(band, math.inf, trade_to),
                )
        waits = Law.ALL_OR_NOTHING in entry_of(candidate.params).laws
        steps, up, down = self._awaited(policy) if waits else (0, 1.0, 1.0)
        return Sampled(
            low_coin=tables[0],
            high_coin=tables[1],
            aim_low_coin=tables[2],
            aim_high_coin=tables[3],
            wait_steps_count=steps,
            up_ratio=up,
            down_ratio=down,
        )

    def _awaited(self, policy: BandPolicy) -> tuple[int, float, float]:
        """(steps, price ratio up, price ratio down) from which on an all-or-nothing policy is due again."""
        world = self.world
        somewhere = self._inputs[-1][Z_COUNT // 2]

        def is_due(steps_count: int, ratio: float) -> bool:
            since_ns = Ns(steps_count * world.step_ns)
            before_usd = somewhere.price_usd / ratio
            band = policy(structs.replace(somewhere, since_hedge_ns=since_ns, price_at_hedge_usd=before_usd))
            return band.high_coin == band.low_coin

        if is_due(world.steps_count, 1.0):
            steps = _first(lambda count: is_due(count, 1.0), world.steps_count)
            return steps, 1.0, 1.0
        up = _threshold(lambda move: is_due(0, 1.0 + move), _MOVE_MAX)
        down = _threshold(lambda move: is_due(0, 1.0 - move), _MOVE_MAX)
        return 0, 1.0 + up, 1.0 - down


def _steps_left(steps_count: int) -> FloatArray:
    nodes: list[int] = list(range(1, min(_FINE_STEPS, steps_count) + 1))
    while nodes[-1] < steps_count:
        nodes.append(min(max(math.ceil(nodes[-1] * _RATIO), nodes[-1] + 1), steps_count))
    return np.array(nodes, dtype=np.float64)


def _inputs_at(world: World, steps_left_count: int) -> Sequence[BandInputs]:
    tau_years = steps_left_count * world.step_years
    z = np.linspace(-Z_MAX, Z_MAX, Z_COUNT)
    price_usd = STRIKE_USD * np.exp(z * world.iv_mark * math.sqrt(tau_years))
    option = greeks(price_usd, STRIKE_USD, tau_years, world.iv_mark, is_call=True)
    now_ns = Ns((world.steps_count - steps_left_count) * world.step_ns)
    return [
        BandInputs(
            delta_coin_net=0.0,
            delta_coin_options=-float(option.delta[at]),
            gamma_coin_per_usd=-float(option.gamma[at]),
            vanna_coin_per_vol=-float(option.vanna[at]),
            option_coin_gross=1.0,
            price_usd=float(price_usd[at]),
            iv_mark=world.iv_mark,
            tau_years=tau_years,
            fee_rate_taker=world.cost_fraction,
            half_spread_usd=0.0,
            funding_rate_8h=0.0,
            since_hedge_ns=None,
            price_at_hedge_usd=None,
            now_ns=now_ns,
        )
        for at in range(Z_COUNT)
    ]


def _first(is_due: Callable[[int], bool], most_count: int) -> int:
    """The smallest count that is due, where `most_count` is."""
    low, high = 0, most_count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_due(middle) else (middle, high)
    return high


def _threshold(is_due: Callable[[float], bool], most_fraction: float) -> float:
    """The smallest move that is due; the largest followed where none is."""
    low, high = 0.0, most_fraction
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if is_due(middle) else (middle, high)
    return high
