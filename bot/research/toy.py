"""The smallest world that has an answer: constant gamma, so that the delta is a Brownian motion (theory 4.1, 9.3).

Bands are the product's own, with its correction for being looked at in steps. Units: price 1 USD, volatility 1, gamma 1
coin per USD, cost 1 USD a coin, risk aversion 2 per USD; then the running risk is x^2 and the delta moves by one coin
in a root year.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.hedging.band import Band, BandInputs, BandPolicy, TradeTo, aim_coin
from bot.hedging.bands import time_based, whalley_wilmott
from bot.hedging.modifiers import Modifiers, shaped
from bot.research.world import FloatArray

_STEP_YEARS: Final = 0.0005
"""The delta moves by a fortieth of the best half width between two looks."""
_SETTLING_YEARS: Final = 3.0
"""Until it is forgotten where a path began; an edge band forgets in a third of a year."""
_INPUTS: Final = BandInputs(
    delta_coin_net=0.0,
    delta_coin_options=0.0,
    gamma_coin_per_usd=1.0,
    vanna_coin_per_vol=0.0,
    option_coin_gross=1.0,
    price_usd=1.0,
    iv_mark=1.0,
    tau_years=1.0,
    fee_rate_taker=1.0,
    half_spread_usd=0.0,
    funding_rate_8h=0.0,
    since_hedge_ns=None,
    price_at_hedge_usd=None,
    now_ns=Ns(0),
)
_PLAIN: Final = whalley_wilmott.Params(risk_aversion_per_usd=2.0, is_plain=True)


class Rates(Struct, frozen=True, kw_only=True):
    """Of one policy, USD a year."""

    name: str
    cost_usd: float
    risk_usd: float

    @property
    def objective_usd(self) -> float:
        """Both."""
        return self.cost_usd + self.risk_usd


class _Rule(NamedTuple):
    name: str
    low: float
    high: float
    aim_low: float
    aim_high: float
    interval: int
    """In steps; 1 looks at each."""


def _rules() -> tuple[_Rule, ...]:
    step_ns = Ns(round(_STEP_YEARS * NS_PER_YEAR))
    plain = whalley_wilmott.policy(_PLAIN)

    def rule(name: str, policy: BandPolicy, trade_to: TradeTo, *, is_best_at_edge: bool) -> _Rule:
        laws = whalley_wilmott.LAWS if is_best_at_edge else ()
        band = shaped(policy, laws, Modifiers(trade_to=trade_to, monitoring_ns=step_ns))(_INPUTS)
        aim_low, aim_high = (aim_coin(band, end, trade_to) for end in (-math.inf, math.inf))
        return _Rule(name, band.low_coin, band.high_coin, aim_low, aim_high, 1)

    def part(share: float) -> BandPolicy:
        outer = math.cbrt(3.0 / ((1.0 + share) * (1.0 + share * share)))
        inner = share * outer
        band = Band(low_coin=-outer, high_coin=outer, target_coin=0.0, inner_low_coin=-inner, inner_high_coin=inner)
        return lambda _: band

    years = time_based.optimal_interval_years(cost_per_coin_usd=1.0, risk_usd=1.0, delta_sd_coin=1.0)
    clock = time_based.policy(time_based.Params(interval_s=years * NS_PER_YEAR / NS_PER_S))(_INPUTS)
    return (
        rule("edge_band", plain, TradeTo.EDGE, is_best_at_edge=True),
        rule("centre_band", plain, TradeTo.TARGET, is_best_at_edge=True),
        _Rule("time_based", clock.low_coin, clock.high_coin, 0.0, 0.0, round(years / _STEP_YEARS)),
        rule("partial_B=0.25A", part(0.25), TradeTo.INNER, is_best_at_edge=False),
        rule("partial_B=0.5A", plain, TradeTo.INNER, is_best_at_edge=True),
        rule("partial_B=0.75A", part(0.75), TradeTo.INNER, is_best_at_edge=False),
    )


def simulate(paths_count: int, years: float, seed: int) -> dict[str, Rates]:
    """Cost and risk a year of each policy of the table, by its name there, over `paths_count` common paths."""
    rules = _rules()
    low, high, aim_low, aim_high = (
        np.array([getattr(rule, name) for rule in rules])[:, None] for name in ("low", "high", "aim_low", "aim_high")
    )
    rng = np.random.default_rng(seed)
    settling, counted = round(_SETTLING_YEARS / _STEP_YEARS), round(years / _STEP_YEARS)
    net: FloatArray = np.zeros((len(rules), paths_count))
    traded, squared = np.zeros(len(rules)), np.zeros(len(rules))
    for step in range(settling + counted):
        landed = np.where(net < low, aim_low, np.where(net > high, aim_high, net))
        for row, rule in enumerate(rules):
            if step % rule.interval:
                landed[row] = net[row]
        if step >= settling:
            traded += np.abs(landed - net).sum(axis=1)
            squared += np.square(landed).sum(axis=1)
        net = landed + math.sqrt(_STEP_YEARS) * rng.standard_normal(paths_count)
    # Between two looks the mean square grows by what the delta moves: half of it on average.
    risk = squared / (paths_count * counted) + 0.5 * _STEP_YEARS
    cost = traded / (paths_count * years)
    return {
        rule.name: Rates(name=rule.name, cost_usd=float(cost[row]), risk_usd=float(risk[row]))
        for row, rule in enumerate(rules)
    }
