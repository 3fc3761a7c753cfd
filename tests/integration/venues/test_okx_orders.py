"""Orders through the gateway and ccxt itself, unmodified, at a local OKX: what each answer and each silence becomes."""

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
from bot.domain.ids import InstrumentId, Label, OrderId, VenueId
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.venues import ccxt_client, okx_orders
from bot.venues.budget import OrderRate
from bot.venues.ccxt_gateway import CcxtGateway
from bot.venues.settings import Credentials, VenueSettings

LINEAR, INVERSE = InstrumentId("OKX:BTC-USDT-SWAP"), InstrumentId("OKX:BTC-USD-SWAP")
LABEL = Label("hbbtcrun0000001")
RATE = OrderRate(per_s=1000.0, burst=1000.0, cancel_reserve=5.0)


def now_ns() -> Ns:
    """The host's clock: ccxt signs with it."""
    return Ns(time.time_ns())


def order(amount: str = "0.05", instrument: InstrumentId = LINEAR, **changes: Any) -> PlaceOrder:
    """A buy well above the ask, for three seconds."""
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
        label=LABEL, instrument=LINEAR, order_id=None, not_before_ns=Ns(0), valid_until_ns=Ns(valid_until_ns)
    )


def settings_of(venue: Any, **changes: Any) -> VenueSettings:
    """Its own key, unless another is given."""
    fields = {
        "venue": VenueId("okx"),
        "ws_url": venue.ws_url,
        "rest_url": venue.rest_url,
        "is_testnet": False,
        "credentials": Credentials("okx-key", "okx-secret", "okx-passphrase"),
    }
    return VenueSettings(**(fields | changes))


@pytest_asyncio.fixture
async def gateway(okx_venue: Any) -> AsyncIterator[CcxtGateway]:
    """Opened, with the perpetuals of BTC listed."""
    made = CcxtGateway(okx_orders.FACTS, settings_of(okx_venue), now_ns, RATE)
    await made.open()
    yield made
    await made.close()


def only(events: Any, kind: type[Event]) -> Any:
    """The one event of a kind."""
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, events
    return found[0]


def posts(venue: Any) -> list[dict[str, Any]]:
    """Orders that reached the venue."""
    return [params for path, params in venue.asked if path == "trade/order" and "sz" in params]


@pytest.mark.asyncio
async def test_instruments_are_perpetuals_in_our_units(gateway: CcxtGateway) -> None:
    """Contracts become coins (linear) or USD (inverse); what is not open is left out; fees are the account's."""
    linear, inverse = await gateway.instruments("BTC")
    assert (linear.id, linear.lot_native, linear.contract_size_native) == (LINEAR, Decimal("0.0001"), Decimal("0.01"))
    assert (linear.settlement_currency, linear.fee_rate_taker) == ("USDT", Decimal("0.0004"))
    assert (inverse.id, inverse.lot_native, inverse.amount_is_in_usd) == (INVERSE, Decimal("10.0"), True)
    assert (inverse.settlement_currency, inverse.fee_rate_taker) == ("BTC", Decimal("0.0005"))
    assert await gateway.index_usd(linear.index_name) == 64_000.0
    assert gateway.account_id == "44705892343"
    assert not gateway.cancels_on_disconnect


@pytest.mark.asyncio
async def test_an_order_is_followed_to_its_fills(gateway: CcxtGateway, okx_venue: Any) -> None:
    """Acked with an id only, so the order and its fills are asked for: coins, not contracts."""
    okx_venue.hidden_reads = 2
    acked, fill, updated = await gateway.place(order("0.05"))
    assert isinstance(acked, OrderAcked)
    assert (fill.amount_native, fill.price_native, fill.label) == (Decimal("0.05"), Decimal("64000.5"), LABEL)
    assert (fill.fee_native, fill.fee_currency) == (Decimal("1.28001"), "USDT")
    assert (updated.state, updated.filled_native) == (VenueOrderState.FILLED, Decimal("0.05"))
    (sent,) = posts(okx_venue)
    assert sent == {
        "instId": "BTC-USDT-SWAP",
        "tdMode": "cross",
        "side": "buy",
        "ordType": "ioc",
        "sz": "5",
        "px": "64100",
        "clOrdId": LABEL,
    }
    expiries = [head["expTime"] for head in okx_venue.headers if "expTime" in head]
    assert len(expiries) == 1
    assert okx_venue.position_contracts["BTC-USDT-SWAP"] == 5


