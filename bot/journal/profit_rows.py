"""What made the profit, as ledger rows: what each leg has made since its account was opened, told every few minutes.

Knows the table `profits`; not who takes a profit apart. Rows add up in themselves: the newest of a leg tells all.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from bot.domain.time import Ns
from bot.journal.rows import Row, checked


class ProfitRow(Struct, frozen=True, kw_only=True):
    """One leg of a book up to a moment."""

    book: str
    leg: str
    """An instrument, or `collateral`: the price of the coins held."""
    at_ns: Ns
    since_ns: Ns
    """When the account was opened: from there on it counts."""
    currency: str
    """Of native money."""
    total_native: float
    total_usd: float
    parts_native: Mapping[str, float]
    parts_usd: Mapping[str, float]
    """Those that are not zero, by the names `hedgebot pnl` has."""
    steps_count: int
    unexplained_count: int
    """Of those, what the greeks do not explain."""


def profit_row(run_id: str, row: ProfitRow) -> Row:
    """Columns of `profits`."""
    native, usd = (msgspec.json.encode(parts).decode() for parts in (row.parts_native, row.parts_usd))
    figures = (row.total_native, row.total_usd, native, usd, row.steps_count, row.unexplained_count)
    return checked((run_id, row.book, row.leg, row.at_ns, row.since_ns, row.currency, *figures))
