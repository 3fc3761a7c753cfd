"""Black-76 on the forward: price and greeks of one option (plain `math`) or of a chain (numpy, scipy.special).

Knows a forward, a strike, a year fraction, a volatility and the formula; must not know venues, instruments,
positions or which of its deltas is hedged.

Decisions use the scalar path (`delta_gamma`, `pa_delta_gamma`, `price`, `greeks_scalar`), chains and ladders the array
path (`greeks`); both give the same number to about 1e-12 and pass the same 50-digit table.

How the digits are kept (theory 1.1): |ln(F/K)| is log1p((B - A)/A) with A = min(F, K), B = max(F, K), exact near the
money and far from it; N(±d) is always formed on its own side by erfc, never as one minus the other; and where
v = σ√T is small, so that F N(d1) and K N(d2) are close, the out-of-the-money option is F n(d1) times a series for the
difference of two Mills ratios, and the other one that plus B - A.
"""

import math
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from bot.pricing import coin_settled
from bot.pricing.normal_tail import (
    HALF_WIDTH_NARROW,
    INV_SQRT_2,
    INV_SQRT_2PI,
    FloatArray,
    mills,
    mills_array,
    mills_spread_narrow,
)

DeltaGamma = Callable[[float, float, float, float, bool], tuple[float, float]]
"""(forward_usd, strike_usd, tau_years, iv, is_call) to (delta, gamma): `delta_gamma`, `pa_delta_gamma`."""

_Number = TypeVar("_Number", float, FloatArray)
_MAX: Final = float(np.finfo(np.float64).max)
_INF: Final = math.inf
_TINY: Final = float(np.finfo(np.float64).tiny)
_WIDTH_MAX: Final = 2000.0
_SIGMAS_MAX: Final = 1000.0
"""Beyond these v and |z| every density is 0 and every probability 0 or 1 in doubles (v |z| is never over 1,490), so
clipping there changes no output and keeps squares from overflowing."""
_ORDINARY_MIN: Final = 1e-60
_ORDINARY_MAX: Final = 1e60
"""Between these bounds no product of the formulas overflows (the largest, speed, stays below 1e304), so a chain
inside them needs no look at its outputs."""


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
    """Where the forward stands against the strike: what all twelve outputs are made of.

    `price`: undiscounted, USD. `with_forward`, `with_strike`: ±N(±d1), ±N(±d2), + for a call. `dollar_density`:
    F n(d1) = K n(d2), USD. `width`: σ√T.
    """

    price: _Number
    with_forward: _Number
    with_strike: _Number
    d1: _Number
    d2: _Number
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
    d1, width = _d1_and_width(forward_usd, strike_usd, tau_years, iv)
    gamma = math.exp(-0.5 * d1 * d1) * INV_SQRT_2PI / forward_usd / width
    if gamma > _MAX:  # noqa: PLR1730 - min() costs twice as much here
        gamma = _MAX
    if is_call:
        return 0.5 * math.erfc(-d1 * INV_SQRT_2), gamma
    return -0.5 * math.erfc(d1 * INV_SQRT_2), gamma


def pa_delta_gamma(
    forward_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool
) -> tuple[float, float]:
    """Premium-adjusted delta ±K/F N(±d2) (coins per coin of option) and plain gamma; otherwise as `delta_gamma`.

    The gamma is not premium-adjusted on purpose: F gamma is how fast a coin-hedged book drifts as well (theory 1.4).
    """
    if not (0.0 < forward_usd < _INF and 0.0 < strike_usd < _INF and 0.0 < tau_years < _INF and 0.0 < iv < _INF):
        step = _without_time_value(forward_usd, strike_usd, tau_years, iv, is_call)
        return step.pa_delta, step.gamma
    d1, width = _d1_and_width(forward_usd, strike_usd, tau_years, iv)
    gamma = min(math.exp(-0.5 * d1 * d1) * INV_SQRT_2PI / forward_usd / width, _MAX)
    sign = 1.0 if is_call else -1.0
    with_strike = sign * 0.5 * math.erfc(-sign * (d1 - width) * INV_SQRT_2)
    pa_delta = with_strike * (strike_usd / forward_usd)
    return (pa_delta if -_INF < pa_delta < _INF else _saturated(pa_delta)), gamma


