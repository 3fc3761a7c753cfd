"""From quotes to a surface without arbitrage (theory 3.1): SSVI for all expiries, then SVI for each.

Knows points of volatility and curves; must not know venues or when to fit. Deterministic, and bounded: a few tens of
milliseconds for ten expiries, for which there is no place on the path of a tick.

How. (1) SSVI through all expiries at once: three shared parameters and a level each; it admits no arbitrage by
construction and is the prior. (2) Each expiry, shortest first, by as many parameters as its quotes carry, pulled
weakly to the prior, pushed off negative densities and off the expiry before. (3) Every slice is checked on a finer
grid; one that fails is fitted again closer to the prior, and is the prior in the end.
"""

import enum
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from bot.pricing import least_squares, svi
from bot.pricing.chain_quotes import Chain, Points, points
from bot.pricing.normal_tail import FloatArray
from bot.pricing.surface import ExpiryFit, FitKind, Surface
from bot.pricing.svi import Ssvi, Svi

_DAY_YEARS: Final = 1.0 / 365.0
_LAST_YEARS: Final = 2.0 / (365.0 * 24.0)
"""Below it a strike's last volatility says more than its quotes, whose ticks are worth many points (theory 3.1)."""
_SVI_POINTS_MIN: Final = 6
_THREE_POINTS_MIN: Final = 3
"""One more than parameters for five of them; three through three, held by the prior."""
_SIGMAS: Final = 4.0
_GRID_FIT: Final = np.linspace(-_SIGMAS, _SIGMAS, 65)
_GRID_CHECK: Final = np.linspace(-_SIGMAS, _SIGMAS, 321)
_RIDGE_IV: Final = 0.10
"""All of the prior's curve together weighs like one quote with a spread of ten points."""
_RIDGE_TRIES: Final = (1.0, 10.0, 100.0)
"""A slice that admits arbitrage is pulled ever closer to the prior, then becomes the prior."""
_HUBER_HALF_SPREADS: Final = 3.0
"""A quote whose middle lies farther off than this counts only linearly: one odd quote must not bend a smile."""
_PENALTY: Final = 300.0
_G_MARGIN: Final = 2e-3
_CALENDAR_MARGIN: Final = 2e-3
"""Penalties begin a little inside what is allowed, so that the finer grid of the check passes as well."""
_ROUNDING: Final = 1e-12
_EXPONENT_MAX: Final = 60.0
_SHARE_REACH: Final = 20.0
"""A step of the search may go anywhere: these keep parameters apart from 0, 1 and infinity."""


class FitDefect(enum.StrEnum):
    """Why there is no surface at all."""

    NO_QUOTES = "no_quotes"


class _Task(NamedTuple):
    """One expiry on its way to a slice."""

    chain: Chain
    forward: float
    seen: Points
    theta: float
    prior: Svi
    earlier: Svi | None


def fit(chains: Sequence[Chain], previous: Surface | None = None) -> Surface | FitDefect:
    """The surface of these expiries. Expired chains and chains without a usable forward are left out.

    `previous` serves expiries with less than two hours left, which keep its volatility per strike.
    """
    live = sorted((chain for chain in chains if _forward(chain) is not None and chain.tau_years > 0.0), key=_tau)
    seen = [points(chain) for chain in live]
    quoted = [at for at, found in enumerate(seen) if found.k.size]
    if not quoted:
        return FitDefect.NO_QUOTES
    taus = np.array([chain.tau_years for chain in live])
    prior, quoted_thetas = _fit_prior(taus[quoted], [seen[at] for at in quoted])
    thetas = _between_thetas(taus, taus[quoted], quoted_thetas)
    tasks: list[_Task] = []
    found: list[tuple[Svi, FitKind]] = []
    for chain, quotes, theta in zip(live, seen, thetas.tolist(), strict=True):
        task = _Task(
            chain, _forward(chain) or math.nan, quotes, theta, prior.slice(theta), found[-1][0] if found else None
        )
        tasks.append(task)
        found.append(_fit_expiry(task, None if previous is None else _last_good(previous, task)))
    _settle(tasks, found)
    slices = [curve for curve, _ in found]
    return Surface(
        prior,
        tuple(
            _describe(task, curve, kind, slices[at - 1] if at else None)
            for at, (task, (curve, kind)) in enumerate(zip(tasks, found, strict=True))
        ),
    )


def _tau(chain: Chain) -> float:
    return chain.tau_years


def _forward(chain: Chain) -> float | None:
    """The expiry's forward: the median of its rows', None where there is none."""
    good = chain.forward[np.isfinite(chain.forward) & (chain.forward > 0.0)]
    return float(np.median(good)) if good.size else None


# --- the prior -----------------------------------------------------------------------------------------------


