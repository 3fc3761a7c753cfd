"""What a step of time brought one leg, in parts that add up (theory 5.2).

Knows one leg and its market at two moments; must not know where either is from, what is summed, or why anybody asks.

Money is native throughout: coins where a contract settles in coins, USD where it is linear; `in_usd` translates the
account afterwards. An option is taken apart twice. The waterfall revalues it with one input after the other and adds up
identically; the Taylor terms say what a trader calls those moves, with what they leave over as their residual.
Amounts are signed, + long; every part is signed, + gain.
"""

from typing import Final, NamedTuple

from bot.pricing import black76, settlement_window
from bot.pricing.coin_settled import inverse_pnl_coin
from bot.pricing.settlement_window import Left

RESIDUAL_OF_GAMMA: Final = 0.10
RESIDUAL_OF_DELTA: Final = 0.01
"""Beyond these shares of the two terms the Taylor terms no longer explain a step (theory 5.2)."""
MONEY_STEP: Final = 1e-8
"""Balances have eight decimals, in coins and in USDC (exchange facts 2.2)."""


class OptionHeld(NamedTuple):
    """A position in one option."""

    amount_coin: float
    strike_usd: float
    is_call: bool
    is_coin_settled: bool


class OptionMarket(NamedTuple):
    """What an option is valued from: `iv` is a fraction per root of a year of 365 days."""

    forward_usd: float
    """Inside the settlement window the index."""
    iv: float
    tau_years: float
    """0 at expiry, where `forward_usd` is the delivery price."""
    left: Left | None = None
    """What of the average is still open; None outside the settlement window."""
    delivery_usd: float = 0.0
    """Inside it: the delivery price, were the index to stay."""

    @property
    def expected_usd(self) -> float:
        """What the option pays on, as expected now: its moves are what delta and gamma count."""
        return self.forward_usd if self.left is None else self.delivery_usd


class Taylor(NamedTuple):
    """The terms at the greeks of the start of the step; they and the residual add up to the option's profit."""

    theta: float
    delta: float
    gamma: float
    vega: float
    vanna: float
    volga: float
    residual: float


class OptionStep(NamedTuple):
    """What one option made; `theta + spot + vol` = `profit`, identically."""

    profit: float
    theta: float
    """Waterfall: time alone, then the forward, then volatility."""
    spot: float
    vol: float
    taylor: Taylor
    aged: Taylor
    """The same where time alone has passed: theta by revaluation, the other greeks after it. What a step is judged by,
    because its bound is meant for what is left of the forward's and volatility's own moves."""
    gamma_carry: float
    """Gamma F^2 / 2 (r^2 - iv^2 dt): what the move earned less what the time cost, to first order in time."""
    gamma_gain: float
    """The first of the two: Gamma F^2 r^2 / 2."""


class _Value(NamedTuple):
    """Of one coin of option, and how it moves with forward, volatility and years; native money."""

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float
    vanna: float
    volga: float


def option_step(leg: OptionHeld, before: OptionMarket, after: OptionMarket) -> OptionStep:
    """One option from one market to the next; NaN where one of them has a number that means nothing.

    By Black-76, inside the settlement window as an option on the average (theory 1.5). There time also fixes prices, so
    theta and vega are the waterfall's, and slopes are by the expected delivery price, halfway through the step: every
    fixing is in the move of that price, whereas a move of the index alone does not say when it came.
    """
    value, aged = _value(leg, before), _value(leg, _later(before, after))
    later = aged.price
    moved = _value(leg, after._replace(iv=before.iv)).price
    last = _value(leg, after).price
    years = before.tau_years - after.tau_years
    move_usd, move_vol = after.expected_usd - before.expected_usd, after.iv - before.iv
    amount = leg.amount_coin
    profit = amount * (last - value.price)
    is_average = after.left is not None or before.left is not None
    delta, gamma = value.delta, value.gamma
    if is_average:
        delta, gamma = 0.5 * (delta + aged.delta), 0.5 * (gamma + aged.gamma)
    terms = (
        amount * (later - value.price if is_average else value.theta * years),
        amount * delta * move_usd,
        amount * 0.5 * gamma * move_usd**2,
        amount * (last - moved if is_average else value.vega * move_vol),
        amount * value.vanna * move_usd * move_vol,
        amount * 0.5 * value.volga * move_vol**2,
    )
    taylor = Taylor(*terms, residual=profit - sum(terms))
    gain, time = (terms[2], terms[0]) if is_average else _gamma_carry(leg, before, move_usd, years)
    return OptionStep(
        profit=profit,
        theta=amount * (later - value.price),
        spot=amount * (moved - later),
        vol=amount * (last - moved),
        taylor=taylor,
        aged=taylor
        if is_average
        else _aged(amount, aged, amount * (later - value.price), profit, (move_usd, move_vol)),
        gamma_carry=gain + time,
        gamma_gain=gain,
    )


