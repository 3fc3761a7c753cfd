"""Which requests Bybit gets; with ccxt itself and a venue: tests/integration/venues."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.commands import PlaceOrder
from bot.domain.errors import MalformedMessage, VenueRefused
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.time import NS_PER_MS, Ns
from bot.venues.bybit import BYBIT
from bot.venues.bybit_orders import FACTS, BybitRest
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import Request, RestLink

PERP = InstrumentId("BYBIT:BTCUSDT")
SETTINGS = VenueSettings(venue=BYBIT, ws_url="", rest_url="https://x/", is_testnet=None)
ORDER = {
    "orderId": "9",
    "orderLinkId": "hb1",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "qty": "1",
    "cumExecQty": "1",
    "price": "64000",
    "orderStatus": "Filled",
    "updatedTime": "1770000000000",
}


class _Venue:
    """Answers by endpoint, keeps the requests."""

    def __init__(self, **answers: Callable[[dict[str, Any]], Any]) -> None:
        self.answers = answers
        self.asked: list[Request] = []

    async def ask(self, request: Request) -> object:
        self.asked.append(request)
        return {"retCode": 0, "result": self.answers[request.function](request.params), "time": 7}

    def rest(self) -> BybitRest:
        return BybitRest(RestLink(ask=self.ask, send=self.ask, settings=SETTINGS, now_ns=lambda: Ns(5 * NS_PER_MS)))


def _order(valid_until_ms: int) -> PlaceOrder:
    return PlaceOrder(
        label=Label("hb1"),
        instrument=PERP,
        amount_native=Decimal("-1E-3"),
        price_native=Decimal("6.41E+4"),
        arrival_mid_native=64_000.0,
        valid_until_ns=Ns(valid_until_ms * NS_PER_MS),
        decided_seq=1,
    )


@pytest.mark.parametrize(("valid_until_ms", "window_ms"), [(1505, 1500), (60_000, 5000), (5, 1), (4, 1)])
def test_an_order_has_the_window_that_its_deadline_leaves(valid_until_ms: int, window_ms: int) -> None:
    """Five seconds at most; plain digits."""
    venue = _Venue(privatePostV5OrderCreate=lambda p: {"orderId": "9", "orderLinkId": p["orderLinkId"]})
    assert asyncio.run(venue.rest().place(_order(valid_until_ms), 0)).order_id == "9"
    params = venue.asked[0].params
    assert params["hedgebot.recv_window_ms"] == window_ms
    assert (params["side"], params["qty"], params["price"]) == ("Sell", "0.001", "64100")


@pytest.mark.parametrize("change", [{"orderLinkId": "other"}, {"orderId": ""}])
def test_a_reply_about_something_else(change: dict[str, str]) -> None:
    """Not understood: the order is looked up."""
    venue = _Venue(privatePostV5OrderCreate=lambda _: {"orderId": "9", "orderLinkId": "hb1"} | change)
    with pytest.raises(MalformedMessage):
        asyncio.run(venue.rest().place(_order(1000), 0))


def test_an_order_is_looked_for_in_three_places() -> None:
    """Open, just ended, history; rows about others are not it."""
    seen: list[str] = []

    def realtime(params: dict[str, Any]) -> Any:
        seen.append("ended" if params.get("openOnly") else "open")
        return {"list": [ORDER | {"orderId": "8", "orderLinkId": "other"}]}

    def history(_: dict[str, Any]) -> Any:
        seen.append("history")
        return {"list": [ORDER]}

    rest = _Venue(privateGetV5OrderRealtime=realtime, privateGetV5OrderHistory=history).rest()
    found = asyncio.run(rest.order(PERP, Label("hb1"), None))
    assert found is not None
    assert (found.order_id, seen) == ("9", ["open", "ended", "history"])
    assert asyncio.run(rest.order(PERP, Label("hb1"), OrderId("7"))) is None


@pytest.mark.parametrize(("count", "expected", "is_complete"), [(250, 250, True), (700, 500, False)])
def test_pages_of_fills_end(count: int, expected: int, is_complete: bool) -> None:
    """A hundred a page; five pages at most, and then they are not all."""

    def page(params: dict[str, Any]) -> Any:
        start = int(params.get("cursor", 0))
        rows = [_fill(number) for number in range(start, min(start + 100, count))]
        return {"list": rows, "nextPageCursor": str(start + 100) if start + 100 < count else ""}

    found = asyncio.run(_Venue(privateGetV5ExecutionList=page).rest().traces(PERP, Label("hb1"), Ns(0)))
    assert (len({fill.fill_id for fill in found.fills}), found.is_complete) == (expected, is_complete)


def _fill(number: int) -> dict[str, Any]:
    row = {"execId": str(number), "orderId": "9", "orderLinkId": "hb1", "symbol": "BTCUSDT", "side": "Buy"}
    row |= {"execQty": "1", "execPrice": "64000", "execFee": "1", "execType": "Trade", "execTime": "1770000000000"}
    return {**row, "isMaker": False}


def test_without_a_key_the_listed_fees_hold() -> None:
    """And nothing private is asked."""
    row = {
        "symbol": "BTCUSDT",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "BTC",
        "settleCoin": "USDT",
        "lotSizeFilter": {"minOrderQty": "0.001", "qtyStep": "0.001"},
        "priceFilter": {"tickSize": "0.10"},
    }
    venue = _Venue(publicGetV5MarketInstrumentsInfo=lambda _: {"list": [row]})
    (spec,) = asyncio.run(venue.rest().instruments("BTC"))
    assert spec.fee_rate_taker == Decimal("0.00055")
    assert len(venue.asked) == 1


def test_an_index_of_nothing_is_malformed_and_other_refusals_get_out() -> None:
    """Neither is a price, nor a bad key."""
    with pytest.raises(MalformedMessage):
        asyncio.run(_Venue(publicGetV5MarketTickers=lambda _: {"list": []}).rest().index_usd("BTCUSDT"))

    def refuse(_: object) -> Any:
        raise VenueRefused(10016, "x")

    with pytest.raises(VenueRefused):
        asyncio.run(_Venue(privateGetV5UserQueryApi=refuse).rest().check_key())


def test_every_address_is_ours() -> None:
    """Ccxt's own table of addresses is replaced."""
    assert FACTS.wiring(SETTINGS).urls == {"public": "https://x", "private": "https://x"}
