"""Orders and account requests at Deribit: commands in, events out, nothing is ever sent twice.

Knows the meaning of each answer and each silence (exchange facts 3.1, 3.2, 3.5). The raw `private/buy`
is used through ccxt, not its `create_order`: that one truncates amounts in silence, ignores the tick
ladder and needs the market list of the whole venue (facts 4.1). Must not know why an order is wanted.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.errors import ConfigError, MalformedMessage, VenueError, VenueRefused, VenueUnreachable
from bot.domain.events import (
    Event,
    Filled,
    LookUpFailed,
    OrderAbsent,
    OrderAcked,
    OrderRefused,
    OrderUnknown,
    OrderUpdated,
    PositionSeen,
    SnapshotFailed,
    SnapshotTaken,
    VenueOrderState,
)
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.instruments import Instrument
from bot.domain.reasons import RefusalKind
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns, ms_from_ns
from bot.domain.units import ZERO
from bot.venues import deribit, deribit_rest
from bot.venues.budget import BackgroundLimit, CreditBucket, OrderRate
from bot.venues.ccxt_client import CcxtClient
from bot.venues.contract import NowNs
from bot.venues.deribit_errors import UNKNOWN, order_outcome
from bot.venues.deribit_rest import IndexPrice, Placed, Position, Scope, Trades, convert, on_lot
from bot.venues.deribit_wire import Order, Portfolio, Trade, account_seen, filled, is_position_trade, order_updated
from bot.venues.settings import VenueSettings

_NOT_SENT: Final = 0
"""`code` of refusals the venue never heard of."""
_ORDER_WAIT_S_MAX: Final = 1.0
_CANCEL_WAIT_S_MAX: Final = 3.0
_LOOK_UP_WAIT_S_MAX: Final = 10.0
_OFFSET_MS_MAX: Final = 30_000
"""The venue refuses signatures 60 s off; half of it means that a clock is wrong."""
_SNAPSHOT_TRIES: Final = 5
_SNAPSHOT_PAUSE_S: Final = 0.2
_HISTORY_NS: Final = Ns(23 * 3600 * NS_PER_S)
"""Trades older than 24 h are only returned with `historical`; there is a seam, so both are asked (facts 3.1)."""
_TOO_MANY_REQUESTS: Final = 10028

_ANSWER_ERRORS: Final = (VenueError, MalformedMessage, ConfigError)


class _Shown(Struct):
    """What the venue shows of an order looked up."""

    orders: list[Order]
    trades: list[Trade]
    is_complete: bool
    """Whether the trades reach back to before the order."""


class DeribitGateway:
    """`Gateway` and `Canceller` over ccxt. One per process and account."""

    def __init__(self, settings: VenueSettings, now_ns: NowNs, nonce: str, order_rate: OrderRate | None = None) -> None:
        """`nonce` is used for the one log-in that reads the key's scope."""
        self._settings: Final = settings
        self._now_ns: Final = now_ns
        self._nonce: Final = nonce
        self._client: Final = CcxtClient(settings)
        self._credits: Final = CreditBucket(order_rate or OrderRate(), asyncio.get_running_loop().time)
        self._background: Final = BackgroundLimit()
        self._listed: Final[dict[InstrumentId, Instrument]] = {}
        self._offset_ms = 0
        self.scope: str = ""
        """What the key may do, as the venue says; empty without a key."""

    # --- opening -----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, measure the clock, check the key: it must trade and must not withdraw (facts 3.7)."""
        self._client.open()
        await self._measure_offset()
        if abs(self._offset_ms) > _OFFSET_MS_MAX:
            raise ConfigError(f"clock: this host is {self._offset_ms} ms away from the venue; synchronise it")
        credentials = self._settings.credentials
        if credentials is None:
            return
        params = deribit.login_params(credentials, ms_from_ns(self._now_ns()) + self._offset_ms, self._nonce)
        try:
            # Without a scope parameter: the answer names all the key may do.
            self.scope = convert(await self._ask("public/auth", params), Scope).scope
        except VenueRefused as error:
            raise ConfigError(f"venue key: refused with {error.code}; check key and secret") from None
        scopes = set(self.scope.split())
        if "wallet:read_write" in scopes:
            raise ConfigError("venue key: it may withdraw (wallet:read_write); create one with wallet:none")
        if "trade:read_write" not in scopes:
            raise ConfigError(f"venue key: it may not trade; it needs trade:read_write, it has {self.scope!r}")

    async def close(self) -> None:
        """Close connections; never raises."""
        await self._client.close()

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """All open options, futures and perpetuals on a coin; two narrow calls instead of the whole venue."""
        found: list[Instrument] = []
        for currency in (base, "USDC"):
            rows = await self._ask("public/get_instruments", {"currency": currency, "expired": "false"})
            read = (deribit_rest.instrument_from(row, self._settings) for row in convert(rows, list[object]))
            found += [instrument for instrument in read if instrument is not None and instrument.base == base]
        self._listed.update((instrument.id, instrument) for instrument in found)
        return tuple(found)

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""
        result = await self._ask("public/get_index_price", {"index_name": index_name})
        return convert(result, IndexPrice).index_price

    # --- orders ------------------------------------------------------------------------------------

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send once. Whatever happens after the first byte left and is no definite answer is OrderUnknown."""
        label = command.label
        left_s = (command.valid_until_ns - self._now_ns()) / NS_PER_S
        if not await self._credits.take(is_cancel=False, wait_s=min(_ORDER_WAIT_S_MAX, left_s)):
            return (self._refused(label, "own_order_budget", RefusalKind.BACK_OFF),)
        if self._now_ns() >= command.valid_until_ns:
            return (self._refused(label, "expired_before_sending", RefusalKind.NOT_EXECUTED),)
        method = "private/buy" if command.amount_native > 0 else "private/sell"
        try:
            result = await self._client.call(method, self._order_params(command))
            return self._placed(command, convert(result, Placed))
        except VenueRefused as error:
            return (self._verdict(label, error),)
        except VenueUnreachable as error:
            return (self._refused(label, f"not_sent: {error}", RefusalKind.BACK_OFF),)
        except (*_ANSWER_ERRORS, ValueError) as error:
            return (OrderUnknown(label=label, received_ns=self._now_ns(), cause=str(error)),)

    def _order_params(self, command: PlaceOrder) -> dict[str, object]:
        # Booleans as the query string wants them; post_only is sent because the documents differ on its default.
        return {
            "instrument_name": command.instrument,
            "amount": f"{abs(command.amount_native):f}",
            "type": "limit",
            "price": f"{command.price_native:f}",
            "time_in_force": "immediate_or_cancel",
            "label": command.label,
            "valid_until": ms_from_ns(command.valid_until_ns) + self._offset_ms,
            "post_only": "false",
            "reduce_only": "false",
        }

    def _placed(self, command: PlaceOrder, placed: Placed) -> Sequence[Event]:
        order, now_ns = placed.order, self._now_ns()
        amount = deribit_rest.signed(self._on_lot(order.instrument_name, order.amount), order.direction)
        told = (order.label, order.instrument_name, amount)
        if told != (command.label, command.instrument, command.amount_native):
            raise MalformedMessage(f"the reply is about {told}, not about this order")
        fills = self._fills(placed.trades, order.order_id)
        updated = self._updated(order)
        if sum((abs(fill.amount_native) for fill in fills), ZERO) > updated.filled_native:
            raise MalformedMessage(f"trades of order {order.order_id} exceed its filled amount")
        acked = OrderAcked(label=command.label, order_id=OrderId(order.order_id), received_ns=now_ns)
        return (acked, *fills, updated)

    def _verdict(self, label: Label, error: VenueRefused) -> Event:
        row = order_outcome(error.code)
        if error.code == _TOO_MANY_REQUESTS:
            self._credits.drain()
        # "Gone" is an answer about an older order: on a new one it explains nothing.
        if row.outcome is UNKNOWN or row.outcome is RefusalKind.GONE:
            return OrderUnknown(label=label, received_ns=self._now_ns(), cause=f"{error.code} {row.name}")
        return OrderRefused(
            label=label, received_ns=self._now_ns(), code=error.code, name=row.name, kind=RefusalKind(row.outcome)
        )

    def _refused(self, label: Label, name: str, kind: RefusalKind) -> OrderRefused:
        return OrderRefused(label=label, received_ns=self._now_ns(), code=_NOT_SENT, name=name, kind=kind)

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """OrderUpdated; an order already gone is asked for; LookUpFailed when nothing definite is known."""
        if not await self._credits.take(is_cancel=True, wait_s=_CANCEL_WAIT_S_MAX):
            return (self._not_known(command.label, "own order budget"),)
        try:
            result = await self._client.call("private/cancel", {"order_id": command.order_id})
            return (self._updated(convert(result, Order)),)
        except VenueRefused as error:
            if order_outcome(error.code).outcome is not RefusalKind.GONE:
                return (self._not_known(command.label, str(error)),)
        except (*_ANSWER_ERRORS, ValueError) as error:
            return (self._not_known(command.label, str(error)),)
        try:
            order = convert(await self._ask("private/get_order_state", {"order_id": command.order_id}), Order)
            return await self._with_fills([order], command.instrument)
        except (*_ANSWER_ERRORS, ValueError) as error:
            return (self._not_known(command.label, str(error)),)

    # --- looking up --------------------------------------------------------------------------------

    async def look_up(self, command: LookUpOrder) -> Sequence[Event]:
        """By label, from `not_before_ns` on. Absent only when asked after `valid_until` and nothing shows it.

        A label is not unique at the venue: every order that carries it is told.
        """
        wait_s = (command.not_before_ns - self._now_ns()) / NS_PER_S
        if wait_s > _LOOK_UP_WAIT_S_MAX:
            return (self._not_known(command.label, f"not before {wait_s:.0f} s from now"),)
        await asyncio.sleep(max(0.0, wait_s))
        asked_ns = self._now_ns()
        try:
            shown = await self._shown(command)
            if shown.orders:
                return await self._with_fills(shown.orders, command.instrument)
            if shown.trades:
                return await self._from_trades(shown.trades)
        except (*_ANSWER_ERRORS, ValueError) as error:
            return (self._not_known(command.label, str(error)),)
        if not shown.is_complete:
            return (self._not_known(command.label, f"over {deribit_rest.COUNT_MAX} trades since"),)
        if asked_ns <= command.valid_until_ns:
            return (self._not_known(command.label, "not there, but it may still start"),)
        return (OrderAbsent(label=command.label, received_ns=self._now_ns()),)

    async def _shown(self, command: LookUpOrder) -> _Shown:
        currency = deribit_rest.currency_of(command.instrument)
        result = await self._ask("private/get_order_state_by_label", {"currency": currency, "label": command.label})
        orders = [order for order in convert(result, list[Order]) if order.label == command.label]
        if orders:
            return _Shown(orders, [], is_complete=True)
        # Orders cancelled without a fill vanish within half an hour, and filled ones later: their trades stay.
        since_ms = ms_from_ns(command.valid_until_ns) + self._offset_ms - 60_000
        trades, is_complete = await self._trades_of(command.instrument, since_ms)
        return _Shown([], [trade for trade in trades if trade.label == command.label], is_complete=is_complete)

    async def _trades_of(self, instrument: InstrumentId, since_ms: int) -> tuple[list[Trade], bool]:
        params: dict[str, object] = {"instrument_name": instrument, "count": deribit_rest.COUNT_MAX, "sorting": "desc"}
        pages = [convert(await self._ask("private/get_user_trades_by_instrument", params), Trades)]
        if since_ms < ms_from_ns(Ns(self._now_ns() - _HISTORY_NS)):
            old = await self._ask("private/get_user_trades_by_instrument", {**params, "historical": "true"})
            pages.append(convert(old, Trades))
        is_complete = all(
            not page.has_more or min((trade.timestamp for trade in page.trades), default=since_ms) < since_ms
            for page in pages
        )
        return [trade for page in pages for trade in page.trades], is_complete

    async def _with_fills(self, orders: list[Order], instrument: InstrumentId) -> Sequence[Event]:
        """Fills first, then states, of orders the venue shows."""
        fills: list[Filled] = []
        if any(order.filled_amount for order in orders):
            since_ms = min(order.last_update_timestamp for order in orders)
            trades, _ = await self._trades_of(instrument, since_ms)
            for order in orders:
                fills += self._fills([t for t in trades if t.order_id == order.order_id], order.order_id)
        return (*fills, *(self._updated(order) for order in orders))

    async def _from_trades(self, trades: list[Trade]) -> Sequence[Event]:
        """Orders the venue no longer lists, but whose trades it keeps: immediate-or-cancel, so they are over."""
        events: list[Event] = []
        for order_id in dict.fromkeys(trade.order_id for trade in trades):
            fills = self._fills([trade for trade in trades if trade.order_id == order_id], order_id)
            last = max(fills, key=lambda fill: fill.venue_ns)
            events += fills
            events.append(
                OrderUpdated(
                    label=last.label or Label(""),
                    order_id=OrderId(order_id),
                    instrument=last.instrument,
                    state=VenueOrderState.CANCELLED,
                    filled_native=sum((abs(fill.amount_native) for fill in fills), ZERO),
                    received_ns=last.received_ns,
                    venue_ns=last.venue_ns,
                )
            )
        return events

    def _fills(self, trades: Sequence[Trade], order_id: str) -> list[Filled]:
        fills = []
        for trade in trades:
            if trade.order_id != order_id:
                raise MalformedMessage(f"trade {trade.trade_id} of order {trade.order_id} came with {order_id}")
            if is_position_trade(trade):
                fill = filled(trade, self._now_ns())
                amount = deribit_rest.signed(self._on_lot(trade.instrument_name, trade.amount), trade.direction)
                fills.append(structs.replace(fill, amount_native=amount))
        return fills

    def _updated(self, order: Order) -> OrderUpdated:
        updated = order_updated(order, self._now_ns())
        return structs.replace(updated, filled_native=self._on_lot(order.instrument_name, order.filled_amount))

    def _on_lot(self, instrument: InstrumentId, value: float) -> Decimal:
        return on_lot(value, self._listed.get(instrument))

    def _not_known(self, label: Label, cause: str) -> LookUpFailed:
        return LookUpFailed(label=label, received_ns=self._now_ns(), cause=cause)

    # --- the account -------------------------------------------------------------------------------

    async def snapshot(self) -> Sequence[Event]:
        """Positions, open orders and fills that belong together: positions read before and after agree.

        `instruments` comes first: fills are read for the currencies listed there.
        """
        assert self._listed, "instruments() must be read before snapshot()"
        try:
            await self._measure_offset()
            before = await self._positions()
            for _ in range(_SNAPSHOT_TRIES):
                requested_ns = self._now_ns()
                orders = convert(await self._ask("private/get_open_orders", {}), list[Order])
                fills = await self._recent_fills()
                summaries = convert(await self._ask("private/get_account_summaries", {}), dict[str, object])
                after = await self._positions()
                if before == after:
                    break
                before = after
                await asyncio.sleep(_SNAPSHOT_PAUSE_S)
            else:
                cause = f"positions changed while being read, {_SNAPSHOT_TRIES} times in a row"
                return (SnapshotFailed(received_ns=self._now_ns(), cause=cause),)
            now_ns = self._now_ns()
            rows = convert(summaries.get("summaries"), list[Portfolio])
            taken = SnapshotTaken(
                positions=after,
                open_orders=tuple(
                    deribit_rest.order_seen(order, self._listed.get(order.instrument_name)) for order in orders
                ),
                fills=tuple(fills),
                requested_ns=requested_ns,
                received_ns=now_ns,
            )
        except (*_ANSWER_ERRORS, ValueError) as error:
            return (SnapshotFailed(received_ns=self._now_ns(), cause=str(error)),)
        return (*(account_seen(row, now_ns) for row in rows), taken)

    async def _positions(self) -> tuple[PositionSeen, ...]:
        rows = convert(await self._ask("private/get_positions", {}), list[Position])
        seen = (deribit_rest.position_seen(row, self._listed.get(row.instrument_name)) for row in rows)
        return tuple(sorted((item for item in seen if item is not None), key=lambda item: item.instrument))

    async def _recent_fills(self) -> list[Filled]:
        """Of the currencies whose instruments were listed: the coin's own and USDC."""
        fills: list[Filled] = []
        for currency in sorted({instrument.settlement_currency for instrument in self._listed.values()}):
            params = {"currency": currency, "count": deribit_rest.COUNT_MAX, "sorting": "desc"}
            page = convert(await self._ask("private/get_user_trades_by_currency", params), Trades)
            fills += [filled(trade, self._now_ns()) for trade in page.trades if is_position_trade(trade)]
        return fills

    # --- the watchdog's view -----------------------------------------------------------------------

    async def open_orders(self) -> Sequence[tuple[OrderId, Label | None]]:
        """Open orders of the account, all currencies."""
        orders = convert(await self._ask("private/get_open_orders", {}), list[Order])
        return [(OrderId(order.order_id), Label(order.label) if order.label else None) for order in orders]

    async def cancel_order(self, order_id: OrderId) -> None:
        """Cancel one; VenueError when that is not certain."""
        if not await self._credits.take(is_cancel=True, wait_s=_CANCEL_WAIT_S_MAX):
            raise VenueUnreachable("own order budget")
        await self._client.call("private/cancel", {"order_id": order_id})

    # --- asking ------------------------------------------------------------------------------------

    async def _ask(self, method: str, params: dict[str, object]) -> object:
        await self._background.wait_turn()
        return await self._client.call(method, params)

    async def _measure_offset(self) -> None:
        """Venue time minus ours, at the middle of the request."""
        sent_ns = self._now_ns()
        venue_ms = convert(await self._ask("public/get_time", {}), int)
        self._offset_ms = venue_ms - (sent_ns + self._now_ns()) // (2 * NS_PER_MS)
