"""Hedging by the clock against its exact mean, deviation and cost (theory 4.2, 4.4, 9.1, 9.2).

The hedger is the product's `time_based` policy, followed by `lockstep` as the contest of policies is; the formulas are
those of `pricing` and `leland_time`. Knows the columns of `discrete_hedge_exact.csv`; figures are in the money of its
rows.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from bot.domain.time import NS_PER_S
from bot.hedging.bands import time_based
from bot.hedging.bands.leland_time import leland_iv
from bot.observe.plot import Drawing, Line, Mark, log_axis
from bot.observe.plot_file import Name, Panel, Words, as_file
from bot.pricing.black76 import greeks_scalar
from bot.research.lockstep import Outcome, follow
from bot.research.sampled import Candidate, Grid
from bot.research.validation.checks import Check, Estimate, Picture, Section, computed, deviation_of, drawn, mean_of
from bot.research.world import STRIKE_USD, FloatArray, World, many_paths

Row = dict[str, str]
Say = Callable[[str], None]

_CLOSED_REL: Final = 1e-9
"""The table has twelve digits."""
_FINITE_N: Final = 0.179
"""Derman-Kamal is too large by 1 - 0.179 / sqrt(N) at the money (theory 4.4)."""
_N_MIN: Final = 10
"""From here on that correction is right to 0.2 %."""
_SINCLAIR: Final = 0.15888
"""Volatility 10 %, spread 1 % of price, hedged daily: what has to be sold above (theory 4.2)."""
_LAST_DIGIT: Final = 5e-6
_DAYS: Final = 365.0


class Clocked(Struct, frozen=True, kw_only=True):
    """One row of the table, and what our hedger came to on paths of his own."""

    row: Row
    mean: Estimate
    deviation: Estimate
    between: Estimate
    """Cost of hedging again, without the first hedge and the last."""
    close_physical: Estimate
    close_cash: Estimate

    @property
    def name(self) -> str:
        """Case and number of hedges."""
        return f"{self.row['case']}, {self.row['N']}"


def world_of(row: Row) -> World:
    """The row's setup on a strike of 100; money of the row is a hundredth of its strike times ours."""
    return World(
        name=row["case"],
        iv=float(row["sigma_a"]),
        tau_years=float(row["T"]),
        cost_fraction=float(row["lam"]),
        risk_aversion_per_usd=1.0,
        steps_count=int(row["N"]),
        start_usd=STRIKE_USD * float(row["F0"]) / float(row["K"]),
        iv_sold=float(row["sigma_h"]),
    )


def hedged(world: World, paths_count: int, seed: int) -> Outcome:
    """A hedge to the delta at every step of the world."""
    every = Candidate(name="clock", params=time_based.Params(interval_s=0.5 * world.step_ns / NS_PER_S))
    return follow(Grid(world), [every], many_paths(world, paths_count, seed))[0]


def seeds_of(rows: Sequence[Row], seed: int) -> list[int]:
    """One per row; rows of one market at the same times share their paths, so that they can be compared in pairs."""
    markets = [tuple(row[name] for name in ("F0", "K", "T", "sigma_a", "N")) for row in rows]
    return [1_000 * seed + markets.index(market) for market in markets]


def clocked(row: Row, paths_count: int, seed: int) -> Clocked:
    """One row played."""
    world, unit = world_of(row), float(row["K"]) / STRIKE_USD
    outcome = hedged(world, paths_count, seed)
    is_paid = outcome.price_usd > STRIKE_USD

    def cost(coin: FloatArray) -> Estimate:
        return mean_of(world.cost_fraction * outcome.price_usd * np.abs(coin)).times(unit)

    before_costs = outcome.profit_usd + outcome.cost_usd
    return Clocked(
        row=row,
        mean=mean_of(before_costs).times(unit),
        deviation=deviation_of(before_costs).times(unit),
        between=mean_of(outcome.cost_usd - world.cost_fraction * world.start_usd * _delta(row)).times(unit),
        close_physical=cost(is_paid - outcome.hedge_coin),
        close_cash=cost(outcome.hedge_coin),
    )


def _delta(row: Row) -> float:
    return greeks_scalar(float(row["F0"]), float(row["K"]), float(row["T"]), float(row["sigma_h"]), True).delta


