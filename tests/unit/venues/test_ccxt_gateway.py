"""The gateway over a scripted venue: what each answer and each silence becomes. With ccxt: tests/integration."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.errors import MalformedMessage, VenueOutcomeUnknown, VenueRefused, VenueUnreachable
from bot.domain.events import (
    Filled,
    LookUpFailed,
    OrderAbsent,
    OrderAcked,
    OrderRefused,
    OrderUnknown,
    OrderUpdated,
    SnapshotFailed,
)
from bot.domain.ids import FillId, InstrumentId, Label, OrderId, VenueId
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.venues.budget import OrderRate
from bot.venues.ccxt_gateway import CcxtGateway
from bot.venues.outcome import UNKNOWN, Row
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import Fills, OrderRead, Placed, VenueFacts, Wiring

Virtual = Callable[[Coroutine[object, object, None]], None]
LABEL, PERP = Label("hb1"), InstrumentId("OKX:BTC-USDT-SWAP")
ERRORS = {
    1: Row("no_money", RefusalKind.NO_FUNDS),
    2: Row("busy", UNKNOWN),
    3: Row("slow_down", RefusalKind.BACK_OFF),
    4: Row("gone", RefusalKind.GONE),
    5: Row("too_small", RefusalKind.TOO_SMALL),
    6: Row("too_late", RefusalKind.NOT_EXECUTED),
}


def now_ns() -> Ns:
    """Virtual time."""
    return Ns(1_770_000_000 * NS_PER_S + round(asyncio.get_running_loop().time() * NS_PER_S))


def read(state: VenueOrderState = VenueOrderState.FILLED, filled: str = "0.5", **changes: Any) -> OrderRead:
    """The order as the venue shows it."""
    fields = {
        "order_id": OrderId("7"),
        "label": LABEL,
        "instrument": PERP,
        "amount_native": Decimal("0.5"),
        "filled_native": Decimal(filled),
        "price_native": Decimal(64_000),
        "state": state,
        "venue_ns": Ns(5),
    }
    return OrderRead(**(fields | changes))


def fill(amount: str = "0.5", **changes: Any) -> Filled:
    """A fill of it."""
    fields = {
        "fill_id": FillId(f"f{amount}"),
        "order_id": OrderId("7"),
        "label": LABEL,
        "instrument": PERP,
        "amount_native": Decimal(amount),
        "price_native": Decimal(64_000),
        "fee_native": Decimal(1),
        "fee_currency": "USDT",
        "is_maker": False,
        "received_ns": Ns(6),
        "venue_ns": Ns(5),
    }
    return Filled(**(fields | changes))


class _Rest:
    """Answers each question from a queue, the last one again and again; an exception is raised."""

    def __init__(self) -> None:
        self.script: dict[str, list[Any]] = {"venue_ms": [0], "place": [Placed(OrderId("7"))], "cancel": [None]}
        self.script |= {"order": [read()], "order_fills": [Fills((fill(),), True)], "traces": [Fills((), True)]}
        self.script |= {"positions": [()], "money": [()], "open_orders": [()], "recent_fills": [()]}
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def answer(*_: object) -> Any:
            self.asked.append(name)
            queue = self.script[name]
            told = queue.pop(0) if len(queue) > 1 else queue[0]
            if isinstance(told, Exception):
                raise told
            return now_ns() // 1_000_000 if name == "venue_ms" else told

        return answer


def staged(rest: _Rest) -> CcxtGateway:
    """A gateway of the scripted venue."""
    facts = VenueFacts(
        wiring=lambda _: Wiring(exchange="okx", urls={}, refusal=lambda _, __: None),
        rest=lambda _: rest,  # type: ignore[arg-type, return-value]
        errors=ERRORS,
    )
    settings = VenueSettings(venue=VenueId("okx"), ws_url="", rest_url="", is_testnet=None)
    return CcxtGateway(facts, settings, now_ns, OrderRate())


def order(**changes: Any) -> PlaceOrder:
    """Buys 0.5."""
    fields = {
        "label": LABEL,
        "instrument": PERP,
        "amount_native": Decimal("0.5"),
        "price_native": Decimal(64_000),
        "arrival_mid_native": 64_000.0,
        "valid_until_ns": Ns(now_ns() + 3 * NS_PER_S),
        "decided_seq": 1,
    }
    return PlaceOrder(**(fields | changes))


def look_up(until_s: float = -1.0, not_before_s: float = 0.0) -> LookUpOrder:
    """Of the order."""
    return LookUpOrder(
        label=LABEL,
        instrument=PERP,
        order_id=None,
        not_before_ns=Ns(now_ns() + round(not_before_s * NS_PER_S)),
        valid_until_ns=Ns(now_ns() + round(until_s * NS_PER_S)),
    )


OPEN, CANCELLED = read(VenueOrderState.OPEN, "0"), read(VenueOrderState.CANCELLED, "0")


@pytest.mark.parametrize(
    ("script", "kinds", "filled"),
    [
        ({}, [OrderAcked, Filled, OrderUpdated], "0.5"),
        ({"place": [Placed(OrderId("7"), read())]}, [OrderAcked, Filled, OrderUpdated], "0.5"),
        ({"order": [CANCELLED]}, [OrderAcked, OrderUpdated], "0"),
        ({"order": [None, OPEN, read()]}, [OrderAcked, Filled, OrderUpdated], "0.5"),
        ({"order_fills": [Fills((), True), Fills((fill(),), True)]}, [OrderAcked, Filled, OrderUpdated], "0.5"),
        ({"order_fills": [Fills((fill("0.2"),), True)]}, [OrderAcked, Filled, OrderUpdated], "0.5"),
        ({"order": [OPEN]}, [OrderAcked], None),
        ({"order": [VenueUnreachable("away")]}, [OrderAcked], None),
        ({"order": [read(amount_native=Decimal(5))]}, [OrderAcked], None),
        ({"order_fills": [Fills((fill("9"),), True)]}, [OrderAcked], None),
        ({"order_fills": [Fills((fill(order_id=OrderId("8")),), True)]}, [OrderAcked], None),
    ],
    ids=[
        *(
            "filled",
            "told in the reply",
            "nothing filled",
            "shown late",
            "fills late",
            "fills never whole",
            "stays open",
        ),
        *("out of sight", "another order", "more than filled", "fills of another"),
    ],
)
def test_a_new_order_is_followed(
    virtual: Virtual, script: dict[str, Any], kinds: list[type], filled: str | None
) -> None:
    """Until it is over with all its fills, for two seconds at most; else what is known, and the engine asks again."""

    async def scene() -> None:
        rest = _Rest()
        rest.script |= script
        began = asyncio.get_running_loop().time()
        events = await staged(rest).place(order())
        assert [type(event) for event in events] == kinds
        assert [str(event.filled_native) for event in events if isinstance(event, OrderUpdated)] == [
            *([] if filled is None else [filled])
        ]
        assert rest.asked.count("place") == 1
        assert asyncio.get_running_loop().time() - began < 2.0

    virtual(scene())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (VenueRefused(1, "x"), (OrderRefused, "no_money", RefusalKind.NO_FUNDS)),
        (VenueRefused(2, "x"), (OrderUnknown, "2 busy", None)),
        (VenueRefused(4, "x"), (OrderUnknown, "4 gone", None)),
        (VenueRefused(77, "x"), (OrderUnknown, "77 unlisted", None)),
        (VenueUnreachable("refused"), (OrderRefused, "not_sent: refused", RefusalKind.UNREACHABLE)),
        (VenueOutcomeUnknown("cut"), (OrderUnknown, "cut", None)),
        (MalformedMessage("what?"), (OrderUnknown, "what?", None)),
        (Placed(OrderId("7"), read(label=Label("other"))), (OrderUnknown, "the reply is about", None)),
    ],
    ids=["no", "busy", "gone", "unlisted", "never left", "cut", "not understood", "another order"],
)
def test_no_answer_is_sent_again(virtual: Virtual, answer: object, told: tuple[type, str, object]) -> None:
    """A definite no, or doubt; one order left in every case."""

    async def scene() -> None:
        rest = _Rest()
        rest.script["place"] = [answer]
        (event,) = await staged(rest).place(order())
        words = event.name if isinstance(event, OrderRefused) else event.cause  # type: ignore[union-attr]
        assert type(event) is told[0]
        assert words.startswith(told[1])
        assert getattr(event, "kind", None) is told[2]
        assert rest.asked.count("place") == 1

    virtual(scene())


@pytest.mark.parametrize("listing", ["told", "away"])
def test_the_least_order_is_read_again_after_one_that_was_too_small(virtual: Virtual, make: Any, listing: str) -> None:
    """Of that instrument; where it cannot be had the refusal stands alone, and nothing is sent again."""

    async def scene() -> None:
        rest = _Rest()
        rest.script["place"] = [VenueRefused(5, "x")]
        spec = make.linear_perpetual(id=PERP)
        rest.script["instruments"] = [(make.perpetual(), spec) if listing == "told" else VenueUnreachable("away")]
        refused, *listed = await staged(rest).place(order())
        assert isinstance(refused, OrderRefused)
        assert refused.kind is RefusalKind.TOO_SMALL
        assert [event.instrument for event in listed] == ([spec] if listing == "told" else [])  # type: ignore[union-attr]
        assert rest.asked.count("place") == 1

    virtual(scene())


@pytest.mark.parametrize("clock", [0, VenueUnreachable("away")], ids=["told", "away"])
def test_the_clock_is_measured_again_after_an_order_that_came_too_late(virtual: Virtual, clock: object) -> None:
    """The next one is not refused for the same clock; where it cannot be had the last measurement stands."""

    async def scene() -> None:
        rest = _Rest()
        rest.script["place"] = [VenueRefused(6, "x")]
        rest.script["venue_ms"] = [clock]
        gateway = staged(rest)
        gateway._road._exchange.open()
        (refused,) = await gateway.place(order())
        await gateway.close()
        assert isinstance(refused, OrderRefused)
        assert refused.kind is RefusalKind.NOT_EXECUTED
        assert rest.asked == ["place", "venue_ms"]

    virtual(scene())


def test_what_does_not_leave(virtual: Virtual) -> None:
    """Too late, at rest, or beyond our own budget, which a venue's complaint empties."""

    async def scene() -> None:
        rest = _Rest()
        gateway = staged(rest)
        names = []
        for command in (order(valid_until_ns=now_ns()), order(rest_until_ns=Ns(now_ns() + NS_PER_S))):
            (event,) = await gateway.place(command)
            names.append(event.name)  # type: ignore[union-attr]
        assert names == ["expired_before_sending", "rests_without_cancel_on_disconnect"]
        rest.script["place"] = [VenueRefused(3, "x")]
        await gateway.place(order())
        (event,) = await gateway.place(order())
        assert event.name == "own_order_budget"  # type: ignore[union-attr]
        assert rest.asked.count("place") == 1
        assert not gateway.cancels_on_disconnect

    virtual(scene())


