"""Bands of the product against the exact optimum, and what they are worth (theory 4.3, 9.3 to 9.5).

Reuses what `make bands` compares (`published`, `toy`); knows the figures theory states for them.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bot.hedging.band import dead_half_coin
from bot.hedging.bands import whalley_wilmott, zakamouline
from bot.observe.plot import Axis, Drawing, Line, axis_of
from bot.observe.plot_file import Name, Panel, Words, as_file
from bot.pricing.black76 import delta_gamma
from bot.research import published
from bot.research.published import read_table
from bot.research.sampled import Grid
from bot.research.toy import Rates
from bot.research.validation.checks import Estimate, Picture, Section, computed, drawn
from bot.research.world import WORLDS

Row = dict[str, str]
Say = Callable[[str], None]

_NEAR: Final = 1.5
_ROUNDED: Final = 0.0055
"""Theory states ratios of widths with two digits."""
_RATIOS: Final = {
    ("btc", "whalley_wilmott", "short"): 1.00,
    ("btc", "whalley_wilmott", "long"): 0.98,
    ("btc", "zakamouline", "short"): 0.79,
    ("btc", "zakamouline", "long"): 0.78,
    ("btc", "zakamouline, as if a year", "short"): 1.24,
    ("btc", "zakamouline, as if a year", "long"): 1.22,
    ("year", "whalley_wilmott", "short"): 1.06,
    ("year", "whalley_wilmott", "long"): 0.95,
    ("year", "zakamouline", "short"): 1.04,
    ("year", "zakamouline", "long"): 0.97,
}
"""Regime, formula and position to the median of width over exact width, |z| <= 1.5 (theory 4.3)."""


_WORST_REL: Final = 0.10
"""At the money, small costs: the worst case is an option of a day, 0.239 exact against 0.230 (theory 4.3)."""
_CENTRES: Final = {-1.0: 0.24684, 0.0: 0.56043, 1.0: 0.83650}
"""z to the centre that Zakamouline's shift gives a short call of the first case of a year (theory 4.3)."""
_LAST_DIGIT: Final = 6e-6
_CENTRE_CASE: Final = "zak_g100_1pct"
_CENTRE_APART: Final = 4.5e-4
"""Of the exact centre: "exact to 4e-4"."""
_TOY_REL: Final = 0.01
"""Looked at in steps of a fortieth of the half width, where the closed forms look always."""
_DRAWN: Final = {
    "btc_7d_5bp_g10": "Bitcoin, a week, 5 bp a trade",
    "btc_1d_5bp_g10": "Bitcoin, a day, 5 bp a trade",
    "zak_g100_1pct": "A year, 1 % a trade, ten times the risk aversion",
}


class _At(NamedTuple):
    """One node of the exact table, and the plain width of the product there."""

    price: float
    iv: float
    years: float
    cost: float
    aversion: float
    gamma: float
    exact: float

    def plain(self) -> float:
        return self.width(is_plain=True)

    def width(self, *, is_plain: bool) -> float:
        return whalley_wilmott.half_width_coin(
            gamma_coin_per_usd=self.gamma,
            price_usd=self.price,
            cost_fraction=self.cost,
            risk_aversion_per_usd=self.aversion,
            iv=None if is_plain else self.iv,
            tau_years=None if is_plain else self.years,
        )


def _at(row: Row) -> _At:
    price, iv, years, cost, aversion, exact = (
        float(row[name]) for name in ("S_over_K", "sigma", "T", "lam", "g", "half")
    )
    return _At(price, iv, years, cost, aversion, delta_gamma(price, 1.0, years, iv, True)[1], exact)


def _ratio(row: Row, formula: str) -> float:
    """Width over exact width."""
    at = _at(row)
    if formula == "whalley_wilmott":
        return at.plain() / at.exact
    years, iv = (1.0, at.iv * math.sqrt(at.years)) if "year" in formula else (at.years, at.iv)
    terms = {"iv": iv, "tau_years": years, "cost_fraction": at.cost, "risk_aversion_per_usd": at.aversion}
    return (zakamouline.gamma_half_coin(at.gamma, **terms) + dead_half_coin(price_usd=at.price, **terms)) / at.exact


def bands(tables: Path) -> Section:
    """Widths and the one centre that moves, against the exact optimum."""
    rows = read_table(tables / "dpz_exact_band.csv")
    checks = []
    for (regime, formula, position), stated in _RATIOS.items():
        near = [
            _ratio(row, formula)
            for row in rows
            if row["case"].startswith("btc") is (regime == "btc")
            and row["position"] == position
            and abs(float(row["z"])) <= _NEAR
        ]
        name = f"{'days to months, 2 to 10 bp' if regime == 'btc' else 'a year, 0.5 to 2 %'}, {position}"
        checks.append(computed(name, f"{formula}: median width over exact", statistics.median(near), stated, _ROUNDED))
    for row in rows:
        if row["case"].startswith("btc") and float(row["z"]) == 0.0:
            at = _at(row)
            name = f"{row['case']}, {row['position']}"
            checks.append(computed(name, "half width at the money, coins", at.plain(), at.exact, _WORST_REL * at.exact))
    for row in rows:
        if row["case"] == _CENTRE_CASE and row["position"] == "short" and float(row["z"]) in _CENTRES:
            ours, z = _shifted(_at(row)), float(row["z"])
            checks += [
                computed(f"{_CENTRE_CASE}, z = {z:g}", "zakamouline: centre", ours, _CENTRES[z], _LAST_DIGIT),
                computed(
                    f"{_CENTRE_CASE}, z = {z:g}", "against the exact centre", ours, float(row["centre"]), _CENTRE_APART
                ),
            ]
    return Section(title="Bands against the exact optimum", text=_BANDS, checks=checks, pictures=[_pictured(rows)])


