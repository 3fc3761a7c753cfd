"""The gateway against a venue on loopback, both ways orders can go: what each answer, and each silence, becomes."""

import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.errors import VenueRefused
from bot.domain.events import LookUpFailed, OrderRefused, OrderUnknown
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.instruments import Instrument
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.venues import ccxt_client, deribit_socket
from bot.venues.budget import OrderRate
from bot.venues.deribit_errors import ERRORS, UNKNOWN
from bot.venues.deribit_gateway import DeribitGateway

MakeGateway = Callable[..., DeribitGateway]
PERP = InstrumentId("BTC-PERPETUAL")
LABEL = Label("hbrun0000001")
LISTING = {
    "instrument_name": PERP,
    "kind": "future",
    "base_currency": "BTC",
    "settlement_currency": "BTC",
    "instrument_type": "reversed",
    "price_index": "btc_usd",
    "settlement_period": "perpetual",
    "contract_size": 10.0,
    "min_trade_amount": 10.0,
    "tick_size": 0.5,
}
RATE = OrderRate(per_s=1000.0, burst=1000.0, cancel_reserve=5.0)
SCOPE = "connection trade:read_write account:read wallet:none"
LOGIN = {"access_token": "t", "refresh_token": "r", "expires_in": 900, "scope": SCOPE}


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


def place(amount: int = 30, valid_s: float = 2.0, rest_s: float | None = None) -> PlaceOrder:
    """A hedge."""
    return PlaceOrder(
        label=LABEL,
        instrument=PERP,
        amount_native=Decimal(amount),
        price_native=Decimal("92100.5"),
        arrival_mid_native=92_000.0,
        valid_until_ns=Ns(now_ns() + round(valid_s * NS_PER_S)),
        decided_seq=1,
        rest_until_ns=None if rest_s is None else Ns(now_ns() + round(rest_s * NS_PER_S)),
    )


def kinds(events: Any) -> list[str]:
    """Names of the events."""
    return [type(event).__name__ for event in events]


async def one(events: Any) -> Any:
    """The only event of an answer."""
    (event,) = await events
    return event


@pytest_asyncio.fixture
async def gateway(rest: Any, gateway_of: MakeGateway) -> AsyncIterator[DeribitGateway]:
    """An open gateway that knows the perpetual."""
    rest.now_ms = lambda: now_ns() // 1_000_000
    rest.put("public/auth", LOGIN)
    rest.put("public/get_instruments", [LISTING], [])
    rest.put("private/get_user_trades_by_instrument", {"trades": [], "has_more": False})
    made = gateway_of(now_ns, RATE)
    await made.open()
    await made.instruments("BTC")
    yield made
    await made.close()


@pytest.mark.asyncio
async def test_listing(rest: Any, gateway: DeribitGateway, perp: Instrument) -> None:
    """The coin's own instruments and those in USDC, of this coin only."""
    linear = LISTING | {"instrument_name": "BTC_USDC-PERPETUAL", "instrument_type": "linear"}
    other = linear | {"instrument_name": "ETH_USDC-PERPETUAL", "base_currency": "ETH"}
    rest.put("public/get_instruments", [LISTING], [linear, other])
    assert [perp.id, "BTC_USDC-PERPETUAL"] == [item.id for item in await gateway.instruments("BTC")]
    assert [params["currency"] for params in rest.asked("public/get_instruments")[-2:]] == ["BTC", "USDC"]


@pytest.mark.asyncio
async def test_index(rest: Any, gateway: DeribitGateway) -> None:
    """Index price by name."""
    rest.put("public/get_index_price", {"index_price": 9.8e4, "estimated_delivery_price": 1.0})
    assert await gateway.index_usd("btc_usd") == 98_000.0


