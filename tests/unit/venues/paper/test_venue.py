"""The paper venue: durable before it is told, blind without a book, faithful over a restart."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bot.domain.errors import JournalError
from bot.domain.events import AccountSeen, Filled, OrderUpdated, Settled, StreamLost, StreamName
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.sim.facts import OrderRequest, OrderState, Side, TimeInForce
from bot.venues.contract import PublicTrade
from bot.venues.paper.venue import ACCOUNT

_D = Decimal
PERP = InstrumentId("BTC-PERPETUAL")
Virtual = Callable[[Coroutine[object, object, None]], None]


def _request(side: str, amount: int, price: float, **change: object) -> OrderRequest:
    fields: dict[str, object] = {
        "account": ACCOUNT,
        "instrument": PERP,
        "side": Side(side),
        "amount_native": _D(amount),
        "price_native": _D(str(price)),
        "time_in_force": TimeInForce.IOC,
    }
    return OrderRequest(**(fields | change))


def test_a_fill_is_written_down_before_it_is_told(paper: Any, virtual: Virtual) -> None:
    """Fills, states and money reach the stream after the account is durable, and not when it could not be."""

    async def scene() -> None:
        await paper.open()
        told: list[int] = []
        paper.venue.follow(lambda events: (told.append(paper.saves), paper.sink(events)))
        before = paper.saves
        paper.venue.submit(_request("buy", 100, 100_000.5))
        assert told == [before + 1]
        assert [type(event) for event in paper.events[:2]] == [Filled, OrderUpdated]
        assert {event.currency for event in paper.events if isinstance(event, AccountSeen)} == {"BTC", "USDC"}

        paper.can_save = False
        with pytest.raises(JournalError, match="disk full"):
            paper.venue.submit(_request("buy", 100, 100_000.5))
        assert len(told) == 1

    virtual(scene())


def test_the_next_process_has_the_same_account(paper: Any, virtual: Virtual) -> None:
    """Positions, average prices, money, trades, and orders by label; ids go on."""

    async def scene() -> None:
        await paper.open()
        order, trades = paper.venue.submit(_request("buy", 100, 100_000.5, label="x"))
        first = paper.venue.exchange.remember(ACCOUNT)
        data = paper.kept

        await paper.open()

        second = paper.venue.exchange.remember(ACCOUNT)
        assert (second.holdings, second.balances, second.trades) == (first.holdings, first.balances, first.trades)
        assert paper.venue.exchange.orders_by_label(ACCOUNT, "BTC", "x") == [order]
        _, more = paper.venue.submit(_request("buy", 100, 100_000.5))
        assert int(more[0].trade_id) == int(trades[0].trade_id) + 1
        assert data != paper.kept

    virtual(scene())


def test_an_account_that_cannot_be_read_stops_the_start(paper: Any) -> None:
    """Never a fresh account in its place."""
    paper.kept = b'{"name":1}'
    paper.born()
    with pytest.raises(JournalError, match="the paper account cannot be read"):
        paper.venue.kept()


def test_a_book_is_known_while_it_is_heard(paper: Any, virtual: Virtual) -> None:
    """Not before a whole one, not after a gap or a lost stream, not when nobody spoke of it for five seconds."""

    async def scene() -> None:
        paper.born()
        paper.venue.hear([paper.make.future_marked()])
        paper.book()
        paper.venue.hear_trade(
            PublicTrade(instrument=PERP, is_buy=True, price_native=1.0, amount_native=1.0, venue_ns=Ns(1))
        )
        assert not paper.venue.is_known(PERP)
        await paper.open()
        assert paper.venue.is_known(PERP)
        paper.venue.lose_book(PERP)
        paper.book(whole=False)
        assert not paper.venue.is_known(PERP)
        paper.book()
        paper.venue.hear([StreamLost(stream=StreamName.ACCOUNT, received_ns=paper.now_ns(), cause="x")])
        assert paper.venue.is_known(PERP)
        paper.venue.hear([StreamLost(stream=StreamName.MARKET, received_ns=paper.now_ns(), cause="x")])
        assert not paper.venue.is_known(PERP)
        paper.book()
        await asyncio.sleep(4.0)
        paper.venue.hear([paper.make.future_marked(received_ns=paper.now_ns())])
        await asyncio.sleep(4.0)
        assert paper.venue.is_known(PERP)
        await asyncio.sleep(1.5)
        assert not paper.venue.is_known(PERP)

    virtual(scene())


def test_a_resting_order_is_filled_by_what_is_heard(paper: Any, virtual: Virtual) -> None:
    """By a trade through its queue, by the other side reaching it; stamped with that moment; not by an unknown book."""

    async def scene() -> None:
        await paper.open()
        order, _ = paper.venue.submit(_request("buy", 100, 99_999.5, time_in_force=TimeInForce.GTC))
        trade = PublicTrade(
            instrument=PERP, is_buy=False, price_native=99_999.5, amount_native=1_060.0, venue_ns=paper.now_ns()
        )
        await asyncio.sleep(1.0)
        paper.venue.lose_book(PERP)
        paper.venue.hear_trade(trade)
        assert not [event for event in paper.events if isinstance(event, Filled)]
        paper.book()
        paper.venue.hear_trade(msgspec.structs.replace(trade, venue_ns=paper.now_ns()))
        (fill,) = [event for event in paper.events if isinstance(event, Filled)]
        assert (fill.amount_native, fill.is_maker, fill.venue_ns) == (_D(60), True, paper.now_ns())

        paper.book(bids=(), asks=[(99_999.0, 30.0)])
        assert paper.venue.exchange.order(ACCOUNT, order.order_id).filled_native == 90
        assert paper.venue.cancel(order.order_id).state is OrderState.CANCELLED
        assert paper.events[-3].state.value == "cancelled"

    virtual(scene())


def test_funding_is_written_down_now_and_then(paper: Any, virtual: Virtual) -> None:
    """Every minute, and at the end, whatever else happens."""

    async def scene() -> None:
        await paper.open()
        before = paper.saves
        for _ in range(59):
            await asyncio.sleep(1.0)
            paper.venue.keep_up()
        assert paper.saves == before
        await asyncio.sleep(1.0)
        paper.venue.keep_up()
        assert paper.saves == before + 1
        paper.venue.close()
        assert paper.saves == before + 2

    virtual(scene())


def test_an_expiry_waits_for_its_price(paper: Any, virtual: Virtual) -> None:
    """Expired and not yet published: held, and named; then cash, at the published price, durable."""

    async def scene() -> None:
        await paper.open()
        spec = paper.make.option()
        assert paper.venue.undelivered() == set()
        paper.skipped_ns += spec.expiry_ns - paper.now_ns() + NS_PER_S
        assert paper.venue.undelivered() == {(spec.index_name, spec.expiry_ns)}
        paper.venue.keep_up()
        *_, session = [event for event in paper.events if isinstance(event, Settled)]
        assert (session.instrument, session.delivery_usd) == (spec.id, None)

        paper.venue.deliver(spec.index_name, spec.expiry_ns, 125_000.0)
        paper.venue.keep_up()

        assert paper.venue.undelivered() == set()
        *_, delivered = [event for event in paper.events if isinstance(event, Settled)]
        assert (delivered.instrument, delivered.delivery_usd) == (spec.id, 125_000)
        assert paper.venue.exchange.balance_native(ACCOUNT, "BTC") == _D(10) + 2 * _D("0.2")
        assert b'"BTC":"10.4' in paper.kept

    virtual(scene())


def test_an_expiry_that_passed_while_nobody_was_here(paper: Any, virtual: Virtual) -> None:
    """The next process holds it until it has the price, although the venue lists it no more."""

    async def scene() -> None:
        await paper.open()
        spec = paper.make.option()
        paper.skipped_ns += 40 * NS_PER_DAY
        del paper.reader.listed[spec.id], paper.reader.tickers[spec.id]

        await paper.open()

        assert paper.venue.undelivered() == {(spec.index_name, spec.expiry_ns)}
        paper.venue.deliver(spec.index_name, spec.expiry_ns, 90_000.0)
        assert [item for item in paper.venue.exchange.positions(ACCOUNT) if item.size_native] == []

    virtual(scene())


def test_a_clock_that_goes_back_waits(paper: Any, virtual: Virtual) -> None:
    """Time only goes forward at the venue."""

    async def scene() -> None:
        await paper.open()
        await asyncio.sleep(10.0)
        now_ns = paper.venue.exchange.now_ns
        paper.skipped_ns -= 5 * NS_PER_S
        assert paper.venue.exchange.now_ns == now_ns

    virtual(scene())
