"""Implied volatility: which volatility makes Black-76 give this price. Knows prices of options and nothing else.

How (theory 8.2 says where usual solvers fail). With A = min(F, K), X = |ln(F/K)| and v = σ√T, the value T above
intrinsic is that of the out-of-the-money option, whichever option was quoted, and does not exceed A:

    T / A = n(d) (R(-d) - R(X/v + v/2))        1 - T / A = n(d) (R(d) + R(X/v + v/2))        d = v/2 - X/v

(R the Mills ratio). The first is solved for T <= A/2, the second, which has its digits there, for T > A/2; both as
logarithms, so that a price of 1e-300 is as good as one of 1. T and A - T are formed from the price without rounding.
Halley's method starts from a bound below the root and stays between bounds; 4 rounds are usual.
"""

import enum
import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from bot.pricing.normal_tail import HALF_WIDTH_NARROW, FloatArray, mills_array, mills_spread_narrow

_Flags = NDArray[np.bool_]

_ROUNDS_MAX: Final = 20
"""Four rounds settled every one of 60,000 random options over the whole range of doubles."""
_CHANGE_SETTLED: Final = 1e-6
"""Halley's error after a relative change of 1e-6 is of the order of its cube: below double precision."""
_TINY: Final = float(np.finfo(np.float64).tiny)
_MAX: Final = float(np.finfo(np.float64).max)
_SQRT_2PI: Final = math.sqrt(2.0 * math.pi)
_LOG_SQRT_2PI: Final = 0.5 * math.log(2.0 * math.pi)


class IvStatus(enum.StrEnum):
    """What became of one price. Only `OK` comes with a volatility."""

    OK = "ok"
    AT_INTRINSIC = "at_intrinsic"
    BELOW_INTRINSIC = "below_intrinsic"
    AT_OR_ABOVE_UPPER_BOUND = "at_or_above_upper_bound"
    INVALID = "invalid"


_NAMES: Final = np.array([str(status) for status in IvStatus])
_OK, _AT, _BELOW, _ABOVE, _INVALID = range(len(IvStatus))


def solve(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, tau_years: ArrayLike, is_call: ArrayLike
) -> tuple[FloatArray, NDArray[np.str_]]:
    """Volatility per sqrt(year) and status (the words of `IvStatus`) of undiscounted prices; inputs broadcast.

    Price, forward and strike in USD per coin. `iv` is 0.0, never NaN, where the status is not `ok`:
    `at_intrinsic` (no time value), `below_intrinsic` (a negative price too), `at_or_above_upper_bound` (a call at
    the forward, a put at the strike), `invalid` (NaN or infinity, or forward, strike or tau_years not positive).
    Scalars in, numpy scalars out. Accuracy: the volatility that reproduces this very double, to a few 1e-16 and
    half an ulp of the price; a price next to a bound carries few digits itself, which callers must judge.
    Never raises but for shapes that do not broadcast, never warns.
    """
    numbers = [np.asarray(item, dtype=np.float64) for item in (price, forward, strike, tau_years)]
    given = np.broadcast_arrays(*numbers, np.asarray(is_call, dtype=np.bool_))
    shape = given[0].shape
    flat_price, flat_forward, flat_strike, flat_tau, flat_calls = (item.reshape(-1) for item in given)
    with np.errstate(all="ignore"):
        iv, code = _solve_flat(flat_price, flat_forward, flat_strike, flat_tau, flat_calls)
    # Indexing with () leaves arrays as they are and turns arrays without a dimension into scalars.
    return iv.reshape(shape)[()], _NAMES[code].reshape(shape)[()]