@pytest.mark.asyncio
@pytest.mark.parametrize(("amount", "method"), [(30, "private/buy"), (-30, "private/sell")])
async def test_what_is_sent(rest: Any, gateway: DeribitGateway, amount: int, method: str) -> None:
    """Exactly the decided amount and price, immediate-or-cancel, labelled, with an end in venue time."""
    rest.now_ms = lambda: now_ns() // 1_000_000 + 5_000
    await gateway.open()
    rest.put(method, {"order": order(direction=method.removeprefix("private/")), "trades": []})
    command = place(amount)
    await gateway.place(command)
    (sent,) = rest.asked(method)
    ahead_ms = int(sent.pop("valid_until")) - command.valid_until_ns // 1_000_000
    expected = {
        "instrument_name": PERP,
        "amount": "30",
        "type": "limit",
        "price": "92100.5",
        "time_in_force": "immediate_or_cancel",
        "label": LABEL,
        "post_only": "false",
        "reduce_only": "false",
    }
    assert expected == sent
    assert 4_500 < ahead_ms < 5_500


@pytest.mark.asyncio
async def test_a_resting_order_is_sent_post_only_to_be_rejected_rather_than_slid(
    rest: Any, gateway: DeribitGateway
) -> None:
    """What rests must never take, and never at another price than the one written down. By REST nothing may rest."""
    rest.put("private/buy", {"order": order(order_state="open", filled_amount=0.0), "trades": []})
    events = await gateway.place(place(rest_s=30.0))

    if gateway.cancels_on_disconnect:
        (sent,) = rest.asked("private/buy")
        assert sent["time_in_force"] == "good_til_cancelled"
        assert (sent["post_only"], sent["reject_post_only"]) == ("true", "true")
        assert kinds(events) == ["OrderAcked", "OrderUpdated"]
    else:
        assert [event.name for event in events] == ["rests_without_cancel_on_disconnect"]
        assert rest.asked("private/buy") == []


@pytest.mark.asyncio
async def test_orders_are_taken_back_on_a_disconnect_where_they_go_over_a_socket(
    gateway: DeribitGateway, request: pytest.FixtureRequest
) -> None:
    """The venue covers what was sent over a socket, and nothing else (facts 3.3); without a connection nothing is."""
    is_socket = "deribit_ws" in request.node.name

    assert gateway.cancels_on_disconnect is is_socket
    assert ("socket of their own" in await gateway.check_orders()) is is_socket
    await gateway.close()
    assert gateway.cancels_on_disconnect is False


@pytest.mark.asyncio
async def test_filled_order(rest: Any, gateway: DeribitGateway) -> None:
    """Acknowledged, each fill exact and signed, then the state; noise of floats is snapped to the lot."""
    rest.put(
        "private/buy",
        {
            "order": order(filled_amount=20.000000001, order_state="cancelled"),
            "trades": [trade(amount=10.0), trade(trade_id="208465105", amount=10.000000001)],
        },
    )
    events = await gateway.place(place())
    assert kinds(events) == ["OrderAcked", "Filled", "Filled", "OrderUpdated"]
    acked, first, second, updated = events
    assert (acked.label, acked.order_id) == (LABEL, "74365704227")
    assert (Decimal(10), Decimal(92_037), Decimal("5e-8")) == (
        first.amount_native,
        first.price_native,
        first.fee_native,
    )
    assert f"{second.amount_native:f}" == "10"
    assert (VenueOrderState.CANCELLED, Decimal(20)) == (updated.state, updated.filled_native)


UNBELIEVABLE: list[object] = [
    {"order": order(label="somebody"), "trades": []},
    {"order": order(amount=40.0), "trades": []},
    {"order": order(direction="sell"), "trades": []},
    {"order": order(instrument_name="ETH-PERPETUAL"), "trades": []},
    {"order": order(filled_amount=27.0), "trades": []},
    {"order": order(filled_amount=40.0), "trades": []},
    {"order": order(filled_amount=10.0), "trades": [trade()]},
    {"order": order(), "trades": [trade(order_id="1")]},
    {"order": order(), "trades": [trade(amount=7.0)]},
    {"order": order(), "trades": [trade(amount="30")]},
    {"order": order(order_state="thinking"), "trades": []},
    {"order": {}},
    [],
    "ok",
]


