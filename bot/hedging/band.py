"""What a band policy is given and gives, how a trade is aimed, and the formulas policies share.

Policies import only this file. Deltas in coins of the book's convention, signed, of the whole position; prices in USD
per coin; costs as fractions; risk aversion absolute, per USD, of the whole owner.
"""

import enum
import math
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from bot.domain.time import Ns

WIDEST_COIN: Final = 1e9
"""A half width that means "never": finite, and far beyond any hard limit, which cuts it."""
_BISECTIONS: Final = 200
_LEVELS_MAX: Final = 5.0
"""As if five levels; five times the spread make a Whalley-Wilmott band 1.7 times as wide at most."""
_BEYOND_SHARE_MAX: Final = 1e-3
"""Of the price: as far as an order goes beyond the touch by default (`slippage_bps_max`)."""
_LOGIT_MAX: Final = 700.0
"""exp of this is still a float; a ratio of bands beyond it is zero or one."""


class TradeTo(enum.StrEnum):
    """Where a hedge aims once the band is left."""

    EDGE = "edge"
    INNER = "inner"
    """Between edge and target: where the policy says, else half way."""
    TARGET = "target"


class Law(enum.StrEnum):
    """What a policy declares about its width; tests/unit/hedging/test_policies.py holds each declared law."""

    VANISHES_WITH_COST = "vanishes_with_cost"
    """No cost: no width."""
    GROWS_WITH_COST = "grows_with_cost"
    IGNORES_COST = "ignores_cost"
    TWO_THIRDS_POWER_OF_SIZE = "two_thirds_power_of_size"
    """n times the book: n^(2/3) times the width."""
    PROPORTIONAL_TO_SIZE = "proportional_to_size"
    """Size: gamma, option delta and coins of option together."""
    IGNORES_SIZE = "ignores_size"
    IGNORES_GAMMA_SIGN = "ignores_gamma_sign"
    SHRINKS_WITH_RISK_AVERSION = "shrinks_with_risk_aversion"
    ALL_OR_NOTHING = "all_or_nothing"
    """Either no width (a hedge is due) or the widest."""
    BEST_TRADED_TO_EDGE = "best_traded_to_edge"
    """Its width is the best one for trading to the edge: aimed further in, it has to be wider."""


class BandInputs(Struct, frozen=True, kw_only=True):
    """All a policy may look at."""

    delta_coin_net: float
    delta_coin_options: float
    gamma_coin_per_usd: float
    vanna_coin_per_vol: float
    """What the book's option delta changes by per 1.00 of volatility; 0.0 where no policy asks for it."""
    option_coin_gross: float
    """Coins of option, long or short: calls and puts summed apart, the larger sum (a straddle on one coin is 1)."""
    price_usd: float
    iv_mark: float | None
    """Gamma-weighted mark volatility of the book, fraction; None without options."""
    tau_years: float | None
    """Gamma-weighted time to expiry; None without options."""
    fee_rate_taker: float
    half_spread_usd: float
    beyond_touch_usd: float = 0.0
    """What the hedge that is due would pay per coin on top of half the spread, because it is larger than the touch."""
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
    inner_low_coin: float | None = None
    """Where a trade from below lands under `inner`; None: half way between edge and target."""
    inner_high_coin: float | None = None


BandPolicy = Callable[[BandInputs], Band]
"""Pure: the same inputs give the same band; low <= inner low <= target <= inner high <= high, all finite."""


def around(target_coin: float, half_coin: float) -> Band:
    """The band of one half width around a target, at most the widest."""
    half = min(half_coin, WIDEST_COIN)
    return Band(low_coin=target_coin - half, high_coin=target_coin + half, target_coin=target_coin)


def aim_coin(band: Band, delta_coin_net: float, trade_to: TradeTo) -> float:
    """Net delta a hedge from outside the band aims at."""
    is_above = delta_coin_net > band.high_coin
    if trade_to is TradeTo.TARGET:
        return band.target_coin
    edge = band.high_coin if is_above else band.low_coin
    if trade_to is TradeTo.EDGE:
        return edge
    inner = band.inner_high_coin if is_above else band.inner_low_coin
    return 0.5 * (edge + band.target_coin) if inner is None else inner


