"""What happens at 08:00 UTC: delivery of what expires, end of the session for the rest (exchange facts 2.5).

Options and futures are settled in cash at the delivery price and vanish from the accounts; orders on them and
good-til-day orders are cancelled. No delivery fee is charged (exchange facts 2.7 know it only from an old page).
"""

from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.domain.units import ZERO, decimal_from_wire, float_from_decimal
from bot.sim.account import Account, Holding, profit_native, to_money
from bot.sim.delivery import is_settlement
from bot.sim.desk import Desk
from bot.sim.facts import TimeInForce
from bot.sim.pit import CLOSED, DELIVERED, Pit

_CENT_DIGITS: Final = 2
"""Delivery prices are published to the cent."""


def settle_day(desk: Desk, pits: dict[str, Pit], now_ns: Ns) -> None:
    """Deliver what expires now or did while nobody looked, then start a new session."""
    deliver(desk, pits, now_ns)
    for pit in pits.values():
        if pit.is_open:
            pit.settlement_native = desk.marks.of(pit).mark_native
    for account in desk.accounts.values():
        _start_session(desk, account, pits)
    desk.marks.average.reset()


def deliver(desk: Desk, pits: dict[str, Pit], now_ns: Ns) -> None:
    """Close what has expired, and settle it in cash as soon as its delivery price is known."""
    delivered: dict[str, float] = {}
    for pit in pits.values():
        expiry_ns = pit.instrument.expiry_ns
        if expiry_ns is not None and expiry_ns <= now_ns and pit.state != DELIVERED:
            usd = desk.marks.delivery_usd(pit.instrument, desk.marks.of(pit).index_usd)
            if usd is None:
                pit.state = CLOSED
            else:
                delivered[pit.instrument.id] = _close(desk, pit, round(usd, _CENT_DIGITS))
            # What has expired leaves no quote behind: the next look finds an empty book.
            pit.mark.row = None
            pit.quoted_ns = -1
    for account in desk.accounts.values():
        _cancel_at_settlement(desk, account, pits, now_ns)
        _deliver(account, delivered, now_ns)


def _close(desk: Desk, pit: Pit, usd: float) -> float:
    """An instrument's end at its delivery price, which is given back."""
    mark = desk.marks.of(pit)
    pit.delivery_usd = usd
    pit.state = DELIVERED
    mark.mark_native = float_from_decimal(payoff_native(pit.instrument, decimal_from_wire(usd)))
    mark.delta_per_unit = 0.0
    return usd


def _cancel_at_settlement(desk: Desk, account: Account, pits: dict[str, Pit], now_ns: Ns) -> None:
    for order in list(account.open_orders.values()):
        pit = pits[order.instrument]
        if not pit.is_open or (order.time_in_force is TimeInForce.GTD and is_settlement(now_ns)):
            desk.cancel(order, pit, "settlement")


def payoff_native(instrument: Instrument, delivery_usd: Decimal) -> Decimal:
    """What one coin of option, or the price of one future, comes to at delivery. Coin for inverse options."""
    if instrument.strike_usd is None:
        return delivery_usd
    strike = decimal_from_wire(instrument.strike_usd)
    value = delivery_usd - strike if instrument.is_call else strike - delivery_usd
    value = max(value, ZERO)
    return value / delivery_usd if instrument.is_inverse else value


def _deliver(account: Account, delivered: dict[str, float], now_ns: Ns) -> None:
    for name, holding in list(account.holdings.items()):
        if name in delivered:
            _settle_holding(account, holding, decimal_from_wire(delivered[name]), now_ns)
            del account.holdings[name]


def _settle_holding(account: Account, holding: Holding, delivery_usd: Decimal, now_ns: Ns) -> None:
    item, amount = holding.instrument, holding.amount_native
    payoff = payoff_native(item, delivery_usd)
    profit = to_money(profit_native(item, amount, holding.average_native, payoff))
    cash = to_money(amount * payoff) if item.is_option else profit
    account.pay(item.settlement_currency, cash)
    if amount:
        account.write_delivery(holding, now_ns, payoff, cash)


def _start_session(desk: Desk, account: Account, pits: dict[str, Pit]) -> None:
    """Session figures start again; funding is booked first, flat positions are forgotten."""
    for name, holding in list(account.holdings.items()):
        desk.settle_funding(account, pits[name])
        if holding.amount_native or holding.funding_session_native:
            account.write_settlement(holding, desk.now_ns)
        holding.realized_session_native = ZERO
        holding.funding_session_native = ZERO
        # Seeded and traded back to flat stays, or the sum of its fills could not be explained.
        if holding.amount_native == 0 and holding.seeded_native == 0:
            del account.holdings[name]
    account.realized_session_native.clear()
