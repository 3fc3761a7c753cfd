"""Requests to Binance and which fills are asked for; the answers: `test_binance_rest`, ccxt: tests/integration."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.errors import MalformedMessage, VenueRefused
from bot.domain.ids import InstrumentId, Label, OrderId, VenueId
from bot.domain.time import NS_PER_MS, Ns
from bot.venues import binance_orders
from bot.venues.binance_orders import BinanceRest
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import Request, RestLink

PERP = InstrumentId("BINANCE:BTCUSDT")
BEGUN_MS = 1_770_000_000_000
ORDER = {
    "orderId": 7,
    "clientOrderId": "hb1",
    "symbol": "BTCUSDT",
    "side": "BUY",
    "origQty": "0.05",
    "executedQty": "0",
    "price": "64000",
    "status": "NEW",
    "updateTime": BEGUN_MS,
}
FILL = {"id": 1, "orderId": 7, "symbol": "BTCUSDT", "side": "BUY", "qty": "0.05", "price": "64000", "maker": False}
FILL |= {"commission": "1", "commissionAsset": "USDT", "time": BEGUN_MS}
HELD = {"symbol": "ETHUSDT", "positionSide": "BOTH", "positionAmt": "1", "entryPrice": "1", "markPrice": "1"}


class _Venue:
    """Answers by endpoint, keeps the requests."""

    def __init__(self, **answers: Callable[[dict[str, Any]], Any]) -> None:
        self.answers = answers
        self.asked: list[Request] = []

    async def ask(self, request: Request) -> object:
        self.asked.append(request)
        return self.answers[request.function](request.params)

    def rest(self) -> BinanceRest:
        settings = VenueSettings(venue=VenueId("binance"), ws_url="", rest_url="", is_testnet=None)
        return BinanceRest(
            RestLink(ask=self.ask, send=self.ask, settings=settings, now_ns=lambda: Ns(BEGUN_MS * NS_PER_MS))
        )

    def params(self, function: str) -> list[dict[str, Any]]:
        return [request.params for request in self.asked if request.function == function]


def refuse(code: int) -> Callable[[dict[str, Any]], Any]:
    """A venue that says no."""

    def answer(_: object) -> Any:
        raise VenueRefused(code, "x")

    return answer


def test_fills_of_a_symbol_met_on_the_way_begin_with_us() -> None:
    """Old ones would come up as new. One list of orders tells the labels of all fills, once."""
    venue = _Venue(
        fapiPrivateV3GetPositionRisk=lambda _: [HELD],
        fapiPrivateGetUserTrades=lambda _: [
            FILL | {"id": 0, "time": BEGUN_MS - 1},
            FILL,
            FILL | {"id": 2, "orderId": 8},
        ],
        fapiPrivateGetAllOrders=lambda _: [ORDER],
    )
    rest = venue.rest()
    for _ in range(2):
        fills = asyncio.run(rest.recent_fills())
        assert [fill.label for fill in fills] == ["hb1", None]
    assert venue.params("fapiPrivateGetUserTrades")[0] == {"symbol": "ETHUSDT", "limit": 100}
    assert len(venue.params("fapiPrivateGetAllOrders")) == 1


def test_fills_of_one_order_bear_its_label() -> None:
    """Without asking for the list of orders."""
    venue = _Venue(fapiPrivateGetOrder=lambda _: ORDER, fapiPrivateGetUserTrades=lambda _: [FILL])
    rest = venue.rest()
    order = asyncio.run(rest.order(PERP, Label("hb1"), None))
    assert order is not None
    assert asyncio.run(rest.order_fills(order)).fills[0].label == "hb1"
    assert venue.params("fapiPrivateGetOrder") == [{"symbol": "BTCUSDT", "origClientOrderId": "hb1"}]
    assert venue.params("fapiPrivateGetUserTrades") == [{"symbol": "BTCUSDT", "limit": 1000, "orderId": "7"}]


def test_no_such_order_is_an_answer_and_other_noes_are_not() -> None:
    """-2013 says that there is none; anything else says nothing about it."""
    rest = _Venue(fapiPrivateGetOrder=refuse(-2013)).rest()
    assert asyncio.run(rest.order(PERP, Label("hb1"), OrderId("7"))) is None
    with pytest.raises(VenueRefused):
        asyncio.run(_Venue(fapiPrivateGetOrder=refuse(-1001)).rest().order(PERP, Label("hb1"), None))


@pytest.mark.parametrize(("count", "is_complete"), [(3, True), (1000, False)])
def test_absence_is_confirmed_by_the_list_of_orders(count: int, is_complete: bool) -> None:
    """Nothing there either; a full page says nothing about what is not on it."""
    orders = [ORDER | {"clientOrderId": f"other{number}"} for number in range(count)]
    found = asyncio.run(_Venue(fapiPrivateGetAllOrders=lambda _: orders).rest().traces(PERP, Label("hb1"), Ns(0)))
    assert (found.fills, found.is_complete) == ((), is_complete)


def test_two_answers_that_contradict_each_other_are_none() -> None:
    """The order is on the list and not at its own address: ask again."""
    venue = _Venue(fapiPrivateGetAllOrders=lambda _: [ORDER])
    with pytest.raises(MalformedMessage, match="and yet not there"):
        asyncio.run(venue.rest().traces(PERP, Label("hb1"), Ns(0)))


@pytest.mark.parametrize(
    ("rest_url", "sapi"),
    [
        ("https://fapi.binance.com", "https://api.binance.com/sapi/v1"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/sapi/v1"),
    ],
)
def test_every_address_is_ours(rest_url: str, sapi: str) -> None:
    """What a key may do is told by the spot interface in production."""
    settings = VenueSettings(venue=VenueId("binance"), ws_url="", rest_url=rest_url, is_testnet=None)
    urls = binance_orders.FACTS.wiring(settings).urls
    host = rest_url.rstrip("/")
    assert urls == {
        "fapiPublic": f"{host}/fapi/v1",
        "fapiPrivate": f"{host}/fapi/v1",
        "fapiPrivateV3": f"{host}/fapi/v3",
        "sapi": sapi,
    }


@pytest.mark.parametrize(
    "told", [{"symbol": "BTCUSDT", "countdownTime": "0"}, {"symbol": "ETHUSDT", "countdownTime": "60000"}], ids=str
)
def test_a_countdown_of_something_else_covers_nothing(told: dict[str, str]) -> None:
    """The venue repeats what it has set: of that symbol, for that long."""
    venue = _Venue(fapiPrivatePostCountdownCancelAll=lambda _: told)
    settings = VenueSettings(venue=VenueId("binance"), ws_url="", rest_url="", is_testnet=None)
    assert binance_orders.FACTS.switch is not None
    switch = binance_orders.FACTS.switch(
        RestLink(ask=venue.ask, send=venue.ask, settings=settings, now_ns=lambda: Ns(5))
    )
    with pytest.raises(MalformedMessage, match="countdown of BTCUSDT"):
        asyncio.run(switch.arm(switch.scope_of(PERP), 60))
    assert venue.params("fapiPrivatePostCountdownCancelAll") == [{"symbol": "BTCUSDT", "countdownTime": 60_000}]
