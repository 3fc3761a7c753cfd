"""Gap-risk ladder: what the book would be worth, need and weigh if spot and volatility jumped now.

Knows amounts, forwards, strikes and volatilities of what is held, as arrays; nothing of trust, orders or when a ladder
is wanted. Every forward and mark moves by the same share as spot, every volatility by the same amount; time stands
still, and so does the hedge: that is what a gap is. A few milliseconds: off the path of a tick.
"""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from bot.domain.ladder import RungSeen
from bot.domain.reasons import Rung
from bot.pricing import black76
from bot.pricing.normal_tail import FloatArray

SPOT_SHARES: Final = tuple(step / 100.0 for step in range(-20, 21))
IV_MOVES: Final = (-0.10, -0.05, 0.0, 0.05, 0.10)
_IV_MIN: Final = 0.01
"""No volatility falls below one point, however far the ladder lowers it."""


class MarginRates(Struct, frozen=True, kw_only=True):
    """Maintenance margin of Deribit's standard model (segregated), in plain figures; portfolio models ask for less."""

    option_share: float = 0.15
    """Of a coin per coin of short option, less the share it is out of the money, ..."""
    option_share_min: float = 0.10
    """... at least this; maintenance is `maintenance_ratio` of that share, plus the mark."""
    maintenance_ratio: float = 0.5
    future_share: float = 0.01
    """Of the notional of perpetuals and futures."""


class OptionRows(NamedTuple):
    """Held options, one row each. Quantities are signed coins; a coin-settled option pays coins, another one USD."""

    qty_coin: FloatArray
    forward_usd: FloatArray
    strike_usd: FloatArray
    tau_years: FloatArray
    iv: FloatArray
    is_call: NDArray[np.bool_]
    is_inverse: NDArray[np.bool_]


class FutureRows(NamedTuple):
    """Held perpetuals and futures, one row each. Amounts are signed: USD where coin-settled, coins otherwise."""

    amount_native: FloatArray
    price_usd: FloatArray
    is_inverse: NDArray[np.bool_]


NO_OPTIONS: Final = OptionRows(*(np.zeros(0),) * 5, *(np.zeros(0, dtype=np.bool_),) * 2)
NO_FUTURES: Final = FutureRows(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.bool_))


class Ladder(NamedTuple):
    """One row per move of spot, one column per move of volatility; profits against the unmoved market."""

    spot_share: FloatArray
    iv_move: FloatArray
    delta_coin_net: FloatArray
    """Black-76 deltas plus futures in coins (convention `options_only`)."""
    gamma_coin_per_usd: FloatArray
    pnl_coin: FloatArray
    """Of the positions; profit in USD counted in coins at the moved spot."""
    pnl_usd: FloatArray
    """The same at the moved spot. What coins lying in the account lose is not in it."""
    margin_coin: FloatArray
    """Maintenance margin, an estimate."""


class LadderLimits(Struct, frozen=True, kw_only=True):
    """How bad the worst rung may be; None: no limit."""

    loss_usd_max: float | None = None
    delta_coin_max: float | None = None
    margin_share_max: float | None = None
    """Maintenance margin over what the equity would be."""

    @property
    def any_set(self) -> bool:
        """Whether anything is limited."""
        return (self.loss_usd_max, self.delta_coin_max, self.margin_share_max) != (None, None, None)


class Breach(NamedTuple):
    """The worst rung of one kind that goes beyond its limit."""

    rung: Rung
    spot_share: float
    iv_move: float
    figure_native: float
    """In the unit of the limit."""
    limit_native: float


def ladder(
    options: OptionRows,
    futures: FutureRows,
    spot_usd: float,
    *,
    spot_shares: ArrayLike = SPOT_SHARES,
    iv_moves: ArrayLike = IV_MOVES,
    rates: MarginRates | None = None,
) -> Ladder:
    """Every figure at every pair of moves. A row that holds a number which is none makes the whole ladder NaN."""
    shares, moves = np.asarray(spot_shares, dtype=np.float64), np.asarray(iv_moves, dtype=np.float64)
    spot = spot_usd * (1.0 + shares[:, None, None])
    used = rates or MarginRates()
    parts = [
        _options(options, shares, moves, spot, used),
        _futures(futures, shares, spot, used),
    ]
    delta, gamma, pnl_coin, pnl_usd, margin = (
        sum(
            (np.broadcast_to(part[at], (shares.size, moves.size)) for part in parts),
            start=np.zeros((shares.size, moves.size)),
        )
        for at in range(5)
    )
    price = spot[:, :, 0]
    total_coin = pnl_coin + pnl_usd / price
    return Ladder(shares, moves, delta, gamma, total_coin, total_coin * price, margin)


