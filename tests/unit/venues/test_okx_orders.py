"""Requests to OKX and how its pages are read; the answers themselves: `test_okx_rest`, ccxt: tests/integration."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.commands import PlaceOrder
from bot.domain.errors import MalformedMessage, VenueRefused
from bot.domain.ids import InstrumentId, Label, OrderId, VenueId
from bot.domain.time import Ns
from bot.venues import okx_orders
from bot.venues.okx_orders import OkxRest
from bot.venues.settings import Credentials, VenueSettings
from bot.venues.venue_rest import Request, RestLink

LINEAR = InstrumentId("OKX:BTC-USDT-SWAP")
LISTED = {
    "instId": "BTC-USDT-SWAP",
    "instFamily": "BTC-USDT",
    "ctType": "linear",
    "ctVal": "0.01",
    "ctMult": "1",
    "ctValCcy": "BTC",
    "settleCcy": "USDT",
    "lotSz": "0.01",
    "minSz": "0.05",
    "tickSz": "0.1",
    "state": "live",
}
SETTINGS = VenueSettings(venue=VenueId("okx"), ws_url="", rest_url="https://www.okx.com/", is_testnet=None)


class _Venue:
    """Answers by endpoint, keeps the requests."""

    def __init__(self, **answers: Callable[[dict[str, Any]], Any]) -> None:
        self.answers = {"publicGetPublicInstruments": lambda _: [LISTED]} | answers
        self.asked: list[Request] = []

    async def ask(self, request: Request) -> object:
        self.asked.append(request)
        return {"code": "0", "msg": "", "data": self.answers[request.function](request.params)}

    def rest(self, settings: VenueSettings = SETTINGS, now_ns: int = 5) -> OkxRest:
        return OkxRest(RestLink(ask=self.ask, send=self.ask, settings=settings, now_ns=lambda: Ns(now_ns)))


def order(amount: str) -> PlaceOrder:
    """A command."""
    return PlaceOrder(
        label=Label("hb1"),
        instrument=LINEAR,
        amount_native=Decimal(amount),
        price_native=Decimal("6.41E+4"),
        arrival_mid_native=64_000.0,
        valid_until_ns=Ns(1),
        decided_seq=1,
    )


def test_an_order_is_contracts_in_plain_digits() -> None:
    """Coins become contracts exactly; the deadline is a header; no tag of anybody, no reduce-only."""
    venue = _Venue(privatePostTradeOrder=lambda p: [{"ordId": "9", "clOrdId": p["clOrdId"], "sCode": "0", "sMsg": ""}])
    placed = asyncio.run(venue.rest().place(order("-1.2345"), 1_770_000_000_123))
    assert (placed.order_id, placed.order) == ("9", None)
    sent = venue.asked[-1]
    assert sent.headers == {"expTime": "1770000000123"}
    assert sent.params == {
        "instId": "BTC-USDT-SWAP",
        "tdMode": "cross",
        "side": "sell",
        "ordType": "ioc",
        "sz": "123.45",
        "px": "64100",
        "clOrdId": "hb1",
    }


def test_an_order_that_rests_is_post_only() -> None:
    """All else is as for one that does not."""
    venue = _Venue(privatePostTradeOrder=lambda p: [{"ordId": "9", "clOrdId": p["clOrdId"], "sCode": "0", "sMsg": ""}])
    for command in (order("1"), structs.replace(order("1"), rest_until_ns=Ns(9))):
        asyncio.run(venue.rest().place(command, 1))
    crossing, resting = (request.params for request in venue.asked if request.function == "privatePostTradeOrder")
    assert resting == crossing | {"ordType": "post_only"}


@pytest.mark.parametrize(
    ("countdown_s", "trigger", "is_confirmed"), [(60, "177", True), (60, "0", False), (0, "0", True), (0, "177", False)]
)
def test_the_switch_is_set_when_the_venue_says_so(countdown_s: int, trigger: str, is_confirmed: bool) -> None:
    """An answer that tells another state than asked for covers nothing."""
    venue = _Venue(privatePostTradeCancelAllAfter=lambda _: [{"triggerTime": trigger, "tag": "", "ts": "1"}])
    assert okx_orders.FACTS.switch is not None
    switch = okx_orders.FACTS.switch(RestLink(ask=venue.ask, send=venue.ask, settings=SETTINGS, now_ns=lambda: Ns(5)))
    try:
        asyncio.run(switch.arm(switch.scope_of(LINEAR), countdown_s))
    except MalformedMessage:
        assert not is_confirmed
    else:
        assert is_confirmed
    assert venue.asked[-1].params == {"timeOut": str(countdown_s)}


@pytest.mark.parametrize("change", [{"clOrdId": "other"}, {"sCode": "51008"}, {"ordId": ""}], ids=str)
def test_a_reply_about_something_else(change: dict[str, str]) -> None:
    """Not understood: the order is looked up."""
    row = {"ordId": "9", "clOrdId": "hb1", "sCode": "0", "sMsg": ""} | change
    with pytest.raises(MalformedMessage):
        asyncio.run(_Venue(privatePostTradeOrder=lambda _: [row]).rest().place(order("1"), 1))


def test_the_least_order_is_the_step() -> None:
    """Five lots are the least here; without a key the listed fees hold and none are asked for."""
    venue = _Venue()
    (spec,) = asyncio.run(venue.rest().instruments("BTC"))
    assert (spec.lot_native, spec.contract_size_native) == (Decimal("0.0005"), Decimal("0.01"))
    assert asyncio.run(venue.rest().instruments("ETH")) == ()
    assert {request.function for request in venue.asked} == {"publicGetPublicInstruments"}


@pytest.mark.parametrize(("least", "count", "is_complete"), [(749, 250, True), (0, 500, False)])
def test_pages_of_fills_end(least: int, count: int, is_complete: bool) -> None:
    """A hundred a page from the last bill on; five pages at most, and then they are not all."""

    def page(params: dict[str, Any]) -> list[dict[str, Any]]:
        first = int(params.get("after", 1000))
        return [fill(number) for number in range(first - 1, max(first - 101, least), -1)]

    def fill(number: int) -> dict[str, Any]:
        row = {"tradeId": str(number), "ordId": "9", "clOrdId": "hb1", "billId": str(number), "side": "buy"}
        row |= {"instId": "BTC-USDT-SWAP", "fillSz": "1", "fillPx": "64000", "fee": "-1", "feeCcy": "USDT"}
        return row | {"execType": "T", "ts": "1770000000000"}

    found = asyncio.run(_Venue(privateGetTradeFills=page).rest().traces(LINEAR, Label("hb1"), Ns(0)))
    assert (len(found.fills), found.is_complete) == (count, is_complete)
    assert len({item.fill_id for item in found.fills}) == count


def test_fills_of_what_is_listed_no_more_hide_no_others() -> None:
    """Nobody knows what its contract was: for three days, as long as fills are told, no look would give a picture.

    A position in it is still no picture: what cannot be counted is not left out where it is held.
    """
    row = {"ordId": "9", "clOrdId": "hb1", "side": "buy", "fillSz": "1", "fillPx": "1", "fee": "0", "feeCcy": "USDT"}
    row |= {"execType": "T", "ts": "1770000000000"}
    told = [
        row | {"tradeId": str(n), "billId": str(n), "instId": name}
        for n, name in enumerate(("GONE-USDT-SWAP", LINEAR[4:]))
    ]
    held = {"instId": "GONE-USDT-SWAP", "posSide": "net", "pos": "1"}
    rest = _Venue(privateGetTradeFills=lambda _: told, privateGetAccountPositions=lambda _: [held]).rest()

    assert [(fill.instrument, fill.amount_native) for fill in asyncio.run(rest.recent_fills())] == [
        (LINEAR, Decimal("0.01"))
    ]
    with pytest.raises(MalformedMessage, match="is not listed"):
        asyncio.run(rest.positions())


def test_silence_about_an_old_order_proves_nothing() -> None:
    """Fills are kept for three days: an intent found a week later stays unknown, and a human looks."""
    week_ns = 7 * 86_400 * 10**9
    rest = _Venue(privateGetTradeFills=lambda _: []).rest(now_ns=week_ns)
    assert not asyncio.run(rest.traces(LINEAR, Label("hb1"), Ns(0))).is_complete
    assert asyncio.run(rest.traces(LINEAR, Label("hb1"), Ns(week_ns - 10**9))).is_complete


def test_no_such_order_is_an_answer_and_other_noes_are_not() -> None:
    """51603 says that there is none; anything else says nothing about it."""

    def refuse(code: int) -> Callable[[dict[str, Any]], Any]:
        def answer(_: object) -> Any:
            raise VenueRefused(code, "x")

        return answer

    assert asyncio.run(_Venue(privateGetTradeOrder=refuse(51603)).rest().order(LINEAR, Label("hb1"), None)) is None
    with pytest.raises(VenueRefused):
        asyncio.run(_Venue(privateGetTradeOrder=refuse(50026)).rest().order(LINEAR, Label("hb1"), OrderId("9")))


@pytest.mark.parametrize(("is_testnet", "headers"), [(True, {"x-simulated-trading": "1"}), (False, {}), (None, {})])
def test_demo_is_a_header(is_testnet: bool | None, headers: dict[str, str]) -> None:
    """On the same host; every address ccxt has is ours."""
    keys = Credentials("k", "s", "p")
    settings = VenueSettings(
        venue=VenueId("okx"), ws_url="", rest_url="https://x/", is_testnet=is_testnet, credentials=keys
    )
    wiring = okx_orders.FACTS.wiring(settings)
    assert (wiring.headers, wiring.urls, wiring.credentials) == (headers, {"rest": "https://x"}, keys)
