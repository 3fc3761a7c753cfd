"""What a leg without usable greeks can still be: an interval of deltas, narrowed by what was last known of it.

Knows one option and how far market data can have moved; must not know instruments, positions or conventions.
"""

import math
from typing import Final, NamedTuple

from bot.pricing import black76

_IV_LOG: Final = 0.25
_IV_LOG_PER_ROOT_HOUR: Final = 0.25
_IV_LOG_PER_MOVE: Final = 5.0
_BASIS_SHARE: Final = 0.002
_BASIS_PER_MOVE: Final = 0.05
"""Widths that held every option on the recorded day of an inflation print (2023-04-12, BTC and ETH, deltas 0.03 to
0.97): largest change of ln iv 0.21 within 6 minutes, 0.41 within an hour, 0.49 within three; largest change of the
ratio of forward to index 0.2 %. Per move: a 5 % fall may add another quarter to ln iv and a quarter of a percent to the
ratio, for the days that were worse."""
_NS_PER_HOUR: Final = 3_600_000_000_000


class Known(NamedTuple):
    """The last good greeks of a leg, carried to now."""

    forward_usd: float
    """Last forward, moved with the index since."""
    iv: float
    move_share: float
    """|ln| of the index since then."""
    age_ns: int


def widest(*, is_call: bool, is_premium_adjusted: bool, strike_ratio: float) -> tuple[float, float]:
    """Lowest and highest delta of an option of which nothing else is known, coins per coin.

    `strike_ratio` is K/F: a premium-adjusted put is -K/F N(-d2), which is one plus its premium at most and K/F at most.
    """
    if is_call:
        return 0.0, 1.0
    return (-strike_ratio if is_premium_adjusted else -1.0), 0.0


def narrowed(
    known: Known, strike_usd: float, tau_years: float, *, is_call: bool, is_premium_adjusted: bool
) -> tuple[float, float]:
    """Lowest and highest delta over all forwards and volatilities that are possible since; coins per coin."""
    forward_log = _BASIS_SHARE + _BASIS_PER_MOVE * known.move_share
    root_hours = math.sqrt(max(known.age_ns, 0) / _NS_PER_HOUR)
    iv_log = _IV_LOG + _IV_LOG_PER_ROOT_HOUR * root_hours + _IV_LOG_PER_MOVE * known.move_share
    down, up = known.forward_usd * math.exp(-forward_log), known.forward_usd * math.exp(forward_log)
    iv_low, iv_high = known.iv * math.exp(-iv_log), known.iv * math.exp(iv_log)
    shift = 0.0 if is_call else -1.0  # a put's delta is the call's less one
    low = shift + min(
        black76.delta_gamma(down, strike_usd, tau_years, iv, True)[0]
        for iv in (iv_low, iv_high, _iv_of_lowest_delta(down, strike_usd, tau_years, iv_low, iv_high))
    )
    high = shift + max(black76.delta_gamma(up, strike_usd, tau_years, iv, True)[0] for iv in (iv_low, iv_high))
    if not is_premium_adjusted:
        return low, high
    # Premium in coins grows with volatility, falls with the forward for a put and grows with it for a call.
    cheap, dear = (down, up) if is_call else (up, down)
    least = black76.greeks_scalar(cheap, strike_usd, tau_years, iv_low, is_call).coin_price
    most = black76.greeks_scalar(dear, strike_usd, tau_years, iv_high, is_call).coin_price
    bottom, top = widest(is_call=is_call, is_premium_adjusted=True, strike_ratio=strike_usd / down)
    return max(low - most, bottom), min(high - least, top)


def _iv_of_lowest_delta(forward_usd: float, strike_usd: float, tau_years: float, low: float, high: float) -> float:
    """Where a call's delta turns: with x = ln(F/K) > 0 it falls in v = σ√T to v = √(2x) and grows from there."""
    moneyness = math.log(forward_usd / strike_usd)
    if moneyness <= 0.0 or tau_years <= 0.0:
        return low
    return min(max(math.sqrt(2.0 * moneyness / tau_years), low), high)
