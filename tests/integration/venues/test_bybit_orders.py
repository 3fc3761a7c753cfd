"""Orders through the gateway and ccxt itself, unmodified, at a local Bybit: what each answer and silence becomes."""

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.errors import ConfigError
from bot.domain.events import (
    AccountSeen,
    Event,
    Filled,
    LookUpFailed,
    OrderAbsent,
    OrderAcked,
    OrderRefused,
    OrderUnknown,
    OrderUpdated,
    SnapshotFailed,
    SnapshotTaken,
)
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.venues import bybit_orders
from bot.venues.budget import OrderRate
from bot.venues.bybit import BYBIT
from bot.venues.ccxt_gateway import CcxtGateway
from bot.venues.settings import Credentials, VenueSettings

USDT, USDC = InstrumentId("BYBIT:BTCUSDT"), InstrumentId("BYBIT:BTCPERP")
LABEL = Label("hbbtcrun0000001")
RATE = OrderRate(per_s=1000.0, burst=1000.0, cancel_reserve=5.0)


def now_ns() -> Ns:
    """The host's clock: ccxt signs with it."""
    return Ns(time.time_ns())


def order(amount: str = "0.05", instrument: InstrumentId = USDT, **changes: Any) -> PlaceOrder:
    """Well through the touch, for three seconds."""
    fields = {
        "label": LABEL,
        "instrument": instrument,
        "amount_native": Decimal(amount),
        "price_native": Decimal(64100) if not amount.startswith("-") else Decimal(63900),
        "arrival_mid_native": 64_000.0,
        "valid_until_ns": Ns(now_ns() + 3 * NS_PER_S),
        "decided_seq": 1,
    }
    return PlaceOrder(**(fields | changes))


def look_up(valid_until_ns: int) -> LookUpOrder:
    """Of the order, at once."""
    return LookUpOrder(
        label=LABEL, instrument=USDT, order_id=None, not_before_ns=Ns(0), valid_until_ns=Ns(valid_until_ns)
    )


def made_for(venue: Any, **changes: Any) -> CcxtGateway:
    """With the venue's own key, unless another is given."""
    keys = Credentials("bybit-key", "bybit-secret")
    fields = {"venue": BYBIT, "ws_url": "", "rest_url": venue.rest_url, "is_testnet": False, "credentials": keys}
    return CcxtGateway(bybit_orders.FACTS, VenueSettings(**(fields | changes)), now_ns, RATE)


@pytest_asyncio.fixture
async def gateway(bybit_venue: Any) -> AsyncIterator[CcxtGateway]:
    """Opened."""
    made = made_for(bybit_venue)
    await made.open()
    yield made
    await made.close()


def only(events: Any, kind: type[Event]) -> Any:
    """The one event of a kind."""
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, events
    return found[0]


def sent(venue: Any) -> list[dict[str, Any]]:
    """Orders that reached the venue."""
    return [params for path, params in venue.asked if path == "order/create"]


@pytest.mark.asyncio
async def test_instruments_are_linear_perpetuals_in_coins(gateway: CcxtGateway, bybit_venue: Any) -> None:
    """Of USDT and USDC; dated ones and what is not traded are left out; no list of a whole market is asked for."""
    usdt, usdc = await gateway.instruments("BTC")
    assert (usdt.id, usdt.lot_native, usdt.tick_native) == (USDT, Decimal("0.001"), Decimal("0.10"))
    assert (usdt.settlement_currency, usdt.fee_rate_taker) == ("USDT", Decimal("0.0004"))
    assert (usdc.id, usdc.settlement_currency) == (USDC, "USDC")
    assert await gateway.index_usd(usdt.index_name) == 64_000.0
    assert gateway.account_id == "24617703"
    asked = [params for path, params in bybit_venue.asked if path == "market/instruments-info"]
    assert asked == [{"category": "linear", "baseCoin": "BTC"}]


@pytest.mark.asyncio
async def test_an_acknowledged_order_is_asked_for_until_it_shows(gateway: CcxtGateway, bybit_venue: Any) -> None:
    """The acknowledgement says nothing of what became of it; no broker's name goes with it."""
    bybit_venue.hidden_reads = 4
    acked, fill, updated = await gateway.place(order("0.05"))
    assert isinstance(acked, OrderAcked)
    assert (fill.amount_native, fill.price_native, fill.label) == (Decimal("0.05"), Decimal("64000.5"), LABEL)
    assert (fill.fee_native, fill.fee_currency) == (Decimal("1.28001"), "USDT")
    assert (updated.state, updated.filled_native) == (VenueOrderState.FILLED, Decimal("0.05"))
    assert sent(bybit_venue) == [
        {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "timeInForce": "IOC",
            "qty": "0.05",
            "price": "64100",
            "orderLinkId": LABEL,
            "positionIdx": 0,
        }
    ]
    assert all("Referer" not in head for head in bybit_venue.headers)


