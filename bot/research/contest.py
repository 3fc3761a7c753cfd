"""The default policy against every other one: on the same paths, the others tuned beforehand on paths of their own.

Knows how each policy's one free parameter is scaled. The default is not tuned: its risk aversion is the objective's.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct
from scipy import special

from bot.domain.time import NS_PER_S, NS_PER_YEAR
from bot.hedging.band import TradeTo, gamma_half_coin
from bot.hedging.bands import (
    delta_percent,
    fixed,
    gamma_scaled,
    leland_time,
    price_move,
    time_based,
    variance_budget,
    whalley_wilmott,
    whalley_wilmott_fixed_cost,
    zakamouline,
)
from bot.hedging.modifiers import Modifiers
from bot.pricing.black76 import delta_gamma
from bot.research.lockstep import Outcome, follow
from bot.research.sampled import Candidate, Grid
from bot.research.world import STRIKE_USD, World, paths_of

SEEDS: Final = tuple(range(1, 201))
TUNING_SEEDS: Final = tuple(range(1_001, 1_051))
_COARSE: Final = tuple(2.0 ** (k / 2.0) for k in range(-6, 7))
_FINE: Final = tuple(2.0 ** (k / 8.0) for k in (-3, -2, -1, 1, 2, 3))
"""Around the best of the coarse ones; what is missed between two is under 0.3 % of the objective."""
_CONFIDENCE: Final = 0.975
"""Both sides together 95 %."""
DEFAULT: Final = "whalley_wilmott"

_Make = Callable[[float], Candidate]


class Point(Struct, frozen=True, kw_only=True):
    """Means over paths of one candidate, USD and USD squared per option."""

    name: str
    cost_usd: float
    variance_usd_squared: float
    objective_usd: float


class Rival(Struct, frozen=True, kw_only=True):
    """A policy with one parameter, as a function of a multiple of its natural scale; several shapes may be tried."""

    name: str
    makes: tuple[_Make, ...]


class Tuned(Struct, frozen=True, kw_only=True):
    """The best of a rival on the tuning paths, and all that was tried."""

    candidate: Candidate
    is_at_the_end: bool
    """The best lies at an end of what was tried: it is not known to be the best."""
    tried: tuple[Point, ...]


class Standing(Struct, frozen=True, kw_only=True):
    """One candidate of the contest and the default against it."""

    candidate: Candidate
    point: Point
    trades_count: float
    """A path."""
    lead_usd: float
    """Objective of the default less this one's, mean of paired differences; below 0: the default is better."""
    lead_low_usd: float
    lead_high_usd: float
    """Ends of its 95 % interval."""

    @property
    def is_beaten(self) -> bool:
        """Whether the whole interval lies below 0."""
        return self.lead_high_usd < 0.0


class Contest(Struct, frozen=True, kw_only=True):
    """What came of one world."""

    world: World
    default: Point
    default_trades_count: float
    default_curve: tuple[Point, ...]
    """The default at other risk aversions, on the tuning paths."""
    standings: tuple[Standing, ...]
    tuned: tuple[Tuned, ...]


def default_of(world: World, *, name: str = DEFAULT, trade_to: TradeTo = TradeTo.EDGE) -> Candidate:
    """The product's default policy with the objective's risk aversion."""
    params = whalley_wilmott.Params(risk_aversion_per_usd=world.risk_aversion_per_usd)
    return Candidate(name=name, params=params, modifiers=Modifiers(trade_to=trade_to))


def _itself(world: World) -> Rival:
    def make(multiple: float) -> Candidate:
        aversion = multiple * world.risk_aversion_per_usd
        return Candidate(name=DEFAULT, params=whalley_wilmott.Params(risk_aversion_per_usd=aversion))

    return Rival(name=DEFAULT, makes=(make,))


def rivals_of(world: World) -> tuple[Rival, ...]:
    """Every other policy of the product; scales are the best half width and interval at the start."""
    delta, gamma = delta_gamma(STRIKE_USD, STRIKE_USD, world.tau_years, world.iv, True)
    aversion = world.risk_aversion_per_usd
    half = gamma_half_coin(
        gamma, price_usd=STRIKE_USD, cost_fraction=world.cost_fraction, risk_aversion_per_usd=aversion
    )
    move = half / (gamma * STRIKE_USD)
    interval_s = (half / (gamma * STRIKE_USD * world.iv)) ** 2 * NS_PER_YEAR / NS_PER_S
    budget_usd = half * STRIKE_USD * world.iv * math.sqrt(1.0 / 365.0)
    cost_usd = world.cost_fraction * STRIKE_USD * half

    def rival(name: str, *makes: _Make) -> Rival:
        return Rival(name=name, makes=makes)

    def named(name: str, params: Callable[[float], object], trade_to: TradeTo = TradeTo.EDGE) -> Rival:
        modifiers = Modifiers(trade_to=trade_to)
        return rival(name, lambda m: Candidate(name=name, params=params(m), modifiers=modifiers))  # type: ignore[arg-type]

    def floored(name: str, params: Callable[[float, float], object]) -> Rival:
        def make(floor_coin: float) -> _Make:
            return lambda m: Candidate(name=name, params=params(m, floor_coin))  # type: ignore[arg-type]

        return rival(name, *(make(share * half) for share in (0.0, 0.25, 0.5)))

    return (
        named(
            "whalley_wilmott, plain",
            lambda m: whalley_wilmott.Params(risk_aversion_per_usd=m * aversion, is_plain=True),
        ),
        named(
            "whalley_wilmott_fixed_cost",
            lambda m: whalley_wilmott_fixed_cost.Params(
                risk_aversion_per_usd=aversion, fixed_cost_usd=0.03 * m * cost_usd
            ),
            TradeTo.INNER,
        ),
        named("zakamouline", lambda m: zakamouline.Params(risk_aversion_per_usd=m * aversion)),
        floored("gamma_scaled", lambda m, floor: gamma_scaled.Params(move_fraction=m * move, half_coin_min=floor)),
        named(
            "fixed",
            lambda m: fixed.Params(low_coin_per_option_coin=-m * half, high_coin_per_option_coin=m * half),
        ),
        named("variance_budget", lambda m: variance_budget.Params(budget_usd=m * budget_usd)),
        floored(
            "delta_percent",
            lambda m, floor: delta_percent.Params(percent=100.0 * m * half / delta, half_coin_min=floor),
        ),
        named("price_move", lambda m: price_move.Params(move_fraction=m * move)),
        named("time_based", lambda m: time_based.Params(interval_s=m * interval_s)),
        named("leland_time", lambda m: leland_time.Params(interval_s=m * interval_s)),
    )