def _fit_prior(taus: FloatArray, seen: list[Points]) -> tuple[Ssvi, FloatArray]:
    """Shared parameters, and a total variance at the money for each expiry, growing with time."""
    levels = np.array([float(np.interp(0.0, item.k, item.iv_mid)) for item in seen]) ** 2 * taus
    for at in range(1, len(levels)):
        levels[at] = max(levels[at], 1.001 * levels[at - 1])
    start = np.concatenate([[0.0, 0.0, 0.0], np.log(np.diff(levels, prepend=0.0))])

    def residuals(x: FloatArray) -> FloatArray:
        shared, thetas = _unpack_prior(x)
        distances = [
            (np.sqrt(shared.slice(theta).w_chain(item.k) / tau) - item.iv_mid) / item.spread
            for item, tau, theta in zip(seen, taus.tolist(), thetas.tolist(), strict=True)
        ]
        # A weak pull to no skew, middling curvature: decides only where the quotes say nothing.
        return np.concatenate([_softened(np.concatenate(distances)), 0.1 * x[:3]])

    return _unpack_prior(least_squares.solve(residuals, start))


def _unpack_prior(x: FloatArray) -> tuple[Ssvi, FloatArray]:
    rho = _correlation(float(x[0]))
    eta = 2.0 / (1.0 + abs(rho)) * _share(float(x[1]))
    return Ssvi(rho, eta, 0.5 * _share(float(x[2]))), np.cumsum(np.exp(np.clip(x[3:], -_EXPONENT_MAX, _EXPONENT_MAX)))


def _between_thetas(taus: FloatArray, quoted_taus: FloatArray, quoted_thetas: FloatArray) -> FloatArray:
    """Levels of all expiries from those with quotes: linear in time, at a constant volatility outside."""
    inside = np.interp(taus, np.concatenate([[0.0], quoted_taus]), np.concatenate([[0.0], quoted_thetas]))
    beyond = quoted_thetas[-1] * taus / quoted_taus[-1]
    thetas: FloatArray = np.where(taus > quoted_taus[-1], beyond, inside)
    return thetas


# --- one expiry ----------------------------------------------------------------------------------------------


def _fit_expiry(task: _Task, last: Svi | None) -> tuple[Svi, FitKind]:
    """The best slice the quotes carry that admits no arbitrage."""
    for kind in _kinds(task, last):
        shape = last if kind is FitKind.LAST and last is not None else task.prior
        for ridge in _RIDGE_TRIES:
            curve = _fit_curve(task, kind, shape, ridge)
            if is_free(curve, task.earlier, task.theta):
                return curve, kind
    return task.prior, FitKind.PRIOR


def _kinds(task: _Task, last: Svi | None) -> list[FitKind]:
    count = task.seen.k.size
    if task.chain.tau_years < _LAST_YEARS and last is not None and count:
        return [FitKind.LAST]
    if task.chain.tau_years >= _DAY_YEARS and count >= _SVI_POINTS_MIN:
        return [FitKind.SVI, FitKind.THREE]
    return [FitKind.THREE] if count >= _THREE_POINTS_MIN else [FitKind.LEVEL] * min(count, 1)


def _fit_curve(task: _Task, kind: FitKind, shape: Svi, ridge: float) -> Svi:
    unpack, start = {
        FitKind.SVI: (_unpack_svi, _pack_svi),
        FitKind.THREE: (_unpack_three, _pack_three),
    }.get(kind, (lambda x: shape.rescaled(_positive(float(x[0]))), lambda _: np.zeros(1)))
    tau, seen, scale = task.chain.tau_years, task.seen, math.sqrt(task.theta)
    grid = scale * _GRID_FIT
    shape_iv = np.sqrt(shape.w_chain(grid) / tau)
    pull = math.sqrt(ridge / grid.size) / _RIDGE_IV
    floor = None if task.earlier is None else task.earlier.w_chain(grid) * (1.0 + _CALENDAR_MARGIN)

    def residuals(x: FloatArray) -> FloatArray:
        curve = unpack(x)
        w = curve.w_chain(grid)
        distance = (np.sqrt(curve.w_chain(seen.k) / tau) - seen.iv_mid) / seen.spread
        parts = [_softened(distance), pull * (np.sqrt(w / tau) - shape_iv)]
        parts.append(_PENALTY * np.maximum(_G_MARGIN - svi.durrleman(curve, grid), 0.0))
        if floor is not None:
            parts.append(_PENALTY * np.maximum(floor - w, 0.0) / task.theta)
        return np.concatenate(parts)

    return unpack(least_squares.solve(residuals, start(shape)))


def _softened(distance: FloatArray) -> FloatArray:
    """Residuals in spreads, growing like a square root beyond a few half spreads (Huber), for a sum of squares."""
    edge = 0.5 * _HUBER_HALF_SPREADS
    size = np.abs(distance)
    far = np.sqrt(edge * np.maximum(2.0 * size - edge, 0.0))
    return np.where(size <= edge, distance, np.copysign(far, distance))


