"""What has to outlive the world of one account: money, positions, orders and trades a client may still ask for.

Plain data both ways; where it is kept is for others. The transaction log starts again.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.domain.instruments import Instrument, Kind
from bot.domain.time import Ns
from bot.domain.units import ZERO, decimal_from_wire, float_from_decimal
from bot.sim.account import Account, Holding
from bot.sim.desk import Desk, currency_of_id
from bot.sim.facts import Order, OrderState, Told, Trade
from bot.sim.pit import Mark, Pit

_KEPT_COUNT: Final = 1_000
"""Orders and trades kept, the newest: as many as one question of a client can show."""


class HoldingKept(Struct, frozen=True, kw_only=True):
    """One position."""

    instrument: Instrument
    amount_native: Decimal
    average_native: Decimal
    realized_session_native: Decimal = ZERO
    funding_session_native: Decimal = ZERO
    told: Told | None = None
    """The last mark: for an instrument that has expired when the world opens again."""


class AccountKept(Struct, frozen=True, kw_only=True):
    """One client at one moment."""

    name: str
    at_ns: Ns
    """Funding is booked up to here."""
    balances: dict[str, Decimal]
    holdings: tuple[HoldingKept, ...]
    orders: tuple[Order, ...] = ()
    trades: tuple[Trade, ...] = ()
    fees_paid_native: dict[str, Decimal] = {}
    funding_paid_native: dict[str, Decimal] = {}
    numbers: dict[str, int] = {}
    """Where the numbering of orders and trades goes on."""
    first_id: int
    """Where it begins, in a currency not traded yet."""


def remember(desk: Desk, account: Account, pits: dict[str, Pit]) -> AccountKept:
    """The account as it stands; its funding has been settled by the caller."""
    return AccountKept(
        name=account.name,
        at_ns=desk.now_ns,
        balances=account.balances,
        holdings=tuple(
            HoldingKept(
                instrument=holding.instrument,
                amount_native=holding.amount_native,
                average_native=holding.average_native,
                realized_session_native=holding.realized_session_native,
                funding_session_native=holding.funding_session_native,
                told=desk.marks.of(pits[name]).told,
            )
            for name, holding in account.holdings.items()
            if holding.amount_native
        ),
        orders=tuple(list(account.orders.values())[-_KEPT_COUNT:]),
        trades=tuple(list(account.trades)[-_KEPT_COUNT:]),
        fees_paid_native=account.fees_paid_native,
        funding_paid_native=account.funding_paid_native,
        numbers=desk.numbers,
        first_id=desk.first_number,
    )


def recall(desk: Desk, kept: AccountKept) -> None:
    """Open the account again. Orders that worked are cancelled: the venue does that when a client is cut off."""
    account = Account(kept.name, dict(kept.balances))
    for item in kept.holdings:
        account.holdings[item.instrument.id] = Holding(
            item.instrument,
            amount_native=item.amount_native,
            average_native=item.average_native,
            realized_session_native=item.realized_session_native,
            funding_session_native=item.funding_session_native,
            seeded_native=item.amount_native,
        )
    for order in kept.orders:
        if order.state is OrderState.OPEN:
            order.state, order.cancel_reason = OrderState.CANCELLED, "cancel_on_disconnect"
        account.keep_order(order, currency_of_id(order.order_id))
    account.trades.extend(kept.trades)
    account.fees_paid_native.update(kept.fees_paid_native)
    account.funding_paid_native.update(kept.funding_paid_native)
    desk.accounts[kept.name] = account
    desk.numbers.update(kept.numbers)
    desk.first_number = kept.first_id


def pay_funding(account: Account, pit: Pit, mark: Mark, interest_rate: float) -> None:
    """Book a share of a perpetual's notional; what has accrued here is settled already."""
    holding = account.holdings.get(pit.instrument.id)
    if holding is None or pit.instrument.kind is not Kind.PERPETUAL:
        return
    unit = 1.0 / mark.index_usd if pit.instrument.is_inverse else mark.index_usd
    due = float_from_decimal(holding.amount_native) * unit * interest_rate
    account.book_funding(holding, holding.funding_paid_per_native, decimal_from_wire(round(due, 12)))
