"""A world for comparing band policies: one short call, a lognormal price, looked at on a grid of times.

Knows no policy. No rates and no drift; volatility stays, and is known unless the call was sold at another; trading
costs a fraction of what is traded, the first hedge included, and the hedge is taken back free at expiry (theory 9.5:
the setups of its table).
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from bot.domain.time import NS_PER_YEAR, Ns

FloatArray = NDArray[np.float64]

STRIKE_USD: Final = 100.0


class World(Struct, frozen=True, kw_only=True):
    """One setup; figures per option on one coin of 100 USD."""

    name: str
    iv: float
    tau_years: float
    cost_fraction: float
    """Of trading, one way."""
    risk_aversion_per_usd: float
    """Of the objective: cost + this / 2 x variance."""
    steps_count: int
    start_usd: float = STRIKE_USD
    """Price at the start."""
    iv_sold: float | None = None
    """What the call is sold at and hedged by; None: `iv`, what the price then has."""

    @property
    def iv_mark(self) -> float:
        """What the hedger believes."""
        return self.iv if self.iv_sold is None else self.iv_sold

    @property
    def step_years(self) -> float:
        """Between two looks."""
        return self.tau_years / self.steps_count

    @property
    def step_ns(self) -> Ns:
        """The same, as policies count time."""
        return Ns(round(self.step_years * NS_PER_YEAR))


WEEK_WARY: Final = World(
    name="btc_7d_5bp_g10",
    iv=0.8,
    tau_years=7.0 / 365.0,
    cost_fraction=0.0005,
    risk_aversion_per_usd=0.1,
    steps_count=10_080,
)
WEEK_BOLD: Final = World(
    name="btc_7d_5bp_g3",
    iv=0.6,
    tau_years=7.0 / 365.0,
    cost_fraction=0.0005,
    risk_aversion_per_usd=0.03,
    steps_count=10_080,
)
MONTH: Final = World(
    name="btc_30d_5bp_g30",
    iv=0.6,
    tau_years=30.0 / 365.0,
    cost_fraction=0.0005,
    risk_aversion_per_usd=0.3,
    steps_count=8_640,
)
YEAR_WARY: Final = World(
    name="zak_g100_1pct", iv=0.25, tau_years=1.0, cost_fraction=0.01, risk_aversion_per_usd=1.0, steps_count=4_000
)
YEAR_BOLD: Final = World(
    name="zak_g10_1pct", iv=0.25, tau_years=1.0, cost_fraction=0.01, risk_aversion_per_usd=0.1, steps_count=4_000
)
CRYPTO: Final = (WEEK_WARY, WEEK_BOLD, MONTH)
"""Tenors and costs of a crypto desk; the policies compete in these."""
WORLDS: Final = (*CRYPTO, YEAR_WARY, YEAR_BOLD)
"""Every setup of the published table."""


def paths_of(world: World, seeds: Sequence[int]) -> Iterator[FloatArray]:
    """Standard normals of each step, one path per seed: a seed gives the same path whatever others are beside it."""
    drawn = [np.random.default_rng(seed).standard_normal(world.steps_count) for seed in seeds]
    return iter(np.ascontiguousarray(np.stack(drawn, axis=1)))


def many_paths(world: World, paths_count: int, seed: int) -> Iterator[FloatArray]:
    """Standard normals of each step for many paths at once, drawn as they are needed."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(paths_count) for _ in range(world.steps_count))


def prices(world: World, normals: Iterator[FloatArray]) -> Iterator[FloatArray]:
    """Price of each path after each step; the start is not among them."""
    drift = -0.5 * world.iv**2 * world.step_years
    width = world.iv * math.sqrt(world.step_years)
    log_price: FloatArray | float = math.log(world.start_usd)
    for normal in normals:
        log_price = log_price + drift + width * normal
        yield np.exp(log_price)
