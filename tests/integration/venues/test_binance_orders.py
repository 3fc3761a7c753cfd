"""What only Binance has: coins, a window instead of a deadline, labels that fills do not bear, a least notional."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import ConfigError
from bot.domain.events import Filled, InstrumentListed, OrderRefused, OrderUnknown, SnapshotTaken
from bot.domain.ids import InstrumentId, OrderId
from bot.domain.reasons import RefusalKind

Only = Callable[..., Any]


@pytest.mark.asyncio
async def test_instruments_are_perpetuals_and_a_lot_is_worth_the_least_order(binance: Any) -> None:
    """Dated ones are left out; 0.002 BTC is the first step worth a quarter more than 100 USDT; the account's fees."""
    found = await binance.gateway.instruments("BTC")
    assert [spec.id for spec in found] == ["BINANCE:BTCUSDT", "BINANCE:BTCUSDC"]
    assert (found[0].lot_native, found[0].tick_native) == (Decimal("0.002"), Decimal("0.10"))
    assert (found[1].settlement_currency, found[1].fee_rate_taker) == ("USDC", Decimal("0.0004"))
    assert await binance.gateway.index_usd(found[0].index_name) == 64_000.0
    assert binance.gateway.account_id == "SgsR"


@pytest.mark.asyncio
async def test_what_leaves_has_our_label_and_a_window(binance: Any) -> None:
    """No broker's id in front of it, no reduce-only; the window ends with the order's time."""
    await binance.gateway.place(binance.order("0.05"))
    (sent,) = binance.posts()
    for signed in ("timestamp", "signature"):
        sent.pop(signed)
    assert 0 < int(sent.pop("recvWindow")) <= 3_000
    assert sent == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "IOC",
        "quantity": "0.05",
        "price": "64100",
        "newClientOrderId": binance.order().label,
        "newOrderRespType": "RESULT",
    }


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("-2019", RefusalKind.NO_FUNDS),
        ("-4131", RefusalKind.REQUOTE),
        ("-1008", RefusalKind.BACK_OFF),
        ("-1021", RefusalKind.NOT_EXECUTED),
        ("-4061", RefusalKind.CONFIG),
        ("-1007", None),
        ("-4116", None),
    ],
)
async def test_a_code(binance: Any, code: str, kind: RefusalKind | None) -> None:
    """Whatever class ccxt makes of it; "execution status unknown" is doubt."""
    binance.venue.faults = [code]
    (told,) = await binance.gateway.place(binance.order())
    assert isinstance(told, OrderRefused if kind else OrderUnknown)
    assert getattr(told, "kind", None) is kind


@pytest.mark.asyncio
async def test_an_order_worth_too_little_is_told_with_the_least_there_is_now(binance: Any, only: Only) -> None:
    """The price fell: what 100 USDT and a quarter are in coins is read again."""
    binance.venue.mid_usd = lambda: 30_000.0
    binance.venue.faults = ["-4164"]
    events = await binance.gateway.place(binance.order())
    assert only(events, OrderRefused).kind is RefusalKind.TOO_SMALL
    listed = only(events, InstrumentListed).instrument
    assert (listed.id, listed.lot_native) == (binance.instrument, Decimal("0.005"))


@pytest.mark.asyncio
async def test_fills_of_others_and_of_other_symbols(binance: Any, only: Only) -> None:
    """A stranger's fill has no label of ours; a symbol that is first seen by its position tells no old fills."""
    await binance.gateway.place(binance.order())
    old = binance.venue.fills[0] | {"symbol": "ETHUSDT", "id": 7, "orderId": 8, "time": 1_700_000_000_000}
    binance.venue.fills += [old, old | {"id": 9, "time": binance.venue.fills[0]["time"]}]
    binance.venue.position["ETHUSDT"] = Decimal(-3)
    taken = only(await binance.gateway.snapshot(), SnapshotTaken)
    assert {item.instrument: item.amount_native for item in taken.positions} == {
        InstrumentId("BINANCE:BTCUSDT"): Decimal("0.05"),
        InstrumentId("BINANCE:ETHUSDT"): Decimal(-3),
    }
    assert [(fill.fill_id, fill.label) for fill in taken.fills] == [
        ("BINANCE:BTCUSDT:519043017", binance.order().label),
        ("BINANCE:ETHUSDT:9", None),
    ]


@pytest.mark.asyncio
async def test_a_label_on_an_order_that_is_over_would_be_taken_again(binance: Any, only: Only) -> None:
    """The venue's ids are unique among open orders only: it is our writing down first that keeps them unique."""
    only(await binance.gateway.place(binance.order()), Filled)
    only(await binance.gateway.place(binance.order()), Filled)
    assert binance.venue.position["BTCUSDT"] == Decimal("0.10")


@pytest.mark.asyncio
async def test_an_open_order_of_a_stranger(binance: Any) -> None:
    """Seen, and can be cancelled."""
    stranger = {"orderId": 9, "clientOrderId": "web_1", "symbol": "ETHUSDT", "side": "SELL", "origQty": "2"}
    rest = {"executedQty": "0", "price": "9000", "status": "NEW", "updateTime": 1_770_000_000_000}
    binance.venue.orders.append(stranger | rest)
    assert await binance.gateway.open_orders() == [("9", "web_1")]
    await binance.gateway.cancel_order(OrderId("9"))
    assert await binance.gateway.open_orders() == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "words"),
    [({"enableFutures": False}, "may not trade futures"), ({"enableWithdrawals": True}, "may withdraw")],
    ids=["no futures", "withdraws"],
)
async def test_a_key_unfit_to_hedge_with_is_refused_at_the_start(
    binance: Any, change: dict[str, bool], words: str
) -> None:
    """One line that names what to change; the demo does not tell, and says so."""
    binance.venue.rights |= change
    made = binance.make()
    with pytest.raises(ConfigError, match=words):
        await made.open()
    await made.close()
    demo = binance.make(is_testnet=True)
    await demo.reach()
    assert "not told by the demo" in await demo.check_key()
    await demo.close()


@pytest.mark.asyncio
async def test_a_key_the_venue_does_not_take(binance: Any) -> None:
    """-2015 says three things at once; so does the line."""
    binance.venue.rights = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
    made = binance.make()
    with pytest.raises(ConfigError, match=r"-2015; check key, secret, its list of addresses"):
        await made.open()
    await made.close()
