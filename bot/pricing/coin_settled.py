"""Coin-settled (inverse) contracts: what Black-76 numbers mean when premium and profit are paid in coins.

Knows one contract at a time; must not know positions, accounts, equity or which of the deltas a book hedges.

Words. F: the contract's own forward or mark, USD per coin. V: price of an option in USD, c = V/F: the same in coins.
N: the signed USD amount of an inverse perpetual or future (+ long). An inverse option on one coin pays V/F coins, so
its value in coins falls as the coin's price rises by itself: the premium-adjusted delta is delta - c (theory 1.3).
All functions are exact closed forms, signed (+ long), and take any finite positive F. `black76` builds its coin outputs
from them; its `pa_delta` is ±K/F N(±d2) instead of delta - c, the same number without cancellation.
"""

from typing import TypeVar

from bot.pricing.normal_tail import FloatArray

_Number = TypeVar("_Number", float, FloatArray)


def premium_coin(price_usd: _Number, forward_usd: _Number) -> _Number:
    """Premium c = V/F, coins per coin of option: the unit in which inverse options are quoted (exchange facts 2.3)."""
    return price_usd / forward_usd


def net_transaction_delta_coin(delta_coin: float, premium_coin: float) -> float:
    """F dc/dF = delta - c, coins: the change of the coin value, Deribit's net transaction delta (theory 1.3).

    Never add it to a Black-76 delta of another leg: the two differ by the premium.
    """
    return delta_coin - premium_coin


def net_transaction_delta_slope_coin(forward_usd: float, gamma_coin_per_usd: float, pa_delta_coin: float) -> float:
    """d(delta - c)/d ln F = F gamma - (delta - c), coins: how fast the premium-adjusted delta drifts."""
    return forward_usd * gamma_coin_per_usd - pa_delta_coin


def coin_gamma(forward_usd: _Number, gamma_coin_per_usd: _Number, pa_delta_coin: _Number) -> _Number:
    """d2c/dF2 = gamma/F - 2 (delta - c)/F^2, coins per USD^2: curvature of the coin value."""
    return (gamma_coin_per_usd - 2.0 * pa_delta_coin / forward_usd) / forward_usd


def vega_coin_per_vol(vega_usd_per_vol: float, forward_usd: float) -> float:
    """dc/dσ = vega/F, coins per 1.00 of volatility."""
    return vega_usd_per_vol / forward_usd


def theta_coin_per_year(theta_usd_per_year: float, forward_usd: float) -> float:
    """dc/dt = theta/F at fixed F, coins per year of 365 days."""
    return theta_usd_per_year / forward_usd


def neutral_inverse_amount_usd(pa_delta_coin: float, price_usd: float) -> float:
    """N of inverse perpetual, USD, that brings a premium-adjusted delta to zero: -P (delta - c).

    For one long call that is -K N(d2), for one long put +K N(-d2): no rounding of the forward enters (theory 1.4).
    """
    return -pa_delta_coin * price_usd


def inverse_pnl_coin(amount_usd: float, entry_usd: float, price_usd: float) -> float:
    """N (1/P0 - 1/P), coins: profit of an inverse perpetual or future from P0 to P (exchange facts 2.4).

    Written N (P - P0) / (P0 P), which keeps its digits when the prices are close.
    """
    return amount_usd / entry_usd * ((price_usd - entry_usd) / price_usd)


def inverse_delta_coin(amount_usd: float, price_usd: float) -> float:
    """N/P, coins: P times the slope of the coin profit."""
    return amount_usd / price_usd


def inverse_coin_gamma(amount_usd: float, price_usd: float) -> float:
    """-2N/P^3, coins per USD^2: a long loses convexity in coins. The USD gamma of the same contract is exactly 0."""
    return -2.0 * amount_usd / price_usd / price_usd / price_usd
