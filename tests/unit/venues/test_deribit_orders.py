"""Orders as the venue shows them: looked up by label, after a lost answer or a cancel too late."""

import time
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.commands import LookUpOrder
from bot.domain.errors import VenueOutcomeUnknown, VenueRefused
from bot.domain.events import (
    Filled,
    LookUpFailed,
    OrderAbsent,
    OrderUpdated,
)
from bot.domain.ids import InstrumentId, Label
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, Ns
from bot.venues.deribit_orders import OrderReader

PERP = InstrumentId("BTC-PERPETUAL")
LABEL = Label("hbrun0000001")


def now_ns() -> Ns:
    """The host's clock: ccxt signs with it."""
    return Ns(time.time_ns())


def order(**changes: object) -> dict[str, object]:
    """A filled order as the venue shows it."""
    fields = {
        "order_id": "74365704227",
        "label": LABEL,
        "instrument_name": PERP,
        "order_state": "filled",
        "direction": "buy",
        "amount": 30.0,
        "filled_amount": 30.0,
        "price": 9.21e4,
        "last_update_timestamp": now_ns() // 1_000_000,
    }
    return fields | changes


def trade(**changes: object) -> dict[str, object]:
    """A fill of that order."""
    fields = {
        "trade_id": "208465104",
        "order_id": "74365704227",
        "label": LABEL,
        "instrument_name": PERP,
        "direction": "buy",
        "amount": 30.0,
        "price": 92_037.0,
        "fee": 5.0e-8,
        "fee_currency": "BTC",
        "liquidity": "T",
        "timestamp": now_ns() // 1_000_000,
    }
    return fields | changes


def look_up(valid_s: float = -1.0, not_before_s: float = 0.0) -> LookUpOrder:
    """A look-up of that hedge, by default after it could still start."""
    return LookUpOrder(
        label=LABEL,
        instrument=PERP,
        order_id=None,
        not_before_ns=Ns(now_ns() + round(not_before_s * NS_PER_S)),
        valid_until_ns=Ns(now_ns() + round(valid_s * NS_PER_S)),
    )


def kinds(events: Any) -> list[str]:
    """Names of the events."""
    return [type(event).__name__ for event in events]


async def one(events: Any) -> Any:
    """The only event of an answer."""
    (event,) = await events
    return event


class FakeAsk:
    """The venue's answers per method, one after the other; the last one stays. Errors are raised."""

    def __init__(self) -> None:
        self.replies: dict[str, list[object]] = {}
        self.seen: list[tuple[str, dict[str, object]]] = []

    def put(self, method: str, *replies: object) -> None:
        """Answer these."""
        self.replies[method] = list(replies)

    def asked(self, method: str) -> list[dict[str, object]]:
        """Parameters of the questions about a method."""
        return [params for name, params in self.seen if name == method]

    async def __call__(self, method: str, params: dict[str, object]) -> object:
        """One question."""
        self.seen.append((method, params))
        queue = self.replies[method]
        reply = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture
def venue() -> FakeAsk:
    """A venue where the account has traded nothing."""
    fake = FakeAsk()
    fake.put("private/get_user_trades_by_instrument", {"trades": [], "has_more": False})
    return fake


@pytest.fixture
def reader(venue: FakeAsk, perp: Instrument) -> OrderReader:
    """Knows the perpetual; its clock is the venue's."""
    return OrderReader(venue, {perp.id: perp}, now_ns, lambda: 0)


@pytest.mark.asyncio
async def test_look_up_finds_order_and_fills(venue: FakeAsk, reader: OrderReader) -> None:
    """By label in the instrument's currency; fills of other orders stay out."""
    venue.put("private/get_order_state_by_label", [order(), order(label="hbrun0000002", order_id="9")])
    venue.put("private/get_user_trades_by_instrument", {"trades": [trade(), trade(order_id="9")], "has_more": True})
    assert kinds(await reader.look_up(look_up())) == ["Filled", "OrderUpdated"]
    assert venue.asked("private/get_order_state_by_label") == [{"currency": "BTC", "label": LABEL}]


