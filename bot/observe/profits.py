"""Profit of a run taken apart: per leg and in all, in parts that add up. Words of `hedgebot pnl`; filled by `drive`.

Native money is the currency a contract settles in. Every part is signed, + gain.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.domain.ids import InstrumentId
from bot.domain.time import Ns


class Parts(Struct, frozen=True):
    """One amount of money by what made it; `total` is the sum of the fields."""

    theta: float = 0.0
    delta: float = 0.0
    gamma: float = 0.0
    vega: float = 0.0
    vanna: float = 0.0
    volga: float = 0.0
    residual: float = 0.0
    """Of an option's model value beyond the six terms."""
    mark_rounding: float = 0.0
    """The venue's mark less the model's value of the same forward and volatility."""
    hedge: float = 0.0
    """Perpetuals and futures, had they moved as the index did."""
    basis: float = 0.0
    """What they moved otherwise."""
    slippage: float = 0.0
    """Fills against the mid at the decision."""
    fee: float = 0.0
    funding: float = 0.0
    settlement: float = 0.0
    """Deliveries at another price than was expected, and what the venue rounds away."""
    collateral: float = 0.0
    """Price of the coins held; in USD only."""

    @property
    def total(self) -> float:
        """Of all parts."""
        return math.fsum(structs.astuple(self))

    def grouped(self) -> "Groups":
        """As a desk speaks of it."""
        return Groups(
            residual_delta=self.delta + self.hedge,
            carry=self.theta + self.gamma,
            volatility=self.vega + self.vanna + self.volga,
            basis=self.basis,
            costs=self.slippage + self.fee + self.funding,
            residual=self.residual,
            mark_rounding=self.mark_rounding,
            settlement=self.settlement,
            collateral=self.collateral,
            total=self.total,
        )


class Groups(Struct, frozen=True, kw_only=True):
    """The same money in a desk's words (theory 5.2)."""

    residual_delta: float
    """Options' delta and the hedge together: what was left open, times the move."""
    carry: float
    """Gamma less theta: the scalping itself."""
    volatility: float
    basis: float
    costs: float
    residual: float
    mark_rounding: float
    settlement: float
    collateral: float
    total: float


NOTHING: Final = Parts()


def added(parts: Iterable[Parts]) -> Parts:
    """Part by part, compensated."""
    columns = zip(*(structs.astuple(one) for one in (NOTHING, *parts)), strict=True)
    names = (field.name for field in structs.fields(Parts))
    return Parts(**dict(zip(names, map(math.fsum, columns), strict=True)))


class Waterfall(Struct, frozen=True, kw_only=True):
    """The options' model value revalued with one input after the other; adds up identically."""

    theta: float
    spot: float
    vol: float
    gamma_carry: float
    """Beside them: Gamma F^2 / 2 (r^2 - iv^2 dt), step by step."""


class LegProfit(Struct, frozen=True, kw_only=True):
    """One instrument over the run."""

    instrument: InstrumentId
    currency: str
    native: Parts
    usd: Parts
    waterfall_usd: Waterfall | None
    """None of what is no option."""
    steps_count: int
    unexplained_count: int
    """Steps whose residual is over 10 % of gamma and 1 % of delta."""


class StepUnexplained(Struct, frozen=True):
    """A step the Taylor terms do not explain."""

    instrument: InstrumentId
    start_ns: Ns
    end_ns: Ns
    delta_usd: float
    gamma_usd: float
    residual_usd: float


class CurrencyClosed(Struct, frozen=True, kw_only=True):
    """One currency of the account: what the parts add up to beside what it made."""

    currency: str
    parts_native: float
    books_native: Decimal
    """Equity by our own books, less the opening."""
    venue_native: Decimal
    """By the venue's last word, less the opening; of a moment ago."""
    apart_native: float
    """Parts less our books."""
    tolerance_native: float
    """Eight decimals of every booking, and the floats' own error."""


class ProfitReport(Struct, frozen=True, kw_only=True):
    """Of one book's run."""

    run_id: str
    mode: str
    book: str
    start_ns: Ns
    end_ns: Ns
    legs: tuple[LegProfit, ...]
    usd: Parts
    groups_usd: Groups
    wealth_usd: float
    """What the account's USD value made by our books: coins at the index; the parts in USD add up to it."""
    currencies: tuple[CurrencyClosed, ...]
    steps_count: int
    unexplained: tuple[StepUnexplained, ...]
    """The first ones; all of them are counted by leg."""
    problem: str
    """Why it does not close; empty when it does."""
