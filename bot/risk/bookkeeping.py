"""Equity of the account by our own books: opening equity, fills, fees, funding, settlement, marks. Decimal throughout.

Booked and rounded as the venue does it (exchange facts 2.2, 2.5, 2.6), so that both sides can be compared to the last
digit. Off the decision path: nothing decides on it. Funding accrues at the venue at every moment, so its sum per
session is taken from there, like the fee of a fill; all other money is our own arithmetic.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from bot.domain.events import AccountSeen, Filled
from bot.domain.ids import DERIBIT, InstrumentId, VenueId
from bot.domain.instruments import Instrument
from bot.domain.seen import PositionSeen
from bot.domain.soundness import PRICE_MAX, PRICE_MIN
from bot.domain.status import EquitySeen
from bot.domain.time import Ns, is_settled_between
from bot.domain.units import ZERO, decimal_from_wire
from bot.market.view import MarketView
from bot.risk.delivery import payoff_native

_MONEY_STEP: Final = Decimal("1e-8")
"""Balances have eight decimals."""


@dataclass(slots=True, eq=False)
class _Lot:
    """One position; native units."""

    spec: Instrument
    amount_native: Decimal
    average_native: Decimal

    def fill(self, amount_native: Decimal, price_native: Decimal) -> Decimal:
        """Change it; the cash that brings: premium of an option, realised profit of a future."""
        held = self.amount_native
        self.amount_native = held + amount_native
        if self.spec.is_option:
            return -_money(amount_native * price_native)
        if held * amount_native >= 0:
            self.average_native = price_native if held == 0 else self._average_with(held, amount_native, price_native)
            return ZERO
        closed = -amount_native if abs(amount_native) <= abs(held) else held
        profit = _money(_profit(self.spec, closed, self.average_native, price_native))
        if self.amount_native * held < 0:
            self.average_native = price_native
        return profit

    def _average_with(self, held: Decimal, amount_native: Decimal, price_native: Decimal) -> Decimal:
        if self.spec.amount_is_in_usd:  # coins add up, prices do not
            return (held + amount_native) / (held / self.average_native + amount_native / price_native)
        return (held * self.average_native + amount_native * price_native) / (held + amount_native)

    def value(self, mark_native: Decimal) -> Decimal:
        """What it adds to the equity beside the cash."""
        return (
            self.amount_native * mark_native
            if self.spec.is_option
            else _profit(self.spec, self.amount_native, self.average_native, mark_native)
        )


class Bookkeeping:
    """Mutable private state of one engine."""

    def __init__(self, venue: VenueId = DERIBIT) -> None:
        """Of the account at one venue; closed until it has told what that is worth."""
        self._venue = venue
        self._seen: dict[str, AccountSeen] = {}
        self._opening: dict[str, Decimal] = {}
        self._cash: dict[str, Decimal] = {}
        self._lots: dict[InstrumentId, _Lot] = {}
        self._funding: dict[InstrumentId, Decimal] = {}
        """Of the session, as last told and booked."""
        self._ended: dict[InstrumentId, Decimal] = {}
        """The same of the session before, until the venue has told its sum."""
        self._expected: dict[InstrumentId, tuple[_Lot, Decimal]] = {}
        """Delivered at the price the venue expected, with the money that was booked."""
        self.funded: dict[InstrumentId, Decimal] = {}
        """Booked since the start on each position, settlement currency; negative is paid."""
        self._opened_ns = Ns(0)
        self._told_ns = Ns(0)

    def see_account(self, seen: AccountSeen) -> None:
        """Remember the venue's word."""
        self._seen[seen.currency] = seen

    def told(self) -> Iterable[AccountSeen]:
        """The venue's newest word, of each currency."""
        return self._seen.values()

    def see_positions(
        self, positions: Iterable[PositionSeen], specs: Mapping[InstrumentId, Instrument], at_ns: Ns
    ) -> None:
        """A snapshot both sides agree on: the first one opens the books, later ones bring the funding.

        Books are opened on equity and positions of one answer; a position without a mark leaves them closed.
        """
        known = [(item, specs[item.instrument]) for item in positions if item.instrument in specs]
        if self._cash:
            if is_settled_between(self._told_ns, at_ns):
                # A new session has begun at zero, whether or not somebody told the old one's end.
                self._ended, self._funding = self._funding, {}
            self._told_ns = at_ns
            for item, spec in known:
                self._book_funding(spec, item.funding_native, is_session_over=False)
            return
        for currency in sorted({spec.settlement_currency for spec in specs.values()} & set(self._seen)):
            seen = self._seen[currency]
            ours = [(item, spec) for item, spec in known if spec.settlement_currency == currency]
            marks = [_price(spec, item.mark_native) for item, spec in ours]
            if seen.received_ns == at_ns and None not in marks:
                self._open(currency, decimal_from_wire(seen.equity_native), ours)

        self._told_ns = self._opened_ns = at_ns

    def _open(self, currency: str, equity: Decimal, positions: list[tuple[PositionSeen, Instrument]]) -> None:
        self._opening[currency] = self._cash[currency] = equity
        for item, spec in positions:
            mark, average = _price(spec, item.mark_native), _price(spec, item.average_native)
            assert mark is not None, f"position {item.instrument} has no mark"
            lot = _Lot(spec, item.amount_native, mark if average is None else average)
            self._lots[spec.id] = lot
            self._cash[currency] -= lot.value(mark)
            self._funding[spec.id] = item.funding_native or ZERO

    def book(self, spec: Instrument, fill: Filled) -> None:
        """Count a fill with its fee; ids are the caller's business."""
        if spec.settlement_currency not in self._cash:
            return
        lot = self._lots.setdefault(spec.id, _Lot(spec, ZERO, ZERO))
        self._cash[spec.settlement_currency] += lot.fill(fill.amount_native, fill.price_native)
        if fill.fee_currency in self._cash:
            self._cash[fill.fee_currency] -= fill.fee_native

    def deliver(self, spec: Instrument, delivery_usd: Decimal, *, is_expected: bool = False) -> None:
        """An expired position becomes money; at an expected price only until the venue has told the true one."""
        lot, booked = self._lots.pop(spec.id, None), ZERO
        if lot is None and not is_expected:
            lot, booked = self._expected.pop(spec.id, (None, ZERO))
        if lot is not None and spec.settlement_currency in self._cash:
            money = _money(lot.value(payoff_native(spec, delivery_usd)))
            self._cash[spec.settlement_currency] += money - booked
            if is_expected:
                self._expected[spec.id] = (lot, money)

    def end_session(self, spec: Instrument, funding_native: Decimal, ended_ns: Ns) -> None:
        """The venue has booked the funding of the session that ended then; the next one begins at zero."""
        if ended_ns <= self._opened_ns:
            return  # in the equity the books were opened on
        if is_settled_between(self._told_ns, ended_ns):
            self._book_funding(spec, funding_native, is_session_over=True)
        elif spec.settlement_currency in self._cash:  # told late: a snapshot has begun the next session already
            self._fund(spec, funding_native - self._ended.get(spec.id, ZERO))
            self._ended[spec.id] = funding_native

    def _book_funding(self, spec: Instrument, session: Decimal | None, *, is_session_over: bool) -> None:
        if session is None or spec.settlement_currency not in self._cash:
            return
        self._fund(spec, session - self._funding.get(spec.id, ZERO))
        self._funding[spec.id] = ZERO if is_session_over else session

    def _fund(self, spec: Instrument, more: Decimal) -> None:
        self._cash[spec.settlement_currency] += more
        self.funded[spec.id] = self.funded.get(spec.id, ZERO) + more

    def equity(self, view: MarketView) -> tuple[EquitySeen, ...]:
        """Ours at the newest marks against the venue's newest word, by currency; without one whose mark is missing."""
        found: list[EquitySeen] = []
        for currency, cash in self._cash.items():
            values = [
                None if (mark := _mark(view, lot.spec)) is None else lot.value(mark)
                for lot in self._lots.values()
                if lot.amount_native and lot.spec.settlement_currency == currency
            ]
            if None not in values:
                found.append(
                    EquitySeen(
                        currency=currency,
                        opening_native=self._opening[currency],
                        bot_native=cash + sum((value for value in values if value is not None), ZERO),
                        venue_native=decimal_from_wire(self._seen[currency].equity_native),
                        venue=self._venue,
                    )
                )
        return tuple(found)


def _price(spec: Instrument, told_native: Decimal | float | None) -> Decimal | None:
    """A price of a position; None also for a future's that can be none: a venue's 0 where it has no mark."""
    if told_native is None:
        return None
    price = told_native if isinstance(told_native, Decimal) else decimal_from_wire(told_native)
    return price if spec.is_option or PRICE_MIN <= price <= PRICE_MAX else None


def _money(value: Decimal) -> Decimal:
    return value.quantize(_MONEY_STEP, rounding=ROUND_HALF_EVEN)


def _profit(spec: Instrument, amount: Decimal, entry: Decimal, leave: Decimal) -> Decimal:
    """Settlement currency: N(1/P - 1/Q) coins of an inverse contract, q(Q - P) of a linear one."""
    if not amount:
        return ZERO
    return amount / entry - amount / leave if spec.amount_is_in_usd else amount * (leave - entry)


def _mark(view: MarketView, spec: Instrument) -> Decimal | None:
    option, future = view.options.get(spec.id), view.futures.get(spec.id)
    mark = option.mark_native if option is not None else None if future is None else future.mark_usd
    return None if mark is None else decimal_from_wire(mark)
