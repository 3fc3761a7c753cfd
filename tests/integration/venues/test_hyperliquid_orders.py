"""What only Hyperliquid has: agents, nonces, words for codes, and a client that would sign for others."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import ConfigError
from bot.domain.events import AccountSeen, OrderAcked, OrderRefused, OrderUnknown, SnapshotTaken
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.venues.settings import Credentials

PERP = InstrumentId("HYPERLIQUID:BTC")
ACCOUNT, AGENT_KEY = "0x" + "ab" * 20, "0x" + "11" * 32
Only = Callable[..., Any]


@pytest.mark.asyncio
async def test_instruments_have_the_venues_rule_of_prices(hyperliquid: Any) -> None:
    """Five digits or whole USD; the step of amounts is an order of 20 USD; delisted ones are none."""
    (spec,) = await hyperliquid.gateway.instruments("BTC")
    assert (spec.id, spec.lot_native, spec.tick_native) == (PERP, Decimal("0.00032"), Decimal("0.1"))
    assert [(step.above_native, step.tick_native) for step in spec.tick_steps] == [(Decimal(10_000), Decimal(1))]
    assert (spec.settlement_currency, spec.fee_rate_taker) == ("USDC", Decimal("0.0004"))
    assert await hyperliquid.gateway.instruments("GONE") == ()
    assert await hyperliquid.gateway.index_usd("BTC") == 64_000.0
    assert hyperliquid.gateway.account_id == ACCOUNT


@pytest.mark.asyncio
async def test_an_order_and_nothing_else_is_signed(hyperliquid: Any) -> None:
    """From opening to closing no fee of a builder is approved and no referrer set, and no order carries a builder."""
    await hyperliquid.gateway.instruments("BTC")
    acked, fill, updated = await hyperliquid.gateway.place(hyperliquid.order("0.05"))
    await hyperliquid.gateway.snapshot()
    assert isinstance(acked, OrderAcked)
    assert (fill.amount_native, fill.price_native) == (Decimal("0.05"), Decimal("64001.0"))
    assert (fill.fee_native, fill.fee_currency, fill.is_maker) == (Decimal("1.28002000"), "USDC", False)
    assert (updated.state, updated.filled_native) == (VenueOrderState.FILLED, Decimal("0.05"))
    (sent,) = hyperliquid.venue.actions
    assert set(sent["action"]) == {"type", "orders", "grouping"}
    assert {action["action"]["type"] for action in hyperliquid.venue.actions} == {"order"}
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
async def test_what_ccxt_would_sign_unasked_is_taken_from_it(hyperliquid: Any) -> None:
    """Even its own way of starting, which approves a fee and sets a referrer, sends nothing."""
    client = hyperliquid.gateway._road._exchange._exchange
    await client.initialize_client()
    await client.handle_builder_fee_approval()
    await client.set_ref()
    assert hyperliquid.venue.actions == []


@pytest.mark.asyncio
async def test_ccxt_left_alone_signs_for_others(hyperliquid: Any) -> None:
    """The guard is shown failing: the client as it comes approves a builder's fee and sets a referrer."""
    import ccxt.async_support as ccxt  # noqa: PLC0415

    client = ccxt.hyperliquid({"walletAddress": ACCOUNT, "privateKey": AGENT_KEY})
    client.urls["api"] = {"public": hyperliquid.venue.rest_url, "private": hyperliquid.venue.rest_url}
    await client.handle_builder_fee_approval()
    await client.set_ref()
    await client.close()
    assert {sent["action"]["type"] for sent in hyperliquid.venue.actions} == {"approveBuilderFee", "setReferrer"}


