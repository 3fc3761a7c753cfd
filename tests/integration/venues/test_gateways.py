"""What every gateway over ccxt owes, with ccxt itself, unmodified, at local venues: each answer and each silence."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.commands import CancelOrder, LookUpOrder
from bot.domain.errors import ConfigError
from bot.domain.events import (
    AccountSeen,
    Filled,
    InstrumentListed,
    LookUpFailed,
    OrderAbsent,
    OrderAcked,
    OrderRefused,
    OrderUnknown,
    OrderUpdated,
    SnapshotFailed,
    SnapshotTaken,
)
from bot.domain.ids import OrderId
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns

Only = Callable[..., Any]


def look_up(at: Any, valid_until_ns: int) -> LookUpOrder:
    """Of the order, at once."""
    label = at.order().label
    return LookUpOrder(
        label=label, instrument=at.instrument, order_id=None, not_before_ns=Ns(0), valid_until_ns=Ns(valid_until_ns)
    )


@pytest.mark.asyncio
async def test_an_order_is_followed_to_its_fills(at: Any, only: Only) -> None:
    """Shown late or at once: in the end its state, its fills with our label, and what they cost."""
    at.venue.hidden_reads = 2
    acked, fill, updated = await at.gateway.place(at.order())
    assert isinstance(acked, OrderAcked)
    assert (fill.amount_native, fill.price_native, fill.label) == (Decimal("0.05"), at.venue.touch()[1], acked.label)
    assert fill.fill_id.startswith(f"{at.instrument}:")
    assert (fill.fee_currency, fill.is_maker) == (at.money, False)
    assert 0 < fill.fee_native < Decimal("0.0005") * fill.amount_native * fill.price_native
    assert (updated.state, updated.filled_native) == (VenueOrderState.FILLED, Decimal("0.05"))
    assert len(at.posts()) == 1
    held = only(await at.gateway.snapshot(), SnapshotTaken).positions
    assert [(item.instrument, item.amount_native) for item in held] == [(at.instrument, Decimal("0.05"))]


@pytest.mark.asyncio
async def test_a_partial_fill_counts_and_the_rest_is_over(at: Any, only: Only) -> None:
    """An order larger than the book: filled in part, cancelled for the rest."""
    at.venue.book_contracts, at.venue.book_coin = 3.0, 0.03
    events = await at.gateway.place(at.order("-0.05"))
    assert only(events, Filled).amount_native == Decimal("-0.03")
    updated = only(events, OrderUpdated)
    assert (updated.state, updated.filled_native) == (VenueOrderState.CANCELLED, Decimal("0.03"))


@pytest.mark.asyncio
async def test_an_order_that_finds_nobody(at: Any, only: Only) -> None:
    """Nothing filled: over, and nothing of it anywhere."""
    events = await at.gateway.place(at.order(price_native=Decimal(63_000)))
    assert only(events, OrderUpdated).filled_native == 0
    assert not [event for event in events if isinstance(event, Filled)]


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["lose reply", "503"])
async def test_a_lost_reply_is_looked_up_and_never_sent_again(at: Any, only: Only, fault: str) -> None:
    """The order is there: found by its label, its fill told."""
    at.venue.faults = [fault]
    command = at.order()
    (unknown,) = await at.gateway.place(command)
    assert isinstance(unknown, OrderUnknown)
    assert len(at.posts()) == 1
    found = await at.gateway.look_up(look_up(at, command.valid_until_ns))
    assert only(found, Filled).amount_native == Decimal("0.05")
    assert only(found, OrderUpdated).state is VenueOrderState.FILLED


@pytest.mark.asyncio
async def test_a_lost_request_is_absent_after_its_deadline_only(at: Any, only: Only) -> None:
    """Before that it may still start."""
    at.venue.faults = ["lose request"]
    command = at.order()
    assert isinstance((await at.gateway.place(command))[0], OrderUnknown)
    early = only(await at.gateway.look_up(look_up(at, command.valid_until_ns)), LookUpFailed)
    assert early.cause == "not there, but it may still start"
    only(await at.gateway.look_up(look_up(at, time.time_ns() - 1)), OrderAbsent)
    assert len(at.posts()) == 1


@pytest.mark.asyncio
async def test_a_venue_that_never_answers(at: Any, only: Only) -> None:
    """The call ends by itself; one request was sent."""
    at.gateway._road._exchange._exchange.timeout = 200
    at.venue.faults = ["hang"]
    only(await at.gateway.place(at.order()), OrderUnknown)
    assert len(at.posts()) == 1


_TOO_SMALL = {
    "okx": "51020",
    "binance": "-4164",
    "bybit": "110094",
    "hyperliquid": "Order must have minimum value of $10. asset=0",
}


@pytest.mark.asyncio
async def test_an_order_that_is_too_small_brings_the_listing_of_now(at: Any, only: Only) -> None:
    """The least order has changed since it was read: refused, not sent again, and the next one knows better."""
    at.venue.faults = [_TOO_SMALL[at.name]]
    events = await at.gateway.place(at.order())
    assert only(events, OrderRefused).kind is RefusalKind.TOO_SMALL
    assert only(events, InstrumentListed).instrument.id == at.instrument
    assert len(at.posts()) == 1


@pytest.mark.asyncio
async def test_a_fee_tier_that_changed_is_in_the_next_listing(at: Any) -> None:
    """What the account pays, a cost positive, whatever the venue's sign; without a key the lowest tier."""

    async def taker() -> Decimal:
        listed = await at.gateway.instruments("BTC")
        return next(Decimal(spec.fee_rate_taker) for spec in listed if spec.id == at.instrument)

    before = await taker()
    at.venue.taker_fee = "0.00031"
    assert before == Decimal("0.0004")
    assert await taker() == Decimal("0.00031")


