"""Orders of a paper account: the gateway's promises, kept by an exchange of our own on the real venue's book.

Every request takes its latency, as on a wire; an order meets the book as it is then. Our picture of the book is
one journey old, so that an order matched one round trip after it left meets the book as the venue had it when
the order would have arrived. Sends nothing to the real venue but questions, and has no way to.
"""

import asyncio
import math
from collections.abc import Sequence
from typing import Final

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.events import Event, Filled, LookUpFailed, OrderAbsent, OrderAcked, OrderRefused, SnapshotTaken
from bot.domain.ids import OrderId
from bot.domain.instruments import Instrument
from bot.domain.reasons import RefusalKind
from bot.domain.time import NS_PER_S
from bot.domain.units import ZERO
from bot.sim import facts
from bot.venues import sim_codec
from bot.venues.contract import NowNs, Reader
from bot.venues.deribit_rest import COUNT_MAX, currency_of
from bot.venues.paper.opening import PaperOpening, PaperParams
from bot.venues.paper.venue import ACCOUNT, PaperVenue

_LOOK_UP_WAIT_S_MAX: Final = 10.0
_UNHEARD: Final = 0
"""`code` of orders that met no book, because it is not known."""


class PaperGateway:
    """`Gateway` of a paper account."""

    def __init__(self, params: PaperParams, venue: PaperVenue, reader: Reader, now_ns: NowNs) -> None:
        self._venue: Final = venue
        self._reader: Final = reader
        self._now_ns: Final = now_ns
        self._latency_s: Final = params.latency_ns / NS_PER_S
        self._opening: Final = PaperOpening(params, reader, now_ns)

    @property
    def account_id(self) -> str:
        """A paper account is nobody's."""
        return ""

    @property
    def cancels_on_disconnect(self) -> bool:
        """Its orders rest in this process and go with it; an account opened again starts without any."""
        return True

    @property
    def order_credits_left(self) -> float:
        """Nothing is rationed."""
        return math.inf

    async def open(self) -> None:
        """Connect, and open the account as it was left, or for the first time."""
        kept = self._venue.kept()
        await self._reader.open()
        self._venue.begin(await self._opening.gather(kept))

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """The real venue's listing, with the fees of this account."""
        return await self._opening.instruments(base)

    async def index_usd(self, index_name: str) -> float:
        """The real venue's index now."""
        return await self._reader.index_usd(index_name)

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Match after the latency; refused for certain when the book is not known then."""
        await self._journey()
        if not self._venue.is_known(command.instrument):
            return (
                OrderRefused(
                    label=command.label,
                    received_ns=self._now_ns(),
                    code=_UNHEARD,
                    name="paper: the book is not known",
                    kind=RefusalKind.NOT_EXECUTED,
                ),
            )
        try:
            order, trades = self._venue.submit(sim_codec.request(command, ACCOUNT))
        except facts.VenueSays as no:
            return (sim_codec.refused(command, no, self._now_ns()),)
        now_ns = self._now_ns()
        return (
            OrderAcked(label=command.label, order_id=OrderId(order.order_id), received_ns=now_ns),
            *(sim_codec.filled(trade, now_ns) for trade in trades),
            sim_codec.updated(order, now_ns),
        )

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """Its state afterwards; an order that is over already is told as it ended."""
        await self._journey()
        try:
            order = self._venue.cancel(command.order_id)
        except facts.VenueSays as no:
            try:
                order = self._venue.exchange.order(ACCOUNT, command.order_id)
            except facts.VenueSays:
                return (LookUpFailed(label=command.label, received_ns=self._now_ns(), cause=str(no)),)
        return (*self._fills([order]), sim_codec.updated(order, self._now_ns()))

    async def look_up(self, command: LookUpOrder) -> Sequence[Event]:
        """By label, from `not_before_ns` on; absent only when asked after `valid_until`."""
        wait_s = (command.not_before_ns - self._now_ns()) / NS_PER_S
        if wait_s > _LOOK_UP_WAIT_S_MAX:
            return (self._not_known(command, f"not before {wait_s:.0f} s from now"),)
        await asyncio.sleep(max(0.0, wait_s))
        asked_ns = self._now_ns()
        await self._journey()
        currency = currency_of(command.instrument)
        orders = self._venue.exchange.orders_by_label(ACCOUNT, currency, command.label)
        if orders:
            now_ns = self._now_ns()
            return (*self._fills(orders), *(sim_codec.updated(order, now_ns) for order in orders))
        if asked_ns <= command.valid_until_ns:
            return (self._not_known(command, "not there, but it may still start"),)
        return (OrderAbsent(label=command.label, received_ns=self._now_ns()),)

    async def snapshot(self) -> Sequence[Event]:
        """Money, positions, open orders and recent fills at one moment."""
        requested_ns = self._now_ns()
        await self._journey()
        exchange, now_ns = self._venue.exchange, self._now_ns()
        positions = [item for item in exchange.positions(ACCOUNT) if item.size_native != ZERO]
        taken = SnapshotTaken(
            positions=tuple(sim_codec.position_seen(item) for item in positions),
            open_orders=tuple(sim_codec.order_seen(order) for order in exchange.orders_open(ACCOUNT)),
            fills=tuple(sim_codec.filled(trade, now_ns) for trade in exchange.trades_of(ACCOUNT)[:COUNT_MAX]),
            requested_ns=requested_ns,
            received_ns=now_ns,
        )
        return (*self._venue.money(now_ns), taken)

    async def close(self) -> None:
        """Write down where the account stands and close connections."""
        self._venue.close()
        await self._reader.close()

    async def _journey(self) -> None:
        await asyncio.sleep(self._latency_s)

    def _fills(self, orders: Sequence[facts.Order]) -> list[Filled]:
        ids, now_ns = {order.order_id for order in orders}, self._now_ns()
        trades = self._venue.exchange.trades_of(ACCOUNT)
        return [sim_codec.filled(trade, now_ns) for trade in reversed(trades) if trade.order_id in ids]

    def _not_known(self, command: LookUpOrder, cause: str) -> LookUpFailed:
        return LookUpFailed(label=command.label, received_ns=self._now_ns(), cause=cause)
