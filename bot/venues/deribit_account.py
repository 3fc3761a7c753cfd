"""One consistent picture of a Deribit account: positions, open orders, recent fills, money, what settlements booked.

Knows which requests belong together and when their answers do. Sends only questions, through the `ask`
it is given; must not know what the picture is compared with.
"""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from bot.domain.events import Event, Filled, SnapshotFailed, SnapshotTaken
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.instruments import Instrument
from bot.domain.seen import PositionSeen
from bot.venues import deribit_rest
from bot.venues.contract import NowNs
from bot.venues.deribit_log import SettlementLog
from bot.venues.deribit_orders import ANSWER_ERRORS, Ask
from bot.venues.deribit_rest import Position, Trades
from bot.venues.deribit_wire import Order, Portfolio, account_seen, filled, is_position_trade
from bot.venues.venue_rest import convert

_SNAPSHOT_TRIES: Final = 5
_SNAPSHOT_PAUSE_S: Final = 0.2


class AccountReader:
    """Reads one account."""

    def __init__(self, ask: Ask, listed: Mapping[InstrumentId, Instrument], now_ns: NowNs) -> None:
        self._ask: Final = ask
        self._listed: Final = listed
        self._now_ns: Final = now_ns
        self._log: Final = SettlementLog(ask, listed, now_ns)

    async def snapshot(self) -> Sequence[Event]:
        """Positions, open orders and fills that belong together: positions read before and after agree.

        `instruments` comes first: fills are read for the currencies listed there.
        """
        assert self._listed, "instruments() must be read before snapshot()"
        try:
            before = await self._positions()
            for _ in range(_SNAPSHOT_TRIES):
                requested_ns = self._now_ns()
                orders = convert(await self._ask("private/get_open_orders", {}), list[Order])
                fills = await self._recent_fills()
                summaries = convert(await self._ask("private/get_account_summaries", {}), dict[str, object])
                after = await self._positions()
                if _amounts(before) == _amounts(after):
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
        except ANSWER_ERRORS as error:
            return (SnapshotFailed(received_ns=self._now_ns(), cause=str(error)),)
        # Asked for last: what the positions above lack, a settlement has booked by now.
        settled = await self._log.news()
        return (*(account_seen(row, now_ns) for row in rows), *settled, taken)

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

    async def open_orders(self) -> Sequence[tuple[OrderId, Label | None]]:
        """Open orders of the account, all currencies."""
        orders = convert(await self._ask("private/get_open_orders", {}), list[Order])
        return [(order.order_id, order.label or None) for order in orders]


def _amounts(positions: Sequence[PositionSeen]) -> list[tuple[InstrumentId, Decimal]]:
    """What must not change while an account is read; greeks change all the time."""
    return [(item.instrument, item.amount_native) for item in positions]
