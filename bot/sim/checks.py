"""What the venue refuses before an order reaches the book, with its codes (exchange facts 3.5).

Pure checks of one request against one instrument; funds are checked where the money is.
"""

from decimal import Decimal
from typing import Final

from bot.domain.time import Ns
from bot.domain.units import ZERO
from bot.sim.facts import Order, OrderEdit, OrderRequest, OrderType, Side, TimeInForce, VenueSays
from bot.sim.pit import Pit

_LABEL_LENGTH_MAX: Final = 64
"""Exchange facts 3.2."""


def invalid_params(param: str, reason: str) -> VenueSays:
    """-32602 with its data member, as captured from the venue."""
    return VenueSays(-32602, "Invalid params", {"param": param, "reason": reason})


def check_request(request: OrderRequest, pit: Pit, now_ns: Ns) -> tuple[int, int | None]:
    """(lots, price in units; None for a market order). VenueSays when the order cannot be."""
    if request.valid_until_ns is not None and now_ns > request.valid_until_ns:
        raise VenueSays(13888, "timed_out")
    if not pit.is_open:
        raise VenueSays(13019, "orderbook_closed")
    if len(request.label) > _LABEL_LENGTH_MAX:
        raise invalid_params("label", "too long")
    if request.post_only and (request.type is OrderType.MARKET or request.time_in_force is not TimeInForce.GTC):
        raise VenueSays(11055, "post_only_not_allowed")
    return _lots(request, pit), _units(request, pit)


def _lots(request: OrderRequest, pit: Pit) -> int:
    amount = request.amount_native
    if not amount.is_finite() or amount < pit.grid.lot:
        raise VenueSays(10002, "qty_too_low")
    lots = pit.grid.lots_of(amount)
    if lots is None:
        raise VenueSays(10021, "invalid_amount")
    return lots


def _units(request: OrderRequest, pit: Pit) -> int | None:
    if request.type is OrderType.MARKET:
        return None
    price = request.price_native
    if price is None:
        raise invalid_params("price", "must be present")
    if not price.is_finite() or price <= 0:
        raise invalid_params("price", "must be positive")
    units = pit.grid.units_of(price)
    if units is None:
        raise invalid_params("price", "must conform to tick size")
    return units


def edited_request(order: Order, edit: OrderEdit) -> OrderRequest:
    """The order as it would be sent today, with the changes; its amount is the new total."""
    return OrderRequest(
        account=order.account,
        instrument=order.instrument,
        side=order.side,
        amount_native=order.amount_native if edit.amount_native is None else edit.amount_native,
        type=order.type,
        price_native=order.price_native if edit.price_native is None else edit.price_native,
        time_in_force=order.time_in_force,
        post_only=order.post_only if edit.post_only is None else edit.post_only,
        reject_post_only=order.reject_post_only if edit.reject_post_only is None else edit.reject_post_only,
        reduce_only=order.reduce_only if edit.reduce_only is None else edit.reduce_only,
        label=order.label,
        valid_until_ns=edit.valid_until_ns,
        is_api=order.is_api,
    )


def check_band(request: OrderRequest, units: int, pit: Pit, band: tuple[int, int]) -> None:
    """An order may not trade outside the band; resting far away from the market is fine.

    The fact sheet has both clamping and refusing (2.6, conflict): this venue refuses.
    """
    low, high = band
    if request.side is Side.BUY and units > high:
        raise VenueSays(10007, "price_too_high", {"limit": str(pit.grid.price(high))})
    if request.side is Side.SELL and units < low:
        raise VenueSays(10005, "price_too_low", {"limit": str(pit.grid.price(low))})


def reduced_lots(request: OrderRequest, lots: int, held_native: Decimal, pit: Pit) -> int:
    """Lots a reduce-only order keeps: never more than would close the position; 11030 when nothing is left."""
    closes = held_native < 0 if request.side is Side.BUY else held_native > 0
    held_lots = int(abs(held_native) / pit.grid.lot) if closes and held_native != ZERO else 0
    if held_lots == 0:
        raise VenueSays(11030, "other_reject invalid_reduce_only_order")
    return min(lots, held_lots)
