"""Closing what is held of the hedge instruments, because somebody asked for it: which, how much, and when not.

Pure. Looks at no delta: what is left afterwards is unhedged, on purpose. No option is ever named here.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.units import ZERO, Rounding, coin_from_amount, round_to_step
from bot.hedging.decide import Verdict, largest_native
from bot.hedging.division import Part
from bot.hedging.situation import Hedge
from bot.risk.limits import Limits


class Ways(Struct, frozen=True, kw_only=True):
    """What else a closing order has to mind."""

    limits: Limits
    spread_bps_max: float
    hedge_cause: DistrustCause | None
    """Why the quote cannot be traded on; None: it can."""
    has_pending: bool
    is_backing_off: bool
    orders_last_minute: int


class Closing(NamedTuple):
    """What to do now, and the order of it; none unless something is traded."""

    verdict: Verdict
    parts: tuple[Part, ...] = ()


def next_to_close(
    hedges: Sequence[InstrumentId],
    held: Mapping[InstrumentId, Decimal],
    listed: Mapping[InstrumentId, Instrument],
) -> InstrumentId | None:
    """The first hedge instrument of which something that can be traded is held; None: all are flat."""
    return next((name for name in hedges if name in listed and closable(listed[name], held.get(name, ZERO))), None)


def closable(spec: Instrument, held_native: Decimal) -> Decimal:
    """What of a position can be closed: whole lots, signed like the position."""
    lots = round_to_step(abs(held_native), spec.lot_native, Rounding.TOWARD_ZERO)
    return lots if held_native > ZERO else -lots


def closing(hedge: Hedge | None, held_native: Decimal, ways: Ways) -> Closing:
    """The next order of a flattening, cut to the largest order allowed; doubt about the market waits."""
    if ways.has_pending:
        return Closing(Verdict(action=Action.SKIP, reason=Reason.ORDER_PENDING))
    touch = None if hedge is None else hedge.touch
    is_quoted = touch is not None and touch.bid_native is not None and touch.ask_native is not None
    if hedge is None or not is_quoted or ways.hedge_cause is not None:
        cause = "no touch" if ways.hedge_cause is None else ways.hedge_cause.value
        return _refuse(Reason.HEDGE_QUOTE_DISTRUSTED, cause if hedge is None else f"{hedge.spec.id}: {cause}")
    if ways.is_backing_off:
        return _refuse(Reason.BACKING_OFF, "the venue refused an order a moment ago")
    return _limited(hedge, ways) or _order(hedge, held_native, ways)


def _limited(hedge: Hedge, ways: Ways) -> Closing | None:
    touch = hedge.touch
    assert touch is not None, "quoted, as asked before"
    spread_bps = ((touch.ask_native or 0.0) - (touch.bid_native or 0.0)) / hedge.price_usd * 1e4
    if spread_bps > ways.spread_bps_max:
        return _refuse(Reason.SPREAD_TOO_WIDE, f"spread {spread_bps:.1f} bps over {ways.spread_bps_max:g} bps")
    if ways.orders_last_minute >= ways.limits.orders_per_minute_max:
        text = f"{ways.orders_last_minute} orders in the last minute, limit {ways.limits.orders_per_minute_max}"
        return _refuse(Reason.LIMIT_ORDER_RATE, text)
    return None


def _order(hedge: Hedge, held_native: Decimal, ways: Ways) -> Closing:
    spec, whole = hedge.spec, -closable(hedge.spec, held_native)
    largest = largest_native(ways.limits, spec, hedge.price_usd)
    amount = max(min(whole, largest), -largest)
    if amount == ZERO:
        text = f"one lot of {spec.lot_native} is over the largest order of {ways.limits.order_usd_max:g} USD"
        return _refuse(Reason.LIMIT_ORDER_USD, text)
    trade_coin = coin_from_amount(spec, amount, hedge.price_usd)
    verdict = Verdict(
        action=Action.HEDGE,
        reason=Reason.FLATTENING,
        detail=f"{held_native} {spec.id} are held",
        amount_native=amount,
        amount_max_native=whole,
        taker_native=amount,
        trade_coin=trade_coin,
        is_urgent=True,
    )
    part = Part(
        instrument=spec,
        amount_native=amount,
        amount_max_native=whole,
        taker_native=amount,
        trade_coin=trade_coin,
        price_usd=hedge.price_usd,
    )
    return Closing(verdict, (part,))


def _refuse(reason: Reason, detail: str) -> Closing:
    return Closing(Verdict(action=Action.REFUSE, reason=reason, detail=detail))