@pytest.mark.asyncio
async def test_a_partial_fill_counts_and_the_rest_is_over(gateway: CcxtGateway, bybit_venue: Any) -> None:
    """An IOC larger than the book, in USDC."""
    bybit_venue.book_coin = 0.03
    events = await gateway.place(order("-0.05", USDC))
    fill, updated = only(events, Filled), only(events, OrderUpdated)
    assert (fill.amount_native, fill.fee_currency) == (Decimal("-0.03"), "USDC")
    assert (updated.state, updated.filled_native) == (VenueOrderState.CANCELLED, Decimal("0.03"))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "is_there"), [("lose reply", True), ("503", True), ("10016", False), ("99999", False)], ids=str
)
async def test_an_answer_that_leaves_it_open_is_unknown_and_never_sent_again(
    gateway: CcxtGateway, bybit_venue: Any, fault: str, is_there: bool
) -> None:
    """Looked up by label among open orders, recent ones and the history: found or not."""
    bybit_venue.faults = [fault]
    command = order()
    assert isinstance(only(await gateway.place(command), OrderUnknown), OrderUnknown)
    assert len(sent(bybit_venue)) == 1
    found = await gateway.look_up(look_up(command.valid_until_ns))
    if is_there:
        assert only(found, Filled).amount_native == Decimal("0.05")
        assert only(found, OrderUpdated).state is VenueOrderState.FILLED
    else:
        assert only(found, LookUpFailed).cause == "not there, but it may still start"
        assert isinstance(only(await gateway.look_up(look_up(now_ns() - 1)), OrderAbsent), OrderAbsent)


@pytest.mark.asyncio
async def test_an_order_gone_from_every_list_is_found_by_its_fills(gateway: CcxtGateway, bybit_venue: Any) -> None:
    """The venue forgets orders sooner than executions."""
    await gateway.place(order())
    bybit_venue.orders.clear()
    found = await gateway.look_up(look_up(now_ns() - 1))
    assert only(found, Filled).amount_native == Decimal("0.05")
    assert only(found, OrderUpdated).filled_native == Decimal("0.05")