def within(band: Band, delta_coin_max: float) -> Band:
    """The band cut to the hard limit: however large the book, no policy may leave more delta than that alone.

    One whose target lies at or beyond it is moved inside with its width, as far as there is room: cut to nothing at the
    limit, every move of the price would be a trade.
    """
    if -delta_coin_max <= band.low_coin and band.high_coin <= delta_coin_max:
        return band
    if band.target_coin >= delta_coin_max:
        band = _moved_to(band, delta_coin_max - min(band.high_coin - band.target_coin, delta_coin_max))
    elif band.target_coin <= -delta_coin_max:
        band = _moved_to(band, min(band.target_coin - band.low_coin, delta_coin_max) - delta_coin_max)

    def cut(coin: float | None) -> float | None:
        return None if coin is None else min(max(coin, low), high)

    low = min(max(band.low_coin, -delta_coin_max), delta_coin_max)
    high = max(min(band.high_coin, delta_coin_max), -delta_coin_max)
    return Band(
        low_coin=low,
        high_coin=high,
        target_coin=min(max(band.target_coin, low), high),
        inner_low_coin=cut(band.inner_low_coin),
        inner_high_coin=cut(band.inner_high_coin),
    )


def _moved_to(band: Band, target_coin: float) -> Band:
    """The band around another target."""
    shift = target_coin - band.target_coin

    def placed(coin: float | None) -> float | None:
        return None if coin is None else coin + shift

    return Band(
        low_coin=band.low_coin + shift,
        high_coin=band.high_coin + shift,
        target_coin=target_coin,
        inner_low_coin=placed(band.inner_low_coin),
        inner_high_coin=placed(band.inner_high_coin),
    )


def inside(band: Band, outer: Band) -> Band:
    """`band` where it lies within `outer`; what sticks out is cut off. Both hold one target."""

    def cut(coin: float | None) -> float | None:
        return None if coin is None else min(max(coin, outer.low_coin), outer.high_coin)

    return Band(
        low_coin=max(band.low_coin, outer.low_coin),
        high_coin=min(band.high_coin, outer.high_coin),
        target_coin=min(max(band.target_coin, outer.low_coin), outer.high_coin),
        inner_low_coin=cut(band.inner_low_coin),
        inner_high_coin=cut(band.inner_high_coin),
    )


def stretched(band: Band, ratio: float) -> Band:
    """Each distance from the target times `ratio`."""
    if ratio == 1.0:
        return band
    target = band.target_coin

    def placed(coin: float | None) -> float | None:
        return None if coin is None else target + ratio * (coin - target)

    return Band(
        low_coin=target + ratio * (band.low_coin - target),
        high_coin=target + ratio * (band.high_coin - target),
        target_coin=target,
        inner_low_coin=placed(band.inner_low_coin),
        inner_high_coin=placed(band.inner_high_coin),
    )


def is_beyond(band: Band, delta_coin: float, width_multiple: float) -> bool:
    """Whether a delta is further from the target than so many half widths of its side."""
    target = band.target_coin
    return delta_coin > target + width_multiple * (band.high_coin - target) or delta_coin < target - width_multiple * (
        target - band.low_coin
    )


# --- costs ---------------------------------------------------------------------------------------------


def taker_cost_fraction(inputs: BandInputs) -> float:
    """Cost of trading one coin now, one way, as a fraction of its price: taker fee, half the spread, depth. Never < 0.

    A maker rebate cannot make trading free of risk: the policies are fed the cost of crossing.
    """
    return max(inputs.fee_rate_taker + (inputs.half_spread_usd + inputs.beyond_touch_usd) / inputs.price_usd, 0.0)


def beyond_touch_usd(*, half_spread_usd: float, trade_coin: float, levels: Sequence[tuple[float, float]]) -> float:
    """Cost per coin that a trade larger than the touch adds to half the spread, USD >= 0.

    `levels` are what it finds, best first: price in USD, coins. With more than the touch, the mean way from it; where
    they end, the book goes on as it was: so much further for so many coins. With the touch alone, as if it went on in
    levels of its size, one spread apart: n levels cost n half spreads on average. With none, nothing. Bounded: neither
    a hole behind the touch nor one small order at it may widen a band without end.
    """
    if not levels:
        return 0.0
    size, touch_usd = abs(trade_coin), levels[0][0]
    most_usd = max(_BEYOND_SHARE_MAX * touch_usd, (_LEVELS_MAX - 1.0) * half_spread_usd)
    if size <= levels[0][1]:
        return 0.0
    if len(levels) == 1:
        return half_spread_usd * (min(size / levels[0][1], _LEVELS_MAX) - 1.0)
    left, paid_usd = size, 0.0
    for price_usd, coins in levels:
        paid_usd += min(coins, left) * abs(price_usd - touch_usd)
        left -= coins
        if left <= 0.0:
            break
    else:
        way_usd = abs(levels[-1][0] - touch_usd)
        paid_usd += left * way_usd * (1.0 + 0.5 * left / (size - left))
    return min(paid_usd / size, most_usd)