def tune(grid: Grid, rivals: Sequence[Rival], seeds: Sequence[int]) -> list[Tuned]:
    """Each rival's best parameter for the objective on these paths: coarse, then fine around the best."""
    coarse = [[(make, m) for make in rival.makes for m in _COARSE] for rival in rivals]
    first = _tried(grid, coarse, seeds)
    best = [
        min(zip(points, tries, strict=True), key=_objective)[1] for points, tries in zip(first, coarse, strict=True)
    ]
    fine = [[(make, m * factor) for factor in _FINE] for make, m in best]
    second = _tried(grid, fine, seeds)
    found = []
    for tries, points in zip(
        (a + b for a, b in zip(coarse, fine, strict=True)),
        (a + b for a, b in zip(first, second, strict=True)),
        strict=True,
    ):
        make, multiple = min(zip(points, tries, strict=True), key=_objective)[1]
        ends = (_COARSE[0] * _FINE[0], _COARSE[-1] * _FINE[-1])
        found.append(
            Tuned(
                candidate=make(multiple),
                is_at_the_end=not ends[0] < multiple < ends[1] or multiple in (_COARSE[0], _COARSE[-1]),
                tried=tuple(sorted((p for p, t in zip(points, tries, strict=True) if t[0] is make), key=_variance)),
            )
        )
    return found


def _objective(pair: tuple[Point, tuple[_Make, float]]) -> float:
    return pair[0].objective_usd


def _variance(point: Point) -> float:
    return point.variance_usd_squared


def _tried(grid: Grid, tries: Sequence[Sequence[tuple[_Make, float]]], seeds: Sequence[int]) -> list[list[Point]]:
    candidates = [make(multiple) for each in tries for make, multiple in each]
    outcomes = iter(follow(grid, candidates, paths_of(grid.world, seeds)))
    points = [
        _point(candidate.name, outcome, grid.world) for candidate, outcome in zip(candidates, outcomes, strict=True)
    ]
    left = iter(points)
    return [[next(left) for _ in each] for each in tries]


def _point(name: str, outcome: Outcome, world: World) -> Point:
    return Point(
        name=name,
        cost_usd=float(outcome.cost_usd.mean()),
        variance_usd_squared=float(outcome.variance_usd_squared.mean()),
        objective_usd=float(outcome.objective_usd(world.risk_aversion_per_usd).mean()),
    )


def compete(
    grid: Grid, rivals: Sequence[Rival], *, seeds: Sequence[int] = SEEDS, tuning_seeds: Sequence[int] = TUNING_SEEDS
) -> Contest:
    """Tune the rivals, then follow everybody along the same other paths."""
    world = grid.world
    *tuned, itself = tune(grid, [*rivals, _itself(world)], tuning_seeds)
    others = [
        default_of(world, name=f"{DEFAULT}, traded to inner", trade_to=TradeTo.INNER),
        default_of(world, name=f"{DEFAULT}, traded to target", trade_to=TradeTo.TARGET),
        *(each.candidate for each in tuned),
    ]
    own, *theirs = follow(grid, [default_of(world), *others], paths_of(world, seeds))
    return Contest(
        world=world,
        default=_point(DEFAULT, own, world),
        default_trades_count=float(own.trades.mean()),
        default_curve=itself.tried,
        standings=tuple(_standing(other, own, outcome, world) for other, outcome in zip(others, theirs, strict=True)),
        tuned=tuple(tuned),
    )


def _standing(candidate: Candidate, own: Outcome, other: Outcome, world: World) -> Standing:
    aversion = world.risk_aversion_per_usd
    lead = own.objective_usd(aversion) - other.objective_usd(aversion)
    room = special.stdtrit(lead.size - 1, _CONFIDENCE) * float(lead.std(ddof=1)) / math.sqrt(lead.size)
    mean = float(lead.mean())
    return Standing(
        candidate=candidate,
        point=_point(candidate.name, other, world),
        trades_count=float(other.trades.mean()),
        lead_usd=mean,
        lead_low_usd=mean - room,
        lead_high_usd=mean + room,
    )
