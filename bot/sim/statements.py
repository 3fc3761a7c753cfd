"""What a client is told about its positions and its money.

Reads accounts and marks, changes nothing. Margin is the venue's standard model, one currency at a time
(segregated), in plain figures: perpetuals 2 % initial and 1 % maintenance of notional; a short option
max(15 % - out-of-the-money share, 10 %) of a coin plus its mark, half of it for maintenance; a long one nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.domain.units import ZERO, float_from_decimal
from bot.sim.account import Account, Holding
from bot.sim.facts import AccountSummary, Position
from bot.sim.pit import Mark, Pit
from bot.sim.revaluation import Line, delta_total_coin, greeks_of

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


def marked_coin(holding: Holding, mark: Mark) -> float:
    """Coins a position stands for: an option by the delta of its mark, a future by its mark."""
    if not holding.amount_native:
        return 0.0
    amount = float_from_decimal(holding.amount_native)
    if holding.instrument.is_option:
        return amount * mark.delta_per_unit
    return amount / mark.mark_native if holding.instrument.amount_is_in_usd else amount


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


def line_of(holding: Holding, mark: Mark) -> Line:
    """A position ready to be valued again."""
    amount, average = float_from_decimal(holding.amount_native), float_from_decimal(holding.average_native)
    return Line(item=holding.instrument, amount_native=amount, average_native=average, mark=mark)


def position_of(holding: Holding, pit: Pit, mark: Mark) -> Position:
    """One position as the venue tells it; greeks of the whole position, signed."""
    item, line = holding.instrument, line_of(holding, mark)
    greeks = greeks_of(line)
    initial, maintenance = margins_native(item, line.amount_native, mark)
    return Position(
        instrument=item.id,
        size_native=holding.amount_native,
        average_price_native=holding.average_native,
        mark_native=mark.mark_native,
        index_usd=mark.index_usd,
        settlement_native=pit.settlement_native,
        floating_profit_native=floating_native(holding, mark),
        realized_profit_native=float_from_decimal(holding.realized_session_native),
        delta_coin=greeks.delta_coin,
        gamma_coin_per_usd=greeks.gamma_coin_per_usd,
        vega_usd_per_point=greeks.vega_usd_per_point,
        theta_usd_per_day=greeks.theta_usd_per_day,
        margin_initial_native=initial,
        margin_maintenance_native=maintenance,
        realized_funding_native=float_from_decimal(holding.funding_session_native),
    )


@dataclass(slots=True)
class _Sums:
    """Running sums over the positions of one currency, settlement currency."""

    futures_profit_native: float = 0.0
    options_profit_native: float = 0.0
    options_value_native: float = 0.0
    initial_native: float = 0.0
    maintenance_native: float = 0.0

    def add(self, holding: Holding, mark: Mark) -> None:
        """Count a position."""
        amount, floating = float_from_decimal(holding.amount_native), floating_native(holding, mark)
        initial, maintenance = margins_native(holding.instrument, amount, mark)
        self.initial_native += initial
        self.maintenance_native += maintenance
        if holding.instrument.is_option:
            self.options_value_native += amount * mark.mark_native
            self.options_profit_native += floating
        else:
            self.futures_profit_native += floating

    def available_native(self, balance_native: float) -> float:
        """Value of long options cannot be spent; what short ones cost is in their margin."""
        return balance_native + self.futures_profit_native - self.initial_native


@dataclass(slots=True)
class _Greeks:
    """Running sums of greeks over the positions of one index."""

    delta_coin: float = 0.0
    options_delta_coin: float = 0.0
    gamma: float = 0.0
    vega: float = 0.0
    theta: float = 0.0
    has_options: bool = False

    def add(self, line: Line) -> None:
        """Count a position."""
        greeks = greeks_of(line)
        self.delta_coin += greeks.delta_coin
        self.gamma += greeks.gamma_coin_per_usd
        self.vega += greeks.vega_usd_per_point
        self.theta += greeks.theta_usd_per_day
        if line.item.is_option:
            self.options_delta_coin += greeks.delta_coin
            self.has_options = True


def _summed(held: Sequence[tuple[Holding, Mark]]) -> _Sums:
    money = _Sums()
    for holding, mark in held:
        money.add(holding, mark)
    return money


def available_native(account: Account, currency: str, held: Sequence[tuple[Holding, Mark]]) -> float:
    """What new orders may take. `held` are the positions in this currency with their marks."""
    return _summed(held).available_native(float_from_decimal(account.balances.get(currency, ZERO)))


def summary_of(
    account: Account, currency: str, held: Sequence[tuple[Holding, Mark]], next_expiry_ns: Ns
) -> AccountSummary:
    """Money of one currency. `held` are the positions in it with their marks.

    equity = balance + floating profit of futures + value of options; realised profit, fees, premium and
    funding are in the balance at once. delta_total = futures + options (Black-76) - options value for coin
    currencies, in the settlement window the decayed value; its map has no premium taken off; projected figures
    leave out what expires at `next_expiry_ns` (exchange facts 2.3).
    """
    money = projected = _summed(held)
    lines = [line_of(holding, mark) for holding, mark in held if holding.amount_native]
    lasting = [(holding, mark) for holding, mark in held if holding.instrument.expiry_ns != next_expiry_ns]
    delta_total = delta_projected = delta_total_coin(lines)
    if len(lasting) < len(held):
        projected = _summed(lasting)
        delta_projected = delta_total_coin(line for line in lines if line.item.expiry_ns != next_expiry_ns)
    # A coin's own index is in the map from the start (recorded 2025-12).
    by_index = {} if currency == "USDC" else {f"{currency.lower()}_usd": _Greeks()}
    for line in lines:
        by_index.setdefault(line.item.index_name, _Greeks()).add(line)
    greeks, with_options = by_index.values(), {name: sums for name, sums in by_index.items() if sums.has_options}
    balance = float_from_decimal(account.balances.get(currency, ZERO))
    return AccountSummary(
        currency=currency,
        balance_native=balance,
        equity_native=balance + money.futures_profit_native + money.options_value_native,
        margin_initial_native=money.initial_native,
        margin_maintenance_native=money.maintenance_native,
        margin_initial_projected_native=projected.initial_native,
        margin_maintenance_projected_native=projected.maintenance_native,
        available_native=money.available_native(balance),
        options_value_native=money.options_value_native,
        options_delta_coin=sum((sums.options_delta_coin for sums in greeks), 0.0),
        options_gamma=sum((sums.gamma for sums in greeks), 0.0),
        options_vega=sum((sums.vega for sums in greeks), 0.0),
        options_theta=sum((sums.theta for sums in greeks), 0.0),
        options_gamma_by_index={name: sums.gamma for name, sums in with_options.items()},
        options_vega_by_index={name: sums.vega for name, sums in with_options.items()},
        options_theta_by_index={name: sums.theta for name, sums in with_options.items()},
        futures_profit_native=money.futures_profit_native,
        options_profit_native=money.options_profit_native,
        session_realized_native=_money(account.realized_session_native, currency),
        session_unrealized_native=money.futures_profit_native + money.options_profit_native,
        fees_paid_native=_money(account.fees_paid_native, currency),
        funding_paid_native=_money(account.funding_paid_native, currency),
        delta_total_coin=delta_total,
        delta_total_projected_coin=delta_projected,
        delta_total_by_index={name: sums.delta_coin for name, sums in by_index.items()},
    )


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
