"""Money of one client: balances, positions, average prices, profit, fees. Decimal throughout.

Rules (exchange facts 2.2, 2.7): an inverse contract of N USD from P to Q earns N(1/P - 1/Q) coins; a linear one
of q coins earns q(Q - P) USDC; option premium is paid at once. Knows no market and no book.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.domain.units import ZERO
from bot.sim.facts import LogEntry, Order, Side, Trade, VenueSays

_MONEY_STEP: Final = Decimal("1e-8")
_OPTION_FEE_CAP: Final = Decimal("0.125")
"""Share of the option's price a fee may not exceed (exchange facts 2.7)."""
_ORDERS_KEPT: Final = 100_000
_TRADES_KEPT: Final = 200_000
_LOG_KEPT: Final = 200_000


def to_money(value: Decimal) -> Decimal:
    """Rounded as the venue books it: 8 decimals, half to even."""
    return value.quantize(_MONEY_STEP, rounding=ROUND_HALF_EVEN)


def fee_native(
    instrument: Instrument, amount_native: Decimal, price_native: Decimal, index_usd: Decimal, *, is_maker: bool
) -> Decimal:
    """Fee of a fill in the settlement currency; positive is a cost. Amount unsigned."""
    rate = instrument.fee_rate_maker if is_maker else instrument.fee_rate_taker
    if instrument.is_option:
        underlying = Decimal(1) if instrument.is_inverse else index_usd
        return to_money(amount_native * min(rate * underlying, _OPTION_FEE_CAP * price_native))
    notional = amount_native / price_native if instrument.is_inverse else amount_native * price_native
    return to_money(notional * rate)


def profit_native(instrument: Instrument, amount_native: Decimal, entry: Decimal, leave: Decimal) -> Decimal:
    """Profit of a signed amount taken from price `entry` to `leave`, settlement currency."""
    if amount_native == 0:
        return ZERO
    if instrument.amount_is_in_usd:
        return amount_native / entry - amount_native / leave
    return amount_native * (leave - entry)


@dataclass(slots=True, eq=False)
class Holding:
    """One position. Amounts signed, native; money in the settlement currency."""

    instrument: Instrument
    amount_native: Decimal = ZERO
    average_native: Decimal = ZERO
    realized_session_native: Decimal = ZERO
    funding_session_native: Decimal = ZERO
    funding_paid_per_native: float = 0.0
    """What the perpetual's funding had come to when it was last booked here."""
    seeded_native: Decimal = ZERO
    """Part of the position that came from outside, not from fills."""

    def fill(self, amount_native: Decimal, price_native: Decimal) -> Decimal:
        """Change the position by a signed amount; the profit that realises."""
        held = self.amount_native
        if held * amount_native >= 0:
            self.average_native = self._average_with(amount_native, price_native)
            self.amount_native = held + amount_native
            return ZERO
        closed = -amount_native if abs(amount_native) <= abs(held) else held
        profit = to_money(profit_native(self.instrument, closed, self.average_native, price_native))
        self.amount_native = held + amount_native
        if self.amount_native == 0:
            self.average_native = ZERO
        elif self.amount_native * held < 0:
            self.average_native = price_native
        self.realized_session_native += profit
        return profit

    def _average_with(self, amount_native: Decimal, price_native: Decimal) -> Decimal:
        held = self.amount_native
        if held == 0:
            return price_native
        if self.instrument.amount_is_in_usd:
            # Harmonic: the coins a USD amount stands for add up, its prices do not.
            return (held + amount_native) / (held / self.average_native + amount_native / price_native)
        return (held * self.average_native + amount_native * price_native) / (held + amount_native)