@pytest.mark.parametrize(
    ("script", "until_s", "kinds"),
    [
        ({}, -1.0, [Filled, OrderUpdated]),
        ({"order": [OPEN]}, -1.0, [OrderUpdated]),
        ({"order": [None]}, -1.0, [OrderAbsent]),
        ({"order": [None]}, 1.0, [LookUpFailed]),
        ({"order": [None], "traces": [Fills((), False)]}, -1.0, [LookUpFailed]),
        ({"order": [None], "traces": [Fills((fill("0.2"), fill("0.3")), True)]}, 1.0, [Filled, Filled, OrderUpdated]),
        ({"order": [read(label=Label("other"))]}, -1.0, [LookUpFailed]),
        ({"order": [VenueUnreachable("away")]}, -1.0, [LookUpFailed]),
        ({"order": [None], "traces": [VenueRefused(9, "x")]}, -1.0, [LookUpFailed]),
    ],
    ids=["there", "open", "absent", "may still start", "too many fills", "traces", "another's", "away", "refused"],
)
def test_look_up(virtual: Virtual, script: dict[str, Any], until_s: float, kinds: list[type]) -> None:
    """Absence is believed after the deadline only, and only when neither the order nor a fill of it is shown."""

    async def scene() -> None:
        rest = _Rest()
        rest.script |= script
        events = await staged(rest).look_up(look_up(until_s))
        assert [type(event) for event in events] == kinds
        if Filled in kinds and "traces" in script:
            assert isinstance(events[-1], OrderUpdated)
            assert (events[-1].filled_native, events[-1].state) == (Decimal("0.5"), VenueOrderState.CANCELLED)

    virtual(scene())


