"""Black-76 on the forward: price and greeks of one option (plain `math`) or of a chain (numpy, scipy.special).

Knows a forward, a strike, a year fraction, a volatility and the formula; must not know venues, instruments,
positions or in which money the result is read (`coin_settled` does that).

Decisions use the scalar path (`delta_gamma`, `price`, `greeks_scalar`), chains and ladders the array path
(`greeks`); both give the same number to about 1e-12 and pass the same 50-digit table.

How the digits are kept (theory 1.1). With A = min(F, K), B = max(F, K), v = σ√T, y = |ln(F/K)|/v and t = v/2 the
out-of-the-money option, call or put, is worth A N(t - y) - B N(-t - y), and A n(t - y) = B n(t + y). So:
- |ln(F/K)| = log1p((B - A)/A), exact to the last bit near the money and far from it;
- the out-of-the-money side is A n(t - y) (R(y - t) - R(y + t)) with Mills ratios R, never a difference of
  probabilities; the other side follows from parity: + B - A;
- a probability near one is one minus its small complement, a small one is formed directly.
"""

import math
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bot.pricing.normal_tail import (
    HALF_WIDTH_SERIES_MAX,
    INV_SQRT_2,
    INV_SQRT_2PI,
    FloatArray,
    mills,
    mills_array,
    mills_spread_narrow,
)

_Number = TypeVar("_Number", float, FloatArray)
_MAX: Final = float(np.finfo(np.float64).max)
_INF: Final = math.inf
_TINY: Final = float(np.finfo(np.float64).tiny)
_WIDTH_MAX: Final = 2000.0
_SIGMAS_MAX: Final = 1000.0
"""Beyond these v and y every density is 0 and every probability 0 or 1 in doubles (y t <= 710), so clipping
there changes no output and keeps squares from overflowing."""


class Greeks(NamedTuple, Generic[_Number]):
    """What one option on one coin is worth and how that moves; floats from the scalar path, arrays from the other.

    F is the forward in USD per coin, V the price in USD, df the discount factor with its rate held fixed.

    - `price`: V, USD. `delta`: dV/dF, coins. `gamma`: d2V/dF2, coins per USD. `speed`: d3V/dF3, coins per USD^2.
    - `vega`: dV/dσ, USD per 1.00 of volatility (not per point). `volga`: d2V/dσ2, USD per 1.00 squared.
      `vanna`: d2V/dF dσ, coins per 1.00.
    - `theta`: dV/dt at fixed F, USD per YEAR of 365 days. `charm`: d delta/dt, coins per year.
    - `coin_price`: V/F, coins. `pa_delta`: F d(V/F)/dF = delta - V/F, coins (Deribit's net transaction delta).
      `coin_gamma`: d2(V/F)/dF2, coins per USD^2.
    """

    price: _Number
    delta: _Number
    gamma: _Number
    vega: _Number
    theta: _Number
    vanna: _Number
    volga: _Number
    charm: _Number
    speed: _Number
    coin_price: _Number
    pa_delta: _Number
    coin_gamma: _Number


class _Shape(NamedTuple, Generic[_Number]):
    """Where the forward stands against the strike, before money: what all twelve outputs are made of.

    `undiscounted`: price, USD. `with_forward`, `with_strike`: ±N(±d1), ±N(±d2). `density`: n(d1).
    `dollar_density`: F n(d1), USD. `width`: σ√T.
    """

    undiscounted: _Number
    with_forward: _Number
    with_strike: _Number
    d1: _Number
    d2: _Number
    density: _Number
    dollar_density: _Number
    width: _Number


