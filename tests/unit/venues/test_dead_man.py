"""The dead-man switch on virtual time: it runs while something rests, and what it no longer covers goes."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal

import pytest

from bot.domain.commands import CancelOrder, PlaceOrder
from bot.domain.errors import VenueOutcomeUnknown, VenueRefused, VenueUnreachable
from bot.domain.events import Event, OrderAbsent, OrderAcked, OrderRefused, OrderUpdated, SnapshotTaken
from bot.domain.ids import InstrumentId, Label, OrderId, VenueId
from bot.domain.reasons import RefusalKind
from bot.domain.seen import OrderSeen, VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.venues.dead_man import COUNTDOWN_S, DeadMan
from bot.venues.venue_rest import Switch

Virtual = Callable[[Coroutine[object, object, None]], None]
BTC, ETH = InstrumentId("OKX:BTC-USDT-SWAP"), InstrumentId("OKX:ETH-USDT-SWAP")


class _Stage:
    """A switch of one countdown per instrument that notes what it is told and when, a sink, and a gateway's cancel."""

    def __init__(self) -> None:
        self.clock = asyncio.get_running_loop().time
        self.words: list[tuple[str, int, float]] = []
        self.no: Exception | None = None
        self.takes_s = 0.0
        self.cancelled: list[Label] = []
        self.told: list[Event] = []
        self.dead_man = DeadMan(Switch(lambda name: name.partition(":")[2][:3], self.arm), self.cancel, self.now_ns)
        self.feed = asyncio.create_task(self.dead_man.run(self.told.extend))

    def now_ns(self) -> Ns:
        return Ns(round(self.clock() * NS_PER_S))

    async def arm(self, scope: str, countdown_s: int) -> None:
        self.words.append((scope, countdown_s, round(self.clock(), 3)))
        await asyncio.sleep(self.takes_s)
        if self.no is not None:
            raise self.no

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        self.cancelled.append(command.label)
        events = (updated(command.label, VenueOrderState.CANCELLED),)
        self.dead_man.hear(events)
        return events

    async def rest(self, label: str = "hb1", instrument: InstrumentId = BTC) -> None:
        """An order is covered, and the venue has it."""
        await self.dead_man.cover(order(label, instrument))
        acked = OrderAcked(label=Label(label), order_id=OrderId("7"), received_ns=self.now_ns())
        self.dead_man.hear((acked, updated(Label(label), VenueOrderState.OPEN)))

    async def end(self) -> None:
        self.feed.cancel()
        await asyncio.gather(self.feed, return_exceptions=True)


def order(label: str, instrument: InstrumentId = BTC) -> PlaceOrder:
    """A buy that rests for a minute."""
    return PlaceOrder(
        label=Label(label),
        instrument=instrument,
        amount_native=Decimal(1),
        price_native=Decimal(64_000),
        arrival_mid_native=64_000.0,
        valid_until_ns=Ns(1),
        rest_until_ns=Ns(60 * NS_PER_S),
        decided_seq=1,
    )


def updated(label: Label, state: VenueOrderState) -> OrderUpdated:
    """An order's state."""
    return OrderUpdated(
        label=label,
        order_id=OrderId("7"),
        instrument=BTC,
        state=state,
        filled_native=Decimal(0),
        received_ns=Ns(1),
        venue_ns=Ns(1),
    )


def snapshot(requested_ns: Ns, *labels: str) -> SnapshotTaken:
    """What is open, asked for then."""
    seen = [
        OrderSeen(
            order_id=OrderId("7"),
            label=Label(label),
            instrument=BTC,
            amount_native=Decimal(1),
            filled_native=Decimal(0),
            price_native=None,
        )
        for label in labels
    ]
    return SnapshotTaken(
        positions=(),
        open_orders=tuple(seen),
        fills=(),
        requested_ns=requested_ns,
        received_ns=requested_ns,
        venue=VenueId("okx"),
    )


def played(virtual: Virtual, scene: Callable[[_Stage], Coroutine[object, object, None]]) -> None:
    """Play a scene to its end."""

    async def whole() -> None:
        stage = _Stage()
        try:
            await scene(stage)
        finally:
            await stage.end()

    virtual(whole())


def test_the_countdown_is_set_anew_while_an_order_rests_and_ended_with_it(virtual: Virtual) -> None:
    """At once, then every quarter of a minute; a second order needs no word of its own; disarmed once, then silence."""

    async def scene(stage: _Stage) -> None:
        await stage.rest()
        await stage.rest("hb2")
        await asyncio.sleep(40.5)
        stage.dead_man.hear((updated(Label("hb1"), VenueOrderState.FILLED),))
        await asyncio.sleep(10.0)
        stage.dead_man.hear((OrderAbsent(label=Label("hb2"), received_ns=Ns(1)),))
        await asyncio.sleep(100.0)
        assert [(countdown_s, at_s) for _, countdown_s, at_s in stage.words] == [
            (COUNTDOWN_S, 0.0),
            (COUNTDOWN_S, 15.0),
            (COUNTDOWN_S, 30.0),
            (COUNTDOWN_S, 45.0),
            (0, 51.0),
        ]
        assert (stage.cancelled, stage.told) == ([], [])

    played(virtual, scene)


