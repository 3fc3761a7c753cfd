"""Which delta a book hedges: the same legs and the same account, weighed in four ways (theory 1.4, exchange facts 2.4).

Knows what one leg and the collateral count for under each convention; must not know markets, positions or trust.

W = S E + U: worth of the account in USD, with E the equity of the coin account (coins), U that of the dollar account
(USDC) and S the spot. Coin-settled legs and the premium in E cancel so that nothing is counted twice:

    usd            dW/dS          = E - O - treasury + sum q delta + sum N/P + sum of linear legs by the spot
    coin           S d(W/S)/dS    = sum q (delta - c) + sum N/P + sum of linear legs by the spot [- U/S]
    options_only   the options and futures alone: sum of deltas on each leg's own forward, no collateral
    linear_usd     as options_only, with linear legs by the spot: times forward over index

O is the value of the options inside E, c = O per option, N/P the coins of an inverse future at its price P. E and O are
of one account message; there E + (net transaction delta) is E - O + (plain delta), to the digit.
"""

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.pricing import black76
from bot.pricing.settlement_window import Worth


class Convention(enum.StrEnum):
    """The delta that is brought into the band; chosen per book, no default."""

    USD = "usd"
    """Flat in dollars: equity plus net transaction delta."""
    COIN = "coin"
    """Flat in coins: net transaction delta, the collateral is meant to be held."""
    OPTIONS_ONLY = "options_only"
    """Flat in the options against their hedge: Black-76 deltas plus futures."""
    LINEAR_USD = "linear_usd"
    """A dollar-settled book: as `options_only`, linear legs times forward over index."""


class Weighing(NamedTuple):
    """How the options of one settlement and expiry count."""

    is_premium_adjusted: bool
    """Delta less premium instead of delta."""
    delta_scale: float
    gamma_scale: float
    """From the leg's own forward to the spot."""


_PLAIN: Final = Weighing(is_premium_adjusted=False, delta_scale=1.0, gamma_scale=1.0)


def weighing(convention: Convention, *, is_inverse: bool, basis_ratio: float) -> Weighing:
    """For options whose forward is `basis_ratio` times the index.

    A linear option moves with its forward, basis_ratio dollars a dollar of spot; a coin-settled one is worth S V/F,
    in which the ratio cancels out of the delta and is left once in the gamma. Gamma is the dollar one in both monies:
    F gamma is how fast a coin-hedged book drifts as well (theory 1.4).
    """
    if convention is Convention.OPTIONS_ONLY:
        return _PLAIN
    if not is_inverse:
        return Weighing(False, basis_ratio, basis_ratio * basis_ratio)
    return Weighing(convention is Convention.COIN, 1.0, basis_ratio)


def formula(how: Weighing) -> black76.DeltaGamma:
    """The decision's scalar formula of such an option."""
    return black76.pa_delta_gamma if how.is_premium_adjusted else black76.delta_gamma


def delta_on_average(convention: Convention, worth: Worth, *, is_inverse: bool) -> float:
    """Delta of an option inside its settlement window.

    Flat in dollars it is the premium-adjusted delta plus the premium that was taken out of the equity: what is fixed of
    a coin-settled payoff is coins already, and moves with the spot like any collateral.
    """
    if is_inverse and convention is Convention.COIN:
        return worth.pa_delta
    if is_inverse and convention is Convention.USD:
        return worth.pa_delta + worth.coin_price
    return worth.delta


def future_scale(convention: Convention, *, basis_ratio: float) -> float:
    """What the coins of a linear future count for: by the spot, except where legs are taken as they are."""
    return 1.0 if convention is Convention.OPTIONS_ONLY else basis_ratio


class Collateral(Struct, frozen=True, kw_only=True):
    """What the account adds to the delta of the positions under a convention."""

    coin: float = 0.0
    """`usd`: equity without options and treasury. `coin`: less the coins the USDC equity stands for, if counted."""
    doubt_coin: float = 0.0
    """It can be that much less or more."""
    prices_usd: Mapping[InstrumentId, float] = {}
    """Prices at which inverse futures count, where the equity of the same moment is in `coin`: from there on a future
    gains in equity what it loses in N/P, so that N/P of that moment is what counts (exchange facts 2.4)."""
    is_stale: bool = False
    """The message is old: the equity may also stand as told, and futures then count at today's price."""
    because: str = ""
    """What makes it doubtful beside money under way, in words."""


NO_COLLATERAL: Final = Collateral()
"""Of the conventions that look at positions alone."""