# --- formulas ------------------------------------------------------------------------------------------


def gamma_half_coin(
    gamma_coin_per_usd: float,
    *,
    price_usd: float,
    cost_fraction: float,
    risk_aversion_per_usd: float,
    discount: float = 1.0,
) -> float:
    """Whalley-Wilmott half width, coins: (3/2 e^{-rT} cost S Γ^2 / ra)^(1/3) (1997; theory 4.1).

    `cost_fraction` of notional, one way. Optimal for edge trades while gamma lasts; collapses where gamma vanishes.
    """
    return math.cbrt(1.5 * discount * cost_fraction * price_usd * gamma_coin_per_usd**2 / risk_aversion_per_usd)


def risk_aversion_of(inputs: BandInputs, per_usd: float | None, relative: float) -> float | None:
    """Absolute risk aversion, per USD: as given, else `relative` over the USD value of the coins of option held.

    The dimensionless g = ra n S; 3 to 30 is where desks start (theory 4.4). None for a book without options.
    """
    if per_usd is not None:
        return per_usd
    worth_usd = inputs.option_coin_gross * inputs.price_usd
    return relative / worth_usd if worth_usd > 0.0 else None


def risk_aversion_of_budget(budget_usd_per_day: float) -> float:
    """2 / B per USD: a day whose standard deviation is the whole budget counts as a loss of it (theory 4.4)."""
    return 2.0 / budget_usd_per_day


def dead_half_coin(
    *, price_usd: float, iv: float, tau_years: float, cost_fraction: float, risk_aversion_per_usd: float
) -> float:
    """H0, the exact half width where gamma is nil, coins: cost / (ra S σ^2 τ) (Zakamouline 2006; theory 4.3).

    A wrong delta without gamma is worth closing only if it costs less than holding it to expiry.
    """
    risk = risk_aversion_per_usd * price_usd * iv * iv * tau_years
    return cost_fraction / risk if risk > 0.0 else (0.0 if cost_fraction == 0.0 else WIDEST_COIN)


def two_bands_coin(
    gamma_coin_per_usd: float,
    *,
    price_usd: float,
    cost_fraction: float,
    fixed_cost_usd: float,
    risk_aversion_per_usd: float,
    discount: float = 1.0,
) -> tuple[float, float]:
    """(outer A, inner B), coins: with a fixed cost per trade, wait until A and trade back to B (theory 4.1).

    A B (A + B) = 3 e^{-rT} cost S Γ^2 / ra and (A + B)(A - B)^3 = 12 e^{-rT} k1 Γ^2 / ra. Without a fixed cost A = B,
    the Whalley-Wilmott width; without a proportional one B = 0.
    """
    scale = discount * gamma_coin_per_usd**2 / risk_aversion_per_usd
    both, gap = 3.0 * cost_fraction * price_usd * scale, 12.0 * fixed_cost_usd * scale
    if gap <= 0.0:
        half = math.cbrt(0.5 * both)
        return half, half
    if both <= 0.0:
        return gap**0.25, 0.0
    # B = θA: θ(1+θ)A^3 = both and (1+θ)(1-θ)^3 A^4 = gap. Solved for the logit of θ: both ends keep their digits.
    low, high = -_LOGIT_MAX, _LOGIT_MAX
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        share, rest = _logistic(middle), _logistic(-middle)
        outer = math.cbrt(both / (share * (1.0 + share)))
        # The gap falls as B nears A.
        if (1.0 + share) * rest**3 * outer**4 > gap:
            low = middle
        else:
            high = middle
    share = _logistic(0.5 * (low + high))
    outer = math.cbrt(both / (share * (1.0 + share)))
    return outer, share * outer


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit)) if logit > -_LOGIT_MAX else math.exp(logit)