_Part = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
"""(delta, gamma, profit paid in coins, profit paid in USD, margin in coins), summed over legs."""


def _options(rows: OptionRows, shares: FloatArray, moves: FloatArray, spot: FloatArray, rates: MarginRates) -> _Part:
    forward = rows.forward_usd * (1.0 + shares[:, None, None])
    # A volatility already below the floor is not raised by lowering it.
    iv = np.maximum(rows.iv + moves[None, :, None], np.minimum(rows.iv, _IV_MIN))
    moved = black76.greeks(forward, rows.strike_usd, rows.tau_years, iv, rows.is_call)
    now = black76.greeks(rows.forward_usd, rows.strike_usd, rows.tau_years, rows.iv, rows.is_call)
    in_coin, in_usd = np.where(rows.is_inverse, rows.qty_coin, 0.0), np.where(rows.is_inverse, 0.0, rows.qty_coin)
    out = np.where(rows.is_call, rows.strike_usd - spot, spot - rows.strike_usd) / spot
    share = np.maximum(rates.option_share - np.maximum(out, 0.0), rates.option_share_min) * rates.maintenance_ratio
    mark_coin = np.where(rows.is_inverse, moved.coin_price, moved.price / spot)
    return (
        moved.delta @ rows.qty_coin,
        moved.gamma @ rows.qty_coin,
        (moved.coin_price - now.coin_price) @ in_coin,
        (moved.price - now.price) @ in_usd,
        (share + mark_coin) @ np.maximum(-rows.qty_coin, 0.0),
    )


def _futures(rows: FutureRows, shares: FloatArray, spot: FloatArray, rates: MarginRates) -> _Part:
    factor = (1.0 + shares)[:, None]
    before = np.where(rows.is_inverse, rows.amount_native / rows.price_usd, rows.amount_native)
    coins = np.where(rows.is_inverse, before / factor, before)
    # N (1/P0 - 1/P) of an inverse contract, with P = P0 (1 + x), is N/P0 - N/P.
    in_coin = np.where(rows.is_inverse, before - coins, 0.0)
    in_usd = np.where(rows.is_inverse, 0.0, before * rows.price_usd * (factor - 1.0))
    notional_coin = np.where(rows.is_inverse, np.abs(coins), np.abs(coins) * rows.price_usd * factor / spot[:, :, 0])
    nothing = np.zeros((shares.size, 1))
    sums = [item.sum(axis=1, keepdims=True) for item in (coins, in_coin, in_usd, notional_coin)]
    return sums[0], nothing, sums[1], sums[2], sums[3] * rates.future_share


def worst(found: Ladder, equity_coin: float | None) -> tuple[RungSeen, ...]:
    """Each figure where it is worst; no equity left counts as margin without bound, an unknown one as no figure.

    A ladder that is no number is `unknown` and nothing else: what cannot be told is not within limits.
    """
    if not all(np.isfinite(item).all() for item in found) or not math.isfinite(equity_coin or 0.0):
        return (RungSeen(rung=Rung.UNKNOWN, spot_share=0.0, iv_move=0.0, figure_native=math.nan),)
    figures = [
        (Rung.LOSS, -found.pnl_usd, -found.pnl_usd),
        (Rung.DELTA, np.abs(found.delta_coin_net), found.delta_coin_net),
    ]
    if equity_coin is not None:
        left = equity_coin + found.pnl_coin
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(found.margin_coin > 0.0, np.where(left > 0.0, found.margin_coin / left, math.inf), 0.0)
        figures.append((Rung.MARGIN, share, share))
    seen = []
    for rung, badness, figure in figures:
        row, column = np.unravel_index(int(np.argmax(badness)), badness.shape)
        seen.append(
            RungSeen(
                rung=rung,
                spot_share=float(found.spot_share[row]),
                iv_move=float(found.iv_move[column]),
                figure_native=float(figure[row, column]),
            )
        )
    return tuple(seen)


def breaches(seen: Iterable[RungSeen], limits: LadderLimits) -> tuple[Breach, ...]:
    """What goes beyond its limit; what is not known does, where there is any."""
    allowed = {
        Rung.LOSS: limits.loss_usd_max,
        Rung.DELTA: limits.delta_coin_max,
        Rung.MARGIN: limits.margin_share_max,
        Rung.UNKNOWN: math.nan if limits.any_set else None,
    }
    found = []
    for item in seen:
        limit = allowed[item.rung]
        size = abs(item.figure_native) if item.rung is Rung.DELTA else item.figure_native
        if limit is not None and not size <= limit:
            found.append(Breach(item.rung, item.spot_share, item.iv_move, item.figure_native, limit))
    return tuple(found)
