"""What must be true of the venue at any moment, checked over plain facts.

Each check returns the violations in words, none when all is well. Knows facts only, so that it can be run over
what a client was told as well as over what the venue keeps.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from bot.domain.units import ZERO
from bot.sim.facts import Order, OrderState, Position, Side, Touch, Trade


def positions_match_fills(
    positions: Iterable[Position], trades: Iterable[Trade], seeded_native: Mapping[str, Decimal]
) -> list[str]:
    """Every position is what it was seeded with plus the signed sum of the account's trades.

    Instruments that are not among the positions (delivered, or forgotten when flat) are not looked at.
    """
    sums: dict[str, Decimal] = dict(seeded_native)
    for trade in trades:
        signed = trade.amount_native if trade.side is Side.BUY else -trade.amount_native
        sums[trade.instrument] = sums.get(trade.instrument, ZERO) + signed
    return [
        f"{position.instrument}: position {position.size_native}, fills add up to {sums.get(position.instrument, ZERO)}"
        for position in positions
        if position.size_native != sums.get(position.instrument, ZERO)
    ]


def orders_match_trades(orders: Iterable[Order], trades: Iterable[Trade]) -> list[str]:
    """An order's filled amount is the sum of its trades, within its amount, and its state agrees."""
    sums: dict[str, Decimal] = {}
    for trade in trades:
        if trade.order_id is not None:
            sums[trade.order_id] = sums.get(trade.order_id, ZERO) + trade.amount_native
    wrong: list[str] = []
    for order in orders:
        traded = sums.get(order.order_id, ZERO)
        if order.filled_native != traded:
            wrong.append(f"order {order.order_id}: filled {order.filled_native}, trades add up to {traded}")
        if order.filled_native > order.amount_native:
            wrong.append(f"order {order.order_id}: filled {order.filled_native} of {order.amount_native}")
        if (order.state is OrderState.FILLED) != (order.filled_native == order.amount_native):
            wrong.append(f"order {order.order_id}: {order.state} with {order.filled_native} of {order.amount_native}")
    return wrong


def labels_unique(orders: Iterable[Order]) -> list[str]:
    """No label stands on two orders: the venue would allow it, the bot must not do it (exchange facts 3.2)."""
    first: dict[str, str] = {}
    wrong: list[str] = []
    for order in orders:
        if not order.label:
            continue
        earlier = first.setdefault(order.label, order.order_id)
        if earlier != order.order_id:
            wrong.append(f"label {order.label}: on orders {earlier} and {order.order_id}")
    return wrong


def trade_ids_unique(trades: Iterable[Trade]) -> list[str]:
    """A trade id occurs once per currency."""
    seen: dict[tuple[str | None, str], str] = {}
    wrong: list[str] = []
    for trade in trades:
        key = (trade.fee_currency, trade.trade_id)
        if key in seen:
            wrong.append(f"trade {trade.trade_id}: in {seen[key]} and again in {trade.instrument}")
        seen[key] = trade.instrument
    return wrong


def not_crossed(instrument: str, touch: Touch) -> list[str]:
    """The best bid is below the best ask."""
    bid, ask = touch.bid_native, touch.ask_native
    if bid is not None and ask is not None and bid >= ask:
        return [f"{instrument}: bid {bid} is not below ask {ask}"]
    return []
