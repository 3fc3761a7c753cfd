"""The gateway's promises on a paper account: latency, deadlines, look-ups, snapshots, and no order to anybody."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bot.domain.commands import CancelOrder, LookUpOrder
from bot.domain.events import (
    AccountSeen,
    Filled,
    LookUpFailed,
    OrderAbsent,
    OrderAcked,
    OrderRefused,
    OrderUpdated,
    SnapshotTaken,
)
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.sim.facts import OrderRequest, Side
from bot.venues.contract import Reader
from bot.venues.paper.venue import ACCOUNT

_D = Decimal
PERP = InstrumentId("BTC-PERPETUAL")
Virtual = Callable[[Coroutine[object, object, None]], None]


def test_an_order_is_answered_after_the_latency(paper: Any, virtual: Virtual) -> None:
    """Acknowledged, filled at the book's price with the listed fee, and told as the venue has it."""

    async def scene() -> None:
        await paper.open()
        began_s = asyncio.get_running_loop().time()
        acked, fill, updated = await paper.gateway.place(paper.order(amount="-100", price="99990"))

        assert asyncio.get_running_loop().time() - began_s == pytest.approx(0.05)
        assert isinstance(acked, OrderAcked)
        assert (acked.order_id, acked.label) == (fill.order_id, "hb1")
        assert (fill.amount_native, fill.price_native, fill.is_maker) == (_D(-100), _D("99999.5"), False)
        assert fill.fee_native == pytest.approx(_D(100) / _D("99999.5") * _D("0.00035"), abs=_D("1e-8"))
        assert (updated.state, updated.filled_native) == (VenueOrderState.FILLED, _D(100))
        assert [event for event in paper.events if isinstance(event, Filled)] == [fill]

    virtual(scene())


def test_an_order_meets_the_book_as_it_is_on_arrival(paper: Any, virtual: Virtual) -> None:
    """The price it was decided on left 20 ms before it came: nothing is filled."""

    async def scene() -> None:
        await paper.open()
        task = asyncio.create_task(paper.gateway.place(paper.order()))
        await asyncio.sleep(0.03)
        paper.book(asks=((100_050.0, 1000.0),))
        _, updated = await task

        assert (updated.state, updated.filled_native) == (VenueOrderState.CANCELLED, 0)

    virtual(scene())


def test_a_book_that_is_lost_on_the_way_fills_nothing(paper: Any, virtual: Virtual) -> None:
    """A definite no: the order was never anywhere."""

    async def scene() -> None:
        await paper.open()
        task = asyncio.create_task(paper.gateway.place(paper.order()))
        await asyncio.sleep(0.03)
        paper.venue.lose_book(PERP)
        (refused,) = await task

        assert (refused.kind, refused.name) == (RefusalKind.NOT_EXECUTED, "paper: the book is not known")
        assert paper.venue.exchange.orders_all(ACCOUNT) == []

    virtual(scene())


def test_the_deadline_holds(paper: Any, virtual: Virtual) -> None:
    """An order that arrives after its `valid_until` is refused with the venue's code."""

    async def scene() -> None:
        await paper.open()
        (refused,) = await paper.gateway.place(paper.order(valid_until_ns=Ns(paper.now_ns() + 49_000_000)))

        assert isinstance(refused, OrderRefused)
        assert (refused.code, refused.kind) == (13888, RefusalKind.NOT_EXECUTED)

    virtual(scene())


def test_look_up_finds_what_became_of_an_order(paper: Any, virtual: Virtual) -> None:
    """By label, with its fills; absent only after the deadline, and not before the moment asked for."""

    async def scene() -> None:
        await paper.open()
        await paper.gateway.place(paper.order())

        def question(label: str, after_s: float = 0.0, valid_s: float = -1.0) -> LookUpOrder:
            now_ns = paper.now_ns()
            return LookUpOrder(
                label=Label(label),
                instrument=PERP,
                order_id=None,
                not_before_ns=Ns(now_ns + round(after_s * NS_PER_S)),
                valid_until_ns=Ns(now_ns + round(valid_s * NS_PER_S)),
            )

        fill, updated = await paper.gateway.look_up(question("hb1", valid_s=5.0))
        assert (fill.label, updated.state) == ("hb1", VenueOrderState.FILLED)
        (absent,) = await paper.gateway.look_up(question("hb2"))
        assert isinstance(absent, OrderAbsent)
        (open_yet,) = await paper.gateway.look_up(question("hb2", valid_s=1.0))
        assert isinstance(open_yet, LookUpFailed)
        began_s = asyncio.get_running_loop().time()
        (absent,) = await paper.gateway.look_up(question("hb2", after_s=3.0, valid_s=2.0))
        assert isinstance(absent, OrderAbsent)
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(3.05)
        (too_far,) = await paper.gateway.look_up(question("hb2", after_s=60.0))
        assert isinstance(too_far, LookUpFailed)

    virtual(scene())