@pytest.mark.asyncio
async def test_an_order_that_meets_nobody_is_over_and_no_refusal(hyperliquid: Any) -> None:
    """The venue calls it an error; a row of refusals would halt."""
    acked, updated = await hyperliquid.gateway.place(hyperliquid.order(price_native=Decimal(63000)))
    assert isinstance(acked, OrderAcked)
    assert (updated.state, updated.filled_native) == (VenueOrderState.CANCELLED, Decimal(0))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Insufficient margin to place order. asset=0", RefusalKind.NO_FUNDS),
        ("Price must be divisible by tick size. asset=0", RefusalKind.OUR_BUG),
        ("whole: Too many cumulative requests sent (10001 > 10000)", RefusalKind.BACK_OFF),
        ("whole: User or API Wallet 0x11 does not exist.", RefusalKind.CONFIG),
        ("whole: Action expired", RefusalKind.NOT_EXECUTED),
        ("Something new.", None),
    ],
)
async def test_words(hyperliquid: Any, words: str, kind: RefusalKind | None) -> None:
    """A definite no by the venue's words, of the order or of the whole action; words nobody knows are doubt."""
    hyperliquid.venue.faults = [words]
    told = (await hyperliquid.gateway.place(hyperliquid.order()))[0]
    assert isinstance(told, OrderRefused if kind else OrderUnknown)
    assert getattr(told, "kind", None) is kind


@pytest.mark.asyncio
async def test_nonces_only_rise(hyperliquid: Any) -> None:
    """Orders of one millisecond too."""
    for number in range(5):
        await hyperliquid.gateway.place(hyperliquid.order(label=Label(f"hbbtc1a2b3c4d{number:07d}")))
    nonces = [sent["nonce"] for sent in hyperliquid.venue.actions]
    assert nonces == sorted(set(nonces))
    assert len(nonces) == 5


@pytest.mark.asyncio
async def test_a_label_that_is_no_128_bits_is_never_sent(hyperliquid: Any, only: Only) -> None:
    """A mistake of the configuration, told as such."""
    refused = only(await hyperliquid.gateway.place(hyperliquid.order(label=Label("a" * 25 + "0000001"))), OrderRefused)
    assert (refused.name, refused.kind) == ("label_too_long", RefusalKind.CONFIG)
    assert hyperliquid.venue.actions == []


@pytest.mark.asyncio
async def test_snapshot(hyperliquid: Any, only: Only) -> None:
    """Positions, money, open orders and fills with their labels, whoever runs us now; spot is none of ours."""
    await hyperliquid.gateway.place(hyperliquid.order("0.05"))
    hyperliquid.venue.position_coin |= {"ETH": Decimal(-2), "GONE": Decimal(0)}
    stranger = {"coin": "ETH", "side": "A", "limitPx": "9000", "sz": "2.0", "origSz": "2.0", "oid": 9}
    stranger |= {"timestamp": 1_770_000_000_000, "cloid": None}
    hyperliquid.venue.orders.append({"order": stranger, "status": "open", "statusTimestamp": 1})
    hyperliquid.venue.fills.append(hyperliquid.venue.fills[0] | {"coin": "@107", "tid": 5})
    events = await hyperliquid.gateway.snapshot()
    taken, seen = only(events, SnapshotTaken), only(events, AccountSeen)
    held = {item.instrument: item.amount_native for item in taken.positions}
    assert held == {PERP: Decimal("0.05"), InstrumentId("HYPERLIQUID:ETH"): Decimal(-2)}
    assert [(each.label, each.amount_native) for each in taken.open_orders] == [(None, Decimal("-2.0"))]
    assert [fill.label for fill in taken.fills] == [hyperliquid.order().label]
    assert (seen.currency, seen.equity_native, seen.available_native) == ("USDC", 1000.5, 980.25)
    await hyperliquid.gateway.cancel_order(OrderId("9"))
    assert await hyperliquid.gateway.open_orders() == []


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
    hyperliquid: Any, role: dict[str, Any], words: str
) -> None:
    """Before anything is traded; the line names addresses and no secret."""
    hyperliquid.venue.role = role
    made = hyperliquid.make()
    with pytest.raises(ConfigError, match=words) as caught:
        await made.open()
    assert AGENT_KEY[2:] not in str(caught.value)
    await made.close()


@pytest.mark.asyncio
async def test_the_accounts_own_key_is_refused(hyperliquid: Any) -> None:
    """It may withdraw."""
    made = hyperliquid.make(credentials=Credentials("0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A", AGENT_KEY))
    with pytest.raises(ConfigError, match="may withdraw; use an API wallet"):
        await made.open()
    await made.close()
