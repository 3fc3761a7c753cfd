"""What happens at 08:00 UTC: delivery of what expires, end of the session for the rest (exchange facts 2.5).

Options in the money become a position in the future of their expiry; futures are settled in cash at the delivery
price. Both vanish from the accounts within the moment; orders on them and good-til-day orders are cancelled.
No delivery fee is charged (exchange facts 2.7 know it only from an old page).
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.domain.units import ZERO, decimal_from_wire, float_from_decimal
from bot.sim.account import Account, Holding, profit_native, to_money
from bot.sim.delivery import is_settlement
from bot.sim.desk import Desk
from bot.sim.facts import TimeInForce
from bot.sim.marks import Marks
from bot.sim.pit import CLOSED, DELIVERED, Pit, open_pit

_CENT_DIGITS: Final = 2
"""Delivery prices are published to the cent."""


@dataclass(frozen=True, slots=True)
class _Passed:
    """What options bring to the future of their expiry: a signed amount and its money, settlement currency."""

    amount_native: Decimal = ZERO
    cash_native: Decimal = ZERO


def settle_day(desk: Desk, pits: dict[str, Pit], now_ns: Ns) -> None:
    """Deliver what expires now or did while nobody looked, then start a new session."""
    deliver(desk, pits, now_ns)
    for pit in pits.values():
        if pit.is_open:
            pit.settlement_native = desk.marks.of(pit).mark_native
    for account in desk.accounts.values():
        _start_session(desk, account, pits)
    desk.marks.average.reset()


def pit_of_new(item: Instrument, seed: int, marks: Marks, now_ns: Ns) -> Pit:
    """A new instrument, whose first settlement price is its mark now."""
    pit = open_pit(item, seed)
    pit.created_ns = now_ns
    pit.settlement_native = marks.of(pit).mark_native
    return pit


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
        _deliver(account, delivered, pits, now_ns)


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


def _deliver(account: Account, delivered: dict[str, float], pits: dict[str, Pit], now_ns: Ns) -> None:
    """Options first: those in the money leave through the future of their expiry."""
    through: dict[str, _Passed] = {}
    expired = [holding for name, holding in account.holdings.items() if name in delivered]
    for holding in expired:
        future = _future_of(holding.instrument, pits)
        if future is not None and future.id in delivered:
            usd = decimal_from_wire(delivered[future.id])
            _exercise(account, holding, future, delivery_usd=usd, now_ns=now_ns, through=through)
    for name, holding in list(account.holdings.items()):
        if name in delivered:
            passed = through.get(name, _Passed())
            _settle_holding(account, holding, decimal_from_wire(delivered[name]), passed, now_ns)
            del account.holdings[name]


def _future_of(item: Instrument, pits: dict[str, Pit]) -> Instrument | None:
    """The future an option expires through; None for anything but an option, or where it is not listed."""
    found = pits.get(item.id.rsplit("-", 2)[0]) if item.is_option else None
    return None if found is None else found.instrument


def _exercise(
    account: Account,
    holding: Holding,
    future: Instrument,
    *,
    delivery_usd: Decimal,
    now_ns: Ns,
    through: dict[str, _Passed],
) -> None:
    """Trade an option in the money for its future at the strike (exchange facts 0.3). No money moves yet.

    What the future then brings is what the option is worth, and is booked as that, rounded by itself.
    """
    item, amount = holding.instrument, holding.amount_native
    payoff = payoff_native(item, delivery_usd)
    if not amount or not payoff or item.strike_usd is None:
        return
    bought = (amount if item.is_call else -amount) * (decimal_from_wire(item.strike_usd) if item.is_inverse else 1)
    before = through.get(future.id, _Passed())
    through[future.id] = _Passed(before.amount_native + bought, before.cash_native + to_money(amount * payoff))
    account.holding(future)
    account.write_delivery(holding, now_ns, payoff, ZERO)
    del account.holdings[item.id]


def _settle_holding(account: Account, holding: Holding, delivery_usd: Decimal, passed: _Passed, now_ns: Ns) -> None:
    item, amount = holding.instrument, holding.amount_native
    payoff = payoff_native(item, delivery_usd)
    profit = to_money(profit_native(item, amount, holding.average_native, payoff))
    cash = (to_money(amount * payoff) if item.is_option else profit) + passed.cash_native
    account.pay(item.settlement_currency, cash)
    if amount or passed.amount_native or passed.cash_native:
        # What came from options nets with what was held.
        holding.amount_native += passed.amount_native
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
