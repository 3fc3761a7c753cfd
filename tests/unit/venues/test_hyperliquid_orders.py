"""Which requests Hyperliquid gets; with ccxt itself and a venue: tests/integration/venues."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.commands import PlaceOrder
from bot.domain.errors import MalformedMessage, VenueRefused
from bot.domain.ids import InstrumentId, Label
from bot.domain.time import Ns
from bot.venues.hyperliquid import HYPERLIQUID
from bot.venues.hyperliquid_errors import NO_MATCH, NO_SUCH_ORDER
from bot.venues.hyperliquid_orders import FACTS, HyperliquidRest
from bot.venues.settings import Credentials, VenueSettings
from bot.venues.venue_rest import Request, RestLink

PERP = InstrumentId("HYPERLIQUID:BTC")
KEYS = Credentials("0xAB", "0x11")
LISTED = [{"universe": [{"name": "BTC", "szDecimals": 5}]}, [{"oraclePx": "64000"}]]


class _Venue:
    """Answers by question, keeps the requests."""

    def __init__(self, **answers: Callable[[dict[str, Any]], Any]) -> None:
        self.answers = {"metaAndAssetCtxs": lambda _: LISTED} | answers
        self.asked: list[Request] = []

    async def ask(self, request: Request) -> object:
        self.asked.append(request)
        return self.answers[str(request.params.get("type", request.function))](request.params)

    def rest(self, credentials: Credentials | None = KEYS) -> HyperliquidRest:
        settings = VenueSettings(
            venue=HYPERLIQUID, ws_url="", rest_url="https://x/", is_testnet=None, credentials=credentials
        )
        return HyperliquidRest(RestLink(ask=self.ask, send=self.ask, settings=settings, now_ns=lambda: Ns(10**19)))


def _order() -> PlaceOrder:
    return PlaceOrder(
        label=Label("hb0000001"),
        instrument=PERP,
        amount_native=Decimal("-1.20E-3"),
        price_native=Decimal("6.4100E+4"),
        arrival_mid_native=64_000.0,
        valid_until_ns=Ns(1),
        decided_seq=1,
    )


def _refuse(code: int) -> Callable[[dict[str, Any]], Any]:
    def answer(_: object) -> Any:
        raise VenueRefused(code, "x")

    return answer


def test_an_order_is_in_plain_digits_without_zeros_at_the_end() -> None:
    """The signature covers the digits: the venue writes numbers like this. The deadline is the venue's."""
    reply = {"status": "ok", "response": {"type": "order", "data": {"statuses": [{"filled": {"oid": 5}}]}}}
    venue = _Venue(hedgebotAct=lambda _: reply)
    assert asyncio.run(venue.rest().place(_order(), 1_770_000_000_123)).order_id == "5"
    params = venue.asked[-1].params
    assert params["expiresAfter"] == 1_770_000_000_123
    (sent,) = params["action"]["orders"]  # type: ignore[index]
    assert (sent["p"], sent["s"], sent["b"], sent["a"]) == ("64100", "0.0012", False, 0)


def test_an_order_that_met_nobody_and_is_not_shown_stays_a_question() -> None:
    """The venue's word alone is not believed: the code leaves it open."""
    venue = _Venue(hedgebotAct=_refuse(NO_MATCH), orderStatus=_refuse(NO_SUCH_ORDER))
    with pytest.raises(VenueRefused) as caught:
        asyncio.run(venue.rest().place(_order(), 1))
    assert caught.value.code == NO_MATCH


def test_no_such_order_is_an_answer_and_other_noes_are_not() -> None:
    """A label that fits no id was never sent."""
    rest = _Venue(orderStatus=_refuse(NO_SUCH_ORDER)).rest()
    assert asyncio.run(rest.order(PERP, Label("hb0000001"), None)) is None
    assert asyncio.run(rest.order(PERP, Label("no"), None)) is None
    with pytest.raises(VenueRefused):
        asyncio.run(_Venue(orderStatus=_refuse(99)).rest().order(PERP, Label("hb0000001"), None))


def test_what_is_not_listed_has_no_number_and_no_index() -> None:
    """Neither is guessed."""
    with pytest.raises(MalformedMessage, match="is not listed"):
        asyncio.run(_Venue().rest().index_usd("XRP"))
    venue = _Venue(metaAndAssetCtxs=lambda _: [{"universe": []}, []])
    with pytest.raises(MalformedMessage, match="is not listed"):
        asyncio.run(venue.rest().place(_order(), 1))


def test_a_listing_whose_parts_do_not_match_is_no_listing() -> None:
    """Prices stand beside names by their place alone; and an answer that says nothing must not end a feed."""
    rest = _Venue(metaAndAssetCtxs=lambda _: [LISTED[0], []]).rest()
    with pytest.raises(MalformedMessage, match="1 perpetuals, 0 prices"):
        asyncio.run(rest.instruments("BTC"))
    with pytest.raises(MalformedMessage, match="1 perpetuals, 0 prices"):
        asyncio.run(rest.index_usd("BTC"))


def test_without_a_key_the_listed_fees_hold() -> None:
    """And nothing of an account is asked."""
    venue = _Venue()
    (spec,) = asyncio.run(venue.rest(None).instruments("BTC"))
    assert spec.fee_rate_taker == Decimal("0.00045")
    assert [request.params for request in venue.asked] == [{"type": "metaAndAssetCtxs"}]


def test_a_full_reply_of_fills_may_not_be_all() -> None:
    """Two thousand is the most there are in one."""
    row = {"coin": "BTC", "px": "1", "sz": "1", "side": "B", "time": 5, "oid": 1, "crossed": True, "fee": "0"}
    rows = [row | {"feeToken": "USDC", "tid": number} for number in range(2000)]
    found = asyncio.run(_Venue(userFillsByTime=lambda _: rows).rest().traces(PERP, Label("hb0000001"), Ns(0)))
    assert not found.is_complete
    assert asyncio.run(_Venue(userFillsByTime=lambda _: rows[:5]).rest().traces(PERP, Label("x"), Ns(0))).is_complete


@pytest.mark.parametrize("is_testnet", [True, False, None])
def test_what_is_signed_says_which_world_it_is_for(is_testnet: bool | None) -> None:
    """An action for the test network is none in production; every address is ours."""
    settings = VenueSettings(
        venue=HYPERLIQUID, ws_url="", rest_url="https://x/", is_testnet=is_testnet, credentials=KEYS
    )
    wiring = FACTS.wiring(settings)
    assert wiring.options["sandboxMode"] is bool(is_testnet)
    assert wiring.urls == {"public": "https://x", "private": "https://x"}