def test_each_instrument_has_the_countdown_that_covers_it(virtual: Virtual) -> None:
    """Where a venue counts down for one instrument alone, the end of its last order ends no other's."""

    async def scene(stage: _Stage) -> None:
        await stage.rest("hb1", BTC)
        await stage.rest("hb2", ETH)
        stage.dead_man.hear((updated(Label("hb1"), VenueOrderState.CANCELLED),))
        await asyncio.sleep(20.0)
        assert stage.words == [
            ("BTC", COUNTDOWN_S, 0.0),
            ("ETH", COUNTDOWN_S, 0.0),
            ("BTC", 0, 1.0),
            ("ETH", COUNTDOWN_S, 15.0),
        ]

    played(virtual, scene)


@pytest.mark.parametrize("no", [VenueRefused(1, "no"), VenueUnreachable("away"), VenueOutcomeUnknown("cut")], ids=str)
def test_what_no_word_covers_any_more_is_taken_back_before_the_venue_does(virtual: Virtual, no: Exception) -> None:
    """Tried again every five seconds; with under 25 s left what rests is cancelled and told; nothing new may rest."""

    async def scene(stage: _Stage) -> None:
        await stage.rest()
        stage.no = no
        await asyncio.sleep(34.5)
        assert stage.cancelled == []
        with pytest.raises(type(no)):
            await stage.dead_man.cover(order("hb2"))
        await asyncio.sleep(7.0)
        assert stage.cancelled == ["hb1"]
        assert [event.state for event in stage.told if isinstance(event, OrderUpdated)] == [VenueOrderState.CANCELLED]
        tries = [at_s for _, countdown_s, at_s in stage.words[1:] if countdown_s]
        assert tries == [15.0, 20.0, 25.0, 30.0, 34.5, 35.0, 40.0]
        stage.no = None
        await stage.rest("hb3")
        assert stage.words[-1][1] == COUNTDOWN_S

    played(virtual, scene)


def test_a_refused_word_covers_nothing_and_is_taken_back(virtual: Virtual) -> None:
    """It may be armed all the same (no answer): disarmed as soon as that can be, given up when it has run out."""

    async def scene(stage: _Stage) -> None:
        stage.no = VenueOutcomeUnknown("cut")
        with pytest.raises(VenueOutcomeUnknown):
            await stage.dead_man.cover(order("hb1"))
        await asyncio.sleep(8.0)
        assert [countdown_s for _, countdown_s, _ in stage.words] == [COUNTDOWN_S, 0, 0]
        await asyncio.sleep(200.0)
        assert stage.words[-1][2] < COUNTDOWN_S
        assert len(stage.words) < 15

    played(virtual, scene)


def test_an_arming_waits_for_the_disarming_before_it(virtual: Virtual) -> None:
    """Two words on their way together might arrive in the other order; the newer one is the one that counts."""

    async def scene(stage: _Stage) -> None:
        await stage.rest()
        stage.dead_man.hear((updated(Label("hb1"), VenueOrderState.FILLED),))
        stage.takes_s = 3.0
        await asyncio.sleep(1.5)
        await stage.rest("hb2")
        assert stage.words[1:] == [("BTC", 0, 1.0), ("BTC", COUNTDOWN_S, 4.0)]

    played(virtual, scene)


def test_a_snapshot_without_the_order_ends_its_cover(virtual: Virtual) -> None:
    """One asked for well after the order left; one from about then does not show it for certain."""

    async def scene(stage: _Stage) -> None:
        await stage.rest()
        await asyncio.sleep(5.0)
        stage.dead_man.hear((snapshot(stage.now_ns()),))
        await asyncio.sleep(8.0)
        stage.dead_man.hear((snapshot(stage.now_ns(), "hb1"),))
        await asyncio.sleep(5.0)
        assert [countdown_s for _, countdown_s, _ in stage.words] == [COUNTDOWN_S, COUNTDOWN_S]
        stage.dead_man.hear((snapshot(stage.now_ns()),))
        await asyncio.sleep(1.5)
        assert stage.words[-1][1] == 0

    played(virtual, scene)


@pytest.mark.parametrize("rests", [True, False])
def test_a_clean_end_disarms_where_nothing_rests(virtual: Virtual, rests: bool) -> None:
    """Else the countdown goes on, as it should; an end does not fail because the venue is away."""

    async def scene(stage: _Stage) -> None:
        await stage.rest()
        if not rests:
            no = OrderRefused(label=Label("hb1"), received_ns=Ns(1), code=1, name="x", kind=RefusalKind.REQUOTE)
            stage.dead_man.hear((no,))
        stage.no = VenueUnreachable("away")
        await stage.dead_man.close()
        assert [countdown_s for _, countdown_s, _ in stage.words] == [COUNTDOWN_S, *([] if rests else [0])]

    played(virtual, scene)


def test_only_orders_are_covered(virtual: Virtual) -> None:
    """Instruments that are watched change nothing; nothing is ever said where nothing rests."""

    async def scene(stage: _Stage) -> None:
        stage.dead_man.watch([BTC])
        stage.dead_man.hear((updated(Label("stranger"), VenueOrderState.OPEN),))
        await asyncio.sleep(100.0)
        assert stage.words == []

    played(virtual, scene)