def test_a_look_up_waits_for_its_time(virtual: Virtual) -> None:
    """Not before it makes sense, and never long."""

    async def scene() -> None:
        rest = _Rest()
        gateway = staged(rest)
        await gateway.look_up(look_up(not_before_s=2.0))
        assert asyncio.get_running_loop().time() == pytest.approx(2.0)
        (event,) = await gateway.look_up(look_up(not_before_s=60.0))
        assert isinstance(event, LookUpFailed)

    virtual(scene())


@pytest.mark.parametrize(
    ("script", "kinds"),
    [
        ({}, [Filled, OrderUpdated]),
        ({"cancel": [VenueRefused(4, "x")], "order": [CANCELLED]}, [OrderUpdated]),
        ({"cancel": [VenueRefused(1, "x")]}, [LookUpFailed]),
        ({"cancel": [VenueOutcomeUnknown("cut")]}, [LookUpFailed]),
        ({"order": [None]}, [LookUpFailed]),
        ({"order": [VenueUnreachable("away")]}, [LookUpFailed]),
    ],
    ids=["cancelled", "gone already", "refused", "cut", "not there", "away"],
)
def test_cancel(virtual: Virtual, script: dict[str, Any], kinds: list[type]) -> None:
    """What became of it is asked for; doubt is said."""

    async def scene() -> None:
        rest = _Rest()
        rest.script |= script
        command = CancelOrder(label=LABEL, order_id=OrderId("7"), instrument=PERP)
        assert [type(event) for event in await staged(rest).cancel(command)] == kinds

    virtual(scene())


def test_a_snapshot_that_cannot_be_had(virtual: Virtual) -> None:
    """Said, with the cause."""

    async def scene() -> None:
        rest = _Rest()
        gateway = staged(rest)
        gateway._road._exchange.open()
        rest.script["open_orders"] = [MalformedMessage("hedge mode")]
        (event,) = await gateway.snapshot()
        assert isinstance(event, SnapshotFailed)
        assert event.cause == "hedge mode"
        await gateway.close()

    virtual(scene())