def played(rows: Sequence[Row], paths_count: int, seed: int, say: Say) -> list[Clocked]:
    """All rows."""
    found = []
    for place, (row, own) in enumerate(zip(rows, seeds_of(rows, seed), strict=True), start=1):
        say(f"clock: {place} of {len(rows)}, {row['case']}, {row['N']} hedges")
        found.append(clocked(row, paths_count, own))
    return found


# --- sections ----------------------------------------------------------------------------------------------


def sections(found: Sequence[Clocked]) -> list[Section]:
    """Spread and mean, the law of the root, cost, and Leland."""
    return [spread(found), _root(found), _cost(found), _leland(found)]


def spread(found: Sequence[Clocked]) -> Section:
    """Mean and deviation of each row."""
    checks = [
        check
        for one in found
        for check in (
            drawn(one.name, "deviation", one.deviation, float(one.row["std_exact"])),
            drawn(one.name, "mean", one.mean, float(one.row["mean_pnl"])),
        )
    ]
    text = """
    A short call hedged to its delta N times: mean and standard deviation of the profit before costs, in the money of
    expiry. The source is exact (quadrature, no paths). `misvol`, `wrong` and `sinclair` rows are hedged at another
    volatility than the price has. The deviations printed in the note of Derman and Kamal for 21 and 84 hedges, 0.41
    and 0.20, are 4 to 8 % under the exact ones and are no measure.
    """
    return Section(title="Hedging by the clock", text=text, checks=checks)


def _derman_kamal(row: Row) -> float:
    seen = greeks_scalar(float(row["F0"]), float(row["K"]), float(row["T"]), float(row["sigma_a"]), True)
    return _law(float(row["N"])) * seen.vega * float(row["sigma_a"])


def _root(found: Sequence[Clocked]) -> Section:
    checks = [
        computed(one.name, "formula", _derman_kamal(one.row), theirs, _CLOSED_REL * theirs)
        for one in found
        for theirs in [float(one.row["std_dk"])]
    ]
    own = [one for one in found if one.row["case"] == "derman_kamal" and int(one.row["N"]) >= _N_MIN]
    checks += [
        drawn(one.name, "over the corrected formula", one.deviation.times(1.0 / _corrected(one.row)), 1.0)
        for one in own
    ]
    if len(own) > 1:
        checks.append(drawn("derman_kamal, all from 10", "power of N", _power(own), -0.5))
    text = f"""
    Derman and Kamal: the deviation is sqrt(π/4) vega σ / sqrt(N). With finite N it is smaller by
    1 - {_FINITE_N} / sqrt(N) (theory 4.4); the power of N is fitted to our deviations over that. Whoever hedges at a
    volatility that the price does not have keeps a deviation however often he hedges.
    """
    return Section(title="The root of the number of hedges", text=text, checks=checks, pictures=[_roots(found)])


def _corrected(row: Row) -> float:
    return _derman_kamal(row) * (1.0 - _FINITE_N / math.sqrt(int(row["N"])))


def _power(own: Sequence[Clocked]) -> Estimate:
    """Of N, by least squares of logarithms, each weighted with what is known of it."""
    x = np.array([math.log(int(one.row["N"])) for one in own])
    y = np.array([math.log(one.deviation.value * int(one.row["N"]) ** -0.5 / _corrected(one.row)) for one in own])
    weight = np.array([(one.deviation.value / one.deviation.error) ** 2 for one in own])
    apart = x - np.average(x, weights=weight)
    squares = float((weight * apart**2).sum())
    return Estimate(value=float((weight * apart * y).sum()) / squares, error=1.0 / math.sqrt(squares))


_LINES: Final = (
    ("derman_kamal", "call of a month at the money", 0),
    ("btc_7d", "bitcoin, a week", 4),
    ("zak_1pct", "a year", 2),
    ("sinclair_4.1", "a year, hedged at 50 % while 40 % is met", 3),
)