@pytest.mark.asyncio
async def test_nothing_is_sent_to_nobody(at: Any, only: Only) -> None:
    """A venue that takes no connection has no order: a definite no of our own."""
    ccxts = at.gateway._road._exchange._exchange
    nobody = {name: str(url).replace(at.venue.host, "127.0.0.1:9") for name, url in ccxts.urls["api"].items()}
    ccxts.urls["api"] = nobody
    refused = only(await at.gateway.place(at.order()), OrderRefused)
    assert (refused.kind, refused.code) == (RefusalKind.UNREACHABLE, 0)


@pytest.mark.asyncio
async def test_too_late_is_not_sent_and_nothing_rests(at: Any, only: Only) -> None:
    """After its deadline an order does not leave; one that would rest never does without a dead-man switch."""
    late = only(await at.gateway.place(at.order(valid_until_ns=Ns(time.time_ns() - 1))), OrderRefused)
    assert late.kind is RefusalKind.NOT_EXECUTED
    assert at.gateway.cancels_on_disconnect is (at.name != "bybit")
    if at.name == "bybit":
        resting = only(await at.gateway.place(at.order(rest_until_ns=Ns(time.time_ns() + 60 * NS_PER_S))), OrderRefused)
        assert resting.kind is RefusalKind.NOT_EXECUTED
    assert at.posts() == []


@pytest.mark.asyncio
async def test_cancel_of_what_is_over_tells_its_fills(at: Any, only: Only) -> None:
    """Gone already: state and fills are asked for."""
    acked = only(await at.gateway.place(at.order()), OrderAcked)
    command = CancelOrder(label=acked.label, order_id=acked.order_id, instrument=at.instrument)
    assert only(await at.gateway.cancel(command), OrderUpdated).filled_native == Decimal("0.05")
    nothing = CancelOrder(label=acked.label, order_id=OrderId("1"), instrument=at.instrument)
    assert only(await at.gateway.cancel(nothing), LookUpFailed).cause == "there is no such order"


@pytest.mark.asyncio
async def test_snapshot_tells_fills_with_labels_and_money(at: Any, only: Only) -> None:
    """Again and again the same; a currency without money is none."""
    await at.gateway.place(at.order())
    for _ in range(2):
        events = await at.gateway.snapshot()
        taken, seen = only(events, SnapshotTaken), only(events, AccountSeen)
        assert [(fill.label, fill.amount_native) for fill in taken.fills] == [(at.order().label, Decimal("0.05"))]
        assert (seen.currency, seen.equity_native) == (at.money, float(at.venue.balance_usdt))
        assert (seen.venue, taken.venue) == (at.name, at.name)


@pytest.mark.asyncio
@pytest.mark.parametrize("at", ["okx", "binance"], indirect=True)
async def test_hedge_mode_found_later_is_no_snapshot(at: Any, only: Only) -> None:
    """Somebody switched it while we run: positions have sides, which we must not add up."""
    await at.gateway.place(at.order())
    if at.name == "okx":
        at.venue.config["posMode"] = "long_short_mode"
    else:
        at.venue.is_hedge_mode = True
    assert "hedge mode" in only(await at.gateway.snapshot(), SnapshotFailed).cause
    made = at.make()
    with pytest.raises(ConfigError, match="set it to one-way"):
        await made.open()
    await made.close()


@pytest.mark.asyncio
async def test_another_account_than_expected(at: Any) -> None:
    """The ledger is of one account."""
    made = at.make(account_id="7")
    with pytest.raises(ConfigError, match=f"account {at.gateway.account_id}, expected is 7"):
        await made.open()
    await made.close()
