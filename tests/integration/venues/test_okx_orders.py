"""What only OKX has: contracts, a deadline in a header, a demo in a header, three parts of a key."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import ConfigError
from bot.domain.events import Filled, OrderRefused, OrderUnknown, SnapshotTaken
from bot.domain.ids import InstrumentId, OrderId
from bot.domain.reasons import RefusalKind

LINEAR, INVERSE = InstrumentId("OKX:BTC-USDT-SWAP"), InstrumentId("OKX:BTC-USD-SWAP")
Only = Callable[..., Any]


@pytest.mark.asyncio
async def test_instruments_are_perpetuals_in_our_units(okx: Any) -> None:
    """Contracts become coins (linear) or USD (inverse); what is not open is left out; fees are the account's."""
    linear, inverse = await okx.gateway.instruments("BTC")
    assert (linear.id, linear.lot_native, linear.contract_size_native) == (LINEAR, Decimal("0.0001"), Decimal("0.01"))
    assert (linear.settlement_currency, linear.fee_rate_taker) == ("USDT", Decimal("0.0004"))
    assert (inverse.id, inverse.lot_native, inverse.amount_is_in_usd) == (INVERSE, Decimal("10.0"), True)
    assert (inverse.settlement_currency, inverse.fee_rate_taker) == ("BTC", Decimal("0.0005"))
    assert await okx.gateway.index_usd(linear.index_name) == 64_000.0
    assert okx.gateway.account_id == "44705892343"


@pytest.mark.asyncio
async def test_what_leaves_is_contracts_and_no_tag_of_a_broker(okx: Any, only: Only) -> None:
    """Plain digits, our label, the deadline as a header of the order only. Inverse amounts are USD."""
    await okx.gateway.place(okx.order("0.05"))
    assert (
        only(await okx.gateway.place(okx.order("-500", instrument=INVERSE, label="hb2")), Filled).amount_native == -500
    )
    linear, inverse = okx.posts()
    assert linear == {
        "instId": "BTC-USDT-SWAP",
        "tdMode": "cross",
        "side": "buy",
        "ordType": "ioc",
        "sz": "5",
        "px": "64100",
        "clOrdId": okx.order().label,
    }
    assert (inverse["instId"], inverse["sz"]) == ("BTC-USD-SWAP", "5")
    assert len([head for head in okx.venue.headers if "expTime" in head]) == 2
    assert okx.venue.position_contracts == {"BTC-USDT-SWAP": 5, "BTC-USD-SWAP": -5}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("51008", RefusalKind.NO_FUNDS),
        ("51006", RefusalKind.REQUOTE),
        ("50011", RefusalKind.BACK_OFF),
        ("50036", RefusalKind.NOT_EXECUTED),
        ("50004", None),
    ],
)
async def test_a_code(okx: Any, code: str, kind: RefusalKind | None) -> None:
    """The order's own code decides, not the request's; a time-out of the venue's engine is doubt."""
    okx.venue.faults = [code]
    (told,) = await okx.gateway.place(okx.order())
    assert isinstance(told, OrderRefused if kind else OrderUnknown)
    assert getattr(told, "kind", None) is kind


@pytest.mark.asyncio
async def test_a_label_used_twice_is_no_second_order(okx: Any, only: Only) -> None:
    """The venue refuses the label (51016): there is an order of that name, which is looked up."""
    only(await okx.gateway.place(okx.order()), Filled)
    (unknown,) = await okx.gateway.place(okx.order())
    assert unknown.cause == "51016 client_order_id_exists"
    assert okx.venue.position_contracts["BTC-USDT-SWAP"] == 5


@pytest.mark.asyncio
async def test_strangers_and_flat_positions(okx: Any, only: Only) -> None:
    """An open order of somebody else is seen and can be cancelled; a flat position is none."""
    okx.venue.position_contracts |= {"BTC-USD-SWAP": Decimal("-7.5"), "ETH-USDT-SWAP": Decimal(0)}
    stranger = {"instId": "ETH-USDT-SWAP", "ordId": "9", "clOrdId": "", "side": "sell", "sz": "2", "accFillSz": "0"}
    okx.venue.orders.append(stranger | {"px": "9000", "state": "live", "uTime": "1770000000000"})
    taken = only(await okx.gateway.snapshot(), SnapshotTaken)
    assert {item.instrument: item.amount_native for item in taken.positions} == {INVERSE: Decimal(-750)}
    assert [(seen.label, seen.amount_native) for seen in taken.open_orders] == [(None, Decimal("-0.2"))]
    assert await okx.gateway.open_orders() == [("9", None)]
    await okx.gateway.cancel_order(OrderId("9"))
    assert await okx.gateway.open_orders() == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"perm": "read_only"}, "but not trade"),
        ({"perm": "read_only,trade,withdraw"}, "may withdraw"),
        ({"acctLv": "1"}, "spot mode"),
    ],
    ids=["read only", "withdraws", "spot"],
)
async def test_an_account_unfit_to_hedge_on_is_refused_at_the_start(
    okx: Any, change: dict[str, str], words: str
) -> None:
    """One line that names what to change."""
    okx.venue.config |= change
    made = okx.make()
    with pytest.raises(ConfigError, match=words):
        await made.open()
    await made.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("is_demo", [True, False])
async def test_a_key_of_the_other_world_is_refused(okx: Any, is_demo: bool) -> None:
    """Demo is a header on the same host: the venue refuses a key that is not of there."""
    okx.venue.is_demo = is_demo
    made = okx.make(is_testnet=not is_demo)
    with pytest.raises(ConfigError, match="50101; check key, secret and passphrase"):
        await made.open()
    await made.close()
    right = okx.make(is_testnet=is_demo)
    await right.open()
    await right.close()
