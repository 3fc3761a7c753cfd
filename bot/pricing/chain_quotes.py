"""What the quotes of one expiry say about volatility: which of them to believe, and how much.

Knows strikes, prices of calls and puts and their implied volatilities; must not know venues, instruments or the
curve that is drawn through the points. Rules from theory 3.1, recipe 1 and 2.
"""

import enum
import math
from collections import Counter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bot.pricing import implied_vol
from bot.pricing.normal_tail import FloatArray

_SPREAD_IV_MAX: Final = 0.30
"""A quote wider than 30 points of volatility says nothing; parked orders are wider still."""
_SPREAD_IV_MIN: Final = 0.005
"""Caps the weight of one quote: a spread of half a point is as good as a tighter one."""
_PARITY_STRIKES_MAX: Final = 3


class Drop(enum.StrEnum):
    """Why a quote is not used."""

    ONE_SIDED = "one_sided"
    CROSSED = "crossed"
    """Bid at or above ask: one of the two is a relic."""
    NO_VOLATILITY = "no_volatility"
    """A bid without time value, or a price beyond what any volatility gives."""
    TOO_WIDE = "too_wide"
    IN_THE_MONEY = "in_the_money"
    """The other option of the strike is out of the money and quoted: its digits are better."""
    INVALID = "invalid"
    """A price, strike or forward that is no positive finite number."""


class Chain(NamedTuple):
    """Quotes of one expiry: one row per option, prices in USD per coin of option, NaN or 0 for an empty side.

    A row may carry the forward of its own moment: quotes of one chain are minutes apart in some recordings.
    """

    expiry: str
    """Names the expiry from one fit to the next."""
    tau_years: float
    forward: FloatArray
    strike: FloatArray
    is_call: NDArray[np.bool_]
    bid: FloatArray
    ask: FloatArray


class Points(NamedTuple):
    """Believed quotes: k = ln(K/F), volatilities per sqrt(year), and the spread that weighs them."""

    k: FloatArray
    iv_bid: FloatArray
    iv_ask: FloatArray
    spread: FloatArray
    dropped: dict[str, int]

    @property
    def iv_mid(self) -> FloatArray:
        """Middle of bid and ask volatility."""
        return 0.5 * (self.iv_bid + self.iv_ask)


def points(chain: Chain) -> Points:
    """One point per strike at most: the option out of the money, or the other one where that is not quoted.

    Ordered by k. What is left out is counted by reason; a chain without a usable quote gives no points.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        reasons = _objections(chain)
        iv_bid, iv_ask, solved = _volatilities(chain)
        spread = iv_ask - iv_bid
        unsolved = (reasons == "") & ~solved
        reasons[unsolved] = Drop.NO_VOLATILITY
        reasons[(reasons == "") & ~(spread <= _SPREAD_IV_MAX)] = Drop.TOO_WIDE
        k = np.log(chain.strike / chain.forward)
    is_outside = np.where(chain.is_call, k >= 0.0, k < 0.0)
    held = {float(chain.strike[at]) for at in np.nonzero((reasons == "") & is_outside)[0]}
    for at in np.nonzero((reasons == "") & ~is_outside)[0]:
        if float(chain.strike[at]) in held:
            reasons[at] = Drop.IN_THE_MONEY
    keep = np.nonzero(reasons == "")[0]
    keep = keep[np.argsort(k[keep], kind="stable")]
    return Points(
        k=k[keep],
        iv_bid=iv_bid[keep],
        iv_ask=iv_ask[keep],
        spread=np.maximum(spread[keep], _SPREAD_IV_MIN),
        dropped=dict(sorted(Counter(str(reason) for reason in reasons if reason).items())),
    )


def _objections(chain: Chain) -> NDArray[np.object_]:
    """Per row a reason visible in the prices alone, or nothing."""
    reasons = np.full(chain.strike.shape, "", dtype=object)
    reasons[chain.bid >= chain.ask] = Drop.CROSSED
    reasons[~(chain.bid > 0.0) | ~(chain.ask > 0.0)] = Drop.ONE_SIDED
    is_number = np.logical_and.reduce(
        [(item > 0.0) & np.isfinite(item) for item in (chain.forward, chain.strike)]
        + [~np.isinf(item) & ~(item < 0.0) for item in (chain.bid, chain.ask)]
    )
    reasons[~is_number] = Drop.INVALID
    return reasons


def _volatilities(chain: Chain) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    sides = np.stack([chain.bid, chain.ask])
    iv, status = implied_vol.solve(sides, chain.forward, chain.strike, chain.tau_years, chain.is_call)
    return iv[0], iv[1], (status == implied_vol.IvStatus.OK).all(axis=0)


def parity_forward(
    strike: ArrayLike, call_bid: ArrayLike, call_ask: ArrayLike, put_bid: ArrayLike, put_ask: ArrayLike
) -> float | None:
    """Forward in USD from coin prices of calls and puts: F = K / (1 - (c - p)) by parity in coins (theory 1.3).

    One row per strike in USD, prices in coins, NaN or 0 for an empty side. The median over the three strikes where
    both options are quoted tightest; None where no strike has four prices.
    """
    strikes, *sides = (np.asarray(item, dtype=np.float64) for item in (strike, call_bid, call_ask, put_bid, put_ask))
    is_quoted = np.logical_and.reduce([(item > 0.0) & np.isfinite(item) for item in (strikes, *sides)])
    is_quoted &= (sides[1] >= sides[0]) & (sides[3] >= sides[2])
    width = np.where(is_quoted, (sides[1] - sides[0]) + (sides[3] - sides[2]), math.inf)
    tightest = np.argsort(width, kind="stable")[:_PARITY_STRIKES_MAX]
    tightest = tightest[is_quoted[tightest]]
    difference = 0.5 * (sides[0] + sides[1] - sides[2] - sides[3])[tightest]
    forwards = strikes[tightest][difference < 1.0] / (1.0 - difference[difference < 1.0])
    return float(np.median(forwards)) if forwards.size else None
