"""An account seen by asking: pictures whose parts belong together, and looks that tell each fill once."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import ConfigError, MalformedMessage, VenueUnreachable
from bot.domain.events import AccountSeen, Event, Filled, SnapshotFailed, SnapshotTaken, StreamLost, StreamRestored
from bot.domain.ids import FillId, InstrumentId, Label, OrderId, VenueId
from bot.domain.seen import PositionSeen
from bot.domain.time import Ns
from bot.venues.link import Link
from bot.venues.rest_account import AccountLook, account_seen, snapshot_of
from bot.venues.settings import Credentials, VenueSettings
from bot.venues.venue_rest import Money, VenueFacts, Wiring

Virtual = Callable[[Coroutine[object, object, None]], None]
PERP = InstrumentId("OKX:BTC-USDT-SWAP")
MONEY = Money(
    currency="USDT",
    equity_native=9.0,
    balance_native=8.0,
    margin_initial_native=1.0,
    margin_maintenance_native=0.5,
    available_native=7.0,
)


def clock() -> Ns:
    """Stands still."""
    return Ns(1_770_000_000_000_000_000)


def fill(number: int) -> Filled:
    """The number-th fill."""
    return Filled(
        fill_id=FillId(f"f{number}"),
        order_id=OrderId("7"),
        label=Label("hb1"),
        instrument=PERP,
        amount_native=Decimal(1),
        price_native=Decimal(64_000),
        fee_native=Decimal(1),
        fee_currency="USDT",
        is_maker=False,
        received_ns=Ns(6),
        venue_ns=Ns(number),
    )


class _Rest:
    """An account that the test changes."""

    def __init__(self) -> None:
        self.fills: list[Filled] = [fill(1)]
        self.held = [Decimal(1)]
        self.error: Exception | None = None
        self.money_error: Exception | None = None
        self.is_double = False

    async def venue_ms(self) -> int:
        return clock() // 1_000_000

    async def positions(self) -> tuple[PositionSeen, ...]:
        amount = self.held.pop(0) if len(self.held) > 1 else self.held[0]
        return (PositionSeen(instrument=PERP, amount_native=amount),) * (1 + self.is_double)

    async def money(self) -> tuple[Money, ...]:
        if self.money_error is not None:
            raise self.money_error
        return (MONEY,)

    async def open_orders(self) -> tuple[object, ...]:
        return ()

    async def recent_fills(self) -> tuple[Filled, ...]:
        if self.error is not None:
            raise self.error
        return tuple(self.fills[::-1])


def look_of(rest: _Rest) -> AccountLook:
    """A feed of the account."""
    facts = VenueFacts(
        wiring=lambda _: Wiring(exchange="okx", urls={}, refusal=lambda _, __: None),
        rest=lambda _: rest,  # type: ignore[arg-type, return-value]
        errors={},
    )
    settings = VenueSettings(
        venue=VenueId("okx"), ws_url="", rest_url="", is_testnet=None, credentials=Credentials("k", "s", "p")
    )
    return AccountLook(Link(settings=settings, now_ns=clock, rng=random.Random(1)), facts)


def test_money_is_told_without_deltas() -> None:
    """An account of perpetuals has no options."""
    seen = account_seen(MONEY, VenueId("okx"), Ns(3))
    assert (seen.venue, seen.currency, seen.equity_native, seen.delta_coin_options) == ("okx", "USDT", 9.0, 0.0)
    assert seen.delta_coin_by_index is None


@pytest.mark.parametrize(("held", "kind"), [([1, 2, 2], SnapshotTaken), ([1, 2, 3, 4, 5, 6, 7], SnapshotFailed)])
def test_a_picture_is_of_one_moment(virtual: Virtual, held: list[int], kind: type[Event]) -> None:
    """Positions that change while the rest is read are read again, five times at most."""

    async def scene() -> None:
        rest = _Rest()
        rest.held = [Decimal(amount) for amount in held]
        events = await snapshot_of(rest, VenueId("okx"), clock)  # type: ignore[arg-type]
        assert isinstance(events[-1], kind)
        if isinstance(events[-1], SnapshotTaken):
            assert events[-1].positions[0].amount_native == 2
            assert isinstance(events[0], AccountSeen)

    virtual(scene())


def test_each_fill_is_told_once_and_those_before_the_start_never(virtual: Virtual) -> None:
    """The first look only remembers: the first snapshot has these in its positions. Oldest first."""

    async def scene() -> None:
        rest, events = _Rest(), list[Event]()
        running = asyncio.ensure_future(look_of(rest).run(events.extend))
        await asyncio.sleep(1.0)
        rest.fills += [fill(3), fill(2)]
        await asyncio.sleep(6.0)
        assert [event.fill_id for event in events if isinstance(event, Filled)] == ["f2", "f3"]
        assert isinstance(events[0], StreamRestored)
        assert len([event for event in events if isinstance(event, AccountSeen)]) == 4
        await _stopped(running)

    virtual(scene())


def test_silence_is_loss_and_what_happened_in_it_is_told_after(virtual: Virtual) -> None:
    """One look in vain is none; six seconds are. A fill in the dark comes with the light."""

    async def scene() -> None:
        rest, events = _Rest(), list[Event]()
        running = asyncio.ensure_future(look_of(rest).run(events.extend))
        await asyncio.sleep(1.0)
        rest.error = VenueUnreachable("away")
        rest.fills.append(fill(2))
        await asyncio.sleep(4.0)
        assert not _of(events, StreamLost)
        await asyncio.sleep(10.0)
        assert [(event.cause, event.venue) for event in _of(events, StreamLost)] == [("away", "okx")]
        rest.error = None
        await asyncio.sleep(2.0)
        assert [type(event) for event in events[-3:]] == [StreamRestored, Filled, AccountSeen]
        await _stopped(running)

    virtual(scene())


def test_two_positions_in_one_instrument_are_no_picture(virtual: Virtual) -> None:
    """Cross and isolated margin side by side: one of the two amounts would be lost."""

    async def scene() -> None:
        rest = _Rest()
        rest.is_double = True
        with pytest.raises(MalformedMessage, match="two positions"):
            await snapshot_of(rest, VenueId("okx"), clock)  # type: ignore[arg-type]

    virtual(scene())


def test_a_fill_of_a_look_that_failed_is_told_by_the_next(virtual: Virtual) -> None:
    """The fills came, the money did not: nothing of that look was told."""

    async def scene() -> None:
        rest, events = _Rest(), list[Event]()
        running = asyncio.ensure_future(look_of(rest).run(events.extend))
        await asyncio.sleep(1.0)
        rest.fills.append(fill(2))
        rest.money_error = VenueUnreachable("away")
        await asyncio.sleep(2.0)
        rest.money_error = None
        await asyncio.sleep(2.0)
        assert [event.fill_id for event in _of(events, Filled)] == ["f2"]
        await _stopped(running)

    virtual(scene())


def test_a_key_that_is_refused_ends_it(virtual: Virtual) -> None:
    """No looking again helps."""

    async def scene() -> None:
        rest = _Rest()
        rest.error = ConfigError("venue.client_id: refused")
        with pytest.raises(ConfigError):
            await look_of(rest).run(lambda _: None)

    virtual(scene())


def _of(events: Sequence[Event], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def _stopped(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
