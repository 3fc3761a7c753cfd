"""An account without a socket of its own: one consistent picture of it, and a feed that looks at it again and again.

Knows which answers belong together and when; must not know how they are asked for, nor what they are compared with.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from bot.domain.errors import ConfigError, MalformedMessage
from bot.domain.events import (
    AccountSeen,
    Event,
    Filled,
    SnapshotFailed,
    SnapshotTaken,
    StreamLost,
    StreamName,
    StreamRestored,
)
from bot.domain.ids import FillId, InstrumentId, VenueId
from bot.domain.seen import OrderSeen, PositionSeen
from bot.domain.time import Ns
from bot.venues.ccxt_road import CcxtRoad
from bot.venues.contract import NowNs, Sink
from bot.venues.link import Link
from bot.venues.venue_rest import ANSWER_ERRORS, Money, OrderRead, VenueFacts, VenueRest

_SNAPSHOT_TRIES: Final = 5
_SNAPSHOT_PAUSE_S: Final = 0.2
_LOOK_S: Final = 2.0
"""Between looks: the reply to an order brings its own fills, these are the hand of somebody else and the money."""
_SILENCE_S_MAX: Final = 6.0
"""Without an answer for so long the account is out of sight: three looks."""
_MEASURE_LOOKS: Final = 30
"""The clock is measured anew each minute."""
_SEEN_MAX: Final = 2_000
"""Fill ids remembered: many pages of the newest fills."""


async def snapshot_of(rest: VenueRest, venue: VenueId, now_ns: NowNs) -> Sequence[Event]:
    """Positions, open orders and fills that belong together: positions read before and after agree."""
    before = await rest.positions()
    for _ in range(_SNAPSHOT_TRIES):
        requested_ns = now_ns()
        orders = await rest.open_orders()
        fills = await rest.recent_fills()
        money = await rest.money()
        after = await rest.positions()
        if _amounts(before) == _amounts(after):
            break
        before = after
        await asyncio.sleep(_SNAPSHOT_PAUSE_S)
    else:
        cause = f"positions changed while being read, {_SNAPSHOT_TRIES} times in a row"
        return (SnapshotFailed(received_ns=now_ns(), cause=cause, venue=venue),)
    taken = SnapshotTaken(
        positions=tuple(sorted(after, key=lambda item: item.instrument)),
        open_orders=tuple(_seen(order) for order in orders),
        fills=fills,
        requested_ns=requested_ns,
        received_ns=now_ns(),
        venue=venue,
    )
    return (*(account_seen(row, venue, now_ns()) for row in money), taken)


def _amounts(positions: Sequence[PositionSeen]) -> dict[InstrumentId, Decimal]:
    """What must not change while an account is read; marks change all the time.

    MalformedMessage where an instrument is told twice (OKX: in cross and in isolated margin): of two amounts one would
    be believed, and a reply to an order moves only one of them.
    """
    amounts = {item.instrument: item.amount_native for item in positions}
    if len(amounts) != len(positions):
        twice = next(name for name in amounts if [item.instrument for item in positions].count(name) > 1)
        raise MalformedMessage(f"{twice} has two positions; close the one that is not in cross margin")
    return amounts


def _seen(order: OrderRead) -> OrderSeen:
    return OrderSeen(
        order_id=order.order_id,
        label=order.label,
        instrument=order.instrument,
        amount_native=order.amount_native,
        filled_native=order.filled_native,
        price_native=order.price_native,
    )


def account_seen(money: Money, venue: VenueId, received_ns: Ns) -> AccountSeen:
    """One currency of an account that holds no options; the venue tells no deltas of it."""
    return AccountSeen(
        currency=money.currency,
        equity_native=money.equity_native,
        balance_native=money.balance_native,
        margin_initial_native=money.margin_initial_native,
        margin_maintenance_native=money.margin_maintenance_native,
        available_native=money.available_native,
        delta_coin_total=0.0,
        delta_coin_options=0.0,
        received_ns=received_ns,
        venue=venue,
    )


class AccountLook:
    """`Feed` of an account: fills nobody told us of, and the money, every two seconds."""

    def __init__(self, link: Link, facts: VenueFacts) -> None:
        assert link.settings.credentials is not None, "the account needs a key"
        self._venue: Final = link.settings.venue
        self._now_ns: Final = link.now_ns
        self._road: Final = CcxtRoad(facts, link.settings, link.now_ns)
        self._seen: Final[dict[FillId, None]] = {}
        self._is_up = False
        self._has_begun = False

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Nothing to do: the account is seen whole."""

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled; ConfigError is not survived."""
        clock = asyncio.get_running_loop().time
        heard_s, looks, told = clock(), 0, ""
        try:
            while True:
                try:
                    if looks % _MEASURE_LOOKS == 0:
                        await self._road.open()
                    events = await self._look()
                except ConfigError:
                    raise
                except ANSWER_ERRORS as error:
                    cause = str(error)
                    is_late = clock() - heard_s > _SILENCE_S_MAX
                    if (self._is_up and is_late) or (not self._is_up and cause != told):
                        self._is_up, told = False, cause
                        sink((self._lost(cause),))
                else:
                    heard_s, looks = clock(), looks + 1
                    if not self._is_up:
                        self._is_up, told = True, ""
                        events.insert(0, self._restored())
                    sink(tuple(events))
                await asyncio.sleep(_LOOK_S)
        finally:
            await self._road.close()

    def _lost(self, cause: str) -> StreamLost:
        return StreamLost(stream=StreamName.ACCOUNT, received_ns=self._now_ns(), cause=cause, venue=self._venue)

    def _restored(self) -> StreamRestored:
        return StreamRestored(stream=StreamName.ACCOUNT, received_ns=self._now_ns(), venue=self._venue)

    async def _look(self) -> list[Event]:
        fills = await self._road.rest.recent_fills()
        money = [account_seen(row, self._venue, self._now_ns()) for row in await self._road.rest.money()]
        # Only now nothing can fail any more: a fill remembered and not told would be lost.
        news = [fill for fill in fills if fill.fill_id not in self._seen]
        for fill in news:
            self._seen[fill.fill_id] = None
        while len(self._seen) > _SEEN_MAX:
            del self._seen[next(iter(self._seen))]
        # What was there before the first look is inside the first snapshot's positions.
        told: list[Filled] = sorted(news, key=lambda fill: fill.venue_ns) if self._has_begun else []
        self._has_begun = True
        return [*told, *money]
