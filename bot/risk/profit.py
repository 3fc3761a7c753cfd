"""Profit in USD since the start, in parts that add up. Off the decision path: nothing decides on it.

Options at the venue's marks; hedge as if traded at the mid of the decision; slippage, fees and funding
apart. The collateral's own price move is in it where the book's convention counts the collateral.
"""

from decimal import Decimal

from bot.domain.events import Filled
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.status import ProfitUsd
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.risk.delivery import payoff_native

_EIGHT_HOURS_NS = 8 * 3600 * NS_PER_S


class Profit:
    """Mutable private state of one engine; every figure in USD."""

    def __init__(self) -> None:
        """Start at zero."""
        self._options = self._hedge = self._slippage = self._fees = self._funding = self._collateral = 0.0
        self._collateral_coin = 0.0
        self._index_usd: float | None = None
        self._qty: dict[InstrumentId, float] = {}
        self._value_usd: dict[InstrumentId, float] = {}
        """Last USD value of one native unit of an option, or last mark of a future."""
        self._funded_ns: dict[InstrumentId, Ns] = {}

    def holds(self, instrument: InstrumentId) -> bool:
        """Whether marks of this instrument matter."""
        return instrument in self._qty

    def adopt(self, instrument: InstrumentId, amount_native: Decimal) -> None:
        """Take over a position as it stands: profit counts from its next mark."""
        self._qty[instrument] = float_from_decimal(amount_native)

    def see_option(self, spec: Instrument, marked: OptionMarked) -> None:
        """Revalue a held option at the venue's mark: premium in coin times the index."""
        value = marked.mark_native
        if value is None:
            return
        if spec.price_is_in_coin:
            if marked.index_usd is None:
                return
            value *= marked.index_usd
        name = spec.id
        before = self._value_usd.get(name)
        if before is not None:
            self._options += self._qty.get(name, 0.0) * (value - before)
        self._value_usd[name] = value

    def see_future(self, spec: Instrument, marked: FutureMarked) -> None:
        """Revalue a held future or perpetual at its mark and accrue its funding since the last one."""
        if marked.mark_usd is None:
            return
        before = self._value_usd.get(spec.id)
        self._value_usd[spec.id] = marked.mark_usd
        qty = self._qty.get(spec.id, 0.0)
        if before is not None:
            self._hedge += move_usd(spec, qty, before, marked.mark_usd)
        since = self._funded_ns.get(spec.id)
        self._funded_ns[spec.id] = marked.received_ns
        if since is not None and marked.funding_rate_8h is not None and marked.index_usd is not None:
            share = (marked.received_ns - since) / _EIGHT_HOURS_NS
            notional = qty * (1.0 if spec.amount_is_in_usd else marked.index_usd)
            self._funding -= notional * marked.funding_rate_8h * share

    def book(self, spec: Instrument, fill: Filled, mid_native: float | None, index_usd: float | None) -> float:
        """Count a fill once; gives its slippage in USD (0.0 where no mid was decided on)."""
        amount = float_from_decimal(fill.amount_native)
        price = float_from_decimal(fill.price_native)
        fee_in_usd = index_usd if fill.fee_currency == spec.base and index_usd is not None else 1.0
        self._fees -= float_from_decimal(fill.fee_native) * fee_in_usd
        self._qty[spec.id] = self._qty.get(spec.id, 0.0) + amount
        if spec.is_option:
            paid = price * (index_usd or 0.0) if spec.price_is_in_coin else price
            self._options += amount * (self._value_usd.setdefault(spec.id, paid) - paid)
            return 0.0
        mark = self._value_usd.setdefault(spec.id, price)
        middle = price if mid_native is None else mid_native
        slippage = move_usd(spec, amount, price, middle)
        self._slippage += slippage
        self._hedge += move_usd(spec, amount, middle, mark)
        return slippage

    def deliver(self, spec: Instrument, delivery_usd: Decimal, index_usd: float | None) -> None:
        """An expired position ends at its settlement value, not at its last mark."""
        amount = self._qty.pop(spec.id, 0.0)
        before = self._value_usd.pop(spec.id, None)
        if before is None:
            return
        pays = float_from_decimal(payoff_native(spec, delivery_usd))
        if spec.is_option:
            coin_usd = index_usd or float_from_decimal(delivery_usd)
            self._options += amount * ((pays * coin_usd if spec.price_is_in_coin else pays) - before)
        else:
            self._hedge += move_usd(spec, amount, before, pays)

    def see_collateral(self, coin: float, index_usd: float) -> None:
        """The coins held so far have moved with the index; from here on it is `coin`."""
        if self._index_usd is not None:
            self._collateral += self._collateral_coin * (index_usd - self._index_usd)
        self._collateral_coin, self._index_usd = coin, index_usd

    def usd(self) -> ProfitUsd:
        """All parts and their sum."""
        parts = (self._options, self._hedge, self._slippage, self._fees, self._funding, self._collateral)
        return ProfitUsd(
            total=sum(parts),
            options=self._options,
            hedge=self._hedge,
            slippage=self._slippage,
            fees=self._fees,
            funding=self._funding,
            collateral=self._collateral,
        )


def move_usd(spec: Instrument, amount_native: float, from_native: float, to_native: float) -> float:
    """USD profit of a signed native amount between two prices.

    Inverse: N (1/P0 - 1/P1) coins, worth P1 each (theory 1.4).
    """
    if spec.amount_is_in_usd:
        return amount_native * (to_native / from_native - 1.0)
    return amount_native * (to_native - from_native)