@pytest.mark.asyncio
async def test_unbelievable_reply_is_unknown(rest: Any, gateway: DeribitGateway) -> None:
    """A reply that is not about our order, or adds up wrongly, leaves the order to be looked up."""
    rest.put("private/buy", *UNBELIEVABLE)
    for result in UNBELIEVABLE:
        assert isinstance(await one(gateway.place(place())), OrderUnknown), result


@pytest.mark.asyncio
async def test_refusals_by_code(rest: Any, gateway: DeribitGateway) -> None:
    """Each code is refused as its row says, or unknown; "gone" explains nothing about a new order."""
    codes = [*sorted(ERRORS), 99_999]
    rest.put("private/buy", *({"error": {"code": code, "message": "words"}} for code in codes))
    for code in codes:
        await gateway.check_orders()  # three of them end a session
        event = await one(gateway.place(place()))
        row = ERRORS.get(code)
        if row is None or row.outcome is UNKNOWN or row.outcome is RefusalKind.GONE:
            assert isinstance(event, OrderUnknown), code
        else:
            assert isinstance(event, OrderRefused), code
            assert (LABEL, code, row.name, row.outcome) == (event.label, event.code, event.name, event.kind)
    assert len(codes) == len(rest.asked("private/buy"))


@pytest.mark.asyncio
async def test_time_out_is_unknown_and_sent_once(
    rest: Any, gateway_of: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is not an answer: unknown, and exactly one request was seen."""
    monkeypatch.setattr(ccxt_client, "_TIMEOUT_S", 0.8)
    monkeypatch.setattr(deribit_socket, "_ANSWER_S_MAX", 0.8)
    gateway = gateway_of(now_ns)
    rest.now_ms = lambda: now_ns() // 1_000_000
    rest.put("public/auth", LOGIN)
    rest.put("private/buy", TimeoutError)
    await gateway.open()
    event = await one(gateway.place(place()))
    assert isinstance(event, OrderUnknown)
    assert event.cause in {"private/buy: RequestTimeout", "private/buy: no answer for 0.8 s"}
    assert len(rest.asked("private/buy")) == 1
    await gateway.close()


@pytest.mark.asyncio
async def test_broken_connection_is_unknown_and_sent_once(rest: Any, gateway: DeribitGateway) -> None:
    """Also on a connection used before, where the HTTP library would like to try again by itself."""
    rest.put("private/buy", {"order": order(), "trades": []}, ConnectionError)
    await gateway.place(place())
    assert isinstance(await one(gateway.place(place())), OrderUnknown)
    assert len(rest.asked("private/buy")) == 2


@pytest.mark.asyncio
async def test_nothing_sent_is_refused(rest: Any, gateway: DeribitGateway) -> None:
    """Too late before sending, and no connection at all: definite, because nothing left."""
    event = await one(gateway.place(place(valid_s=-0.001)))
    assert (event.name, event.kind) == ("expired_before_sending", RefusalKind.NOT_EXECUTED)
    await gateway.close()
    event = await one(gateway.place(place()))
    assert (event.name.split(":")[0], event.kind) == ("not_sent", RefusalKind.UNREACHABLE)
    assert rest.asked("private/buy") == []


@pytest.mark.asyncio
async def test_own_budget(rest: Any, gateway_of: MakeGateway) -> None:
    """Without a credit in time nothing is sent; after 10028 there is none, but cancels have their reserve first."""
    rest.now_ms = lambda: now_ns() // 1_000_000
    rest.put("public/auth", LOGIN)
    rest.put("private/buy", {"error": {"code": 10028, "message": "too_many_requests"}})
    rate = OrderRate(per_s=0.01, burst=10.0, cancel_reserve=2.0)
    gateway = gateway_of(now_ns, rate)
    await gateway.open()
    refused = [await one(gateway.place(place(valid_s=0.05))) for _ in range(2)]
    assert [(event.code, event.name) for event in refused] == [(10028, "too_many_requests"), (0, "own_order_budget")]
    assert [event.kind for event in refused] == [RefusalKind.BACK_OFF] * 2
    assert len(rest.asked("private/buy")) == 1
    await gateway.close()


CANCEL = CancelOrder(label=LABEL, order_id=OrderId("74365704227"), instrument=PERP)


@pytest.mark.asyncio
async def test_cancel(rest: Any, gateway: DeribitGateway) -> None:
    """The venue's answer is the order as it ended."""
    rest.put("private/cancel", order(order_state="cancelled", filled_amount=0.0))
    event = await one(gateway.cancel(CANCEL))
    assert (VenueOrderState.CANCELLED, Decimal(0)) == (event.state, event.filled_native)


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [11044, 10004, 10010, 11008])
async def test_cancel_of_what_is_gone(rest: Any, gateway: DeribitGateway, code: int) -> None:
    """It may have been filled: its state and its fills are fetched."""
    rest.put("private/cancel", {"error": {"code": code, "message": "gone"}})
    rest.put("private/get_order_state", order())
    rest.put("private/get_user_trades_by_instrument", {"trades": [trade(), trade(order_id="2")], "has_more": False})
    assert kinds(await gateway.cancel(CANCEL)) == ["Filled", "OrderUpdated"]


