"""What only Bybit has: orders acknowledged before anybody looks at them, two settlement coins, a window as deadline."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.commands import LookUpOrder
from bot.domain.errors import ConfigError
from bot.domain.events import (
    AccountSeen,
    Filled,
    OrderAcked,
    OrderRefused,
    OrderUnknown,
    OrderUpdated,
    SnapshotFailed,
    SnapshotTaken,
)
from bot.domain.ids import InstrumentId, OrderId
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.venues.settings import Credentials

USDT, USDC = InstrumentId("BYBIT:BTCUSDT"), InstrumentId("BYBIT:BTCPERP")
Only = Callable[..., Any]


def look_up(bybit: Any) -> LookUpOrder:
    """Of the order, after its time."""
    label = bybit.order().label
    return LookUpOrder(
        label=label, instrument=USDT, order_id=None, not_before_ns=Ns(0), valid_until_ns=Ns(time.time_ns() - 1)
    )


@pytest.mark.asyncio
async def test_instruments_are_linear_perpetuals_in_coins(bybit: Any) -> None:
    """Of USDT and USDC; dated ones and what is not traded are left out; no list of a whole market is asked for."""
    usdt, usdc = await bybit.gateway.instruments("BTC")
    assert (usdt.id, usdt.lot_native, usdt.tick_native) == (USDT, Decimal("0.001"), Decimal("0.10"))
    assert (usdt.settlement_currency, usdt.fee_rate_taker) == ("USDT", Decimal("0.0004"))
    assert (usdc.id, usdc.settlement_currency) == (USDC, "USDC")
    assert await bybit.gateway.index_usd(usdt.index_name) == 64_000.0
    assert bybit.gateway.account_id == "24617703"
    asked = [params for path, params in bybit.venue.asked if path == "GET /v5/market/instruments-info"]
    assert asked == [{"category": "linear", "baseCoin": "BTC"}] * 2


@pytest.mark.asyncio
async def test_an_acknowledged_order_is_asked_for_until_it_shows(bybit: Any) -> None:
    """The acknowledgement says nothing of what became of it; no broker's name goes with it."""
    bybit.venue.hidden_reads = 4
    acked, fill, updated = await bybit.gateway.place(bybit.order("0.05"))
    assert isinstance(acked, OrderAcked)
    assert (fill.amount_native, fill.price_native, fill.label) == (
        Decimal("0.05"),
        Decimal("64000.5"),
        bybit.order().label,
    )
    assert (fill.fee_native, fill.fee_currency) == (Decimal("1.28001"), "USDT")
    assert (updated.state, updated.filled_native) == (VenueOrderState.FILLED, Decimal("0.05"))
    assert bybit.posts() == [
        {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "timeInForce": "IOC",
            "qty": "0.05",
            "price": "64100",
            "orderLinkId": bybit.order().label,
            "positionIdx": 0,
        }
    ]
    assert all("Referer" not in head for head in bybit.venue.headers)


@pytest.mark.asyncio
async def test_a_partial_fill_counts_and_the_rest_is_over(bybit: Any, only: Only) -> None:
    """An IOC larger than the book, in USDC."""
    bybit.venue.book_coin = 0.03
    events = await bybit.gateway.place(bybit.order("-0.05", instrument=USDC))
    fill, updated = only(events, Filled), only(events, OrderUpdated)
    assert (fill.amount_native, fill.fee_currency) == (Decimal("-0.03"), "USDC")
    assert (updated.state, updated.filled_native) == (VenueOrderState.CANCELLED, Decimal("0.03"))


@pytest.mark.asyncio
async def test_an_order_gone_from_every_list_is_found_by_its_fills(bybit: Any, only: Only) -> None:
    """The venue forgets orders sooner than executions."""
    await bybit.gateway.place(bybit.order())
    bybit.venue.orders.clear()
    found = await bybit.gateway.look_up(look_up(bybit))
    assert only(found, Filled).amount_native == Decimal("0.05")
    assert only(found, OrderUpdated).filled_native == Decimal("0.05")


