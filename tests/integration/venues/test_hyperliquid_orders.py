"""Orders through the gateway and ccxt itself at a local Hyperliquid: what each answer and silence becomes."""

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
    SnapshotTaken,
)
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.venues import hyperliquid_orders
from bot.venues.budget import OrderRate
from bot.venues.ccxt_gateway import CcxtGateway
from bot.venues.hyperliquid import HYPERLIQUID
from bot.venues.settings import Credentials, VenueSettings

PERP = InstrumentId("HYPERLIQUID:BTC")
LABEL = Label("hbbtc1a2b3c4d0000001")
ACCOUNT, AGENT_KEY = "0x" + "ab" * 20, "0x" + "11" * 32
RATE = OrderRate(per_s=1000.0, burst=1000.0, cancel_reserve=5.0)


def now_ns() -> Ns:
    """The host's clock: nonces follow it."""
    return Ns(time.time_ns())


def order(amount: str = "0.05", **changes: Any) -> PlaceOrder:
    """Well through the touch, for three seconds."""
    fields = {
        "label": LABEL,
        "instrument": PERP,
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
        label=LABEL, instrument=PERP, order_id=None, not_before_ns=Ns(0), valid_until_ns=Ns(valid_until_ns)
    )


def made_for(venue: Any, secret: str = AGENT_KEY, account: str = ACCOUNT) -> CcxtGateway:
    """With the agent's key, unless another is given."""
    settings = VenueSettings(
        venue=HYPERLIQUID,
        ws_url="",
        rest_url=venue.rest_url,
        is_testnet=True,
        credentials=Credentials(account, secret),
    )
    return CcxtGateway(hyperliquid_orders.FACTS, settings, now_ns, RATE)


@pytest_asyncio.fixture
async def gateway(hyperliquid_venue: Any) -> AsyncIterator[CcxtGateway]:
    """Opened."""
    made = made_for(hyperliquid_venue)
    await made.open()
    yield made
    await made.close()


def only(events: Any, kind: type[Event]) -> Any:
    """The one event of a kind."""
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, events
    return found[0]


@pytest.mark.asyncio
async def test_instruments_have_the_venues_rule_of_prices(gateway: CcxtGateway) -> None:
    """Five digits or whole USD; the step of amounts is an order of 20 USD; delisted ones are none."""
    (spec,) = await gateway.instruments("BTC")
    assert (spec.id, spec.lot_native, spec.tick_native) == (PERP, Decimal("0.00032"), Decimal("0.1"))
    assert [(step.above_native, step.tick_native) for step in spec.tick_steps] == [(Decimal(10_000), Decimal(1))]
    assert (spec.settlement_currency, spec.fee_rate_taker) == ("USDC", Decimal("0.0004"))
    assert await gateway.instruments("GONE") == ()
    assert await gateway.index_usd("BTC") == 64_000.0
    assert gateway.account_id == ACCOUNT


@pytest.mark.asyncio
async def test_an_order_and_nothing_else_is_signed(gateway: CcxtGateway, hyperliquid_venue: Any) -> None:
    """From opening to closing no fee of a builder is approved and no referrer set, and no order carries a builder."""
    await gateway.instruments("BTC")
    acked, fill, updated = await gateway.place(order("0.05"))
    await gateway.snapshot()
    assert isinstance(acked, OrderAcked)
    assert (fill.amount_native, fill.price_native, fill.label) == (Decimal("0.05"), Decimal("64001.0"), LABEL)
    assert (fill.fee_native, fill.fee_currency, fill.is_maker) == (Decimal("1.28002000"), "USDC", False)
    assert (updated.state, updated.filled_native) == (VenueOrderState.FILLED, Decimal("0.05"))
    (sent,) = hyperliquid_venue.actions
    assert set(sent["action"]) == {"type", "orders", "grouping"}
    assert {action["action"]["type"] for action in hyperliquid_venue.actions} == {"order"}
    assert sent["action"]["orders"][0] | {"c": ""} == {
        "a": 0,
        "b": True,
        "p": "64100",
        "s": "0.05",
        "r": False,
        "t": {"limit": {"tif": "Ioc"}},
        "c": "",
    }
    assert 0 < sent["expiresAfter"] - sent["nonce"] <= 3_500