def delta_gamma(
    forward_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool
) -> tuple[float, float]:
    """Delta (coins per coin of option) and gamma (coins per USD) of one undiscounted option; the decision's path.

    Any finite positive input gives finite numbers. At tau_years <= 0 or iv <= 0 only intrinsic value is left: delta
    is the step 1 / 0 (call) or 0 / -1 (put), half of it exactly at the strike, gamma 0. A forward or strike that is
    not positive, NaN or infinity anywhere give (NaN, NaN): doubt stays visible. Never raises.
    """
    if not (0.0 < forward_usd < _INF and 0.0 < strike_usd < _INF and 0.0 < tau_years < _INF and 0.0 < iv < _INF):
        step = _without_time_value(forward_usd, strike_usd, tau_years, iv, is_call)
        return step.delta, step.gamma
    if forward_usd >= strike_usd:
        log_moneyness = math.log1p((forward_usd - strike_usd) / strike_usd)
    else:
        log_moneyness = -math.log1p((strike_usd - forward_usd) / forward_usd)
    if math.isinf(log_moneyness):
        log_moneyness = math.log(forward_usd) - math.log(strike_usd)
    width = iv * math.sqrt(tau_years) or _TINY
    d1 = log_moneyness / width + 0.5 * width
    gamma = min(math.exp(-0.5 * d1 * d1) * INV_SQRT_2PI / forward_usd / width, _MAX)
    if is_call:
        return 0.5 * math.erfc(-d1 * INV_SQRT_2), gamma
    return -0.5 * math.erfc(d1 * INV_SQRT_2), gamma


def price(forward_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool) -> float:
    """Undiscounted price in USD of one option on one coin; accuracy and bad input as in `greeks`. Never raises."""
    return greeks_scalar(forward_usd, strike_usd, tau_years, iv, is_call).price


def greeks_scalar(
    forward_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool, *, discount: float = 1.0
) -> Greeks[float]:
    """All twelve outputs for one option in plain floats; units, accuracy and bad input as in `greeks`. Never raises.

    `discount` is the factor df; its rate r = -ln(df)/T is held fixed and enters theta and charm.
    """
    usable = 0.0 < forward_usd < _INF and 0.0 < strike_usd < _INF and 0.0 < tau_years < _INF and 0.0 < iv < _INF
    if not (usable and 0.0 < discount < _INF):
        return _without_time_value(forward_usd, strike_usd, tau_years, iv, is_call, discount=discount)
    shape = _shape(forward_usd, strike_usd, iv * math.sqrt(tau_years), is_call)
    rate = 0.0 if discount == 1.0 else -math.log(discount) / tau_years
    result = _from_shape(forward_usd, strike_usd, tau_years, iv, shape, discount=discount, rate=rate)
    return result if math.isfinite(sum(result)) else Greeks(*map(_saturated, result))


def greeks(
    forward: ArrayLike,
    strike: ArrayLike,
    tau_years: ArrayLike,
    iv: ArrayLike,
    is_call: ArrayLike,
    *,
    discount: ArrayLike = 1.0,
) -> Greeks[FloatArray]:
    """All twelve outputs for a chain; inputs broadcast against each other, outputs have the broadcast shape.

    Inputs: forward and strike in USD per coin, tau_years ACT/365, iv per sqrt(year) as a fraction, is_call boolean,
    discount the factor df (its rate r = -ln(df)/T is held fixed and enters theta and charm). Outputs: `price` USD;
    `delta` coins; `gamma` coins per USD; `vega` USD per 1.00 of volatility; `theta` USD per year; `vanna` coins per
    1.00; `volga` USD per 1.00 squared; `charm` coins per year; `speed` coins per USD^2; `coin_price` coins;
    `pa_delta` coins, delta - price/forward; `coin_gamma` coins per USD^2.

    Accuracy, z = ln(F/K)/(σ√T): greeks 1e-12 relative for |z| <= 5, 1e-10 beyond (where one changes its sign: of its
    largest term); the out-of-the-money price 1e-11 relative out to |z| = 12, one-second options included. Results
    below 1e-308 may be 0, results above 1.8e308 are that number. Every finite positive input gives finite outputs,
    no warning. Where tau_years <= 0 or iv <= 0 only intrinsic value is left: a step delta (half at the strike) and
    zeros. Where a number is NaN or infinite, or forward, strike or discount is not positive, all twelve are NaN.
    Raises ValueError for shapes that do not broadcast, nothing else.
    """
    numbers = [np.asarray(item, dtype=np.float64) for item in (forward, strike, tau_years, iv, discount)]
    calls = np.asarray(is_call, dtype=np.bool_)
    shape = np.broadcast_shapes(calls.shape, *(number.shape for number in numbers))
    with np.errstate(all="ignore"):
        usable = _all_in_open_range(numbers)
        result = _greeks_usable(numbers, calls) if usable else _greeks_mixed(numbers, calls)
    return Greeks(*(item if item.shape == shape else np.broadcast_to(item, shape).copy() for item in result))


