"""The venue's own option arithmetic: Black-76 value, the greeks a ticker shows, volatility of a price.

Its own line of code on purpose: it must be able to disagree with the bot's. Knows no instrument and no clock.
"""

import math
from typing import Final

from bot.sim.facts import OptionGreeks

_SQRT_HALF: Final = math.sqrt(0.5)
_INV_SQRT_2PI: Final = 1.0 / math.sqrt(2.0 * math.pi)
_DAYS_PER_YEAR: Final = 365.0
_SD_MIN: Final = 1e-9
"""Below this total standard deviation an option is worth its intrinsic value."""
_IV_MAX: Final = 5.0
"""500 %, the venue's largest sensible quote volatility."""
_IV_SHOWN_MAX: Final = 4.99
_NEWTON_STEPS_MAX: Final = 40
_NEWTON_LAST_STEP: Final = 1e-3
"""Newton squares its error: after a step this small it is about 1e-6, and 1e-4 is shown."""
_VEGA_MIN_SHARE: Final = 1e-12


def normal_cdf(x: float) -> float:
    """Standard normal distribution function, accurate in both tails."""
    return 0.5 * math.erfc(-x * _SQRT_HALF)


def value_and_delta(
    forward_usd: float, strike_usd: float, iv: float, tau_years: float, *, is_call: bool
) -> tuple[float, float]:
    """Undiscounted Black-76: value in USD per coin of option, delta in coins per coin on the forward."""
    total_sd = iv * math.sqrt(tau_years)
    if total_sd < _SD_MIN:
        return _at_expiry(forward_usd, strike_usd, is_call=is_call)
    d1 = math.log(forward_usd / strike_usd) / total_sd + 0.5 * total_sd
    erfc = math.erfc
    if forward_usd >= strike_usd:
        # Price the out-of-the-money put and get the call by parity: no cancellation of large numbers.
        cdf_minus_d1 = 0.5 * erfc(d1 * _SQRT_HALF)
        put = strike_usd * 0.5 * erfc((d1 - total_sd) * _SQRT_HALF) - forward_usd * cdf_minus_d1
        put = max(put, 0.0)
        return (put + forward_usd - strike_usd, 1.0 - cdf_minus_d1) if is_call else (put, -cdf_minus_d1)
    cdf_d1 = 0.5 * erfc(-d1 * _SQRT_HALF)
    call = forward_usd * cdf_d1 - strike_usd * 0.5 * erfc((total_sd - d1) * _SQRT_HALF)
    call = max(call, 0.0)
    return (call, cdf_d1) if is_call else (call + strike_usd - forward_usd, cdf_d1 - 1.0)


def _at_expiry(forward_usd: float, strike_usd: float, *, is_call: bool) -> tuple[float, float]:
    if is_call:
        return max(forward_usd - strike_usd, 0.0), 1.0 if forward_usd > strike_usd else 0.0
    return max(strike_usd - forward_usd, 0.0), -1.0 if forward_usd < strike_usd else 0.0


def ticker_greeks(forward_usd: float, strike_usd: float, iv: float, tau_years: float, *, is_call: bool) -> OptionGreeks:
    """Greeks as the venue's ticker defines them (exchange facts 2.3): theta over min(1 day, life left)."""
    total_sd = iv * math.sqrt(tau_years)
    if total_sd < _SD_MIN:
        _, delta = _at_expiry(forward_usd, strike_usd, is_call=is_call)
        return OptionGreeks(delta=delta, gamma=0.0, vega=0.0, theta=0.0, rho=0.0)
    d1 = math.log(forward_usd / strike_usd) / total_sd + 0.5 * total_sd
    d2 = d1 - total_sd
    density = math.exp(-0.5 * d1 * d1) * _INV_SQRT_2PI
    root_tau = math.sqrt(tau_years)
    theta_per_day = -forward_usd * density * iv / (2.0 * root_tau) / _DAYS_PER_YEAR
    days_left = min(1.0, tau_years * _DAYS_PER_YEAR)
    if is_call:
        delta, rho = normal_cdf(d1), strike_usd * tau_years * normal_cdf(d2) / 100.0
    else:
        delta, rho = -normal_cdf(-d1), -strike_usd * tau_years * normal_cdf(-d2) / 100.0
    return OptionGreeks(
        delta=delta,
        gamma=density / (forward_usd * total_sd),
        vega=forward_usd * density * root_tau / 100.0,
        theta=theta_per_day * days_left,
        rho=rho,
    )


def iv_of_price(
    price_usd: float, forward_usd: float, strike_usd: float, tau_years: float, *, is_call: bool, iv_start: float
) -> float | None:
    """Volatility at which the option is worth `price_usd`; None at or below intrinsic value or off scale."""
    intrinsic, _ = _at_expiry(forward_usd, strike_usd, is_call=is_call)
    cap_usd = forward_usd if is_call else strike_usd
    if price_usd <= intrinsic or price_usd >= cap_usd or tau_years <= 0.0:
        return None
    # Work on the out-of-the-money side: by parity it has the same volatility, without the intrinsic value.
    wanted = price_usd - intrinsic
    root_tau = math.sqrt(tau_years)
    log_moneyness = math.log(forward_usd / strike_usd)
    sign = -1.0 if forward_usd >= strike_usd else 1.0
    low, high, iv = 0.0, _IV_MAX, min(max(iv_start, 0.01), _IV_MAX)
    for _ in range(_NEWTON_STEPS_MAX):
        total_sd = iv * root_tau
        d1 = log_moneyness / total_sd + 0.5 * total_sd
        d2 = d1 - total_sd
        value = 0.5 * sign * forward_usd * math.erfc(-sign * d1 * _SQRT_HALF)
        value -= 0.5 * sign * strike_usd * math.erfc(-sign * d2 * _SQRT_HALF)
        gap = value - wanted
        if gap > 0.0:
            high = iv
        else:
            low = iv
        vega = forward_usd * math.exp(-0.5 * d1 * d1) * _INV_SQRT_2PI * root_tau
        following = iv - gap / vega if vega > _VEGA_MIN_SHARE * forward_usd else -1.0
        if not low < following < high:
            following = 0.5 * (low + high)
        elif abs(following - iv) < _NEWTON_LAST_STEP:
            return following
        iv = following
    return iv if iv < _IV_SHOWN_MAX else None