@pytest.mark.asyncio
async def test_an_order_that_arrives_after_its_deadline_is_refused_by_the_venue(bybit: Any, only: Only) -> None:
    """The signed window ends with the order's own time; other requests have five seconds."""
    bybit.venue.behind_ms = 900
    late = only(await bybit.gateway.place(bybit.order(valid_until_ns=Ns(time.time_ns() + NS_PER_S // 2))), OrderRefused)
    assert (late.code, late.kind) == (10002, RefusalKind.NOT_EXECUTED)
    assert isinstance((await bybit.gateway.place(bybit.order()))[0], OrderAcked)
    windows = [int(head["X-BAPI-RECV-WINDOW"]) for head in bybit.venue.headers if "X-BAPI-RECV-WINDOW" in head]
    assert max(windows) == 5000
    assert 0 < min(windows) <= 500


@pytest.mark.asyncio
async def test_a_label_used_twice_is_no_second_order(bybit: Any, only: Only) -> None:
    """The venue refuses the label (110072): the first order is found by it."""
    first = only(await bybit.gateway.place(bybit.order()), Filled)
    assert only(await bybit.gateway.place(bybit.order()), OrderUnknown).cause == "110072 duplicate_order_link_id"
    assert only(await bybit.gateway.look_up(look_up(bybit)), Filled).fill_id == first.fill_id
    assert bybit.venue.position_coin["BTCUSDT"] == Decimal("0.05")


@pytest.mark.asyncio
async def test_a_snapshot_sees_both_settlement_coins(bybit: Any, only: Only) -> None:
    """By default the venue tells USDT only: positions and orders in USDC are asked for by name."""
    await bybit.gateway.place(bybit.order("0.05"))
    bybit.venue.position_coin["BTCPERP"] = Decimal("-0.2")
    stranger = {"symbol": "BTCPERP", "orderId": "9", "orderLinkId": "", "side": "Sell", "qty": "0.1", "price": "90000"}
    bybit.venue.orders.append(stranger | {"cumExecQty": "", "orderStatus": "New", "updatedTime": "1770000000000"})
    bybit.venue.fills.append(bybit.venue.fills[0] | {"execType": "Funding", "execId": "f", "execQty": "0.05"})
    events = await bybit.gateway.snapshot()
    taken, seen = only(events, SnapshotTaken), only(events, AccountSeen)
    assert {item.instrument: item.amount_native for item in taken.positions} == {
        USDT: Decimal("0.05"),
        USDC: Decimal("-0.2"),
    }
    assert [(each.label, each.amount_native) for each in taken.open_orders] == [(None, Decimal("-0.1"))]
    assert [fill.label for fill in taken.fills] == [bybit.order().label], (
        "funding is listed among executions and is no fill"
    )
    assert (seen.currency, seen.equity_native, seen.available_native) == ("USDT", 1_000_000.0, 998_679.5)
    await bybit.gateway.cancel_order(OrderId("9"))
    assert await bybit.gateway.open_orders() == []


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
    bybit: Any, change: dict[str, Any], words: str
) -> None:
    """One line that names what to change."""
    bybit.venue.key |= change
    made = bybit.make()
    with pytest.raises(ConfigError, match=words):
        await made.open()
    await made.close()


@pytest.mark.asyncio
async def test_hedge_mode_is_refused_at_the_start_and_is_no_snapshot_later(bybit: Any, only: Only) -> None:
    """Positions have sides there: a sale would open a second one. The venue refuses our orders too."""
    bybit.venue.mode_idx = 2
    with pytest.raises(ConfigError, match="set it to one-way"):
        await bybit.gateway.instruments("BTC")
    bybit.venue.position_coin["BTCUSDT"] = Decimal(1)
    assert "hedge mode" in only(await bybit.gateway.snapshot(), SnapshotFailed).cause
    assert only(await bybit.gateway.place(bybit.order()), OrderRefused).code == 10001


@pytest.mark.asyncio
@pytest.mark.parametrize(("keys", "code"), [(("other", "bybit-secret"), 10003), (("bybit-key", "other"), 10004)])
async def test_a_wrong_key_is_a_mistake_of_the_configuration(bybit: Any, keys: tuple[str, str], code: int) -> None:
    """The line names the code and never the secret."""
    made = bybit.make(credentials=Credentials(*keys))
    with pytest.raises(ConfigError, match=str(code)):
        await made.open()
    await made.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("110007", RefusalKind.NO_FUNDS),
        ("110003", RefusalKind.REQUOTE),
        ("10006", RefusalKind.BACK_OFF),
        ("10016", None),
        ("99999", None),
    ],
)
async def test_a_code(bybit: Any, code: str, kind: RefusalKind | None) -> None:
    """A definite no by the venue's code; what leaves it open, and what nobody has written down, is doubt."""
    bybit.venue.faults = [code]
    (told,) = await bybit.gateway.place(bybit.order())
    assert isinstance(told, OrderRefused if kind else OrderUnknown)
    assert getattr(told, "kind", None) is kind
