"""The looks of a run as columns: what a band policy is asked with at each, and what the market then did to the hedge.

Taken from the daemon's own engine, one pass for all policies and parameters: greeks, costs and doubt are those it
decided on. Knows nothing of bands.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.book import BookParams
from bot.domain.decided import Outcome
from bot.domain.market_events import FutureMarked
from bot.domain.units import float_from_decimal
from bot.engine import Engine
from bot.research.ideal import Ideal, Look, Looks, still

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_UNKNOWN: Final = dict.fromkeys(("is_seen", "is_open", "is_marked", "mark_ns"), 0)
_KINDS: Final = {
    "now_ns": np.int64,
    "mark_ns": np.int64,
    "is_seen": np.bool_,
    "is_open": np.bool_,
    "is_marked": np.bool_,
}


class Strip(NamedTuple):
    """A row for each look; what was not known there is NaN."""

    now_ns: IntArray
    is_seen: NDArray[np.bool_]
    """The delta was known, at least as an interval."""
    is_open: NDArray[np.bool_]
    """Nothing forbade a hedge: market, account, spread."""
    is_marked: NDArray[np.bool_]
    """The hedge instrument has told a new mark."""
    mark_ns: IntArray
    """When that was."""
    delta_coin: FloatArray
    """Of the options."""
    below_coin: FloatArray
    """How far the net delta may lie below the best estimate, <= 0, and above it."""
    above_coin: FloatArray
    gamma_coin_per_usd: FloatArray
    gross_coin: FloatArray
    price_usd: FloatArray
    """Mark of the hedge instrument."""
    bid_usd: FloatArray
    ask_usd: FloatArray
    index_usd: FloatArray
    funding_rate_8h: FloatArray
    iv: FloatArray
    tau_years: FloatArray


class Facts(NamedTuple):
    """What is the same at every look."""

    is_inverse: bool
    lot_native: float
    fee_rate: float
    """Of taking."""
    options_usd: float
    """What the options made over all looks."""


def strip_of(seen: Looks, book: BookParams) -> tuple[Strip, Facts]:
    """By one pass of the engine with a band it never leaves; `book` is idealised."""
    ideal = Ideal(seen, still(book))
    rows, last = _Rows(book), None
    for look, outcome in ideal.play():
        last = rows.add(ideal.engine, look, outcome, last)
    spec = ideal.engine.view.instruments[book.hedge_instrument]
    facts = Facts(
        is_inverse=spec.amount_is_in_usd,
        lot_native=float_from_decimal(spec.lot_native),
        fee_rate=float_from_decimal(spec.fee_rate_taker),
        options_usd=ideal.engine.account.profit.usd().options,
    )
    return rows.strip(), facts


class _Rows:
    """Columns as they grow."""

    def __init__(self, book: BookParams) -> None:
        self._book = book
        self._columns: dict[str, list[float]] = {name: [] for name in Strip._fields}

    def add(self, engine: Engine, look: Look, outcome: Outcome, last: FutureMarked | None) -> FutureMarked | None:
        """One look; the mark of the hedge instrument it ended with. `last`: of the look before."""
        marked = engine.view.futures.get(self._book.hedge_instrument)
        is_marked = marked is not None and marked is not last and marked.mark_usd is not None
        cells: dict[str, float | None] = {"now_ns": look.now_ns, "is_marked": is_marked}
        if marked is not None:
            cells |= {"mark_ns": marked.received_ns, "price_usd": marked.mark_usd, "index_usd": marked.index_usd}
            cells["funding_rate_8h"] = marked.funding_rate_8h
        cells |= self._decided(engine, outcome)
        for name, column in self._columns.items():
            value = cells.get(name)
            column.append(value if value is not None else _UNKNOWN.get(name, math.nan))
        return marked

    def _decided(self, engine: Engine, outcome: Outcome) -> dict[str, float | None]:
        looked = engine.looked
        if outcome.decided is None or looked is None or looked.inputs is None or looked.now is None:
            return {}
        inputs, now = looked.inputs, looked.now
        net = now.exposure.delta_coin_net
        spread_bps = (now.ask_usd - now.bid_usd) / now.price_usd * 1e4
        return {
            "is_seen": True,
            "is_open": now.blocked is None
            and now.hedge_cause is None
            and spread_bps <= self._book.trust.spread_bps_max,
            "delta_coin": inputs.delta_coin_options,
            "below_coin": now.exposure.delta_coin_low - net,
            "above_coin": now.exposure.delta_coin_high - net,
            "gamma_coin_per_usd": inputs.gamma_coin_per_usd,
            "gross_coin": inputs.option_coin_gross,
            "price_usd": inputs.price_usd,
            "bid_usd": now.bid_usd,
            "ask_usd": now.ask_usd,
            "iv": inputs.iv_mark,
            "tau_years": inputs.tau_years,
        }

    def strip(self) -> Strip:
        """As numpy has them."""
        return Strip(**{name: np.array(column, _KINDS.get(name)) for name, column in self._columns.items()})
