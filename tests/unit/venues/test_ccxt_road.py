"""The way to a venue: what goes at once, what waits for its turn, and whose clock signatures follow."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.ids import VenueId
from bot.domain.time import Ns
from bot.venues.ccxt_road import CcxtRoad
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import Request, RestLink, VenueFacts, Wiring


class _Rest:
    """A clock that is 40 s ahead."""

    def __init__(self, link: RestLink) -> None:
        self.link = link

    async def venue_ms(self) -> int:
        return self.link.now_ns() // 1_000_000 + 40_000


@pytest.mark.asyncio
async def test_signatures_follow_the_venues_clock(fixed_ns: Callable[[], Ns]) -> None:
    """Opening measures it; ccxt then signs in the venue's time. Closing twice changes nothing."""
    sent: list[str] = []

    def prepare(exchange: Any) -> None:
        async def endpoint(params: dict[str, Any]) -> object:
            sent.append(params["a"])
            return "told"

        exchange.privateGetThing = endpoint

    facts = VenueFacts(
        wiring=lambda settings: Wiring(
            exchange="okx", urls={"rest": settings.rest_url}, refusal=lambda _, __: None, prepare=prepare
        ),
        rest=_Rest,  # type: ignore[arg-type]
        errors={},
    )
    settings = VenueSettings(venue=VenueId("okx"), ws_url="ws://x", rest_url="http://127.0.0.1:9", is_testnet=None)
    road = CcxtRoad(facts, settings, fixed_ns)
    await road.open()
    ccxts: Any = road._exchange._exchange
    assert road.offset.ms == 40_000
    assert abs(ccxts.nonce() - ccxts.milliseconds() - 40_000) <= 5
    link: RestLink = road.rest.link  # type: ignore[attr-defined]
    assert await link.ask(Request(function="privateGetThing", params={"a": "1"})) == "told"
    assert await link.send(Request(function="privateGetThing", params={"a": "2"})) == "told"
    assert sent == ["1", "2"]
    await road.close()
    await road.close()
