"""Which smile-aware delta would have hedged best: measured step by step, each rule with what was known before the step.

Knows options by name with their mark volatilities; must not know positions, venues or when a step is taken (theory 2:
every five minutes). All rules run beside each other, so that an owner switches on evidence, not on taste.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from bot.pricing import black76, smile
from bot.pricing.smile import ErrorVariance, MinimumVarianceFit, MvBook, SmileDelta, Step

_SIGMAS_MAX: Final = 2.5
"""Strikes farther out say more about wings than about the skew."""
_STRIKES_MIN: Final = 4
"""One more than the parabola has coefficients."""
_REFIT_STEPS: Final = 12
"""Once an hour of five-minute steps: coefficients of weeks do not move faster."""


class Seen(NamedTuple):
    """One option at one moment: forward and strike in USD, volatility per sqrt(year)."""

    name: str
    expiry: str
    forward: float
    strike: float
    tau_years: float
    iv: float
    is_call: bool


class MarkSmile(NamedTuple):
    """A parabola through one expiry's mark volatilities, in k = ln(K/F)."""

    atm: float
    slope: float
    bend: float

    def skew(self, k: float) -> float:
        """dσ/dk."""
        return self.slope + 2.0 * self.bend * k


def mark_smile(rows: Sequence[Seen]) -> MarkSmile | None:
    """The smile of one expiry; None for fewer than four strikes near the money."""
    k = np.array([math.log(row.strike / row.forward) for row in rows])
    iv = np.array([row.iv for row in rows])
    width = np.array([row.iv * math.sqrt(row.tau_years) for row in rows])
    near = np.abs(k) <= _SIGMAS_MAX * width
    if len({rows[at].strike for at in np.nonzero(near)[0].tolist()}) < _STRIKES_MIN:
        return None
    scale = float(width[near].mean())
    x = k[near] / scale
    columns = np.column_stack([np.ones_like(x), x, x * x])
    atm, slope, bend = (float(item) for item in np.linalg.lstsq(columns, iv[near], rcond=None)[0])
    return MarkSmile(atm, slope / scale, bend / scale / scale)


class SmileEvidence:
    """Mutable: fed with everything seen at each step, at most `steps_count_max` of which are kept."""

    def __init__(self, steps_count_max: int = 8640, options_count: int = 200) -> None:
        """Thirty days of five minutes; the regression keeps that many steps of about `options_count` options."""
        self._before: dict[str, Seen] = {}
        self._smiles: dict[str, MarkSmile] = {}
        self._errors: dict[SmileDelta, deque[float]] = {rule: deque(maxlen=steps_count_max) for rule in SmileDelta}
        self._moves: deque[tuple[float, float, float]] = deque(maxlen=steps_count_max)
        rows_max = steps_count_max * options_count
        self._fits = {True: MinimumVarianceFit(rows_max), False: MinimumVarianceFit(rows_max)}
        self._steps = 0
        self._ratio, self._fitted = 1.0, MvBook()

    def step(self, rows: Sequence[Seen]) -> None:
        """Take one moment; what is no option with a volatility and time left does not count."""
        now = {row.name: row for row in rows if _is_usable(row)}
        self._judge(now)
        smiles: dict[str, MarkSmile] = {}
        for expiry in {row.expiry for row in now.values()}:
            members = [row for row in now.values() if row.expiry == expiry]
            found = mark_smile(members)
            if found is not None:
                smiles[expiry] = found
                self._move(expiry, found, members)
        self._before, self._smiles = now, smiles

    def _judge(self, now: dict[str, Seen]) -> None:
        """What each rule's hedge missed over this step, with coefficients from before it; then learn from it."""
        if self._steps % _REFIT_STEPS == 0:
            self._ratio, self._fitted = self.ssr(), self.coefficients()
        self._steps += 1
        squares = dict.fromkeys(SmileDelta, 0.0)
        learnt: list[tuple[bool, Step]] = []
        for name, before in self._before.items():
            after, curve = now.get(name), self._smiles.get(before.expiry)
            if after is None or curve is None or after.forward == before.forward:
                continue
            step = _step(before, after)
            skew = curve.skew(math.log(before.strike / before.forward))
            mv = self._fitted.calls if before.is_call else self._fitted.puts
            at = (step.delta, step.vega)
            deltas = {
                SmileDelta.STICKY_STRIKE: step.delta,
                SmileDelta.STICKY_DELTA: smile.sticky_delta(*at, skew, step.forward),
                SmileDelta.SSR: smile.ssr_delta(*at, skew, step.forward, self._ratio),
                SmileDelta.MINIMUM_VARIANCE: smile.minimum_variance_delta(*at, step.forward, step.tau_years, mv),
            }
            for rule, delta in deltas.items():
                squares[rule] += ((step.price_change - delta * step.forward_change) / step.forward) ** 2
            learnt.append((before.is_call, step))
        if learnt:
            for rule, total in squares.items():
                self._errors[rule].append(math.sqrt(total))
        for is_call, one in learnt:
            self._fits[is_call].push(one)

    def _move(self, expiry: str, found: MarkSmile, members: Sequence[Seen]) -> None:
        """At-the-money volatility against skew times move, for the skew-stickiness ratio."""
        before = self._smiles.get(expiry)
        pairs = [(self._before[row.name].forward, row.forward) for row in members if row.name in self._before]
        if before is not None and pairs:
            move = float(np.median([math.log(after / earlier) for earlier, after in pairs]))
            self._moves.append((found.atm - before.atm, before.slope, move))

    def ssr(self) -> float:
        """Skew-stickiness ratio measured so far, 1 at the beginning."""
        change, skew, move = np.array(self._moves).reshape(-1, 3).T
        return smile.measured_ssr(change, skew, move)

    def coefficients(self) -> MvBook:
        """Hull and White's coefficients of either wing so far."""
        return MvBook(calls=self._fits[True].fitted(), puts=self._fits[False].fitted())

    def verdicts(self) -> dict[SmileDelta, ErrorVariance]:
        """Each rule against sticky strike. One observation per step: options of one step err together."""
        plain = np.array(self._errors[SmileDelta.STICKY_STRIKE])
        return {rule: smile.error_variance(np.array(errors), plain) for rule, errors in self._errors.items()}


def _is_usable(row: Seen) -> bool:
    return all(0.0 < number < math.inf for number in (row.forward, row.strike, row.tau_years, row.iv))


def _step(before: Seen, after: Seen) -> Step:
    """The move of forward and volatility at the time left after the step: decay belongs to no delta."""
    greeks = black76.greeks_scalar(before.forward, before.strike, after.tau_years, before.iv, before.is_call)
    price = black76.price(after.forward, before.strike, after.tau_years, after.iv, before.is_call)
    return Step(
        delta=greeks.delta,
        vega=greeks.vega,
        forward=before.forward,
        tau_years=after.tau_years,
        price_change=price - greeks.price,
        forward_change=after.forward - before.forward,
    )
