"""Hedging at the volatility paid against hedging at the one that comes (Ahmad and Wilmott 2005; theory 5.1, 9.6).

The hedger is `clock`'s; what a path earned for its moves is taken from the product's own `attribution`.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from bot.observe.plot import Axis, Drawing, Line, axis_of
from bot.observe.plot_file import Name, Panel, Words, as_file
from bot.pricing.black76 import greeks, greeks_scalar
from bot.research.validation import clock
from bot.research.validation.checks import Check, Estimate, Picture, Section, computed, drawn, mean_of
from bot.research.world import STRIKE_USD, World, many_paths, prices
from bot.risk import attribution
from bot.risk.attribution import OptionHeld, OptionMarket

Row = dict[str, str]
Say = Callable[[str], None]

_HEDGES: Final = 252
_CLOSED_REL: Final = 1e-12
_CARRIED_SHARE: Final = 0.02
"""Of all paths, taken apart step by step by the code of the daemon's account, which knows one leg at a time."""
_DRAWN: Final = 12
"""Paths in the picture."""


def world_of(row: Row, iv_hedged: float) -> World:
    """The row's option on a strike of 100, hedged at this volatility while the actual one is met."""
    return World(
        name="ahmad_wilmott",
        iv=float(row["sig_a"]),
        tau_years=float(row["T"]),
        cost_fraction=0.0,
        risk_aversion_per_usd=1.0,
        steps_count=_HEDGES,
        start_usd=STRIKE_USD * float(row["S"]) / float(row["K"]),
        iv_sold=iv_hedged,
    )


def section(rows: Sequence[Row], paths_count: int, seed: int, say: Say) -> Section:
    """Both hedges of every row on common paths."""
    checks: list[Check] = []
    for place, row in enumerate(rows, start=1):
        say(f"volatility: {place} of {len(rows)}")
        checks += _row(row, paths_count, 1_000 * seed + place)
    first = world_of(rows[0], float(rows[0]["sig_i"]))
    carried = max(round(_CARRIED_SHARE * paths_count), 2)
    say(f"volatility: {carried} paths taken apart")
    checks.append(
        drawn(
            _name(rows[0]),
            "gamma less time, by the account",
            _carry(first, carried, seed),
            float(rows[0]["profit_actual"]),
        )
    )
    text = f"""
    A call is bought at one volatility and the price has another; it is hedged {_HEDGES} times, once with the delta of
    the volatility paid, once with that of the volatility that comes. Both earn the difference of the two values on
    average; only the chance in it differs. Hedged at the actual volatility it is sampling error and goes with
    1 / sqrt(N), hedged at the implied one it stays, for the path decides where the gamma is. What the account calls
    gamma less time (`hedgebot pnl`) is that same difference: the last row adds it up over every step of
    {carried} paths.
    """
    return Section(
        title="Hedging at implied or at actual volatility", text=text, checks=checks, pictures=[_paths(rows[0], seed)]
    )


def _name(row: Row) -> str:
    return f"{float(row['S']):g} / {float(row['K']):g}, {float(row['sig_i']):.0%} paid, {float(row['sig_a']):.0%} met"


def _row(row: Row, paths_count: int, seed: int) -> list[Check]:
    unit, name, expected = float(row["K"]) / STRIKE_USD, _name(row), float(row["profit_actual"])
    paid, worth = (
        greeks_scalar(float(row["S"]), float(row["K"]), float(row["T"]), float(row[iv]), True)
        for iv in ("sig_i", "sig_a")
    )
    dollar_gamma = paid.gamma * float(row["S"]) ** 2
    # Long is short turned round; one bought at what it is worth, and then paid for at what it cost.
    at_implied = -unit * clock.hedged(world_of(row, float(row["sig_i"])), paths_count, seed).profit_usd
    at_actual = -unit * clock.hedged(world_of(row, float(row["sig_a"])), paths_count, seed).profit_usd
    at_actual += worth.price - paid.price
    return [
        computed(name, "difference of values", worth.price - paid.price, expected, _CLOSED_REL * paid.price),
        computed(name, "dollar gamma", dollar_gamma, float(row["dollar_gamma_i"]), _CLOSED_REL * dollar_gamma),
        drawn(name, "mean, hedged at implied", mean_of(at_implied), float(row["exp_profit_implied"])),
        drawn(name, "mean, hedged at actual", mean_of(at_actual), expected),
        drawn(name, "actual less implied, path by path", mean_of(at_actual - at_implied), 0.0),
    ]


def _carry(world: World, paths_count: int, seed: int) -> Estimate:
    """Sum of the account's gamma less time over the steps of a long call marked at the volatility paid."""
    leg = OptionHeld(1.0, STRIKE_USD, is_call=True, is_coin_settled=False)
    carried = np.zeros(paths_count)
    before = np.full(paths_count, world.start_usd)
    for step, after in enumerate(prices(world, many_paths(world, paths_count, seed))):
        taus = [(world.steps_count - step - passed) * world.step_years for passed in (0, 1)]
        for path in range(paths_count):
            markets = [
                OptionMarket(float(at[path]), world.iv_mark, tau) for at, tau in zip((before, after), taus, strict=True)
            ]
            carried[path] += attribution.option_step(leg, *markets).gamma_carry
        before = after
    return mean_of(carried)


def _paths(row: Row, seed: int) -> Picture:
    """Profit along the same paths under both hedges, the option marked at the volatility paid."""
    paid, met = float(row["sig_i"]), float(row["sig_a"])
    world = world_of(row, paid)
    price = np.stack([np.full(_DRAWN, world.start_usd), *prices(world, many_paths(world, _DRAWN, seed))])
    years = world.tau_years - world.step_years * np.arange(world.steps_count)[:, None]
    marked = greeks(price[:-1], STRIKE_USD, years, paid, is_call=True).price
    value = np.vstack([marked, np.maximum(price[-1:] - STRIKE_USD, 0.0)])
    profits = []
    for iv in (paid, met):
        delta = greeks(price[:-1], STRIKE_USD, years, iv, is_call=True).delta
        hedge = np.vstack([np.zeros((1, _DRAWN)), np.cumsum(-delta * np.diff(price, axis=0), axis=0)])
        profits.append(value - value[0] + hedge)
    months = 12.0 * world.tau_years * np.arange(world.steps_count + 1) / world.steps_count
    y = axis_of(np.concatenate(profits).ravel().tolist(), "USD per option", with_zero=True)
    expected = float(row["profit_actual"])
    panels = [
        Panel(
            Drawing(
                Axis(0.0, months[-1], "months"),
                y,
                [
                    *(Line(list(zip(months, profit[:, path], strict=True)), path % 9) for path in range(_DRAWN)),
                    Line([(0.0, expected), (months[-1], expected)], 1, is_bold=True, is_dashed=True),
                ],
            ),
            [Name("expected", 1, "dashed")],
            title,
        )
        for title, profit in zip(
            (f"Hedged at {paid:.0%}, the volatility paid", f"Hedged at {met:.0%}, the one that comes"),
            profits,
            strict=True,
        )
    ]
    note = (
        f"a call bought at {paid:.0%} while {met:.0%} comes, hedged {_HEDGES} times; "
        f"the same {_DRAWN} paths, marked at {paid:.0%}"
    )
    return Picture(
        name="validation-volatility",
        words="profits of the same paths: smooth and apart hedged at implied, rough and together at actual volatility",
        svg=as_file(Words("Two ways to hedge the same option", note), panels),
    )