def _solve_flat(
    price: FloatArray, forward: FloatArray, strike: FloatArray, tau_years: FloatArray, calls: _Flags
) -> tuple[FloatArray, NDArray[np.intp]]:
    time_value = _above_intrinsic(price, np.where(calls, forward, strike), np.where(calls, strike, forward))
    room = np.where(calls, forward, strike) - price
    is_finite = np.logical_and.reduce([np.isfinite(item) for item in (price, forward, strike, tau_years)])
    is_valid = is_finite & (forward > 0.0) & (strike > 0.0) & (tau_years > 0.0)
    code = np.select([~is_valid, time_value < 0, time_value == 0, room <= 0], [_INVALID, _BELOW, _AT, _ABOVE], _OK)
    iv = np.zeros_like(price)
    ok = np.nonzero(code == _OK)[0]
    if ok.size:
        low, high = np.minimum(forward[ok], strike[ok]), np.maximum(forward[ok], strike[ok])
        width = _width(time_value[ok], room[ok], low, high)
        iv[ok] = np.minimum(width / np.sqrt(tau_years[ok]), _MAX)
    return iv, code


def _above_intrinsic(price: FloatArray, receives: FloatArray, pays: FloatArray) -> FloatArray:
    """Price less max(receives - pays, 0), with the rounding error of the difference (Knuth) taken back."""
    difference = receives - pays
    shift = difference - receives
    error = (receives - (difference - shift)) - (pays + shift)
    time_value: FloatArray = np.where(difference > 0.0, (price - difference) - error, price)
    return time_value


def _width(time_value: FloatArray, room: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Width v = σ√T of the out-of-the-money option worth `time_value` = low - `room`."""
    log_distance = np.log1p((high - low) / low)
    log_distance = np.where(np.isfinite(log_distance), log_distance, np.log(high) - np.log(low))
    is_upper = time_value > room
    smaller = np.where(is_upper, room, time_value)
    share = smaller / low
    log_share = np.where(share > _TINY, np.log(share), np.log(smaller) - np.log(low))
    side = np.where(is_upper, -1.0, 1.0)

    floor = _width_floor(np.where(is_upper, 1.0 - share, share), side * special.ndtri_exp(log_share), log_distance)
    least, most = floor * (1.0 - 1e-9), np.full_like(floor, math.inf)
    width = floor
    for _ in range(_ROUNDS_MAX):
        step, is_short = _halley_step(width, log_distance, log_share, side)
        least, most = np.where(is_short, width, least), np.where(is_short, most, width)
        proposed = width - step
        fallback = np.where(np.isinf(most), 2.0 * width, 0.5 * (least + most))
        proposed = np.where((proposed >= least) & (proposed <= most), proposed, fallback)
        change = np.abs(proposed - width)
        width = proposed
        if not (change > _CHANGE_SETTLED * width).any():
            break
    return width


def _width_floor(share: FloatArray, d_least: FloatArray, log_distance: FloatArray) -> FloatArray:
    """A bound below the root, close to it far out of the money and at the money.

    Away from the money T/A < N(d) bounds d = v/2 - X/v from below, a quadratic in v. At any strike T/A is at most
    that at the money, which is at most v / sqrt(2 pi).
    """
    root = np.sqrt(d_least * d_least + 2.0 * log_distance)
    away = np.where(d_least < 0.0, 2.0 * log_distance / (root - d_least), root + d_least)
    return np.maximum(np.maximum(away, _SQRT_2PI * share), _TINY)


def _halley_step(
    width: FloatArray, log_distance: FloatArray, log_share: FloatArray, side: FloatArray
) -> tuple[FloatArray, _Flags]:
    """What to take off `width`, and whether `width` is still short of the root.

    With f = ln(model) - log_share: f' = ±1 / W and f''/f' = d1 d2 / v - f', W the sum or difference of Mills ratios,
    because the model's own slope is n(d) and that one's logarithmic slope d1 d2 / v.
    """
    half, sigmas = 0.5 * width, log_distance / width
    inner = half - sigmas
    spread = mills_array(-side * inner) - side * mills_array(half + sigmas)
    narrow = np.nonzero(half < HALF_WIDTH_NARROW)[0]
    if narrow.size:
        at = sigmas[narrow]
        spread[narrow] = mills_spread_narrow(at, half[narrow], mills_array(at))
    excess = -0.5 * inner * inner - _LOG_SQRT_2PI + np.log(spread) - log_share
    slope = side / spread
    newton = excess / slope
    curvature = (sigmas - half) * (sigmas + half) / width - slope
    return newton / (1.0 - 0.5 * newton * curvature), side * excess < 0.0
