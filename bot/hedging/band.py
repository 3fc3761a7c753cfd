"""What a band policy is given and gives, and how a trade is aimed. Policies import only this file.

Deltas in coins of the book's convention, signed; prices in USD per coin; costs as fractions.
"""

import enum
from collections.abc import Callable

from msgspec import Struct

from bot.domain.time import Ns


class TradeTo(enum.StrEnum):
    """Where a hedge aims once the band is left."""

    EDGE = "edge"
    TARGET = "target"


class BandInputs(Struct, frozen=True, kw_only=True):
    """All a policy may look at."""

    delta_coin_net: float
    gamma_coin_per_usd: float
    option_coin_gross: float
    """Coins of option, long or short: calls and puts summed apart, the larger sum (a straddle on one coin is 1)."""
    price_usd: float
    iv_mark: float | None
    """Gamma-weighted mark volatility of the book, fraction; None without options."""
    tau_years: float | None
    """Gamma-weighted time to expiry; None without options."""
    fee_rate_taker: float
    half_spread_usd: float
    funding_rate_8h: float
    since_hedge_ns: Ns | None
    """Time since the last hedge fill; None before the first."""
    price_at_hedge_usd: float | None
    """Hedge price at the last hedge fill; None before the first."""
    now_ns: Ns


class Band(Struct, frozen=True, kw_only=True):
    """The net deltas at which nothing is done, and the one aimed at within."""

    low_coin: float
    high_coin: float
    target_coin: float


BandPolicy = Callable[[BandInputs], Band]
"""Pure: the same inputs give the same band; low <= target <= high, all finite."""


def aim_coin(band: Band, delta_coin_net: float, trade_to: TradeTo) -> float:
    """Net delta a hedge from outside the band aims at: the edge it left by, or the target."""
    if trade_to is TradeTo.TARGET:
        return band.target_coin
    return band.high_coin if delta_coin_net > band.high_coin else band.low_coin


def within(band: Band, delta_coin_max: float) -> Band:
    """The band cut to the hard limit: however large the book, no policy may leave more delta than that alone."""
    if -delta_coin_max <= band.low_coin and band.high_coin <= delta_coin_max:
        return band
    low = min(max(band.low_coin, -delta_coin_max), delta_coin_max)
    high = max(min(band.high_coin, delta_coin_max), -delta_coin_max)
    return Band(low_coin=low, high_coin=high, target_coin=min(max(band.target_coin, low), high))
