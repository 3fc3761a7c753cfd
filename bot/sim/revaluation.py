"""Greeks as a clearing house finds them: value the positions again in a world moved a little, and take the slope.

No closed formula of a greek here, so that what clients are told can disagree with anybody's formulas. The
moved worlds (exchange facts 2.3, 2.5; theory 1.3, 1.4): index and forwards move in proportion, volatilities
stay by strike; in its settlement window only the share of a contract's price that is not averaged yet moves,
which is the venue's linear decay. Accuracy: about 1e-8 of a coin until a second before expiry.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from bot.domain.instruments import Instrument
from bot.sim.pit import Mark
from bot.sim.valuation import value_and_delta

_MOVE_DELTA: Final = 1e-5
_MOVE_GAMMA: Final = 1e-4
"""Relative moves of the forward: the five-point rules err by the fourth power of move / (iv √τ)."""
_IV_MOVE: Final = 1e-4
_LIFE_MOVE: Final = 1e-3
"""Share of the life left that theta looks forward and back."""
_POINTS_PER_UNIT: Final = 100.0
_DAYS_PER_YEAR: Final = 365.0


@dataclass(slots=True)
class Line:
    """A position and the mark it is valued at, to be used at that moment; amount signed, native."""

    item: Instrument
    amount_native: float
    average_native: float
    mark: Mark
    price_usd: float = field(init=False)
    """What moves: the forward of an option, the mark of a future. Zero where nothing was ever seen."""
    marked_usd: float = field(init=False)
    """Of one coin of option, by the mark as told."""
    formula_usd: float | None = field(default=None, init=False)
    """The same by the venue's formula alone; None: not asked for yet."""
    known_usd: dict[float, float] = field(default_factory=dict, init=False)
    """Values of an option found so far, by the move of its forward: every slope begins with the same ones."""

    def __post_init__(self) -> None:
        """Prices of that moment."""
        mark = self.mark
        self.price_usd = mark.forward_usd if self.item.is_option else mark.mark_native
        self.marked_usd = mark.mark_native * (mark.forward_usd if self.item.is_inverse else 1.0)


@dataclass(frozen=True, slots=True)
class LineGreeks:
    """Of a whole position, signed, in the units a ticker uses; delta decayed in the settlement window."""

    delta_coin: float
    gamma_coin_per_usd: float = 0.0
    vega_usd_per_point: float = 0.0
    theta_usd_per_day: float = 0.0


def greeks_of(line: Line) -> LineGreeks:
    """What the venue shows beside a position: Black-76 delta for options, coins for futures (facts 2.2, 2.3)."""
    price_usd = line.price_usd
    if not line.amount_native or not price_usd:
        return LineGreeks(delta_coin=0.0)
    if not line.item.is_option:
        return LineGreeks(delta_coin=delta_total_coin([line]))
    delta = _slope(lambda move: _moved_usd(line, move)) / price_usd * line.amount_native
    if line.mark.iv is None or line.mark.tau_years <= 0.0:
        return LineGreeks(delta_coin=delta)
    return LineGreeks(
        delta_coin=delta,
        gamma_coin_per_usd=_gamma(line) * line.amount_native,
        vega_usd_per_point=_vega(line) * line.amount_native,
        theta_usd_per_day=_theta(line) * line.amount_native,
    )


def delta_total_coin(lines: Iterable[Line]) -> float:
    """Coins the equity gains per relative move of the world: S dE/dS (net transaction delta; facts 2.3).

    Equity in the settlement currency, so that a coin-settled option enters with its delta less its premium;
    what is settled in dollars counts in coins at today's price.
    """
    held = [line for line in lines if line.amount_native and line.price_usd]
    return _slope(lambda move: sum(_worth_coin(line, move) for line in held))


def _slope(worth: Callable[[float], float]) -> float:
    step = _MOVE_DELTA
    near, far = worth(step) - worth(-step), worth(2.0 * step) - worth(-2.0 * step)
    return (8.0 * near - far) / (12.0 * step)


def _worth_coin(line: Line, move: float) -> float:
    """Contribution to equity in the moved world, coins; dollars count at today's price."""
    item, amount, price_usd = line.item, line.amount_native, line.price_usd
    moved_usd = price_usd * (1.0 + move * line.mark.moving_share)
    if item.is_option:
        return amount * _moved_usd(line, move) / (moved_usd if item.is_inverse else price_usd)
    if item.is_inverse:
        return amount / line.average_native - amount / moved_usd
    return amount * (moved_usd - line.average_native) / price_usd


def _moved_usd(line: Line, move: float) -> float:
    """USD value of one coin of option with its forward moved, once for each move."""
    known_usd = line.known_usd.get(move)
    if known_usd is None:
        known_usd = line.known_usd[move] = _option_usd(line, move=move)
    return known_usd


def _option_usd(line: Line, *, move: float = 0.0, iv_more: float = 0.0, life_more: float = 0.0) -> float:
    """USD value of one coin of option with forward, volatility and life (a share of it) moved.

    The mark as told, rounding and all, plus what the venue's formula says of the move. Without a volatility
    the delta of the mark is all that is known.
    """
    item, mark, marked_usd = line.item, line.mark, line.marked_usd
    if mark.iv is None:
        return marked_usd + mark.delta_per_unit * mark.forward_usd * move
    if line.formula_usd is None:
        line.formula_usd = _formula_usd(item, mark, mark.iv)
    return marked_usd + (_formula_usd(item, mark, mark.iv + iv_more, move, life_more) - line.formula_usd)


def _formula_usd(item: Instrument, mark: Mark, iv: float, move: float = 0.0, life_more: float = 0.0) -> float:
    """By the venue's formula alone."""
    assert item.strike_usd is not None, f"{item.id} has no strike"
    assert item.is_call is not None, f"{item.id} has no right"
    forward_usd = mark.forward_usd * (1.0 + move * mark.moving_share)
    tau_years = mark.tau_years * (1.0 + life_more)
    value_usd, _ = value_and_delta(forward_usd, item.strike_usd, iv, tau_years, is_call=item.is_call)
    return value_usd


def _gamma(line: Line) -> float:
    """Coins per USD move of the forward itself: the venue's gamma does not decay."""
    step = _MOVE_GAMMA / line.mark.moving_share
    near = _option_usd(line, move=step) + _option_usd(line, move=-step)
    far = _option_usd(line, move=2.0 * step) + _option_usd(line, move=-2.0 * step)
    step_usd = _MOVE_GAMMA * line.mark.forward_usd
    return (16.0 * near - far - 30.0 * line.marked_usd) / (12.0 * step_usd * step_usd)


def _vega(line: Line) -> float:
    """USD per volatility point."""
    rise = _option_usd(line, iv_more=_IV_MOVE) - _option_usd(line, iv_more=-_IV_MOVE)
    return rise / (2.0 * _IV_MOVE) / _POINTS_PER_UNIT


def _theta(line: Line) -> float:
    """USD per day, over the rest of the life where that is shorter (facts 2.3)."""
    fall = _option_usd(line, life_more=-_LIFE_MOVE) - _option_usd(line, life_more=_LIFE_MOVE)
    days_left = line.mark.tau_years * _DAYS_PER_YEAR
    return fall / (2.0 * _LIFE_MOVE) / days_left * min(1.0, days_left)