@pytest.mark.asyncio
@pytest.mark.parametrize("reply", [{"error": {"code": 10040, "message": "retry"}}, ConnectionError, {}])
async def test_cancel_without_answer(rest: Any, gateway: DeribitGateway, reply: object) -> None:
    """Nothing definite is known."""
    rest.put("private/cancel", reply)
    assert isinstance(await one(gateway.cancel(CANCEL)), LookUpFailed)


@pytest.mark.asyncio
async def test_watchdog_sees_and_cancels(rest: Any, gateway: DeribitGateway) -> None:
    """Open orders with their labels; cancelling one raises what the venue says."""
    rest.put("private/get_open_orders", [order(order_state="open"), order(order_id="2", label="")])
    assert list(await gateway.open_orders()) == [("74365704227", LABEL), ("2", None)]
    rest.put("private/cancel", order(order_state="cancelled"), {"error": {"code": 11044, "message": "not_open_order"}})
    await gateway.cancel_order(OrderId("2"))
    with pytest.raises(VenueRefused, match="11044"):
        await gateway.cancel_order(OrderId("2"))


@pytest.mark.asyncio
async def test_without_key_market_data_only(rest: Any, gateway_of: MakeGateway, fixed_ns: Callable[[], Ns]) -> None:
    """Public requests need no key."""
    rest.now_ms = lambda: fixed_ns() // 1_000_000
    rest.put("public/get_instruments", [LISTING], [])
    gateway = gateway_of(fixed_ns, credentials=None)
    await gateway.open()
    assert [item.id for item in await gateway.instruments("BTC")] == [PERP]
    assert rest.asked("public/auth") == []
    await gateway.close()


@pytest.mark.asyncio
async def test_questions_are_forwarded(rest: Any, gateway: DeribitGateway) -> None:
    """Look-up and snapshot ask the venue; without its time there is no snapshot."""
    rest.put("private/get_order_state_by_label", [order()])
    command = LookUpOrder(label=LABEL, instrument=PERP, order_id=None, not_before_ns=now_ns(), valid_until_ns=now_ns())
    assert kinds(await gateway.look_up(command)) == ["OrderUpdated"]
    for method in ("private/get_positions", "private/get_open_orders"):
        rest.put(method, [])
    rest.put("private/get_user_trades_by_currency", {"trades": []})
    rest.put("private/get_account_summaries", {"summaries": []})
    assert kinds(await gateway.snapshot()) == ["SnapshotTaken"]
    rest.put("public/get_time", "soon")
    assert kinds(await gateway.snapshot()) == ["SnapshotFailed"]
