"""Orders and fills as Deribit shows them over REST, and the look-up by label that settles a doubt.

Knows how long the venue remembers what (exchange facts 3.1, 3.2) and what proves absence. Sends only
questions, through the `ask` it is given; must not know how requests travel or what an order is for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.domain.commands import LookUpOrder, PlaceOrder
from bot.domain.errors import ConfigError, MalformedMessage, VenueError
from bot.domain.events import Event, Filled, LookUpFailed, OrderAbsent, OrderAcked, OrderUpdated
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.instruments import Instrument
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns, ms_from_ns
from bot.domain.units import ZERO
from bot.venues import deribit_rest
from bot.venues.contract import NowNs
from bot.venues.deribit_rest import Trades
from bot.venues.deribit_wire import Order, Placed, Trade, filled, is_position_trade, order_updated
from bot.venues.venue_rest import convert

Ask = Callable[[str, dict[str, object]], Awaitable[object]]
"""One background request: method and parameters to result, or BotError."""

ANSWER_ERRORS: Final = (VenueError, MalformedMessage, ConfigError, ValueError)
"""All that can be wrong with an answer, or keep it away."""

_LOOK_UP_WAIT_S_MAX: Final = 10.0
_HISTORY_NS: Final = Ns(23 * 3600 * NS_PER_S)
"""Trades older than 24 h are only returned with `historical`; there is a seam, so both are asked (facts 3.1)."""


class _Shown(Struct):
    """What the venue shows of an order looked up."""

    orders: list[Order]
    trades: list[Trade]
    is_complete: bool
    """Whether the trades reach back to before the order."""


class OrderReader:
    """Reads orders of one account."""

    def __init__(
        self, ask: Ask, listed: Mapping[InstrumentId, Instrument], now_ns: NowNs, offset_ms: Callable[[], int]
    ) -> None:
        """`offset_ms` is venue time minus ours."""
        self._ask: Final = ask
        self._listed: Final = listed
        self._now_ns: Final = now_ns
        self._offset_ms: Final = offset_ms

    def placed(self, command: PlaceOrder, placed: Placed) -> Sequence[Event]:
        """The reply to a new order, which must be about this order and add up; MalformedMessage otherwise.

        Amounts off the lot are looked up before they are believed.
        """
        order, now_ns = placed.order, self._now_ns()
        listed = self._listed.get(order.instrument_name)
        filled_native = deribit_rest.on_lot(order.filled_amount, listed)
        for trade in placed.trades:
            deribit_rest.on_lot(trade.amount, listed)
        amount = deribit_rest.signed(deribit_rest.as_told(order.amount, listed), order.direction)
        told = (order.label, order.instrument_name, amount)
        if told != (command.label, command.instrument, command.amount_native):
            raise MalformedMessage(f"the reply is about {told}, not about this order")
        fills = self._fills(placed.trades, order.order_id, now_ns)
        updated = order_updated(order, now_ns, filled_native)
        traded = ZERO
        for fill in fills:
            traded += abs(fill.amount_native)
        if traded > filled_native:
            raise MalformedMessage(f"trades of order {order.order_id} exceed its filled amount")
        acked = OrderAcked(label=command.label, order_id=order.order_id, received_ns=now_ns)
        return (acked, *fills, updated)

    async def look_up(self, command: LookUpOrder) -> Sequence[Event]:
        """By label, from `not_before_ns` on. Absent only when asked after `valid_until` and nothing shows it.

        A label is not unique at the venue: every order that carries it is told.
        """
        wait_s = (command.not_before_ns - self._now_ns()) / NS_PER_S
        if wait_s > _LOOK_UP_WAIT_S_MAX:
            return (self.not_known(command.label, f"not before {wait_s:.0f} s from now"),)
        await asyncio.sleep(max(0.0, wait_s))
        asked_ns = self._now_ns()
        try:
            shown = await self._shown(command)
            if shown.orders:
                return await self._with_fills(shown.orders, command.instrument)
            if shown.trades:
                return await self._from_trades(shown.trades)
        except ANSWER_ERRORS as error:
            return (self.not_known(command.label, str(error)),)
        if not shown.is_complete:
            return (self.not_known(command.label, f"over {deribit_rest.COUNT_MAX} trades since"),)
        if asked_ns <= command.valid_until_ns:
            return (self.not_known(command.label, "not there, but it may still start"),)
        return (OrderAbsent(label=command.label, received_ns=self._now_ns()),)

    async def _shown(self, command: LookUpOrder) -> _Shown:
        currency = deribit_rest.currency_of(command.instrument)
        result = await self._ask("private/get_order_state_by_label", {"currency": currency, "label": command.label})
        orders = [order for order in convert(result, list[Order]) if order.label == command.label]
        if orders:
            return _Shown(orders, [], is_complete=True)
        # Orders cancelled without a fill vanish within half an hour, and filled ones later: their trades stay.
        since_ms = ms_from_ns(command.valid_until_ns) + self._offset_ms() - 60_000
        trades, is_complete = await self._trades_of(command.instrument, since_ms)
        return _Shown([], [trade for trade in trades if trade.label == command.label], is_complete=is_complete)

    async def _trades_of(self, instrument: InstrumentId, since_ms: int) -> tuple[list[Trade], bool]:
        params: dict[str, object] = {"instrument_name": instrument, "count": deribit_rest.COUNT_MAX, "sorting": "desc"}
        pages = [convert(await self._ask("private/get_user_trades_by_instrument", params), Trades)]
        if since_ms < ms_from_ns(Ns(self._now_ns() - _HISTORY_NS)):
            old = await self._ask("private/get_user_trades_by_instrument", {**params, "historical": True})
            pages.append(convert(old, Trades))
        is_complete = all(
            not page.has_more or min((trade.timestamp for trade in page.trades), default=since_ms) < since_ms
            for page in pages
        )
        return [trade for page in pages for trade in page.trades], is_complete

    async def after_cancel(self, order_id: OrderId, instrument: InstrumentId) -> Sequence[Event]:
        """An order that was gone when it was to be cancelled: its state and its fills."""
        order = convert(await self._ask("private/get_order_state", {"order_id": order_id}), Order)
        return await self._with_fills([order], instrument)

    async def _with_fills(self, orders: list[Order], instrument: InstrumentId) -> Sequence[Event]:
        """Fills first, then states, of orders the venue shows."""
        fills: list[Filled] = []
        if any(order.filled_amount for order in orders):
            since_ms = min(order.last_update_timestamp for order in orders)
            trades, _ = await self._trades_of(instrument, since_ms)
            for order in orders:
                own = [trade for trade in trades if trade.order_id == order.order_id]
                fills += self._fills(own, order.order_id, self._now_ns())
        return (*fills, *(self.updated(order) for order in orders))

    async def _from_trades(self, trades: list[Trade]) -> Sequence[Event]:
        """Orders the venue no longer lists, but whose trades it keeps: what is open is listed, so they are over."""
        events: list[Event] = []
        for order_id in dict.fromkeys(trade.order_id for trade in trades):
            own = [trade for trade in trades if trade.order_id == order_id]
            fills = self._fills(own, order_id, self._now_ns())
            last = max(fills, key=lambda fill: fill.venue_ns)
            events += fills
            events.append(
                OrderUpdated(
                    label=last.label or Label(""),
                    order_id=order_id,
                    instrument=last.instrument,
                    state=VenueOrderState.CANCELLED,
                    filled_native=sum((abs(fill.amount_native) for fill in fills), ZERO),
                    received_ns=last.received_ns,
                    venue_ns=last.venue_ns,
                )
            )
        return events

    def _fills(self, trades: Sequence[Trade], order_id: str, now_ns: Ns) -> list[Filled]:
        fills = []
        for trade in trades:
            if trade.order_id != order_id:
                raise MalformedMessage(f"trade {trade.trade_id} of order {trade.order_id} came with {order_id}")
            if is_position_trade(trade):
                amount = self._as_told(trade.instrument_name, trade.amount)
                fills.append(filled(trade, now_ns, amount))
        return fills

    def updated(self, order: Order) -> OrderUpdated:
        """State of an order."""
        return order_updated(order, self._now_ns(), self._as_told(order.instrument_name, order.filled_amount))

    def _as_told(self, instrument: InstrumentId, value: float) -> Decimal:
        return deribit_rest.as_told(value, self._listed.get(instrument))

    def not_known(self, label: Label, cause: str) -> LookUpFailed:
        """No answer, and why."""
        return LookUpFailed(label=label, received_ns=self._now_ns(), cause=cause)
