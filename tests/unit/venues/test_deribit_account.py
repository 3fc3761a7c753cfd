"""A consistent picture of the account, or none."""

import time
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import VenueOutcomeUnknown, VenueRefused
from bot.domain.events import AccountSeen, SnapshotFailed, SnapshotTaken
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.instruments import Instrument
from bot.domain.seen import OrderSeen, PositionSeen
from bot.domain.time import Ns
from bot.venues.deribit_account import AccountReader

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
    """A venue whose answers the test puts."""
    return FakeAsk()


@pytest.fixture
def reader(venue: FakeAsk, perp: Instrument) -> AccountReader:
    """Knows the perpetual."""
    return AccountReader(venue, {perp.id: perp}, now_ns)


SUMMARY = {
    "currency": "BTC",
    "equity": 10.5,
    "balance": 10.0,
    "initial_margin": 0.1,
    "maintenance_margin": 0.05,
    "available_funds": 9.9,
    "delta_total": -0.3,
    "options_delta": 0.25,
}


def position(size: float) -> dict[str, object]:
    """A long position in the perpetual."""
    return {"instrument_name": PERP, "kind": "future", "direction": "buy", "size": size, "size_currency": 0.001}


def put_account(venue: FakeAsk, *positions: object) -> None:
    """An account with these answers to get_positions."""
    resting = order(order_state="open", filled_amount=10.0, label="", direction="sell")
    venue.put("private/get_positions", *positions)
    venue.put("private/get_open_orders", [resting])
    venue.put("private/get_user_trades_by_currency", {"trades": [trade()], "has_more": False})
    venue.put("private/get_account_summaries", {"id": 1, "summaries": [SUMMARY]})
    venue.put("private/get_transaction_log", {"logs": [], "continuation": None})


@pytest.mark.asyncio
async def test_snapshot(venue: FakeAsk, reader: AccountReader) -> None:
    """Positions, a stranger's open order, recent fills and money, all consistent."""
    flat = {"instrument_name": "ETH-PERPETUAL", "kind": "future", "direction": "zero", "size": 0.0, "size_currency": 0}
    put_account(venue, [position(60.0), flat])
    seen, taken = await reader.snapshot()
    assert isinstance(seen, AccountSeen)
    assert isinstance(taken, SnapshotTaken)
    assert (seen.currency, seen.equity_native, seen.delta_coin_options) == ("BTC", 10.5, 0.25)
    assert (PositionSeen(instrument=PERP, amount_native=Decimal(60)),) == taken.positions
    expected = OrderSeen(
        order_id=OrderId("74365704227"),
        label=None,
        instrument=PERP,
        amount_native=Decimal(-30),
        filled_native=Decimal(10),
        price_native=Decimal(92_100),
    )
    assert (expected,) == taken.open_orders
    assert [fill.fill_id for fill in taken.fills] == ["208465104"]
    assert taken.requested_ns <= taken.received_ns
    assert venue.asked("private/get_user_trades_by_currency") == [{"currency": "BTC", "count": 1000, "sorting": "desc"}]


@pytest.mark.asyncio
async def test_snapshot_waits_for_agreement(venue: FakeAsk, reader: AccountReader) -> None:
    """A position that changed while being read is read again; one that floats with the price does not count."""
    linear = {"instrument_name": "BTC_USDC-PERPETUAL", "kind": "future", "direction": "buy", "size_currency": 0.001}
    before, after = linear | {"size": 92.0, "delta": 0.00101}, linear | {"size": 93.0, "delta": 0.00102}
    put_account(venue, [position(60.0)], [position(70.0), before], [position(70.0), after])
    *_, taken = await reader.snapshot()
    assert isinstance(taken, SnapshotTaken)
    assert [Decimal(70), Decimal("0.001")] == [item.amount_native for item in taken.positions]
    assert len(venue.asked("private/get_positions")) == 3


@pytest.mark.asyncio
async def test_snapshot_gives_up(venue: FakeAsk, reader: AccountReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions that never stand still make no snapshot."""
    monkeypatch.setattr("bot.venues.deribit_account._SNAPSHOT_PAUSE_S", 0.0)
    put_account(venue, *([position(10.0 * count)] for count in range(1, 9)))
    event = await one(reader.snapshot())
    assert isinstance(event, SnapshotFailed)
    assert "5 times in a row" in event.cause
    assert len(venue.asked("private/get_positions")) == 6


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "reply"),
    [
        ("private/get_positions", [{"instrument_name": PERP, "kind": "future", "direction": "sell", "size": 60.0}]),
        ("private/get_positions", VenueOutcomeUnknown("cut")),
        ("private/get_open_orders", VenueRefused(13009, "unauthorized")),
        ("private/get_user_trades_by_currency", {"trades": [{}]}),
        ("private/get_account_summaries", {"id": 1}),
    ],
)
async def test_snapshot_fails_whole(venue: FakeAsk, reader: AccountReader, method: str, reply: object) -> None:
    """Any part that cannot be had or believed leaves no snapshot."""
    put_account(venue, [position(60.0)])
    venue.put(method, reply)
    assert isinstance(await one(reader.snapshot()), SnapshotFailed)