@pytest.mark.asyncio
async def test_a_partial_fill_counts_and_the_rest_is_over(gateway: CcxtGateway, okx_venue: Any) -> None:
    """An IOC larger than the book: filled in part, cancelled for the rest. Inverse amounts are USD."""
    okx_venue.book_contracts = 3.0
    events = await gateway.place(order("-500", INVERSE))
    assert only(events, Filled).amount_native == Decimal(-300)
    updated = only(events, OrderUpdated)
    assert (updated.state, updated.filled_native) == (VenueOrderState.CANCELLED, Decimal(300))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "is_there"), [("lose reply", True), ("503", True), ("50004", False), ("51016", False)], ids=str
)
async def test_an_answer_that_leaves_it_open_is_unknown_and_never_sent_again(
    gateway: CcxtGateway, okx_venue: Any, fault: str, is_there: bool
) -> None:
    """A lost reply, a gateway error, a time-out of the venue: looked up by label, and found or not."""
    okx_venue.faults = [fault]
    command = order()
    (unknown,) = await gateway.place(command)
    assert isinstance(unknown, OrderUnknown)
    assert len(posts(okx_venue)) == 1
    found = await gateway.look_up(look_up(command.valid_until_ns))
    if is_there:
        assert only(found, Filled).amount_native == Decimal("0.05")
        assert only(found, OrderUpdated).state is VenueOrderState.FILLED
    else:
        assert only(found, LookUpFailed).cause == "not there, but it may still start"
        assert isinstance(only(await gateway.look_up(look_up(now_ns() - 1)), OrderAbsent), OrderAbsent)


@pytest.mark.asyncio
async def test_a_venue_that_never_answers(okx_venue: Any, gateway: CcxtGateway) -> None:
    """The call ends by itself; one request was sent."""
    gateway._road._exchange._exchange.timeout = 200
    okx_venue.faults = ["hang"]
    assert isinstance(only(await gateway.place(order()), OrderUnknown), OrderUnknown)
    assert len(posts(okx_venue)) == 1


@pytest.mark.asyncio
async def test_nothing_is_sent_to_nobody(okx_venue: Any) -> None:
    """A venue that takes no connection has no order: a definite no of our own."""
    elsewhere = CcxtGateway(okx_orders.FACTS, settings_of(okx_venue, rest_url="http://127.0.0.1:9"), now_ns, RATE)
    elsewhere._road._exchange.open()
    elsewhere._rest._sizes[LINEAR] = Decimal("0.01")
    refused = only(await elsewhere.place(order()), OrderRefused)
    assert (refused.kind, refused.code) == (RefusalKind.BACK_OFF, 0)
    await elsewhere.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "kind"),
    [("51008", RefusalKind.NO_FUNDS), ("51006", RefusalKind.REQUOTE), ("50011", RefusalKind.BACK_OFF)],
)
async def test_a_definite_no(gateway: CcxtGateway, okx_venue: Any, code: str, kind: RefusalKind) -> None:
    """The order's own code decides, not the request's."""
    okx_venue.faults = [code]
    refused = only(await gateway.place(order()), OrderRefused)
    assert (refused.code, refused.kind) == (int(code), kind)


@pytest.mark.asyncio
async def test_a_label_used_twice_is_no_second_order(gateway: CcxtGateway, okx_venue: Any) -> None:
    """The venue refuses the label (51016): the first order is found by it, and its fill counts once."""
    first = only(await gateway.place(order()), Filled)
    (unknown,) = await gateway.place(order())
    assert unknown.cause == "51016 client_order_id_exists"
    assert only(await gateway.look_up(look_up(now_ns())), Filled).fill_id == first.fill_id
    assert okx_venue.position_contracts["BTC-USDT-SWAP"] == 5


@pytest.mark.asyncio
async def test_too_late_is_not_sent_and_nothing_rests(gateway: CcxtGateway, okx_venue: Any) -> None:
    """After its deadline an order does not leave; one that would rest never does."""
    late = only(await gateway.place(order(valid_until_ns=Ns(now_ns() - 1))), OrderRefused)
    resting = only(await gateway.place(order(rest_until_ns=Ns(now_ns() + 60 * NS_PER_S))), OrderRefused)
    assert (late.kind, resting.kind) == (RefusalKind.NOT_EXECUTED, RefusalKind.NOT_EXECUTED)
    assert posts(okx_venue) == []


@pytest.mark.asyncio
async def test_the_venue_holds_the_deadline_too(gateway: CcxtGateway, okx_venue: Any) -> None:
    """An order that reaches the matching after `expTime` is refused there: it came too late."""
    okx_venue.faults = ["50036"]
    assert only(await gateway.place(order()), OrderRefused).kind is RefusalKind.NOT_EXECUTED


