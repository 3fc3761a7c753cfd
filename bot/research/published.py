"""Our figures beside those of the tables in `tests/reference`: the policy frontier and the exact band.

Knows how the tables name policies; the policies are the product's. Tables are read from a folder that is given.
"""

import csv
import math
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct

from bot.domain.time import NS_PER_S
from bot.hedging.band import TradeTo
from bot.hedging.bands import time_based, whalley_wilmott
from bot.hedging.modifiers import Modifiers
from bot.pricing.black76 import delta_gamma
from bot.research.lockstep import Outcome, follow
from bot.research.sampled import Candidate, Grid
from bot.research.world import STRIKE_USD, FloatArray, World, many_paths

_PUBLISHED_PATHS: Final = 100_000
"""Behind each row of the frontier, as its header says."""
_NEAR_THE_MONEY: Final = 1.5
_TAIL_RATIO_MAX: Final = 10.0
"""A certainty equivalent whose standard error in the table is so many times the mean's is made by a few paths of the
tail: with fewer paths nobody can come near it."""

_Row = dict[str, str]


class Figure(Struct, frozen=True, kw_only=True):
    """One figure of a row: ours, theirs, and the standard error of the difference."""

    ours_usd: float
    theirs_usd: float
    error_usd: float

    @property
    def sigmas(self) -> float:
        """Difference in standard errors."""
        return (self.ours_usd - self.theirs_usd) / self.error_usd


class Comparison(Struct, frozen=True, kw_only=True):
    """One row of the frontier, on our paths and on theirs."""

    world: str
    policy: str
    cost: Figure
    deviation: Figure
    """Of the profit."""
    equivalent: Figure | None
    """Certainty equivalent without the noise of the paths; None where the table itself hardly knows it."""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Those that can be compared."""
        return tuple(figure for figure in (self.cost, self.deviation, self.equivalent) if figure is not None)


class ExactBand(Struct, frozen=True, kw_only=True):
    """Width over the exact optimum's near the money, of one case and position."""

    case: str
    position: str
    plain_median_ratio: float
    plain_low_ratio: float
    plain_high_ratio: float
    combined_median_ratio: float


def read_table(path: Path) -> list[_Row]:
    """Rows of a table whose header lines begin with `#`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


# --- the frontier ----------------------------------------------------------------------------------------


def _whalley_wilmott(name: str, relative: str, trade_to: TradeTo, *, is_plain: bool) -> Candidate:
    params = whalley_wilmott.Params(risk_aversion_per_usd=float(relative) / STRIKE_USD, is_plain=is_plain)
    return Candidate(name=name, params=params, modifiers=Modifiers(trade_to=trade_to))


def _clock(name: str, steps: str, world: World) -> Candidate:
    interval_s = float(steps) * world.step_ns / NS_PER_S
    return Candidate(name=name, params=time_based.Params(interval_s=interval_s))


_NAMES: Final[tuple[tuple[str, Callable[[str, str, World], Candidate]], ...]] = (
    (r"ww_edge_g(.+)", lambda name, g, _: _whalley_wilmott(name, g, TradeTo.EDGE, is_plain=True)),
    (r"ww_opt_half_g(.+)", lambda name, g, _: _whalley_wilmott(name, g, TradeTo.INNER, is_plain=True)),
    (r"ww_opt_centre_g(.+)", lambda name, g, _: _whalley_wilmott(name, g, TradeTo.TARGET, is_plain=True)),
    (r"ww_rss_H0_g(.+)", lambda name, g, _: _whalley_wilmott(name, g, TradeTo.EDGE, is_plain=False)),
    (r"time_(\d+)_steps", _clock),
)
"""Names of the table that we follow, and what they are in the product."""


def followed(rows: Sequence[_Row], world: World) -> list[tuple[_Row, Candidate]]:
    """Rows of one world whose policy we follow, with the candidate that is it."""
    found = []
    for row in rows:
        for pattern, make in _NAMES:
            match = re.fullmatch(pattern, row["policy"])
            if match is not None and row["setup"] == world.name:
                found.append((row, make(row["policy"], match[1], world)))
    return found


def compare(grid: Grid, rows: Sequence[_Row], paths_count: int, seed: int) -> list[Comparison]:
    """The followed rows of the grid's world, on paths of our own."""
    chosen = followed(rows, grid.world)
    outcomes = follow(grid, [candidate for _, candidate in chosen], many_paths(grid.world, paths_count, seed))
    return [
        _compared(row, outcome, grid.world.risk_aversion_per_usd)
        for (row, _), outcome in zip(chosen, outcomes, strict=True)
    ]


def _compared(row: _Row, outcome: Outcome, risk_aversion_per_usd: float) -> Comparison:
    count = outcome.profit_usd.size
    profit = outcome.profit_usd - outcome.profit_usd.mean()
    deviation = float(profit.std())
    weight = np.exp(-risk_aversion_per_usd * profit)
    equivalent = -math.log(weight.mean()) / risk_aversion_per_usd - float(outcome.cost_usd.mean())
    # Influence of one path on each figure: what its standard error is made of.
    of_deviation = (np.square(profit) - deviation**2) / (2.0 * deviation)
    of_equivalent = (1.0 - weight / weight.mean()) / risk_aversion_per_usd - profit - outcome.cost_usd

    def figure(ours_usd: float, theirs: str, influence: FloatArray) -> Figure:
        error = float(influence.std()) / math.sqrt(count) * math.sqrt(1.0 + count / _PUBLISHED_PATHS)
        return Figure(ours_usd=ours_usd, theirs_usd=float(row[theirs]), error_usd=error)

    is_known = float(row["se_CE"]) <= _TAIL_RATIO_MAX * float(row["se_mean"])
    return Comparison(
        world=row["setup"],
        policy=row["policy"],
        cost=figure(float(outcome.cost_usd.mean()), "mean_cost", outcome.cost_usd),
        deviation=figure(deviation, "std", of_deviation),
        equivalent=figure(equivalent, "CE_cv", of_equivalent) if is_known else None,
    )


# --- the exact band --------------------------------------------------------------------------------------


def exact_bands(rows: Sequence[_Row]) -> list[ExactBand]:
    """Widths of the bitcoin cases over the exact ones, |z| <= 1.5; short or long is one width to us."""
    ratios: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        if row["case"].startswith("btc_") and abs(float(row["z"])) <= _NEAR_THE_MONEY:
            exact = float(row["half"])
            plain, combined = (_half_coin(row, is_plain=is_plain) / exact for is_plain in (True, False))
            ratios[row["case"], row["position"]].append((plain, combined))
    return [
        ExactBand(
            case=case,
            position=position,
            plain_median_ratio=statistics.median(plain for plain, _ in found),
            plain_low_ratio=min(plain for plain, _ in found),
            plain_high_ratio=max(plain for plain, _ in found),
            combined_median_ratio=statistics.median(combined for _, combined in found),
        )
        for (case, position), found in ratios.items()
    ]


def _half_coin(row: _Row, *, is_plain: bool) -> float:
    price, iv, years = float(row["S_over_K"]), float(row["sigma"]), float(row["T"])
    return whalley_wilmott.half_width_coin(
        gamma_coin_per_usd=delta_gamma(price, 1.0, years, iv, True)[1],
        price_usd=price,
        cost_fraction=float(row["lam"]),
        risk_aversion_per_usd=float(row["g"]),
        iv=None if is_plain else iv,
        tau_years=None if is_plain else years,
    )