@pytest.mark.asyncio
async def test_what_ccxt_would_sign_unasked_is_taken_from_it(gateway: CcxtGateway, hyperliquid_venue: Any) -> None:
    """Even its own way of starting, which approves a fee and sets a referrer, sends nothing."""
    client = gateway._road._exchange._exchange
    await client.initialize_client()
    await client.handle_builder_fee_approval()
    await client.set_ref()
    assert hyperliquid_venue.actions == []


@pytest.mark.asyncio
async def test_ccxt_left_alone_signs_for_others(hyperliquid_venue: Any) -> None:
    """The guard is shown failing: the client as it comes approves a builder's fee and sets a referrer."""
    import ccxt.async_support as ccxt  # noqa: PLC0415

    client = ccxt.hyperliquid({"walletAddress": ACCOUNT, "privateKey": AGENT_KEY})
    client.urls["api"] = {"public": hyperliquid_venue.rest_url, "private": hyperliquid_venue.rest_url}
    await client.handle_builder_fee_approval()
    await client.set_ref()
    await client.close()
    assert {sent["action"]["type"] for sent in hyperliquid_venue.actions} == {"approveBuilderFee", "setReferrer"}


@pytest.mark.asyncio
async def test_a_partial_fill_counts_and_the_rest_is_over(gateway: CcxtGateway, hyperliquid_venue: Any) -> None:
    """An IOC larger than the book."""
    hyperliquid_venue.book_coin = 0.03
    events = await gateway.place(order("-0.05"))
    fill, updated = only(events, Filled), only(events, OrderUpdated)
    assert (fill.amount_native, updated.state) == (Decimal("-0.03"), VenueOrderState.CANCELLED)
    assert updated.filled_native == Decimal("0.03")


@pytest.mark.asyncio
async def test_an_order_that_meets_nobody_is_over_and_no_refusal(gateway: CcxtGateway) -> None:
    """The venue calls it an error; a row of refusals would halt."""
    acked, updated = await gateway.place(order(price_native=Decimal(63000)))
    assert isinstance(acked, OrderAcked)
    assert (updated.state, updated.filled_native) == (VenueOrderState.CANCELLED, Decimal(0))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "is_there"), [("lose reply", True), ("503", True), ("Something new.", False)], ids=str
)
async def test_an_answer_that_leaves_it_open_is_unknown_and_never_sent_again(
    gateway: CcxtGateway, hyperliquid_venue: Any, fault: str, is_there: bool
) -> None:
    """Looked up by the id made of the label, and found or not."""
    hyperliquid_venue.faults = [fault]
    command = order()
    assert isinstance(only(await gateway.place(command), OrderUnknown), OrderUnknown)
    assert len(hyperliquid_venue.actions) == 1
    found = await gateway.look_up(look_up(command.valid_until_ns))
    if is_there:
        assert only(found, Filled).amount_native == Decimal("0.05")
        assert only(found, OrderUpdated).state is VenueOrderState.FILLED
    else:
        assert only(found, LookUpFailed).cause == "not there, but it may still start"
        assert isinstance(only(await gateway.look_up(look_up(now_ns() - 1)), OrderAbsent), OrderAbsent)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Insufficient margin to place order. asset=0", RefusalKind.NO_FUNDS),
        ("Price must be divisible by tick size. asset=0", RefusalKind.OUR_BUG),
        ("whole: Too many cumulative requests sent (10001 > 10000)", RefusalKind.BACK_OFF),
        ("whole: User or API Wallet 0x11 does not exist.", RefusalKind.CONFIG),
        ("whole: Action expired", RefusalKind.NOT_EXECUTED),
    ],
)
async def test_a_definite_no(gateway: CcxtGateway, hyperliquid_venue: Any, words: str, kind: RefusalKind) -> None:
    """By the venue's words, of the order or of the whole action."""
    hyperliquid_venue.faults = [words]
    assert only(await gateway.place(order()), OrderRefused).kind is kind