@pytest.mark.asyncio
async def test_an_order_that_arrives_after_its_deadline_is_refused_by_the_venue(
    gateway: CcxtGateway, bybit_venue: Any
) -> None:
    """The signed window ends with the order's own time; other requests have five seconds."""
    bybit_venue.behind_ms = 900
    late = only(await gateway.place(order(valid_until_ns=Ns(now_ns() + NS_PER_S // 2))), OrderRefused)
    assert (late.code, late.kind) == (10002, RefusalKind.NOT_EXECUTED)
    assert isinstance((await gateway.place(order()))[0], OrderAcked)
    windows = [int(head["X-BAPI-RECV-WINDOW"]) for head in bybit_venue.headers if "X-BAPI-RECV-WINDOW" in head]
    assert max(windows) == 5000
    assert 0 < min(windows) <= 500


@pytest.mark.asyncio
async def test_a_label_used_twice_is_no_second_order(gateway: CcxtGateway, bybit_venue: Any) -> None:
    """The venue refuses the label (110072): the first order is found by it."""
    first = only(await gateway.place(order()), Filled)
    assert only(await gateway.place(order()), OrderUnknown).cause == "110072 duplicate_order_link_id"
    assert only(await gateway.look_up(look_up(now_ns())), Filled).fill_id == first.fill_id
    assert bybit_venue.position_coin["BTCUSDT"] == Decimal("0.05")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "kind"),
    [("110007", RefusalKind.NO_FUNDS), ("110003", RefusalKind.REQUOTE), ("10006", RefusalKind.BACK_OFF)],
)
async def test_a_definite_no(gateway: CcxtGateway, bybit_venue: Any, code: str, kind: RefusalKind) -> None:
    """By the venue's code."""
    bybit_venue.faults = [code]
    refused = only(await gateway.place(order()), OrderRefused)
    assert (refused.code, refused.kind) == (int(code), kind)


@pytest.mark.asyncio
async def test_what_would_rest_never_leaves(gateway: CcxtGateway, bybit_venue: Any) -> None:
    """A post-only order that would cross is taken back after it was acknowledged: none is ever sent."""
    resting = order(rest_until_ns=Ns(now_ns() + 60 * NS_PER_S))
    assert only(await gateway.place(resting), OrderRefused).kind is RefusalKind.NOT_EXECUTED
    assert sent(bybit_venue) == []


@pytest.mark.asyncio
async def test_cancel_of_what_is_over_tells_its_fills(gateway: CcxtGateway) -> None:
    """Gone already (110001): state and fills are asked for."""
    acked = only(await gateway.place(order()), OrderAcked)
    told = await gateway.cancel(CancelOrder(label=LABEL, order_id=acked.order_id, instrument=USDT))
    assert only(told, OrderUpdated).filled_native == Decimal("0.05")


@pytest.mark.asyncio
async def test_a_snapshot_sees_both_settlement_coins(gateway: CcxtGateway, bybit_venue: Any) -> None:
    """By default the venue tells USDT only: positions and orders in USDC are asked for by name."""
    await gateway.place(order("0.05"))
    bybit_venue.position_coin["BTCPERP"] = Decimal("-0.2")
    stranger = {"symbol": "BTCPERP", "orderId": "9", "orderLinkId": "", "side": "Sell", "qty": "0.1", "price": "90000"}
    bybit_venue.orders.append(stranger | {"cumExecQty": "", "orderStatus": "New", "updatedTime": "1770000000000"})
    bybit_venue.fills.append(bybit_venue.fills[0] | {"execType": "Funding", "execId": "f", "execQty": "0.05"})
    events = await gateway.snapshot()
    taken, seen = only(events, SnapshotTaken), only(events, AccountSeen)
    assert {item.instrument: item.amount_native for item in taken.positions} == {
        USDT: Decimal("0.05"),
        USDC: Decimal("-0.2"),
    }
    assert [(each.label, each.amount_native) for each in taken.open_orders] == [(None, Decimal("-0.1"))]
    assert [fill.label for fill in taken.fills] == [LABEL], "funding is listed among executions and is no fill"
    assert (seen.currency, seen.equity_native, seen.available_native) == ("USDT", 1_000_000.0, 998_679.5)
    await gateway.cancel_order(OrderId("9"))
    assert await gateway.open_orders() == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"readOnly": 1}, "may not trade"),
        ({"permissions": {"Wallet": []}}, "may not trade"),
        ({"permissions": {"ContractTrade": ["Order"], "Wallet": ["Withdraw"]}}, "may withdraw"),
        ({"uta": 0}, "unified trading account"),
    ],
    ids=["read only", "no contracts", "withdraws", "classic"],
)
async def test_a_key_unfit_to_hedge_with_is_refused_at_the_start(
    bybit_venue: Any, change: dict[str, Any], words: str
) -> None:
    """One line that names what to change."""
    bybit_venue.key |= change
    made = made_for(bybit_venue)
    with pytest.raises(ConfigError, match=words):
        await made.open()
    await made.close()


@pytest.mark.asyncio
async def test_hedge_mode_is_refused_at_the_start_and_is_no_snapshot_later(
    gateway: CcxtGateway, bybit_venue: Any
) -> None:
    """Positions have sides there: a sale would open a second one. The venue refuses our orders too."""
    bybit_venue.mode_idx = 2
    with pytest.raises(ConfigError, match="set it to one-way"):
        await gateway.instruments("BTC")
    bybit_venue.position_coin["BTCUSDT"] = Decimal(1)
    assert "hedge mode" in only(await gateway.snapshot(), SnapshotFailed).cause
    assert only(await gateway.place(order()), OrderRefused).code == 10001


@pytest.mark.asyncio
@pytest.mark.parametrize(("keys", "code"), [(("other", "bybit-secret"), 10003), (("bybit-key", "other"), 10004)])
async def test_a_wrong_key_is_a_mistake_of_the_configuration(
    bybit_venue: Any, keys: tuple[str, str], code: int
) -> None:
    """The line names the code and never the secret."""
    made = made_for(bybit_venue, credentials=Credentials(*keys))
    with pytest.raises(ConfigError, match=str(code)):
        await made.open()
    await made.close()