def _all_in_open_range(numbers: list[FloatArray]) -> bool:
    """Whether every number lies strictly between zero and infinity; NaN does not."""
    return all(bool(((number > 0.0) & (number < _INF)).all()) for number in numbers)


def _greeks_mixed(numbers: list[FloatArray], calls: NDArray[np.bool_]) -> Greeks[FloatArray]:
    """The chain whose unusable elements are replaced for the computation and then answered one by one."""
    *full, full_calls = np.broadcast_arrays(*numbers, calls)
    usable = np.logical_and.reduce([(number > 0.0) & (number < _INF) for number in full])
    result = _greeks_usable([np.where(usable, number, 1.0) for number in full], full_calls)
    stacked = np.stack(result)
    for index in np.argwhere(~usable):
        at = tuple(index)
        forward, strike, tau_years, iv, discount = (float(number[at]) for number in full)
        step = _without_time_value(forward, strike, tau_years, iv, bool(full_calls[at]), discount=discount)
        stacked[(slice(None), *at)] = step
    return Greeks(*stacked)


def _greeks_usable(numbers: list[FloatArray], calls: NDArray[np.bool_]) -> Greeks[FloatArray]:
    """The chain of positive finite numbers."""
    forward, strike, tau_years, iv, discount = numbers
    shape = _shape_of_chain(forward, strike, iv * np.sqrt(tau_years), calls)
    rate = -np.log(discount) / tau_years
    result = _from_shape(forward, strike, tau_years, iv, shape, discount=discount, rate=rate)
    if np.isfinite(sum(result)).all():
        return result
    return Greeks(*(np.nan_to_num(item, nan=0.0, posinf=_MAX, neginf=-_MAX) for item in result))


def _shape(forward: float, strike: float, width: float, is_call: bool) -> _Shape[float]:
    """One option; `_shape_of_chain` is the same, line by line, for arrays."""
    low, high = (strike, forward) if forward > strike else (forward, strike)
    log_distance = math.log1p((high - low) / low)
    if math.isinf(log_distance):
        log_distance = math.log(high) - math.log(low)
    width = min(max(width, _TINY), _WIDTH_MAX)
    half, sigmas = 0.5 * width, min(log_distance / width, _SIGMAS_MAX)
    near, far = half - sigmas, half + sigmas
    density_near, density_far = (INV_SQRT_2PI * math.exp(-0.5 * d * d) for d in (near, far))
    mills_near, mills_far = mills(abs(near)), mills(far)
    small = mills_near * density_near
    up, down = (small, 1.0 - small) if near < 0.0 else (1.0 - small, small)
    tail = mills_far * density_far
    if half < HALF_WIDTH_SERIES_MAX:
        share = density_near * mills_spread_narrow(sigmas, half, mills(sigmas))
    elif near < 0.0:
        share = density_near * (mills_near - mills_far)
    else:
        share = up - density_near * mills_far

    above = forward > strike
    in_the_money = is_call == above
    first, second = (down, 1.0 - tail) if in_the_money else (up, tail)
    sign = 1.0 if is_call else -1.0
    return _Shape(
        undiscounted=low * share + (high - low if in_the_money else 0.0),
        with_forward=sign * (second if above else first),
        with_strike=sign * (first if above else second),
        d1=far if above else near,
        d2=-near if above else -far,
        density=density_far if above else density_near,
        dollar_density=low * density_near,
        width=width,
    )