def _pack_svi(shape: Svi) -> FloatArray:
    share = min(max(shape.lee_wing / svi.WING_MAX, 1e-9), 1.0 - 1e-9)
    return np.array(
        [
            math.log(max(shape.min_w, 1e-300)),
            math.log(share / (1.0 - share)),
            math.atanh(min(max(shape.rho, -0.999), 0.999)),
            shape.m,
            math.log(shape.sigma),
        ]
    )


def _unpack_svi(x: FloatArray) -> Svi:
    """Raw parameters of any five numbers: positive least variance, wings within Lee's bound."""
    rho, sigma = _correlation(float(x[2])), _positive(float(x[4]))
    b = svi.WING_MAX / (1.0 + abs(rho)) * _share(float(x[1]))
    return Svi(_positive(float(x[0])) - b * sigma * math.sqrt(1.0 - rho * rho), b, rho, float(x[3]), sigma)


def _pack_three(shape: Svi) -> FloatArray:
    """Of a natural slice: level, skew, and curvature as a share of the largest without butterfly arbitrage."""
    theta = shape.w(0.0)
    rho = min(max(shape.rho, -0.999), 0.999)
    share = min(max(2.0 * shape.b / theta / _phi_max(theta, rho), 1e-9), 1.0 - 1e-9)
    return np.array([math.log(theta), math.atanh(rho), math.log(share / (1.0 - share))])


def _unpack_three(x: FloatArray) -> Svi:
    theta, rho = _positive(float(x[0])), _correlation(float(x[1]))
    return svi.natural(theta, rho, _phi_max(theta, rho) * _share(float(x[2])))


def _phi_max(theta: float, rho: float) -> float:
    """θ φ (1 + |ρ|) < 4 and θ φ^2 (1 + |ρ|) <= 4 (Gatheral-Jacquier)."""
    room = 4.0 / (theta * (1.0 + abs(rho)))
    return min(room, math.sqrt(room))


def _positive(x: float) -> float:
    """Any number to a positive one."""
    return math.exp(min(max(x, -_EXPONENT_MAX), _EXPONENT_MAX))


def _share(x: float) -> float:
    """Any number to one strictly between 0 and 1."""
    return 1.0 / (1.0 + _positive(-min(max(x, -_SHARE_REACH), _SHARE_REACH)))


def _correlation(x: float) -> float:
    """Any number to one strictly between -1 and 1."""
    return 2.0 * _share(2.0 * x) - 1.0


def _last_good(previous: Surface, task: _Task) -> Svi | None:
    """The slice that gives each strike the volatility it had: same K, other F and T."""
    for item in previous.expiries:
        if item.expiry == task.chain.expiry:
            return item.svi.rescaled(task.chain.tau_years / item.tau_years, math.log(task.forward / item.forward))
    return None


# --- arbitrage -----------------------------------------------------------------------------------------------


def is_free(curve: Svi, earlier: Svi | None, theta: float) -> bool:
    """No butterfly on the fine grid, no calendar spread against the expiry before."""
    grid = math.sqrt(theta) * _GRID_CHECK
    if not svi.check(curve, grid).butterfly_free:
        return False
    return earlier is None or svi.calendar_gap(earlier, curve, grid) >= -_ROUNDING * theta


def _settle(tasks: list[_Task], found: list[tuple[Svi, FitKind]]) -> None:
    """Where a prior's slice crosses the fitted one before it, that one becomes the prior's too: these never cross."""
    for at in range(len(found) - 1, 0, -1):
        earlier, later = found[at - 1][0], found[at][0]
        if not is_free(later, earlier, tasks[at].theta):
            found[at - 1] = (tasks[at - 1].prior, FitKind.PRIOR)


def _describe(task: _Task, curve: Svi, kind: FitKind, earlier: Svi | None) -> ExpiryFit:
    grid = math.sqrt(task.theta) * _GRID_CHECK
    seen = task.seen
    iv = np.sqrt(curve.w_chain(seen.k) / task.chain.tau_years)
    is_inside = (iv >= seen.iv_bid) & (iv <= seen.iv_ask)
    return ExpiryFit(
        expiry=task.chain.expiry,
        tau_years=task.chain.tau_years,
        forward=task.forward,
        svi=curve,
        kind=kind,
        quotes_count=seen.k.size,
        dropped=seen.dropped,
        rmse_iv=float(np.sqrt(np.mean(np.square(iv - seen.iv_mid)))) if seen.k.size else 0.0,
        inside_share=float(is_inside.mean()) if seen.k.size else 1.0,
        g_min=svi.check(curve, grid).g_min,
        calendar_min=curve.min_w if earlier is None else svi.calendar_gap(earlier, curve, grid),
    )