def _roots(found: Sequence[Clocked]) -> Picture:
    marks: list[Mark] = []
    lines: list[Line] = []
    names: list[Name] = []
    for case, words, series in _LINES:
        own = [one for one in found if one.row["case"] == case]
        counts = [float(one.row["N"]) for one in own]
        units = [_law(n) / _derman_kamal(one.row) for n, one in zip(counts, own, strict=True)]
        ours = [unit * one.deviation.value for unit, one in zip(units, own, strict=True)]
        exact = [unit * float(one.row["std_exact"]) for unit, one in zip(units, own, strict=True)]
        marks += [Mark(x, y, series, "dot", f"{case}, {x:g}: {y:.4g}") for x, y in zip(counts, ours, strict=True)]
        if own:
            lines.append(Line(list(zip(counts, exact, strict=True)), series))
            names.append(Name(words, series, "dot"))
    ends = [min(mark.x for mark in marks), max(mark.x for mark in marks)]
    lines.append(Line([(n, _law(n)) for n in ends], 8, is_dashed=True))
    x = log_axis(ends, "hedges")
    y = log_axis([at[1] for line in lines for at in line.points], "deviation over vega x volatility")
    names += [Name("exact", 1), Name("Derman-Kamal", 8, "dashed")]
    title = Words("What hedging by the clock leaves open", "dots: our paths; lines: exact; both scales are logarithmic")
    return Picture(
        name="validation-clock",
        words="deviation against the number of hedges, ours on the exact lines",
        svg=as_file(title, [Panel(Drawing(x, y, lines, marks=marks), names, height=420)]),
    )


def _law(hedges: float) -> float:
    """Deviation over vega and volatility, as Derman and Kamal have it."""
    return math.sqrt(0.25 * math.pi / hedges)


def _cost(found: Sequence[Clocked]) -> Section:
    checks: list[Check] = []
    for one in found:
        row, rate = one.row, float(one.row["lam"])
        if not rate:
            continue
        opening = rate * float(row["F0"]) * _delta(row)
        checks += [
            computed(one.name, "first hedge", opening, float(row["cost_open"]), _CLOSED_REL * opening),
            drawn(one.name, "hedging again", one.between, float(row["cost_mid"])),
            drawn(one.name, "close, coins delivered", one.close_physical, float(row["cost_close_physical"])),
            drawn(one.name, "close, paid in cash", one.close_cash, float(row["cost_close_cash"])),
        ]
    own = [one for one in found if one.row["case"] == "sinclair_4.1"]
    for one, more in itertools.pairwise(own):
        gap = Estimate(
            value=more.between.value - one.between.value, error=math.hypot(more.between.error, one.between.error)
        )
        exact = float(more.row["cost_mid"]) - float(one.row["cost_mid"])
        checks.append(drawn(f"{one.name} to {more.row['N']}", "more often costs more", gap, exact))
    text = """
    Expected proportional cost of the same hedges, one way at the row's rate. Of Sinclair's table 4.1 only the order
    holds, that hedging more often costs more: its costs grow faster than the root of N, and are reproduced by nobody
    (theory 9.2); the exact ones of its setup are here.
    """
    return Section(title="What hedging by the clock costs", text=text, checks=checks)


def _leland(found: Sequence[Clocked]) -> Section:
    sinclair = leland_iv(0.10, cost_fraction=0.005, interval_years=1.0 / _DAYS, is_long=False)
    checks = [computed("10 %, spread 1 %, daily", "volatility to sell above", sinclair, _SINCLAIR, _LAST_DIGIT)]
    shares = []
    for one in found:
        row, rate = one.row, float(one.row["lam"])
        if not rate:
            continue
        interval_years = float(row["T"]) / int(row["N"])
        iv = float(row["sigma_a"])
        dearer = leland_iv(iv, cost_fraction=rate, interval_years=interval_years, is_long=False)
        at = (float(row["F0"]), float(row["K"]), float(row["T"]))
        edge = greeks_scalar(*at, dearer, True).price - greeks_scalar(*at, iv, True).price
        theirs = float(row["leland_premium"])
        checks.append(computed(one.name, "premium for the cost", edge, theirs, 1e-8 * theirs))
        if row["case"].endswith("leland_hedge"):
            checks.append(computed(one.name, "volatility", dearer, float(row["sigma_h"]), _CLOSED_REL))
            shares.append(f"{row['N']}: {one.between.value / edge:.1%}")
    text = f"""
    Leland: the cost is a volatility, σ² (1 + sqrt(8/π) λ / (σ sqrt(dt))), and a seller who hedges at it earns the cost
    in the premium. Hedged there, our cost of hedging again over that premium is, by N, {", ".join(shares)}.
    """
    return Section(title="Leland's edge", text=text, checks=checks)
