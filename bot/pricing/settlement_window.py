"""Options that settle on an average of the index: what is left of one inside its settlement window.

Knows a window (length, spacing of its fixings), an index, a strike, a volatility and the formula of theory 1.5; must
not know venues, instruments or positions.

Delivery = mean of M index fixings, the last at expiry. With n of them still to come at t_1 < ... < t_n, the fixed ones
are money already: they enter as `known` = (sum of the fixed) / M, and

    payoff = (w Ā - K*)+    w = n/M    Ā = mean of the fixings to come    K* = K - known

Ā is taken as lognormal with its exact variance v² = ln(1/n² Σij exp(σ² min(ti, tj))), so value, delta and gamma are
Black-76's on w·I, K*, v. Delta never exceeds w: a hedge shrinks with the window by itself, and gamma falls to expiry.
"""

import itertools
import math
from typing import Final, NamedTuple

from bot.domain.time import NS_PER_YEAR, Ns
from bot.pricing import black76


class Window(NamedTuple):
    """How a venue averages its index before delivery (exchange facts 2.5, 5.1, 5.2)."""

    length_ns: Ns
    fixing_ns: Ns
    """Between two fixings; `length_ns` is a multiple of it."""


class Left(NamedTuple):
    """What of the average is still open at one moment."""

    share: float
    """w: part of the fixings still to come, in [0, 1]."""
    first_years: float
    """To the next fixing."""
    moments: tuple[float, ...]
    """mean over i, j of (min(ti, tj) - t1)^k / k!, k = 1 .. 5, in years^k."""


class Average(NamedTuple):
    """Where an average stands."""

    left: Left
    index_usd: float
    known_usd: float
    """What the fixings made so far add to the delivery price: their sum over M."""


class Worth(NamedTuple):
    """One option on one coin.

    `price`: USD. `delta`: its slope by the index, coins. `gamma`: the slope's, coins per USD. With A = known + w I, the
    delivery price expected now: `coin_price` = price / A, coins, and `pa_delta` = I d(coin_price)/dI, coins. The
    premium a coin-settled option takes off its delta shrinks with the window too, because A moves with w I only.
    """

    price: float
    delta: float
    gamma: float
    coin_price: float
    pa_delta: float


def share_of(window: Window, left_ns: int) -> float:
    """w: part of the fixings still to come `left_ns` before expiry; 1 before the window, 0 at and after expiry.

    A future expiring then moves with w coins of the index per coin.
    """
    return max(0, _open_count(window, left_ns)) / (window.length_ns // window.fixing_ns)


def _open_count(window: Window, left_ns: int) -> int:
    """Fixings still to come; one at this very moment has been made."""
    return min(window.length_ns // window.fixing_ns, -(-left_ns // window.fixing_ns))


_NOTHING: Final = Left(0.0, 0.0, (0.0,) * 5)


def left_of(window: Window, left_ns: int) -> Left:
    """What is open `left_ns` before expiry, to the nanosecond.

    Before the window everything is. At and after expiry nothing is.
    """
    open_count = _open_count(window, left_ns)
    if open_count <= 0:
        return _NOTHING
    first_ns = left_ns - (open_count - 1) * window.fixing_ns
    step_years = window.fixing_ns / NS_PER_YEAR
    moments: list[float] = []
    scale = 1.0 / (open_count * open_count)
    for power, mean in enumerate(_powers_of_minimum(open_count), start=1):
        scale *= step_years / power
        moments.append(mean * scale)
    return Left(share_of(window, left_ns), first_ns / NS_PER_YEAR, tuple(moments))


def _powers_of_minimum(n: int) -> tuple[int, int, int, int, int]:
    """Sum over i, j in 0 .. n-1 of min(i, j)^k, k = 1 .. 5, exact: min = j for 2(n - j) - 1 of the n² pairs."""
    m = n - 1
    first = m * n // 2
    second = m * n * (2 * n - 1) // 6
    third = first * first
    fourth = second * (3 * n * n - 3 * n - 1) // 5
    fifth = third * (2 * n * n - 2 * n - 1) // 3
    sixth = m * n * (2 * n - 1) * (3 * n**4 - 6 * n**3 + 3 * n + 1) // 42
    sums = (first, second, third, fourth, fifth, sixth)
    one, two, three, four, five = ((2 * n - 1) * low - 2 * high for low, high in itertools.pairwise(sums))
    return one, two, three, four, five


def variance(left: Left, iv: float) -> float:
    """v²: variance of the logarithm of the mean of the fixings to come.

    exp(σ² (min - t1)) is summed as a series of five terms: inside a window its argument is below 0.003 at 500 %
    volatility, so the first term left out is below 1e-18 of the sum.
    """
    rate = iv * iv
    one, two, three, four, five = left.moments
    series = rate * (one + rate * (two + rate * (three + rate * (four + rate * five))))
    return rate * left.first_years + math.log1p(series)


def average_of(left: Left, index_usd: float, delivery_usd: float) -> Average:
    """From the venue's estimate of the delivery price: the mean, had the index stayed where it is.

    So what is known is that estimate less w I. A message a moment old serves: fixings made since are then at its index.
    """
    return Average(left, index_usd, max(delivery_usd - left.share * index_usd, 0.0))


def worth(average: Average, strike_usd: float, iv: float, is_call: bool) -> Worth:
    """Value, delta and gamma on the index, zero rate; deltas are signed by the right, + for a call.

    Once the known part exceeds the strike a call is certain and a put worthless. Anything that is no number, and an
    index that is not positive, give NaN: doubt stays visible. Never raises.
    """
    left, index_usd, known_usd = average
    rest_usd, strike_left_usd = left.share * index_usd, strike_usd - known_usd
    delivery_usd = known_usd + rest_usd
    if rest_usd == 0.0:  # all fixed: what it pays is money
        over_usd = known_usd - strike_usd
        price, delta, gamma = max(over_usd if is_call else -over_usd, 0.0), 0.0, 0.0
    elif strike_left_usd <= 0.0 < rest_usd < math.inf:
        price, delta, gamma = (rest_usd - strike_left_usd, left.share, 0.0) if is_call else (0.0, 0.0, 0.0)
    else:
        tau_years = variance(left, iv) / (iv * iv) if 0.0 < iv < math.inf else left.first_years
        seen = black76.greeks_scalar(rest_usd, strike_left_usd, tau_years, iv, is_call)
        price, delta, gamma = seen.price, left.share * seen.delta, left.share * left.share * seen.gamma
    coin_price = price / delivery_usd if delivery_usd else math.nan
    return Worth(price, delta, gamma, coin_price, (delta - left.share * coin_price) * (index_usd / delivery_usd))