@pytest.mark.asyncio
async def test_nonces_only_rise(gateway: CcxtGateway, hyperliquid_venue: Any) -> None:
    """Orders of one millisecond too."""
    for number in range(5):
        await gateway.place(order(label=Label(f"hbbtc1a2b3c4d{number:07d}")))
    nonces = [sent["nonce"] for sent in hyperliquid_venue.actions]
    assert nonces == sorted(set(nonces))
    assert len(nonces) == 5


@pytest.mark.asyncio
async def test_a_label_that_is_no_128_bits_is_never_sent(gateway: CcxtGateway, hyperliquid_venue: Any) -> None:
    """A mistake of the configuration, told as such."""
    refused = only(await gateway.place(order(label=Label("a" * 25 + "0000001"))), OrderRefused)
    assert (refused.name, refused.kind) == ("label_too_long", RefusalKind.CONFIG)
    assert hyperliquid_venue.actions == []


@pytest.mark.asyncio
async def test_cancel_of_what_is_over_tells_its_fills(gateway: CcxtGateway) -> None:
    """Gone already: state and fills are asked for."""
    acked = only(await gateway.place(order()), OrderAcked)
    told = await gateway.cancel(CancelOrder(label=LABEL, order_id=acked.order_id, instrument=PERP))
    assert only(told, OrderUpdated).filled_native == Decimal("0.05")


@pytest.mark.asyncio
async def test_snapshot(gateway: CcxtGateway, hyperliquid_venue: Any) -> None:
    """Positions, money, open orders and fills with their labels, whoever runs us now; spot is none of ours."""
    await gateway.place(order("0.05"))
    hyperliquid_venue.position_coin |= {"ETH": Decimal(-2), "GONE": Decimal(0)}
    stranger = {"coin": "ETH", "side": "A", "limitPx": "9000", "sz": "2.0", "origSz": "2.0", "oid": 9}
    stranger |= {"timestamp": 1_770_000_000_000, "cloid": None}
    hyperliquid_venue.orders.append({"order": stranger, "status": "open", "statusTimestamp": 1})
    hyperliquid_venue.fills.append(hyperliquid_venue.fills[0] | {"coin": "@107", "tid": 5})
    events = await gateway.snapshot()
    taken, seen = only(events, SnapshotTaken), only(events, AccountSeen)
    held = {item.instrument: item.amount_native for item in taken.positions}
    assert held == {PERP: Decimal("0.05"), InstrumentId("HYPERLIQUID:ETH"): Decimal(-2)}
    assert [(each.label, each.amount_native) for each in taken.open_orders] == [(None, Decimal("-2.0"))]
    assert [fill.label for fill in taken.fills] == [LABEL]
    assert (seen.currency, seen.equity_native, seen.available_native) == ("USDC", 1000.5, 980.25)
    await gateway.cancel_order(OrderId("9"))
    assert await gateway.open_orders() == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("role", "words"),
    [
        ({"role": "missing"}, "is no API wallet of"),
        ({"role": "user"}, "is no API wallet of"),
        ({"role": "agent", "data": {"user": "0x" + "cd" * 20}}, "is no API wallet of"),
    ],
    ids=["unknown", "an account", "of somebody else"],
)
async def test_a_key_that_is_no_agent_of_the_account_is_refused(
    hyperliquid_venue: Any, role: dict[str, Any], words: str
) -> None:
    """Before anything is traded; the line names addresses and no secret."""
    hyperliquid_venue.role = role
    made = made_for(hyperliquid_venue)
    with pytest.raises(ConfigError, match=words) as caught:
        await made.open()
    assert AGENT_KEY[2:] not in str(caught.value)
    await made.close()


@pytest.mark.asyncio
async def test_the_accounts_own_key_is_refused(hyperliquid_venue: Any) -> None:
    """It may withdraw."""
    made = made_for(hyperliquid_venue, account="0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A")
    with pytest.raises(ConfigError, match="may withdraw; use an API wallet"):
        await made.open()
    await made.close()
