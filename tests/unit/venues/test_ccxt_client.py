"""One request: what each ending means, and that the text of ccxt's errors goes nowhere."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from bot.domain.errors import ConfigError, VenueOutcomeUnknown, VenueRefused, VenueUnreachable
from bot.venues import ccxt_client
from bot.venues.ccxt_client import CcxtClient, CcxtExchange
from bot.venues.settings import Credentials, VenueSettings
from bot.venues.venue_rest import Wiring


@pytest_asyncio.fixture
async def client(rest: Any, settings: VenueSettings) -> AsyncIterator[CcxtClient]:
    """A client of the fake venue."""
    made = CcxtClient(msgspec.structs.replace(settings, rest_url=rest.url + "/api/v2/"))
    made.open()
    yield made
    await made.close()


@pytest.mark.asyncio
async def test_result(rest: Any, client: CcxtClient) -> None:
    """Parameters arrive as they are; the result comes back parsed."""
    rest.put("private/buy", {"order": 1})
    assert await client.call("private/buy", {"amount": "10", "label": "hb1"}) == {"order": 1}
    assert rest.asked("private/buy") == [{"amount": "10", "label": "hb1"}]


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [10028, 13888, 10019, 13009, 99999, -32602])
async def test_refusal_by_code(rest: Any, client: CcxtClient, code: int) -> None:
    """Whatever class ccxt makes of it, the venue's code and words come out."""
    rest.put("private/buy", {"error": {"code": code, "message": "the words", "data": {"reason": "r"}}})
    with pytest.raises(VenueRefused) as caught:
        await client.call("private/buy", {"label": "hb1"})
    assert (code, "the words to private/buy") == (caught.value.code, caught.value.text)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "reply",
    [
        web.Response(status=502, text="<html>bad gateway</html>"),
        web.Response(status=429, text="slow down"),
        web.Response(status=200, text="<html>"),
        web.Response(status=200, text='{"jsonrpc":"2.0"}', content_type="application/json"),
        web.Response(status=200, text="[1]", content_type="application/json"),
        ConnectionError,
    ],
    ids=["502", "429", "no JSON", "no result", "a list", "cut"],
)
async def test_anything_else_after_sending_is_unknown(rest: Any, client: CcxtClient, reply: object) -> None:
    """No code, no result, a cut connection: the request may have been carried out. The text hides the URL."""
    rest.put("private/buy", reply)
    with pytest.raises(VenueOutcomeUnknown) as caught:
        await client.call("private/buy", {"label": "hb1"})
    assert "hb1" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert len(rest.asked("private/buy")) == 1


@pytest.mark.asyncio
async def test_time_out_is_unknown(rest: Any, settings: VenueSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that does not answer in time may have the order; exactly one request was sent."""
    monkeypatch.setattr(ccxt_client, "_TIMEOUT_S", 0.1)
    client = CcxtClient(msgspec.structs.replace(settings, rest_url=rest.url))
    client.open()
    rest.put("private/buy", TimeoutError)
    with pytest.raises(VenueOutcomeUnknown, match="RequestTimeout"):
        await client.call("private/buy", {"label": "hb1"})
    await client.close()
    assert len(rest.asked("private/buy")) == 1


@pytest.mark.asyncio
async def test_refused_connection_sent_nothing(settings: VenueSettings) -> None:
    """When no connection came about, nothing happened at the venue."""
    client = CcxtClient(settings)
    client.open()
    with pytest.raises(VenueUnreachable):
        await client.call("private/buy", {"label": "hb1"})
    await client.close()


@pytest.mark.asyncio
async def test_closed_client_sends_nothing(rest: Any, client: CcxtClient) -> None:
    """After close no request leaves; closing again is fine."""
    await client.close()
    with pytest.raises(VenueUnreachable):
        await client.call("private/buy", {})
    assert rest.seen == []


@pytest.mark.asyncio
async def test_reply_of_the_wrong_world(rest: Any, client: CcxtClient) -> None:
    """The other testnet flag is a wrong configuration."""
    rest.is_testnet = False
    rest.put("public/test", {})
    with pytest.raises(ConfigError, match="testnet=False"):
        await client.call("public/test", {})


@pytest.mark.asyncio
async def test_a_refusal_of_the_wrong_world(rest: Any, client: CcxtClient) -> None:
    """A no from there is no answer either; one that does not say where it comes from is still a no."""
    refusal: dict[str, object] = {"error": {"code": 13004, "message": "invalid_credentials"}}
    rest.put("public/auth", refusal | {"testnet": False}, refusal | {"testnet": None})
    with pytest.raises(ConfigError, match="testnet=False"):
        await client.call("public/auth", {})
    with pytest.raises(VenueRefused, match="13004"):
        await client.call("public/auth", {})


@pytest.mark.asyncio
@pytest.mark.parametrize("flag", [True, False])
async def test_either_world_where_no_orders_are_sent(rest: Any, settings: VenueSettings, flag: bool) -> None:
    """A run that only watches takes what comes."""
    rest.is_testnet = flag
    rest.put("public/test", {})
    client = CcxtClient(msgspec.structs.replace(settings, rest_url=rest.url, is_testnet=None))
    client.open()
    try:
        assert await client.call("public/test", {}) == {}
    finally:
        await client.close()


@pytest.mark.asyncio
async def test_a_request_has_headers_of_its_own() -> None:
    """They leave with this request only, and are neither parameters nor part of what is signed."""
    keys = Credentials("k", "s", "p")
    exchange = CcxtExchange(
        Wiring(exchange="okx", urls={"rest": "http://x"}, refusal=lambda _, __: None, credentials=keys)
    )
    exchange.open()
    sign = exchange._exchange.sign
    with_own = sign("trade/order", ["private"], "POST", {"clOrdId": "a", "hedgebot.headers": {"expTime": "7"}})
    without = sign("trade/order", ["private"], "POST", {"clOrdId": "a"})
    await exchange.close()
    assert with_own["headers"].pop("expTime") == "7"
    assert (with_own["body"], set(with_own["headers"])) == (without["body"], set(without["headers"]))
