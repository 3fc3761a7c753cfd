"""What a client is told about its positions and its money.

Reads accounts and marks, changes nothing. Margin is the venue's standard model, one currency at a time
(segregated), in plain figures: perpetuals 2 % initial and 1 % maintenance of notional; a short option
max(15 % - out-of-the-money share, 10 %) of a coin plus its mark, half of it for maintenance; a long one nothing.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.units import ZERO, float_from_decimal
from bot.sim.account import Account, Holding
from bot.sim.facts import AccountSummary, Position
from bot.sim.pit import Mark, Pit
from bot.sim.valuation import ticker_greeks

_FUTURE_INITIAL_SHARE: Final = 0.02
_FUTURE_MAINTENANCE_SHARE: Final = 0.01
_OPTION_SHARE: Final = 0.15
_OPTION_SHARE_MIN: Final = 0.10
_MAINTENANCE_RATIO: Final = 0.5


def floating_native(holding: Holding, mark: Mark) -> float:
    """Profit of a position against its average price, settlement currency."""
    amount, mark_native = float_from_decimal(holding.amount_native), mark.mark_native
    if amount == 0.0:
        return 0.0
    average = float_from_decimal(holding.average_native)
    if holding.instrument.amount_is_in_usd:
        return amount / average - amount / mark_native
    return amount * (mark_native - average)


def delta_coin(holding: Holding, mark: Mark) -> float:
    """Black-76 delta of a position in coins, signed, decayed in the settlement window."""
    amount = float_from_decimal(holding.amount_native)
    coins = amount / mark.mark_native if holding.instrument.amount_is_in_usd else amount
    return coins * mark.delta_per_unit


def margins_native(instrument: Instrument, amount_native: float, mark: Mark) -> tuple[float, float]:
    """(initial, maintenance) of a signed amount, settlement currency."""
    if instrument.is_option:
        if amount_native >= 0.0 or instrument.strike_usd is None:
            return 0.0, 0.0
        away_usd = instrument.strike_usd - mark.index_usd
        out_share = max(0.0, away_usd if instrument.is_call else -away_usd) / mark.index_usd
        unit = 1.0 if instrument.is_inverse else mark.index_usd
        share = max(_OPTION_SHARE - out_share, _OPTION_SHARE_MIN)
        initial = -amount_native * (share * unit + mark.mark_native)
        return initial, -amount_native * (share * unit * _MAINTENANCE_RATIO + mark.mark_native)
    price = mark.mark_native
    notional = abs(amount_native) / price if instrument.is_inverse else abs(amount_native) * price
    return notional * _FUTURE_INITIAL_SHARE, notional * _FUTURE_MAINTENANCE_SHARE


def position_of(holding: Holding, pit: Pit, mark: Mark) -> Position:
    """One position as the venue tells it; greeks of the whole position, signed."""
    item = holding.instrument
    amount = float_from_decimal(holding.amount_native)
    gamma = vega = theta = 0.0
    if item.strike_usd is not None and mark.iv is not None and amount:
        raw = ticker_greeks(mark.forward_usd, item.strike_usd, mark.iv, mark.tau_years, is_call=item.is_call is True)
        gamma, vega, theta = raw.gamma * amount, raw.vega * amount, raw.theta * amount
    initial, maintenance = margins_native(item, amount, mark)
    return Position(
        instrument=item.id,
        size_native=holding.amount_native,
        average_price_native=holding.average_native,
        mark_native=mark.mark_native,
        index_usd=mark.index_usd,
        settlement_native=pit.settlement_native,
        floating_profit_native=floating_native(holding, mark),
        realized_profit_native=float_from_decimal(holding.realized_session_native),
        delta_coin=delta_coin(holding, mark),
        gamma_coin_per_usd=gamma,
        vega_usd_per_point=vega,
        theta_usd_per_day=theta,
        margin_initial_native=initial,
        margin_maintenance_native=maintenance,
        realized_funding_native=float_from_decimal(holding.funding_session_native),
    )


@dataclass(slots=True)
class _Sums:
    """Running sums over the positions of one currency."""

    futures_delta_coin: float = 0.0
    futures_profit_native: float = 0.0
    options_value_native: float = 0.0
    options_profit_native: float = 0.0
    options_delta_coin: float = 0.0
    options_gamma_coin: float = 0.0
    options_vega_usd: float = 0.0
    options_theta_usd: float = 0.0
    initial_native: float = 0.0
    maintenance_native: float = 0.0


def summary_of(account: Account, currency: str, positions: list[tuple[Position, Pit]]) -> AccountSummary:
    """Money of one currency. `positions` are all of the account with their pits.

    equity = balance + floating profit of futures + value of options; realised profit, fees, premium and
    funding are in the balance at once. delta_total = futures + options (Black-76) - options value for coin
    currencies (exchange facts 2.3); its map has no premium taken off.
    """
    sums = _Sums()
    by_index: dict[str, float] = {}
    for position, pit in positions:
        item = pit.instrument
        if item.settlement_currency == currency and position.size_native:
            _add(sums, item, position)
            by_index[item.index_name] = by_index.get(item.index_name, 0.0) + position.delta_coin
    balance = float_from_decimal(account.balances.get(currency, ZERO))
    premium_coin = 0.0 if currency == "USDC" else sums.options_value_native
    cash = balance + sums.futures_profit_native
    return AccountSummary(
        currency=currency,
        balance_native=balance,
        equity_native=cash + sums.options_value_native,
        margin_initial_native=sums.initial_native,
        margin_maintenance_native=sums.maintenance_native,
        # Value of long options cannot be spent; what short ones cost is in their margin.
        available_native=cash - sums.initial_native,
        options_value_native=sums.options_value_native,
        options_delta_coin=sums.options_delta_coin,
        options_gamma=sums.options_gamma_coin,
        options_vega=sums.options_vega_usd,
        options_theta=sums.options_theta_usd,
        futures_profit_native=sums.futures_profit_native,
        options_profit_native=sums.options_profit_native,
        session_realized_native=_money(account.realized_session_native, currency),
        session_unrealized_native=sums.futures_profit_native + sums.options_profit_native,
        fees_paid_native=_money(account.fees_paid_native, currency),
        funding_paid_native=_money(account.funding_paid_native, currency),
        delta_total_coin=sums.futures_delta_coin + sums.options_delta_coin - premium_coin,
        delta_total_by_index=by_index,
    )


def _add(sums: _Sums, item: Instrument, position: Position) -> None:
    sums.initial_native += position.margin_initial_native
    sums.maintenance_native += position.margin_maintenance_native
    if not item.is_option:
        sums.futures_delta_coin += position.delta_coin
        sums.futures_profit_native += position.floating_profit_native
        return
    sums.options_value_native += float_from_decimal(position.size_native) * position.mark_native
    sums.options_profit_native += position.floating_profit_native
    sums.options_delta_coin += position.delta_coin
    sums.options_gamma_coin += position.gamma_coin_per_usd
    sums.options_vega_usd += position.vega_usd_per_point
    sums.options_theta_usd += position.theta_usd_per_day


def _money(figures: dict[str, Decimal], currency: str) -> float:
    return float_from_decimal(figures.get(currency, ZERO))


def money_needed_native(
    instrument: Instrument, held_native: float, amount_native: float, price_native: float, mark: Mark
) -> float:
    """Margin, premium and fee that the opening part of a signed order would take, settlement currency."""
    opening = amount_native
    if held_native * amount_native < 0.0:
        opening = math.copysign(max(0.0, abs(amount_native) - abs(held_native)), amount_native)
    if opening == 0.0:
        return 0.0
    initial, _ = margins_native(instrument, opening, mark)
    fee_rate = float_from_decimal(instrument.fee_rate_taker)
    if instrument.is_option:
        unit = 1.0 if instrument.is_inverse else mark.index_usd
        return initial + opening * price_native + abs(opening) * fee_rate * unit
    notional = abs(opening) / price_native if instrument.is_inverse else abs(opening) * price_native
    return initial + notional * fee_rate