@dataclass(slots=True, eq=False)
class Account:
    """One client: balances by currency, positions by instrument, orders by id, own trades oldest first."""

    name: str
    balances: dict[str, Decimal]
    holdings: dict[str, Holding] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    labels: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Order ids by (currency, label), oldest first."""
    open_orders: dict[str, Order] = field(default_factory=dict)
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=_TRADES_KEPT))
    log: deque[LogEntry] = field(default_factory=lambda: deque(maxlen=_LOG_KEPT))
    fees_paid_native: dict[str, Decimal] = field(default_factory=dict)
    funding_paid_native: dict[str, Decimal] = field(default_factory=dict)
    realized_session_native: dict[str, Decimal] = field(default_factory=dict)

    def holding(self, instrument: Instrument) -> Holding:
        """The position of an instrument, made when there was none."""
        found = self.holdings.get(instrument.id)
        if found is None:
            found = self.holdings[instrument.id] = Holding(instrument)
        return found

    def size_native(self, name: str) -> Decimal:
        """Signed position size; zero without one."""
        found = self.holdings.get(name)
        return ZERO if found is None else found.amount_native

    def pay(self, currency: str, money: Decimal) -> None:
        """Change a balance; positive is received."""
        self.balances[currency] = self.balances.get(currency, ZERO) + money

    def write_trade(self, instrument: Instrument, trade: Trade, change_native: Decimal) -> None:
        """Log a fill that has been booked; `change_native` is what it did to the balance."""
        amount = trade.amount_native if trade.side is Side.BUY else -trade.amount_native
        self._write(instrument, "trade", trade.time_ns, amount, change_native, trade=trade)

    def write_delivery(self, holding: Holding, now_ns: Ns, payoff_native: Decimal, change_native: Decimal) -> None:
        """Log the delivery of a position that is about to vanish."""
        amount = -holding.amount_native
        self._write(holding.instrument, "delivery", now_ns, amount, change_native, price_native=payoff_native)

    def write_settlement(self, holding: Holding, now_ns: Ns) -> None:
        """Log the end of a position's session with the funding it brought."""
        funding = holding.funding_session_native
        self._write(holding.instrument, "settlement", now_ns, holding.amount_native, funding)

    def _write(
        self,
        instrument: Instrument,
        sort: str,
        now_ns: Ns,
        amount_native: Decimal,
        change_native: Decimal,
        *,
        price_native: Decimal | None = None,
        trade: Trade | None = None,
    ) -> None:
        currency = instrument.settlement_currency
        self.log.append(
            LogEntry(
                log_id=self.log[-1].log_id + 1 if self.log else 1,
                time_ns=now_ns,
                type=sort,
                instrument=instrument.id,
                currency=currency,
                amount_native=amount_native,
                price_native=price_native if trade is None else trade.price_native,
                position_native=ZERO if sort == "delivery" else self.size_native(instrument.id),
                change_native=change_native,
                balance_native=self.balances.get(currency, ZERO),
                funding_native=change_native if sort == "settlement" else ZERO,
                trade=trade,
            )
        )

    def keep_order(self, order: Order, currency: str) -> None:
        """Remember an order, forgetting the oldest closed ones beyond the bound."""
        self.orders[order.order_id] = order
        if order.label:
            self.labels.setdefault((currency, order.label), []).append(order.order_id)
        if len(self.orders) > _ORDERS_KEPT:
            closed = next((old for old in self.orders.values() if old.order_id not in self.open_orders), order)
            if closed is not order:
                del self.orders[closed.order_id]
                self._forget_label(closed)

    def _forget_label(self, order: Order) -> None:
        """An order forgotten is not found by its label either."""
        for currency in self.balances:
            ids = self.labels.get((currency, order.label), [])
            if order.order_id in ids:
                ids.remove(order.order_id)
                if not ids:
                    del self.labels[currency, order.label]

    def order(self, order_id: str) -> Order:
        """One of its orders; 10004 when there is none."""
        found = self.orders.get(order_id)
        if found is None:
            raise VenueSays(10004, "order_not_found")
        return found

    def open_order(self, order_id: str) -> Order:
        """One that is open; 11044 when it is not any more, 10004 when it never was."""
        found = self.open_orders.get(order_id)
        if found is None:
            self.order(order_id)
            raise VenueSays(11044, "not_open_order")
        return found

    def labelled(self, currency: str, label: str) -> list[Order]:
        """Orders with this label, newest first, closed ones included."""
        ids = reversed(self.labels.get((currency, label), []))
        return [self.orders[order_id] for order_id in ids if order_id in self.orders]

    def book_fill(self, instrument: Instrument, amount_native: Decimal, price_native: Decimal, fee: Decimal) -> Decimal:
        """Book a signed fill with its fee: position, premium or profit, balance. The realised profit."""
        currency = instrument.settlement_currency
        profit = self.holding(instrument).fill(amount_native, price_native)
        cash = -to_money(amount_native * price_native) if instrument.is_option else profit
        self.pay(currency, cash - fee)
        self.fees_paid_native[currency] = self.fees_paid_native.get(currency, ZERO) + fee
        self.realized_session_native[currency] = self.realized_session_native.get(currency, ZERO) + profit
        return profit

    def book_funding(self, holding: Holding, paid_per_native: float, money: Decimal) -> None:
        """Book funding (`money` positive is paid) up to a perpetual's running figure."""
        currency = holding.instrument.settlement_currency
        holding.funding_paid_per_native = paid_per_native
        if money:
            self.pay(currency, -money)
            holding.funding_session_native -= money
            holding.realized_session_native -= money
            self.funding_paid_native[currency] = self.funding_paid_native.get(currency, ZERO) + money
            self.realized_session_native[currency] = self.realized_session_native.get(currency, ZERO) - money