def _d1_and_width(forward_usd: float, strike_usd: float, tau_years: float, iv: float) -> tuple[float, float]:
    """(d1, v = σ√T) of positive finite numbers."""
    if forward_usd >= strike_usd:
        log_moneyness = math.log1p((forward_usd - strike_usd) / strike_usd)
    else:
        log_moneyness = -math.log1p((strike_usd - forward_usd) / forward_usd)
    if not -_INF < log_moneyness < _INF:
        log_moneyness = math.log(forward_usd) - math.log(strike_usd)
    width = iv * math.sqrt(tau_years) or _TINY
    return log_moneyness / width + 0.5 * width, width


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
    result = _from_shape(forward_usd, strike_usd, tau_years, iv, shape)
    if discount != 1.0:
        result = _discounted(result, discount, -math.log(discount) / tau_years)
    return result if math.isfinite(sum(result)) else Greeks(*map(_saturated, result))


def greeks(
    forward: ArrayLike,
    strike: ArrayLike,
    tau_years: ArrayLike,
    iv: ArrayLike,
    is_call: ArrayLike,
    *,
    discount: FloatArray | float = 1.0,
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
    given = [forward, strike, tau_years, iv]
    if not (isinstance(discount, float) and discount == 1.0):
        given.append(discount)
    numbers = [np.asarray(item, dtype=np.float64) for item in given]
    calls = np.asarray(is_call, dtype=np.bool_)
    shape = np.broadcast(calls, *numbers).shape
    # One block: a single look at it tells whether every number is ordinary.
    block = np.empty((len(numbers), *(shape or (1,))))
    for row, number in zip(block, numbers, strict=True):
        row[...] = number
    full_calls = calls if calls.shape == block.shape[1:] else np.broadcast_to(calls, block.shape[1:])
    with np.errstate(all="ignore"):
        taken = _greeks_ordinary if _are_ordinary(block) else _greeks_careful
        result = taken(block, full_calls)
    return result if shape else Greeks(*(item.reshape(()) for item in result))


def _are_ordinary(block: FloatArray) -> bool:
    """Whether every number lies strictly inside the ordinary bounds; NaN does not, an empty chain does."""
    return block.size == 0 or bool(block.min() > _ORDINARY_MIN and block.max() < _ORDINARY_MAX)


def _greeks_ordinary(numbers: FloatArray, calls: NDArray[np.bool_]) -> Greeks[FloatArray]:
    """A chain of positive numbers: forward, strike, tau_years, iv and, if there is one, the discount factor."""
    forward, strike, tau_years, iv, *discounts = numbers
    shape = _shape_of_chain(forward, strike, iv * np.sqrt(tau_years), calls)
    result = _from_shape(forward, strike, tau_years, iv, shape)
    for discount in discounts:
        result = _discounted(result, discount, -np.log(discount) / tau_years)
    return result


def _greeks_careful(numbers: FloatArray, calls: NDArray[np.bool_]) -> Greeks[FloatArray]:
    """A chain with extreme or unusable elements: the first saturate, the second are answered one by one."""
    is_usable = ((numbers > 0.0) & (numbers < _INF)).all(axis=0)
    result = np.stack(_greeks_ordinary(np.where(is_usable, numbers, 1.0), calls))
    result = np.nan_to_num(result, nan=0.0, posinf=_MAX, neginf=-_MAX)
    for index in np.argwhere(~is_usable):
        at = tuple(index)
        forward, strike, tau_years, iv, *discounts = (float(number[at]) for number in numbers)
        step = _without_time_value(forward, strike, tau_years, iv, bool(calls[at]), discount=math.prod(discounts))
        result[(slice(None), *at)] = step
    return Greeks(*result)


def _shape(forward: float, strike: float, width: float, is_call: bool) -> _Shape[float]:
    """One option; `_shape_of_chain` is the same, line by line, for arrays."""
    low, high = (strike, forward) if forward > strike else (forward, strike)
    log_distance = math.log1p((high - low) / low)
    if math.isinf(log_distance):
        log_distance = math.log(high) - math.log(low)
    width = min(max(width, _TINY), _WIDTH_MAX)
    half, sigmas = 0.5 * width, min(log_distance / width, _SIGMAS_MAX)
    z = math.copysign(sigmas, forward - strike)
    d1, d2 = z + half, z - half
    # exp(-d^2/4) twice: the density alone would be subnormal, and short of digits, before its product with F is.
    root_density = math.exp(-0.25 * (half - sigmas) * (half - sigmas))
    dollar_density = INV_SQRT_2PI * low * root_density * root_density

    sign = 1.0 if is_call else -1.0
    with_forward = sign * 0.5 * math.erfc(-sign * d1 * INV_SQRT_2)
    with_strike = sign * 0.5 * math.erfc(-sign * d2 * INV_SQRT_2)
    intrinsic = max(sign * (forward - strike), 0.0)
    if half < HALF_WIDTH_NARROW:
        price_usd = intrinsic + dollar_density * mills_spread_narrow(sigmas, half, mills(sigmas))
    else:
        price_usd = max(forward * with_forward - strike * with_strike, intrinsic)
    return _Shape(price_usd, with_forward, with_strike, d1, d2, dollar_density, width)


def _shape_of_chain(
    forward: FloatArray, strike: FloatArray, width: FloatArray, calls: NDArray[np.bool_]
) -> _Shape[FloatArray]:
    """A chain; `_shape` is the same, line by line, for one option."""
    low, distance = np.minimum(forward, strike), forward - strike
    log_distance = np.log1p(np.abs(distance) / low)
    if log_distance.max(initial=0.0) == _INF:
        log_distance = np.where(log_distance == _INF, np.log(np.maximum(forward, strike)) - np.log(low), log_distance)
    width = np.minimum(np.maximum(width, _TINY), _WIDTH_MAX)
    half, sigmas = 0.5 * width, np.minimum(log_distance / width, _SIGMAS_MAX)
    z = np.copysign(sigmas, distance)
    d1, d2 = z + half, z - half
    root_density = np.exp(-0.25 * np.square(half - sigmas))
    dollar_density = INV_SQRT_2PI * low * root_density * root_density

    sign = calls * 2.0 - 1.0
    with_forward = sign * special.ndtr(sign * d1)
    with_strike = sign * special.ndtr(sign * d2)
    intrinsic = np.maximum(sign * distance, 0.0)
    price_usd = np.maximum(forward * with_forward - strike * with_strike, intrinsic)
    narrow = np.nonzero(half < HALF_WIDTH_NARROW)
    if narrow[0].size:
        at = sigmas[narrow]
        spread = mills_spread_narrow(at, half[narrow], mills_array(at))
        price_usd[narrow] = intrinsic[narrow] + dollar_density[narrow] * spread
    return _Shape(price_usd, with_forward, with_strike, d1, d2, dollar_density, width)


def _from_shape(
    forward: _Number, strike: _Number, tau_years: _Number, iv: _Number, shape: _Shape[_Number]
) -> Greeks[_Number]:
    """The undiscounted formulas of theory 1.1 and 1.3, one text for floats and arrays."""
    price_usd, delta, with_strike, d1, d2, dollar_density, width = shape
    density = dollar_density / forward
    gamma = density / forward / width
    vega = dollar_density * tau_years**0.5
    pa_delta = with_strike * (strike / forward)
    decay = 0.5 / tau_years
    bend = density * d2
    return Greeks(
        price=price_usd,
        delta=delta,
        gamma=gamma,
        vega=vega,
        theta=-(vega * iv * decay),
        vanna=-(bend / iv),
        volga=vega * (d1 * d2) / iv,
        charm=bend * decay,
        speed=-(gamma / forward * (1.0 + d1 / width)),
        coin_price=coin_settled.premium_coin(price_usd, forward),
        pa_delta=pa_delta,
        coin_gamma=coin_settled.coin_gamma(forward, gamma, pa_delta),
    )


def _discounted(undiscounted: Greeks[_Number], discount: _Number, rate: _Number) -> Greeks[_Number]:
    """The same option paid for today: everything times df = exp(-rT), and time also works through df."""
    result: Greeks[_Number] = Greeks(*(discount * item for item in undiscounted))
    return result._replace(theta=result.theta + rate * result.price, charm=result.charm + rate * result.delta)


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
        coin_price=coin_settled.premium_coin(value, forward_usd),
        pa_delta=pa_delta,
        coin_gamma=coin_settled.coin_gamma(forward_usd, 0.0, pa_delta),
        **nothing,
    )
    return Greeks(*map(_saturated, result))


def _saturated(number: float) -> float:
    """The nearest finite double; 0 for 0 times infinity, whose density or probability has vanished."""
    return 0.0 if math.isnan(number) else min(max(number, -_MAX), _MAX)