def test_cancel_tells_how_an_order_ended(paper: Any, virtual: Virtual) -> None:
    """An open one is cancelled; one that is over is told as it is, with fills; of an unknown one nothing is known."""

    async def scene() -> None:
        await paper.open()
        resting, _ = paper.venue.submit(
            OrderRequest(
                account=ACCOUNT,
                instrument=PERP,
                side=Side.BUY,
                amount_native=_D(10),
                price_native=_D(99_000),
                label="r",
            )
        )
        acked, _, _ = await paper.gateway.place(paper.order())

        def cancel(order_id: str) -> CancelOrder:
            return CancelOrder(label=Label("x"), order_id=OrderId(order_id), instrument=PERP)

        (ended,) = await paper.gateway.cancel(cancel(resting.order_id))
        assert (ended.state, ended.label) == (VenueOrderState.CANCELLED, "r")
        fill, over = await paper.gateway.cancel(cancel(acked.order_id))
        assert isinstance(fill, Filled)
        assert isinstance(over, OrderUpdated)
        assert over.state is VenueOrderState.FILLED
        (unknown,) = await paper.gateway.cancel(cancel("17"))
        assert isinstance(unknown, LookUpFailed)

    virtual(scene())


def test_a_snapshot_belongs_together(paper: Any, virtual: Virtual) -> None:
    """Money per currency, positions without flat ones, open orders, fills: of one moment, asked for before it."""

    async def scene() -> None:
        await paper.open()
        await paper.gateway.place(paper.order())
        asked_ns = paper.now_ns()
        *money, taken = await paper.gateway.snapshot()

        assert isinstance(taken, SnapshotTaken)
        assert {(seen.currency, type(seen)) for seen in money} == {("BTC", AccountSeen), ("USDC", AccountSeen)}
        held = {seen.instrument: seen.amount_native for seen in taken.positions}
        assert held == {paper.make.option().id: _D(2), PERP: _D(100)}
        assert [fill.label for fill in taken.fills] == ["hb1"]
        assert (taken.requested_ns, taken.received_ns) == (asked_ns, paper.now_ns())
        await paper.gateway.place(paper.order("hb2", "-100", "99990"))
        *_, taken = await paper.gateway.snapshot()
        assert {seen.instrument for seen in taken.positions} == {paper.make.option().id}

    virtual(scene())


def test_the_venues_listing_has_this_accounts_fees(paper: Any, virtual: Virtual) -> None:
    """Futures and perpetuals at the tier configured; options as listed."""

    async def scene() -> None:
        paper.params = msgspec.structs.replace(paper.params, fee_rate_taker=_D("0.0002"), fee_rate_maker=_D(0))
        await paper.open()
        fees = {spec.id: (spec.fee_rate_maker, spec.fee_rate_taker) for spec in await paper.gateway.instruments("BTC")}
        assert fees[PERP] == (0, _D("0.0002"))
        assert fees[paper.make.option().id] != fees[PERP]
        _, fill, _ = await paper.gateway.place(paper.order())
        assert fill.fee_native == pytest.approx(_D(100) / _D("100000.5") * _D("0.0002"), abs=_D("1e-8"))
        assert await paper.gateway.index_usd("btc_usd") == 100_000.0

    virtual(scene())


def test_closing_writes_down_and_disconnects(paper: Any, virtual: Virtual) -> None:
    """Also what was never opened; a disk that is full loses no fill, only what accrued since."""

    async def scene() -> None:
        paper.born()
        await paper.gateway.close()
        assert (paper.saves, paper.reader.asked) == (0, ["close"])
        await paper.open()
        saves = paper.saves
        await paper.gateway.close()
        assert paper.saves == saves + 1
        paper.can_save = False
        await paper.gateway.close()

    virtual(scene())


def test_the_questions_cannot_send_an_order() -> None:
    """The only door to the real venue has no method that changes anything there."""
    doors = {name for name in vars(Reader) if not name.startswith("_")}

    assert doors == {"open", "instruments", "index_usd", "ticker", "delivery_usd", "funding_rate", "account", "close"}