def _shape_of_chain(
    forward: FloatArray, strike: FloatArray, width: FloatArray, calls: NDArray[np.bool_]
) -> _Shape[FloatArray]:
    """A chain; `_shape` is the same, line by line, for one option."""
    low, high = np.minimum(forward, strike), np.maximum(forward, strike)
    log_distance = np.log1p((high - low) / low)
    if np.isinf(log_distance).any():
        log_distance = np.where(np.isinf(log_distance), np.log(high) - np.log(low), log_distance)
    width = np.minimum(np.maximum(width, _TINY), _WIDTH_MAX)
    half, sigmas = 0.5 * width, np.minimum(log_distance / width, _SIGMAS_MAX)
    near, far = half - sigmas, half + sigmas
    density_near, density_far = (INV_SQRT_2PI * np.exp(-0.5 * d * d) for d in (near, far))
    mills_near, mills_far = mills_array(np.abs(near)), mills_array(far)
    small = mills_near * density_near
    is_out = near < 0.0
    up, down = np.where(is_out, small, 1.0 - small), np.where(is_out, 1.0 - small, small)
    tail = mills_far * density_far
    share = np.where(is_out, density_near * (mills_near - mills_far), up - density_near * mills_far)
    is_narrow = half < HALF_WIDTH_SERIES_MAX
    if is_narrow.any():
        narrow = density_near * mills_spread_narrow(sigmas, half, mills_array(sigmas))
        share = np.where(is_narrow, narrow, share)

    above = forward > strike
    in_the_money = calls == above
    first, second = np.where(in_the_money, down, up), np.where(in_the_money, 1.0 - tail, tail)
    sign = np.where(calls, 1.0, -1.0)
    return _Shape(
        undiscounted=low * share + np.where(in_the_money, high - low, 0.0),
        with_forward=sign * np.where(above, second, first),
        with_strike=sign * np.where(above, first, second),
        d1=np.where(above, far, near),
        d2=-np.where(above, near, far),
        density=np.where(above, density_far, density_near),
        dollar_density=low * density_near,
        width=width,
    )


def _from_shape(
    forward: _Number,
    strike: _Number,
    tau_years: _Number,
    iv: _Number,
    shape: _Shape[_Number],
    *,
    discount: _Number,
    rate: _Number,
) -> Greeks[_Number]:
    """The formulas of theory 1.1 and 1.3, one text for floats and arrays; df held at a fixed rate."""
    root = tau_years**0.5
    value = discount * shape.undiscounted
    delta = discount * shape.with_forward
    pa_delta = discount * shape.with_strike * (strike / forward)
    density = discount * shape.density
    dollar_density = discount * shape.dollar_density
    gamma = density / forward / shape.width
    vega = dollar_density * root
    return Greeks(
        price=value,
        delta=delta,
        gamma=gamma,
        vega=vega,
        theta=rate * value - dollar_density * iv / (2.0 * root),
        vanna=-(density * shape.d2 / iv),
        volga=vega * (shape.d1 * shape.d2) / iv,
        charm=rate * delta + density * shape.d2 / (2.0 * tau_years),
        speed=-(gamma / forward * (1.0 + shape.d1 / shape.width)),
        coin_price=value / forward,
        pa_delta=pa_delta,
        coin_gamma=(gamma - 2.0 * pa_delta / forward) / forward,
    )


def _without_time_value(
    forward_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool, *, discount: float = 1.0
) -> Greeks[float]:
    """Expired or without volatility: intrinsic value and a step; NaN where the numbers mean nothing."""
    numbers = (forward_usd, strike_usd, tau_years, iv, discount)
    if not all(map(math.isfinite, numbers)) or min(forward_usd, strike_usd, discount) <= 0.0:
        return Greeks(*(math.nan,) * len(Greeks._fields))
    sign = discount if is_call else -discount
    distance = forward_usd - strike_usd if is_call else strike_usd - forward_usd
    moneyness = 0.5 if distance == 0.0 else float(distance > 0.0)
    pa_delta = sign * moneyness * (strike_usd / forward_usd)
    value = discount * max(distance, 0.0)
    nothing = dict.fromkeys(("gamma", "vega", "theta", "vanna", "volga", "charm", "speed"), 0.0)
    result = Greeks(
        price=value,
        delta=sign * moneyness,
        coin_price=value / forward_usd,
        pa_delta=pa_delta,
        coin_gamma=-2.0 * pa_delta / forward_usd / forward_usd,
        **nothing,
    )
    return Greeks(*map(_saturated, result))


def _saturated(number: float) -> float:
    """The nearest finite double; 0 for 0 times infinity, whose density or probability has vanished."""
    return 0.0 if math.isnan(number) else min(max(number, -_MAX), _MAX)