@pytest.mark.asyncio
async def test_cancel_of_what_is_over_tells_its_fills(gateway: CcxtGateway) -> None:
    """Gone already: state and fills are asked for."""
    acked = only(await gateway.place(order()), OrderAcked)
    told = await gateway.cancel(CancelOrder(label=LABEL, order_id=acked.order_id, instrument=LINEAR))
    assert only(told, OrderUpdated).filled_native == Decimal("0.05")
    nothing = await gateway.cancel(CancelOrder(label=LABEL, order_id=OrderId("1"), instrument=LINEAR))
    assert only(nothing, LookUpFailed).cause == "there is no such order"


@pytest.mark.asyncio
async def test_snapshot(gateway: CcxtGateway, okx_venue: Any) -> None:
    """Positions in coins and USD, money, open orders and fills; a flat one is none."""
    await gateway.place(order("0.05"))
    okx_venue.position_contracts |= {"BTC-USD-SWAP": Decimal("-7.5"), "ETH-USDT-SWAP": Decimal(0)}
    stranger = {"instId": "ETH-USDT-SWAP", "ordId": "9", "clOrdId": "", "side": "sell", "sz": "2", "accFillSz": "0"}
    okx_venue.orders.append(stranger | {"px": "9000", "state": "live", "uTime": "1770000000000"})
    events = await gateway.snapshot()
    taken = only(events, SnapshotTaken)
    held = {item.instrument: item.amount_native for item in taken.positions}
    assert held == {LINEAR: Decimal("0.05"), INVERSE: Decimal(-750)}
    assert [(seen.label, seen.amount_native) for seen in taken.open_orders] == [(None, Decimal("-0.2"))]
    assert [fill.label for fill in taken.fills] == [LABEL]
    seen = only(events, AccountSeen)
    assert (seen.currency, seen.equity_native) == ("USDT", float(okx_venue.balance_usdt))
    assert await gateway.open_orders() == [("9", None)]
    await gateway.cancel_order(OrderId("9"))
    assert await gateway.open_orders() == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"posMode": "long_short_mode"}, "set it to one-way"),
        ({"perm": "read_only"}, "but not trade"),
        ({"perm": "read_only,trade,withdraw"}, "may withdraw"),
        ({"acctLv": "1"}, "spot mode"),
    ],
    ids=["hedge mode", "read only", "withdraws", "spot"],
)
async def test_an_account_unfit_to_hedge_on_is_refused_at_the_start(
    okx_venue: Any, change: dict[str, str], words: str
) -> None:
    """One line that names what to change."""
    okx_venue.config |= change
    made = CcxtGateway(okx_orders.FACTS, settings_of(okx_venue), now_ns, RATE)
    with pytest.raises(ConfigError, match=words):
        await made.open()
    await made.close()


@pytest.mark.asyncio
async def test_hedge_mode_found_later_is_no_snapshot(gateway: CcxtGateway, okx_venue: Any) -> None:
    """Somebody switched it while we run: positions have sides, which we must not add up."""
    okx_venue.position_contracts["BTC-USDT-SWAP"] = Decimal(1)
    okx_venue.config["posMode"] = "long_short_mode"
    assert "hedge mode" in only(await gateway.snapshot(), SnapshotFailed).cause


@pytest.mark.asyncio
@pytest.mark.parametrize("is_demo", [True, False])
async def test_a_key_of_the_other_world_is_refused(okx_venue: Any, is_demo: bool) -> None:
    """Demo is a header on the same host: the venue refuses a key that is not of there."""
    okx_venue.is_demo = is_demo
    made = CcxtGateway(okx_orders.FACTS, settings_of(okx_venue, is_testnet=not is_demo), now_ns, RATE)
    with pytest.raises(ConfigError, match="50101; check key, secret and passphrase"):
        await made.open()
    await made.close()
    right = CcxtGateway(okx_orders.FACTS, settings_of(okx_venue, is_testnet=is_demo), now_ns, RATE)
    await right.open()
    await right.close()


@pytest.mark.asyncio
async def test_another_account_than_expected(okx_venue: Any) -> None:
    """The ledger is of one account."""
    made = CcxtGateway(okx_orders.FACTS, settings_of(okx_venue, account_id="7"), now_ns, RATE)
    with pytest.raises(ConfigError, match="44705892343, expected is 7"):
        await made.open()
    await made.close()


def test_ccxt_sends_nothing_twice_on_its_own() -> None:
    """The time-out of ccxt is below ours, so that its own error says what happened."""
    assert ccxt_client._TIMEOUT_S < ccxt_client._TIMEOUT_TOTAL_S