_BANDS: Final = """
The optimum of an exponential utility with proportional costs, solved as a problem of singular control, against the
formulas of the product; one call, strike 1. Theory states the medians with two digits, and that Whalley and Wilmott's
width at the money is 10 % off at most, for options of a day. The default adds the width of a dead option in squares,
so that it does not close where gamma vanishes (the wide ends of the picture). Zakamouline's constant for short
calls, 5.76, gives the exact centre at costs of a percent. Indifference prices of the same table (theory 9.4) are no
figure of the product.
"""


def _shifted(at: _At) -> float:
    """Delta of a call at Zakamouline's volatility for whoever is short of it."""
    ratio = zakamouline.shift_ratio(
        -at.gamma,
        price_usd=at.price,
        iv=at.iv,
        tau_years=at.years,
        cost_fraction=at.cost,
        risk_aversion_per_usd=at.aversion,
    )
    return delta_gamma(at.price, 1.0, at.years, zakamouline.modified_iv(at.iv, ratio, is_long=False), True)[0]


def _pictured(rows: Sequence[Row]) -> Picture:
    panels = []
    for case, title in _DRAWN.items():
        own = sorted((row for row in rows if row["case"] == case), key=lambda row: float(row["z"]))
        lines = [
            Line(
                [(float(row["z"]), float(row["half"])) for row in own if row["position"] == position],
                series,
                is_bold=True,
            )
            for position, series in (("short", 3), ("long", 4))
        ]
        once = [row for row in own if row["position"] == "short"]
        lines += [
            Line([(float(row["z"]), _at(row).width(is_plain=is_plain)) for row in once], series, is_dashed=is_plain)
            for is_plain, series in ((True, 8), (False, 0))
        ]
        y = axis_of([y for line in lines for _, y in line.points], "half width, coins per option", with_zero=True)
        names = [
            Name("exact, short", 3),
            Name("exact, long", 4),
            Name("Whalley-Wilmott", 8, "dashed"),
            Name("default: with a dead option's", 0),
        ]
        panels.append(
            Panel(Drawing(Axis(-2.1, 2.1, "ln(price / strike) over deviation to expiry"), y, lines), names, title, 240)
        )
    words = Words("How wide the best band is", "exact utility optimum against the product's formulas")
    return Picture(
        name="validation-bands", words="half widths over moneyness, product and exact", svg=as_file(words, panels)
    )


# --- what bands are worth ----------------------------------------------------------------------------------


def ratios(tables: Path, rates: dict[str, Rates]) -> Section:
    """Constant gamma: the objective of each policy, and over the edge band's."""
    edge, checks = rates["edge_band"].objective_usd, []
    for row in read_table(tables / "policy_toy.csv"):
        ours, theirs = rates[row["policy"]].objective_usd, float(row["objective"])
        ratio = float(row["ratio_to_edge"])
        checks.append(computed(row["policy"], "objective", ours, theirs, _TOY_REL * theirs))
        checks.append(computed(row["policy"], "over the edge band", ours / edge, ratio, _TOY_REL * ratio))
    text = """
    The small problem that governs the rest (theory 4.1, 9.3): gamma is constant, the delta a Brownian motion, cost and
    risk have closed forms. 1 to the edge, 1.036 half way, 1.26 back to the centre, 1.56 by the clock.
    """
    return Section(title="What a trade should aim at", text=text, checks=checks)


def frontier(tables: Path, paths_count: int, seed: int, say: Say) -> Section:
    """Cost, deviation and certainty equivalent of every followed policy, setup by setup."""
    rows, checks = read_table(tables / "policy_frontier_mc.csv"), []
    for world in WORLDS:
        say(f"frontier: {world.name}, {paths_count} paths")
        for one in published.compare(Grid(world), rows, paths_count, seed):
            named = (("cost", one.cost), ("deviation", one.deviation), ("certainty equivalent", one.equivalent))
            checks += [
                drawn(
                    f"{one.world}, {one.policy}",
                    name,
                    Estimate(value=figure.ours_usd, error=figure.error_usd),
                    figure.theirs_usd,
                )
                for name, figure in named
                if figure is not None
            ]
    text = f"""
    Policies of the product on {paths_count} paths against a table of other code on 100,000 (theory 9.5); the error is
    that of the difference. [Bands](bands.md#against-the-published-frontier) has the same on more paths, and what
    follows from it. A certainty equivalent which a few paths of the tail decide is left out there and here.
    """
    return Section(title="Policies against the frontier", text=text, checks=checks)