@pytest.mark.asyncio
async def test_look_up_tells_every_order_with_the_label(venue: FakeAsk, reader: OrderReader) -> None:
    """Labels are not unique at the venue: two orders are two updates."""
    venue.put("private/get_order_state_by_label", [order(filled_amount=0.0), order(order_id="8", filled_amount=0.0)])
    events = await reader.look_up(look_up())
    assert [event.order_id for event in events if isinstance(event, OrderUpdated)] == ["74365704227", "8"]


@pytest.mark.asyncio
async def test_what_was_filled_is_told_whatever_the_lot_is(venue: FakeAsk, reader: OrderReader) -> None:
    """Contracts may be smaller than the least order: an order whose fills are refused is in doubt until that halts."""
    venue.put("private/get_order_state_by_label", [order(order_state="cancelled", filled_amount=13.0)])
    venue.put("private/get_user_trades_by_instrument", {"trades": [trade(amount=13.0)], "has_more": False})
    events = await reader.look_up(look_up())
    assert kinds(events) == ["Filled", "OrderUpdated"]
    assert [event.amount_native for event in events if isinstance(event, Filled)] == [Decimal(13)]


@pytest.mark.asyncio
async def test_look_up_of_a_forgotten_order(venue: FakeAsk, reader: OrderReader) -> None:
    """The venue forgets orders before their trades: the trades are enough."""
    venue.put("private/get_order_state_by_label", [])
    venue.put(
        "private/get_user_trades_by_instrument",
        {"trades": [trade(amount=10.0), trade(trade_id="2", amount=20.0)], "has_more": False},
    )
    events = await reader.look_up(look_up())
    assert kinds(events) == ["Filled", "Filled", "OrderUpdated"]
    assert isinstance(events[-1], OrderUpdated)
    assert (LABEL, Decimal(30)) == (events[-1].label, events[-1].filled_native)


@pytest.mark.asyncio
async def test_absent_only_after_its_end(venue: FakeAsk, reader: OrderReader) -> None:
    """Not there: absent once it can no longer start, unknown before."""
    venue.put("private/get_order_state_by_label", [])
    assert isinstance(await one(reader.look_up(look_up(valid_s=-0.5))), OrderAbsent)
    assert isinstance(await one(reader.look_up(look_up(valid_s=60.0))), LookUpFailed)


@pytest.mark.asyncio
async def test_absence_needs_all_trades(venue: FakeAsk, reader: OrderReader) -> None:
    """When there are more trades than were shown since the order, nothing can be concluded."""
    venue.put("private/get_order_state_by_label", [])
    venue.put("private/get_user_trades_by_instrument", {"trades": [trade(label="x")], "has_more": True})
    assert isinstance(await one(reader.look_up(look_up())), LookUpFailed)
    old = trade(label="x", timestamp=now_ns() // 1_000_000 - 3_600_000)
    venue.put("private/get_user_trades_by_instrument", {"trades": [old], "has_more": True})
    assert isinstance(await one(reader.look_up(look_up())), OrderAbsent)


@pytest.mark.asyncio
async def test_old_order_is_looked_up_in_history_too(venue: FakeAsk, reader: OrderReader) -> None:
    """Trades older than a day come only with `historical`, so both are asked."""
    venue.put("private/get_order_state_by_label", [])
    assert isinstance(await one(reader.look_up(look_up(valid_s=-90_000.0))), OrderAbsent)
    asked = venue.asked("private/get_user_trades_by_instrument")
    assert [params.get("historical") for params in asked] == [None, True]


@pytest.mark.asyncio
@pytest.mark.parametrize("reply", [VenueRefused(10028, "slow"), VenueOutcomeUnknown("cut"), "x", [{}]])
async def test_look_up_without_answer(venue: FakeAsk, reader: OrderReader, reply: object) -> None:
    """No answer is no absence."""
    venue.put("private/get_order_state_by_label", reply)
    assert isinstance(await one(reader.look_up(look_up())), LookUpFailed)


@pytest.mark.asyncio
async def test_look_up_waits_within_bounds(venue: FakeAsk, reader: OrderReader) -> None:
    """It asks not before it was told to; a far time is not waited for."""
    venue.put("private/get_order_state_by_label", [])
    command = look_up(not_before_s=0.05)
    await reader.look_up(command)
    assert now_ns() >= command.not_before_ns
    assert (await one(reader.look_up(look_up(not_before_s=60.0)))).cause == "not before 60 s from now"