def is_explained(aged: Taylor) -> bool:
    """Whether what is left, time taken first, is no more than the third order of an ordinary step (theory 5.2).

    False for NaN.
    Less than a balance's last digit is nothing to explain: an option that is worthless by now moves by 1e-40.
    """
    bound = RESIDUAL_OF_GAMMA * abs(aged.gamma) + RESIDUAL_OF_DELTA * abs(aged.delta)
    return abs(aged.residual) <= max(bound, MONEY_STEP)


def future_profit(amount_native: float, before_usd: float, after_usd: float, *, is_inverse: bool) -> float:
    """A perpetual or future between two prices: q (P1 - P0) USD, or N (1/P0 - 1/P1) coins."""
    if is_inverse:
        return inverse_pnl_coin(amount_native, before_usd, after_usd)
    return amount_native * (after_usd - before_usd)


def slippage(amount_native: float, price_usd: float, mid_usd: float, *, is_inverse: bool) -> float:
    """A trade in a perpetual or future at `price_usd` as against the mid: negative is a cost."""
    return future_profit(amount_native, price_usd, mid_usd, is_inverse=is_inverse)


def in_usd(profit_coin: float, equity_coin: float, before_usd: float, after_usd: float) -> tuple[float, float]:
    """A coin account's step in USD: (trading, collateral), S1 dE and E0 dS, whose sum is d(S E) exactly.

    `equity_coin` is that of the start. The collateral is the price of the coins held, never a result of trading.
    """
    return after_usd * profit_coin, equity_coin * (after_usd - before_usd)


def _value(leg: OptionHeld, market: OptionMarket) -> _Value:
    """In coins: c = V/F and its derivatives, the forward in the denominator moving too."""
    forward_usd = market.forward_usd
    if market.left is not None:
        return _value_of_average(leg, market, market.left)
    seen = black76.greeks_scalar(forward_usd, leg.strike_usd, market.tau_years, market.iv, leg.is_call)
    if not leg.is_coin_settled:
        return _Value(seen.price, seen.delta, seen.gamma, seen.vega, seen.theta, seen.vanna, seen.volga)
    return _Value(
        price=seen.coin_price,
        delta=seen.pa_delta / forward_usd,
        gamma=seen.coin_gamma,
        vega=seen.vega / forward_usd,
        theta=seen.theta / forward_usd,
        vanna=(seen.vanna - seen.vega / forward_usd) / forward_usd,
        volga=seen.volga / forward_usd,
    )


def _aged(amount: float, aged: _Value, theta: float, profit: float, moves: tuple[float, float]) -> Taylor:
    """Taylor terms of one unit's slopes where time has passed, for a move of the forward and one of volatility."""
    move_usd, move_vol = moves
    terms = (
        theta,
        amount * aged.delta * move_usd,
        amount * 0.5 * aged.gamma * move_usd**2,
        amount * aged.vega * move_vol,
        amount * aged.vanna * move_usd * move_vol,
        amount * 0.5 * aged.volga * move_vol**2,
    )
    return Taylor(*terms, residual=profit - sum(terms))


def _later(before: OptionMarket, after: OptionMarket) -> OptionMarket:
    """The first market when time alone has passed: fixings made since are at the index it had."""
    if after.left is None:
        return before._replace(tau_years=after.tau_years, left=None)
    delivery_usd = before.forward_usd if before.left is None else before.delivery_usd
    return before._replace(tau_years=after.tau_years, left=after.left, delivery_usd=delivery_usd)


def _value_of_average(leg: OptionHeld, market: OptionMarket, left: Left) -> _Value:
    """Value and its slopes by the expected delivery price, which moves by the open part of the index."""
    average = settlement_window.average_of(left, market.forward_usd, market.delivery_usd)
    seen = settlement_window.worth(average, leg.strike_usd, market.iv, leg.is_call)
    price = seen.coin_price if leg.is_coin_settled else seen.price
    if not left.share:
        return _Value(price, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    delta, gamma, expected_usd = seen.delta / left.share, seen.gamma / left.share**2, market.delivery_usd
    if leg.is_coin_settled:
        delta = (delta - price) / expected_usd
        gamma = (gamma - 2.0 * delta) / expected_usd
    return _Value(price, delta, gamma, 0.0, 0.0, 0.0, 0.0)


def _gamma_carry(leg: OptionHeld, before: OptionMarket, move_usd: float, years: float) -> tuple[float, float]:
    """What the move earned and what the time cost."""
    forward_usd = before.forward_usd
    gamma = black76.delta_gamma(forward_usd, leg.strike_usd, before.tau_years, before.iv, leg.is_call)[1]
    native = 0.5 * leg.amount_coin * gamma / (forward_usd if leg.is_coin_settled else 1.0)
    return native * move_usd**2, -native * (forward_usd * before.iv) ** 2 * years
